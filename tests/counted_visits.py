"""Visits of persons in a store of any engine, with registered statistics over them and a run's acts on them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from connectors.base import Source
from connectors.sql.act import delete_chunk
from connectors.sql.connector import SqlConnector
from connectors.sql.journal import Chunk, Counts
from connectors.sql.lines import Candidates, line_up
from connectors.sql.overwrite import update_chunk
from connectors.sql.tally import Contribution, Increment, Totals
from pipelines.apply.statistics import DELETED, contribution, measure, overwriting, taking_back
from pipelines.data_map.model import Bucket, DatasetMap, FieldMap, Statistic, StoreMap
from pipelines.statistics.ledger import Outcome, settle
from pipelines.statistics.questions import registered, touched

VISITS = Source("visits", "visits")
BY_MONTH = (Bucket(column="at", by="month"), Bucket(column="region"))
TURNOVER = Statistic(name="turnover", sum="cents", squares=True, by=BY_MONTH, subject=("person",))
REGIONS = Statistic(
    name="regions",
    by=(Bucket(column="region"), Bucket(column="at", by="year")),
    upward=("region", "at"),
    subject=("person",),
    deadline="3 months",
)
ROWS = Statistic(name="rows", sum="cents")
PERSON = "user.contact"
"""The category of what tells persons apart."""
REPLACED = {
    "nothing": None,
    "the same in all": "nobody",
    "another in each": sa.literal("drawn ") + sa.cast(sa.column("id"), sa.String(12)),
}
"""What is put in the place of persons."""
STATISTICS = (TURNOVER, REGIONS, ROWS)


class Killed(Exception):
    """Stands for the end of a worker."""


def killing(point: str) -> Any:
    """Ends the worker at a point."""

    def reached(name: str) -> None:
        if name == point:
            raise Killed

    return reached


class CountedVisits:
    """The table `visits`, empty: id, person, at, region, cents, and what ``columns`` declares besides.

    ``statistics`` are registered over it.
    """

    def __init__(
        self, connector: SqlConnector, admin: str, statistics: tuple[Statistic, ...] = STATISTICS, columns: str = ""
    ) -> None:
        self.connector = connector
        self.admin = sa.create_engine(admin, poolclass=sa.NullPool)
        self.run(
            "CREATE TABLE visits (id INTEGER PRIMARY KEY, person VARCHAR(20), at DATE, "
            f"region VARCHAR(20), cents BIGINT{columns})"
        )
        connector.prepare()
        dataset = DatasetMap(
            source="visits", controller="ACME", key=("id",), statistics=statistics,
            fields={"person": FieldMap(category=PERSON)},
        )  # fmt: skip
        self.map = StoreMap(store="shop", datasets={"visits": dataset})
        self.registered = registered(connector, self.map, "visits")
        self.table = connector.table(VISITS)
        self.chunks = 0

    def run(self, statement: str, rows: list[dict[str, Any]] | None = None) -> None:
        """As another client of the store."""
        with self.admin.begin() as connection:
            connection.execute(sa.text(statement), rows) if rows else connection.execute(sa.text(statement))

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """New visits, as the application writes them."""
        with self.admin.begin() as connection:
            connection.execute(sa.insert(self.table), [dict(row) for row in rows])

    def rows(self) -> list[dict[str, Any]]:
        """All visits, in the order of their keys."""
        with self.admin.connect() as connection:
            return [dict(row) for row in connection.execute(sa.select(self.table).order_by(self.table.c.id)).mappings()]

    def delete(self, due: Any, day: dt.date, number: int | None = None, kill: str = "") -> Counts:
        """Delete the visits that fulfil a condition, as one chunk of a run."""
        questions = [each.question for each in self.registered]
        with self.connector.writing() as connection:
            return delete_chunk(
                connection, self.connector.journal, self._chunk("delete", number), *self._lined_up(connection, due),
                [contribution(self.connector.journal, questions, DELETED, day)], killing(kill),
            )  # fmt: skip

    def write(
        self, due: Any, values: Mapping[str, Any], day: dt.date, number: int | None = None, kill: str = ""
    ) -> Counts:
        """Overwrite columns of the visits that fulfil a condition, as one chunk of a run."""
        journal = self.connector.journal
        questions = touched((each.question for each in self.registered), values)
        act, marks = overwriting(values), {PERSON: ("person",)} if "person" in values else {}
        then = [each.after(marks) for each in questions]
        with self.connector.writing() as connection:
            return update_chunk(
                connection, journal, self._chunk("anonymise", number), *self._lined_up(connection, due), values, marks,
                [contribution(journal, questions, act, day)], [taking_back(journal, then, act, day)],
                killing(kill),
            )  # fmt: skip

    def settle(self, day: dt.date, kill: str = "") -> Outcome:
        """As at the end of a run."""
        with self.connector.writing() as connection:
            return settle(connection, self.connector, "plan", self.registered, day, killing(kill))

    def measures(self) -> dict[str, Any]:
        """Every statistic, live and ledger together; what comes to nothing is left out."""
        return {
            name: {cell: each for cell, each in cells.items() if not each.nothing}
            for name, cells in measure(self.connector, self.registered).items()
        }

    def pending(self, statistic: str = "turnover") -> list[Contribution]:
        """What waits."""
        with self.connector.writing() as connection, connection.begin():
            return self.connector.journal.tally.contributions(connection, "visits", statistic)

    def released(self, statistic: str = "turnover") -> list[Increment]:
        """What was released, as the reading role sees it."""
        with self.connector.reading() as connection:
            return self.connector.journal.tally.increments(connection, "visits", statistic)

    def kept(self, statistic: str = "turnover", **which: bool) -> dict[str, Totals]:
        """What the ledger holds."""
        with self.connector.writing() as connection, connection.begin():
            return self.connector.journal.tally.totals(connection, "visits", statistic, **which)

    def _chunk(self, step: str, number: int | None) -> Chunk:
        self.chunks += 1
        return Chunk("plan", step, "visits", self.chunks if number is None else number)

    def _lined_up(self, connection: sa.Connection, due: Any) -> tuple[Candidates, int, int]:
        found = sa.select(self.table.c.id).where(due)
        with connection.begin():
            made = line_up(connection, self.table, ("id",), found, lambda only: found.where(only(self.table)))
        return made, 1, made.count

    def close(self) -> None:
        """Let go of connections."""
        self.connector.close()
        self.admin.dispose()


def visits_in_a_file(path: Path, statistics: tuple[Statistic, ...] = STATISTICS) -> CountedVisits:
    """Visits in a new SQLite file."""
    path.touch()
    url = f"sqlite:///{path}"
    return CountedVisits(SqlConnector("shop", url, url), url, statistics)


def visits_of(
    persons: Iterable[str], at: dt.date, region: str | None, cents: int = 100, first: int = 0
) -> Iterator[dict[str, Any]]:
    """One visit of each person."""
    for number, person in enumerate(persons, start=first):
        yield {"id": number, "person": person, "at": at, "region": region, "cents": cents}
