"""Stored plans: found again by digest, superseded by newer ones of the same date only."""

from __future__ import annotations

import datetime as dt

import pytest
from engine_samples import AS_OF, NOON, refused_plan, sample_plan

from pipelines.engine import EngineDatabase, PlanStatus, RunState
from pipelines.engine.tables import plans
from pipelines.errors import UsageError
from pipelines.plan.artefact import Plan

YESTERDAY = AS_OF - dt.timedelta(days=1)


def status(engine: EngineDatabase, plan: Plan) -> PlanStatus:
    return engine.plans.record(plan.digest).status


@pytest.mark.parametrize("plan", [sample_plan(), refused_plan(), sample_plan(steps=(), tallies=(), evidence=())])
def test_a_plan_comes_back_equal_from_its_document(plan: Plan) -> None:
    again = Plan.from_document(plan.document())
    assert again == plan
    assert again.digest == plan.digest


def test_a_stored_plan_is_found_by_its_digest_or_the_beginning_of_it(engine: EngineDatabase) -> None:
    plan = sample_plan()
    record = engine.plans.store(plan, at=NOON, by="anne")
    assert (record.digest, record.controller, record.as_of) == (plan.digest, "JULIEN", AS_OF)
    assert (record.status, record.made_at, record.made_by) == (PlanStatus.CURRENT, NOON, "anne")
    assert engine.plans.load(plan.digest) == plan
    assert engine.plans.record(plan.digest[:6]) == record


@pytest.mark.parametrize(
    ("digest", "said"), [("abc", "no plan digest"), ("%%%%%%%", "no plan digest"), ("0" * 64, "no such plan")]
)
def test_what_is_no_plan_is_said_to_be_none(light_engine: EngineDatabase, digest: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        light_engine.plans.load(digest)


def test_a_beginning_that_two_plans_share_is_not_enough(light_engine: EngineDatabase) -> None:
    for number in range(2):
        light_engine.plans.store(sample_plan(number), at=NOON)
        with light_engine.connections.write() as connection:
            digest = "abcdef" + str(number) * 58
            connection.execute(plans.update().where(plans.c.digest.not_like("abcdef%")).values(digest=digest))
    with pytest.raises(UsageError, match="more than one"):
        light_engine.plans.record("abcdef")


def test_storing_a_plan_is_in_the_ledger_with_its_counts(engine: EngineDatabase) -> None:
    plan = sample_plan(10)
    engine.plans.store(plan, at=NOON)
    (entry,) = engine.ledger.entries("plan")
    assert (entry.body["plan"], entry.body["records"], entry.body["steps"]) == (plan.digest, 10, 1)


def test_a_newer_plan_supersedes_the_older_of_the_same_date_and_controller_only(engine: EngineDatabase) -> None:
    older = sample_plan(1)
    others = [sample_plan(2, as_of=YESTERDAY), sample_plan(3, controller="OTHER")]
    newer = sample_plan(4)
    for plan in (older, *others, newer):
        engine.plans.store(plan, at=NOON)
    assert status(engine, older) is PlanStatus.SUPERSEDED
    assert {status(engine, plan) for plan in (*others, newer)} == {PlanStatus.CURRENT}
    assert [record.digest for record in engine.plans.list("JULIEN")] == [
        newer.digest,
        others[0].digest,
        older.digest,
    ]


def test_an_equal_plan_made_again_is_the_newest_again(engine: EngineDatabase) -> None:
    first, second = sample_plan(1), sample_plan(2)
    for plan in (first, second, first):
        engine.plans.store(plan, at=NOON)
    assert status(engine, first) is PlanStatus.CURRENT
    assert status(engine, second) is PlanStatus.SUPERSEDED
    assert len(list(engine.plans.list())) == 2


def test_a_plan_whose_run_has_begun_is_not_superseded(engine: EngineDatabase) -> None:
    begun = sample_plan(1)
    engine.plans.store(begun, at=NOON)
    run = engine.runs.start(begun.digest, at=NOON)
    engine.plans.store(sample_plan(2), at=NOON)
    assert status(engine, begun) is PlanStatus.CURRENT
    engine.runs.finish(run.id, RunState.DONE, at=NOON)
    engine.plans.applied(begun.digest)
    engine.plans.store(sample_plan(3), at=NOON)
    assert status(engine, begun) is PlanStatus.APPLIED


def test_the_latest_plan_is_the_newest_that_is_not_superseded(light_engine: EngineDatabase) -> None:
    assert light_engine.plans.latest() is None
    for plan in (sample_plan(1), sample_plan(2, as_of=YESTERDAY), sample_plan(3, controller="OTHER"), sample_plan(4)):
        light_engine.plans.store(plan, at=NOON)
    latest = light_engine.plans.latest("JULIEN", AS_OF)
    assert latest is not None
    assert latest.digest == sample_plan(4).digest
    yesterday = light_engine.plans.latest(as_of=YESTERDAY)
    assert yesterday is not None
    assert yesterday.digest == sample_plan(2, as_of=YESTERDAY).digest
    assert light_engine.plans.latest("JULIEN", dt.date(2020, 1, 1)) is None


def test_a_stored_plan_that_was_changed_is_not_loaded(light_engine: EngineDatabase) -> None:
    plan = sample_plan()
    light_engine.plans.store(plan, at=NOON)
    with light_engine.connections.write() as connection:
        body = connection.execute(plans.select()).one().body.replace('"count":10', '"count":11')
        connection.execute(plans.update().values(body=body))
    with pytest.raises(UsageError, match="not the one that its digest names"):
        light_engine.plans.load(plan.digest)
