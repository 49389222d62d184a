"""The retention run under a real scheduler: each way of starting it derives its date, and acts on just what is due."""

from __future__ import annotations

import datetime as dt
import itertools
from pathlib import Path
from typing import Any

import pytest
from airflow_server import AirflowServer
from small_estate import CANARY, ZONE, SmallEstate, Stage

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
WRITTEN = ("intent", "receipt")
BEFORE_MIDNIGHT = dt.time(23, 30, tzinfo=dt.UTC)  # already the next day in Paris, summer and winter


def untouched(estate: SmallEstate, before: str) -> bool:
    """Whether nothing was written: no record, no table of the engine's, no intent."""
    return estate.dump() == before and not estate.entries(*WRITTEN)


# -- a run that nobody attends


def test_a_scheduled_run_under_a_standing_approval_deletes_what_was_due_at_its_tick(
    airflow_server: AirflowServer, small_estate: SmallEstate
) -> None:
    run = airflow_server.scheduled()
    small_estate.grant()
    airflow_server.clear(run)
    airflow_server.succeeds(run)
    tick = dt.datetime.fromisoformat(airflow_server.run(run)["data_interval_end"]).astimezone(ZONE).date()
    assert small_estate.as_of(airflow_server.xcom(run, "plan")) == tick
    assert small_estate.gone() == small_estate.reference(tick) != set()
    assert {each.body["by"] for each in small_estate.entries("plan")} == {"airflow:scheduled"}


@pytest.mark.parametrize(
    ("approval", "reason"),
    [
        (None, "no approval in the ledger allows it"),
        ({"count": 3}, "allows 3 records"),
        ({"share": 0.01}, "allows 1% of a dataset"),
        ({"ago": dt.timedelta(hours=2), "hours": 1}, "has expired"),
    ],
    ids=["none", "over its count", "over its share", "expired"],
)
def test_a_run_that_no_one_attends_ends_red_with_nothing_written_unless_a_standing_approval_covers_it(
    airflow_server: AirflowServer, small_estate: SmallEstate, approval: dict[str, Any] | None, reason: str
) -> None:
    run = airflow_server.scheduled()
    before = small_estate.dump()
    if approval:
        small_estate.grant(**approval)
    airflow_server.clear(run)
    assert airflow_server.ended(run) == "failed"
    assert airflow_server.tasks(run)["approve"] == "failed"
    assert reason in airflow_server.said(run, "approve")
    assert untouched(small_estate, before)


def test_a_backfill_acts_for_each_of_its_dates_on_what_was_due_then_and_still_is(
    airflow_server: AirflowServer, small_estate: SmallEstate
) -> None:
    small_estate.grant()
    dates = [small_estate.today - dt.timedelta(days=age) for age in (12, 11, 10)]
    expected = [small_estate.reference(day) for day in dates]
    assert all(earlier < later for earlier, later in itertools.pairwise([set(), *expected]))
    airflow_server.backfilled(airflow_server.backfill(midnight(dates[0]), midnight(dates[-1]) + dt.timedelta(hours=12)))
    runs = airflow_server.runs(run_type="backfill")[-3:]
    for each in runs:
        airflow_server.succeeds(each["dag_run_id"])
    plans = [airflow_server.xcom(each["dag_run_id"], "plan") for each in runs]
    assert [small_estate.as_of(plan) for plan in plans] == dates
    new = [len(later - earlier) for earlier, later in itertools.pairwise([set(), *expected])]
    assert [small_estate.deleted()[plan] for plan in plans] == new
    assert small_estate.gone() == expected[-1]


def test_a_backfill_over_completed_runs_does_nothing_twice(
    airflow_server: AirflowServer, small_estate: SmallEstate
) -> None:
    small_estate.grant()
    first = midnight(small_estate.today - dt.timedelta(days=9))
    last = first + dt.timedelta(days=1, hours=12)
    airflow_server.backfilled(airflow_server.backfill(first, last))
    gone, receipts = small_estate.gone(), small_estate.deleted()
    airflow_server.backfilled(airflow_server.backfill(first, last, reprocess="completed", at_once=2))
    runs = airflow_server.runs(run_type="backfill")[-2:]
    for each in runs:
        airflow_server.succeeds(each["dag_run_id"])
    assert small_estate.gone() == gone == small_estate.reference(small_estate.today - dt.timedelta(days=8))
    assert sum(small_estate.deleted().values()) == sum(receipts.values()) == len(gone)


# -- a run that somebody starts


def test_a_run_by_hand_waits_for_a_person_whose_approval_is_written_to_the_ledger(
    airflow_server: AirflowServer, small_estate: SmallEstate
) -> None:
    before = small_estate.dump()
    run = airflow_server.trigger()
    airflow_server.parked(run)
    assert untouched(small_estate, before)
    assert "| crm.people | delete |" in airflow_server.question(run)["body"]
    with pytest.raises(AssertionError, match="403"):
        airflow_server.answer(run, "Approve", user="guest")  # may look, may not approve
    airflow_server.answer(run, "Approve", user="dpo")
    airflow_server.succeeds(run)
    plan = airflow_server.xcom(run, "plan")
    assert small_estate.as_of(plan) == small_estate.today  # it has no interval: the day on which it was started
    assert small_estate.gone() == small_estate.reference(small_estate.today) != set()
    (approval,) = small_estate.entries("approval")
    assert (approval.body["plan"], approval.body["by"]) == (plan, "airflow:dpo")


