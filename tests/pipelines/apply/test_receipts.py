"""What the ledger knows of a run, and what is on disk while a batch is under way."""

from __future__ import annotations

import dataclasses
import datetime as dt
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.base import Ref
from pipelines.apply.batches import Batches
from pipelines.apply.receipts import Receipts, running_clock
from pipelines.apply.summary import RunSummary, summed
from pipelines.engine import EngineDatabase, EngineKeys
from pipelines.errors import Refused
from pipelines.plan.artefact import Action, Plan, Step

NOW = dt.datetime(2026, 6, 30, 12, tzinfo=dt.UTC)
DAY = dt.date(2020, 1, 1)
STEP = Step(
    "crm.contacts.delete", "crm", "contacts", Action.DELETE, ("user.name",), ("name",), (("p", 9),), 9, DAY, DAY, 0
)
PLAN = Plan(dt.date(2026, 6, 30), "JULIEN", "julien", "1" * 64, "2" * 64, "3" * 64, "4" * 64, (), (STEP,), ())


@pytest.fixture
def receipts(tmp_path: Path) -> Iterator[Receipts]:
    engine = EngineDatabase.open(f"sqlite:///{tmp_path}/engine.sqlite", EngineKeys.generate())
    yield Receipts(engine.ledger, PLAN, PLAN.digest, "tests", running_clock(NOW))
    engine.close()


def test_an_intent_without_receipt_is_open(receipts: Receipts) -> None:
    intent = receipts.intend(STEP, 1, 5)
    record = receipts.read()[STEP.id]
    assert record.open == {1: intent}
    assert record.chunks == 1
    assert not record.finished


def test_a_receipt_closes_its_intent_and_adds_up(receipts: Receipts) -> None:
    for chunk, deleted in ((1, 5), (2, 3)):
        receipts.receive(STEP, receipts.intend(STEP, chunk, 5), {"deleted": deleted, "already_gone": 1, "held": 0})
    record = receipts.read()[STEP.id]
    assert record.open == {}
    assert record.outcomes == {"deleted": 8, "already_gone": 2}
    assert record.settled == 10
    receipts.close(STEP, {"stale": 1}, {"write_ahead_log": None, "backups": DAY}, complete=True)
    assert receipts.read()[STEP.id].finished
    assert receipts.ledger.verify() == []


def test_an_incomplete_step_is_not_finished(receipts: Receipts) -> None:
    receipts.close(STEP, {"conflict": 1}, {}, complete=False)
    assert not receipts.read()[STEP.id].finished


def test_another_plans_entries_are_not_its_own(receipts: Receipts) -> None:
    other = dataclasses.replace(receipts, digest="9" * 64)
    other.intend(STEP, 1, 5)
    assert receipts.read()[STEP.id].open == {}


def test_a_refusal_is_written_with_its_kind_alone(receipts: Receipts) -> None:
    receipts.refuse("PlanChanged", "crm")
    entry = list(receipts.ledger.entries("refusal"))[-1]
    assert entry.body["reason"] == "PlanChanged"
    assert entry.body["store"] == "crm"
    assert "dataset" not in entry.body


def test_entries_of_a_long_run_follow_each_other() -> None:
    clock = running_clock(NOW)
    assert NOW <= clock() <= clock()


def test_a_batch_is_kept_for_its_owner_alone_until_its_receipt(tmp_path: Path) -> None:
    batches = Batches(tmp_path / "batches")
    refs = [Ref("1:7", "3", "INBOX"), Ref("1:8", "", "Envoyés")]
    written = batches.write(STEP.id, 1, refs)
    assert batches.write(STEP.id, 1, refs).operation != written.operation, "drawn for each"
    written = batches.write(STEP.id, 1, refs)
    (path,) = (tmp_path / "batches").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert batches.read(STEP.id, 1) == written
    assert written.refs == tuple(refs)
    assert batches.read(STEP.id, 2) is None
    batches.forget(STEP.id, 1)
    batches.forget(STEP.id, 1)
    assert batches.read(STEP.id, 1) is None
    batches.clear()
    assert not (tmp_path / "batches").exists()


def test_a_batch_that_another_version_has_begun_is_refused_and_stays(tmp_path: Path) -> None:
    batches = Batches(tmp_path)
    batches.write(STEP.id, 1, [Ref("1", "a")])
    (path,) = tmp_path.iterdir()
    path.write_text('[["1", "a", ""]]')
    with pytest.raises(Refused, match="another version"):
        batches.read(STEP.id, 1)
    assert path.exists()


def test_a_summary_adds_up_its_steps() -> None:
    step = summed(STEP, {"deleted": 5, "stale": 2, "conflict": 1, "held": 0}, complete=False)
    summary = RunSummary("d", "JULIEN", DAY, (step, step))
    assert step.outcomes == {"conflict": 1, "deleted": 5, "stale": 2}
    assert (step.acted, step.left) == (5, 1)
    assert summary.counts == {"deleted": 10, "stale": 4, "conflict": 2}
    assert not summary.complete
