"""The end of the fiscal year in each engine's SQL: what `retention_rules.events.end_of_fiscal_year` says of one day."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from retention_rules.events import EARLIEST_DAY


class FiscalYearEnd(FunctionElement[Any]):
    """The last day of the fiscal year, which ends with a month, in which a day lies. NULL stays NULL."""

    name = "ardoise_fiscal_year_end"
    inherit_cache = False
    type = sa.Date()

    def __init__(self, day: sa.ColumnElement[Any], month: int) -> None:
        super().__init__(day)
        self.month = month


def end_of_fiscal_year(day: sa.ColumnElement[Any], month: int) -> sa.ColumnElement[Any]:
    """A day rolled forward, or itself where `retention_rules.events.end_of_fiscal_year` leaves it as it is."""
    last = sa.literal_column("'9999-01-01'", sa.Date())
    first = sa.literal_column(f"'{EARLIEST_DAY}'", sa.Date())
    return sa.case((sa.or_(day >= last, day < first), day), else_=FiscalYearEnd(day, month))


@compiles(FiscalYearEnd)
def _rolled(element: FiscalYearEnd, compiler: SQLCompiler, **kw: Any) -> str:
    """PostgreSQL and DuckDB."""
    day, month = compiler.process(element.clauses, **kw), element.month
    later = f"CASE WHEN EXTRACT(MONTH FROM {day}) > {month} THEN 1 ELSE 0 END"
    first = f"make_date(CAST(EXTRACT(YEAR FROM {day}) AS INTEGER) + {later}, {month}, 1)"
    return f"CAST({first} + INTERVAL '1 month' - INTERVAL '1 day' AS DATE)"


@compiles(FiscalYearEnd, "sqlite")
def _rolled_sqlite(element: FiscalYearEnd, compiler: SQLCompiler, **kw: Any) -> str:
    day, month = compiler.process(element.clauses, **kw), element.month
    later = f"(CAST(strftime('%m', {day}) AS INTEGER) > {month})"
    first = f"printf('%04d-{month:02}-01', CAST(strftime('%Y', {day}) AS INTEGER) + {later})"
    return f"CASE WHEN {day} IS NOT NULL THEN date({first}, '+1 month', '-1 day') END"


@compiles(FiscalYearEnd, "mysql")
@compiles(FiscalYearEnd, "mariadb")
def _rolled_mariadb(element: FiscalYearEnd, compiler: SQLCompiler, **kw: Any) -> str:
    day, month = compiler.process(element.clauses, **kw), element.month
    return f"LAST_DAY(CAST(CONCAT(YEAR({day}) + (MONTH({day}) > {month}), '-{month:02}-01') AS DATE))"
