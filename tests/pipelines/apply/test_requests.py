"""A request of a person that is recorded after a plan refuses it; after its run has begun, it is for the next plan."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from apply_states import planned
from estates import AS_OF, NOW, SmallEstate, address, small_estate

from pipelines.apply import RunSummary, apply
from pipelines.errors import PlanChanged
from pipelines.plan.artefact import Plan
from pipelines.progress import silent
from pipelines.subjects import subject_digest
from pipelines.verify import verify
from retention_rules.purposes import Right

pytestmark = pytest.mark.slow

LATER = NOW + dt.timedelta(hours=1)
LATEST = LATER + dt.timedelta(hours=1)
CLIENT = 2


class Killed(BaseException):
    """Ends a run where a test says so."""


@pytest.fixture
def small(tmp_path: Path) -> SmallEstate:
    """Person 2 is no client any more; her follow-up runs, and an objection ends it."""
    made = small_estate(tmp_path / "estate")
    policy = made.folder / "policies" / "small.yaml"
    text = policy.read_text().replace("created: point,", "created: point, objection: point,")
    policy.write_text(text.replace("\npurposes:", "\nended_by: {legitimate_interest: objection}\npurposes:"))
    made.execute("billing", f"UPDATE contracts SET status = 'ended', ended_on = '2026-01-31' WHERE id = {CLIENT}")
    return made


def asks(small: SmallEstate, number: int = CLIENT) -> None:
    digest = subject_digest(small.estate.key, "julien", "email", address(number))
    with closing(small.estate.engine()) as engine:
        engine.requests.record("JULIEN", digest, Right.OBJECTION, {"objection"}, on=AS_OF, by="support", at=LATER)


def run(small: SmallEstate, plan: Plan, **options: Any) -> RunSummary:
    options = {"now": LATER, **options}
    return apply(small.estate, plan.digest, today=AS_OF, actor="tests", retries=(), **options)


def first(point: str, act: Callable[[], None]) -> Callable[[str], None]:
    """Do something at a point of the run, the first time it comes by."""
    seen: list[str] = []

    def checkpoint(name: str) -> None:
        if name == point and not seen:
            seen.append(name)
            act()

    return checkpoint


def named(small: SmallEstate, number: int) -> bool:
    (row,) = (row for row in small.rows("crm", "contacts") if row["id"] == number)
    return bool(row["last_name"] == f"Lastname{number}")


def test_a_request_or_its_retraction_after_the_plan_refuses_it(small: SmallEstate) -> None:
    plan = planned(small)
    asks(small)
    with pytest.raises(PlanChanged, match="a person's request was recorded"):
        run(small, plan)
    assert named(small, 1)

    plan = planned(small, now=LATER)
    with closing(small.estate.engine()) as engine:
        engine.requests.retract(1, by="dpo", at=LATEST)
    with pytest.raises(PlanChanged, match="a person's request was recorded or retracted"):
        run(small, plan)
    assert named(small, CLIENT)


def test_what_was_asked_for_goes_by_plan_and_run_in_every_store_and_is_verified(small: SmallEstate) -> None:
    asks(small)
    plan = planned(small, now=LATER)

    assert run(small, plan).complete

    assert [named(small, n) for n in (1, CLIENT, 4)] == [False, False, True]
    assert small.rows("billing", "customers")[CLIENT - 1]["last_name"] != f"Lastname{CLIENT}"
    assert "K-2" in {row["number"] for row in small.rows("billing", "contracts")}, "a claim keeps the evidence"
    assert all(each.passed for each in verify(small.estate, plan.digest, now=LATER, today=AS_OF, progress=silent))


def test_a_run_that_has_begun_goes_on_and_leaves_a_new_request_to_the_next_plan(small: SmallEstate) -> None:
    plan = planned(small)

    def asked_and_killed() -> None:
        asks(small)
        raise Killed

    with pytest.raises(Killed):
        run(small, plan, checkpoint=first("committed", asked_and_killed))
    assert run(small, plan).complete

    assert named(small, CLIENT)
    assert not named(small, 1)
    assert all(each.passed for each in verify(small.estate, plan.digest, now=LATER, today=AS_OF, progress=silent))
    run(small, planned(small, now=LATEST), now=LATEST)
    assert not named(small, CLIENT)
