"""Draws from pools are independent of the row, of each other, and of the last run."""

from __future__ import annotations

from collections import Counter

import pytest
import sqlalchemy as sa
from fixtures_sql import Shop

from connectors.sql.drawing import Drawing, assigned
from connectors.sql.pools import load_pool, pool_draw

NAMES = [f"Prénom{number}" for number in range(1000)]


def _draw(shop: Shop, *, by_row: bool) -> list[str]:
    table = shop.connector.table(shop.contacts)
    with shop.connector.writing() as connection:
        with connection.begin():
            pool = load_pool(connection, "first_name", NAMES)
        with connection.begin():
            drawing = Drawing(table) if by_row and connection.dialect.name == "postgresql" else None
            draws = {name: pool_draw(pool, connection.dialect, drawing) for name in ("first_name", "city")}
            connection.execute(sa.update(table).values(assigned(table, draws)))
    rows = shop.rows("SELECT first_name, city FROM contacts ORDER BY id")
    assert {name for row in rows for name in row} <= set(NAMES), "every row gets a value of the pool, none gets NULL"
    same = sum(first == second for first, second in rows)
    assert same <= 5, "two columns draw independently"
    return [str(row[0]) for row in rows]


@pytest.mark.parametrize("by_row", [True, False])
def test_every_row_draws_for_itself_and_every_run_anew(shop: Shop, by_row: bool) -> None:
    first, second = _draw(shop, by_row=by_row), _draw(shop, by_row=by_row)
    assert max(Counter(first).values()) <= 5
    assert len(set(first)) > 80
    assert sum(one == other for one, other in zip(first, second, strict=True)) <= 5


@pytest.mark.parametrize("values", [["a", "b", "c"], ["a", "é" * 31, ""], ["a", "é" * 32, ""]])
def test_draws_are_spread_over_the_whole_pool(shop: Shop, values: list[str]) -> None:
    table = shop.connector.table(shop.contacts)
    with shop.connector.writing() as connection, connection.begin():
        pool = load_pool(connection, "small", values)
        draw = pool_draw(pool, connection.dialect)
        found = Counter(connection.execute(sa.select(draw).select_from(table)).scalars())
    assert set(found) == set(values)
    assert min(found.values()) >= 10


def test_a_pool_is_replaced_by_one_of_the_same_name(shop: Shop) -> None:
    table = shop.connector.table(shop.contacts)
    with shop.connector.writing() as connection, connection.begin():
        load_pool(connection, "x", ["old"])
        pool = load_pool(connection, "x", ["new"])
        draw = pool_draw(pool, connection.dialect)
        assert set(connection.execute(sa.select(draw).select_from(table)).scalars()) == {"new"}


def test_what_a_draw_goes_by_is_what_was_there_where_that_is_overwritten_too(shop: Shop) -> None:
    """As the language of a row, in a column that is emptied by the same statement."""
    table = shop.connector.table(shop.contacts)
    with shop.connector.writing() as connection, connection.begin():
        draw = pool_draw(load_pool(connection, "french", ["Zoé"]), connection.dialect)
        drawn = sa.case((table.c.city.is_not(None), draw), else_="other")
        connection.execute(sa.update(table).values(city="Lyon"))
        connection.execute(sa.update(table).ordered_values((table.c.city, sa.null()), (table.c.first_name, drawn)))
    assert set(shop.rows("SELECT first_name, city FROM contacts")) == {("Zoé", None)}


def test_an_empty_pool_is_refused(shop: Shop) -> None:
    with shop.connector.writing() as connection, connection.begin(), pytest.raises(ValueError, match="no values"):
        load_pool(connection, "x", [])
