"""What a deleted or overwritten row leaves behind, removed as far as the store allows; the rest is named.

Heap, TOAST and indexes go with the table that is written anew, samples of values with its statistics, copies in
materialised views when these are refreshed, words in SQLite's full-text tables when they are put together. What nobody
but a person can remove is said with its reason; what goes by itself is of a `connectors.lasting.Lasting` kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from connectors.lasting import Lasting
from connectors.sql.queries import ask, queries

FULL_BELOW = 1 << 30
"""Bytes up to which a table is written anew (VACUUM FULL), which keeps readers out meanwhile."""

_MAINTAIN, _CLEAR_STATISTICS = 17, 18
"""The major versions of PostgreSQL that have the privilege and the function."""

_FILE = "residue.sql"

SAMPLED = "dead rows of pg_statistic: old samples, until the server vacuums it and uses its pages again"

LOGGED = (
    Lasting.WAL.said("until the server recycles it, or its archive is cleared"),
    Lasting.REPLICAS.said("until they have replayed it and vacuumed"),
    Lasting.BACKUPS.said(),
)
"""What keeps the old rows of a PostgreSQL store."""

LOGGED_BY_MARIADB = (
    Lasting.BINARY_LOG.said("until the server purges it"),
    Lasting.UNDO_LOG.said("until its pages are used again or truncated"),
    Lasting.REPLICAS.said(),
    Lasting.BACKUPS.said(),
)
"""What keeps the old rows of a MariaDB store."""


def purge(connection: sa.Connection, table: sa.Table, *, fresh: bool = False) -> tuple[str, ...]:
    """Remove dead rows, freed pages and stale planner statistics of a table. ``connection`` is in autocommit.

    ``fresh``: the table was just written anew, and has no dead rows.
    """
    match connection.dialect.name:
        case "postgresql":
            return (*_postgresql(connection, table, fresh=fresh), SAMPLED, *LOGGED)
        case "sqlite":
            return _sqlite(connection, table)
        case _:
            return (*_mariadb(connection, table), *LOGGED_BY_MARIADB)


# -- PostgreSQL


def maintained(connection: sa.Connection, name: str) -> tuple[bool, int]:
    """Whether the role may vacuum and order a table of PostgreSQL, by its quoted name; and how many bytes it takes."""
    rights = "newer" if _version(connection) >= _MAINTAIN else "older"
    allowed, size = tuple(ask(connection, queries(_FILE, "table")[rights], name=name).one())
    return bool(allowed), int(size)


def _version(connection: sa.Connection) -> int:
    """The server's major version."""
    return int(connection.exec_driver_sql("SELECT current_setting('server_version_num')::int / 10000").scalar_one())


def _postgresql(connection: sa.Connection, table: sa.Table, *, fresh: bool) -> Iterator[str]:
    name = connection.dialect.identifier_preparer.format_table(table)
    version = _version(connection)
    allowed, size = maintained(connection, name)
    if allowed:
        yield from _vacuumed(connection, name, table.name, full=size <= FULL_BELOW, fresh=fresh)
        yield from _forget_statistics(connection, name, version)
    else:
        why = "the role may not vacuum it; grant MAINTAIN or vacuum as the owner"
        yield f"dead rows of {table.name}: {why}"
    yield from _refreshed(connection, name, table.name, version)
    for told in queries(_FILE, "copies").values():
        yield from ask(connection, told, name=name, table=table.name).scalars()


def _vacuumed(connection: sa.Connection, name: str, plain: str, *, full: bool, fresh: bool) -> Iterator[str]:
    if full and not fresh:
        try:
            connection.exec_driver_sql(f"VACUUM (FULL, ANALYZE) {name}")
        except sa.exc.OperationalError:  # the lock was not granted in time: others come first
            full = False
        else:
            return
    connection.exec_driver_sql(f"VACUUM (ANALYZE) {name}")
    if not fresh:
        yield f"free space of {plain}: until VACUUM FULL in a maintenance window"


