"""What a store remembers of a subject whose link to a record was anonymised: days and states of events, no digest.

Once the link is overwritten, nobody can tell any more what happened to whom. So the days on which the record, and
what inherits from it, still depend are kept with the record's marks, in the transaction that overwrites. They count as
long as every mark of the record stands: a row that is used anew, were it in part, is somebody else's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from connectors.sql.functions import record_key
from connectors.sql.naming import LONGEST_NAME
from connectors.sql.removal import delete_records
from connectors.sql.upserts import upsert

if TYPE_CHECKING:
    from connectors.sql.act import Before
    from connectors.sql.freezing import Frozen
    from connectors.sql.journal import Chunk, Journal

Fields = Mapping[str, Iterable[str]]
"""The columns of each category of a dataset."""

Days = Callable[["Frozen"], sa.Select[Any]]
"""Selects what is to be remembered of a chunk: one row per record and event, columns named as `remembered_table`'s."""

DAYS = ("open", "missing", "first_day", "last_day", "doubt_open", "doubt_day")
"""What is remembered of an event: its states, its first and last day, and what weak matches said of it."""


def remembered_table(metadata: sa.MetaData, prefix: str, exact: Mapping[str, Any]) -> sa.Table:
    """The table, one row for each record and event; ``exact`` as every table of the engine's own is made."""
    return sa.Table(
        f"{prefix}remembered", metadata,
        sa.Column("dataset", sa.String(128), primary_key=True),
        sa.Column("record", sa.String(LONGEST_NAME), primary_key=True),
        sa.Column("event", sa.String(128), primary_key=True),
        sa.Column("open", sa.Boolean, nullable=False),
        sa.Column("missing", sa.Boolean, nullable=False),
        sa.Column("first_day", sa.Date),
        sa.Column("last_day", sa.Date),
        sa.Column("doubt_open", sa.Boolean, nullable=False),
        sa.Column("doubt_day", sa.Date),
        sa.Column("plan", sa.String(128), nullable=False),
        **exact,
    )  # fmt: skip


def remembering(journal: Journal, fields: Fields, anonymous: sa.ColumnElement[bool], days: Days | None) -> Before:
    """What a chunk that overwrites links does before: keep the days that only the links could tell.

    Args:
        journal: the store's.
        fields: all categories of the dataset.
        anonymous: whether a row's links were overwritten already, and its days are remembered and count.
        days: what is remembered, those of earlier times included; None where nothing is to be.
    """

    def remember(connection: sa.Connection, chunk: Chunk, frozen: Frozen) -> None:
        table, key, target = frozen.table, frozen.key, journal.remembered
        name = record_key(table.c[each] for each in key)
        of_dataset = target.c.dataset == chunk.dataset
        if connection.execute(sa.select(sa.exists().where(of_dataset))).scalar_one():
            strangers = sa.and_(frozen.within(), sa.not_(anonymous))
            delete_records(connection, target, of_dataset, name, strangers)
        if days is not None:
            found = days(frozen).subquery()
            own = (sa.literal(chunk.dataset, sa.String), sa.literal(chunk.plan, sa.String))
            names = ["dataset", "plan", "record", "event", *DAYS]
            rows = sa.select(*own, *(found.c[each] for each in names[2:])).where(sa.true())  # SQLite wants one
            upsert(connection, target, names, rows, ("plan", *DAYS))
        journal.marks.unmark_broken(connection, chunk, table, key, fields, frozen.within())

    return remember
