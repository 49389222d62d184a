"""What a store keeps of what its rows told of persons, once they or their links are gone: keyed digests, events, days.

Records of the same persons elsewhere still depend on it. So it is written in the transaction that destroys, one row
for each digest and event, and nothing in it is ever changed: what is told later stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:
    from connectors.sql.act import Before
    from connectors.sql.freezing import Frozen
    from connectors.sql.journal import Chunk, Journal

Telling = Callable[["Frozen"], sa.Select[Any]]
"""Selects what a chunk's rows tell: one row per dataset, kind, digest and event, columns named as in `TOLD`."""

Read = Callable[["Frozen"], Iterable[Mapping[str, Any]]]
"""The same of what no engine reads, as rows."""

TOLD = ("dataset", "kind", "digest", "event", "missing", "first_day", "last_day")
"""Who told it, by what kind of key the person is known, and what is known of the event."""


def told_table(metadata: sa.MetaData, prefix: str, exact: Mapping[str, Any]) -> sa.Table:
    """The table, written by chunk; ``exact`` as every table of the engine's own is made."""
    return sa.Table(
        f"{prefix}told", metadata,
        sa.Column("plan", sa.String(128), primary_key=True),
        sa.Column("step", sa.String(128), primary_key=True),
        sa.Column("chunk", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("dataset", sa.String(128), primary_key=True),
        sa.Column("kind", sa.String(128), primary_key=True),
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("event", sa.String(128), primary_key=True),
        sa.Column("controller", sa.String(128), nullable=False),
        sa.Column("missing", sa.Boolean, nullable=False),
        sa.Column("first_day", sa.Date),
        sa.Column("last_day", sa.Date),
        **exact,
    )  # fmt: skip


def keeping_told(journal: Journal, controller: str, telling: Telling, read: Read | None = None) -> Before:
    """What a chunk does before it destroys what tells of persons."""

    def keep(connection: sa.Connection, chunk: Chunk, frozen: Frozen) -> None:
        found = telling(frozen).subquery()
        own = {"plan": chunk.plan, "step": chunk.step, "controller": controller}
        texts = (sa.literal(each, sa.String) for each in own.values())
        rows = sa.select(*texts, sa.literal(chunk.number, sa.Integer), *(found.c[each] for each in TOLD))
        names = [*own, "chunk", *TOLD]
        connection.execute(sa.insert(journal.told).from_select(names, rows, include_defaults=False))
        for row in read(frozen) if read else ():
            _add(connection, journal.told, {**own, "chunk": chunk.number, **row})

    return keep


def _add(connection: sa.Connection, told: sa.Table, row: Mapping[str, Any]) -> None:
    """Write one row, together with what the chunk has told of the same person and event already."""
    place = sa.and_(*(column == row[column.name] for column in told.primary_key))
    known = connection.execute(sa.select(told.c.missing, told.c.first_day, told.c.last_day).where(place)).one_or_none()
    if known is None:
        connection.execute(sa.insert(told), row)
        return
    firsts = [each for each in (known.first_day, row["first_day"]) if each is not None]
    lasts = [each for each in (known.last_day, row["last_day"]) if each is not None]
    days = {"first_day": min(firsts, default=None), "last_day": max(lasts, default=None)}
    connection.execute(sa.update(told).where(place).values(missing=known.missing or row["missing"], **days))
