"""What a report gathers from a real estate: what nobody has settled, what waits, and no value."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

from small_estate import CANARY, CONTROLLER, SmallEstate

from pipelines.engine.holds import HoldScope
from pipelines.engine.verdicts import Judged
from pipelines.estate import Estate
from pipelines.plan import make_plan
from pipelines.report import write_report
from pipelines.report.gather import gather

TODAY = dt.date(2026, 6, 30)
NOW = dt.datetime(2026, 6, 30, 10, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def test_a_plan_that_waits_has_no_approver_and_everything_to_do(tmp_path: Path) -> None:
    small = SmallEstate.write(tmp_path, TODAY)
    estate = Estate.load(small.path)
    plan = make_plan(estate, CONTROLLER, as_of=TODAY, today=TODAY, now=NOW)
    data = gather(estate, plan.digest, now=NOW)
    assert not data.applied
    assert data.approver is None
    assert data.done == ()
    assert [each.left for each in data.runs] == [sum(step.count for step in plan.steps)]


def test_the_policy_is_told_only_while_it_is_the_one_of_the_plan(tmp_path: Path) -> None:
    small = SmallEstate.write(tmp_path, TODAY)
    estate = Estate.load(small.path)
    plan = make_plan(estate, CONTROLLER, as_of=TODAY, today=TODAY, now=NOW)
    assert gather(estate, plan.digest, now=NOW).policy is not None
    path = small.path / "policies" / "small.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("3 years", "4 years"), encoding="utf-8")
    assert gather(Estate.load(small.path), plan.digest, now=NOW).policy is None


def test_what_scans_have_seen_and_nobody_has_settled_is_told(tmp_path: Path) -> None:
    small = SmallEstate.write(tmp_path, TODAY)
    estate = Estate.load(small.path)
    plan = make_plan(estate, CONTROLLER, as_of=TODAY, today=TODAY, now=NOW)
    personal, doubtful, plain = (
        Judged("personal", "user.name"),
        Judged("for review", "user.name"),
        Judged("not personal"),
    )
    seen = {
        "people": {"email": personal, "phone": personal, "zz": doubtful, "id": plain},
        "leads": {"name": personal, "what": doubtful, "id": plain},
        "rates": {"rate": plain},
    }
    with small.engine() as engine:
        engine.verdicts.record("crm", seen, at=NOW)
    found = {(each.dataset, each.field): each for each in gather(estate, plan.digest, now=NOW).unclassified}
    assert set(found) == {("people", "phone"), ("people", "zz"), ("leads", "")}
    assert (found["leads", ""].personal, found["leads", ""].review) == (1, 1)
    assert found["people", "zz"].review == 1


def test_a_hold_is_told_by_its_number_and_neither_its_case_nor_its_person(tmp_path: Path) -> None:
    small = SmallEstate.write(tmp_path, TODAY)
    estate = Estate.load(small.path)
    subject = "ab" * 16
    with small.engine() as engine:
        held = engine.holds.open(f"case-{CANARY}", HoldScope(subject=subject), since=TODAY, by="officer", at=NOW)
        later = TODAY + dt.timedelta(days=1)
        engine.holds.open("to-come", HoldScope(store="crm"), since=later, by="officer", at=NOW)
    plan = make_plan(estate, CONTROLLER, as_of=TODAY, today=TODAY, now=NOW)
    path = write_report(estate, plan.digest, now=NOW).path
    document = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert [(each["number"], each["narrow"]) for each in document["holds"]] == [(held.id, True)]
    for file in path.parent.iterdir():
        assert CANARY not in file.read_text(encoding="utf-8")
        assert subject not in file.read_text(encoding="utf-8")
