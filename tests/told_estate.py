"""An estate of two stores: contracts go a year after their end, contacts of the same persons elsewhere after three.

When a person's contract ended only the contracts tell, in the store `billing`. The contacts are in `crm`, which is
SQLite always; in 2026 all of them were collected so long ago that prospecting is over.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from approving import confirm_maps
from fixtures_mariadb import MariaDatabase
from fixtures_postgres import PostgresDatabase
from parted_estate import PartedEstate

ENDED = dt.date(2025, 6, 1)
"""When the contracts of persons 1 and 2 ended."""

GONE = dt.date(2026, 6, 2)
"""The first day on which they go."""

LAST = dt.date(2028, 6, 1)
"""The last day on which the contacts of those persons are kept."""

BILLING = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, email VARCHAR(80), last_name VARCHAR(40), closed_on DATE);
CREATE TABLE contracts (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers (id),
  number VARCHAR(20), ended_on DATE)
"""
CRM = "CREATE TABLE contacts (id INTEGER PRIMARY KEY, email VARCHAR(80), last_name VARCHAR(40), collected_on DATE)"

POLICY = """
policy: told
controller: SHOP
time_zone: Europe/Paris
categories: {contract: Contracts}
events: {contract_end: end, collected: point, closed: end}
facts: {client: contract_end is open}
purposes:
  running: {basis: contract, source: Test 1, keeps: [user.contact], after: contract_end, then: delete}
  followup: {basis: legitimate_interest, source: Test 2, keeps: [user.contact], after: contract_end, for: 3 years,
             then: delete}
  prospecting: {basis: legitimate_interest, source: Test 3, keeps: [user.contact], when: not client, after: collected,
                for: 2 years, then: delete}
  papers: {basis: legitimate_interest, source: Test 4, keeps: [contract.number], after: contract_end, for: 1 year,
           then: delete}
  accounts: {basis: legitimate_interest, source: Test 5, keeps: [user.name], after: closed, for: 1 year,
             then: anonymise}
"""

BILLING_MAP = """
store: billing
datasets:
  customers:
    source: customers
    controller: SHOP
    key: [id]
    subjects: [{kind: email, columns: [email]}, {kind: name, columns: [last_name], strength: name}]
    events: {closed: {column: closed_on, null: open}}
    fields: {email: {category: user.name.account}, last_name: {category: user.name.last}}
    approved: {by: dpo, on: 2026-01-01}
  contracts:
    source: contracts
    controller: SHOP
    key: [id]
    inherits: [{dataset: customers, on: {customer_id: id}}]
    events: {contract_end: {column: ended_on, null: open, of: subject}}
    fields: {number: {category: contract.number}}
    approved: {by: dpo, on: 2026-01-01}
"""
CRM_MAP = """
store: crm
datasets:
  contacts:
    source: contacts
    controller: SHOP
    key: [id]
    subjects: [{kind: email, columns: [email]}, {kind: name, columns: [last_name], strength: name}]
    events: {collected: {column: collected_on, null: missing}}
    fields: {email: {category: user.contact.email}, last_name: {category: user.contact.email}}
    approved: {by: dpo, on: 2026-01-01}
"""
TOML = """
[estate]
name = "Told"

[controllers.SHOP]
policy = "told"

[stores.billing]
kind = "sql"
read = "file:read.secret"
write = "file:write.secret"

[stores.crm]
kind = "sql"
read = "file:crm.secret"
write = "file:crm.secret"

[limits]
share = 1.0
"""


class ToldEstate(PartedEstate):
    """The folder; what is asked of the store is asked of `billing`."""

    @property
    def crm(self) -> PartedEstate:
        """The same, asking the store `crm`."""
        return PartedEstate(self.folder, (self.folder / "crm.secret").read_text())

    def contacts(self) -> list[int]:
        """The keys of the contacts that are there."""
        return self.crm.ids("contacts")


def told_estate(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> ToldEstate:
    """The estate with `billing` in an engine, and its persons: 1 and 2 as above, 3 without a contract, 4 a client."""
    folder = tmp_path / "estate"
    for name in ("data_map", "policies"):
        (folder / name).mkdir(parents=True)
    if kind == "sqlite":
        (tmp_path / "billing.sqlite").touch()
        admin = read = write = f"sqlite:///{tmp_path / 'billing.sqlite'}"
    else:
        database: PostgresDatabase | MariaDatabase = request.getfixturevalue(f"{kind}_database")
        admin, read, write = database.admin, database.read, database.write
    (tmp_path / "crm.sqlite").touch()
    (folder / "crm.secret").write_text(f"sqlite:///{tmp_path / 'crm.sqlite'}")
    (folder / "read.secret").write_text(read)
    (folder / "write.secret").write_text(write)
    (folder / "ardoise.toml").write_text(TOML)
    (folder / "policies" / "told.yaml").write_text(POLICY)
    schema = "public." if admin.startswith("postgresql") else ""
    (folder / "data_map" / "billing.yaml").write_text(BILLING_MAP.replace("source: ", f"source: {schema}"))
    (folder / "data_map" / "crm.yaml").write_text(CRM_MAP)
    made = ToldEstate(folder, admin)
    made.execute(*BILLING.split(";"))
    made.crm.execute(CRM)
    for n in range(1, 5):
        made.execute(f"INSERT INTO customers VALUES ({n}, 'person{n}@acme.example', 'Name{'abcd'[n - 1]}', NULL)")
        collected = "2020-01-01" if n != 3 else "2025-01-01"
        made.crm.execute(f"INSERT INTO contacts VALUES ({n}, 'Person{n}@acme.example', 'Contact', '{collected}')")
    made.execute(
        f"INSERT INTO contracts VALUES (1, 1, 'K-1', '{ENDED}')",
        f"INSERT INTO contracts VALUES (2, 2, 'K-2', '{ENDED}')",
        "INSERT INTO contracts VALUES (4, 4, 'K-4', NULL)",
    )
    confirm_maps(folder)
    return made