def test_a_run_by_hand_for_a_past_logical_date_plans_for_that_day_in_the_controllers_zone(
    airflow_server: AirflowServer, small_estate: SmallEstate
) -> None:
    eve = small_estate.today - dt.timedelta(days=16)
    run = airflow_server.trigger(logical_date=dt.datetime.combine(eve, BEFORE_MIDNIGHT))
    airflow_server.parked(run)
    airflow_server.answer(run, "Approve")
    airflow_server.succeeds(run)
    day = eve + dt.timedelta(days=1)
    assert small_estate.as_of(airflow_server.xcom(run, "plan")) == day
    assert small_estate.gone() == small_estate.reference(day)
    assert set() < small_estate.reference(eve) < small_estate.gone() < small_estate.reference(small_estate.today)
    assert small_estate.gone() < small_estate.reference(day, day)  # some were due then, and are not any more


def test_a_rejected_plan_ends_red_and_marking_the_approval_successful_helps_nobody(
    airflow_server: AirflowServer, small_estate: SmallEstate
) -> None:
    before = small_estate.dump()
    run = airflow_server.trigger()
    airflow_server.parked(run)
    airflow_server.answer(run, "Reject")
    assert airflow_server.ended(run) == "failed"
    assert untouched(small_estate, before)
    forced = airflow_server.trigger()
    airflow_server.parked(forced)
    airflow_server.mark(forced, "approve", "success")
    assert airflow_server.ended(forced) == "failed"
    tasks = airflow_server.tasks(forced)
    assert (tasks["approve"], tasks["apply[0]"], tasks["apply_anchor"]) == ("success", "failed", "upstream_failed")
    assert untouched(small_estate, before)


def test_where_two_persons_are_required_who_started_the_run_may_not_approve_it(
    airflow_server: AirflowServer, airflow_stage: Stage
) -> None:
    estate = airflow_stage.fresh(two_persons=True)
    before = estate.dump()
    run = airflow_server.trigger(user="dpo")
    airflow_server.parked(run)
    airflow_server.answer(run, "Approve", user="dpo")
    assert airflow_server.ended(run) == "failed"
    assert "who requested a plan may not approve it" in airflow_server.said(run, "approve")
    assert untouched(estate, before)


def test_a_newer_plan_supersedes_an_older_one_of_the_same_date_only(
    airflow_server: AirflowServer, small_estate: SmallEstate
) -> None:
    yesterday = (small_estate.today - dt.timedelta(days=1)).isoformat()
    runs = [airflow_server.trigger(), airflow_server.trigger(conf={"as_of": yesterday})]
    for run in runs:
        airflow_server.parked(run)
    small_estate.execute("shop", "DELETE FROM orders WHERE id = 30")  # due today alone; else the next plan is equal
    newest = airflow_server.trigger()
    airflow_server.parked(newest)
    before = small_estate.dump()
    for run in runs:
        airflow_server.answer(run, "Approve")
    assert airflow_server.ended(runs[0]) == "failed"
    assert "superseded" in airflow_server.said(runs[0], "approve")
    airflow_server.succeeds(runs[1])
    assert before != small_estate.dump()
    airflow_server.answer(newest, "Approve")
    airflow_server.succeeds(newest)
    assert small_estate.gone() == small_estate.reference(small_estate.today)


@pytest.mark.parametrize(
    ("conf", "reason"),
    [
        ({"as_of": "2999-01-01"}, "lies in the future"),
        ({"as-of": "2020-01-01"}, "keys that mean nothing here"),
        ({"controller": "NOBODY"}, "there is no controller"),
    ],
)
def test_a_run_that_is_asked_for_nonsense_ends_red_and_says_why(
    airflow_server: AirflowServer, small_estate: SmallEstate, conf: dict[str, str], reason: str
) -> None:
    run = airflow_server.trigger(conf=conf)
    assert airflow_server.ended(run) == "failed"
    assert reason in airflow_server.said(run, "plan")
    assert airflow_server.tasks(run)["approve"] == "upstream_failed"


# -- what Airflow keeps


def test_no_personal_value_reaches_xcom_logs_events_or_airflows_database(
    airflow_server: AirflowServer, airflow_stage: Stage, small_estate: SmallEstate
) -> None:
    """Over everything that this session did, and a run that fails on an error that quotes a record."""
    small_estate.execute(
        "shop", "CREATE TRIGGER quoting BEFORE DELETE ON orders BEGIN SELECT RAISE(ABORT, 'zephyrine refuses'); END"
    )
    small_estate.grant()
    run = airflow_server.trigger()
    assert airflow_server.ended(run) == "failed"
    assert airflow_server.tasks(run)["apply[0]"] == "failed"
    files = everything(airflow_server.home, *(made.path for made in airflow_stage.made))
    assert any(each.name == "airflow.db" for each in files)
    assert any("task_id=apply" in str(each) for each in files)
    assert not [each.name for each in files if CANARY.encode() in each.read_bytes().lower()]


def everything(*folders: Path) -> list[Path]:
    """Every file in some folders."""
    return [each for folder in folders for each in folder.rglob("*") if each.is_file()]


def midnight(day: dt.date) -> dt.datetime:
    """The first instant of a day in UTC."""
    return dt.datetime.combine(day, dt.time(), tzinfo=dt.UTC)