def _forget_statistics(connection: sa.Connection, name: str, version: int) -> Iterator[str]:
    """ANALYZE of what holds no rows any more (a table, a partition) leaves the old sample of real values."""
    for row in ask(connection, queries(_FILE, "emptied")["relations"], name=name).all():
        relation, quoted = tuple(row)
        if connection.exec_driver_sql(f"SELECT EXISTS (SELECT FROM ONLY {quoted})").scalar_one():  # noqa: S608 - quoted by the catalogue
            continue
        if version < _CLEAR_STATISTICS:
            yield f"planner statistics of {relation}: sampled values stay until it has rows and is analysed"
            continue
        clear = sa.text("SELECT pg_clear_attribute_stats(:schema, :relation, :column, false)")
        for column in ask(connection, queries(_FILE, "emptied")["sampled"], name=quoted).mappings().all():
            connection.execute(clear, dict(column))
        objects = ask(connection, queries(_FILE, "emptied")["objects"], name=quoted).scalars().all()
        if objects:
            yield f"statistics objects of {relation} ({', '.join(objects)}): drop them and make them again"


def _refreshed(connection: sa.Connection, name: str, plain: str, version: int) -> Iterator[str]:
    """Materialised views that hold what they took of the table, those that others are made of first."""
    rights = "newer" if version >= _MAINTAIN else "older"
    for row in ask(connection, queries(_FILE, "views")[rights], name=name).all():
        view, allowed = tuple(row)
        if allowed:
            try:
                connection.exec_driver_sql(f"REFRESH MATERIALIZED VIEW {view}")
                connection.exec_driver_sql(f"VACUUM (ANALYZE) {view}")
            except sa.exc.DBAPIError as error:
                if error.connection_invalidated:
                    raise
            else:
                yield from _forget_statistics(connection, view, version)
                continue
        yield f"the materialised view {view}: it holds what it took of {plain} until somebody refreshes it"


# -- MariaDB


def _mariadb(connection: sa.Connection, table: sa.Table) -> Iterator[str]:
    """OPTIMIZE makes the table anew, with its indexes, the full-text ones included."""
    connection.exec_driver_sql(f"OPTIMIZE TABLE {connection.dialect.identifier_preparer.format_table(table)}")
    named = {"name": table.name}
    kind = sa.text(
        "SELECT table_type FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = :name"
    )
    if connection.execute(kind, named).scalar_one_or_none() == "SYSTEM VERSIONED":
        yield f"row versions of {table.name}: its history holds old rows until DELETE HISTORY FROM {table.name}"
    triggers = sa.text(
        "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE() "
        "AND event_object_table = :name ORDER BY 1"
    )
    yield from _written(table, connection.execute(triggers, named).scalars().all())


# -- SQLite


def _sqlite(connection: sa.Connection, table: sa.Table) -> tuple[str, ...]:
    _without_words(connection)
    connection.exec_driver_sql("VACUUM")
    sampled = sa.text("SELECT count(*) FROM sqlite_master WHERE name = 'sqlite_stat4'")
    if connection.execute(sampled).scalar_one():
        connection.exec_driver_sql("ANALYZE")
    connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    triggers = sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :name ORDER BY 1")
    copies = _written(table, connection.execute(triggers, {"name": table.name}).scalars().all())
    return (*copies, Lasting.BACKUPS.said("copies of the file, until whoever made them removes them"))


def _without_words(connection: sa.Connection) -> None:
    """Full-text tables keep the words of deleted rows until their parts are put together."""
    virtual = "SELECT name, sql FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL TABLE%' AND sql LIKE '%fts%'"
    for name, sql in connection.exec_driver_sql(virtual).all():
        quoted = connection.dialect.identifier_preparer.quote_identifier(name)
        over_others = re.search(r"\bcontent\s*=\s*['\"]?\w", sql)
        command = "rebuild" if over_others else "optimize"
        connection.execute(sa.text(f"INSERT INTO {quoted} ({quoted}) VALUES (:command)"), {"command": command})  # noqa: S608 - quoted


def _written(table: sa.Table, triggers: Sequence[str]) -> Iterator[str]:
    if triggers:
        named = ", ".join(triggers)
        yield f"copies that triggers of {table.name} have made ({named}): map the tables to which they write"
