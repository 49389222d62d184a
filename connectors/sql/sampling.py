"""A sample of a table that costs little however large the table is: bounded in rows, in text per cell, and in time.

Rows are chosen by a stable hash of their key. Of a large table in PostgreSQL only some pages are looked at, the same
ones while the table does not change. Where the time is up, the first rows that come are taken, and each says so.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from connectors.base import Document, Ref
from connectors.sql.functions import record_key, row_digest, version

CELL = 20_000
"""Characters of a cell that are read; what a column holds shows earlier."""

WHOLE = 50_000
"""Rows up to which every key is hashed; of larger tables in PostgreSQL, about as many on pages chosen by a seed."""

_AGAIN = 6
"""How many times as long the first rows may take, when the choice by hash has taken too long."""

_TICKS = 20_000
"""Steps of SQLite's machine between two looks at the clock."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """One table to sample; ``seconds``: how long the choice by hash may take, None for no limit of its own."""

    table: sa.Table
    key: Sequence[str]
    where: Any
    limit: int
    seconds: float | None = None

    def documents(self, connection: sa.Connection) -> Iterator[Document]:
        """At most ``limit`` rows, with the text of every column that is not NULL."""
        try:
            with connection.begin_nested(), _within(connection, self.seconds):
                rows = connection.execute(self._by_hash(connection)).mappings().all()
            hashed = True
        except sa.exc.DBAPIError:
            if self.seconds is None:
                raise
            # Whatever it was: if it was not the time, it happens again here and is told.
            with _within(connection, _AGAIN * self.seconds):
                rows = connection.execute(self._read(connection, self.table).limit(self.limit)).mappings().all()
            hashed = False
        for row in rows:
            texts = {each.name: row[each.name] for each in self.table.c if row[each.name] is not None}
            yield Document(Ref(row["ardoise_key"], row["ardoise_version"]), texts, by_hash=hashed)

    def _by_hash(self, connection: sa.Connection) -> sa.Select[Any]:
        table = self._pages(connection)
        digest = row_digest(table.c[name] for name in self.key)
        if any(self.table.c[name].nullable for name in self.key):  # no key to join on
            return self._read(connection, table).order_by(digest).limit(self.limit)
        # The keys alone are sorted; the columns are read of the chosen rows.
        keys = sa.select(*(table.c[name] for name in self.key)).where(self._inside(table))
        chosen = keys.order_by(digest).limit(self.limit).subquery("chosen")
        same = sa.and_(*(self.table.c[name] == chosen.c[name] for name in self.key))
        read = self._read(connection, self.table, self.table.join(chosen, same))
        return read.order_by(row_digest(self.table.c[name] for name in self.key))

    def _read(
        self, connection: sa.Connection, table: sa.FromClause, source: sa.FromClause | None = None
    ) -> sa.Select[Any]:
        place = record_key(table.c[name] for name in self.key)
        seen = self.table if source is not None else table
        columns = (
            sa.func.substr(sa.cast(seen.c[each.name], sa.Text), 1, CELL).label(each.name) for each in self.table.c
        )
        read = sa.select(
            place.label("ardoise_key"), version(self.table, connection.dialect).label("ardoise_version"), *columns
        )
        return read.select_from(source if source is not None else table).where(self._inside(seen))

    def _inside(self, table: sa.FromClause) -> Any:
        return self.where(table)

    def _pages(self, connection: sa.Connection) -> sa.FromClause:
        """The table, or of a large one in PostgreSQL some of its pages."""
        if connection.dialect.name != "postgresql":
            return self.table
        name = connection.dialect.identifier_preparer.format_table(self.table)
        about = connection.execute(
            sa.text("SELECT reltuples FROM pg_class WHERE oid = to_regclass(:name) AND relkind = 'r'"), {"name": name}
        ).scalar_one_or_none()
        if about is None or about <= WHOLE:
            return self.table
        return self.table.tablesample(sa.func.system(100 * WHOLE / about), seed=sa.literal_column("0"), name="pages")


@contextlib.contextmanager
def _within(connection: sa.Connection, seconds: float | None) -> Iterator[None]:
    """Let statements of the block fail after so many seconds."""
    if seconds is None:
        yield
        return
    match connection.dialect.name:
        case "postgresql":
            before = connection.exec_driver_sql("SHOW statement_timeout").scalar_one()
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = {max(1, round(seconds * 1000))}")
            yield
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = '{before}'")
        case "sqlite":
            driver: Any = connection.connection.driver_connection
            ends = time.monotonic() + seconds
            driver.set_progress_handler(lambda: int(time.monotonic() > ends), _TICKS)
            try:
                yield
            finally:
                driver.set_progress_handler(None, 0)
        case _:
            connection.exec_driver_sql(f"SET max_statement_time = {max(0.001, seconds):.3f}")
            try:
                yield
            finally:
                connection.exec_driver_sql("SET max_statement_time = DEFAULT")
