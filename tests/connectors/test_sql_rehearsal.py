"""Acting on a few rows is rehearsed and taken back: what a constraint refuses, and where old values would survive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import sqlalchemy as sa
from fixtures_sql import Shop

from connectors.errors import StoreRefuses
from connectors.sql.rehearsal import Rehearsal, rehearse


def rehearsed(shop: Shop, values: Mapping[str, Any] | None, *rows: int) -> None:
    table = shop.connector.table(shop.contacts)
    columns = ("email", "first_name")
    given = None if values is None else (lambda _: values)
    tried = Rehearsal("shop", "contacts", table, ("id",), [(n,) for n in rows or (1, 2, 3)], columns, given)
    with shop.connector.writing() as connection:
        rehearse(connection, tried)


def trigger(shop: Shop, body: str, event: str = "UPDATE") -> None:
    match shop.admin.dialect.name:
        case "postgresql":
            shop.run(
                f"CREATE FUNCTION kept() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN {body}; RETURN NULL; EXCEPTION WHEN division_by_zero THEN RETURN NULL; END $$"
            )
            shop.run(f"CREATE TRIGGER keeping AFTER {event} ON contacts FOR EACH ROW EXECUTE FUNCTION kept()")
        case _:
            shop.run(f"CREATE TRIGGER keeping AFTER {event} ON contacts FOR EACH ROW BEGIN {body}; END")


CHANGES = {"email": sa.literal(None, sa.String), "first_name": "anybody"}


def test_nothing_is_changed(shop: Shop) -> None:
    before = shop.rows("SELECT * FROM contacts ORDER BY id")
    rehearsed(shop, CHANGES)
    assert shop.rows("SELECT * FROM contacts ORDER BY id") == before


@pytest.mark.parametrize(
    ("constraint", "values", "named"),
    [
        ("first_name varchar(4) NOT NULL", {"first_name": None}, "first_name"),
        (
            "first_name varchar(4) CHECK (first_name IN ('Anne', 'Jean'))",
            {"email": "x", "first_name": "Luc"},
            "first_name",
        ),
        ("first_name varchar(40) UNIQUE", {"first_name": "everybody"}, "first_name"),
    ],
)
def test_what_a_constraint_refuses_is_told_by_column(
    shop: Shop, constraint: str, values: dict[str, Any], named: str
) -> None:
    shop.run("DROP TABLE IF EXISTS strict")
    shop.run(f"CREATE TABLE strict (id integer PRIMARY KEY, email varchar(40), {constraint})")
    shop.run("INSERT INTO strict VALUES (1, 'a@x.example', 'Anne'), (2, 'b@x.example', 'Jean')")
    table = sa.Table("strict", sa.MetaData(), autoload_with=shop.admin)
    tried = Rehearsal("shop", "strict", table, ("id",), [(1,), (2,)], tuple(values), lambda _: values)
    with shop.connector.writing() as connection, pytest.raises(StoreRefuses, match=f"strict: {named} cannot") as caught:
        rehearse(connection, tried)
    assert "Anne" not in str(caught.value)
    assert shop.rows("SELECT first_name FROM strict ORDER BY id") == [("Anne",), ("Jean",)]


def test_an_enumeration_refuses_what_is_not_one_of_its_values(shop: Shop) -> None:
    match shop.admin.dialect.name:
        case "postgresql":
            shop.run("CREATE TYPE title AS ENUM ('Mme', 'M.')")
            shop.run("CREATE TABLE titled (id integer PRIMARY KEY, title title NOT NULL)")
        case "mariadb" | "mysql":
            shop.run("CREATE TABLE titled (id integer PRIMARY KEY, title ENUM('Mme', 'M.') NOT NULL)")
        case _:
            pytest.skip("SQLite has no enumerations")
    shop.run("INSERT INTO titled VALUES (1, 'Mme')")
    table = sa.Table("titled", sa.MetaData(), autoload_with=shop.admin)
    tried = Rehearsal(
        "shop", "titled", table, ("id",), [(1,)], ("title",), lambda _: {"title": sa.literal_column("''")}
    )
    with shop.connector.writing() as connection, pytest.raises(StoreRefuses, match="title cannot have the values"):
        rehearse(connection, tried)


def test_a_trigger_that_keeps_what_was_there_is_found(shop: Shop) -> None:
    shop.run("CREATE TABLE past (n integer, what varchar(400))")
    trigger(shop, "INSERT INTO past VALUES (OLD.id, CONCAT('was ', OLD.email))" if shop.admin.dialect.name != "sqlite"
            else "INSERT INTO past VALUES (OLD.id, 'was ' || OLD.email)")  # fmt: skip
    with pytest.raises(StoreRefuses, match="past, where it would stay"):
        rehearsed(shop, CHANGES)
    assert shop.value("SELECT count(*) FROM past") == 0


def test_a_trigger_that_keeps_deleted_rows_is_found(shop: Shop) -> None:
    shop.run("CREATE TABLE past (n integer, what varchar(400))")
    trigger(shop, "INSERT INTO past VALUES (OLD.id, OLD.email)", "DELETE")
    with pytest.raises(StoreRefuses, match="past, where it would stay"):
        rehearsed(shop, None)
    assert shop.value("SELECT count(*) FROM contacts") == 100


def test_a_trigger_that_keeps_no_value_is_none_of_its_business(shop: Shop) -> None:
    shop.run("CREATE TABLE past (n integer, what varchar(400))")
    trigger(shop, "INSERT INTO past VALUES (OLD.id, 'changed')")
    rehearsed(shop, CHANGES)
    assert shop.value("SELECT count(*) FROM past") == 0


def test_rows_that_somebody_else_is_writing_to_are_left_out(shop: Shop) -> None:
    if shop.admin.dialect.name == "sqlite":
        pytest.skip("SQLite locks the whole file")
    with shop.admin.begin() as other:
        other.exec_driver_sql("UPDATE contacts SET city = 'Paris' WHERE id = 1")
        rehearsed(shop, CHANGES, 1)
        with pytest.raises(StoreRefuses):
            rehearsed(shop, {"email": "everybody@x.example"}, 1, 2, 3)
