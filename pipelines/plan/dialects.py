"""The few SQL expressions that every engine spells in its own way: calendar arithmetic, the greatest of several days.

DuckDB has no dialect of its own in SQLAlchemy: `DuckDBDialect` compiles to its SQL, and `run` executes a statement over
a native connection. Every construct is computed by the engine's date functions over days only: no zone is known here.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement, GenericFunction

from retention_rules.periods import Period

if TYPE_CHECKING:
    import duckdb

MONTHS = 12


class DuckDBDialect(PGDialect):
    """PostgreSQL's SQL with `$1` parameters, under DuckDB's name, so that constructs can differ."""

    name = "duckdb"
    supports_statement_cache = False

    def __init__(self) -> None:
        super().__init__(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


_DUCKDB = DuckDBDialect()


@compiles(sa.TryCast, "duckdb")
def _try_cast(element: sa.TryCast[Any], compiler: Any, **kw: Any) -> str:
    return f"TRY_{compiler.visit_cast(element, **kw)}"


def run(connection: duckdb.DuckDBPyConnection, statement: sa.ClauseElement) -> duckdb.DuckDBPyConnection:
    """Execute a SQLAlchemy statement on DuckDB; fetch from what is returned."""
    compiled: Any = statement.compile(dialect=_DUCKDB, compile_kwargs={"render_postcompile": True})
    parameters = [compiled.params[name] for name in getattr(compiled, "positiontup", None) or ()]  # none in DDL
    return connection.execute(str(compiled), parameters)


class Day(FunctionElement[Any]):
    """A day as a bound value."""

    name = "ardoise_day"
    inherit_cache = True
    type = sa.Date()

    def __init__(self, day: dt.date) -> None:
        super().__init__(sa.literal(day, sa.Date()))


@compiles(Day)
def _day(element: Day, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(element.clauses, **kw)


@compiles(Day, "mysql", "mariadb")
def _day_mariadb(element: Day, compiler: SQLCompiler, **kw: Any) -> str:
    """Its driver writes a day as a text, and a text among days makes texts of them all."""
    return f"CAST({compiler.process(element.clauses, **kw)} AS DATE)"


class Nothing(FunctionElement[Any]):
    """NULL of a type, which a relation's column needs."""

    name = "ardoise_nothing"
    inherit_cache = False

    def __init__(self, kind: sa.types.TypeEngine[Any]) -> None:
        super().__init__()
        self.type = kind


@compiles(Nothing)
def _nothing(element: Nothing, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(sa.cast(sa.null(), element.type), **kw)


@compiles(Nothing, "mysql", "mariadb")
def _nothing_mariadb(element: Nothing, compiler: SQLCompiler, **kw: Any) -> str:
    """A truth is a small integer there, and there is no cast to one."""
    kind = sa.Integer() if isinstance(element.type, sa.Boolean) else element.type
    return compiler.process(sa.cast(sa.null(), kind), **kw)


def nothing(kind: sa.types.TypeEngine[Any]) -> sa.ColumnElement[Any]:
    """NULL of a type."""
    return Nothing(kind)


class Exact(FunctionElement[Any]):
    """A value as a text that equals no other: MariaDB's columns compare as their collation says, `é` like `E`."""

    name = "ardoise_exact"
    inherit_cache = True
    type = sa.Text()

    def __init__(self, value: sa.ColumnElement[Any]) -> None:
        super().__init__(value)


@compiles(Exact)
def _exact(element: Exact, compiler: SQLCompiler, **kw: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **kw)} AS TEXT)"


@compiles(Exact, "mysql", "mariadb")
def _exact_mariadb(element: Exact, compiler: SQLCompiler, **kw: Any) -> str:
    return f"CONVERT({compiler.process(element.clauses, **kw)} USING utf8mb4) COLLATE utf8mb4_nopad_bin"


class Shifted(FunctionElement[Any]):
    """A day plus a period plus whole days: months first, clamped to the month's end, then days. NULL stays NULL."""

    name = "ardoise_shifted"
    inherit_cache = False
    type = sa.Date()

    def __init__(self, day: sa.ColumnElement[Any], period: Period, days: int = 0) -> None:
        super().__init__(day)
        self.months = period.years * MONTHS + period.months
        self.days = period.days + days


@compiles(Shifted)
def _shifted(element: Shifted, compiler: SQLCompiler, **kw: Any) -> str:
    """PostgreSQL and DuckDB: interval arithmetic clamps."""
    day = compiler.process(element.clauses, **kw)
    return f"CAST({day} + INTERVAL '{element.months} months {element.days} days' AS DATE)"


@compiles(Shifted, "sqlite")
def _shifted_sqlite(element: Shifted, compiler: SQLCompiler, **kw: Any) -> str:
    """SQLite does not clamp (31 August + 6 months = 3 March): take the earlier of that day number and month's end."""
    day = compiler.process(element.clauses, **kw)
    if not element.months:
        return f"date({day}, '{element.days:+d} days')"
    first = f"'start of month', '{element.months:+d} months'"
    number = f"(CAST(strftime('%d', {day}) AS INTEGER) - 1) || ' days'"
    clamped = f"min(date({day}, {first}, {number}), date({day}, {first}, '+1 month', '-1 day'))"
    return f"date({clamped}, '{element.days:+d} days')"


@compiles(Shifted, "mysql")
@compiles(Shifted, "mariadb")
def _shifted_mariadb(element: Shifted, compiler: SQLCompiler, **kw: Any) -> str:
    day = compiler.process(element.clauses, **kw)
    return f"DATE_ADD(DATE_ADD({day}, INTERVAL {element.months} MONTH), INTERVAL {element.days} DAY)"


class Greatest(GenericFunction[Any]):
    """The greatest of several values, none of which may be NULL: engines differ in what they then answer."""

    name = "ardoise_greatest"
    inherit_cache = True


@compiles(Greatest)
def _greatest(element: Greatest, compiler: SQLCompiler, **kw: Any) -> str:
    return f"greatest({compiler.process(element.clauses, **kw)})"


@compiles(Greatest, "sqlite")
def _greatest_sqlite(element: Greatest, compiler: SQLCompiler, **kw: Any) -> str:
    return f"max({compiler.process(element.clauses, **kw)})"


def greatest(days: list[sa.ColumnElement[Any]]) -> sa.ColumnElement[Any]:
    """The latest of at least one day; none of them NULL."""
    return days[0] if len(days) == 1 else Greatest(*days, type_=days[0].type)
