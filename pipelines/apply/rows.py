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
from connectors.sql.act import After, Before, delete_chunk
from connectors.sql.connector import SqlConnector
from connectors.sql.drawing import Drawing
from connectors.sql.freezing import Frozen
from connectors.sql.journal import Chunk, Counts
from connectors.sql.lines import (
    Candidates,
    Look,
    LookWith,
    alone,
    any_row,
    decided_now,
    everything,
    line_up,
    line_up_members,
    still,
)
from connectors.sql.overwrite import update_chunk
from connectors.sql.partitions import Partition, drop_chunk, whole_of
from connectors.sql.questions import Question
from connectors.sql.rewrite import Change, rewrite_chunk
from connectors.sql.strategy import Strategy, Unfit
from pipelines.anonymise.replacement import Replacement
from pipelines.apply.assignments import assignments
from pipelines.apply.grouping import Grouping
from pipelines.apply.receipts import Intent, Receipts, StepRecord
from pipelines.apply.renewing import Renewal
from pipelines.apply.statistics import DELETED, contribution, overwriting, taking_back
from pipelines.apply.summary import DONE_AS
from pipelines.counted import counted
from pipelines.errors import LimitExceeded
from pipelines.plan.artefact import Step
from pipelines.statistics.questions import touched

CHUNK = 10_000
"""Rows per transaction: locks are short, and the journal's rows few."""

