"""An estate with one SQLite store under a shipped policy: filled by a test, run for any day, looked at afterwards."""

from __future__ import annotations

import contextlib
import datetime as dt
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from approving import confirm_maps
from running import applied, made, noon, planned

from pipelines.apply.summary import RunSummary
from pipelines.engine import EngineDatabase
from pipelines.estate import Estate
from pipelines.plan.artefact import Plan, Tally

Row = Mapping[str, Any]

TOML = """
[estate]
name = "One store"
[stores.shop]
kind = "sql"
read = "sqlite:///../shop.sqlite"
write = "sqlite:///../shop.sqlite"
[limits]
share = 1.0
"""


@dataclass(frozen=True)
class PolicyEstate:
    """The estate in ``folder``/estate, its store beside it."""

    folder: Path

    @classmethod
    def write(
        cls, folder: Path, schema: str, data_map: str, controllers: Mapping[str, str], files: Mapping[str, str]
    ) -> PolicyEstate:
        """Write the estate's files and an empty store.

        ``controllers`` gives the lines below each one's heading in ardoise.toml, ``files`` further files by path.
        """
        fresh = cls(folder)
        sections = "".join(f'[controllers."{name}"]\n{lines}\n' for name, lines in controllers.items())
        everything = {"ardoise.toml": TOML + sections, "data_map/shop.yaml": "store: shop\n" + data_map, **files}
        for name, text in everything.items():
            path = fresh.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        with fresh.connected() as connection:
            connection.executescript(schema)
        confirm_maps(fresh.path, at=noon(dt.date(2010, 1, 1)))
        return fresh

    @property
    def path(self) -> Path:
        """The estate's folder."""
        return self.folder / "estate"

    @property
    def file(self) -> Path:
        """The store."""
        return self.folder / "shop.sqlite"

    @property
    def estate(self) -> Estate:
        """The estate as its files say now."""
        return Estate.load(self.path)

    # -- the store

    @contextlib.contextmanager
    def connected(self) -> Iterator[sqlite3.Connection]:
        """A transaction on the store."""
        with closing(sqlite3.connect(self.file)) as connection, connection:
            yield connection

    def fill(self, table: str, *rows: Row) -> None:
        """Insert rows; their numbers follow the order, from 1, unless they say otherwise."""
        with self.connected() as connection:
            for number, row in enumerate(rows, start=1):
                values = {"id": number, **row}
                names, places = ", ".join(values), ", ".join("?" * len(values))
                connection.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", tuple(values.values()))

    def change(self, statement: str) -> None:
        """Do something to the store that nobody planned."""
        with self.connected() as connection:
            connection.execute(statement)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Every row of a table, in the order of its key."""
        with self.connected() as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY id")]

    def left(self, table: str) -> list[int]:
        """The numbers of the rows that are there."""
        return [row["id"] for row in self.rows(table)]

    def untouched(self, table: str, column: str, values: Sequence[Any]) -> list[bool]:
        """Per row whether a column still holds what it held."""
        return [row[column] == value for row, value in zip(self.rows(table), values, strict=True)]

    # -- the engine

    @contextlib.contextmanager
    def engine(self) -> Iterator[EngineDatabase]:
        """The engine database."""
        with closing(self.estate.engine()) as engine:
            yield engine

    def plan(self, as_of: dt.date, controller: str = "", *, approved: bool = False) -> Plan:
        """The plan for a day on which it is also made, for the only controller or the one named."""
        estate = self.estate
        return (planned if approved else made)(estate, controller or estate.controllers[0], as_of)

    def run(self, as_of: dt.date, controller: str = "") -> RunSummary:
        """Plan, approve and apply on one day."""
        return applied(self.estate, self.plan(as_of, controller, approved=True), as_of)

    def stand(self, as_of: dt.date, dataset: str, category: str, controller: str = "") -> dict[str, int]:
        """How a dataset's records stand in a category: the counts of a plan that are not zero, without their sum."""
        (tally,) = [
            each
            for each in self.plan(as_of, controller).tallies
            if (each.dataset, each.category) == (dataset, category)
        ]
        return counts(tally)


Make = Callable[..., PolicyEstate]
"""Makes an estate of a kind."""


def counts(tally: Tally) -> dict[str, int]:
    """The counts of a tally that are not zero, without their sum."""
    names = ("kept", "archived", "due", "held", "undetermined", "done")
    return {name: getattr(tally, name) for name in names if getattr(tally, name)}
