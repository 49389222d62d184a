"""How an archive is kept apart from the active base: a schema in PostgreSQL, a database in MariaDB, a file in SQLite.

Each place knows who may read it, and refuses to be prepared where the store's ordinary reading role could. An engine
that cannot say what another role may is asked with that role's own credentials.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from connectors.errors import ConnectorError, StoreMismatch, StoreReadOnly, StoreRefuses
from connectors.sql.engines import open_engine, parse_url, prepare_sqlite, translate

Kind = sa.types.TypeEngine[Any]

_SHORT = 255
"""Characters up to which a text keeps its type in MariaDB: longer ones might not fit into a row of another encoding."""

_ABSENT, _DENIED = 1146, frozenset({1044, 1142, 1143, 1227, 1370})
"""MariaDB's numbers for a table that is not there, and for a right that is missing: it looks at rights first."""


@dataclass(frozen=True, slots=True)
class Ordinary:
    """The store's ordinary reading role, which must not read the archive; None where it is the writing one."""

    role: str | None
    reading: Callable[[], AbstractContextManager[sa.Connection]]


class Apart(Protocol):
    """The place of one engine's archives. ``engine`` reads there, with the archive's own credentials."""

    schema: str
    reader: str | None
    engine: sa.Engine
    returns: bool
    """Whether the engine takes back what it has made when a transaction is."""

    def prepare(self, connection: sa.Connection, ordinary: Ordinary) -> None:
        """Make the place where the writing role can, and refuse one that is unfit, or read by others.

        Raises:
            StoreMismatch: it has to be made by an administrator.
            StoreReadOnly: a right is missing.
            StoreRefuses: the archive would not be apart from the active base.
        """

    def base(self, connection: sa.Connection) -> str:
        """What tells the store's database from others that could have the same archive."""

    def admit(self, connection: sa.Connection, table: sa.Table) -> None:
        """Let the archive's reader, and nobody else, read a table that was just made."""

    def kind(self, kind: Kind) -> Kind:
        """The type of a column of the active base, as the archive has it."""


def place_of(store: str, schema: str, read: str) -> Apart:
    """The place of a store's archive, by the engine of the URL that may read it."""
    url = parse_url(store, read)
    if url.get_backend_name() == "sqlite":
        return FilePlace(store, schema, Path(url.database or "").absolute())
    engine = open_engine(store, read, write=False)
    kind = DatabasePlace if url.get_backend_name() == "mariadb" else SchemaPlace
    return kind(store, schema, url.username, engine)


class SchemaPlace:
    """A schema of the same PostgreSQL database, which the writing role makes and owns."""

    returns = True

    def __init__(self, store: str, schema: str, reader: str | None, engine: sa.Engine) -> None:
        self.store, self.schema, self.reader, self.engine = store, schema, reader, engine

    def prepare(self, connection: sa.Connection, ordinary: Ordinary) -> None:
        """Make the schema, give its reader the right to use it, and see that the ordinary role has none."""
        quoted = connection.dialect.identifier_preparer.quote
        schema = quoted(self.schema)
        if not sa.inspect(connection).has_schema(self.schema):
            connection.execute(sa.schema.CreateSchema(self.schema))
        self._refuse_foreign(connection)
        connection.exec_driver_sql(f"REVOKE ALL ON SCHEMA {schema} FROM PUBLIC")
        if self.reader:
            connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA {schema} TO {quoted(self.reader)}")
        if not self._may_use(connection, self.reader, "USAGE"):
            raise StoreReadOnly(
                self.store, f"the archive's reading role may not use {self.schema}", f"GRANT USAGE ON SCHEMA {schema}"
            )
        if ordinary.role is None or self._may_use(connection, ordinary.role, "MEMBER"):
            raise _read_by_others(self.store, self.schema)

    def base(self, _: sa.Connection) -> str:
        """A schema is in one database."""
        return ""

    def admit(self, connection: sa.Connection, table: sa.Table) -> None:
        """Grant what default privileges might not, and take back what they might."""
        name = connection.dialect.identifier_preparer.format_table(table)
        connection.exec_driver_sql(f"REVOKE ALL ON {name} FROM PUBLIC")
        if self.reader:
            reader = connection.dialect.identifier_preparer.quote(self.reader)
            connection.exec_driver_sql(f"GRANT SELECT ON {name} TO {reader}")

    def kind(self, kind: Kind) -> Kind:
        """As it is."""
        return kind

    def _may_use(self, connection: sa.Connection, role: str | None, how: str) -> bool:
        """Whether a role may use the schema: as it is (`USAGE`), or as any role too that it could become (`MEMBER`)."""
        statement = sa.text(
            "SELECT coalesce(bool_or(has_schema_privilege(r.oid, CAST(:schema AS text), 'USAGE')), false) "
            "FROM pg_roles r JOIN pg_roles own ON own.rolname = :role AND pg_has_role(own.oid, r.oid, :how)"
        )
        asked = {"schema": self.schema, "role": role or "", "how": how}
        return bool(connection.execute(statement, asked).scalar_one())

    def _refuse_foreign(self, connection: sa.Connection) -> None:
        """Refuse tables that a restored backup gave to somebody else, or took from the reader."""
        tables = connection.execute(
            sa.text(
                "SELECT c.relname, pg_has_role(c.relowner, 'USAGE'), "
                "coalesce((SELECT has_table_privilege(r.oid, c.oid, 'SELECT') FROM pg_roles r "
                "WHERE r.rolname = :reader), false) FROM pg_class c "
                "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = :schema AND c.relkind IN ('r', 'p')"
            ),
            {"schema": self.schema, "reader": self.reader or ""},
        )
        for name, ours, read in tables:
            if not ours:
                raise StoreReadOnly(
                    self.store,
                    f"the writing role does not own {self.schema}.{name}",
                    f"ALTER TABLE {self.schema}.{name} OWNER TO it",
                )
            if not read:
                raise StoreReadOnly(
                    self.store,
                    f"the archive's reading role may not read {self.schema}.{name}",
                    f"GRANT SELECT ON {self.schema}.{name} TO it",
                )


