"""How many records each dataset held over time: what "suddenly empty" and "unusual" are measured against.

What the engine itself deletes is no surprise: counts taken before a run are lowered by what it deleted.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from pipelines.engine.connection import Connections
from pipelines.engine.tables import instant
from pipelines.engine.tables import ledger as receipts
from pipelines.engine.tables import volumes as table

RECENT = 10
"""How many counts back "usual" and "suddenly" look."""


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

    def history(self, store: str, dataset: str, limit: int = RECENT) -> list[Volume]:
        """The most recent counts, the newest first."""
        query = (
            sa.select(table.c.at, table.c.records)
            .where(table.c.store == store, table.c.dataset == dataset)
            .order_by(table.c.at.desc(), table.c.id.desc())
            .limit(limit)
        )
        with self.connections.read() as connection:
            return [Volume(dt.datetime.fromisoformat(row.at), row.records) for row in connection.execute(query)]

    def recent(self, store: str, dataset: str, limit: int = RECENT) -> list[int]:
        """The most recent counts, the newest first, each less what runs have deleted since it was taken."""
        counts = self.history(store, dataset, limit)
        deleted = self._deleted(store, dataset, counts[-1].at) if counts else []
        return [max(0, each.records - sum(n for at, n in deleted if at >= each.at)) for each in counts]

    def _deleted(self, store: str, dataset: str, since: dt.datetime) -> list[tuple[dt.datetime, int]]:
        """When runs have deleted how many records of a dataset."""
        query = sa.select(receipts.c.at, receipts.c.body).where(
            receipts.c.kind == "receipt", receipts.c.at >= instant(since)
        )
        with self.connections.read() as connection:
            found = [(dt.datetime.fromisoformat(row.at), json.loads(row.body)) for row in connection.execute(query)]
        return [
            (at, body["outcomes"].get("deleted", 0))
            for at, body in found
            if (body["store"], body["dataset"]) == (store, dataset)
        ]
