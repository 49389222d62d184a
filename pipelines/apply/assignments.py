"""Replacements as the expressions of one UPDATE: what anonymisation decides, said in the store's SQL."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, assert_never

import sqlalchemy as sa

from connectors.sql.drawing import Drawing
from connectors.sql.functions import random_digits, random_hex
from connectors.sql.pools import load_pool, pool_draw
from connectors.sql.types import plain
from pipelines.anonymise.constants import constant
from pipelines.anonymise.pools import LANGUAGES, pool
from pipelines.anonymise.replacement import Assignment, Coarse, Constant, Digits, Draw, Fresh, Joined, Replacement

Expression = sa.ColumnElement[Any]

_VERSION, _VARIANT = 13, 17
"""The places of the digits of a UUID that say how it was made."""


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
            return sa.null() if value is None else constant(value, column, connection.dialect.name)
        case Fresh(digits, suffix):
            text: Expression = random_hex(digits, drawing)
            text = text.concat(sa.literal(suffix, sa.Text)) if suffix else text
            return _uuid(text, column, connection.dialect.name) if isinstance(plain(column.type), sa.Uuid) else text
        case Digits(prefix, below, factor, width):
            number: Expression = sa.literal(prefix, sa.Text).concat(random_digits(below, factor, width, drawing))
            return sa.cast(number, column.type) if isinstance(plain(column.type), sa.Integer) else number
        case Joined(parts):
            made = [_expression(connection, column, table, drawing, part) for part in parts]
            return functools.reduce(lambda text, part: text.concat(sa.literal(" ", sa.Text)).concat(part), made)
        case Draw():
            return _draw(connection, table, drawing, assignment)
        case Coarse(build):
            return build(column, connection.dialect.name)
        case _:
            assert_never(assignment)


def _uuid(digits: Expression, column: Expression, dialect: str) -> Expression:
    """Random digits as a UUID of version 4: MariaDB takes none whose version and variant do not go together."""
    if dialect == "postgresql":
        version = sa.func.overlay(digits, sa.literal("4", sa.Text), _VERSION, type_=sa.Text())
        return sa.cast(sa.func.overlay(version, sa.literal("8", sa.Text), _VARIANT, type_=sa.Text()), column.type)
    version = sa.func.insert(digits, _VERSION, 1, "4", type_=sa.Text())
    return sa.func.insert(version, _VARIANT, 1, "8", type_=sa.Text())


def _draw(connection: sa.Connection, table: sa.FromClause, drawing: Drawing | None, draw: Draw) -> Expression:
    def drawn(language: str) -> Expression:
        values = pool(draw.kind, language, draw.longest).values
        loaded = load_pool(connection, f"{draw.kind}_{language or 'any'}_{draw.longest or 0}", values)
        return pool_draw(loaded, connection.dialect, drawing)

    if draw.by is None:
        return drawn("")
    language = sa.func.lower(sa.func.substr(table.c[draw.by], 1, 2))
    return sa.case(*((language == each, drawn(each)) for each in LANGUAGES), else_=drawn(""))
