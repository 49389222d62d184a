"""The intermediate archive of a SQL store: a place apart in the same engine, with reading credentials of its own.

Where that is, `connectors.sql.apart` knows: so a move is one transaction, and rows never travel. A table of the archive
holds *arrivals*: what one step of one plan brought of one record. An arrival has the record's key, the columns
that law and claims still need, and what later decisions need (evidence). There are no foreign keys: what an arrival
depended on may go before it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from connectors.errors import StoreDown, StoreMismatch, StoreReadOnly, StoreRefuses
from connectors.sql.act import Before
from connectors.sql.apart import FilePlace, Ordinary, own, place_of
from connectors.sql.catalog import OWN_PREFIX
from connectors.sql.engines import speaking_for
from connectors.sql.freezing import Frozen
from connectors.sql.functions import random_hex
from connectors.sql.journal import Chunk, Journal

ID, PLAN, STEP, ALTERED = (f"{OWN_PREFIX}{name}" for name in ("arrival", "plan", "step", "altered"))
"""An arrival's own columns: its random id, the plan and the step that brought it, the last plan that emptied a part."""

_ID_DIGITS = 32

_OWNER = f"{OWN_PREFIX}archive_of"
"""The table that says whose archive it is: of which store, and in MariaDB beside which database."""

_EXACT: dict[str, Any] = {
    "mariadb_engine": "InnoDB",
    "mariadb_charset": "utf8mb4",
    "mariadb_collate": "utf8mb4_nopad_bin",
}

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
        self._place = place_of(store, place.schema, place.read)

    def beside(self, engine: sa.Engine) -> None:
        """Put the archive within reach of the store's writing connections, where they do not reach it by themselves."""
        if isinstance(self._place, FilePlace):
            sa.event.listen(engine, "connect", self._place.attach)

    def untouched(self) -> AbstractContextManager[None]:
        """Leaves nothing behind of what is tried inside."""
        return self._place.untouched() if isinstance(self._place, FilePlace) else nullcontext()

    def close(self) -> None:
        """Let go of connections."""
        self._place.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """One transaction over one snapshot of the archive, with the archive's own credentials."""
        with (
            speaking_for(self.store),
            own(self.store, self._place.engine) as connection,
            connection.begin(),
        ):
            yield connection

    # -- the place

    def prepare(self, connection: sa.Connection, journal: Journal, ordinary: Ordinary) -> None:
        """Make the place where it is not there yet, and hold everybody off but the archive's own reader.

        Args:
            connection: in a transaction of the store's writing role.
            journal: the store's.
            ordinary: the store's ordinary reading role, which must not be able to read the archive.

        Raises:
            StoreMismatch: records were moved there, and it is gone; or an administrator has to make it.
            StoreReadOnly: a right is missing.
            StoreRefuses: the archive would not be apart from the active base, or is another store's.
        """
        self._vet(connection, journal, ordinary)
        self._claim(connection)

    def rehearse(self, connection: sa.Connection, journal: Journal, ordinary: Ordinary) -> None:
        """What `prepare` does, for the caller to take back; only what can be taken back is made.

        Raises:
            ConnectorError: as `prepare`.
        """
        self._vet(connection, journal, ordinary)
        if self._place.returns:
            self._claim(connection)

    def check(self, connection: sa.Connection, journal: Journal) -> None:
        """Reach the archive as its reader, and hold it against what the store, which ``connection`` reads, has moved.

        Raises:
            StoreMismatch: records were moved there, and it is gone.
            StoreRefuses: its own credentials do not open it, or it is another store's.
        """
        try:
            with self.reading() as apart:
                self._refuse_lost(apart, connection, journal)
                self._refuse_others(apart, connection)
        except (StoreDown, StoreReadOnly) as error:  # the store answers: nothing is gained by waiting
            raise StoreRefuses(self.store, error.what, error.remedy) from None

    def _vet(self, connection: sa.Connection, journal: Journal, ordinary: Ordinary) -> None:
        self._refuse_lost(connection, connection, journal)
        self._refuse_writer(connection)
        self._place.prepare(connection, ordinary)
        self._refuse_others(connection, connection)

    def _refuse_writer(self, connection: sa.Connection) -> None:
        if self._place.reader is not None and self._place.reader == connection.engine.url.username:
            raise StoreRefuses(
                self.store,
                "its archive is read by the role that writes the store",
                f"Give `read` in [stores.{self.store}.archive] a role of its own",
            )

    def _refuse_lost(self, apart: sa.Connection, connection: sa.Connection, journal: Journal) -> None:
        lost = sorted(_moved(connection, journal, self.store) - set(self.tables(apart)))
        if lost:
            raise StoreMismatch(
                self.store,
                f"the archive {self.schema} is gone, or its role may not see it: {', '.join(lost)}",
                "Restore it: records were moved there and nowhere else",
            )

    # -- whose it is

    def _owners(self) -> sa.Table:
        columns = [sa.Column(name, sa.String(64), primary_key=True) for name in ("store", "base")]
        return sa.Table(_OWNER, sa.MetaData(), *columns, schema=self.schema, **_EXACT)

    def _refuse_others(self, apart: sa.Connection, connection: sa.Connection) -> None:
        owners = self._owners()
        if not self._there(apart, _OWNER):
            return
        ours = self.store, self._place.base(connection)
        if any(tuple(row) != ours for row in apart.execute(sa.select(owners.c.store, owners.c.base))):
            raise StoreRefuses(
                self.store,
                f"the archive {self.schema} belongs to another store",
                f"Give every store one of its own: another `schema` (or file) in [stores.{self.store}.archive]",
            )

    def _claim(self, connection: sa.Connection) -> None:
        owners = self._owners()
        if not self._there(connection, _OWNER):
            connection.execute(sa.schema.CreateTable(owners))
            self._place.admit(connection, owners)
        if connection.execute(sa.select(sa.func.count()).select_from(owners)).scalar_one() == 0:
            connection.execute(owners.insert(), {"store": self.store, "base": self._place.base(connection)})

    def _there(self, connection: sa.Connection, table: str) -> bool:
        """Whether a table is there. A database that a role may not see has none for it."""
        inspector = sa.inspect(connection)
        return self.schema in inspector.get_schema_names() and inspector.has_table(table, schema=self.schema)

    # -- its tables

    def tables(self, connection: sa.Connection) -> tuple[str, ...]:
        """The datasets that have a table here."""
        inspector = sa.inspect(connection)
        names = inspector.get_table_names(schema=self.schema) if self.schema in inspector.get_schema_names() else []
        return tuple(sorted(name for name in names if name != _OWNER))

    def find(self, connection: sa.Connection, dataset: str) -> sa.Table | None:
        """The table of a dataset, or None when nothing of it was ever moved."""
        if not self._there(connection, dataset):
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
                f"Add it to {self.schema}.{dataset} by hand, filled from the key that it has; then plan again",
            )
        name = connection.dialect.identifier_preparer.format_table(found)
        for column, kind in columns.items():
            if column not in found.c:
                quoted = connection.dialect.identifier_preparer.quote(column)
                compiled = self._place.kind(kind).compile(connection.dialect)
                connection.exec_driver_sql(f"ALTER TABLE {name} ADD COLUMN {quoted} {compiled} NULL")
        return self._reflected(connection, dataset)

    def _made(
        self,
        connection: sa.Connection,
        dataset: str,
        key: Sequence[str],
        columns: Mapping[str, sa.types.TypeEngine[Any]],
    ) -> sa.Table:
        engines = [
            sa.Column(ID, _ascii(_ID_DIGITS), primary_key=True),
            sa.Column(PLAN, _ascii(64), nullable=False),
            sa.Column(STEP, _ascii(128), nullable=False),
            sa.Column(ALTERED, _ascii(64)),
        ]
        rest = [
            sa.Column(name, kind if name in key else self._place.kind(kind), nullable=name not in key)
            for name, kind in columns.items()
        ]
        once = sa.UniqueConstraint(*key, PLAN, STEP)
        made = sa.Table(dataset, sa.MetaData(), *engines, *rest, once, schema=self.schema, **_EXACT)
        connection.execute(sa.schema.CreateTable(made))  # and no types: those of the source are there
        self._place.admit(connection, made)
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
        if arrived != frozen.count:
            raise StoreRefuses(chunk.dataset, f"{arrived} of {frozen.count} rows arrived in the archive", "Plan again")

    return arrive


def _moved(connection: sa.Connection, journal: Journal, store: str) -> set[str]:
    """The datasets of a store of which something was moved to its archive."""
    if not journal.exists(connection):
        return set()
    step, done = journal.journal.c.step, journal.journal.c.done
    named = re.compile(rf"{re.escape(store)}\.(.+)\.archive(\.g\d+)?")
    steps = connection.execute(sa.select(step).where(step.like("%.archive%"), done > 0).distinct()).scalars()
    return {match[1] for match in map(named.fullmatch, steps) if match}


def _ascii(length: int) -> sa.types.TypeEngine[str]:
    """A text of our own: digests and names of steps need no more, and MariaDB's keys are short."""
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
    )
