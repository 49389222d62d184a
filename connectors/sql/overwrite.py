"""Overwriting one chunk of due rows: new values, and a mark of them for every category.

Where rows are as they were when they were lined up, PostgreSQL marks them in the statement that writes them, and reads
none of them again. Otherwise, and where something else may write to them after that statement, they are marked by what
they then have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from connectors.errors import StoreRefuses
from connectors.sql.act import After, Before, Checkpoint, frozen_chunk
from connectors.sql.drawing import assigned
from connectors.sql.freezing import Frozen
from connectors.sql.journal import Chunk, Counts, Journal
from connectors.sql.lines import Candidates
from connectors.sql.triggers import followed

_COUNTED = {"preserve_rowcount": True}
"""How an INSERT tells its number of rows too."""


def update_chunk(
    connection: sa.Connection,
    journal: Journal,
    chunk: Chunk,
    candidates: Candidates,
    first: int,
    last: int,
    assignments: Mapping[str, Any],
    marks: Mapping[str, Sequence[str]],
    before: Sequence[Before] = (),
    changed: Sequence[After] = (),
    checkpoint: Checkpoint | None = None,
    *,
    renewing: After | None = None,
) -> Counts:
    """Overwrite columns of those of the candidates number ``first`` to ``last`` that are due; mark the categories.

    ``assignments`` maps columns to values or expressions over the row; ``marks`` maps each category to its columns;
    ``changed`` runs once all rows of the chunk have their new values and their marks, ``renewing``, which gives them
    new keys, before they are marked. Candidates in groups get theirs as well.

    Raises:
        StoreRefuses: a constraint refuses a new value; nothing of the chunk is changed.
    """
    refuse_keys(chunk, candidates, assignments)
    span = (first, last)
    act = _Overwriting(connection, journal, chunk, candidates, span, assignments, marks, changed, renewing)
    versioned = candidates.decided and not act.keys_alone
    counts = frozen_chunk(
        connection, journal, chunk, candidates, span, before, act.change, act.after, checkpoint, versioned
    )
    if counts.done and marks and not chunk.number & (chunk.number - 1):  # a power of two: there are twice as many now
        journal.refresh_estimates(connection, chunk.dataset)
    return counts


def refuse_keys(chunk: Chunk, candidates: Candidates, assignments: Mapping[str, Any]) -> None:
    """Refuse to overwrite what a row is known by.

    Raises:
        StoreRefuses: one of the columns is of the key.
    """
    touched = set(assignments) & set(candidates.key)
    if touched:
        raise StoreRefuses(chunk.dataset, f"key column {min(touched)} would change", "Map it as not personal")


@dataclass
class _Overwriting:
    """What is done to one chunk: see `update_chunk`. ``marked``: whether it has its marks from what wrote it."""

    connection: sa.Connection
    journal: Journal
    chunk: Chunk
    candidates: Candidates
    span: tuple[int, int]
    assignments: Mapping[str, Any]
    marks: Mapping[str, Sequence[str]]
    changed: Sequence[After]
    renewing: After | None
    marked: bool = False

    @property
    def keys_alone(self) -> bool:
        """Whether nothing but keys changes, which are renewed once all are counted."""
        return self.candidates.grouped is None and not self.assignments

    def change(self, frozen: Frozen) -> int:
        """Write the rows; how many."""
        if self.keys_alone:
            counted = sa.select(sa.func.count()).select_from(self.candidates.rows).where(frozen.within())
            return int(self.connection.execute(counted).scalar_one())
        updates = self._updates(frozen)
        marking = self._marking(frozen, updates[0]) if len(updates) == 1 else None
        self.marked = marking is not None
        wanted = updates if marking is None else [marking]
        return sum(self.connection.execute(each, execution_options=_COUNTED).rowcount for each in wanted)

    def after(self, frozen: Frozen) -> None:
        """What is done once rows have their new values."""
        if self.renewing is not None:
            self.renewing(self.connection, self.chunk, frozen)
        marks = None if self.marked else self.marks
        complete(self.connection, self.journal, self.chunk, self.candidates, marks, self.changed, frozen)

    def _updates(self, frozen: Frozen) -> list[sa.Update]:
        candidates, grouped, table = self.candidates, self.candidates.grouped, self.candidates.rows
        if grouped is None:
            return [sa.update(table).where(frozen.unchanged()).values(assigned(table, self.assignments))]
        if candidates.members:
            members = grouped.members(candidates.between(*self.span))
            return [grouped.update(frozen.unchanged(members), self.assignments, members)]
        placed, others = candidates.in_groups(self.connection, *self.span)
        return grouped.updates(frozen.unchanged(), self.assignments, placed=placed, others=others)

    def _marking(self, frozen: Frozen, update: sa.Update) -> sa.Insert | None:
        """The same with the marks of all categories, where nobody writes to the rows after it."""
        candidates, grouped = self.candidates, self.candidates.grouped
        if not frozen.unlocked or self.renewing is not None or not (grouped is None or candidates.members):
            return None
        marks = {**self.marks, **(grouped.marks if grouped is not None else {})}
        rows, key = candidates.rows, candidates.key
        marking = self.journal.marks.marking(self.connection, self.chunk, update, rows, key, marks)
        return None if marking is None or followed(self.connection, rows) else marking


def complete(
    connection: sa.Connection,
    journal: Journal,
    chunk: Chunk,
    candidates: Candidates,
    marks: Mapping[str, Sequence[str]] | None,
    changed: Sequence[After],
    frozen: Frozen,
) -> None:
    """Once rows have their new values: each category's mark of these, then what they contribute by now.

    ``marks`` is None where they are made.
    """
    if marks is not None:
        wanted = [(category, columns, frozen.within()) for category, columns in marks.items()]
        if candidates.grouped is not None:
            within = sa.and_(frozen.within(), candidates.grouped.placed)
            wanted += [(category, columns, within) for category, columns in candidates.grouped.marks.items()]
        journal.marks.mark(connection, chunk, candidates.rows, candidates.key, wanted)
    for each in changed:
        each(connection, chunk, frozen)
