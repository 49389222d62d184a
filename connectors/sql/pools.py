"""Pools of invented values, from which every row draws independently and afresh.

No draw depends on the row: two rows, and two runs, agree only by chance. The pool lives as long as its connection.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from connectors.sql.functions import random_hex


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool that `load_pool` has loaded into a connection; ``values`` where they travel with each statement."""

    name: str
    size: int
    table: sa.Table
    values: tuple[str, ...] = ()


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
    """Load values into a temporary relation of this connection, replacing a pool of the same name.

    Raises:
        ValueError: there are no values.
    """
    if not values:
        raise ValueError(f"pool {name} has no values")
    table = sa.Table(
        f"ardoise_pool_{name}",
        sa.MetaData(),
        sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("value", sa.Text),
        prefixes=["TEMPORARY"],
    )
    if connection.dialect.name == "sqlite":
        held = tuple(values)
        driver: Any = connection.connection.dbapi_connection
        driver.create_function(table.name, 0, lambda: secrets.choice(held))
        return Pool(name, len(held), table)
    if connection.dialect.name == "mariadb":
        return Pool(name, len(values), table, tuple(values))
    connection.execute(sa.schema.DropTable(table, if_exists=True))
    table.create(connection)
    connection.execute(table.insert(), [{"n": n, "value": value} for n, value in enumerate(values)])
    connection.exec_driver_sql(f"ANALYZE {table.name}")
    return Pool(name, len(values), table)


def pool_draw(pool: Pool, row: sa.ColumnElement[Any], dialect: sa.Dialect) -> sa.ColumnElement[str]:
    """An expression that draws a value for each row. ``row`` is a column of the row that is never NULL: its key.

    An engine evaluates a subquery that does not refer to the row once for all rows; hence the reference, which
    decides nothing: it adds zero.
    """
    if dialect.name == "sqlite":
        return sa.Function(pool.table.name, type_=sa.Text)
    if dialect.name == "mariadb":  # no lateral subqueries; ELT looks at one of its arguments, and draws for each row
        return sa.func.elt(_Position(pool.size) + 1, *pool.values, type_=sa.Text())
    zero = sa.func.length(sa.cast(row, sa.Text)) * sa.literal_column("0", sa.BigInteger)
    # The draw stands in a subquery of its own that no planner merges (OFFSET 0): inside the condition it would be
    # drawn anew for every value of the pool, and match none or several.
    drawn = sa.select((_Position(pool.size) + zero).label("n")).offset(sa.literal_column("0"))
    position = drawn.correlate(row.table).lateral(f"draw_{pool.name}")
    return (
        sa.select(pool.table.c.value)
        .select_from(sa.join(position, pool.table, pool.table.c.n == position.c.n))
        .correlate(row.table)
        .scalar_subquery()
    )
