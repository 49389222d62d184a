"""The intermediate archive of a SQL store: a place apart in the same engine, with reading credentials of its own.

A schema in PostgreSQL, an attached file in SQLite: so a move is one transaction, and rows never travel. A table of the
archive holds *arrivals*: what one step of one plan brought of one record. An arrival has the record's key, the columns
that law and claims still need, and what later decisions need (evidence). There are no foreign keys: what an arrival
depended on may go before it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from connectors.errors import StoreMismatch, StoreReadOnly, StoreRefuses
from connectors.sql.act import Before, Frozen
from connectors.sql.catalog import OWN_PREFIX
from connectors.sql.engines import open_engine, parse_url, prepare_sqlite, speaking_for
from connectors.sql.functions import random_hex
from connectors.sql.journal import Chunk, Journal

ID, PLAN, STEP, ALTERED = (f"{OWN_PREFIX}{name}" for name in ("arrival", "plan", "step", "altered"))
"""An arrival's own columns: its random id, the plan and the step that brought it, the last plan that emptied a part."""

_ID_DIGITS = 32

Rows = Callable[[Frozen], sa.Select[Any]]
"""Selects what a chunk brings: one row for each frozen key, columns named as the archive's."""


@dataclass(frozen=True, slots=True)
class ArchivePlace:
    """Where a store's archive is: the schema's name (as what a file is attached), and the URL that may read it."""

    schema: str
    read: str = field(repr=False)


class Archive:
    """The archive of one store. It reads with its own credentials; moving there needs the store's writing ones."""

    def __init__(self, store: str, place: ArchivePlace) -> None:
        self.store = store
        self.schema = place.schema
        url = parse_url(store, place.read)
        self._reader = url.username
        self._file = Path(url.database or "").absolute() if url.get_backend_name() == "sqlite" else None
        self._engine = (
            open_engine(store, place.read, write=False)
            if self._file is None
            else sa.create_engine("sqlite://", creator=self._alone, poolclass=sa.NullPool, hide_parameters=True)
        )

    def close(self) -> None:
        """Let go of connections."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """One transaction over one snapshot of the archive, with the archive's own credentials."""
        options: dict[str, Any] = {}
        if self._engine.dialect.name == "postgresql":
            options = {"isolation_level": "REPEATABLE READ"}
        with (
            speaking_for(self.store),
            self._engine.connect().execution_options(**options) as connection,
            connection.begin(),
        ):
            yield connection

    # -- the place

    def prepare(self, connection: sa.Connection, journal: Journal, reader: str | None) -> None:
        """Make the place where it is not there yet, and hold everybody off but the archive's own reader.

        Args:
            connection: in a transaction of the store's writing role.
            journal: the store's.
            reader: the store's ordinary reading role, which must not be able to read the archive.

        Raises:
            StoreMismatch: records were moved there, and it is gone.
            StoreReadOnly: a right is missing.
            StoreRefuses: the archive would not be apart from the active base.
        """
        self._refuse_lost(connection, connection, journal)
        if connection.dialect.name == "sqlite":
            self._prepare_file(connection)
        else:
            self._prepare_schema(connection, reader)

    def check(self, connection: sa.Connection, journal: Journal) -> None:
        """Reach the archive as its reader, and hold it against what the store, which ``connection`` reads, has moved.

        Raises:
            StoreMismatch: records were moved there, and it is gone.
            StoreRefuses: archives of such stores are not known yet.
        """
        with self.reading() as own:
            self._refuse_lost(own, connection, journal)

    def _refuse_lost(self, own: sa.Connection, connection: sa.Connection, journal: Journal) -> None:
        engine = connection.dialect.name
        if engine not in {"postgresql", "sqlite"}:
            raise StoreRefuses(self.store, f"there is no archive in {engine} yet", "Take the store's archive out")
        if not self.tables(own) and _has_moved(connection, journal):
            raise StoreMismatch(
                self.store,
                f"the archive {self.schema} is gone",
                "Restore it: records were moved there and nowhere else",
            )

    def attach(self, connection: sqlite3.Connection, _: object = None) -> None:
        """Put the archive's file beside the store's, on a new writing connection; for its owner alone.

        Raises:
            StoreRefuses: it is the store's own file.
        """
        if self._file is not None:
            main = next(file for _, name, file in connection.execute("PRAGMA database_list") if name == "main")
            if self._file.exists() and self._file.samefile(main):
                raise StoreRefuses(self.store, "its archive is the store's own file", "Let its `read` name another")
            self._file.touch(mode=0o600)
            connection.execute(f"ATTACH 'file:{quote(str(self._file))}?mode=rw' AS {self.schema}")

    def _alone(self) -> sqlite3.Connection:
        """The archive's file, to be read only, under the name that it has beside the store's; nothing where none is."""
        connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        prepare_sqlite(connection)
        there = self._file is not None and self._file.exists()
        place = f"file:{quote(str(self._file))}?mode=ro" if there else ":memory:"
        connection.execute(f"ATTACH '{place}' AS {self.schema}")
        return connection

    def _prepare_schema(self, connection: sa.Connection, reader: str | None) -> None:
        quoted = connection.dialect.identifier_preparer.quote
        schema = quoted(self.schema)
        if not sa.inspect(connection).has_schema(self.schema):
            connection.execute(sa.schema.CreateSchema(self.schema))
        connection.exec_driver_sql(f"REVOKE ALL ON SCHEMA {schema} FROM PUBLIC")
        if self._reader:
            connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA {schema} TO {quoted(self._reader)}")
        if not self._may_use(connection, self._reader):
            raise StoreReadOnly(
                self.store, f"the archive's reading role may not use {self.schema}", f"GRANT USAGE ON SCHEMA {schema}"
            )
        if reader is None or self._may_use(connection, reader):
            raise StoreRefuses(
                self.store,
                f"its ordinary reading role could read the archive {self.schema}",
                "Give `read` a role that owns nothing, and the archive's `read` another one",
            )

    def _may_use(self, connection: sa.Connection, role: str | None) -> bool:
        right = sa.func.has_schema_privilege(sa.literal(role or ""), self.schema, sa.literal("USAGE"))
        return bool(role) and bool(connection.execute(sa.select(right)).scalar_one())

    def _prepare_file(self, connection: sa.Connection) -> None:
        for name in ("main", self.schema):
            mode = str(connection.exec_driver_sql(f"PRAGMA {name}.journal_mode").scalar_one())
            if mode not in {"delete", "truncate", "persist"}:
                raise StoreRefuses(
                    self.store,
                    f"SQLite commits a file in journal mode {mode} and its archive one after the other",
                    "PRAGMA journal_mode = DELETE in both; a kill between them would lose or double records",
                )
        if self._file is not None and self._file.stat().st_mode & 0o077:
            raise StoreRefuses(self.store, "others may read the file of its archive", f"chmod 600 {self._file.name}")

    # -- its tables

    def tables(self, connection: sa.Connection) -> tuple[str, ...]:
        """The datasets that have a table here."""
        return tuple(sorted(sa.inspect(connection).get_table_names(schema=self.schema)))

    def find(self, connection: sa.Connection, dataset: str) -> sa.Table | None:
        """The table of a dataset, or None when nothing of it was ever moved."""
        if not sa.inspect(connection).has_table(dataset, schema=self.schema):
            return None
        return self._reflected(connection, dataset)

    def _reflected(self, connection: sa.Connection, dataset: str) -> sa.Table:
        return sa.Table(dataset, sa.MetaData(), schema=self.schema, autoload_with=connection, resolve_fks=False)

    def make(
        self,
        connection: sa.Connection,
        dataset: str,
        key: Sequence[str],
        columns: Mapping[str, sa.types.TypeEngine[Any]],
    ) -> sa.Table:
        """The table of a dataset with these columns at least, made or extended in the caller's transaction.

        Raises:
            StoreMismatch: a table of an earlier shape has another key.
        """
        found = self.find(connection, dataset)
        if found is None:
            return self._made(connection, dataset, key, columns)
        if missing := [name for name in key if name not in found.c]:
            raise StoreMismatch(
                self.store,
                f"the archive of {dataset} has no key column {missing[0]}",
                "Move its table out of the way under another name, and keep it by hand",
            )
        name = connection.dialect.identifier_preparer.format_table(found)
        for column, kind in columns.items():
            if column not in found.c:
                quoted = connection.dialect.identifier_preparer.quote(column)
                compiled = kind.compile(connection.dialect)
                connection.exec_driver_sql(f"ALTER TABLE {name} ADD COLUMN {quoted} {compiled}")
        return self._reflected(connection, dataset)

    def _made(
        self,
        connection: sa.Connection,
        dataset: str,
        key: Sequence[str],
        columns: Mapping[str, sa.types.TypeEngine[Any]],
    ) -> sa.Table:
        own = [
            sa.Column(ID, sa.String(_ID_DIGITS), primary_key=True),
            sa.Column(PLAN, sa.String(64), nullable=False),
            sa.Column(STEP, sa.String(128), nullable=False),
            sa.Column(ALTERED, sa.String(64)),
        ]
        rest = [sa.Column(name, kind, nullable=name not in key) for name, kind in columns.items()]
        once = sa.UniqueConstraint(*key, PLAN, STEP)
        made = sa.Table(dataset, sa.MetaData(), *own, *rest, once, schema=self.schema)
        connection.execute(sa.schema.CreateTable(made))  # and no types: those of the source are there
        if connection.dialect.name == "postgresql":
            name = connection.dialect.identifier_preparer.format_table(made)
            reader = connection.dialect.identifier_preparer.quote(self._reader or "")
            connection.exec_driver_sql(f"REVOKE ALL ON {name} FROM PUBLIC")
            connection.exec_driver_sql(f"GRANT SELECT ON {name} TO {reader}")
        return made


