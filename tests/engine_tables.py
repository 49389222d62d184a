"""The engines that decide, each with one table that is filled anew for every question."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa
import pytest
import sqlalchemy as sa

from connectors.sql.engines import open_engine
from pipelines.plan.dialects import DuckDBDialect, run

ENGINES = ("postgresql", "mariadb", "sqlite", "duckdb")
FAR = "Asia/Tokyo"
"""The time zone of sessions where one can be set: no answer may depend on it. MariaDB's server is as far from UTC."""

Rows = Sequence[Mapping[str, Any]]
"""All with the same names."""


@dataclass(frozen=True)
class EngineTable:
    """A table in an engine: its rows are replaced, then a query over it is answered."""

    engine: str
    ask: Callable[[Rows, sa.Select[Any]], list[tuple[Any, ...]]]

    @property
    def fenced(self) -> bool:
        """As the planner compiles for it."""
        return self.engine != "duckdb"


@contextlib.contextmanager
def engine_table(engine: str, table: sa.Table, request: pytest.FixtureRequest) -> Iterator[EngineTable]:
    """Make a table in one of `ENGINES`; it is gone with the test."""
    if engine == "duckdb":
        with duckdb.connect() as native:
            native.execute(f"SET TimeZone = '{FAR}'")
            native.execute(str(sa.schema.CreateTable(table).compile(dialect=DuckDBDialect())))
            yield EngineTable(engine, _of_duckdb(native, table))
        return
    match engine:
        case "postgresql":
            opened = sa.create_engine(request.getfixturevalue("postgres_database").admin)
        case "mariadb":
            opened = open_engine("crm", request.getfixturevalue("mariadb_database").admin, write=True)
        case _:
            opened = sa.create_engine("sqlite://")
    with opened.connect() as connection:
        if engine == "postgresql":
            connection.exec_driver_sql(f"SET timezone = '{FAR}'")
        table.create(connection)
        yield EngineTable(engine, _of(connection, table))
    opened.dispose()


def _of_duckdb(
    connection: duckdb.DuckDBPyConnection, table: sa.Table
) -> Callable[[Rows, sa.Select[Any]], list[tuple[Any, ...]]]:
    def ask(rows: Rows, query: sa.Select[Any]) -> list[tuple[Any, ...]]:
        run(connection, table.delete())
        connection.register("given", pa.Table.from_pylist(list(rows)))
        names = ", ".join(rows[0])
        connection.execute(f"INSERT INTO {table.name} ({names}) SELECT {names} FROM given")
        connection.unregister("given")
        return run(connection, query).fetchall()

    return ask


def _of(connection: sa.Connection, table: sa.Table) -> Callable[[Rows, sa.Select[Any]], list[tuple[Any, ...]]]:
    def ask(rows: Rows, query: sa.Select[Any]) -> list[tuple[Any, ...]]:
        connection.execute(table.delete())
        connection.execute(table.insert(), list(rows))
        return [tuple(row) for row in connection.execute(query)]

    return ask
