"""Acting on items (messages, events): batches of records as they were seen, each with intent and receipt.

A store of items has no transaction. So a batch is written down, then its intent, then it acts; a batch that was begun
and has no receipt is resolved by looking for its operation in the store, and never sent again.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from connectors.base import Connector, Outcome, Ref, Result, Source, Transform
from connectors.errors import StoreDown
from pipelines.apply.batches import Batch, Batches
from pipelines.apply.receipts import Intent, Receipts, StepRecord
from pipelines.apply.summary import DONE_AS
from pipelines.plan.artefact import Action, Step

BATCH = 100
"""Items per batch: what has to be looked for again after a crash."""

_NOT_DONE = {Outcome.UNKNOWN, Outcome.PENDING}

Checkpoint = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Item:
    """One due item as it was seen; ``subjects`` are the digests of those whose data go from one that stays."""

    ref: Ref
    subjects: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ItemWork:
    """One step over items. ``transform`` makes the rewriting for the digests of those who are due in each.

    ``still`` gives those of a batch that are due still, just before it is acted on.
    """

    step: Step
    connector: Connector
    source: Source
    receipts: Receipts
    batches: Batches
    transform: Callable[[Mapping[Ref, frozenset[str]]], Transform]
    checkpoint: Checkpoint
    told: Callable[[int], None]
    still: Callable[[Sequence[Item]], list[Item]] = list

    def resolve(self, record: StepRecord) -> int:
        """Find out what became of the batches that have an intent and no receipt; returns how many there were."""
        intents = [record.open[chunk] for chunk in sorted(record.open)]
        for intent in intents:
            batch = self.batches.read(self.step.id, intent.chunk)
            results = self.connector.resolve(self.source, batch.refs, batch.operation) if batch else []
            self._receive(record, intent, [each for each in results if each.outcome not in _NOT_DONE])
        record.open.clear()
        return len(intents)

    def act(self, record: StepRecord, items: Iterable[Item]) -> None:
        """Delete or rewrite the items, batch by batch.

        In random order: what is rewritten may come to stand behind everything else, as it was written.
        """
        shuffled = list(items)
        random.SystemRandom().shuffle(shuffled)
        for found in _batches(shuffled):
            batch = self.still(found)
            if not batch:
                continue
            record.chunks += 1
            begun = self.batches.write(self.step.id, record.chunks, [item.ref for item in batch])
            intent = self.receipts.intend(self.step, record.chunks, len(batch))
            self.checkpoint("intent")
            results = self._act(batch, begun)
            self.checkpoint("acted")
            self._receive(record, intent, results)
            self.told(record.settled)

    def _act(self, items: Sequence[Item], batch: Batch) -> list[Result]:
        try:
            if self.step.action is Action.DELETE:
                results = self.connector.delete(self.source, batch.refs, batch.operation)
            else:
                transform = self.transform({item.ref: item.subjects for item in items})
                results = self.connector.rewrite(self.source, batch.refs, transform, batch.operation)
        except StoreDown:  # the reply is lost, not the act: look
            results = [Result(ref, Outcome.UNKNOWN) for ref in batch.refs]
        unknown = [each.ref for each in results if each.outcome is Outcome.UNKNOWN]
        if unknown:
            looked = {each.ref: each for each in self.connector.resolve(self.source, unknown, batch.operation)}
            results = [looked.get(each.ref, each) for each in results]
        return results

    def _receive(self, record: StepRecord, intent: Intent, results: Iterable[Result]) -> None:
        outcomes = Counter(
            DONE_AS[self.step.action] if each.outcome is Outcome.DONE else each.outcome.value for each in results
        )
        self.receipts.receive(self.step, intent, outcomes)
        record.add(outcomes)
        self.batches.forget(self.step.id, intent.chunk)


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    stream = iter(items)
    while batch := list(itertools.islice(stream, BATCH)):
        yield batch
