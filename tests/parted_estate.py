"""An estate in which records outlive their link to a person: customers go three years after all is over, papers later.

When a person's contract and consent ended and when she called last, three tables tell. By the first run customers 1, 2
and 5 are to be forgotten; 3 has a running contract, and when that of 4 ended nobody knows.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from approving import confirm_maps
from fixtures_mariadb import MariaDatabase
from fixtures_postgres import PostgresDatabase

from pipelines.apply import apply
from pipelines.estate import Estate
from pipelines.plan import make_plan
from pipelines.plan.artefact import Plan

FIRST = dt.date(2026, 6, 30)
"""The day of the run that anonymises customers."""

SCHEMA = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, email VARCHAR(80) NOT NULL UNIQUE, last_name VARCHAR(40));
CREATE TABLE contracts (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers (id),
  number VARCHAR(20), ended_on DATE, status VARCHAR(10) NOT NULL);
CREATE TABLE invoices (id INTEGER PRIMARY KEY, contract_id INTEGER NOT NULL REFERENCES contracts (id),
  label VARCHAR(20));
CREATE TABLE consents (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers (id),
  proof VARCHAR(40), withdrawn_on DATE);
CREATE TABLE calls (id INTEGER PRIMARY KEY, email VARCHAR(80), caller VARCHAR(40), called_on DATE)
"""


@dataclass(frozen=True)
class Person:
    """A customer.

    When the contract ``ended`` (None: nobody knows) unless it is ``running``, and the consent was ``withdrawn`` (None:
    it is in force); the last call from the customer's address, and the last by somebody of the same name.
    """

    ended: dt.date | None = None
    running: bool = False
    withdrawn: dt.date | None = None
    called: dt.date | None = None
    namesake: dt.date | None = None


ABSURD = dt.date(1800, 1, 1)
ENDED = dt.date(2023, 3, 1)
PEOPLE = (
    Person(ENDED, withdrawn=dt.date(2025, 9, 30), called=dt.date(2023, 6, 15)),
    Person(ENDED, called=dt.date(2023, 6, 29)),
    Person(running=True),
    Person(),
    Person(ENDED, withdrawn=ABSURD),
)

POLICY = """
policy: papers
controller: SHOP
time_zone: Europe/Paris
categories: {contract: Contracts, proof: Proofs of consent}
events: {contract_end: end, consent_end: end, call: point}
purposes:
  running: {basis: contract, source: Test 1, keeps: [user], after: contract_end, then: anonymise}
  followup:
    {basis: legitimate_interest, source: Test 2, keeps: [user], after: {latest: [contract_end, call]}, for: 3 years,
     then: anonymise}
  papers:
    {basis: legitimate_interest, source: Test 3, keeps: [contract.number], after: contract_end, for: 5 years,
     then: delete}
  accounts:
    {basis: legitimate_interest, source: Test 5, keeps: [contract.invoice], after: {latest: [contract_end, call]},
     for: 4 years, then: delete}
  proofs: {basis: legitimate_interest, source: Test 4, keeps: [proof], after: consent_end, for: 2 years, then: delete}
"""
MAP = """
store: shop
datasets:
  customers:
    source: customers
    controller: SHOP
    key: [id]
    subjects: [{kind: email, columns: [email]}, {kind: name, columns: [last_name], strength: name}]
    fields: {email: {category: user.contact.email}, last_name: {category: user.name.last}}
    approved: {by: dpo, on: 2026-01-01}
  contracts:
    source: contracts
    controller: SHOP
    key: [id]
    inherits: [{dataset: customers, on: {customer_id: id}}]
    events:
      contract_end: {column: ended_on, open_if: {column: status, values: [running]}, null: missing, of: subject}
    fields: {number: {category: contract.number}}
    approved: {by: dpo, on: 2026-01-01}
  invoices:
    source: invoices
    controller: SHOP
    key: [id]
    inherits: [{dataset: contracts, on: {contract_id: id}}]
    fields: {label: {category: contract.invoice}}
    approved: {by: dpo, on: 2026-01-01}
  consents:
    source: consents
    controller: SHOP
    key: [id]
    inherits: [{dataset: customers, on: {customer_id: id}}]
    events: {consent_end: {column: withdrawn_on, null: open, of: subject}}
    fields: {proof: {category: proof}}
    approved: {by: dpo, on: 2026-01-01}
  calls:
    source: calls
    controller: SHOP
    key: [id]
    subjects: [{kind: email, columns: [email]}, {kind: name, columns: [caller], strength: name}]
    events: {call: {column: called_on, of: subject}}
    fields: {email: {category: none}, caller: {category: none}}
    approved: {by: dpo, on: 2026-01-01}
"""
TOML = """
[estate]
name = "Papers"

[controllers.SHOP]
policy = "papers"

[stores.shop]
kind = "sql"
read = "file:read.secret"
write = "file:write.secret"

[limits]
share = 1.0

[expectations]  # dates that are none have their outcome too
implausible = 1.0
"""


