"""What a copy still holds of rows that were acted on is counted by key, whatever the copy looks like."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from fixtures_sql import Shop

from connectors.sql.copies import CopyKind, find_copies
from connectors.sql.lingering import Held, Original, held, outdated

OVERWRITTEN = DELETED = 10
"""Of the hundred contacts: those whose address is another by now, and those who are gone."""

HELD = Held(OVERWRITTEN, DELETED)
COPIES = {
    "contacts_history": ("contact_id integer, email varchar(200), first_name varchar(40)", HELD),
    "contacts_log": ("contactid varchar(20), old_email varchar(200), first_name varchar(40)", HELD),
    "contacts_versions": ("id integer, email varchar(200), city varchar(40), at integer", HELD),
    "contacts_deleted": ("id integer PRIMARY KEY, email varchar(200), city varchar(40)", HELD),
    "contacts_audit": ("customer integer, email varchar(200), city varchar(40)", HELD),
    "contacts_changes": ("id integer PRIMARY KEY, email varchar(200), city varchar(40)", Held(unmatched=100)),
    "contacts_revisions": ("n integer, first_name varchar(40), city varchar(40)", Held(unmatched=100)),
}  # fmt: skip
"""By table: its columns, of which the first gets the contact's number, and what it holds afterwards."""


def original(shop: Shop) -> Original:
    """The contacts, of whom every address is anonymised, and the invoices' `customer` points at their numbers."""
    table = shop.connector.table(shop.contacts)
    shape = shop.connector.inspect().find(shop.connector.location(shop.contacts))
    assert shape is not None
    pointers = {"id": ["customer", "company_id"]}

    def marked(_: sa.FromClause, field: str) -> sa.ColumnElement[bool]:
        return sa.true() if field == "email" else sa.false()

    return Original(table, shape, ("id",), ("email", "first_name"), marked, pointers)


def changed(shop: Shop) -> None:
    shop.run("UPDATE contacts SET email = 'nobody@x.invalid', first_name = 'Luc' WHERE id = 1")
    shop.run(f"UPDATE contacts SET email = NULL WHERE id > 1 AND id <= {OVERWRITTEN}")
    shop.run(f"DELETE FROM contacts WHERE id > {100 - DELETED}")


def counted(shop: Shop) -> dict[str, Held]:
    inventory, of = shop.connector.inspect(), original(shop)
    found = {}
    with shop.connector.reading() as connection:
        for copy in find_copies(connection, inventory):
            found[copy.place.rpartition(".")[2]] = held(connection, inventory, copy, of)
    return found


def _first(columns: str, count: int) -> list[str]:
    return [each.split()[0] for each in columns.split(", ")[:count]]


def test_what_a_copy_holds_is_counted_by_whatever_tells_of_which_row_it_is(shop: Shop) -> None:
    for name, (columns, _) in COPIES.items():
        shop.run(f"CREATE TABLE {name} ({columns})")
        value = "first_name" if name == "contacts_revisions" else "email"
        shop.run(f"INSERT INTO {name} ({', '.join(_first(columns, 3))}) SELECT id, {value}, city FROM contacts")
    shop.run("INSERT INTO contacts_log VALUES ('unknown', 'p1@example.org', NULL)")
    assert {each.former for each in counted(shop).values()} <= {0, None}
    changed(shop)
    expected = {name: held for name, (_, held) in COPIES.items()}
    assert counted(shop) == expected | {"contacts_log": Held(OVERWRITTEN, DELETED + 1)}


def test_a_copy_follows_its_foreign_key_and_what_it_does_not_hold_any_more_counts_for_nothing(shop: Shop) -> None:
    shop.run(
        "CREATE TABLE contacts_history (who integer, email varchar(200), city varchar(40), id integer, "
        "FOREIGN KEY (who) REFERENCES contacts (id) ON DELETE SET NULL)"
    )
    shop.run("INSERT INTO contacts_history SELECT id, email, city, 1 FROM contacts")
    shop.run("UPDATE contacts_history SET email = '' WHERE who = 2")
    shop.run("UPDATE contacts_history SET email = NULL WHERE who = 3")
    changed(shop)
    heeded = shop.admin.dialect.name != "sqlite"  # which minds no foreign key unless it is asked to
    assert counted(shop) == {"contacts_history": Held(OVERWRITTEN - 2, 0 if heeded else DELETED)}


