"""Runs, findings and volumes: what a run leaves in the engine database."""

from __future__ import annotations

from engine_samples import HOUR, NOON

from pipelines.engine import EngineDatabase, RunState

PLAN = "a" * 64


def test_a_run_that_was_left_running_is_resumed(engine: EngineDatabase) -> None:
    run = engine.runs.start(PLAN, at=NOON)
    assert engine.runs.start(PLAN, at=NOON + HOUR) == run
    assert engine.runs.unfinished() == [run]
    engine.runs.finish(run.id, RunState.INCOMPLETE, at=NOON + HOUR)
    again = engine.runs.start(PLAN, at=NOON + HOUR)
    assert again.id != run.id
    assert [(each.state, each.ended_at) for each in engine.runs.of(PLAN)] == [
        (RunState.INCOMPLETE, NOON + HOUR),
        (RunState.RUNNING, None),
    ]


def test_steps_keep_their_beginning_and_their_last_counters(engine: EngineDatabase) -> None:
    run = engine.runs.start(PLAN, at=NOON)
    engine.runs.progress(run.id, "crm.contacts.delete", {"done": 3}, state=RunState.RUNNING, at=NOON)
    engine.runs.progress(run.id, "crm.contacts.delete", {"done": 7}, state=RunState.DONE, at=NOON + HOUR)
    (step,) = engine.runs.steps(run.id)
    assert (step.counters, step.state) == ({"done": 7}, RunState.DONE)
    assert (step.started_at, step.updated_at) == (NOON, NOON + HOUR)


def test_findings_are_replaced_by_a_newer_verification(engine: EngineDatabase) -> None:
    engine.findings.store(PLAN, [{"measure": "gone", "seen": 3, "passed": False}], at=NOON)
    engine.findings.store("b" * 64, [{"measure": "other"}], at=NOON)
    engine.findings.store(PLAN, [{"measure": "gone", "seen": 0}, {"measure": "whole", "seen": 1.5}], at=NOON)
    assert engine.findings.of(PLAN) == [{"measure": "gone", "seen": 0}, {"measure": "whole", "seen": 1.5}]
    engine.findings.store(PLAN, [], at=NOON)
    assert engine.findings.of(PLAN) == []


def test_volumes_tell_the_recent_counts_the_newest_first(engine: EngineDatabase) -> None:
    assert engine.volumes.recent("crm", "contacts") == []
    engine.volumes.record({}, at=NOON)
    for number, count in enumerate([100, 102, 98, 0]):
        engine.volumes.record({("crm", "contacts"): count, ("crm", "notes"): 5}, at=NOON + number * HOUR)
    assert engine.volumes.recent("crm", "contacts") == [0, 98, 102, 100]
    assert engine.volumes.recent("crm", "contacts", limit=1) == [0]
    assert [each.records for each in engine.volumes.history("crm", "contacts", limit=2)] == [0, 98]


def test_what_runs_have_deleted_since_is_no_surprise(engine: EngineDatabase) -> None:
    for hour, count in ((0, 100), (2, 60)):
        engine.volumes.record({("crm", "contacts"): count}, at=NOON + hour * HOUR)
        receipt = {
            "plan": PLAN, "store": "crm", "dataset": "contacts", "step": "crm.contacts.delete", "action": "delete",
            "outcomes": {"deleted": 40 - hour},
        }  # fmt: skip
        engine.ledger.append("receipt", receipt, at=NOON + (hour + 1) * HOUR)
    assert engine.volumes.recent("crm", "contacts") == [60 - 38, 100 - 40 - 38]
    assert engine.volumes.recent("crm", "notes") == []
