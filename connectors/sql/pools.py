"""Pools of invented values, from which every row draws independently and afresh.

No draw depends on the row: two rows, and two runs, agree only by chance.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from connectors.sql.drawing import Drawing
from connectors.sql.functions import random_hex

_BITS = 31
"""Of a random number that decides on a value: so many more than a pool's size has that no value is likelier."""
_NAME = 63
"""The bytes of PostgreSQL's type for names, of which each takes as many."""


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool that `load_pool` has made ready on a connection.

    ``drawing`` names SQLite's function that draws; in the other engines the values travel with each statement.
    """

    values: tuple[str, ...]
    drawing: str = ""


class _Position(FunctionElement[int]):
    """A random whole number from 0 to below ``size``, drawn per evaluation."""

    name = "ardoise_position"
    type = sa.BigInteger()
    inherit_cache = True

    def __init__(self, size: int) -> None:
        super().__init__(random_hex(8), sa.literal(size, sa.BigInteger))


@compiles(_Position)
def _position(element: _Position, compiler: SQLCompiler, **kw: Any) -> str:
    digits, size = (compiler.process(each, **kw) for each in element.clauses)
    return f"(CONV({digits}, 16, 10) MOD {size})"


@compiles(_Position, "postgresql")
def _position_postgresql(element: _Position, compiler: SQLCompiler, **kw: Any) -> str:
    digits, size = (compiler.process(each, **kw) for each in element.clauses)
    return f"mod(CAST(CAST('x' || {digits} AS BIT(32)) AS BIGINT), {size})"


def load_pool(connection: sa.Connection, name: str, values: Sequence[str]) -> Pool:
    """Make values ready to be drawn on this connection, in place of a pool of the same name.

    Raises:
        ValueError: there are no values.
    """
    if not values:
        raise ValueError(f"pool {name} has no values")
    held = tuple(values)
    if connection.dialect.name != "sqlite":
        return Pool(held)
    driver: Any = connection.connection.dbapi_connection
    drawing = f"ardoise_pool_{name}"
    driver.create_function(drawing, 0, lambda: secrets.choice(held))
    return Pool(held, drawing)


def pool_draw(pool: Pool, dialect: sa.Dialect, drawing: Drawing | None = None) -> sa.ColumnElement[str]:
    """An expression that draws a value for each row, each time anew; ``drawing``: see `random_hex`."""
    if dialect.name == "sqlite":
        return sa.Function(pool.drawing, type_=sa.Text)
    if dialect.name == "mariadb":  # ELT looks at one of its arguments, and draws for each row
        return sa.func.elt(_Position(len(pool.values)) + 1, *pool.values, type_=sa.Text())
    # All values in one, each of the same width: the place of one is computed, not searched for. A join with a table of
    # them would be a search for each row (measured: ten times as long).
    plain = [value.encode() for value in pool.values]
    width = max(map(len, plain)) or 1
    position = _Position(len(plain)) if drawing is None else sa.func.mod(drawing.whole(_BITS), len(plain))
    if width <= _NAME:
        return _Named(sa.literal(list(pool.values), postgresql.ARRAY(sa.Text)), sa.cast(position + 1, sa.Integer))
    packed = sa.literal(b"".join(value.ljust(width, b"\0") for value in plain), sa.LargeBinary)
    start = sa.cast(position * width + 1, sa.Integer)
    drawn = sa.func.btrim(sa.func.substr(packed, start, width), sa.literal(b"\0", sa.LargeBinary))
    return sa.func.convert_from(drawn, "UTF8", type_=sa.Text())


class _Named(FunctionElement[str]):
    """One of some texts of at most `_NAME` bytes: as names they have one width, so that an array is not searched."""

    name = "ardoise_named"
    type = sa.Text()
    inherit_cache = True


@compiles(_Named, "postgresql")
def _named(element: _Named, compiler: SQLCompiler, **kw: Any) -> str:
    texts, number = (compiler.process(each, **kw) for each in element.clauses)
    return f"CAST((CAST({texts} AS name[]))[{number}] AS TEXT)"
