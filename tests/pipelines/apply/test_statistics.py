"""Live rows and ledger together say what they said: whatever is deleted or overwritten, and however it is cut off."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from fixtures_sql import Shop

from connectors.base import Source
from connectors.sql.act import delete_chunk
from connectors.sql.journal import Chunk, Counts
from connectors.sql.lines import Candidates, line_up
from connectors.sql.overwrite import update_chunk
from connectors.sql.tally import Totals
from pipelines.apply.statistics import DELETED, contribution, measure, overwriting, taking_back
from pipelines.data_map.model import Bucket, DatasetMap, Statistic, StoreMap
from pipelines.statistics.questions import registered, touched

ORDERS = Source("orders", "orders")
PER_MONTH = Statistic(name="per_month", sum="amount", by=(Bucket(column="at", by="month"), Bucket(column="region")))
PER_REGION = Statistic(name="per_region", by=(Bucket(column="region"),))
IN_ALL = Statistic(name="in_all", sum="amount")
DATASET = DatasetMap(source="orders", controller="ACME", key=("id",), statistics=(PER_MONTH, PER_REGION, IN_ALL))
MAP = StoreMap(store="shop", datasets={"orders": DATASET})
DAY = dt.date(2026, 6, 30)


class Killed(Exception):
    """Stands for the end of a worker."""


class Orders:
    """Sixty orders in a store of any engine; some have no region, some no amount."""

    def __init__(self, shop: Shop) -> None:
        self.connector, self.shop = shop.connector, shop
        amount = "INTEGER" if shop.admin.dialect.name == "sqlite" else "DECIMAL(12, 2)"
        shop.run(f"CREATE TABLE orders (id INTEGER PRIMARY KEY, at DATE, region VARCHAR(20), amount {amount})")
        given = []
        for n in range(60):
            at = f"'2020-0{1 + n % 3}-15'" if n % 11 else "NULL"
            region = f"'region {n % 4}'" if n % 5 else "NULL"
            cents = f"{n}" if shop.admin.dialect.name == "sqlite" else f"{n}.{n % 100:02}"
            given.append(f"({n}, {at}, {region}, {cents if n % 7 else 'NULL'})")
        shop.run(f"INSERT INTO orders VALUES {', '.join(given)}")
        self.table = self.connector.table(ORDERS)
        self.registered = registered(self.connector, MAP, "orders")
        self.questions = [each.question for each in self.registered]

    def measures(self) -> dict[str, Any]:
        """Every statistic; a cell in which nothing is left and from which nothing went is not there."""
        return {
            name: {cell: each for cell, each in cells.items() if not each.nothing}
            for name, cells in measure(self.connector, self.registered).items()
        }

    def kept(self) -> list[dict[str, Totals]]:
        """What the ledger holds of each statistic."""
        tally = self.connector.journal.tally
        with self.connector.writing() as connection, connection.begin():
            return [tally.totals(connection, "orders", each.statistic.name) for each in self.registered]

    def line_up(self, connection: sa.Connection, due: sa.ColumnElement[bool]) -> Candidates:
        found = sa.select(self.table.c.id).where(due)
        with connection.begin():
            return line_up(connection, self.table, ("id",), found, lambda only: found.where(only(self.table)))

    def write(self, number: int, due: Any, values: dict[str, Any], kill: str = "") -> Counts:
        journal, counted, act = self.connector.journal, touched(self.questions, values), overwriting(values)
        with self.connector.writing() as connection:
            candidates = self.line_up(connection, due)
            return update_chunk(
                connection, journal, Chunk("plan", "s1", "orders", number), candidates, 1, candidates.count, values, {},
                [contribution(journal, counted, act, DAY)], [taking_back(journal, counted, act, DAY)],
                killing(kill),
            )  # fmt: skip

    def delete(self, number: int, due: Any, kill: str = "") -> Counts:
        journal = self.connector.journal
        with self.connector.writing() as connection:
            candidates = self.line_up(connection, due)
            return delete_chunk(
                connection, journal, Chunk("plan", "s2", "orders", number), candidates, 1, candidates.count,
                [contribution(journal, self.questions, DELETED, DAY)], killing(kill),
            )  # fmt: skip


def killing(point: str) -> Any:
    def reached(name: str) -> None:
        if name == point:
            raise Killed

    return reached


@pytest.fixture
def orders(shop: Shop) -> Orders:
    return Orders(shop)


def test_an_update_leaves_live_and_ledger_together_as_they_were(orders: Orders) -> None:
    c, before = orders.table.c, orders.measures()
    assert before["in_all"]["[]"].n == 60
    assert orders.write(0, c.id < 10, {"region": None}).done == 10
    assert orders.measures() == before
    assert orders.write(1, c.id.between(5, 30), {"amount": 7}).done == 26
    assert orders.measures() == before
    assert orders.write(
        2, c.id.between(20, 40), {"region": "elsewhere", "at": dt.date(2019, 12, 31), "amount": c.amount + c.id}
    )
    assert orders.measures() == before
    assert orders.delete(0, c.id < 50).done == 50
    assert orders.measures() == before
    assert orders.delete(1, c.id >= 0).done == 10
    assert orders.measures() == before
    assert orders.shop.value("SELECT count(*) FROM orders") == 0


def test_an_update_counts_by_its_differences_only(orders: Orders) -> None:
    orders.write(0, orders.table.c.id > 3, {"region": orders.table.c.region})
    orders.write(1, orders.table.c.id > 3, {"amount": orders.table.c.amount})
    assert orders.kept() == [{}, {}, {}]
    orders.write(2, orders.table.c.id == 3, {"region": "elsewhere"})
    kept = orders.kept()
    assert {cell: each.n for cell, each in kept[1].items()} == {'["region 3"]': 1, '["elsewhere"]': -1}
    assert kept[2] == {}, "what a column does not touch gets no contribution"


@pytest.mark.parametrize("point", ["mid_batch", "before_commit", "after_commit"])
def test_a_crash_leaves_them_as_they_were(orders: Orders, point: str) -> None:
    c, before = orders.table.c, orders.measures()
    values = {"region": None, "amount": 1}
    with pytest.raises(Killed):
        orders.write(0, c.id < 30, values, kill=point)
    assert orders.measures() == before
    assert orders.write(0, c.id < 30, values).done == 30
    assert orders.measures() == before
    with pytest.raises(Killed):
        orders.delete(0, c.id < 30, kill=point)
    assert orders.measures() == before
    assert orders.delete(0, c.id < 30).done == 30
    assert orders.measures() == before


@pytest.mark.parametrize("shop", ["postgresql", "mariadb"], indirect=True)
def test_decimals_are_exact(orders: Orders) -> None:
    sums = sa.select(sa.func.sum(orders.table.c.amount))
    with orders.connector.reading() as connection:
        before = Decimal(connection.execute(sums).scalar_one())
    orders.write(0, orders.table.c.id < 31, {"amount": Decimal("0.07")})
    with orders.connector.reading() as connection:
        live = Decimal(connection.execute(sums).scalar_one())
    kept = orders.kept()[2]["[]"].total
    assert kept is not None
    assert live + kept == before != live
