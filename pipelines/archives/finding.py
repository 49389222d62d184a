"""Finding a record that is in an archive and no longer in the active base, without looking into it."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from connectors.sql.connector import SqlConnector
from pipelines.plan.arrivals import RECORD


def archived_record(connector: SqlConnector, dataset: str, names: Sequence[str], values: Sequence[str]) -> str | None:
    """The keyed digest of an archived record whose key columns read as these texts; None where there is none."""
    if connector.archive is None:
        return None
    with connector.archive.reading() as connection:
        table = connector.archive.find(connection, dataset)
        if table is None or any(name not in table.c for name in names):
            return None
        same = [sa.cast(table.c[name], sa.Text) == value for name, value in zip(names, values, strict=True)]
        return connection.execute(sa.select(table.c[RECORD]).where(*same).distinct()).scalar_one_or_none()
