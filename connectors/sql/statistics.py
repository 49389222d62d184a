"""What an engine knows of its tables without reading them: about how many rows, and whether anything has changed.

A token of change is empty where the engine offers none that can be trusted. Two equal tokens that are not empty mean
that no row was written between them, so far as the engine has counted: PostgreSQL counts within seconds of a commit.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import sqlalchemy as sa

_SETTLED = 2
"""Seconds after which a time of change that counts seconds cannot hide another change."""


def estimates(connection: sa.Connection) -> dict[str, int]:
    """About how many rows each table holds, where the engine keeps count."""
    match connection.dialect.name:
        case "postgresql":
            statement = (
                "SELECT n.nspname || '.' || c.relname, c.reltuples::bigint FROM pg_class c "
                "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND c.reltuples >= 0"
            )
        case "sqlite":
            return {}
        case _:
            statement = (
                "SELECT table_name, table_rows FROM information_schema.tables "
                "WHERE table_schema = DATABASE() AND table_rows IS NOT NULL"
            )
    return {str(table): int(count) for table, count in connection.exec_driver_sql(statement)}


def change_tokens(connection: sa.Connection) -> dict[str, str]:
    """What tells that a table's rows have changed, by table; under the empty name, one for all tables."""
    match connection.dialect.name:
        case "postgresql":
            return _postgresql(connection)
        case "sqlite":
            return _sqlite(connection)
        case _:
            return _mariadb(connection)


def _postgresql(connection: sa.Connection) -> dict[str, str]:
    """Counters of writes, with the file that TRUNCATE and rewrites replace and the time at which counting began.

    Nothing on a replica, which does not count, nor for what has partitions or heirs, which are counted apart.
    """
    rows = connection.exec_driver_sql(
        "SELECT n.nspname || '.' || c.relname, concat_ws(':', c.oid, pg_relation_filenode(c.oid), s.n_tup_ins, "
        "s.n_tup_upd, s.n_tup_del, d.stats_reset, pg_postmaster_start_time()) FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_stat_all_tables s ON s.relid = c.oid "
        "JOIN pg_stat_database d ON d.datname = current_database() "
        "WHERE c.relkind = 'r' AND NOT c.relhassubclass AND NOT pg_is_in_recovery() "
        "AND current_setting('track_counts') = 'on'"
    )
    return {str(table): _digest(str(token)) for table, token in rows}


def _mariadb(connection: sa.Connection) -> dict[str, str]:
    """The time of the last write, which is not known after a restart of the server."""
    rows = connection.exec_driver_sql(
        "SELECT table_name, concat_ws(':', create_time, update_time) FROM information_schema.tables "
        "WHERE table_schema = DATABASE() AND update_time < NOW() - INTERVAL 2 SECOND"
    )
    return {str(table): _digest(str(token)) for table, token in rows}


def _sqlite(connection: sa.Connection) -> dict[str, str]:
    """Size and time of the database's file and of its log, when neither was written just now."""
    file = connection.exec_driver_sql("SELECT file FROM pragma_database_list WHERE name = 'main'").scalar_one()
    now = float(connection.exec_driver_sql("SELECT (julianday('now') - 2440587.5) * 86400").scalar_one())
    parts = []
    for path in (Path(str(file)), Path(f"{file}-wal")):
        try:
            known = path.stat()
        except OSError:
            continue
        if now - known.st_mtime < _SETTLED:
            return {}
        parts.append(f"{known.st_ino}:{known.st_size}:{known.st_mtime_ns}")
    return {"": _digest(" ".join(parts))} if parts else {}


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()[:32]
