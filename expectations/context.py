"""Great Expectations as Ardoise uses it: nothing on disk, nothing sent, nothing said; stores over connections apart."""

from __future__ import annotations

import contextlib
import functools
import itertools
import logging
import os
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from connectors.sql.engines import open_engine

if TYPE_CHECKING:
    import sqlalchemy as sa
    from great_expectations.data_context import EphemeralDataContext
    from great_expectations.datasource.fluent import SQLDatasource

_NUMBERS = itertools.count(1)
"""What tells the sources of a process apart."""

_SPOKEN = {"postgresql": "postgresql+psycopg://", "mariadb": "mysql+pymysql://", "sqlite": "sqlite://"}
"""What Great Expectations takes a store's engine for; where it is, the connections know."""

UNKNOWN = "UNKNOWN"
"""What a type is called that nobody knows."""
_READING = {
    "postgresql": "SET default_transaction_read_only = on",
    "mariadb": "SET SESSION TRANSACTION READ ONLY",
}
"""What keeps a session from writing even where its role might; SQLite's files are opened for reading alone."""


@functools.cache
def ephemeral_context() -> EphemeralDataContext:
    """The process's context, in memory, with analytics and progress bars off.

    Importing Great Expectations takes seconds, so it happens here and not at the top of any module. Its logs are shut:
    what it says of a statement that failed may quote a value.
    """
    os.environ["GX_ANALYTICS_ENABLED"] = "False"
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    for name in ("great_expectations", *logging.root.manager.loggerDict):
        if name.partition(".")[0] == "great_expectations":  # some of them have levels of their own
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


@contextlib.contextmanager
def opened(store: str, url: str, schema: str = "") -> Iterator[SQLDatasource]:
    """A store as a source of Great Expectations', over read-only connections of its own that end with the block.

    Args:
        store: the store's name.
        url: SQLAlchemy URL of the reading role.
        schema: where its tables are looked for, in PostgreSQL.

    Raises:
        ConnectorError: the URL is none, or names an engine that is not supported.
    """
    engine = open_engine(store, url, write=False)
    context = ephemeral_context()
    from great_expectations.datasource.fluent import GxDatasourceWarning

    kwargs = {"creator": lambda: _connected(engine, schema), "hide_parameters": True}
    with warnings.catch_warnings():
        # The specific sources refuse what the generic one takes: socket URLs (PostgreSQL) and spaces (SQLite).
        warnings.simplefilter("ignore", GxDatasourceWarning)
        name = f"{store}-{next(_NUMBERS)}"
        source: SQLDatasource = context.data_sources.add_sql(  # type: ignore[call-arg]  # its stub lacks `kwargs`
            name, connection_string=_SPOKEN[engine.dialect.name], kwargs=kwargs
        )
        try:
            _name_unknown_types(source.get_execution_engine().engine.dialect)
            yield source
        finally:
            source.get_execution_engine().close()  # else its connections stay open until something collects them
            source.get_engine().dispose()
            engine.dispose()
            context.data_sources.delete(name)


def _name_unknown_types(dialect: sa.Dialect) -> None:
    """Have a type that SQLAlchemy does not know (`point`, `vector`) called `UNKNOWN`.

    It refuses to name one, and Great Expectations has it name all types of a table to tell which columns there are.
    """
    compiler: Any = dialect.type_compiler_instance
    compiler.visit_null = lambda *_, **__: UNKNOWN


def _connected(engine: sa.Engine, schema: str) -> Any:
    """A driver's connection with the settings that every connection to a store has, and for reading alone."""
    drawn = engine.raw_connection()
    connection: Any = drawn.driver_connection
    drawn.detach()
    statements = [_READING[engine.dialect.name]] if engine.dialect.name in _READING else []
    if schema and engine.dialect.name == "postgresql":
        statements.append(f"SET search_path = {engine.dialect.identifier_preparer.quote_identifier(schema)}")
    for statement in statements:
        with contextlib.closing(connection.cursor()) as cursor:
            cursor.execute(statement)
    connection.commit()
    return connection