@dataclass(frozen=True)
class PartedEstate:
    """The folder, and the store's address for its administrator."""

    folder: Path
    admin: str

    @property
    def estate(self) -> Estate:
        """The estate, loaded anew."""
        return Estate.load(self.folder)

    def execute(self, *statements: str) -> None:
        """Change something in the store by hand."""
        engine = sa.create_engine(self.admin, poolclass=sa.NullPool)
        with engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """The rows of a table, in the order of its key."""
        engine = sa.create_engine(self.admin, poolclass=sa.NullPool)
        with engine.connect() as connection:
            return [dict(row) for row in connection.exec_driver_sql(f"SELECT * FROM {table} ORDER BY 1, 2").mappings()]

    def ids(self, table: str) -> list[int]:
        """The keys that are there."""
        return [row["id"] for row in self.rows(table)]

    def own(self, table: str) -> str:
        """The name of a table of the engine's own."""
        return f"ardoise.{table}" if self.admin.startswith("postgresql") else f"ardoise_{table}"

    def plan(self, day: dt.date) -> Plan:
        """Make the plan of a day, and approve it."""
        plan = make_plan(self.estate, "SHOP", as_of=day, today=day, now=noon(day), by="tests")
        engine = self.estate.engine()
        engine.approvals.approve(plan.digest, by="dpo", at=noon(day), expires=noon(day) + dt.timedelta(days=1))
        engine.close()
        return plan

    def run(self, day: dt.date, **options: Any) -> Plan:
        """Plan and apply on a day; everything is done then."""
        plan = self.plan(day)
        summary = apply(self.estate, plan.digest, now=noon(day), today=day, actor="tests", retries=(), **options)
        assert summary.complete
        return plan


def noon(day: dt.date) -> dt.datetime:
    """The middle of a day."""
    return dt.datetime.combine(day, dt.time(12), dt.UTC)


def parted_estate(folder: Path, admin: str, read: str, write: str, people: Sequence[Person] = PEOPLE) -> PartedEstate:
    """Make the estate and fill its store."""
    for name in ("data_map", "policies"):
        (folder / name).mkdir(parents=True)
    (folder / "ardoise.toml").write_text(TOML)
    (folder / "policies" / "papers.yaml").write_text(POLICY)
    schema = "public." if admin.startswith("postgresql") else ""
    (folder / "data_map" / "shop.yaml").write_text(MAP.replace("source: ", f"source: {schema}"))
    (folder / "read.secret").write_text(read)
    (folder / "write.secret").write_text(write)
    made = PartedEstate(folder, admin)
    made.execute(*SCHEMA.split(";"))
    for n, person in enumerate(people, 1):
        status = "running" if person.running else "ended"
        calls = [
            ("email", f"person{n}@acme.example", 2 * n, person.called),
            ("caller", last_name(n), 2 * n + 1, person.namesake),
        ]
        made.execute(
            f"INSERT INTO customers VALUES ({n}, 'person{n}@acme.example', '{last_name(n)}')",
            f"INSERT INTO contracts VALUES ({n}, {n}, 'K-{n}', {_day(person.ended)}, '{status}')",
            f"INSERT INTO invoices VALUES ({n}, {n}, 'F-{n}')",
            f"INSERT INTO consents VALUES ({n}, {n}, 'form {n}', {_day(person.withdrawn)})",
            *(f"INSERT INTO calls (id, {who}, called_on) VALUES ({number}, '{value}', {_day(day)})"
              for who, value, number, day in calls if day),
        )  # fmt: skip
    confirm_maps(folder)
    return made


def parted(kind: str, request: pytest.FixtureRequest, folder: Path) -> PartedEstate:
    """The estate over an engine: `sqlite`, `postgres` or `mariadb`."""
    if kind == "sqlite":
        (folder / "shop.sqlite").touch()
        urls = [f"sqlite:///{folder / 'shop.sqlite'}"] * 3
    else:
        database: PostgresDatabase | MariaDatabase = request.getfixturevalue(f"{kind}_database")
        urls = [database.admin, database.read, database.write]
    return parted_estate(folder / "estate", *urls)


def last_name(number: int) -> str:
    """A customer's last name, of letters only."""
    return "Name" + "abcdefghij"[number // 10] + "abcdefghij"[number % 10]


def _day(day: dt.date | None) -> str:
    return "NULL" if day is None else f"'{day}'"
