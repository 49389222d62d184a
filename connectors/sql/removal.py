"""Deleting what the engine keeps of records that a query names.

MariaDB runs a subquery anew for every row of the table from which is deleted. There the query fills a temporary table,
and what it names is found by its key. Keys of bytes, which need not be a text, are still compared by the subquery.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import visitors

from connectors.sql.naming import LONGEST_NAME
from connectors.sql.temporary import BYTES, looked_up

_TABLE = looked_up(
    sa.Table(
        "ardoise_named",
        sa.MetaData(),
        sa.Column("record", sa.String(LONGEST_NAME), nullable=False),
        sa.Column("fingerprint", sa.String(64)),
        prefixes=["TEMPORARY"],
    ),
    ("record",),
)


def delete_records(
    connection: sa.Connection,
    table: sa.Table,
    mine: sa.ColumnElement[bool],
    record: sa.ColumnElement[Any],
    rows: sa.ColumnElement[bool] | None = None,
    fingerprint: sa.ColumnElement[Any] | None = None,
) -> None:
    """Delete the rows of a ``table``, of those that are ``mine``, whose column `record` is one of others' ``record``.

    ``rows``: of which others, by default all. With a ``fingerprint`` of theirs only rows whose own is not the same.
    """
    c = table.c
    named: sa.Select[Any] = sa.select(record.label("record"))
    named = named if rows is None else named.where(rows)
    if connection.dialect.name in {"mysql", "mariadb"} and not _of_bytes(record):
        named = named.where(sa.func.char_length(record) <= LONGEST_NAME)  # what is longer is in no table
        names = ["record"] if fingerprint is None else ["record", "fingerprint"]
        full = named if fingerprint is None else named.add_columns(fingerprint)
        connection.execute(sa.schema.DropTable(_TABLE, if_exists=True))
        _TABLE.create(connection)
        connection.execute(_TABLE.insert().from_select(names, full))
        same = [c.record == _TABLE.c.record]
        same += [] if fingerprint is None else [c.fingerprint != _TABLE.c.fingerprint]
        connection.execute(sa.delete(table).where(mine, *same))
        connection.execute(sa.schema.DropTable(_TABLE))
        return
    among = [c.record.in_(named)]
    if fingerprint is not None:
        among.append(sa.tuple_(c.record, c.fingerprint).not_in(named.add_columns(fingerprint)))
    connection.execute(sa.delete(table).where(mine, *among))


def _of_bytes(record: sa.ColumnElement[Any]) -> bool:
    """Whether a record's key has a column of bytes."""
    return any(isinstance(getattr(each, "type", None), BYTES) for each in visitors.iterate(record))
