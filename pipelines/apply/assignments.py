"""Replacements as the expressions of one UPDATE: what anonymisation decides, said in the store's SQL."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, assert_never

import sqlalchemy as sa

from connectors.sql.drawing import Drawing
from connectors.sql.functions import random_digits, random_hex
from connectors.sql.pools import load_pool, pool_draw
from pipelines.anonymise.pools import LANGUAGES, pool
from pipelines.anonymise.replacement import Assignment, Coarse, Constant, Digits, Draw, Fresh, Joined, Replacement

Expression = sa.ColumnElement[Any]


def assignments(
    connection: sa.Connection,
    table: sa.FromClause,
    replacements: Mapping[str, Replacement],
    drawing: Drawing | None = None,
) -> dict[str, Expression]:
    """The new value of each column, for every row anew; makes the pools that it draws from ready on the connection.

    ``drawing``: of the table, where the statement that gets the values provides for it.
    """
    made = {}
    for name, replacement in replacements.items():
        made[name] = _expression(connection, table.c[name], table, drawing, replacement.assignment)
    return made


def _expression(
    connection: sa.Connection,
    column: Expression,
    table: sa.FromClause,
    drawing: Drawing | None,
    assignment: Assignment,
) -> Expression:
    match assignment:
        case Constant(value):
            return sa.null() if value is None else _literal(value, column, connection.dialect.name)
        case Fresh(digits, suffix):
            text: Expression = random_hex(digits, drawing)
            text = text.concat(sa.literal(suffix, sa.Text)) if suffix else text
            return sa.cast(text, column.type) if isinstance(column.type, sa.Uuid) else text
        case Digits(prefix, below, factor, width):
            number: Expression = sa.literal(prefix, sa.Text).concat(random_digits(below, factor, width, drawing))
            return sa.cast(number, column.type) if isinstance(column.type, sa.Integer) else number
        case Joined(parts):
            made = [_expression(connection, column, table, drawing, part) for part in parts]
            return functools.reduce(lambda text, part: text.concat(sa.literal(" ", sa.Text)).concat(part), made)
        case Draw():
            return _draw(connection, table, drawing, assignment)
        case Coarse(build):
            return build(column, connection.dialect.name)
        case _:
            assert_never(assignment)


def _draw(connection: sa.Connection, table: sa.FromClause, drawing: Drawing | None, draw: Draw) -> Expression:
    def drawn(language: str) -> Expression:
        values = pool(draw.kind, language, draw.longest).values
        loaded = load_pool(connection, f"{draw.kind}_{language or 'any'}_{draw.longest or 0}", values)
        return pool_draw(loaded, connection.dialect, drawing)

    if draw.by is None:
        return drawn("")
    language = sa.func.lower(sa.func.substr(table.c[draw.by], 1, 2))
    return sa.case(*((language == each, drawn(each)) for each in LANGUAGES), else_=drawn(""))


def _literal(value: Any, column: Expression, dialect: str) -> Expression:
    """SQLite keeps dates as ISO texts and knows no decimals."""
    if dialect != "sqlite":
        return sa.literal(value, column.type)
    if isinstance(value, dt.datetime):
        return sa.literal(value.strftime("%Y-%m-%d %H:%M:%S"), sa.Text)
    if isinstance(value, (dt.date, dt.time)):
        return sa.literal(value.isoformat(), sa.Text)
    return sa.literal(int(value) if isinstance(value, Decimal) else value)
