"""The connector for SQL stores: PostgreSQL, MariaDB and SQLite.

Beside the protocol it offers what set-based planning and apply need: reflected tables, reading and writing
connections, the journal. Reading uses the read-only address alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from connectors.base import Capabilities, Document, Impact, Inventory, Ref, Result, Source, Transform
from connectors.errors import ConnectorError, ScanIncomplete, StoreDown, StoreMismatch, StoreReadOnly, StoreRefuses
from connectors.lasting import Lasting
from connectors.sql import catalog, impact, renewal, residue, rows
from connectors.sql.apart import Ordinary
from connectors.sql.archive import Archive, ArchivePlace
from connectors.sql.engines import open_engine, parse_url, speaking_for
from connectors.sql.implied import implied
from connectors.sql.journal import Journal
from connectors.sql.sampling import Sampling
from connectors.sql.stamps import keep_stamps
from connectors.sql.unique import keep_unique


class SqlConnector:
    """A SQL store. ``read_url`` should name a role that cannot write; without ``write_url`` the store only reads.

    ``archive`` is where the store's intermediate archive is, if it has one.
    """

    def __init__(
        self, store: str, read_url: str, write_url: str | None = None, archive: ArchivePlace | None = None
    ) -> None:
        self.store = store
        self._read = open_engine(store, read_url, write=False)
        self._write = open_engine(store, write_url, write=True) if write_url else None
        self._reader = parse_url(store, read_url).username
        self._writer = parse_url(store, write_url).username if write_url else None
        self._tables: dict[str, sa.Table] = {}
        self._implied: dict[str, frozenset[str]] = {}
        self.journal = Journal(self.dialect)
        self.archive = None if archive is None else Archive(store, archive)
        if self.archive is not None and self._write is not None:
            self.archive.beside(self._write)

    @property
    def dialect(self) -> sa.Dialect:
        """The SQL dialect of the store."""
        return self._read.dialect

    @property
    def capabilities(self) -> Capabilities:
        """Sets, transactions, conditional in-place writes."""
        kinds = ("wal", "backups") if self.dialect.name == "postgresql" else ("backups",)
        return Capabilities(
            set_based=True,
            transactional=True,
            conditional_write=True,
            in_place_rewrite=True,
            residue=kinds,
            largest_batch=50_000,
        )

    # -- connections

    @contextmanager
    def reading(self, *, strict: bool = False) -> Iterator[sa.Connection]:
        """One transaction over one snapshot of the store, on a fresh connection with the read-only address.

        It may create temporary tables, which go with it; ``strict`` forbids even that (not in SQLite).
        """
        options: dict[str, Any] = {}
        if self.dialect.name == "postgresql":
            options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": strict}
        with (
            speaking_for(self.store),
            self._read.connect().execution_options(**options) as connection,
            connection.begin(),
        ):
            if strict and self.dialect.name in {"mysql", "mariadb"}:
                connection.exec_driver_sql("SET TRANSACTION READ ONLY")
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A connection for several transactions, begun by the caller with `connection.begin()`.

        Raises:
            StoreReadOnly: there is no write address, or it leads to a replica or a read-only file.
        """
        if self._write is None:
            raise StoreReadOnly(self.store, "it has no write address", "Give one in the estate's store")
        with speaking_for(self.store), self._write.connect() as connection:
            self._refuse_read_only(connection)
            yield connection

    def _refuse_read_only(self, connection: sa.Connection) -> None:
        match self.dialect.name:
            case "postgresql":
                question = "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on'"
            case "sqlite":
                return
            case _:
                question = "SELECT @@read_only OR @@tx_read_only"
        with connection.begin():
            refused = connection.exec_driver_sql(question).scalar_one()
        if refused:
            raise StoreReadOnly(self.store, "it is a read-only replica or database", "Give the address of the primary")

    def check(self) -> None:
        """Reach the store with the read-only address."""
        with self.reading(strict=True) as connection:
            connection.execute(sa.select(sa.literal(1)))

    def check_writable(self, sources: Iterable[Source] = ()) -> None:
        """Refuse beforehand what could not be written: read-only stores, and tables that the role may not change.

        Raises:
            StoreReadOnly: naming the table, with the right to grant.
            StoreRefuses: a table's engine cannot take back what a killed run has half done.
        """
        with self.writing() as connection, connection.begin():
            for source in sources if self.dialect.name == "mariadb" else ():
                self._refuse_lasting(connection, self.table(source))
            for source in sources if self.dialect.name == "postgresql" else ():
                table = self.table(source)
                name = self.dialect.identifier_preparer.format_table(table)
                rights = sa.func.has_table_privilege(name, sa.literal("UPDATE")) & sa.func.has_table_privilege(
                    name, sa.literal("DELETE")
                )
                if not connection.execute(sa.select(rights)).scalar_one():
                    raise StoreReadOnly(
                        self.store, f"the role may not change {name}", f"GRANT UPDATE, DELETE ON {name} to it"
                    )
            if self.dialect.name == "sqlite":
                # Takes the write lock and writes a page, then takes it back: no other question shows a read-only file.
                connection.exec_driver_sql("CREATE TABLE ardoise_probe (n INTEGER)")
                connection.rollback()

    def _refuse_lasting(self, connection: sa.Connection, table: sa.Table) -> None:
        question = (
            "SELECT e.engine FROM information_schema.tables t JOIN information_schema.engines e ON e.engine = t.engine "
            "WHERE t.table_schema = DATABASE() AND t.table_name = :name AND e.transactions <> 'YES'"
        )
        engine = connection.execute(sa.text(question), {"name": table.name}).scalar_one_or_none()
        if engine is not None:
            raise StoreRefuses(
                self.store,
                f"the table {table.name} takes part in no transaction: its engine is {engine}",
                f"ALTER TABLE {table.name} ENGINE = InnoDB",
            )

    def prepare(self) -> None:
        """Create the engine's own tables in the store and let the reading role read them.

        Raises:
            StoreReadOnly: the writing role may not create them.
            StoreRefuses: it may write to those that another role has created, and not add to them.
        """
        ordinary = self._ordinary
        with self.writing() as connection, connection.begin():
            self.journal.prepare(connection, ordinary.role)
            if why := self.journal.marks.refused(connection):
                raise StoreRefuses(
                    self.store,
                    f"the writing role cannot add to the tables of Ardoise: {why}",
                    "Give the store the role that owns them, or a member of it",
                )
            if self.archive is not None:
                self.archive.prepare(connection, self.journal, ordinary)

    def make_view(self, connection: sa.Connection, name: str, rows: sa.Select[Any]) -> str:
        """Make a view in the engine's own schema, or make it anew, and let the reading role read it; its whole name.

        ``connection`` is in a transaction of the writing role. The view shows what that role may read.
        """
        quote = self.dialect.identifier_preparer.quote
        schema = self.journal.schema
        place = f"{schema}.{quote(name)}" if schema else quote(f"{catalog.OWN_PREFIX}{name}")
        connection.exec_driver_sql(f"DROP VIEW IF EXISTS {place}")
        select = rows.compile(dialect=self.dialect, compile_kwargs={"literal_binds": True})
        connection.exec_driver_sql(f"CREATE VIEW {place} AS {select}")
        if schema and (reader := self._ordinary.role):
            connection.exec_driver_sql(f"GRANT SELECT ON {place} TO {quote(reader)}")
        return place

    @property
    def _ordinary(self) -> Ordinary:
        return Ordinary(self._reader if self._reader != self._writer else None, self.reading)

    def check_archive(self) -> Iterator[ConnectorError]:
        """Why records could not move to the archive, be apart there, or be read: each role is tried, nothing changes.

        Nothing where the store has no archive.
        """
        if self.archive is None:
            return
        for attempt in (self._try_reading, self._try_filling):
            try:
                attempt(self.archive)
            except ConnectorError as error:
                yield error

    def _try_reading(self, archive: Archive) -> None:
        with self.reading() as connection:
            archive.check(connection, self.journal)

    def _try_filling(self, archive: Archive) -> None:
        with archive.untouched(), self.writing() as connection, connection.begin() as attempt:
            archive.rehearse(connection, self.journal, self._ordinary)
            attempt.rollback()

    def close(self) -> None:
        """Let go of connections; there are none between calls."""
        for engine in (self._read, self._write):
            if engine is not None:
                engine.dispose()
        if self.archive is not None:
            self.archive.close()

    # -- what is there

    def inspect(self) -> Inventory:
        """Every table of every schema but the engine's own."""
        with self.reading() as connection:
            return catalog.read_inventory(connection, self.store)

    def table(self, source: Source) -> sa.Table:
        """The source's table, reflected once.

        Raises:
            StoreMismatch: the table, or a column that the source names, is not there; or it has no key.
        """
        table = self._table_at(source.location)
        self.columns(source, (*source.key, *source.where))
        return table

    def columns(self, source: Source, names: Iterable[str]) -> list[sa.Column[Any]]:
        """The named columns of the source's table.

        Raises:
            StoreMismatch: naming the first that is not there.
        """
        table = self._table_at(source.location)
        for name in names:
            if name not in table.c:
                raise StoreMismatch(
                    self.store,
                    f"table {source.location} has no column {name}",
                    f"Correct the data map of {source.name}; it has {', '.join(table.c.keys())}",
                )
        return [table.c[name] for name in names]

    def key(self, source: Source) -> tuple[str, ...]:
        """The source's key columns: as the data map names them, else the primary key.

        Raises:
            StoreMismatch: there are none.
        """
        found = source.key or tuple(column.name for column in self.table(source).primary_key)
        if not found:
            raise StoreMismatch(
                self.store, f"table {source.location} has no primary key", f"Name the key of {source.name} in the map"
            )
        return found

    def where(self, source: Source, table: sa.FromClause | None = None) -> sa.ColumnElement[bool]:
        """The condition that a row belongs to the source (its tenant)."""
        rows_of = self.table(source) if table is None else table
        return sa.and_(sa.true(), *(rows_of.c[name].in_(values) for name, values in source.where.items()))

    def location(self, source: Source) -> str:
        """The source's location as `inspect` names it, with the schema where the store has schemas."""
        table = self._table_at(source.location)
        return catalog.location(table.schema, table.name)

    def schema_digest(self, sources: Iterable[Source]) -> str:
        """SHA-256 over what a plan over these sources relies on; see `catalog.schema_digest`."""
        return catalog.schema_digest(self.inspect(), [self.location(source) for source in sources])

    def table_at(self, location: str) -> sa.Table:
        """The table at a location, as `inspect` names it, reflected once.

        Raises:
            StoreMismatch: there is none.
        """
        return self._table_at(location)

    def _table_at(self, location: str) -> sa.Table:
        schema, name = None, location
        if self.dialect.name == "postgresql":
            schema, _, name = location.rpartition(".")
            schema = schema or "public"
        place = catalog.location(schema, name)
        if place not in self._tables:
            with self.reading() as connection:
                if not sa.inspect(connection).has_table(name, schema=schema):
                    raise StoreMismatch(
                        self.store, f"there is no table {location}", "Correct the source in the data map, or scan again"
                    )
                table = sa.Table(name, sa.MetaData(), schema=schema, autoload_with=connection, resolve_fks=False)
                keep_stamps(connection, table)
                keep_unique(connection, table)
                self._tables[place] = table
        return self._tables[place]

    def implied(self, table: sa.Table) -> frozenset[str]:
        """The columns of one of its tables that may change when any others are written, asked once."""
        if table.fullname not in self._implied:
            with self.reading() as connection:
                self._implied[table.fullname] = implied(connection, table)
        return self._implied[table.fullname]

    # -- the protocol

    def count(self, source: Source) -> int:
        """Exactly how many rows the source holds."""
        table, where = self.table(source), self.where(source)
        with self.reading(strict=True) as connection:
            return int(connection.execute(sa.select(sa.func.count()).select_from(table).where(where)).scalar_one())

    def scan(self, source: Source, columns: Sequence[str] = (), batch: int = 1000) -> Iterator[pa.RecordBatch]:
        """Stream `key`, `version` and the columns, each as the store's text for it, from one snapshot."""
        table, key, where = self.table(source), self.key(source), self.where(source)
        self.columns(source, columns)
        begun = False
        try:
            with self.reading(strict=True) as connection:
                for part in rows.scan(connection, table, key, where, columns, batch):
                    begun = True
                    yield part
        except StoreDown as error:
            if not begun:
                raise
            raise ScanIncomplete(self.store, f"the scan of {source.name} ended early", error.remedy) from None

    def sample(self, source: Source, limit: int, seconds: float | None = None) -> Iterator[Document]:
        """At most ``limit`` rows with their texts, by a stable hash of the key; the first ones when time is up."""
        sampling = Sampling(self.table(source), self.key(source), partial(self.where, source), limit, seconds)
        with self.reading(strict=True) as connection:
            yield from sampling.documents(connection)

    def impact(self, source: Source) -> Impact:
        """What deleting every row of the source would also do."""
        return self.impact_of(source, self.where(source))

    def impact_of(
        self, source: Source, doomed: sa.ColumnElement[bool], connection: sa.Connection | None = None
    ) -> Impact:
        """What deleting the rows that fulfil a condition would also do; on a connection with its temporary tables."""
        if connection is None:
            with self.reading() as fresh:
                return self.impact_of(source, doomed, fresh)
        inventory = catalog.read_inventory(connection, self.store)
        return impact.measure(connection, inventory, self._table_at, self.location(source), doomed)

    def delete(self, source: Source, refs: Sequence[Ref], operation: str) -> list[Result]:
        """Delete the rows as they were seen, in one transaction; PENDING where another session holds the row."""
        if not refs:
            return []
        table, key = self.table(source), self.key(source)
        self.prepare()
        with self.writing() as connection:
            return rows.delete(connection, self.journal, source, table, key, refs, operation)

    def rewrite(self, source: Source, refs: Sequence[Ref], transform: Transform, operation: str) -> list[Result]:
        """Replace columns of the rows as they were seen; the transform is given and gives a JSON object."""
        if not refs:
            return []
        table, key = self.table(source), self.key(source)
        self.prepare()
        with self.writing() as connection:
            return rows.rewrite(connection, self.journal, source, table, key, refs, transform, operation)

    def resolve(self, source: Source, refs: Sequence[Ref], operation: str) -> list[Result]:
        """What became of an operation whose answer was lost; nothing is changed."""
        table, key = self.table(source), self.key(source)
        with self.reading() as connection:
            return rows.resolve(connection, self.journal, source, table, key, refs, operation)

    def remaining(self, source: Source, refs: Sequence[Ref]) -> int:
        """How many of the rows are still there."""
        table, key = self.table(source), self.key(source)
        with self.reading(strict=True) as connection:
            return rows.count_keys(connection, table, key, refs)

    def scatter(self, source: Source) -> None:
        """Lay the source's rows, and the marks, in the order of their keys: see `renewal.scatter`."""
        if self._write is None:
            raise StoreReadOnly(self.store, "it has no write address", "Give one in the estate's store")
        with self.writing() as connection, connection.begin():
            self.journal.marks.index(connection, source.name)
        with (
            speaking_for(self.store),
            self._write.connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
        ):
            marks = self.journal.marks.parts(connection, source.name)
            renewal.scatter(connection, (self.table(source), *marks, self.journal.remembered))

    def purge_residue(self, source: Source, *, fresh: bool = False) -> tuple[str, ...]:
        """Vacuum the table; returns what remains, with why. ``fresh``: it was just written anew, without dead rows."""
        table = self.table(source)
        if self._write is None:
            raise StoreReadOnly(self.store, "it has no write address", "Give one in the estate's store")
        with (
            speaking_for(self.store),
            self._write.connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
        ):
            return residue.purge(connection, table, fresh=fresh)

    def purge_archive(self, dataset: str) -> tuple[str, ...]:
        """Vacuum a dataset's table in the archive; returns what remains, with why."""
        if self._write is None or self.archive is None:
            raise StoreReadOnly(self.store, "it has no write address, or no archive", "Give both in the estate's store")
        with (
            speaking_for(self.store),
            self._write.connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
        ):
            if self.dialect.name == "sqlite":
                connection.exec_driver_sql(f"VACUUM {self.archive.schema}")
                return (Lasting.BACKUPS.said("copies of the archive's file, until whoever made them removes them"),)
            table = self.archive.find(connection, dataset)
            return () if table is None else residue.purge(connection, table)
