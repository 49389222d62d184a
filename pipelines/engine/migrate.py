"""Bringing the engine database's tables up to date with the packaged Alembic migrations.

A new migration, after a change of `tables.py`: `alembic revision --autogenerate` with this package's `migrations`
folder as script location; a test holds migrations and tables equal.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa

from pipelines.engine.tables import metadata

VERSION_TABLE = "ardoise_version"
"""Not Alembic's default name, which belongs to whoever else may use Alembic in the same database."""

HEAD = "0005"
"""The newest revision; known here so that an up-to-date database is opened without importing Alembic."""

SCRIPTS = Path(__file__).parent / "migrations"


def upgrade(connection: sa.Connection) -> None:
    """Migrate inside the connection's transaction; nothing happens when the tables are up to date."""
    if _revision(connection) == HEAD:
        return
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)


def differences(connection: sa.Connection) -> list[Any]:
    """What the tables in the database lack or have beyond `tables.metadata`; empty when migrations are complete."""
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
    return list(compare_metadata(context, metadata))


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    table = sa.table(VERSION_TABLE, sa.column("version_num", sa.String))
    return connection.execute(sa.select(table.c.version_num)).scalar_one_or_none()
