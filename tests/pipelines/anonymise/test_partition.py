"""Safe partition and microaggregation in the stores' engines: k is reached, sums stay, later runs never lower it."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from connectors.base import DatasetShape, FieldShape, Kind
from connectors.sql.engines import open_engine
from connectors.sql.partition import GROUP, Layout, same_record
from connectors.sql.placement import assign
from pipelines.anonymise.partition import layout
from pipelines.data_map.model import DatasetMap

pytestmark = pytest.mark.filterwarnings("ignore:Dialect sqlite.* does .not. support Decimal")

TABLE = """CREATE TABLE orders (id integer PRIMARY KEY, person integer, region varchar(8), postcode varchar(5) NOT NULL,
day date, cents integer, weight decimal(8,2) NOT NULL, kind varchar(4), done integer NOT NULL)"""
SHAPE = DatasetShape(
    "orders",
    Kind.ROWS,
    (
        FieldShape("id", "INTEGER", False, True),
        FieldShape("person", "INTEGER"),
        FieldShape("region", "VARCHAR(8)", length=8),
        FieldShape("postcode", "VARCHAR(5)", False, length=5),
        FieldShape("day", "DATE"),
        FieldShape("cents", "INTEGER"),
        FieldShape("weight", "NUMERIC(8, 2)", False),
        FieldShape("kind", "VARCHAR(4)", length=4),
        FieldShape("done", "INTEGER", False),
    ),
    ("id",),
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
    return DatasetMap.model_validate({"source": "orders", "controller": "TEST", "key": ["id"], "anonymity": anonymity})


@dataclass
class Orders:
    """A table in one engine, and runs over it."""

    connection: sa.Connection
    table: sa.Table

    def __post_init__(self) -> None:
        self.number = 0

    def layout(self, dataset: DatasetMap) -> Layout:
        return layout(dataset, SHAPE, self.table, ("id",), sa.true(), self.connection.dialect.name)

    def insert(self, rows: Sequence[dict[str, Any]]) -> None:
        with self.connection.begin():
            for row in rows:
                self.number += 1
                self.connection.execute(self.table.insert(), {"id": self.number, "done": 0, **row})

    def run(self, dataset: DatasetMap) -> None:
        """Anonymise what was not."""
        made = self.layout(dataset)
        work, table = made.work("ardoise_work", None, {}), self.table
        with self.connection.begin():
            work.create(self.connection)
            for _ in range(2):  # what has a place keeps it
                assign(self.connection, made, work, sa.select(table.c.id).where(table.c.done == 0), table.c.done == 1)
            values = {name: work.c[value] for name, value in made.values.items()}
            placed = sa.and_(same_record(("id",), table, work), work.c[GROUP].is_not(None))
            self.connection.execute(table.update().where(placed).values(**values, done=1))
            work.drop(self.connection)

    def rows(self) -> list[dict[str, Any]]:
        with self.connection.begin():
            found = self.connection.execute(sa.select(self.table).order_by(self.table.c.id))
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


DAYS = st.dates(dt.date(2019, 1, 1), dt.date(2021, 12, 31))
ROW = st.fixed_dictionaries(
    {
        "person": st.none() | st.integers(1, 12),
        "region": st.sampled_from([None, "IDF", "idf", "ÎDF", "*"]),
        "postcode": st.sampled_from(["75011", "75012", "97400", "x", "*"]),
        "day": st.none() | DAYS,
        "cents": st.none() | st.integers(-50, 100_000),
        "weight": st.decimals(0, 999, places=2),
        "kind": st.sampled_from([None, "a"]),
    }
)
NO_SHRINK = [Phase.explicit, Phase.generate]
RUNS = st.lists(st.lists(ROW, min_size=1, max_size=40), min_size=1, max_size=3)
KEPT = ("region", "postcode", "day", "kind", "cents", "weight")


def cells(rows: Sequence[dict[str, Any]], persons: Sequence[Any]) -> dict[tuple[Any, ...], set[Any]]:
    """Whom each combination of kept values hides; who is not known is nobody."""
    found: dict[tuple[Any, ...], set[Any]] = defaultdict(set)
    for row, person in zip(rows, persons, strict=True):
        if row["done"]:
            found[tuple(row[name] for name in KEPT)] |= {person} - {None}
    return found


@settings(max_examples=25, deadline=None, phases=NO_SHRINK, suppress_health_check=list(HealthCheck))
@given(runs=RUNS, alone=st.booleans(), measured=st.booleans())
def test_no_run_leaves_a_cell_that_hides_fewer_than_k(
    orders: Orders, runs: list[list[dict[str, Any]]], alone: bool, measured: bool
) -> None:
    changes: dict[str, Any] = {"subject": None} if alone else {}
    if not measured:
        changes |= {"measures": [], "free": ["done", "person", "cents", "weight"]}
    dataset = declared(**changes)
    orders.clear()
    known: dict[int, dict[str, Any]] = {}
    for rows in runs:
        orders.insert(rows)
        before = orders.rows()
        for row in before:
            known.setdefault(row["id"], row)
        orders.run(dataset)
        after = orders.rows()
        assert [row["id"] for row in before] == [row["id"] for row in after]
        for then, now in zip(before, after, strict=True):
            if not now["done"] or then["done"]:
                assert then == now, "who was done stays as he is, who is held back too"
            assert [then[name] for name in ("person", "kind")] == [now[name] for name in ("person", "kind")]
            assert (then["cents"] is None) == (now["cents"] is None)
        persons = [row["id"] if alone else row["person"] for row in after]
        kept = [{**row, **({} if measured else {"cents": None, "weight": None})} for row in after]
        assert all(len(subjects) >= K for subjects in cells(kept, persons).values())
        assert_held_back_rightly(before, after, persons)
        if measured:
            assert_means(known, after)


def assert_held_back_rightly(
    before: Sequence[dict[str, Any]], rows: Sequence[dict[str, Any]], persons: Sequence[Any]
) -> None:
    """Only who finds no company at the top is held back; columns that stay, and measures that are NULL, divide it."""
    held: dict[tuple[Any, ...], set[Any]] = defaultdict(set)
    done = set()
    for then, row, person in zip(before, rows, persons, strict=True):
        top = row["kind"], row["cents"] is None
        if not row["done"]:
            held[top] |= {person} - {None}
        elif not then["done"]:
            done.add(top)
    assert all(len(subjects) < K for subjects in held.values())
    if len({row["region"] for row in before}) == 1:  # else cells of two levels can be the same
        assert not done & set(held)


def assert_means(known: dict[int, dict[str, Any]], rows: Sequence[dict[str, Any]]) -> None:
    """Sums move by no more than rounding where a first run made all groups."""
    if any(row["done"] == 0 for row in rows) or len(known) != len(rows):
        return
    for name, unit in (("cents", 1), ("weight", Decimal("0.01"))):
        before = [row[name] for row in known.values() if row[name] is not None]
        after = [row[name] for row in rows if row[name] is not None]
        low, high = min(before, default=0), max(before, default=0)
        assert all(low - unit <= value <= high + unit for value in after)
