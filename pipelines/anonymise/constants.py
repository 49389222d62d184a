"""The same value for every row, as a store's SQL writes it into a column."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from connectors.sql.types import plain


def constant(value: Any, column: sa.ColumnElement[Any], dialect: str) -> sa.ColumnElement[Any]:
    """SQLite keeps dates as ISO texts and knows no decimals; PostgreSQL reads a text as whatever the column holds."""
    kind = column.type
    if dialect == "postgresql" and isinstance(value, str) and not isinstance(plain(kind), sa.String):
        return sa.cast(sa.literal(value, sa.Text), kind)
    if dialect != "sqlite":
        return sa.literal(value, kind)
    if isinstance(value, dt.datetime):
        return sa.literal(value.strftime("%Y-%m-%d %H:%M:%S"), sa.Text)
    if isinstance(value, (dt.date, dt.time)):
        return sa.literal(value.isoformat(), sa.Text)
    return sa.literal(int(value) if isinstance(value, Decimal) else value)
