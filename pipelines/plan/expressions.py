"""The expressions that compiled rules are made of: constants, the latest of several days, layers of a relation."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from connectors.sql import fences
from pipelines.plan.dialects import Day, greatest

Expression = sa.ColumnElement[Any]

NO_DAY = dt.date(1, 1, 1)
"""Stands for "no day" where NULL must not occur; earlier than every day of an event."""


def extended(relation: sa.FromClause, columns: Mapping[str, Expression], *, fenced: bool) -> sa.CTE:
    """The relation with more columns, as a sub-select.

    PostgreSQL and SQLite dissolve a plain sub-select into the query around it and then compute its expressions anew at
    every use, which multiplies layer by layer; ``fenced`` stops them (`fences`).
    """
    query = sa.select(*relation.c, *(value.label(name) for name, value in columns.items()))
    return layer(query, fenced=fenced)


def layer(query: sa.Select[Any], *, fenced: bool) -> sa.CTE:
    """A query as one layer of a relation: a CTE, which keeps the statement flat for SQLite's parser. See `extended`."""
    if fenced:
        query = fences.fenced(query)
    return query.cte().prefix_with("MATERIALIZED", dialect="duckdb")


def constant(value: int) -> Expression:
    """A small integer of ours, written into the statement."""
    return sa.literal_column(str(int(value)), sa.Integer())


def day_constant(day: dt.date) -> Expression:
    """A day as a bound value."""
    return Day(day)


def truth(condition: Expression) -> Expression:
    """A condition without a third value: unknown is false."""
    return sa.case((condition, sa.true()), else_=sa.false())


def extreme(days: Sequence[Expression], *, latest: bool) -> Expression:
    """The latest or earliest of days of which some may be NULL; NULL when all are."""
    if len(days) == 1:
        return days[0]
    none = NO_DAY if latest else dt.date.max
    filled: list[Expression] = [sa.func.coalesce(day, day_constant(none), type_=sa.Date()) for day in days]
    if latest:
        return sa.func.nullif(greatest(filled), day_constant(none), type_=sa.Date())
    least = sa.case(
        *((sa.and_(sa.true(), *(one <= other for other in filled if other is not one)), one) for one in filled[:-1]),
        else_=filled[-1],
    )
    return sa.func.nullif(least, day_constant(none), type_=sa.Date())
