"""Columns that an update changes without naming them are known beforehand, in every engine."""

from __future__ import annotations

from fixtures_sql import Shop

QUIET = "CREATE FUNCTION quiet() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"
WATCH = {
    "sqlite": "CREATE TRIGGER {on}_{table} AFTER {on} ON {table} BEGIN SELECT 1; END",
    "postgresql": "CREATE TRIGGER {on}_{table} BEFORE {on} ON {table} FOR EACH ROW EXECUTE FUNCTION quiet()",
    "mariadb": "CREATE TRIGGER {on}_{table} BEFORE {on} ON {table} FOR EACH ROW SET @fired = 1",
}


def test_what_follows_a_write_is_told_by_column(shop: Shop) -> None:
    kind = shop.admin.dialect.name
    implied: dict[str, set[str]] = {"contacts": {"initial", "length"}, "visits": {"contact_id", "month", "cents"}}
    shop.run("ALTER TABLE contacts ADD initial varchar(1) GENERATED ALWAYS AS (substr(first_name, 1, 1)) VIRTUAL")
    kept = "VIRTUAL" if kind == "sqlite" else "STORED"  # SQLite adds none that is stored
    shop.run(f"ALTER TABLE contacts ADD length integer GENERATED ALWAYS AS (length(city)) {kept}")
    # What follows the key of another table's row is no part of that row.
    shop.run("CREATE TABLE rooms (id integer, company integer REFERENCES companies (id) ON UPDATE CASCADE)")
    if kind == "postgresql":
        shop.run(QUIET)
    for on, table in [("UPDATE", "visits"), ("INSERT", "companies"), ("DELETE", "companies")]:
        shop.run(WATCH[kind].format(on=on, table=table))
    if kind == "mariadb":
        shop.run("ALTER TABLE companies ADD stamp timestamp NULL ON UPDATE CURRENT_TIMESTAMP")
        shop.run("ALTER TABLE companies ADD made timestamp DEFAULT CURRENT_TIMESTAMP")
        implied["companies"] = {"stamp"}
    tables = {each.name: each for each in map(shop.connector.table_at, ("companies", "contacts", "visits", "rooms"))}
    found = {name: set(shop.connector.implied(table)) for name, table in tables.items()}
    assert {name: columns for name, columns in found.items() if columns} == implied
