"""Connections to SQL stores: read-only and writing engines, their settings per engine, and the drivers' errors.

No pool: a connection is opened for one piece of work and closed after it, so that nothing crosses a fork, temporary
tables never linger, and "a fresh connection" means what it says.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from connectors.digests import LENGTH, DigestKey
from connectors.errors import (
    ConnectorError,
    StoreDown,
    StoreMismatch,
    StoreReadOnly,
    StoreRefuses,
)
from connectors.spelling import canonical_email, folded, loose_email
from connectors.sql import temporary as _temporary  # noqa: F401 - every connection makes and drops such tables its way

LOCK_TIMEOUT = 5_000
"""Milliseconds to wait for a lock before giving up: other users of the store come first."""
STATEMENT_TIMEOUT = 1_800_000
"""Milliseconds that one statement may take."""
PASSING = 0.02
"""What PostgreSQL's planner takes it to cost that a process passes a row on to another; by itself it takes five times
that, and lets one process compute what several compute in two thirds of the time."""

WORK_MEM = "64MB"
"""What PostgreSQL may use for each sort and hash of a session: whole tables are joined, by one session at a time."""

_DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mariadb+pymysql",
    "mysql+pymysql": "mariadb+pymysql",
    "mariadb": "mariadb+pymysql",
}


def parse_url(store: str, text: str) -> sa.URL:
    """The URL with the driver that is installed for it.

    Raises:
        StoreMismatch: the text is no database URL. It is not quoted, since it may hold a password.
    """
    try:
        url = sa.make_url(text)
    except sa.exc.ArgumentError:
        raise StoreMismatch(store, "its address is no database URL", "Give one such as postgresql://…") from None
    return url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))


def open_engine(store: str, text: str, *, write: bool) -> sa.Engine:
    """An engine over the store; nothing is connected yet.

    Raises:
        StoreMismatch: the URL is none, or names an engine that is not supported.
    """
    url = parse_url(store, text)
    match url.get_backend_name():
        case "sqlite":
            return _sqlite(store, url, write=write)
        case "postgresql":
            # Without statements that the server prepares: temporary tables of one name differ in their types, and a
            # plan that was made for other keys reads other parts of a table.
            engine = sa.create_engine(
                url, poolclass=sa.NullPool, hide_parameters=True, connect_args={"prepare_threshold": None}
            )
            sa.event.listen(engine, "connect", _prepare_postgresql)
            return engine
        case "mariadb":
            # Sent while connecting, before SQLAlchemy asks for the session's modes and quotes by them. What a run
            # looks at again must not come from the transaction's first snapshot: hence READ COMMITTED.
            return sa.create_engine(
                url,
                poolclass=sa.NullPool,
                hide_parameters=True,
                isolation_level="READ COMMITTED" if write else "REPEATABLE READ",
                connect_args={"init_command": _MARIADB},
            )
        case other:
            raise StoreMismatch(store, f"{other} is not supported", "Use PostgreSQL, SQLite or MariaDB")


def _prepare_postgresql(connection: Any, _: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SET timezone = 'UTC'; SET datestyle = 'ISO'; SET intervalstyle = 'iso_8601'; "
            f"SET bytea_output = 'hex'; SET lc_monetary = 'C'; SET extra_float_digits = 1; "
            f"SET application_name = 'ardoise'; SET work_mem = '{WORK_MEM}'; "
            f"SET parallel_tuple_cost = {PASSING}; SET lock_timeout = {LOCK_TIMEOUT}; "
            f"SET statement_timeout = {STATEMENT_TIMEOUT}; "
            f"SET idle_in_transaction_session_timeout = {STATEMENT_TIMEOUT}"
        )
    connection.commit()


_MARIADB = (
    # Texts are compared as they are: the usual collations take é for e, A for a, and drop spaces at the end.
    "SET NAMES utf8mb4 COLLATE utf8mb4_nopad_bin, time_zone = '+00:00', "
    # A value that does not fit is refused, not cut. Dates of zeros are read and left alone. What an UPDATE writes is
    # made of what was there, as elsewhere; by itself, a column already has its new value for the columns after it.
    "sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,SIMULTANEOUS_ASSIGNMENT', "
    f"innodb_lock_wait_timeout = {LOCK_TIMEOUT // 1000}, lock_wait_timeout = {LOCK_TIMEOUT // 1000}, "
    f"max_statement_time = {STATEMENT_TIMEOUT // 1000}, idle_transaction_timeout = {STATEMENT_TIMEOUT // 1000}"
)


def _sqlite(store: str, url: sa.URL, *, write: bool) -> sa.Engine:
    if not url.database or url.database == ":memory:":
        raise StoreMismatch(store, "a SQLite database in memory is nobody's store", "Name a file: sqlite:///path")
    path = Path(url.database.removeprefix("file:")).absolute()
    mode = "rw" if write else "ro"  # never "rwc": a store that is not there must not come into being

    def connect() -> sqlite3.Connection:
        if write and path.exists() and not path.stat().st_mode & 0o222:
            raise StoreReadOnly(store, "the file is read-only", "Make it writable, or name a writable copy")
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False
        )
        prepare_sqlite(connection)
        if write:
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute("PRAGMA foreign_keys = ON")
        return connection

    engine = sa.create_engine("sqlite://", creator=connect, poolclass=sa.NullPool, hide_parameters=True)

    def begin(connection: sa.Connection) -> None:
        if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
            # The write lock comes first, so that no reader is promoted into a deadlock.
            connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    sa.event.listen(engine, "begin", begin)
    return engine


_SPELLINGS = {
    "ardoise_address": canonical_email,
    "ardoise_loose_address": loose_email,
    "ardoise_folded": folded,
}
"""The forms of a text that is not NULL, which SQLite has Python compute."""


def prepare_sqlite(connection: sqlite3.Connection) -> None:
    """Give a SQLite connection the functions and settings that the expressions of this package count on."""
    connection.execute(f"PRAGMA busy_timeout = {LOCK_TIMEOUT}")
    connection.execute("PRAGMA temp_store = MEMORY")  # what is due leaves no trace in temporary files
    connection.create_function("ardoise_digest", 3, _digest, deterministic=True)
    connection.create_function("ardoise_sha256", 1, _sha256, deterministic=True)
    connection.create_function("ardoise_random_hex", 1, _random_hex)
    connection.create_function("ardoise_random_below", 1, secrets.randbelow)
    connection.create_function("ardoise_number", 2, _number, deterministic=True)
    for name, form in _SPELLINGS.items():
        connection.create_function(name, 1, form, deterministic=True)


def _digest(outer: bytes, inner: bytes, text: Any) -> str | None:
    return None if text is None else DigestKey(inner, outer).digest(str(text))


def _sha256(text: str | None) -> str | None:
    return None if text is None else hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


def _number(digest: str, at: int) -> int:
    return int(digest[at - 1 : at + 7], 16)


def _random_hex(digits: int) -> str:
    return secrets.token_hex((digits + 1) // 2)[:digits]


@contextmanager
def speaking_for(store: str) -> Iterator[None]:
    """Turn what a driver raises inside into the errors of `connectors.errors`, without its text or parameters."""
    try:
        yield
    except sa.exc.NoSuchTableError as error:
        raise StoreMismatch(store, f"there is no table {error}", "Correct the data map's source") from None
    except sa.exc.DBAPIError as error:
        raise translate(store, error) from None
    except sa.exc.SQLAlchemyError as error:
        raise ConnectorError(
            store, f"the statement could not be made ({type(error).__name__})", "Report this"
        ) from None


_BUSY = "Other work holds the store; run again later"
_UNMET = (
    "Give the column another technique in the data map, or keep it by `value` in `anonymity`, or change the constraint"
)
"""What helps where a value is refused, and not a reference."""
_SQLSTATES: tuple[tuple[str, type[ConnectorError], str, str], ...] = (
    ("25006", StoreReadOnly, "it is read-only, a replica perhaps", "Give the address of the primary"),
    ("42501", StoreReadOnly, "the role lacks a right that this needs", "Grant it, or name another role"),
    ("23502", StoreRefuses, "a NOT NULL constraint refuses a value", _UNMET),
    ("23505", StoreRefuses, "a UNIQUE constraint refuses a value", _UNMET),
    ("23514", StoreRefuses, "a CHECK constraint refuses a value", _UNMET),
    ("23", StoreRefuses, "a constraint refuses the change", "Complete the data map's relations, then plan again"),
    ("22001", StoreRefuses, "a column's type refuses a value", _UNMET),
    ("42P01", StoreMismatch, "a table is not there", "Scan and review the data map again"),
    ("42703", StoreMismatch, "a column is not there", "Scan and review the data map again"),
    ("55P03", StoreDown, "a lock was not granted in time", _BUSY),
    ("57014", StoreDown, "a statement took too long", _BUSY),
    ("40", StoreDown, "it chose this transaction to give way", "Run again"),
    ("28", StoreDown, "it refuses the credentials", "Correct the store's address"),
    ("3D000", StoreDown, "there is no such database", "Correct the store's address"),
    ("08", StoreDown, "the connection was lost", "Start it, or wait until it is back, and run again"),
    ("57P", StoreDown, "it is shutting down or starting", "Wait until it is back, and run again"),
    ("53", StoreDown, "it has no connection or memory left", _BUSY),
)
_SQLITE: tuple[tuple[str, type[ConnectorError], str, str], ...] = (
    ("SQLITE_READONLY", StoreReadOnly, "the file is read-only", "Make it writable"),
    ("SQLITE_CANTOPEN", StoreDown, "the file cannot be opened", "Correct the store's address"),
    ("SQLITE_NOTADB", StoreDown, "the file is no database", "Correct the store's address"),
    ("SQLITE_BUSY", StoreDown, "another process holds the file", _BUSY),
    ("SQLITE_LOCKED", StoreDown, "another process holds the file", _BUSY),
    ("SQLITE_CONSTRAINT_NOTNULL", StoreRefuses, "a NOT NULL constraint refuses a value", _UNMET),
    ("SQLITE_CONSTRAINT_UNIQUE", StoreRefuses, "a UNIQUE constraint refuses a value", _UNMET),
    ("SQLITE_CONSTRAINT_CHECK", StoreRefuses, "a CHECK constraint refuses a value", _UNMET),
    ("SQLITE_CONSTRAINT", StoreRefuses, "a constraint refuses the change", "Complete the data map's relations"),
    ("SQLITE_IOERR", StoreDown, "the file cannot be read", "Check the disk"),
)


_MARIADB_STATES: Mapping[int, str] = {
    1036: "25006", 1223: "25006", 1290: "25006", 1792: "25006", 1836: "25006",
    1044: "42501", 1142: "42501", 1143: "42501", 1227: "42501", 1370: "42501",
    1048: "23502", 1062: "23505", 1364: "23502", 1451: "23", 1452: "23", 4025: "23514",
    1264: "22001", 1292: "22001", 1366: "22001", 1406: "22001",
    1146: "42P01", 1054: "42703", 1205: "55P03", 1969: "57014", 3024: "57014", 1213: "40", 1020: "40",
    1045: "28", 1698: "28", 1049: "3D000",
    1053: "57P", 1927: "08", 2006: "08", 2013: "08", 2014: "08", 1021: "53", 1040: "53", 1203: "53", 1226: "53",
}  # fmt: skip
"""The error numbers of MariaDB, which has few SQLSTATEs of its own, by the class above that they mean."""


def _mariadb_state(original: BaseException | None) -> str:
    number = original.args[0] if original is not None and original.args else None
    if not isinstance(number, int):
        return ""
    # From 2000 on speaks the client: the server cannot be reached.
    return _MARIADB_STATES.get(number, "08" if 2000 <= number < 3000 else str(number))  # noqa: PLR2004


def translate(store: str, error: sa.exc.DBAPIError) -> ConnectorError:
    """The error of `connectors.errors` that a driver's error means. Only codes and names of constraints are kept."""
    original = error.orig
    state = _mariadb_state(original) or getattr(original, "sqlstate", None) or ""
    name = getattr(original, "sqlite_errorname", None) or ""
    for prefix, kind, what, remedy in _SQLSTATES if state else _SQLITE if name else ():
        if (state or name).startswith(prefix):
            constraint = getattr(getattr(original, "diag", None), "constraint_name", None)
            return kind(store, f"{what} ({constraint})" if constraint else what, remedy)
    if str(original).startswith(("no such table", "no such column")):
        return StoreMismatch(store, str(original), "Scan and review the data map again")
    if error.connection_invalidated or (isinstance(error, sa.exc.OperationalError) and not state and not name):
        return StoreDown(store, "it cannot be reached", "Start it, or correct its address, and run again")
    return ConnectorError(store, f"a statement failed ({state or name or type(original).__name__})", "Report this")
