"""Partitions of which every row is due: emptied at once, as files, instead of row by row (PostgreSQL).

The rows go with TRUNCATE, in the transaction that keeps what they told and contributed; the empty partition stays
where it is, since rows of its kind may come again, and whether it is still needed is for those who made it to say.
MariaDB commits a change of partitions at once, apart from everything else: there nothing can be resumed, and the
strategy does not fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from connectors.sql.act import Before, Checkpoint, run_chunk
from connectors.sql.freezing import Frozen, freeze_locked
from connectors.sql.journal import Chunk, Counts, Journal
from connectors.sql.lines import Candidates
from connectors.sql.rewrite_postgresql import catalogued, fitting
from connectors.sql.strategy import Obstacle, Strategy, Unfit

NO_PARTITIONS = Obstacle("kind", "it has no partitions")


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition without partitions of its own, by its quoted name, and how many rows it holds."""

    name: str
    rows: int


def obstacles(connection: sa.Connection, table: sa.Table, role: str | None) -> tuple[Obstacle, ...]:
    """What stands in the way of emptying partitions of a table; nothing is changed. ``role``: who would do it."""
    match connection.dialect.name:
        case "postgresql":
            return tuple(catalogued(connection, "partitions", table, role))
        case "sqlite":
            return (NO_PARTITIONS,)
        case _:
            parted = sa.text(
                "SELECT count(*) FROM information_schema.partitions WHERE table_schema = DATABASE() "
                "AND table_name = :name AND partition_name IS NOT NULL"
            )
            if not connection.execute(parted, {"name": table.name}).scalar_one():
                return (NO_PARTITIONS,)
            return (Obstacle("engine", "its engine commits a change of partitions apart from everything else"),)


def whole(connection: sa.Connection, table: sa.Table, key: Sequence[str], due: sa.Select[Any]) -> list[Partition]:
    """The partitions all of whose rows have keys that a query selects, by name; empty ones are none of them."""
    place: sa.ColumnClause[Any] = sa.column("tableoid")
    place.table = table
    keys = due.subquery()
    same = sa.and_(*(keys.c[name] == table.c[name] for name in key))
    found = sa.func.count(keys.c[key[0]])
    asked = (
        sa.select(sa.cast(sa.cast(place, postgresql.REGCLASS), sa.Text), sa.func.count())
        .select_from(table.outerjoin(keys, same))
        .group_by(place)
        .having(found == sa.func.count())
        .order_by(sa.literal_column("1"))
    )
    return [Partition(name, rows) for name, rows in connection.execute(asked)]


def whole_of(connection: sa.Connection, candidates: Candidates) -> list[Partition]:
    """The partitions all of whose rows are candidates."""
    return whole(connection, candidates.rows, candidates.key, candidates.keys())


def drop_chunk(
    connection: sa.Connection,
    journal: Journal,
    chunk: Chunk,
    candidates: Candidates,
    partition: Partition,
    before: Sequence[Before] = (),
    checkpoint: Checkpoint | None = None,
) -> Counts:
    """Empty a partition, if every row of it is a candidate and due.

    Raises:
        Unfit: it is not, or something stands in the way by now; nothing is changed.
    """
    at = checkpoint or (lambda _: None)
    inside: Any = sa.select(*(sa.column(name) for name in candidates.key)).select_from(sa.text(partition.name))

    def freezing() -> tuple[Frozen, Counts]:
        with fitting(Strategy.DROP_PARTITION):
            connection.exec_driver_sql(f"LOCK TABLE {partition.name} IN EXCLUSIVE MODE")
        for each in obstacles(connection, candidates.rows, None):
            raise Unfit(Strategy.DROP_PARTITION, each)
        there = sa.select(sa.func.count()).select_from(inside.subquery())
        frozen, counts = freeze_locked(connection, candidates, inside)
        if counts.done != partition.rows or counts.done != connection.execute(there).scalar_one():
            raise Unfit(
                Strategy.DROP_PARTITION, Obstacle("not_whole", f"a row of {partition.name} is not due any more")
            )
        return frozen, counts

    def act(frozen: Frozen) -> int:
        at("mid_batch")
        with fitting(Strategy.DROP_PARTITION):
            connection.exec_driver_sql(f"TRUNCATE ONLY {partition.name}")
        left = sa.select(sa.func.count()).select_from(candidates.rows).where(frozen.within())
        return partition.rows - int(connection.execute(left).scalar_one())

    def after(frozen: Frozen) -> None:
        journal.unmark(connection, chunk.dataset, frozen.keys, frozen.key)

    return run_chunk(connection, journal, chunk, freezing, before, act, after, at)
