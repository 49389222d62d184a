"""Conditions and queries as text, as Great Expectations takes them: every constant written out."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa


def text_of(element: sa.ClauseElement, dialect: sa.Dialect) -> str:
    """The SQL of a condition or query in a store's dialect.

    Its constants are names of the data map, digests, patterns and days of the rules: never a person's value.
    """
    compiled = element.compile(dialect=dialect, compile_kwargs={"literal_binds": True})
    # A driver that fills in parameters by % has them doubled; Great Expectations doubles them once more.
    doubled = getattr(dialect.identifier_preparer, "_double_percents", False)
    text = str(compiled)
    return text.replace("%%", "%") if doubled else text


def counted(*where: sa.ColumnElement[bool], table: sa.FromClause) -> sa.Select[Any]:
    """How many rows of a table fulfil conditions, as the number of offenders."""
    return sa.select(sa.func.count().label("offenders")).select_from(table).where(*where)
