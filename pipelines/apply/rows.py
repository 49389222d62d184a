"""Acting on rows: chunks of due rows in transactions of their own, each with intent and receipt in the ledger.

The store's journal is written in the transaction that changes rows. So a chunk that has an intent and no receipt is
resolved by looking into the journal: it is there, and was done, or it is not, and nothing happened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from connectors.base import Source
from connectors.sql.act import Before, Candidates, Chunk, Counts, Look, delete_chunk, line_up, update_chunk
from connectors.sql.connector import SqlConnector
from connectors.sql.questions import Question
from pipelines.anonymise.replacement import Replacement
from pipelines.apply.assignments import assignments
from pipelines.apply.receipts import Intent, Receipts, StepRecord
from pipelines.apply.statistics import DELETED, contribution, overwriting, taking_back
from pipelines.apply.summary import DONE_AS
from pipelines.errors import LimitExceeded
from pipelines.plan.artefact import Step
from pipelines.statistics.questions import touched

CHUNK = 10_000
"""Rows per transaction: locks are short, and the journal's rows few."""

Checkpoint = Callable[[str], None]


class HoldsChanged(Exception):
    """A hold was opened while a chunk was under way; nothing of the chunk is changed."""


@dataclass(frozen=True, slots=True)
class RowWork:
    """One step over rows.

    ``replacements`` and ``marks`` are what an anonymising step writes: by column how, and by category which columns.
    ``statistics`` are the dataset's, which its rows contribute to.
    ``before`` is what each chunk does beside, in its transaction, and ``values`` what it writes beside. ``table`` and
    ``key`` name the rows where they are not the source's: in an archive. ``spare`` is how many rows more than planned
    it may meet. ``holds_changed`` is asked in the transaction of every
    chunk, once its rows are locked.
    """

    step: Step
    connector: SqlConnector
    source: Source
    receipts: Receipts
    checkpoint: Checkpoint
    told: Callable[[int], None]
    replacements: Mapping[str, Replacement] = field(default_factory=dict)
    marks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    statistics: tuple[Question, ...] = ()
    before: tuple[Before, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    table: sa.Table | None = None
    key: tuple[str, ...] = ()
    spare: int = 0
    chunk: int = CHUNK
    holds_changed: Callable[[], bool] = lambda: False

    def resolve(self, connection: sa.Connection, record: StepRecord) -> int:
        """Find out what became of the chunks that have an intent and no receipt; returns how many there were."""
        intents = [record.open[chunk] for chunk in sorted(record.open)]
        for intent in intents:
            with connection.begin():
                counts = self.connector.journal.journalled(connection, self.receipts.digest, self.step.id, intent.chunk)
            self._receive(record, intent, counts)
            del record.open[intent.chunk]
        return len(intents)

    def act(self, connection: sa.Connection, record: StepRecord, found: sa.Select[Any], due: Look) -> int:
        """Delete or anonymise what is due, chunk by chunk; returns how many rows are due still (locked by others).

        ``found`` selects the keys of the rows that may be acted on, once; ``due`` those of them that are due, in the
        transaction of every chunk.

        Raises:
            LimitExceeded: more is due than the plan says, for whatever reason; nothing more was changed.
            HoldsChanged: there are other holds than those under which ``found`` and ``due`` were made.
        """
        with connection.begin():
            candidates = self._lined_up(connection, found, due)
            changes = self._changes(connection)
        refuse_more(self.step, candidates.count, self.step.count + self.spare - record.settled)
        left = self._pass(connection, record, candidates, changes)
        if left:  # other users' locks are short: what they held is asked for once more
            with connection.begin():
                candidates = self._lined_up(connection, candidates.left(), due)
            left = self._pass(connection, record, candidates, changes)
        return left

    def _lined_up(self, connection: sa.Connection, found: sa.Select[Any], due: Look) -> Candidates:
        return line_up(connection, *self._rows, found, due)

    @property
    def _rows(self) -> tuple[sa.Table, tuple[str, ...]]:
        if self.table is not None:
            return self.table, self.key
        return self.connector.table(self.source), self.connector.key(self.source)

    def _pass(
        self, connection: sa.Connection, record: StepRecord, candidates: Candidates, changes: Mapping[str, Any]
    ) -> int:
        """Act on candidates, chunk by chunk; how many were due and locked by others."""
        locked = 0
        for first in range(1, candidates.count + 1, self.chunk):
            last = min(first + self.chunk - 1, candidates.count)
            record.chunks += 1
            intent = self.receipts.intend(self.step, record.chunks, last - first + 1)
            record.open[intent.chunk] = intent
            self.checkpoint("intent")
            try:
                counts = self._act(connection, intent, candidates, (first, last), changes)
            except HoldsChanged:
                self._receive(record, intent, None)
                del record.open[intent.chunk]
                raise
            self.checkpoint("committed")
            self._receive(record, intent, counts)
            del record.open[intent.chunk]
            self.told(record.settled)
            locked += counts.locked
        return locked

    def _act(
        self,
        connection: sa.Connection,
        intent: Intent,
        candidates: Candidates,
        span: tuple[int, int],
        changes: Mapping[str, Any],
    ) -> Counts:
        journal, at = self.connector.journal, self.checkpoint
        dataset = self.step.dataset if self.table is None else f"{self.step.place}.{self.step.dataset}"
        chunk = Chunk(self.receipts.digest, self.step.id, dataset, intent.chunk)
        before = [self._check_holds, *self.before]
        counted = self.statistics if self.table is None else ()
        day = self.receipts.clock().date()
        if self.step.takes_rows:
            before.append(contribution(journal, counted, DELETED, day))
            return delete_chunk(connection, journal, chunk, candidates, *span, before, checkpoint=at)
        counted, written = touched(counted, changes), overwriting(changes)
        before.append(contribution(journal, counted, written, day))
        changed = [taking_back(journal, counted, written, day)]
        return update_chunk(
            connection, journal, chunk, candidates, *span, changes, self.marks, before, changed, checkpoint=at
        )

    def _check_holds(self, *_: object) -> None:
        """Give the chunk up when a hold was opened since its rows were found due."""
        if self.holds_changed():
            raise HoldsChanged

    def _changes(self, connection: sa.Connection) -> dict[str, Any]:
        table, key = self._rows
        return {**assignments(connection, table, key[0], self.replacements), **self.values}

    def _receive(self, record: StepRecord, intent: Intent, counts: Counts | None) -> None:
        """Stale rows are counted once, when the step is closed: a row can be met again in another chunk."""
        outcomes = {DONE_AS[self.step.action]: counts.done} if counts else {}
        self.receipts.receive(self.step, intent, outcomes, complete=counts is not None)
        record.add(outcomes)


def refuse_more(step: Step, due: int, allowed: int) -> None:
    """Refuse to act on more records than the plan counted.

    Raises:
        LimitExceeded: more are due than are left of the plan's.
    """
    if due > allowed:
        raise LimitExceeded(
            f"{due} records are due where the plan has {allowed} left to act on",
            f"{step.store}.{step.dataset}",
            "Records have changed since. Make a new plan and look at it.",
        )
