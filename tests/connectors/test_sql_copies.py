"""A store's catalog tells where copies of a table's rows may be."""

from __future__ import annotations

import pytest
from fixtures_sql import Shop

from connectors.base import DatasetShape, FieldShape, Inventory, Kind
from connectors.sql.copies import Copy, CopyKind, find_copies, histories


def found(shop: Shop) -> set[Copy]:
    with shop.connector.reading() as connection:
        return set(find_copies(connection, shop.connector.inspect()))


def test_a_store_without_copies_has_none(shop: Shop) -> None:
    assert found(shop) == set()


def test_what_keeps_copies_is_found(shop: Shop) -> None:
    match shop.admin.dialect.name:
        case "postgresql":
            shop.run("CREATE VIEW seen AS SELECT email, seen FROM contacts")
            shop.run("CREATE MATERIALIZED VIEW lately AS SELECT email FROM seen WHERE seen > '2020-01-01'")
            expected = {Copy(CopyKind.VIEW, "public.lately", "public.contacts")}
        case "sqlite":
            shop.run("CREATE VIRTUAL TABLE search USING fts5(email, content='contacts', content_rowid='id')")
            expected = {Copy(CopyKind.TEXT, "search", "contacts")}
        case _:
            shop.run("CREATE TABLE kept (id integer PRIMARY KEY, email varchar(90)) WITH SYSTEM VERSIONING")
            expected = {Copy(CopyKind.VERSIONS, "kept", "kept")}
    assert found(shop) == expected


def test_a_history_by_its_name_and_columns_is_found(shop: Shop) -> None:
    shop.run("CREATE TABLE contacts_history (at date, email varchar(90), first_name varchar(40))")
    shop.run("CREATE TABLE visits_log (at date, email varchar(90))")
    (copy,) = found(shop)
    assert copy.kind is CopyKind.HISTORY
    assert copy.place.endswith("contacts_history")
    assert copy.of.endswith("contacts")


@pytest.mark.parametrize(
    ("name", "counts"),
    [("contact_audit", True), ("audit_contacts", True), ("ContactHistory", True), ("contacts_old", True),
     ("contact_logos", False), ("old_visits", False), ("people_history", False)],
)  # fmt: skip
def test_names_of_histories(name: str, counts: bool) -> None:
    fields = tuple(FieldShape(each, "text") for each in ("id", "email", "phone"))
    shapes = (DatasetShape("contacts", Kind.ROWS, fields, ("id",)), DatasetShape(name, Kind.ROWS, fields, ("id",)))
    assert [copy.place for copy in histories(Inventory("crm", shapes))] == ([name] if counts else [])
