"""The destructive primitives: one chunk of due rows, deleted or updated in one transaction of its own.

A chunk freezes the keys that are due *now* into a temporary table, with row locks where the store has them, looks
again at what it locked, writes statistics, acts by a join on that table, marks, journals, commits. A chunk that the
journal knows is never repeated: its recorded counts are returned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from connectors.errors import StoreRefuses
from connectors.sql.engines import speaking_for
from connectors.sql.journal import Chunk, Counts, Journal

FROZEN = "ardoise_frozen"
NUMBER = "ardoise_number"

Checkpoint = Callable[[str], None]
"""Called at `mid_batch` (half of the chunk is changed), `before_commit`, `after_commit`; for tests that end there."""


@dataclass(frozen=True, slots=True)
class Frozen:
    """The keys of one chunk in a temporary table, numbered from 1 in the column `NUMBER`."""

    table: sa.Table
    keys: sa.Table
    key: tuple[str, ...]

    def within(self, table: sa.FromClause | None = None, first: int = 1, last: int | None = None) -> Any:
        """The condition that a row is of this chunk (of its numbers ``first`` to ``last``)."""
        rows = self.table if table is None else table
        numbered = [self.keys.c[NUMBER] >= first] if first > 1 else []
        numbered += [] if last is None else [self.keys.c[NUMBER] <= last]
        return sa.exists().where(*(rows.c[name] == self.keys.c[name] for name in self.key), *numbered).correlate(rows)


Before = Callable[[sa.Connection, Chunk, Frozen], None]
"""Runs inside the transaction after the freeze and before the act: statistics contributions, closer looks."""


def delete_chunk(
    connection: sa.Connection,
    journal: Journal,
    chunk: Chunk,
    table: sa.Table,
    key: Sequence[str],
    due: sa.Select[Any],
    limit: int,
    before: Sequence[Before] = (),
    checkpoint: Checkpoint | None = None,
) -> Counts:
    """Delete at most ``limit`` of the rows whose key ``due`` selects (columns named as the key, in any order).

    Raises:
        StoreRefuses: a row that is kept references one of them; nothing of the chunk is changed.
    """

    def act(frozen: Frozen, first: int, last: int | None) -> int:
        return connection.execute(sa.delete(table).where(frozen.within(first=first, last=last))).rowcount

    def after(frozen: Frozen) -> None:
        journal.unmark(connection, chunk.dataset, frozen.keys, frozen.key)

    return _run(connection, journal, chunk, table, key, due, limit, before, act, after, checkpoint)


def update_chunk(
    connection: sa.Connection,
    journal: Journal,
    chunk: Chunk,
    table: sa.Table,
    key: Sequence[str],
    due: sa.Select[Any],
    limit: int,
    assignments: Mapping[str, Any],
    marks: Mapping[str, Sequence[str]],
    before: Sequence[Before] = (),
    checkpoint: Checkpoint | None = None,
) -> Counts:
    """Overwrite columns of at most ``limit`` of the rows whose key ``due`` selects, and mark the categories.

    ``assignments`` maps columns to values or expressions over the row; ``marks`` maps each category to its columns.
    Rows must not be due any more once they are marked, or the step never ends.

    Raises:
        StoreRefuses: a constraint refuses a new value; nothing of the chunk is changed.
    """
    touched = set(assignments) & set(key)
    if touched:
        raise StoreRefuses(chunk.dataset, f"key column {min(touched)} would change", "Map it as not personal")

    def act(frozen: Frozen, first: int, last: int | None) -> int:
        changed = sa.update(table).where(frozen.within(first=first, last=last)).values(dict(assignments))
        return connection.execute(changed).rowcount

    def after(frozen: Frozen) -> None:
        for category, columns in marks.items():
            journal.mark(connection, chunk, table, key, category, columns, frozen.within())

    counts = _run(connection, journal, chunk, table, key, due, limit, before, act, after, checkpoint)
    if counts.done and marks:
        journal.refresh_estimates(connection)
    return counts


def _run(
    connection: sa.Connection,
    journal: Journal,
    chunk: Chunk,
    table: sa.Table,
    key: Sequence[str],
    due: sa.Select[Any],
    limit: int,
    before: Sequence[Before],
    act: Callable[[Frozen, int, int | None], int],
    after: Callable[[Frozen], None],
    checkpoint: Checkpoint | None,
) -> Counts:
    at = checkpoint or (lambda _: None)
    with speaking_for(chunk.dataset), connection.begin():
        known = journal.journalled(connection, chunk.plan, chunk.step, chunk.number)
        if known is not None:
            return known
        frozen, counts = freeze(connection, table, key, due, limit)
        if counts.done:
            for each in before:
                each(connection, chunk, frozen)
            half = limit // 2
            done = act(frozen, 1, half)
            at("mid_batch")
            done += act(frozen, half + 1, None)
            if done != counts.done:
                raise StoreRefuses(
                    chunk.dataset, f"{done} rows changed where {counts.done} were locked", "Look for triggers or rules"
                )
            after(frozen)
        if counts != Counts():
            journal.record(connection, chunk, counts)
        frozen.keys.drop(connection)
        at("before_commit")
    at("after_commit")
    return counts


def freeze(
    connection: sa.Connection, table: sa.Table, key: Sequence[str], due: sa.Select[Any], limit: int
) -> tuple[Frozen, Counts]:
    """Lock at most ``limit`` due rows and keep their keys in a temporary table; `Counts.done` is how many are frozen.

    Rows that others hold are left out and counted as locked. What was locked is evaluated once more, so that a fact
    committed between the evaluation and the lock counts; rows that it keeps are taken out and counted as stale.
    """
    dialect = connection.dialect
    names = tuple(key)
    columns = [sa.Column(name, table.c[name].type, nullable=False) for name in names]
    keys = sa.Table(
        FROZEN, sa.MetaData(), sa.Column(NUMBER, sa.Integer, primary_key=True), *columns, prefixes=["TEMPORARY"]
    )  # fmt: skip
    connection.execute(sa.schema.DropTable(keys, if_exists=True))
    keys.create(connection)
    candidates = sa.select(*(table.c[name] for name in names)).where(_among(table, names, due)).limit(limit)
    locks = dialect.name != "sqlite"  # SQLite: the transaction holds the only write lock already
    if locks:
        candidates = candidates.with_for_update(of=table if dialect.name == "postgresql" else None, skip_locked=True)
    found = candidates.subquery()
    numbered = sa.select(sa.func.row_number().over(), *(found.c[name] for name in names))
    connection.execute(keys.insert().from_select([NUMBER, *names], numbered, include_defaults=False))
    if dialect.name == "postgresql":
        connection.exec_driver_sql(f"ANALYZE {FROZEN}")
    frozen = Frozen(table, keys, names)
    total = _count(connection, keys)
    stale = locked = 0
    if locks:
        still = due.where(_among(due.selected_columns, names, sa.select(*(keys.c[name] for name in names))))
        kept = sa.delete(keys).where(sa.not_(_among(keys, names, still)))
        stale = connection.execute(kept).rowcount if total else 0
        if total < limit:
            everything = sa.select(sa.func.count()).select_from(table).where(_among(table, names, due))
            locked = max(0, int(connection.execute(everything).scalar_one()) - (total - stale))
    return frozen, Counts(total - stale, stale, locked)


@contextmanager
def dataset_lock(connection: sa.Connection, store: str, dataset: str) -> Iterator[None]:
    """Keep other runs off a dataset while this connection acts on it, where the store has advisory locks.

    Raises:
        StoreRefuses: another run acts on this dataset.
    """
    if connection.dialect.name != "postgresql":
        yield
        return
    number = sa.func.hashtextextended(f"ardoise:{dataset}", sa.literal(0, sa.BigInteger))
    with connection.begin():
        if not connection.execute(sa.select(sa.func.pg_try_advisory_lock(number))).scalar_one():
            raise StoreRefuses(store, f"another run acts on {dataset}", "Wait until it has ended")
    try:
        yield
    finally:
        if not connection.invalidated and not connection.closed and not connection.in_transaction():
            with connection.begin():
                connection.execute(sa.select(sa.func.pg_advisory_unlock(number)))


def _among(
    rows: sa.FromClause | sa.ColumnCollection[str, Any], names: Sequence[str], keys: sa.Select[Any]
) -> sa.ColumnElement[bool]:
    """Whether a row's key is among those that a query selects under the same names."""
    columns = rows.c if isinstance(rows, sa.FromClause) else rows
    picked = keys.subquery()
    selected = sa.select(*(picked.c[name] for name in names))
    if len(names) == 1:
        return columns[names[0]].in_(selected)
    return sa.tuple_(*(columns[name] for name in names)).in_(selected)


def _count(connection: sa.Connection, table: sa.FromClause) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


__all__ = [
    "Before", "Checkpoint", "Chunk", "Counts", "Frozen", "dataset_lock", "delete_chunk", "freeze", "update_chunk",
]  # fmt: skip
