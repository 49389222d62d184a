"""The digest of a set of rows: equal for the same rows in any order, and different after any change."""

from __future__ import annotations

import sqlalchemy as sa
from fixtures_sql import Shop

from connectors.sql.sets import SetDigest, set_digest


def digest(shop: Shop, where: sa.ColumnElement[bool] | None = None) -> SetDigest:
    table = shop.connector.table(Shop.contacts)
    with shop.connector.reading() as connection:
        return set_digest(connection, table, table.c.keys(), sa.true() if where is None else where)


def test_the_same_rows_in_another_order_are_the_same_set(shop: Shop) -> None:
    before = digest(shop)
    shop.run("CREATE TABLE moved AS SELECT * FROM contacts")
    shop.run("UPDATE contacts SET city = city || 'x'")
    changed = digest(shop)
    shop.run("UPDATE contacts SET city = (SELECT city FROM moved WHERE moved.id = contacts.id)")
    assert before != changed
    assert digest(shop) == before


def test_one_changed_value_one_missing_row_and_a_null_each_show(shop: Shop) -> None:
    before = digest(shop)
    table = shop.connector.table(Shop.contacts)
    assert digest(shop, table.c.id != 7) != before
    shop.run("UPDATE contacts SET first_name = NULL WHERE id = 7")
    nulled = digest(shop)
    assert nulled != before
    assert nulled.rows == before.rows
    shop.run("UPDATE contacts SET first_name = '' WHERE id = 7")
    assert digest(shop) not in {before, nulled}


def test_no_rows_have_a_digest_too(shop: Shop) -> None:
    assert digest(shop, sa.false()) == SetDigest(0, (0, 0, 0, 0))


def test_without_columns_rows_are_counted(shop: Shop) -> None:
    table = shop.connector.table(Shop.contacts)
    with shop.connector.reading() as connection:
        assert set_digest(connection, table, [], table.c.id <= 7) == SetDigest(7, (0, 0, 0, 0))
