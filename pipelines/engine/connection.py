"""Connections to the engine database and their transactions; a driver's error never leaves, its text may quote."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from pipelines.errors import EngineDown

BUSY_SECONDS = 30
"""How long a writer waits for another before it gives up."""


@dataclass(frozen=True, slots=True)
class Connections:
    """Read and write transactions on one engine database. Safe for use by several threads and processes."""

    engine: sa.Engine

    @classmethod
    def of(cls, url: str) -> Connections:
        """Connections by SQLAlchemy URL; nothing is opened yet.

        Raises:
            EngineDown: the URL is none, or names a database that the engine does not speak.
        """
        try:
            parsed = sa.make_url(url)
        except SQLAlchemyError:
            raise EngineDown(
                "the URL of the engine database cannot be read", "[engine] database", "Write it as scheme://…"
            ) from None
        backend = parsed.get_backend_name()
        if backend == "sqlite":
            return cls(_sqlite(parsed))
        if backend == "postgresql":
            return cls(_postgresql(parsed))
        raise EngineDown(
            f"the engine database cannot be {backend}", "[engine] database", "Use sqlite:///… or postgresql+psycopg://…"
        )

    @property
    def file(self) -> Path | None:
        """The database's file, where it has one."""
        name = self.engine.url.database
        return Path(name) if self.engine.dialect.name == "sqlite" and name and name != ":memory:" else None

    @contextlib.contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """One consistent snapshot."""
        options = {"isolation_level": "REPEATABLE READ"} if self.engine.dialect.name == "postgresql" else {}
        with _wrapped(), self.engine.connect() as raw:
            connection = raw.execution_options(**options)
            with connection.begin():
                yield connection

    @contextlib.contextmanager
    def write(self, within: sa.Connection | None = None) -> Iterator[sa.Connection]:
        """A transaction that commits at the end of the block; joins ``within`` if that is given."""
        if within is not None:
            yield within
            return
        with _wrapped(), self.engine.connect() as raw:
            connection = raw.execution_options(ardoise_write=True)
            with connection.begin():
                yield connection

    @contextlib.contextmanager
    def outside(self) -> Iterator[sa.Connection]:
        """A connection without a transaction, for what a database refuses inside one."""
        with _wrapped(), self.engine.connect() as raw:
            yield raw.execution_options(ardoise_outside=True)

    def dispose(self) -> None:
        """Close what is open."""
        self.engine.dispose()


@contextlib.contextmanager
def _wrapped() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise EngineDown(
            f"the engine database failed ({type(error).__name__})",
            "[engine] database",
            "See that it is up, has space and may be written by this user; then run the same command again.",
        ) from None


def _postgresql(url: sa.URL) -> sa.Engine:
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    return sa.create_engine(url, hide_parameters=True, pool_pre_ping=True)


def _sqlite(url: sa.URL) -> sa.Engine:
    engine = sa.create_engine(
        url,
        hide_parameters=True,
        connect_args={"timeout": BUSY_SECONDS},
        poolclass=sa.pool.NullPool if url.database and url.database != ":memory:" else sa.pool.StaticPool,
    )

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun below: the driver's own begin too late
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        options = connection.get_execution_options()
        if options.get("ardoise_outside"):
            return
        write = options.get("ardoise_write", False)
        # A writer that starts as a reader could fail at its first write, without waiting.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine
