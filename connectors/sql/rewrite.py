"""Rewrite and swap: a table is written anew beside itself, and takes its own place, in one transaction.

What is due is left out, or written with its new values; every other row is copied as it is. Indexes are built when the
rows are there. That is faster than changing most of a table in place, and leaves no dead row behind. Nobody writes to
the table meanwhile; in PostgreSQL it can be read until the swap. Where the engine does not take back changes of
definitions with its transactions (MariaDB), a killed run could not be resumed, and the strategy does not fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from connectors.sql import rewrite_postgresql, rewrite_sqlite
from connectors.sql.act import After, Before, Checkpoint, run_chunk
from connectors.sql.drawing import drawn
from connectors.sql.freezing import Frozen, Placing, freeze_everything
from connectors.sql.journal import Chunk, Counts, Journal
from connectors.sql.lines import Candidates, row_count
from connectors.sql.overwrite import complete, refuse_keys
from connectors.sql.strategy import Obstacle, Strategy, Unfit

_UNDONE_NOT = Obstacle(
    "engine", "its engine commits every change of a definition at once: a killed run could not be taken back"
)
_COLUMNS = Obstacle("columns", "its columns are not those that it had when the run began")


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of the rows that are due: they are left out, or get new values by column and marks by category."""

    takes_rows: bool
    assignments: Mapping[str, Any] = field(default_factory=dict)
    marks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    changed: Sequence[After] = ()


def obstacles(connection: sa.Connection, table: sa.Table, role: str | None, most: int) -> tuple[Obstacle, ...]:
    """What stands in the way of writing a table anew; nothing is changed.

    Args:
        connection: of anybody who can read the catalogue.
        table: the table.
        role: who would do it; who is connected, if None.
        most: bytes that the table with its indexes may take.
    """
    match connection.dialect.name:
        case "postgresql":
            return rewrite_postgresql.obstacles(connection, table, role, most)
        case "sqlite":
            return rewrite_sqlite.obstacles(connection, table, most)
        case _:
            return (_UNDONE_NOT,)


def rewrite_chunk(
    connection: sa.Connection,
    journal: Journal,
    chunk: Chunk,
    candidates: Candidates,
    change: Change,
    most: int,
    before: Sequence[Before] = (),
    checkpoint: Checkpoint | None = None,
    place: Placing | None = None,
) -> Counts:
    """Act on all rows that are due by writing their table anew (``candidates``: see `lines.everything`).

    ``most``: see `obstacles`. ``place``: where candidates are in groups. A column of the key is never overwritten.

    Raises:
        Unfit: something stands in the way by now; nothing is changed.
        StoreRefuses: a column of the key would change.
    """
    table = candidates.rows
    at = checkpoint or (lambda _: None)
    refuse_keys(chunk, candidates, change.assignments)
    engine = rewrite_postgresql if connection.dialect.name == "postgresql" else rewrite_sqlite

    def freezing() -> tuple[Frozen, Counts]:
        engine.claim(connection, table)
        for each in obstacles(connection, table, None, most):
            raise Unfit(Strategy.REWRITE, each)
        # What the new table does not get is gone: a column that was added since must not be.
        there = {each["name"] for each in sa.inspect(connection).get_columns(table.name, table.schema)}
        if there != set(table.c.keys()):
            raise Unfit(Strategy.REWRITE, _COLUMNS)
        frozen, counts = freeze_everything(connection, candidates, place)
        if not counts.done:
            frozen.keys.drop(connection)
        return frozen, counts

    def act(frozen: Frozen) -> int:
        there = row_count(connection, table)
        rows = _rows(candidates, frozen, change, all_grouped=_all_grouped(connection, candidates, frozen))
        written: int = engine.write(connection, table, _names(table), rows, at)
        return there - written if change.takes_rows else frozen.count - abs(there - written)

    def after(frozen: Frozen) -> None:
        if change.takes_rows:
            journal.unmark(connection, chunk.dataset, frozen.keys, frozen.key)
        complete(connection, journal, chunk, candidates, change.marks, change.changed, frozen)
        frozen.keys.drop(connection)

    counts = run_chunk(connection, journal, chunk, freezing, before, act, after, at)
    if counts.done and change.marks:
        journal.refresh_estimates(connection, chunk.dataset)
    return counts


def _names(table: sa.Table) -> list[str]:
    """The columns that are written; the engine computes the others."""
    return [column.name for column in table.c if column.computed is None]


def _all_grouped(connection: sa.Connection, candidates: Candidates, frozen: Frozen) -> bool:
    """Whether all rows that are due are in groups: then these say which they are."""
    grouped = candidates.grouped
    if grouped is None:
        return False
    placed = sa.select(sa.func.count()).select_from(grouped.work).where(grouped.number.is_not(None))
    return connection.execute(placed).scalar_one() == frozen.count


def _rows(candidates: Candidates, frozen: Frozen, change: Change, *, all_grouped: bool) -> sa.Select[Any]:
    """The rows that the new table is to have."""
    table, keys, grouped = candidates.rows, frozen.keys, candidates.grouped
    same = sa.and_(*(keys.c[name] == table.c[name] for name in frozen.key))
    if change.takes_rows:
        return sa.select(*(table.c[name] for name in _names(table))).where(sa.not_(sa.exists().where(same)))
    due, joined = keys.c[frozen.key[0]].is_not(None), table.outerjoin(keys, same)
    source: sa.FromClause = joined
    if grouped is not None:
        due, source = (grouped.number.is_not(None), grouped.beside) if all_grouped else (due, grouped.beside_of(joined))
    new: dict[str, list[tuple[sa.ColumnElement[bool], Any]]] = {
        name: [(due, value)] for name, value in change.assignments.items()
    }
    if grouped is not None:
        for name, value in grouped.values.items():
            new[name] = [(sa.and_(due, grouped.number.is_not(None)), value), *new.get(name, [])]
    columns = (
        sa.case(*new[name], else_=table.c[name]).label(name) if name in new else table.c[name] for name in _names(table)
    )
    return drawn(sa.select(*columns).select_from(source), change.assignments)
