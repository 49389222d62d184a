"""Acting on a few rows is rehearsed and taken back: what a constraint refuses, and where old values would survive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import sqlalchemy as sa
from fixtures_sql import Shop

from connectors.errors import StoreRefuses
from connectors.sql.functions import random_hex
from connectors.sql.rehearsal import Rehearsal, rehearse


def rehearsed(shop: Shop, values: Mapping[str, Any] | None, *rows: int, **also: Any) -> None:
    table = shop.connector.table(shop.contacts)
    columns = ("email", "first_name")
    given = None if values is None else (lambda _: values)
    tried = Rehearsal("shop", "contacts", table, ("id",), [(n,) for n in rows or (1, 2, 3)], columns, given, **also)
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


def changing(shop: Shop, column: str, value: str) -> None:
    """Let a trigger set a column of each row that is updated."""
    match shop.admin.dialect.name:
        case "postgresql":
            body = f"$$ BEGIN NEW.{column} = {value}; RETURN NEW; END $$"
            shop.run(f"CREATE FUNCTION changed() RETURNS trigger LANGUAGE plpgsql AS {body}")
            shop.run("CREATE TRIGGER changing BEFORE UPDATE ON contacts FOR EACH ROW EXECUTE FUNCTION changed()")
        case "sqlite":
            body = f"UPDATE contacts SET {column} = {value} WHERE id = NEW.id"
            shop.run(f"CREATE TRIGGER changing AFTER UPDATE ON contacts BEGIN {body}; END")
        case _:
            shop.run(f"CREATE TRIGGER changing BEFORE UPDATE ON contacts FOR EACH ROW SET NEW.{column} = {value}")


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


def test_a_trigger_that_changes_what_is_relied_on_is_found(shop: Shop) -> None:
    changing(shop, "seen", "'2026-01-31'")
    rehearsed(shop, CHANGES, relied={"city": "the fact residence"})
    what = r"contacts: seen changes by itself when a row is written, and supplies the event left \(trigger changing\)"
    with pytest.raises(StoreRefuses, match=what) as caught:
        rehearsed(shop, CHANGES, relied={"city": "the fact residence", "seen": "the event left"})
    assert "2020" not in str(caught.value)
    assert shop.rows("SELECT DISTINCT first_name FROM contacts WHERE id = 1") == [("Name1",)]


def test_a_trigger_that_undoes_a_constant_is_found(shop: Shop) -> None:
    changing(shop, "email", "OLD.email")
    with pytest.raises(StoreRefuses, match=r"contacts: email does not keep what its technique gives"):
        rehearsed(shop, CHANGES)


def test_a_trigger_that_undoes_what_is_drawn_is_found(shop: Shop) -> None:
    """What was there may be of the pool as well: then only that it never becomes another tells."""
    shop.run("UPDATE contacts SET first_name = 'Anne'")
    two = {"first_name": sa.case((random_hex(1) < "8", "Anne"), else_="Jean")}
    told: dict[str, Any] = {"valid": {"first_name": {"Anne", "Jean"}.__contains__}, "drawn": ("first_name",)}
    rehearsed(shop, two, **told)
    changing(shop, "first_name", "OLD.first_name")
    with pytest.raises(StoreRefuses, match="first_name does not keep"):
        rehearsed(shop, two, **told)
    with pytest.raises(StoreRefuses, match="first_name does not keep"):
        rehearsed(shop, {"first_name": random_hex(8)}, valid={"first_name": lambda text: text != "Anne"})


def test_a_generated_column_follows_what_it_is_made_of(shop: Shop) -> None:
    shop.run("ALTER TABLE contacts ADD COLUMN shown varchar(40) GENERATED ALWAYS AS (upper(first_name)) "
             + ("STORED" if shop.admin.dialect.name == "postgresql" else "VIRTUAL"))  # fmt: skip
    changing(shop, "seen", "'2026-01-31'")  # or nobody looks at the rows again
    rehearsed(shop, CHANGES, relied={"shown": "whom contacts concerns"})
    with pytest.raises(StoreRefuses, match="seen changes by itself"):
        rehearsed(shop, CHANGES, relied={"shown": "whom contacts concerns", "seen": "the event left"})
    assert shop.rows("SELECT first_name, shown FROM contacts WHERE id = 1") == [("Name1", "NAME1")]


def test_rows_that_somebody_else_is_writing_to_are_left_out(shop: Shop) -> None:
    if shop.admin.dialect.name == "sqlite":
        pytest.skip("SQLite locks the whole file")
    with shop.admin.begin() as other:
        other.exec_driver_sql("UPDATE contacts SET city = 'Paris' WHERE id = 1")
        rehearsed(shop, CHANGES, 1)
        with pytest.raises(StoreRefuses):
            rehearsed(shop, {"email": "everybody@x.example"}, 1, 2, 3)
