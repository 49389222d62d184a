"""The keys of a chunk of candidates that are due, frozen: what a transaction acts on, and nothing else.

Rows are locked first, where the store has row locks, and then looked at again; or, where each was decided on by itself,
they are frozen without a lock, and the statement that writes them tells by their versions whether they are what they
were.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from connectors.sql.journal import Counts
from connectors.sql.lines import (
    Candidates,
    Restriction,
    Span,
    among_keys,
    any_row,
    key_among,
    keys_of,
    row_count,
    seen_with,
    versions,
)
from connectors.sql.temporary import analyse, empty
from connectors.sql.versions import NUMBER, VERSION, version_of

Placing = Callable[[sa.Connection, sa.Table], int]
"""Gives frozen keys their places in groups, and takes out those that no group can hide; how many."""


@dataclass(frozen=True, slots=True)
class Frozen:
    """The keys of one chunk in a table, and how many there are; they lie in the ``span``.

    ``unlocked``: somebody can have written to the rows since they were lined up (`unchanged` tells). ``chosen``: which
    of the ``keys`` are meant, where the table has others: it is the work table of rows in groups.
    """

    table: sa.Table
    keys: sa.Table
    key: tuple[str, ...]
    count: int
    span: Span | None = None
    unlocked: bool = False
    chosen: sa.ColumnElement[bool] | None = None

    def renewed(self) -> None:
        """Its keys are others by now: they lie anywhere."""
        if self.span is not None:
            self.span.forget()

    def unchanged(self, members: sa.FromClause | None = None) -> sa.ColumnElement[Any]:
        """The condition that a row is of this chunk, and what it was when it was lined up, if that can be another.

        ``members``: a table with versions, to which the rows are joined, and of which no others are looked at.
        """
        if not self.unlocked:
            return self.within()
        if members is not None:
            same_version = members.c[VERSION] == version_of(self.table)
            return same_version if self.span is None else sa.and_(self.span.within(self.table), same_version)
        same = [self.keys.c[name] == self.table.c[name] for name in self.key]
        same += [self.keys.c[VERSION] == version for version in versions(self.keys, self.table)]
        same += [] if self.chosen is None else [self.chosen]
        among = sa.exists().where(*same).correlate(self.table)
        return among if self.span is None else sa.and_(self.span.within(self.table), among)

    def within(self, table: sa.FromClause | None = None) -> sa.ColumnElement[Any]:
        """The condition that a row is of this chunk."""
        mine = keys_of(self.keys, self.key)
        mine = mine if self.chosen is None else mine.where(self.chosen)
        return among_keys(self.table if table is None else table, self.key, mine, self.span)


def freeze(connection: sa.Connection, candidates: Candidates, first: int, last: int) -> tuple[Frozen, Counts]:
    """Lock candidates, look again, and keep the keys of those that are due; `Counts.done` is how many are frozen.

    The look comes after the lock, so that a fact committed before the lock counts. What it does not find due any more
    is stale; what is due and locked by others is left to them, counted, and collected in `Line.held`: with what is left
    of its group, if that is too small alone.
    """
    mine = _numbered(candidates, first, last)
    # SQLite: the transaction holds the only write lock already
    return _frozen(connection, candidates, mine, locks=connection.dialect.name != "sqlite")


def freeze_unlocked(connection: sa.Connection, candidates: Candidates, first: int, last: int) -> Frozen:
    """Keep the keys of candidates that were decided on, without a look at their rows: who acts on them has to.

    Those in groups stay where they are numbered.
    """
    rows, key, span = candidates.rows, candidates.key, candidates.line.span
    if not candidates.members:
        whole = _chosen(connection, candidates, _numbered(candidates, first, last))
        return Frozen(rows, candidates.line.chunk, key, whole, span, unlocked=True)
    mine = candidates.between(first, last)
    if span is not None:
        span.set(connection, candidates.numbered, mine)
    return Frozen(rows, candidates.numbered, key, last - first + 1, span, unlocked=True, chosen=mine)


def freeze_locked(connection: sa.Connection, candidates: Candidates, among: sa.Select[Any]) -> tuple[Frozen, Counts]:
    """The same of the candidates among some keys, where the transaction has locked what holds them."""
    mine = candidates.lined().where(key_among(candidates.numbered, candidates.key, among))
    return _frozen(connection, candidates, mine, locks=False)


def freeze_everything(
    connection: sa.Connection, candidates: Candidates, place: Placing | None = None
) -> tuple[Frozen, Counts]:
    """Keep the keys of all rows that are due, with what is selected beside, where the transaction has locked the table.

    The keys' table is to be dropped before the transaction ends.
    """
    line = candidates.line
    if line.span is not None:
        line.span.forget()
    keys = seen_with(connection, line.frozen, candidates.due(any_row))
    frozen = _seen(connection, candidates, keys)
    left = 0 if place is None else place(connection, keys)
    if left:
        analyse(connection, keys)
        frozen = replace(frozen, count=frozen.count - left)
    return frozen, Counts(frozen.count)


def _frozen(
    connection: sa.Connection, candidates: Candidates, mine: sa.Select[Any], *, locks: bool
) -> tuple[Frozen, Counts]:
    names, line = candidates.key, candidates.line
    whole = _chosen(connection, candidates, mine)
    for each in (line.locked, line.frozen):
        empty(connection, each)
    if locks:
        rows, columns = candidates.rows, [each.name for each in line.chunk.c]
        wanted = sa.select(*(rows.c[name] for name in names), *versions(line.locked, rows)).where(line.mine(rows))
        wanted = wanted.with_for_update(of=rows if connection.dialect.name == "postgresql" else None, skip_locked=True)
        connection.execute(line.locked.insert().from_select(columns, wanted, include_defaults=False))
        if candidates.decided and _unchanged(connection, candidates) == whole:
            return Frozen(candidates.rows, line.chunk, names, whole, line.span), Counts(whole)
    wanted = _due(candidates, line.mine)
    connection.execute(line.frozen.insert().from_select(names, wanted, include_defaults=False))
    frozen = _seen(connection, candidates, line.frozen)
    due, left = frozen.count, 0
    if locks and row_count(connection, line.locked) < whole:
        left = _leave_to_others(connection, candidates)
    if candidates.grouped is not None:
        left += candidates.grouped.set_aside(connection, frozen.keys, line.held)
    if left:
        analyse(connection, line.frozen)
        frozen = replace(frozen, count=due - left)
    return frozen, Counts(frozen.count, whole - due, left)


def _numbered(candidates: Candidates, first: int, last: int) -> sa.Select[Any]:
    number = candidates.numbered.c[NUMBER]
    return candidates.lined().where(number >= first, number <= last)


def _chosen(connection: sa.Connection, candidates: Candidates, mine: sa.Select[Any]) -> int:
    """Make a chunk of some candidates; how many there are."""
    line = candidates.line
    empty(connection, line.chunk)
    filling = line.chunk.insert().from_select([each.name for each in line.chunk.c], mine, include_defaults=False)
    whole = connection.execute(filling, execution_options={"preserve_rowcount": True}).rowcount
    analyse(connection, line.chunk)
    if line.span is not None:
        line.span.set(connection, line.chunk)
    return whole


def _unchanged(connection: sa.Connection, candidates: Candidates) -> int:
    """How many rows of a chunk were locked, and have the version that they had when they were lined up."""
    chunk, locked = candidates.line.chunk, candidates.line.locked
    same = sa.and_(*(chunk.c[name] == locked.c[name] for name in (*candidates.key, VERSION)))
    return row_count(connection, chunk.join(locked, same))


def _due(candidates: Candidates, restriction: Restriction) -> sa.Select[Any]:
    """Selects which of the rows that a restriction lets through are due, as what is frozen."""
    return keys_of(candidates.due(restriction).subquery(), candidates.key)


def _seen(connection: sa.Connection, candidates: Candidates, keys: sa.Table) -> Frozen:
    """What was frozen."""
    analyse(connection, keys)
    return Frozen(candidates.rows, keys, candidates.key, row_count(connection, keys), candidates.line.span)


def _leave_to_others(connection: sa.Connection, candidates: Candidates) -> int:
    """Take out of the frozen keys what could not be locked; how many."""
    names, line = candidates.key, candidates.line
    frozen = line.frozen
    others = sa.not_(key_among(frozen, names, keys_of(line.locked, names)))
    kept = keys_of(frozen, names).where(others)
    connection.execute(line.held.insert().from_select(names, kept, include_defaults=False))
    return connection.execute(sa.delete(frozen).where(others)).rowcount
