"""Holds: opened and released for a case, their history kept, the plan bound to those in force."""

from __future__ import annotations

import datetime as dt

import pytest
from engine_samples import NOON

from pipelines.engine import EngineDatabase, HoldScope
from pipelines.errors import UsageError
from retention_rules.holds import Hold

SINCE = dt.date(2026, 1, 1)
RELEASE = dt.date(2026, 4, 10)


def test_a_released_hold_keeps_its_history(engine: EngineDatabase) -> None:
    scope = HoldScope(store="crm", dataset="contacts", categories=frozenset({"user.contact", "user.name"}))
    opened = engine.holds.open("case-7", scope, since=SINCE, by="legal", at=NOON)
    assert engine.holds.list() == [opened]
    released = engine.holds.release(opened.id, until=RELEASE, by="dpo", at=NOON)
    assert engine.holds.list() == [released]
    assert (released.scope, released.until, released.opened_by, released.released_by) == (
        scope, RELEASE, "legal", "dpo",
    )  # fmt: skip
    assert released.hold == Hold("case-7", SINCE, RELEASE, scope.categories)


def test_a_hold_is_in_force_until_the_day_of_its_release(light_engine: EngineDatabase) -> None:
    hold = light_engine.holds.open("case-7", HoldScope(), since=SINCE, by="legal", at=NOON)
    hold = light_engine.holds.release(hold.id, until=RELEASE, by="legal", at=NOON)
    assert light_engine.holds.list(RELEASE - dt.timedelta(days=1)) == [hold]
    assert light_engine.holds.list(RELEASE) == []


def test_opening_and_releasing_are_in_the_ledger_without_case_and_subject(engine: EngineDatabase) -> None:
    subject = "5" * 32
    hold = engine.holds.open("dupont-v-acme", HoldScope(subject=subject), since=SINCE, by="legal", at=NOON)
    engine.holds.release(hold.id, until=RELEASE, by="legal", at=NOON)
    opened, released = engine.ledger.entries()
    assert opened.body == {"hold": hold.id, "categories": [], "narrow": True, "since": "2026-01-01", "by": "legal"}
    assert released.body == {"hold": hold.id, "until": "2026-04-10", "by": "legal"}


def test_the_digest_changes_with_the_holds_in_force_and_with_nothing_else(engine: EngineDatabase) -> None:
    none = engine.holds.digest(RELEASE)
    first = engine.holds.open("case-7", HoldScope(store="crm"), since=SINCE, by="legal", at=NOON)
    one = engine.holds.digest(RELEASE)
    assert one not in {none, engine.holds.open("case-8", HoldScope(), since=SINCE, by="legal", at=NOON)}
    both = engine.holds.digest(RELEASE)
    assert both not in {none, one}
    engine.holds.release(first.id, until=RELEASE, by="legal", at=NOON)
    assert engine.holds.digest(RELEASE) not in {none, one, both}
    engine.holds.release(2, until=RELEASE, by="legal", at=NOON)
    assert engine.holds.digest(RELEASE) == none


def test_what_makes_no_sense_changes_nothing(light_engine: EngineDatabase) -> None:
    with pytest.raises(UsageError, match="no such hold"):
        light_engine.holds.release(1, until=RELEASE, by="legal", at=NOON)
    hold = light_engine.holds.open("case-7", HoldScope(), since=SINCE, by="legal", at=NOON)
    with pytest.raises(UsageError, match="before it begins"):
        light_engine.holds.release(hold.id, until=SINCE - dt.timedelta(days=1), by="legal", at=NOON)
    light_engine.holds.release(hold.id, until=RELEASE, by="legal", at=NOON)
    with pytest.raises(UsageError, match="released already"):
        light_engine.holds.release(hold.id, until=RELEASE, by="legal", at=NOON)
    assert len(list(light_engine.ledger.entries())) == 2


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
