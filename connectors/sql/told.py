"""What a store keeps of what its rows told of persons, once they or their links are gone: keyed digests, events, days.

Records of the same persons elsewhere still depend on it. So it is written in the transaction that destroys, one row
for each digest and event, and nothing in it is ever changed: what is told later stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:
    from connectors.sql.act import Before, Frozen
    from connectors.sql.journal import Chunk, Journal

Telling = Callable[["Frozen"], sa.Select[Any]]
"""Selects what a chunk's rows tell: one row per dataset, kind, digest and event, columns named as in `TOLD`."""

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


def keeping_told(journal: Journal, controller: str, telling: Telling) -> Before:
    """What a chunk does before it destroys what tells of persons."""

    def keep(connection: sa.Connection, chunk: Chunk, frozen: Frozen) -> None:
        found = telling(frozen).subquery()
        own = {"plan": chunk.plan, "step": chunk.step, "controller": controller}
        texts = (sa.literal(each, sa.String) for each in own.values())
        rows = sa.select(*texts, sa.literal(chunk.number, sa.Integer), *(found.c[each] for each in TOLD))
        names = [*own, "chunk", *TOLD]
        connection.execute(sa.insert(journal.told).from_select(names, rows, include_defaults=False))

    return keep
