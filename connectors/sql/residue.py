"""What a deleted or overwritten row leaves behind, removed as far as the store allows; the rest is named."""

from __future__ import annotations

import sqlalchemy as sa

from connectors.lasting import Lasting

FULL_BELOW = 1 << 30
"""Bytes up to which a table is written anew (VACUUM FULL), which keeps readers out meanwhile."""

_MAINTAIN, _CLEAR_STATISTICS = 17, 18
"""The major versions of PostgreSQL that have the privilege and the function."""

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
            return _postgresql(connection, table, fresh=fresh)
        case "sqlite":
            return _sqlite(connection)
        case _:
            connection.exec_driver_sql(f"OPTIMIZE TABLE {connection.dialect.identifier_preparer.format_table(table)}")
            return (
                Lasting.BINARY_LOG.said("until the server purges it"),
                Lasting.REPLICAS.said(),
                Lasting.BACKUPS.said(),
            )


def _postgresql(connection: sa.Connection, table: sa.Table, *, fresh: bool) -> tuple[str, ...]:
    name = connection.dialect.identifier_preparer.format_table(table)
    version = connection.execute(sa.text("SELECT current_setting('server_version_num')::int / 10000")).scalar_one()
    maintain = "has_table_privilege(c.oid, 'MAINTAIN')" if version >= _MAINTAIN else "false"
    allowed, size = connection.execute(
        sa.text(
            f"SELECT {maintain} OR pg_has_role(c.relowner, 'USAGE'), pg_total_relation_size(c.oid) "  # noqa: S608
            "FROM pg_class c WHERE c.oid = CAST(:name AS regclass)"
        ),
        {"name": name},
    ).one()
    if not allowed:
        return (
            f"dead rows of {table.name}: the role may not vacuum it; grant MAINTAIN or vacuum as the owner",
            *LOGGED,
        )
    remains = []
    full = size <= FULL_BELOW
    if fresh:
        connection.exec_driver_sql(f"VACUUM (ANALYZE) {name}")
    elif full:
        try:
            connection.exec_driver_sql(f"VACUUM (FULL, ANALYZE) {name}")
        except sa.exc.OperationalError:  # the lock was not granted in time: others come first
            full = False
    if not full and not fresh:
        connection.exec_driver_sql(f"VACUUM (ANALYZE) {name}")
        remains.append(f"free space of {table.name}: until VACUUM FULL in a maintenance window")
    if connection.execute(sa.select(sa.exists(sa.select(sa.literal(1)).select_from(table)))).scalar_one():
        return (*remains, *LOGGED)
    return (*remains, *_forget_statistics(connection, table, version), *LOGGED)


def _forget_statistics(connection: sa.Connection, table: sa.Table, version: int) -> tuple[str, ...]:
    """ANALYZE of an emptied table leaves the old sample of real values in `pg_stats`."""
    if version < _CLEAR_STATISTICS:
        return (f"planner statistics of {table.name}: sampled values stay until it has rows and is analysed",)
    schema = table.schema or connection.dialect.default_schema_name
    for column in table.c:
        connection.execute(
            sa.text("SELECT pg_clear_attribute_stats(:schema, :table, :column, false)"),
            {"schema": schema, "table": table.name, "column": column.name},
        )
    return ()


def _sqlite(connection: sa.Connection) -> tuple[str, ...]:
    connection.exec_driver_sql("VACUUM")
    sampled = sa.text("SELECT count(*) FROM sqlite_master WHERE name = 'sqlite_stat4'")
    if connection.execute(sampled).scalar_one():
        connection.exec_driver_sql("ANALYZE")
    connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return (Lasting.BACKUPS.said("copies of the file, until whoever made them removes them"),)
