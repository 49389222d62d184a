"""An estate of one store in which most of each table is due: for every strategy there is a table that it fits.

Of 40 people and 40 visits the first 30 are due (the people lose their names and stay, the visits go). Of the three
partitions of `logs`, which PostgreSQL has alone, two are due as a whole, and half of the third.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import by_hand
from approving import confirm_maps
from fixtures_postgres import PostgresDatabase

from connectors.base import FieldShape
from pipelines.anonymise.techniques import technique_for
from pipelines.estate import Estate

PEOPLE, DUE = range(1, 41), 30
NAMES = technique_for("user.name.first", FieldShape("name", "VARCHAR(40)", length=40))
PHONES = technique_for("user.contact.phone_number", FieldShape("phone", "VARCHAR(30)", length=30))

SCHEMA = """
CREATE TABLE people (id INTEGER PRIMARY KEY, email VARCHAR(80) NOT NULL UNIQUE, name VARCHAR(40), phone VARCHAR(30),
  note TEXT, region VARCHAR(20), ended DATE NOT NULL);
CREATE INDEX people_name ON people (name);
CREATE TABLE visits (id INTEGER PRIMARY KEY, ip VARCHAR(45), seen DATE NOT NULL, cents INTEGER NOT NULL);
CREATE INDEX visits_seen ON visits (seen)
"""
PARTED = """
CREATE TABLE logs (id INTEGER, ip VARCHAR(45), seen DATE NOT NULL, cents INTEGER NOT NULL, PRIMARY KEY (id, seen))
  PARTITION BY RANGE (seen);
CREATE TABLE logs_2022 PARTITION OF logs FOR VALUES FROM ('2022-01-01') TO ('2023-01-01');
CREATE TABLE logs_2023 PARTITION OF logs FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
CREATE TABLE logs_later PARTITION OF logs DEFAULT
"""
POLICY = """
policy: strategic
controller: SHOP
time_zone: Europe/Paris
categories: {technical: Logs}
events: {ended: end, seen: point}
purposes:
  followup: {basis: contract, source: Test 1, keeps: [user], after: ended, for: 3 years, then: anonymise}
  logs: {basis: legitimate_interest, source: Test 2, keeps: [technical], after: seen, for: 1 year, then: delete}
"""
MAP = """
store: shop
datasets:
  people:
    source: SCHEMApeople
    controller: SHOP
    key: [id]
    subjects: [{kind: email, columns: [email], strength: canonical}]
    events: {ended: {column: ended}}
    fields:
      email: {category: user.contact.email}
      name: {category: user.name.first}
      phone: {category: user.contact.phone_number}
      note: {category: user.content}
      region: {category: none}
    statistics: [{name: by_region, by: [{column: region}]}]
    approved: {by: dpo, on: 2026-06-01}
  visits:
    source: SCHEMAvisits
    controller: SHOP
    key: [id]
    events: {seen: {column: seen}}
    fields: {ip: {category: technical.ip}, seen: {category: none}, cents: {category: none}}
    statistics: [{name: takings, sum: cents, by: [{column: seen, by: year}]}]
    approved: {by: dpo, on: 2026-06-01}
"""
LOGS = """  logs:
    source: SCHEMAlogs
    controller: SHOP
    key: [id]
    events: {seen: {column: seen}}
    fields: {ip: {category: technical.ip}, seen: {category: none}, cents: {category: none}}
    statistics: [{name: takings, sum: cents, by: [{column: seen, by: year}]}]
    approved: {by: dpo, on: 2026-06-01}
