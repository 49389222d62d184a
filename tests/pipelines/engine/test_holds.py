"""Holds: opened and released for a case by two persons, their history kept, the plan bound to those in force."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from engine_samples import HOUR, NOON

from pipelines.engine import EngineDatabase, EngineKeys, HoldRecord, HoldScope
from pipelines.errors import NotApproved, UsageError
from retention_rules.holds import Hold

SINCE = dt.date(2026, 1, 1)
RELEASE = dt.date(2026, 4, 10)
LATER = RELEASE + dt.timedelta(days=5)


@pytest.fixture
def trusting(tmp_path: Path, engine_keys: EngineKeys) -> Iterator[EngineDatabase]:
    """An engine database where one person alone may release."""
    database = EngineDatabase.open(f"sqlite:///{tmp_path / 'one.sqlite'}", engine_keys, two_release=False)
    yield database
    database.close()


def opened(engine: EngineDatabase, case: str = "case-7", scope: HoldScope | None = None) -> HoldRecord:
    return engine.holds.open(case, scope or HoldScope(), since=SINCE, by="legal", at=NOON)


def release(
    engine: EngineDatabase, by: str, until: dt.date = RELEASE, case: str = "case-7", number: int | None = None
) -> list[HoldRecord]:
    return engine.holds.release(case, until=until, by=by, at=NOON, number=number)


def test_a_released_hold_keeps_its_history(engine: EngineDatabase) -> None:
    scope = HoldScope(store="crm", dataset="contacts", categories=frozenset({"user.contact", "user.name"}))
    made = opened(engine, scope=scope)
    assert engine.holds.list() == [made]
    (asked,) = release(engine, "legal")
    (released,) = release(engine, "dpo")
    assert engine.holds.list() == [released]
    assert asked.until is None
    assert (released.scope, released.until, released.opened_by, released.asked_by, released.released_by) == (
        scope, RELEASE, "legal", "legal", "dpo",
    )  # fmt: skip
    assert released.hold == Hold("case-7", SINCE, RELEASE, scope.categories)


def test_a_hold_keeps_until_a_second_person_confirms_its_release(engine: EngineDatabase) -> None:
    made = opened(engine)
    digest = engine.holds.digest(LATER)
    release(engine, "legal")
    assert [each.id for each in engine.holds.list(active_on=LATER)] == [made.id]
    assert engine.holds.digest(LATER) == digest
    release(engine, "dpo")
    assert engine.holds.list(active_on=LATER) == []


def test_who_asks_for_a_release_may_not_confirm_it(engine: EngineDatabase) -> None:
    made = opened(engine)
    release(engine, "legal")
    with pytest.raises(NotApproved, match="may not confirm"):
        release(engine, "legal")
    assert engine.holds.list(active_on=RELEASE)[0].id == made.id
    assert [entry.kind for entry in engine.ledger.entries()] == ["hold_opened", "hold_release_asked"]


def test_confirmed_for_another_day_than_asked_the_later_one_counts(light_engine: EngineDatabase) -> None:
    opened(light_engine, "early")
    opened(light_engine, "late")
    release(light_engine, "legal", RELEASE, "early")
    release(light_engine, "legal", LATER, "late")
    assert release(light_engine, "dpo", LATER, "early")[0].until == LATER
    assert release(light_engine, "dpo", RELEASE, "late")[0].until == LATER


def test_a_case_is_released_whole_and_what_was_opened_meanwhile_needs_two_persons_too(
    light_engine: EngineDatabase,
) -> None:
    first, second = opened(light_engine), opened(light_engine)
    other = opened(light_engine, "case-8")
    assert {each.id for each in release(light_engine, "legal")} == {first.id, second.id}
    late = opened(light_engine)
    found = {each.id: each.until for each in release(light_engine, "dpo")}
    assert found == {first.id: RELEASE, second.id: RELEASE, late.id: None}
    assert [each.id for each in light_engine.holds.list(RELEASE)] == [other.id, late.id]
    assert [each.id for each in release(light_engine, "legal")] == [late.id]
    assert [each.id for each in light_engine.holds.list(RELEASE)] == [other.id]


def test_one_hold_of_a_case_can_be_released_alone(light_engine: EngineDatabase) -> None:
    first, second = opened(light_engine), opened(light_engine)
    for by in ("legal", "dpo"):
        release(light_engine, by, number=first.id)
    assert [each.id for each in light_engine.holds.list(RELEASE)] == [second.id]


def test_one_person_releases_where_the_estate_says_so(trusting: EngineDatabase) -> None:
    opened(trusting)
    assert release(trusting, "legal")[0].until == RELEASE
    assert [entry.kind for entry in trusting.ledger.entries()] == ["hold_opened", "hold_released"]


@pytest.mark.parametrize("who", ["legal", "dpo"])
def test_a_withdrawn_request_cannot_be_confirmed_any_more(engine: EngineDatabase, who: str) -> None:
    made = opened(engine)
    release(engine, "legal")
    assert engine.holds.withdraw("case-7", by=who, at=NOON) == [made]

    (anew,) = release(engine, "dpo")  # no confirmation: nobody asks any more

    assert (anew.until, anew.asked_by) == (None, "dpo")
    assert [each.id for each in engine.holds.list(active_on=LATER)] == [made.id]
    assert release(engine, "legal")[0].until == RELEASE
    entries = list(engine.ledger.entries())
    assert [entry.kind for entry in entries] == [
        "hold_opened", "hold_release_asked", "hold_release_withdrawn", "hold_release_asked", "hold_released",
    ]  # fmt: skip
    assert entries[2].body == {"hold": made.id, "by": who, "requester": "legal"}


def test_only_what_was_asked_for_and_not_confirmed_can_be_withdrawn(light_engine: EngineDatabase) -> None:
    first, second = opened(light_engine), opened(light_engine)
    with pytest.raises(UsageError, match="nobody has asked"):
        light_engine.holds.withdraw("case-7", by="legal", at=NOON)
    release(light_engine, "legal")
    assert [each.id for each in light_engine.holds.withdraw("case-7", by="legal", at=NOON, number=first.id)] == [1]
    assert [each.asked_by for each in light_engine.holds.list()] == [None, "legal"]
    release(light_engine, "dpo", number=second.id)
    with pytest.raises(UsageError, match="no such hold keeps"):
        light_engine.holds.withdraw("case-7", by="legal", at=NOON, number=second.id)
    assert light_engine.holds.list()[1].until == RELEASE


def test_of_a_confirmation_and_a_withdrawal_at_once_one_counts(engine: EngineDatabase) -> None:
    for turn in range(8):
        case = f"case-{turn}"
        made = opened(engine, case)
        release(engine, "legal", case=case)
        start = threading.Barrier(2)

        def withdraw(case: str = case, start: threading.Barrier = start) -> bool:
            start.wait(10)
            try:
                engine.holds.withdraw(case, by="legal", at=NOON)
            except UsageError:
                return False
            return True

        def confirm(case: str = case, start: threading.Barrier = start) -> bool:
            start.wait(10)
            return release(engine, "dpo", case=case)[0].until is not None

        with ThreadPoolExecutor(2) as pool:
            withdrawn, confirmed = pool.submit(withdraw), pool.submit(confirm)
        assert withdrawn.result() is not confirmed.result()
        (found,) = [each for each in engine.holds.list() if each.id == made.id]
        assert (found.until is None) is withdrawn.result()
    assert engine.ledger.verify() == []


def test_a_hold_is_in_force_until_the_day_of_its_release(light_engine: EngineDatabase) -> None:
    opened(light_engine)
    release(light_engine, "legal")
    (hold,) = release(light_engine, "dpo")
    assert light_engine.holds.list(RELEASE - dt.timedelta(days=1)) == [hold]
    assert light_engine.holds.list(RELEASE) == []


def test_a_release_counts_from_the_next_plan_on(light_engine: EngineDatabase) -> None:
    made = opened(light_engine)
    release(light_engine, "legal")
    light_engine.holds.release("case-7", until=RELEASE, by="dpo", at=NOON + 2 * HOUR)
    before = light_engine.holds.unreleased_since(NOON + HOUR)
    after = light_engine.holds.unreleased_since(NOON + 3 * HOUR)
    assert [(each.id, each.until) for each in before] == [(made.id, None)]
    assert [(each.id, each.until) for each in after] == [(made.id, RELEASE)]


def test_each_step_is_in_the_ledger_without_case_and_subject(engine: EngineDatabase) -> None:
    hold = opened(engine, "dupont-v-acme", HoldScope(subject="5" * 32))
    for by in ("legal", "dpo"):
        release(engine, by, case="dupont-v-acme")
    opening, asked, released = engine.ledger.entries()
    assert opening.body == {"hold": hold.id, "categories": [], "narrow": True, "since": "2026-01-01", "by": "legal"}
    assert (asked.kind, asked.body) == ("hold_release_asked", {"hold": hold.id, "until": "2026-04-10", "by": "legal"})
    assert released.body == {"hold": hold.id, "until": "2026-04-10", "by": "dpo", "requester": "legal"}


def test_the_digest_changes_with_the_holds_in_force_and_with_nothing_else(engine: EngineDatabase) -> None:
    none = engine.holds.digest(RELEASE)
    first = opened(engine, scope=HoldScope(store="crm"))
    one = engine.holds.digest(RELEASE)
    second = opened(engine, "case-8")
    both = engine.holds.digest(RELEASE)
    assert len({none, one, both}) == 3
    for by in ("legal", "dpo"):
        release(engine, by, number=first.id)
    assert engine.holds.digest(RELEASE) not in {none, one, both}
    for by in ("legal", "dpo"):
        release(engine, by, case="case-8", number=second.id)
    assert engine.holds.digest(RELEASE) == none


def test_what_makes_no_sense_changes_nothing(light_engine: EngineDatabase) -> None:
    with pytest.raises(UsageError, match="no such hold"):
        release(light_engine, "legal")
    opened(light_engine)
    with pytest.raises(UsageError, match="before it begins"):
        release(light_engine, "legal", SINCE - dt.timedelta(days=1))
    with pytest.raises(UsageError, match="no such hold"):
        release(light_engine, "legal", number=99)
    for by in ("legal", "dpo"):
        release(light_engine, by)
    with pytest.raises(UsageError, match="no such hold"):
        release(light_engine, "third")
    assert len(list(light_engine.ledger.entries())) == 3


@pytest.mark.parametrize(
    ("case", "scope"),
    [
        ("anne@acme.example", HoldScope()),
        ("the case of Anne", HoldScope()),
        ("case-7", HoldScope(subject="anne@acme.example")),
        ("case-7", HoldScope(record="4711")),
        ("case-7", HoldScope(store="a store")),
    ],
)
def test_no_personal_value_gets_into_a_hold(light_engine: EngineDatabase, case: str, scope: HoldScope) -> None:
    with pytest.raises(UsageError):
        light_engine.holds.open(case, scope, since=SINCE, by="legal", at=NOON)
    assert light_engine.holds.list() == []
