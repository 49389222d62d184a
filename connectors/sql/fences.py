"""Queries that planners leave as they are: what they compute is computed once, and not again at each use of it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler


class _Nothing(sa.ColumnElement[int]):
    """No row, to be skipped."""

    type = sa.Integer()
    inherit_cache = True


@compiles(_Nothing)
def _nothing(element: _Nothing, compiler: SQLCompiler, **kw: Any) -> str:
    del element, compiler, kw
    return "0"


@compiles(_Nothing, "postgresql")
def _nothing_postgresql(element: _Nothing, compiler: SQLCompiler, **kw: Any) -> str:
    """A number would be cast, and what is to be computed stands in the way of reading with several processes."""
    del element, compiler, kw
    return "'0'"


def fenced(query: sa.Select[Any]) -> sa.Select[Any]:
    """The same rows, as a subquery that is not pulled up into the one around it, and that still streams."""
    return query.offset(_Nothing())
