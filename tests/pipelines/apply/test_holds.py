"""A hold counts inside the write transaction: what is opened while a run acts keeps its records from then on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from apply_states import planned
from estates import AS_OF, NOW, SmallEstate, address, small_estate
from fixtures_items import MailAccount
from fixtures_postgres import PostgresDatabase

from pipelines.apply import RunSummary, apply, items
from pipelines.engine import HoldScope
from pipelines.plan.artefact import Plan
from pipelines.progress import silent
from pipelines.scan import scan
from pipelines.subjects import subject_digest
from pipelines.verify import verify

pytestmark = pytest.mark.slow

LATER = NOW + dt.timedelta(hours=1)
LOGS = HoldScope(store="crm", dataset="web_logs")


class Killed(BaseException):
    """Ends a run where a test says so."""


@pytest.fixture(params=["sqlite", "postgresql"])
def small(tmp_path: Path, request: pytest.FixtureRequest) -> SmallEstate:
    if request.param == "sqlite":
        return small_estate(tmp_path / "estate")
    database: PostgresDatabase = request.getfixturevalue("postgres_database")
    return small_estate(tmp_path / "estate", (database.admin, database.read, database.write))


@pytest.fixture
def light(tmp_path: Path) -> SmallEstate:
    return small_estate(tmp_path / "estate")


def hold(small: SmallEstate, scope: HoldScope) -> None:
    with closing(small.estate.engine()) as engine:
        engine.holds.open("case-1", scope, since=AS_OF - dt.timedelta(days=30), by="legal", at=LATER)


def release(small: SmallEstate) -> None:
    with closing(small.estate.engine()) as engine:
        for by in ("legal", "dpo"):
            engine.holds.release("case-1", until=AS_OF, by=by, at=LATER)


def person(small: SmallEstate, number: int) -> HoldScope:
    return HoldScope(subject=subject_digest(small.estate.key, "julien", "email", address(number)))


def run(small: SmallEstate, plan: Plan, **options: Any) -> RunSummary:
    options = {"now": LATER, **options}
    return apply(small.estate, plan.digest, today=AS_OF, actor="tests", retries=(), **options)


def once(point: str, number: int, act: Callable[[], None]) -> Callable[[str], None]:
    """Do something at a point of the run, the time it comes by for the so-manyth time."""
    seen: list[str] = []

    def checkpoint(name: str) -> None:
        seen.append(name)
        if name == point and seen.count(point) == number:
            act()

    return checkpoint


def logs(small: SmallEstate) -> int:
    return len(small.rows("crm", "web_logs"))


def verified(small: SmallEstate, plan: Plan) -> bool:
    findings = verify(small.estate, plan.digest, now=LATER, today=AS_OF, progress=silent)
    return all(finding.passed for finding in findings)


@pytest.mark.parametrize(("point", "gone"), [("committed", 5), ("intent", 0)])
def test_what_a_hold_covers_that_is_opened_while_the_run_acts_stays_from_the_next_chunk_on(
    small: SmallEstate, point: str, gone: int
) -> None:
    plan = planned(small)
    before = logs(small)

    summary = run(small, plan, stores=["crm"], chunk=5, checkpoint=once(point, 1, lambda: hold(small, LOGS)))

    assert before - logs(small) == gone
    assert summary.complete
    assert {row["last_name"] for row in small.rows("crm", "contacts")}.isdisjoint({"Lastname1", "Lastname3"})


def test_a_person_who_is_held_while_the_run_acts_stays(small: SmallEstate) -> None:
    plan = planned(small)
    with_hold = once("intent", 1, lambda: hold(small, person(small, 5)))

    run(small, plan, stores=["crm"], chunk=2, checkpoint=with_hold)

    kept = {row["id"] for row in small.rows("crm", "contacts") if row["last_name"] == f"Lastname{row['id']}"}
    assert 5 in kept
    assert kept.isdisjoint({1, 3, 7, 9})


def test_a_hold_opened_in_one_store_counts_in_the_next(light: SmallEstate) -> None:
    plan = planned(light)

    run(light, plan, checkpoint=once("committed", 1, lambda: hold(light, person(light, 5))))

    assert light.rows("crm", "contacts")[4]["last_name"] == "Lastname5"
    assert light.rows("crm", "contacts")[2]["last_name"] != "Lastname3"
    assert verified(light, plan)


def test_a_run_that_was_killed_goes_on_under_a_hold_opened_since(light: SmallEstate) -> None:
    plan = planned(light)

    def killed() -> None:
        raise Killed

    with pytest.raises(Killed):
        run(light, plan, stores=["crm"], chunk=5, checkpoint=once("committed", 1, killed))
    left = logs(light)
    hold(light, LOGS)
    summary = run(light, plan, stores=["crm"], chunk=5)

    assert logs(light) == left
    assert summary.complete
    assert light.rows("crm", "contacts")[0]["last_name"] != "Lastname1"


def test_a_hold_released_while_the_run_acts_keeps_until_the_next_plan(light: SmallEstate) -> None:
    hold(light, LOGS)
    plan = planned(light)
    before = logs(light)

    run(light, plan, checkpoint=once("committed", 1, lambda: release(light)))

    assert logs(light) == before
    assert verified(light, plan)
    later = LATER + dt.timedelta(minutes=1)
    run(light, planned(light, now=later), now=later)
    assert logs(light) < before


@pytest.mark.slow
def test_a_message_of_a_person_who_is_held_while_the_run_acts_stays(
    tmp_path: Path, mail_account: MailAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(items, "BATCH", 1)
    small = small_estate(tmp_path / "estate", mailbox=mail_account)
    assert all(store.complete for store in scan(small.estate, stores=["mail"], now=NOW).stores)
    plan = planned(small)

    def theirs() -> list[bytes]:
        return sorted(text for text in small.messages() if b"person9@" in text)

    when_held: list[list[bytes]] = []

    def held() -> None:
        when_held.append(theirs())  # which message is the first, chance says
        hold(small, person(small, 9))

    run(small, plan, stores=["mail"], checkpoint=once("acted", 1, held))

    assert [theirs()] == when_held
    assert theirs()
    assert not any(b"person7@" in text for text in small.messages())
