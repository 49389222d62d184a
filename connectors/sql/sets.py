"""A digest of a set of rows, whatever their order: what has to be equal before and after a run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from connectors.sql.fences import fenced
from connectors.sql.functions import row_digest

LANES = 4
"""Sums of 32 bits of what each row tells: 128 bits in all, exact for two thousand million rows."""


@dataclass(frozen=True, slots=True)
class SetDigest:
    """How many rows, and the sums over their digests. Two sets with equal ones hold the same rows."""

    rows: int
    sums: tuple[int, ...]


class _Told(FunctionElement[str]):
    """All that columns hold: their text in PostgreSQL, which is hashed to numbers; elsewhere a digest of it."""

    name = "ardoise_told"
    type = sa.Text()
    inherit_cache = True


class _Number(FunctionElement[int]):
    """32 bits of what a row tells, by the number of the lane."""

    name = "ardoise_number"
    type = sa.BigInteger()
    inherit_cache = True

    def __init__(self, told: sa.ColumnElement[str], lane: int) -> None:
        self.lane = lane
        # A literal, since the statement depends on it: a parameter would share cached statements.
        super().__init__(told, sa.literal_column(str(lane)))

    @property
    def position(self) -> int:
        """The first of eight hexadecimal digits."""
        return 1 + 8 * self.lane


def set_digest(
    connection: sa.Connection, table: sa.FromClause, columns: Iterable[str], where: sa.ColumnElement[bool]
) -> SetDigest:
    """Count and digest these columns of the rows that fulfil a condition, in the store.

    No row travels; a value is mixed with its row's others and with every other row's before it leaves as a sum. Without
    columns rows are only counted.
    """
    names = sorted(columns)
    if not names:
        counted = sa.select(sa.func.count()).select_from(table).where(where)
        return SetDigest(int(connection.execute(counted).scalar_one()), (0,) * LANES)
    told = _Told(*(table.c[name] for name in names))
    found = sa.select(told.label("told")).select_from(table).where(where)
    if connection.dialect.name == "postgresql":  # or every lane would put the row's text together anew
        found = fenced(found)
    rows = found.subquery()
    lanes = (_Number(rows.c.told, lane) for lane in range(LANES))
    count, *sums = connection.execute(sa.select(sa.func.count(), *(sa.func.sum(lane) for lane in lanes))).one()
    return SetDigest(int(count), tuple(int(each or 0) for each in sums))


@compiles(_Told)
def _told(element: _Told, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(row_digest(element.clauses), **kw)


@compiles(_Told, "postgresql")
def _told_postgresql(element: _Told, compiler: SQLCompiler, **kw: Any) -> str:
    return f'CAST(ROW({compiler.process(element.clauses, **kw)}) AS TEXT) COLLATE "C"'


@compiles(_Number, "postgresql")
def _number_postgresql(element: _Number, compiler: SQLCompiler, **kw: Any) -> str:
    text, _ = (compiler.process(each, **kw) for each in element.clauses)
    seed, half = divmod(element.lane, 2)
    return f"((hashtextextended({text}, {seed}) >> {32 * half}) & 4294967295)"


@compiles(_Number, "sqlite")
def _number_sqlite(element: _Number, compiler: SQLCompiler, **kw: Any) -> str:
    text, _ = (compiler.process(each, **kw) for each in element.clauses)
    return f"ardoise_number({text}, {element.position})"


@compiles(_Number, "mysql", "mariadb")
def _number_mariadb(element: _Number, compiler: SQLCompiler, **kw: Any) -> str:
    text, _ = (compiler.process(each, **kw) for each in element.clauses)
    return f"CAST(CONV(SUBSTR({text}, {element.position}, 8), 16, 10) AS UNSIGNED)"
