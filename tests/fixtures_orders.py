"""Orders in a table of one engine, and runs that anonymise them in groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connectors.base import DatasetShape, FieldShape, Kind
from connectors.sql.cells import cell_sizes
from connectors.sql.engines import open_engine
from connectors.sql.partition import GROUP, JOINS, Layout, same_record
from connectors.sql.placement import assign
from pipelines.anonymise.partition import layout
from pipelines.data_map.model import DatasetMap

TABLE = """CREATE TABLE orders (number integer PRIMARY KEY, person integer, region varchar(8),
postcode varchar(5) NOT NULL, day date, cents integer,
weight decimal(8,2) NOT NULL, kind varchar(4), done integer NOT NULL)"""
SHAPE = DatasetShape(
    "orders",
    Kind.ROWS,
    (
        FieldShape("number", "INTEGER", False, True),
        FieldShape("person", "INTEGER"),
        FieldShape("region", "VARCHAR(8)", length=8),
        FieldShape("postcode", "VARCHAR(5)", False, length=5),
        FieldShape("day", "DATE"),
        FieldShape("cents", "INTEGER"),
        FieldShape("weight", "NUMERIC(8, 2)", False),
        FieldShape("kind", "VARCHAR(4)", length=4),
        FieldShape("done", "INTEGER", False),
    ),
    ("number",),
)
K = 3


def declared(**changes: Any) -> DatasetMap:
    """The dataset, with k = 3 so that examples stay small."""
    anonymity = {
        "k": K,
        "partition": [
            {"region": "value", "postcode": "value", "day": "month"},
            {"region": "value", "postcode": "department", "day": "quarter"},
            {"region": "value", "day": "year"},
            {"day": "decade"},
            {},
        ],
        "measures": ["cents", "weight"],
        "subject": "person",
        "free": ["done", "person"],  # so that whose a row was can be told afterwards
    } | changes
    return DatasetMap.model_validate(
        {"source": "orders", "controller": "TEST", "key": ["number"], "anonymity": anonymity}
    )


@dataclass
class Orders:
    """A table in one engine, and runs over it."""

    connection: sa.Connection
    table: sa.Table

    def __post_init__(self) -> None:
        self.number = 0

    def layout(self, dataset: DatasetMap) -> Layout:
        return layout(dataset, SHAPE, self.table, ("number",), sa.true(), self.connection.dialect.name)

    def insert(self, rows: Sequence[dict[str, Any]]) -> None:
        with self.connection.begin():
            for row in rows:
                self.number += 1
                self.connection.execute(self.table.insert(), {"number": self.number, "done": 0, **row})

    def run(self, dataset: DatasetMap) -> dict[int, int]:
        """Anonymise what was not; the group of every row that is in a new one."""
        made = self.layout(dataset)
        work, table = made.work("ardoise_work", None, {}), self.table
        with self.connection.begin():
            work.create(self.connection)
            for _ in range(2):  # what has a place keeps it
                assign(self.connection, made, work, table.c.done == 0, table.c.done == 1)
            values = {name: work.c[value] for name, value in made.values.items()}
            placed = sa.and_(same_record(("number",), table, work), work.c[GROUP].is_not(None))
            self.connection.execute(table.update().where(placed).values(**values, done=1))
            new = sa.select(work.c.number, work.c[GROUP]).where(work.c[GROUP].is_not(None), sa.not_(work.c[JOINS]))
            found = {row[0]: row[1] for row in self.connection.execute(new)}
            work.drop(self.connection)
            return found

    def sizes(self, dataset: DatasetMap) -> dict[int, int]:
        with self.connection.begin():
            return cell_sizes(self.connection, self.layout(dataset), self.table.c.done == 1)

    def rows(self) -> list[dict[str, Any]]:
        with self.connection.begin():
            found = self.connection.execute(sa.select(self.table).order_by(self.table.c.number))
            return [dict(row) for row in found.mappings()]

    def clear(self) -> None:
        with self.connection.begin():
            self.connection.execute(self.table.delete())
        self.number = 0


@pytest.fixture(params=["postgresql", "mariadb", "sqlite"])
def orders(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Orders]:
    with opened(request, tmp_path / "orders.sqlite") as connection:
        with connection.begin():
            connection.exec_driver_sql(TABLE)
            table = sa.Table("orders", sa.MetaData(), autoload_with=connection)
        yield Orders(connection, table)


def opened(request: pytest.FixtureRequest, file: Path) -> sa.Connection:
    if request.param == "sqlite":
        file.touch()
        url = f"sqlite:///{file}"
    elif request.param == "mariadb":
        url = request.getfixturevalue("mariadb_database").admin
    else:
        url = request.getfixturevalue("postgres_database").admin
    return open_engine("orders", url, write=True).connect()