"""
TOML = """
[estate]
name = "Strategic"
[controllers.SHOP]
policy = "strategic"
[stores.shop]
kind = "sql"
read = "file:connections/read"
write = "file:connections/write"
[stores.shop.rewrite]
least = 0
[limits]
share = 1.0
"""


@dataclass(frozen=True)
class StrategicEstate:
    """The folder, and an administrator's address of the store."""

    folder: Path
    admin: str

    @property
    def estate(self) -> Estate:
        return Estate.load(self.folder)

    @property
    def parted(self) -> bool:
        return self.admin.startswith("postgresql")

    def execute(self, *statements: str) -> None:
        by_hand.execute(self.admin, *statements)

    def rows(self, table: str) -> list[dict[str, Any]]:
        return by_hand.rows(self.admin, table)

    def value(self, query: str) -> Any:
        return by_hand.rows(self.admin, f"({query}) AS asked")[0]["value"]

    def state(self) -> dict[str, Any]:
        """Everything that has to be equal after any strategy, and any interruption of it."""
        own = "ardoise." if self.parted else "ardoise_"
        found: dict[str, Any] = {"people": [_masked(row) for row in self.rows("people")]}
        for table in ("visits", "logs") if self.parted else ("visits",):
            found[table] = self.rows(table)
        done: Counter[str] = Counter()
        for row in self.rows(f"{own}journal"):
            done[row["step"]] += row["done"]
        found["journal"] = done
        names = {row["scope"]: row["category"] for row in self.rows(f"{own}scopes")}
        found["marks"] = sorted((row["record"], names[row["scope"]]) for row in self.rows(f"{own}marks"))
        totals: Counter[str] = Counter()
        for kept in ("pending", "released"):
            for row in self.rows(f"{own}{kept}"):
                totals[row["statistic"]] += row["n"]
        found["statistics"] = totals
        return found


def _masked(row: dict[str, Any]) -> dict[str, Any]:
    """What is replaced at random is checked for validity instead of value."""
    if row["id"] > DUE:
        return row
    email, name, phone = row["email"].endswith(".invalid"), NAMES.valid(row["name"]), PHONES.valid(row["phone"])
    return row | {"email": email, "name": name, "phone": phone}


def strategic_estate(folder: Path, database: PostgresDatabase | None = None) -> StrategicEstate:
    """Make the estate over an empty database, or a file; its writing role owns the tables."""
    for name in ("data_map", "policies", "connections"):
        (folder / "estate" / name).mkdir(parents=True)
    if database is None:
        (folder / "shop.sqlite").touch()
        admin = read = f"sqlite:///{folder / 'shop.sqlite'}"
    else:
        admin, read = database.admin, database.read
    parted = database is not None
    folder = folder / "estate"
    (folder / "connections" / "read").write_text(read)
    (folder / "connections" / "write").write_text(admin)
    (folder / "policies" / "strategic.yaml").write_text(POLICY)
    (folder / "data_map" / "shop.yaml").write_text((MAP + LOGS * parted).replace("SCHEMA", "public." if parted else ""))
    (folder / "ardoise.toml").write_text(TOML)
    people = [
        {"id": n, "email": f"p{n}@acme.example", "name": f"Zephyrine{n}", "phone": f"06 12 34 56 {n:02}",
         "note": f"Zephyrine{n} called.", "region": ["Bretagne", "Alsace"][n % 2],
         "ended": f"2019-01-{n % 28 + 1:02}" if n <= DUE else "2025-01-01"} for n in PEOPLE
    ]  # fmt: skip
    visits = [
        {"id": n, "ip": f"203.0.113.{n}", "cents": n,
         "seen": f"2023-01-{n % 28 + 1:02}" if n <= DUE else "2026-01-01"} for n in PEOPLE
    ]  # fmt: skip
    logs = [
        {"id": n, "ip": f"203.0.113.{n}", "cents": n, "seen": f"{2022 + n % 3}-06-01" if n % 4 else "2026-02-01"}
        for n in PEOPLE
    ]
    tables = {"people": people, "visits": visits} | ({"logs": logs} if parted else {})
    by_hand.fill(admin, SCHEMA + (";" + PARTED if parted else ""), tables)
    confirm_maps(folder)
    return StrategicEstate(folder, admin)
