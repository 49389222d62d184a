"""What scans have said of every column over time: verdict, category, share and reasons; never a value of a record.

A row is added when the verdict or its category changes, so that the history of a column is short: when it became what
it is. What the last look at a place saw in full, and the store's token of change at that time, is kept apart.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import rfc8785
import sqlalchemy as sa

from pipelines.engine.connection import Connections
from pipelines.engine.tables import instant
from pipelines.engine.tables import looks as look_table
from pipelines.engine.tables import verdicts as table

GONE = "gone"
"""The verdict on a column that is there no more."""

Place = tuple[str, str]
"""A store and a location in it: a table, mailbox or calendar."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What one scan said of one column. ``share`` is that of the distinct values that agree, where values spoke."""

    verdict: str
    category: str = ""
    share: float | None = None
    because: tuple[str, ...] = ()

    def same(self, other: Judged) -> bool:
        """Whether both say the same of the column, whatever the shares."""
        return (self.verdict, self.category) == (other.verdict, other.category)


@dataclass(frozen=True, slots=True)
class Said:
    """A verdict with the time of the scan that was the first to say so."""

    at: dt.datetime
    judged: Judged


History = Mapping[Place, Mapping[str, tuple[Said, ...]]]
"""By place and column what was said of it, the oldest first."""


@dataclass(frozen=True, slots=True)
class LastLook:
    """What the last look at a place saw: ``body`` as the scan wrote it; ``token`` is empty where a store has none."""

    at: dt.datetime
    token: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The verdicts in one engine database."""

    connections: Connections

    def record(self, store: str, found: Mapping[str, Mapping[str, Judged]], *, at: dt.datetime) -> int:
        """Add what a scan says anew of the columns at these locations; what is not among them is gone.

        Returns how many verdicts have changed. Locations that are not named are left as they were.
        """
        known = self.history(store)
        rows = []
        for location, columns in found.items():
            before = known.get((store, location), {})
            gone = {name: Judged(GONE) for name in before if name not in columns}
            for name, judged in {**columns, **gone}.items():
                if name not in before or not before[name][-1].judged.same(judged):
                    rows.append(_row(store, location, name, judged, at))
        if rows:
            with self.connections.write() as connection:
                connection.execute(table.insert(), rows)
        return len(rows)

    def history(self, store: str | None = None) -> History:
        """Everything that was said of the columns of one store, or of all."""
        query = sa.select(table).order_by(table.c.id)
        if store is not None:
            query = query.where(table.c.store == store)
        found: dict[Place, dict[str, tuple[Said, ...]]] = {}
        with self.connections.read() as connection:
            for row in connection.execute(query):
                columns = found.setdefault((row.store, row.location), {})
                because = tuple(json.loads(row.because))
                judged = Judged(row.verdict, row.category, row.share, because)
                said = Said(dt.datetime.fromisoformat(row.at), judged)
                columns[row.field] = (*columns.get(row.field, ()), said)
        return found

    def remember(self, store: str, looks: Mapping[str, LastLook]) -> None:
        """Keep these looks as the last at their locations; those at locations of the store not named are forgotten."""
        rows = [
            {
                "store": store, "location": location, "at": instant(each.at), "token": each.token,
                "body": rfc8785.dumps(dict(each.body)).decode(),
            }
            for location, each in looks.items()
        ]  # fmt: skip
        with self.connections.write() as connection:
            connection.execute(look_table.delete().where(look_table.c.store == store))
            if rows:
                connection.execute(look_table.insert(), rows)

    def looks(self, store: str) -> dict[str, LastLook]:
        """The last look at each location of a store."""
        query = sa.select(look_table).where(look_table.c.store == store)
        with self.connections.read() as connection:
            return {
                row.location: LastLook(dt.datetime.fromisoformat(row.at), row.token, json.loads(row.body))
                for row in connection.execute(query)
            }


def _row(store: str, location: str, field: str, judged: Judged, at: dt.datetime) -> dict[str, Any]:
    return {
        "at": instant(at), "store": store, "location": location, "field": field, "verdict": judged.verdict,
        "category": judged.category, "share": judged.share, "because": rfc8785.dumps(list(judged.because)).decode(),
    }  # fmt: skip