class DatabasePlace:
    """A database of the same MariaDB server, which an administrator makes: rights are an administrator's to give."""

    returns = False

    def __init__(self, store: str, schema: str, reader: str | None, engine: sa.Engine) -> None:
        self.store, self.schema, self.reader, self.engine = store, schema, reader, engine

    def prepare(self, connection: sa.Connection, ordinary: Ordinary) -> None:
        """Try out what each role may there; nothing is made."""
        inspector = sa.inspect(connection)
        if self.schema not in inspector.get_schema_names():
            raise StoreMismatch(
                self.store,
                f"there is no database {self.schema} for its archive, or the writing role may not use it",
                f"As an administrator: CREATE DATABASE {self.schema}; {self._rights}",
            )
        missing = [right for right, statement in self._uses() if _refused(connection, statement)]
        if missing:
            raise StoreReadOnly(
                self.store, f"the writing role may not {', '.join(missing)} in {self.schema}", self._rights
            )
        self._refuse_lasting(connection)
        self._try_reader()
        tables = inspector.get_table_names(schema=self.schema)
        with ordinary.reading() as reading:
            if any(self._readable(reading, tables)):
                raise _read_by_others(self.store, self.schema)

    def base(self, connection: sa.Connection) -> str:
        """All databases of the server could have the same archive."""
        return str(connection.exec_driver_sql("SELECT DATABASE()").scalar_one())

    def admit(self, connection: sa.Connection, table: sa.Table) -> None:
        """Nothing: rights are on the database."""

    def kind(self, kind: Kind) -> Kind:
        """A text whose length would be too much for a row in UTF-8 has none."""
        text = isinstance(kind, sa.String) and not isinstance(kind, (mysql.ENUM, mysql.SET))
        return mysql.LONGTEXT() if text and not 0 < (getattr(kind, "length", None) or 0) <= _SHORT else kind

    @property
    def _rights(self) -> str:
        rights = ", ".join(right for right, _ in self._uses())
        return (
            f"GRANT {rights} ON {self.schema}.* TO the writing role; "
            f"GRANT SELECT, CREATE TEMPORARY TABLES ON {self.schema}.* TO the archive's reading role alone"
        )

    def _uses(self) -> list[tuple[str, str]]:
        """The rights that a run needs, each with a statement over nothing that shows whether it is there."""
        nothing = f"{self.schema}.ardoise_nothing"
        return [
            ("SELECT", f"SELECT 1 FROM {nothing}"),  # noqa: S608 - our own names
            ("INSERT", f"INSERT INTO {nothing} SELECT 1"),
            ("UPDATE", f"UPDATE {nothing} SET n = 1"),  # noqa: S608 - our own names
            ("DELETE", f"DELETE FROM {nothing}"),  # noqa: S608 - our own names
            ("CREATE", f"CREATE TABLE {self.schema}.ardoise_none LIKE {nothing}"),
            ("ALTER", f"ALTER TABLE {nothing} ADD COLUMN n INTEGER"),
        ]

    def _refuse_lasting(self, connection: sa.Connection) -> None:
        """Refuse tables of an engine that cannot take a move back."""
        statement = (
            "SELECT table_name FROM information_schema.tables WHERE table_schema = :schema AND engine <> 'InnoDB'"
        )
        for name in connection.execute(sa.text(statement), {"schema": self.schema}).scalars():
            raise StoreRefuses(
                self.store,
                f"the archive's table {name} takes part in no transaction",
                f"ALTER TABLE {self.schema}.{name} ENGINE = InnoDB",
            )

    def _try_reader(self) -> None:
        with own(self.store, self.engine) as connection:
            if _refused(connection, self._uses()[0][1]):
                raise StoreReadOnly(self.store, f"the archive's reading role may not read {self.schema}", self._rights)
            try:
                connection.exec_driver_sql("CREATE TEMPORARY TABLE ardoise_probe (n INTEGER)")
            except sa.exc.DBAPIError:
                raise StoreReadOnly(
                    self.store,
                    "the archive's reading role may not make temporary tables",
                    f"Name {self.schema} as the database in its address; {self._rights}",
                ) from None

    def _readable(self, connection: sa.Connection, tables: list[str]) -> Iterator[bool]:
        """Whether a role may read any table of the archive, as it is and as each role that it may take on."""
        quoted = connection.dialect.identifier_preparer.quote
        names = [f"{quoted(self.schema)}.{quoted(name)}" for name in ("ardoise_nothing", *tables)]
        roles = connection.exec_driver_sql("SELECT role_name FROM information_schema.applicable_roles").scalars().all()
        for role in (None, *roles):
            if role is not None:
                connection.exec_driver_sql(f"SET ROLE {quoted(role)}")
            for name in names:
                yield not _refused(connection, f"SELECT 1 FROM {name} LIMIT 0")  # noqa: S608 - our own names


