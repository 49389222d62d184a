"""How many records each dataset held over time: what "suddenly empty" and "unusual" are measured against."""

from __future__ import annotations

import datetime as dt
import statistics
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from pipelines.engine.connection import Connections
from pipelines.engine.tables import instant
from pipelines.engine.tables import volumes as table


@dataclass(frozen=True, slots=True)
class Volume:
    """A dataset's count of records at a time."""

    at: dt.datetime
    records: int


@dataclass(frozen=True, slots=True)
class Volumes:
    """The counts in one engine database."""

    connections: Connections

    def record(self, counts: Mapping[tuple[str, str], int], *, at: dt.datetime) -> None:
        """Add the counts of (store, dataset) as they were at a time."""
        rows = [
            {"at": instant(at), "store": store, "dataset": dataset, "records": count}
            for (store, dataset), count in counts.items()
        ]
        if rows:
            with self.connections.write() as connection:
                connection.execute(table.insert(), rows)

    def history(self, store: str, dataset: str, limit: int = 10) -> list[Volume]:
        """The most recent counts, the newest first."""
        query = (
            sa.select(table.c.at, table.c.records)
            .where(table.c.store == store, table.c.dataset == dataset)
            .order_by(table.c.at.desc(), table.c.id.desc())
            .limit(limit)
        )
        with self.connections.read() as connection:
            return [Volume(dt.datetime.fromisoformat(row.at), row.records) for row in connection.execute(query)]

    def last(self, store: str, dataset: str) -> int | None:
        """The newest count; None when the dataset was never counted."""
        found = self.history(store, dataset, limit=1)
        return found[0].records if found else None

    def usual(self, store: str, dataset: str, of: int = 10) -> float | None:
        """The median of the most recent counts; None when the dataset was never counted."""
        found = self.history(store, dataset, limit=of)
        return statistics.median(each.records for each in found) if found else None