GROUPED, PARTS, MOST_GROUPED = 8, 32, 500_000
"""Transactions for rows in groups, unless each would have more rows than the third: groups lie anywhere, so that each
reads the table from end to end; and where they are made in slices of it, each one of these."""

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
    it may meet. ``most``: bytes that a table with its indexes may take to be written anew. ``grouping``: how rows that
    are left without personal fields hide among each other. ``renewal``: how keys become new ones. ``holds_changed`` is
    asked in the transaction of every chunk, before its rows are written and once they are. ``marked``: see
    `Chunk.marked`. ``known_keys``: whether keys are known to people, and become others in this step or another.
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
    most: int = 0
    grouping: Grouping | None = None
    holds_changed: Callable[[], bool] = lambda: False
    renewal: Renewal | None = None
    marked: frozenset[str] | None = None
    known_keys: bool = False

    def resolve(self, connection: sa.Connection, record: StepRecord) -> int:
        """Find out what became of the chunks that have an intent and no receipt; returns how many there were."""
        intents = [record.open[chunk] for chunk in sorted(record.open)]
        for intent in intents:
            with connection.begin():
                counts = self.connector.journal.journalled(connection, self.receipts.digest, self.step.id, intent.chunk)
            self._receive(record, intent, counts)
            del record.open[intent.chunk]
        return len(intents)

    def act(
        self,
        connection: sa.Connection,
        record: StepRecord,
        found: Callable[[], sa.Select[Any]],
        due: Look,
        due_with: LookWith | None = None,
    ) -> int:
        """Delete or anonymise what is due; returns how many rows are due still (locked by others).

        ``found`` selects the keys of the rows that may be acted on, evaluated once; ``due`` those that are due, in the
        transaction that acts, and ``due_with`` all of them with other columns, where that can be asked. What no group
        can hide is held back, and counted in the record.

        Raises:
            LimitExceeded: more is due than the plan says, for whatever reason; nothing more was changed.
            HoldsChanged: there are other holds than those under which ``found`` and ``due`` were made.
            Unfit: the planned strategy does not fit any more; it is not tried again, and the rest waits for ranges.
        """
        grouping = self.grouping
        self.checkpoint("step_begun")
        if grouping is not None:
            grouping.clear_left(connection)
        with connection.begin():
            changes = self._changes(connection)
        looks = Looks(due, due_with)
        at_once = self._rewritten(connection, record, looks, changes)
        candidates, left = at_once or self._in_ranges(connection, record, found, looks, changes)
        if left:  # other users' locks are short: what they held is asked for once more
            with connection.begin():
                if grouping is not None:
                    grouping.place_anew(connection, candidates.left())
                candidates = self._numbered(connection, candidates.left(), due, decided=False)
            left = self._pass(connection, record, candidates, changes)
        if grouping is not None:
            if at_once is None:
                record.held_back = grouping.held_back(connection)
            if not left:
                grouping.close(connection)
        if self.marks:
            with connection.begin():
                self.connector.journal.marks.index(connection, self._dataset)
        self.checkpoint("step_ended")
        return left

    def _chosen(self, strategy: Strategy, record: StepRecord) -> bool:
        """Whether the plan says so, and it has not turned out not to fit."""
        return self.step.strategy is strategy and strategy not in record.unfit

    def _allowed(self, record: StepRecord) -> int:
        return self.step.count + self.spare - record.settled

    def _in_ranges(
        self,
        connection: sa.Connection,
        record: StepRecord,
        found: Callable[[], sa.Select[Any]],
        looks: Looks,
        changes: Mapping[str, Any],
    ) -> tuple[Candidates, int]:
        """Act on what goes as a whole partition, then chunk by chunk; the candidates, and how many are left."""
        if self.grouping is not None:
            self.grouping.prepare(connection)
        with connection.begin():
            still(connection)
            candidates = self._lined_up(connection, found, looks)
        if self.grouping is not None:
            self.checkpoint("placed")
        refuse_more(self.step, candidates.count, self._allowed(record))
        if self._dropped(connection, record, candidates):
            with connection.begin():
                still(connection)
                candidates = self._lined_up(connection, found, looks)
        return candidates, self._pass(connection, record, candidates, changes)

    def _rewritten(
        self, connection: sa.Connection, record: StepRecord, looks: Looks, changes: Mapping[str, Any]
    ) -> tuple[Candidates, int] | None:
        """Act on everything at once by writing the table anew, where the plan says so and it still fits."""
        allowed, grouping = self._allowed(record), self.grouping
        if not self._chosen(Strategy.REWRITE, record) or allowed <= 0:
            return None
        journal = self.connector.journal
        with connection.begin():
            look = looks.of_all(grouping, at_once=True)
            candidates = everything(connection, *self._rows, look, None if grouping is None else grouping.at_once)

        def no_more(connection: sa.Connection, _: Chunk, frozen: Frozen) -> None:
            del connection
            refuse_more(self.step, frozen.count, allowed)

        def place(connection: sa.Connection, keys: sa.Table) -> int:
            record.held_back = 0 if grouping is None else grouping.place_at_once(connection, keys)
            self._checkpoint("placed")
            return record.held_back

        def act(chunk: Chunk) -> Counts:
            before, changed = self._beside(changes)
            change = Change(self.step.takes_rows, changes, self.marks, changed)
            placing, at = None if grouping is None else place, self._checkpoint
            hooks = [no_more, *before]
            return rewrite_chunk(connection, journal, chunk, candidates, change, self.most, hooks, at, placing)

        counts = self._chunk(record, allowed, act, Strategy.REWRITE)
        record.rewritten = True
        return candidates, counts.locked

    def _dropped(self, connection: sa.Connection, record: StepRecord, candidates: Candidates) -> bool:
        """Empty the partitions that go as a whole, where the plan says so; whether any was."""
        if not self._chosen(Strategy.DROP_PARTITION, record):
            return False
        journal = self.connector.journal
        with connection.begin():
            found = whole_of(connection, candidates)
        for partition in found:

            def act(chunk: Chunk, partition: Partition = partition) -> Counts:
                before, _ = self._beside({})
                return drop_chunk(connection, journal, chunk, candidates, partition, before, self._checkpoint)

            self._chunk(record, partition.rows, act, Strategy.DROP_PARTITION)
        return bool(found)

    def _lined_up(self, connection: sa.Connection, found: Callable[[], sa.Select[Any]], looks: Looks) -> Candidates:
        """Line up what may be acted on, in groups that are made before, where the step wants any."""
        now = looks.of_all(self.grouping, at_once=False)(any_row)
        marks = self.connector.journal.marks.table.fullname
        if alone(connection, self._rows[0], now, {marks}):  # which only this run writes as long as it acts
            with decided_now(connection, *self._rows, now) as keys:
                return self._placed(connection, keys, looks.due, decided=True)
        return self._placed(connection, found(), looks.due, decided=False)

    def _placed(
        self, connection: sa.Connection, found: sa.Select[Any] | sa.Table, due: Look, *, decided: bool
    ) -> Candidates:
        grouping = self.grouping
        if grouping is not None:
            placed = grouping.place(connection, found, self._parts)
            decided &= placed.anew
            if decided and not grouping.others and self.renewal is None:
                return line_up_members(connection, *self._rows, due, grouping.grouped, placed.ends)
        return self._numbered(connection, found, due, decided=decided)

    def _numbered(
        self, connection: sa.Connection, found: sa.Select[Any] | sa.Table, due: Look, *, decided: bool
    ) -> Candidates:
        shuffled, grouping = self.renewal is not None, self.grouping
        if grouping is None:
            return line_up(connection, *self._rows, found, due, shuffled=shuffled, decided=decided)
        chosen = grouping.found(found)
        return line_up(connection, *self._rows, chosen, due, grouping.grouped, shuffled=shuffled, decided=decided)

    @property
    def _parts(self) -> int:
        """In how many slices of the table groups are made: none where keys become others, and would tell of them."""
        return 1 if self.known_keys else max(1, min(self.step.count // self.chunk, PARTS))

    @property
    def _dataset(self) -> str:
        """What the store's own tables call the dataset."""
        return self.step.dataset if self.table is None else f"{self.step.place}.{self.step.dataset}"

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
        first = 1
        while first <= candidates.count:
            last = self._last(connection, candidates, first)

            def act(chunk: Chunk, span: tuple[int, int] = (first, last)) -> Counts:
                return self._act(connection, chunk, candidates, span, changes)

            locked += self._chunk(record, last - first + 1, act).locked
            first = last + 1
        return locked

    def _last(self, connection: sa.Connection, candidates: Candidates, first: int) -> int:
        """The last number of the chunk that begins with a number."""
        chunk = self.chunk
        if candidates.grouped is not None:
            parts = PARTS if candidates.ends else GROUPED
            chunk = max(chunk, min(-(-candidates.count // parts), MOST_GROUPED))
        with connection.begin():
            if any(each.forgotten for each in self.statistics):  # then each chunk looks for marks of earlier ones
                self.connector.journal.marks.index(connection, self._dataset)
            return candidates.last(connection, first, chunk)

    def _chunk(
        self,
        record: StepRecord,
        records: int,
        act: Callable[[Chunk], Counts],
        strategy: Strategy = Strategy.RANGES,
    ) -> Counts:
        """One transaction with its intent and receipt."""
        record.chunks += 1
        intent = self.receipts.intend(self.step, record.chunks, records)
        record.open[intent.chunk] = intent
        self.checkpoint("intent")
        try:
            counts = act(Chunk(self.receipts.digest, self.step.id, self._dataset, intent.chunk, self.marked))
        except HoldsChanged:
            self._receive(record, intent, None)
            del record.open[intent.chunk]
            raise
        except Unfit as unfit:
            self._receive(record, intent, None, unfit)
            del record.open[intent.chunk]
            raise
        self.checkpoint("committed")
        self._receive(record, intent, counts, strategy=strategy)
        del record.open[intent.chunk]
        self.told(record.settled)
        return counts

    def _act(
        self,
        connection: sa.Connection,
        chunk: Chunk,
        candidates: Candidates,
        span: tuple[int, int],
        changes: Mapping[str, Any],
    ) -> Counts:
        journal, at = self.connector.journal, self._checkpoint
        before, changed = self._beside(changes)
        if self.step.takes_rows:
            return delete_chunk(connection, journal, chunk, candidates, *span, before, checkpoint=at)
        return update_chunk(
            connection, journal, chunk, candidates, *span, changes, self.marks, before, changed, at,
            renewing=None if self.renewal is None else self.renewal.after(),
        )  # fmt: skip

    def _beside(self, changes: Mapping[str, Any]) -> tuple[list[Before], list[After]]:
        """What every chunk does beside, in its transaction, whatever its strategy: before it acts, and after."""
        journal, day = self.connector.journal, self.receipts.clock().date()
        counted = self.statistics if self.table is None else ()
        before = [self._check_holds, *self.before]
        if self.step.takes_rows:
            return [*before, contribution(journal, counted, DELETED, day)], []
        columns = {*changes, *(self.grouping.grouped.layout.written if self.grouping else ())}
        implied = self.connector.implied(self._rows[0]) if counted else frozenset()
        counted, written = touched(counted, columns | implied), overwriting(columns)
        before.append(contribution(journal, counted, written, day))
        then = [each.after(self.step.categories) for each in counted]
        return before, [taking_back(journal, then, written, day)]

    def _checkpoint(self, point: str) -> None:
        """Of a transaction that may take long: holds count that were opened while it wrote."""
        self.checkpoint(point)
        if point == "mid_batch":
            self._check_holds()

    def _check_holds(self, *_: object) -> None:
        """Give the chunk up when a hold was opened since its rows were found due."""
        if self.holds_changed():
            raise HoldsChanged

    def _changes(self, connection: sa.Connection) -> dict[str, Any]:
        table, key = self._rows
        stays = len(key) == 1 and isinstance(table.c[key[0]].type, sa.Integer) and not self.known_keys
        own = table.c[key[0]] if stays else None
        drawing = Drawing(table, own) if connection.dialect.name == "postgresql" else None
        return {**assignments(connection, table, self.replacements, drawing), **self.values}

    def _receive(
        self,
        record: StepRecord,
        intent: Intent,
        counts: Counts | None,
        unfit: Unfit | None = None,
        strategy: Strategy | None = None,
    ) -> None:
        """Stale rows are counted once, when the step is closed: a row can be met again in another chunk."""
        outcomes = {DONE_AS[self.step.action]: counts.done} if counts else {}
        self.receipts.receive(self.step, intent, outcomes, complete=counts is not None, strategy=strategy, unfit=unfit)
        record.add(outcomes)
        record.acted |= bool(counts and counts.done)
        if unfit is not None:
            record.unfit[unfit.strategy] = unfit.obstacle


@dataclass(frozen=True, slots=True)
class Looks:
    """How to ask what is due: of some rows, and of all with other columns, where that can be asked."""

    due: Look
    due_with: LookWith | None

    def of_all(self, grouping: Grouping | None, *, at_once: bool) -> Look:
        """What selects all that is due, with what its groups need of it if it can; ``at_once``: see `Grouping`."""
        due_with = self.due_with
        if grouping is None or due_with is None:
            return self.due
        wanted = grouping.wanted(due_with, at_once=at_once)
        return self.due if wanted is None else lambda _: wanted


def refuse_more(step: Step, due: int, allowed: int) -> None:
    """Refuse to act on more records than the plan counted.

    Raises:
        LimitExceeded: more are due than are left of the plan's.
    """
    if due > allowed:
        raise LimitExceeded(
            counted(
                due,
                f"{{n}} record is due where the plan has {allowed:,} left to act on",
                f"{{n}} records are due where the plan has {allowed:,} left to act on",
            ),
            f"{step.store}.{step.dataset}",
            "Records have changed since. Make a new plan and look at it.",
        )
