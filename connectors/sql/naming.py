"""What the engine's own tables call a record: the JSON array of its key (`record_key`), if that is short enough."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from connectors.errors import StoreRefuses
from connectors.sql.functions import record_key
from connectors.sql.temporary import BYTES

LONGEST_NAME = 255
"""Characters of a record's name: MariaDB's keys are short."""

_SHORT = (sa.Integer, sa.Numeric, sa.Date, sa.DateTime, sa.Time, sa.Uuid, sa.Boolean)
"""Types whose values are never long, nor bytes."""


def refuse_unnamed(connection: sa.Connection, dataset: str, table: sa.Table, key: Sequence[str]) -> None:
    """Refuse to mark rows of a table where some of them have no name: nobody could tell what was done to them.

    Raises:
        StoreRefuses: keys hold bytes that are no text, or are too long.
    """
    columns = [table.c[name] for name in key]
    if all(isinstance(each.type, _SHORT) for each in columns) and connection.dialect.name != "sqlite":
        return
    remedy = "Name in the data map, as its key, other columns that tell these rows apart"
    for column in _bytes(columns, connection.dialect.name):
        if _any(connection, table, column):
            raise StoreRefuses(dataset, f"its key ({', '.join(key)}) holds bytes that are no text", remedy)
    if _any(connection, table, sa.func.char_length(record_key(columns)) > LONGEST_NAME):
        what = f"its key ({', '.join(key)}) has more than the {LONGEST_NAME} characters by which a row is marked"
        raise StoreRefuses(dataset, what, remedy)


def _bytes(columns: Sequence[sa.Column[Any]], dialect: str) -> Iterator[sa.ColumnElement[bool]]:
    """Per column that may hold bytes, whether it does, where JSON cannot. PostgreSQL writes them as digits."""
    if dialect == "sqlite":
        yield from (sa.func.typeof(each) == "blob" for each in columns)
    if dialect in {"mysql", "mariadb"}:
        for each in columns:
            if isinstance(each.type, BYTES):
                text = sa.cast(each, mysql.CHAR(charset="utf8mb4"))
                yield sa.func.hex(text).is_distinct_from(sa.func.hex(each))


def _any(connection: sa.Connection, table: sa.Table, condition: sa.ColumnElement[bool]) -> bool:
    found: sa.Select[Any] = sa.select(sa.literal_column("1")).select_from(table).where(condition).limit(1)
    return connection.execute(found).first() is not None
