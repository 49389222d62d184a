"""A digest of a set of rows, whatever their order: what has to be equal before and after a run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from connectors.sql.functions import row_digest

LANES = 4
"""Sums of 32 bits of each row's digest: 128 bits in all, exact for two thousand million rows."""


@dataclass(frozen=True, slots=True)
class SetDigest:
    """How many rows, and the sums over their digests. Two sets with equal ones hold the same rows."""

    rows: int
    sums: tuple[int, ...]


class _Number(FunctionElement[int]):
    """32 bits of a hexadecimal digest, from a position on, as a number."""

    name = "ardoise_number"
    type = sa.BigInteger()
    inherit_cache = True


def set_digest(
    connection: sa.Connection, table: sa.FromClause, columns: Iterable[str], where: sa.ColumnElement[bool]
) -> SetDigest:
    """Count and digest these columns of the rows that fulfil a condition, in the store.

    No row travels; a value is mixed with its row's others and with every other row's before it leaves as a sum.
    """
    digest = row_digest(table.c[name] for name in sorted(columns))
    rows = sa.select(digest.label("digest")).select_from(table).where(where).subquery()
    lanes = (_Number(rows.c.digest, sa.literal_column(str(1 + 8 * lane))) for lane in range(LANES))
    count, *sums = connection.execute(sa.select(sa.func.count(), *(sa.func.sum(lane) for lane in lanes))).one()
    return SetDigest(int(count), tuple(int(each or 0) for each in sums))


@compiles(_Number, "postgresql")
def _number_postgresql(element: _Number, compiler: SQLCompiler, **kw: Any) -> str:
    text, at = (compiler.process(each, **kw) for each in element.clauses)
    return f"CAST(CAST(('x' || substr({text}, {at}, 8)) AS bit(32)) AS bigint)"


@compiles(_Number, "sqlite")
def _number_sqlite(element: _Number, compiler: SQLCompiler, **kw: Any) -> str:
    return f"ardoise_number({compiler.process(element.clauses, **kw)})"


@compiles(_Number, "mysql", "mariadb")
def _number_mariadb(element: _Number, compiler: SQLCompiler, **kw: Any) -> str:
    text, at = (compiler.process(each, **kw) for each in element.clauses)
    return f"CAST(CONV(SUBSTR({text}, {at}, 8), 16, 10) AS UNSIGNED)"