class FilePlace:
    """A file beside the store's, attached while a run acts; for its owner alone."""

    returns = True
    reader: str | None = None

    def __init__(self, store: str, schema: str, file: Path) -> None:
        self.store, self.schema, self.file = store, schema, file
        self.engine = sa.create_engine("sqlite://", creator=self._alone, poolclass=sa.NullPool, hide_parameters=True)

    def prepare(self, connection: sa.Connection, _: Ordinary) -> None:
        """Refuse two files that would not be committed together, and a file that others may read."""
        for name in ("main", self.schema):
            mode = str(connection.exec_driver_sql(f"PRAGMA {name}.journal_mode").scalar_one())
            if mode not in {"delete", "truncate", "persist"}:
                raise StoreRefuses(
                    self.store,
                    f"SQLite commits a file in journal mode {mode} and its archive one after the other",
                    "PRAGMA journal_mode = DELETE in both; a kill between them would lose or double records",
                )
        if self.file.stat().st_mode & 0o077:
            raise StoreRefuses(self.store, "others may read the file of its archive", f"chmod 600 {self.file.name}")

    def base(self, _: sa.Connection) -> str:
        """A file may be moved: its path tells nothing."""
        return ""

    def admit(self, connection: sa.Connection, table: sa.Table) -> None:
        """Nothing: who may read is the file's matter."""

    def kind(self, kind: Kind) -> Kind:
        """As it is."""
        return kind

    def attach(self, connection: sqlite3.Connection, _: object = None) -> None:
        """Put the file beside the store's, on a new writing connection.

        Raises:
            StoreRefuses: it is the store's own file.
            StoreMismatch: there is no such folder, or it cannot be written.
        """
        main = next(file for _, name, file in connection.execute("PRAGMA database_list") if name == "main")
        if self.file.exists() and self.file.samefile(main):
            raise StoreRefuses(self.store, "its archive is the store's own file", "Let its `read` name another")
        try:
            self.file.touch(mode=0o600)
        except OSError:
            raise StoreMismatch(
                self.store, "the file of its archive cannot be made or written", "Let its `read` name one that can be"
            ) from None
        connection.execute(f"ATTACH 'file:{quote(str(self.file))}?mode=rw' AS {self.schema}")

    @contextmanager
    def untouched(self) -> Iterator[None]:
        """Take a file away that came into being inside, and is empty."""
        there = self.file.exists()
        try:
            yield
        finally:
            if not there and self.file.exists() and not self.file.stat().st_size:
                self.file.unlink()

    def _alone(self) -> sqlite3.Connection:
        """The file, to be read only, under the name that it has beside the store's; nothing where none is."""
        connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        prepare_sqlite(connection)
        place = f"file:{quote(str(self.file))}?mode=ro" if self.file.exists() else ":memory:"
        connection.execute(f"ATTACH '{place}' AS {self.schema}")
        return connection


@contextmanager
def own(store: str, engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection to an archive with its own credentials.

    Raises:
        ConnectorError: it cannot be had; what is wrong is said of the archive, not of the store.
    """
    options: dict[str, Any] = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
    try:
        connection = engine.connect()
    except sa.exc.DBAPIError as error:
        raise _of_archive(translate(store, error)) from None
    with connection.execution_options(**options):
        yield connection


def _of_archive(error: ConnectorError) -> ConnectorError:
    what = f"its archive's own reading credentials do not open it: {error.what}"
    return type(error)(error.store, what, f"Correct `read` in [stores.{error.store}.archive]")


def _refused(connection: sa.Connection, statement: str) -> bool:
    """Whether MariaDB refuses a statement for want of a right; that its table is not there comes after."""
    try:
        connection.exec_driver_sql(statement)
    except sa.exc.DBAPIError as error:
        number = error.orig.args[0] if error.orig is not None and error.orig.args else None
        if number in _DENIED:
            return True
        if number != _ABSENT:
            raise
    return False


def _read_by_others(store: str, schema: str) -> StoreRefuses:
    return StoreRefuses(
        store,
        f"its ordinary reading role could read the archive {schema}",
        "Give `read` a role that owns nothing and has no right there, and the archive's `read` another one",
    )