@pytest.mark.parametrize("shop", ["mariadb"], indirect=True)
def test_a_table_that_keeps_its_versions_is_in_the_inventory_and_its_past_is_searched(shop: Shop) -> None:
    shop.run("ALTER TABLE contacts ADD SYSTEM VERSIONING")
    changed(shop)
    assert counted(shop) == {"contacts": Held(OVERWRITTEN, DELETED)}


@pytest.mark.parametrize("shop", ["sqlite"], indirect=True)
def test_a_full_text_table_is_searched_by_its_row_numbers(shop: Shop) -> None:
    shop.run("CREATE VIRTUAL TABLE words USING fts5(email, city)")
    shop.run(
        "CREATE TRIGGER following AFTER INSERT ON contacts BEGIN "
        "INSERT INTO words (rowid, email) VALUES (NEW.id, NEW.email); END"
    )
    shop.run("INSERT INTO words (rowid, email) SELECT id, email FROM contacts")
    changed(shop)
    assert counted(shop) == {"words": Held(OVERWRITTEN, DELETED)}


@pytest.mark.parametrize("shop", ["postgresql"], indirect=True)
def test_a_materialised_view_is_held_against_its_definition(shop: Shop) -> None:
    shop.run("CREATE VIEW seen AS SELECT email, city || ':' AS place, clock_timestamp() AS at FROM contacts")
    shop.run('CREATE MATERIALIZED VIEW "Lately" AS SELECT email, place, at FROM seen')
    shop.run("CREATE MATERIALIZED VIEW places AS SELECT place FROM seen")
    shop.run("CREATE MATERIALIZED VIEW unfilled AS SELECT email FROM seen WITH NO DATA")
    changed(shop)

    def count(view: str) -> int:
        with shop.connector.reading() as connection:
            return outdated(connection, f"public.{view}", ["email", "first_name"])

    assert [count(view) for view in ("Lately", "places", "unfilled")] == [OVERWRITTEN + DELETED, 0, 0]
    shop.run('REFRESH MATERIALIZED VIEW "Lately"')
    assert count("Lately") == 0
    with shop.connector.reading() as connection:
        kinds = {each.place: each.kind for each in find_copies(connection, shop.connector.inspect())}
    assert kinds["public.Lately"] is CopyKind.VIEW


def test_the_triggers_that_write_somewhere_are_known_with_their_events(shop: Shop) -> None:
    shop.run("CREATE TABLE past (n integer, what varchar(400))")
    body = "INSERT INTO past VALUES (1, 'changed')"
    if shop.admin.dialect.name == "postgresql":
        shop.run(
            "CREATE FUNCTION kept() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN -- UPDATE visits\n {body}; RETURN NULL; END $$"
        )
        shop.run(
            "CREATE TRIGGER keeping AFTER INSERT OR DELETE ON contacts FOR EACH ROW EXECUTE FUNCTION kept('notes', 'x')"
        )
        events = {"INSERT", "DELETE"}
    else:
        shop.run(f"CREATE TRIGGER keeping AFTER DELETE ON contacts FOR EACH ROW BEGIN /* UPDATE visits */ {body}; END")
        events = {"DELETE"}
    with shop.connector.reading() as connection:
        found = {each.place.rpartition(".")[2]: each for each in find_copies(connection, shop.connector.inspect())}
    assert set(found) == {"past"} | ({"notes"} if "INSERT" in events else set())
    assert found["past"].by == (("keeping", frozenset(events)),)
    assert found["past"].fired_by({"DELETE"}) == ("keeping",)
    assert found["past"].fired_by({"UPDATE"}) == ()
