"""Alembic's entry: migrates over the connection that `pipelines.engine.migrate` hands in."""

from __future__ import annotations

from alembic import context

from pipelines.engine.migrate import VERSION_TABLE
from pipelines.engine.tables import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, version_table=VERSION_TABLE
)
with context.begin_transaction():
    context.run_migrations()