def arrival(archive: sa.Table, rows: Rows) -> Before:
    """What a moving chunk does before it deletes or empties: bring its rows here, all of them or none.

    Raises (when it runs):
        StoreRefuses: not every row of the chunk would arrive.
    """

    def arrive(connection: sa.Connection, chunk: Chunk, frozen: Frozen) -> None:
        found = rows(frozen).subquery()
        own = [random_hex(_ID_DIGITS), sa.literal(chunk.plan, sa.String), sa.literal(chunk.step, sa.String)]
        names = [ID, PLAN, STEP, *(column.name for column in found.c)]
        connection.execute(archive.insert().from_select(names, sa.select(*own, *found.c), include_defaults=False))
        ours = sa.and_(archive.c[PLAN] == chunk.plan, archive.c[STEP] == chunk.step, frozen.within(archive))
        arrived = connection.execute(sa.select(sa.func.count()).select_from(archive).where(ours)).scalar_one()
        locked = connection.execute(sa.select(sa.func.count()).select_from(frozen.keys)).scalar_one()
        if arrived != locked:
            raise StoreRefuses(chunk.dataset, f"{arrived} of {locked} rows arrived in the archive", "Plan again")

    return arrive


def _has_moved(connection: sa.Connection, journal: Journal) -> bool:
    if not journal.exists(connection):
        return False
    step, done = journal.journal.c.step, journal.journal.c.done
    moved = sa.or_(step.like("%.%.archive"), step.like("%.%.archive.g%")) & (done > 0)
    return bool(connection.execute(sa.select(sa.exists().where(moved))).scalar_one())
