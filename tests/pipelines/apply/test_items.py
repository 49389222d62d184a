"""Batches of items: written down, intended, acted on, received; what was begun is looked for and never sent again."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Outcome, Ref, Result, Source, Transform
from connectors.errors import StoreDown
from connectors.memory import MemoryConnector, MemoryStore, encode
from pipelines.apply import items as module
from pipelines.apply.batches import Batches
from pipelines.apply.items import Item, ItemWork
from pipelines.apply.receipts import Receipts, StepRecord, running_clock
from pipelines.engine import EngineDatabase, EngineKeys
from pipelines.plan.artefact import Action, Plan, Step

NOW = dt.datetime(2026, 6, 30, 12, tzinfo=dt.UTC)
DAY = dt.date(2020, 1, 1)
SOURCE = Source("mail", "INBOX")
ANNE, BOB = frozenset({"a" * 32}), frozenset({"b" * 32})


class Killed(Exception):
    """Stands for the end of a worker in one process."""


class FlakyConnector(MemoryConnector):
    """Acts, and then loses the connection before it answers, as often as it is told to."""

    lost = 0

    def delete(self, source: Source, refs: Sequence[Ref], operation: str) -> list[Result]:
        results = super().delete(source, refs, operation)
        if self.lost:
            self.lost -= 1
            raise StoreDown(self.store, "the connection was lost", "Run again")
        return results


def redactor(subjects: Mapping[Ref, frozenset[str]]) -> Transform:
    def transform(ref: Ref, content: bytes) -> bytes:
        return encode({**json.loads(content), "redacted": sorted(subjects[ref])})

    return transform


def step(action: Action) -> Step:
    return Step(
        "mail.inbox.1", "mail", "inbox", action, ("user.contact.email",), ("from",), (("p", 7),), 7, DAY, DAY, 0
    )


@pytest.fixture
def connector() -> FlakyConnector:
    memory = MemoryStore()
    for number in range(9):
        memory.put("INBOX", str(number), {"texts": {"subject": f"No {number}"}})
    return FlakyConnector("mail", memory)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EngineDatabase]:
    engine = EngineDatabase.open(f"sqlite:///{tmp_path}/engine.sqlite", EngineKeys.generate())
    yield engine
    engine.close()


@pytest.fixture
def deletion(
    connector: FlakyConnector, engine: EngineDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> ItemWork:
    monkeypatch.setattr(module, "BATCH", 3)
    return work(Action.DELETE, connector, engine, tmp_path)


def work(action: Action, connector: MemoryConnector, engine: EngineDatabase, folder: Path) -> ItemWork:
    plan = Plan(DAY, "JULIEN", "julien", "1" * 64, "2" * 64, "3" * 64, "4" * 64, (), (step(action),), ())
    return ItemWork(
        step=step(action),
        connector=connector,
        source=SOURCE,
        receipts=Receipts(engine.ledger, plan, plan.digest, "tests", running_clock(NOW)),
        batches=Batches(folder / "batches"),
        transform=redactor,
        checkpoint=lambda _: None,
        told=lambda _: None,
    )


def refs(connector: MemoryConnector) -> list[Ref]:
    """The first seven items, as they are now."""
    rows: list[dict[str, Any]] = [row for batch in connector.scan(SOURCE) for row in batch.to_pylist()]
    return [Ref(row["key"], row["version"], row["container"]) for row in rows if int(row["key"]) < 7]


def run(work: ItemWork, items: list[Item]) -> StepRecord:
    record = work.receipts.read()[work.step.id]
    work.resolve(record)
    work.act(record, items)
    return record


def keys(connector: MemoryConnector) -> list[str]:
    return sorted(connector.memory.containers["INBOX"])


def test_due_items_go_in_batches_and_bystanders_stay(deletion: ItemWork, connector: FlakyConnector) -> None:
    record = run(deletion, [Item(ref) for ref in refs(connector)])
    assert keys(connector) == ["7", "8"]
    assert (record.outcomes, record.chunks, record.unsettled) == ({"deleted": 7}, 3, {})
    assert list(deletion.batches.folder.iterdir()) == []


def test_each_item_of_a_batch_is_rewritten_for_its_own_due_subjects(
    connector: FlakyConnector, engine: EngineDatabase, tmp_path: Path
) -> None:
    seen = refs(connector)
    items = [Item(ref, BOB if int(ref.key) % 2 else ANNE) for ref in seen]
    record = run(work(Action.REDACT, connector, engine, tmp_path), items)
    assert (record.outcomes, record.chunks) == ({"redacted": 7}, 1)
    contents = {key: json.loads(each.content) for key, each in connector.memory.containers["INBOX"].items()}
    assert contents["0"]["redacted"] == sorted(ANNE)
    assert contents["1"]["redacted"] == sorted(BOB)
    assert "redacted" not in contents["7"]


def test_what_somebody_else_has_changed_is_left_and_counted(deletion: ItemWork, connector: FlakyConnector) -> None:
    seen = refs(connector)
    connector.memory.put("INBOX", "2", {"texts": {"subject": "changed"}})
    connector.memory.remove("INBOX", "3")
    record = run(deletion, [Item(ref) for ref in seen])
    assert record.outcomes == {"deleted": 5, "already_gone": 1}
    assert record.unsettled == {"conflict": 1}
    assert keys(connector) == ["2", "7", "8"]


@pytest.mark.parametrize(("point", "left"), [("intent", 9), ("acted", 6)])
def test_an_interrupted_batch_is_looked_for(
    deletion: ItemWork, connector: FlakyConnector, point: str, left: int
) -> None:
    def stop(reached: str) -> None:
        if reached == point:
            raise Killed

    with pytest.raises(Killed):
        run(dataclasses.replace(deletion, checkpoint=stop), [Item(ref) for ref in refs(connector)])
    assert len(keys(connector)) == left
    record = deletion.receipts.read()[deletion.step.id]
    assert deletion.resolve(record) == 1
    record = run(deletion, [Item(ref) for ref in refs(connector)])
    assert keys(connector) == ["7", "8"]
    assert record.outcomes == {"deleted": 7}
    assert deletion.receipts.read()[deletion.step.id].open == {}


def test_a_batch_that_was_not_written_down_was_not_begun(deletion: ItemWork, connector: FlakyConnector) -> None:
    deletion.receipts.intend(deletion.step, 1, 3)
    record = deletion.receipts.read()[deletion.step.id]
    assert deletion.resolve(record) == 1
    assert (record.outcomes, record.open) == ({}, {})
    assert len(keys(connector)) == 9


def test_a_lost_reply_is_looked_for_and_never_sent_again(deletion: ItemWork, connector: FlakyConnector) -> None:
    connector.lost = 1
    record = run(deletion, [Item(ref) for ref in refs(connector)])
    assert record.outcomes == {"deleted": 7}
    assert keys(connector) == ["7", "8"]


def test_what_stays_unknown_is_counted_as_such(
    deletion: ItemWork, connector: FlakyConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        connector, "resolve", lambda _source, refs, _operation: [Result(ref, Outcome.UNKNOWN) for ref in refs]
    )
    connector.lost = 1
    record = run(deletion, [Item(ref) for ref in refs(connector)])
    assert (record.outcomes, record.unsettled) == ({"deleted": 4}, {"unknown": 3})
