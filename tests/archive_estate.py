"""An estate whose one store has an archive: customers, their contracts, and what they paid by card.

Contracts 1 and 2 ended in 2025, 3 in 2019, 4 runs. Payments, one of each contract: 1 was disputed, 2 was not, 3 was
disputed with deferred debit, 4 is not settled yet.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import by_hand
import pytest
import running
import sqlalchemy as sa
from approving import confirm_maps
from fixtures_mariadb import MariaArchive, MariaDatabase
from fixtures_postgres import PostgresDatabase

from pipelines.demo.servers.postgres import PostgresServer
from pipelines.estate import Estate
from pipelines.plan.artefact import Plan

AS_OF = dt.date(2026, 6, 30)
ENGINES = ("sqlite", "postgresql", "mariadb")
PLACE = "ardoise_archive"

SCHEMA = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, email VARCHAR(80) NOT NULL UNIQUE, last_name VARCHAR(40),
  reference VARCHAR(20));
CREATE TABLE contracts (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers (id),
  number VARCHAR(20), terms TEXT, region VARCHAR(20), ended_on DATE, status VARCHAR(10) NOT NULL);
CREATE TABLE payments (id INTEGER PRIMARY KEY, contract_id INTEGER NOT NULL, pan VARCHAR(20), expiry VARCHAR(5),
  cvv VARCHAR(3), cents INTEGER NOT NULL, debited_on DATE, disputed_on DATE, settled_on DATE, deferred BOOLEAN)
"""
CONTRACTS = {1: "2025-02-01", 2: "2025-03-01", 3: "2019-05-01", 4: None}
PAYMENTS = {
    1: ("2025-12-10", "2026-01-15", "2025-12-12", False),
    2: ("2025-12-10", None, "2025-12-12", False),
    3: ("2025-12-10", "2026-02-01", "2025-12-12", True),
    4: ("2026-06-20", None, None, False),
}
"""Debited, disputed, settled, deferred."""

POLICY = """
policy: books
controller: SHOP
time_zone: Europe/Paris
categories: {card: A payment card, contract: Contracts}
events: {contract_end: end, debited: point, disputed: end, payment_settled: end}
supplied: {deferred_debit: boolean}
never_held: [card.cvv]
purposes:
  running:
    basis: contract
    source: Test, 1
    keeps: [user, contract]
    after: contract_end
    then: delete
  followup:
    basis: legitimate_interest
    source: Test, 2
    keeps: [user]
    after: contract_end
    for: 3 years
    then: delete
  limitation:
    basis: legal_claim
    source: Test, 3
    keeps: [contract.evidence]
    after: contract_end
    for: 5 years
    then: delete
  transaction:
    basis: contract
    source: Test, 4
    keeps: [card]
    after: payment_settled
    then: delete
  chargeback:
    basis: legal_claim
    source: Test, 5
    keeps: [card.pan, card.expiry]
    when: disputed is known or disputed is missing
    after: debited
    for:
      - 15 months when deferred_debit
      - 13 months
    then: delete
"""
MAP = """
store: shop
datasets:
  customers:
    source: customers
    controller: SHOP
    key: [id]
    subjects: [{kind: email, columns: [email], strength: canonical}]
    fields:
      email: {category: user.contact.email}
      last_name: {category: user.name.last}
      reference: {category: contract.evidence}
    approved: {by: dpo, on: 2026-06-01}
  contracts:
    source: contracts
    controller: SHOP
    key: [id]
    inherits: [{dataset: customers, on: {customer_id: id}}]
    events:
      contract_end: {column: ended_on, open_if: {column: status, values: [running]}, null: missing, of: subject}
    fields:
      number: {category: contract.evidence}
      terms: {category: contract.terms}
      region: {category: none}
    statistics: [{name: contracts, by: [{column: region}]}]
    approved: {by: dpo, on: 2026-06-01}
  payments:
    source: payments
    controller: SHOP
    key: [id]
    inherits: [{dataset: contracts, on: {contract_id: id}}]
    events:
      debited: {column: debited_on}
      disputed: {column: disputed_on, null: absent}
      payment_settled: {column: settled_on, null: open}
    facts:
      deferred_debit: {column: deferred}
    fields:
      pan: {category: card.pan}
      expiry: {category: card.expiry}
      cvv: {category: card.cvv}
      cents: {category: none}
    statistics: [{name: turnover, sum: cents}]
    approved: {by: dpo, on: 2026-06-01}
"""
TOML = """
[estate]
name = "Books"

[controllers.SHOP]
policy = "books"

[stores.shop]
kind = "sql"
read = "file:read.secret"
write = "file:write.secret"

[stores.shop.archive]
schema = "PLACE"
read = "file:archive.secret"

[limits]
share = 1.0
"""


@dataclass(frozen=True)
class Addresses:
    """URLs of the store for its administrator, for reading, for writing, and for reading its archive; its name."""

    admin: str
    read: str
    write: str
    archive: str
    place: str = PLACE

    @classmethod
    def of(cls, kind: str, request: pytest.FixtureRequest, folder: Path) -> Addresses:
        """A fresh store of a kind (one of `ENGINES`) for a test; files go to the folder."""
        if kind == "sqlite":
            return cls.of_files(folder)
        given = request.getfixturevalue
        if kind == "mariadb":
            return cls.of_mariadb(given("mariadb_database"), given("mariadb_archive"))
        return cls.of_database(given("postgres_server"), given("postgres_database"))

    @classmethod
    def of_mariadb(cls, database: MariaDatabase, archive: MariaArchive) -> Addresses:
        """A MariaDB database, and the one for its archive."""
        return cls(database.admin, database.read, database.write, archive.read, archive.name)

    @classmethod
    def of_files(cls, folder: Path) -> Addresses:
        """Two SQLite files."""
        (folder / "shop.sqlite").touch()
        shop = f"sqlite:///{folder / 'shop.sqlite'}"
        return cls(shop, shop, shop, f"sqlite:///{folder / 'archive.sqlite'}")

    @classmethod
    def of_database(cls, server: PostgresServer, database: PostgresDatabase) -> Addresses:
        """A PostgreSQL database, with a role that may read nothing but what the archive grants it."""
        server.create_role("ardoise_archivist", "archive")
        own = server.url(database.name, "ardoise_archivist", "archive")
        return cls(database.admin, database.read, database.write, own)


@dataclass(frozen=True)
class ArchiveEstate:
    """The folder, and the store's addresses."""

    folder: Path
    addresses: Addresses

    @property
    def estate(self) -> Estate:
        """The estate, loaded anew."""
        return Estate.load(self.folder)

    def execute(self, statement: str) -> None:
        """Change something in the active base by hand."""
        by_hand.execute(self.addresses.admin, statement)

    def active(self, table: str) -> list[dict[str, Any]]:
        """The rows of a table of the active base, in the order of its key."""
        return by_hand.rows(self.addresses.admin, table)

    def archived(self, dataset: str) -> list[dict[str, Any]]:
        """What the archive holds of a dataset, in the order of its key; as the archive's own reader sees it."""
        with self.estate.connected("shop") as connector, connector.archive.reading() as connection:  # type: ignore[attr-defined]
            table = connector.archive.find(connection, dataset)  # type: ignore[attr-defined]
            if table is None:
                return []
            return [dict(row) for row in connection.execute(sa.select(table).order_by(table.c.id)).mappings()]


def archive_estate(folder: Path, addresses: Addresses, *, archive: bool = True) -> ArchiveEstate:
    """Make the estate and fill its store; without an archive when told so."""
    for name in ("data_map", "policies"):
        (folder / name).mkdir(parents=True)
    own = TOML.index("[stores.shop.archive]"), TOML.index("[limits]")
    toml = TOML if archive else TOML[: own[0]] + TOML[own[1] :]
    (folder / "ardoise.toml").write_text(toml.replace("PLACE", addresses.place))
    (folder / "policies" / "books.yaml").write_text(POLICY)
    schema = "public." if addresses.admin.startswith("postgresql") else ""
    (folder / "data_map" / "shop.yaml").write_text(MAP.replace("source: ", f"source: {schema}"))
    for name in ("read", "write", "archive"):
        (folder / f"{name}.secret").write_text(getattr(addresses, name))
    by_hand.fill(addresses.admin, SCHEMA, _contents())
    confirm_maps(folder)
    return ArchiveEstate(folder, addresses)


def _contents() -> dict[str, list[dict[str, Any]]]:
    customers = [
        {"id": n, "email": f"person{n}@acme.example", "last_name": f"Lastname{n}", "reference": f"R-{n}"}
        for n in CONTRACTS
    ]
    contracts = [
        {
            "id": n, "customer_id": n, "number": f"K-{n}", "terms": f"Terms {n}",
            "region": ["Alsace", "Bretagne"][n % 2], "ended_on": end, "status": "ended" if end else "running",
        }
        for n, end in CONTRACTS.items()
    ]  # fmt: skip
    payments = [
        {
            "id": n, "contract_id": n, "pan": f"497010000000000{n}", "expiry": "12/29", "cvv": f"00{n}",
            "cents": 100 * n, "debited_on": debited, "disputed_on": disputed, "settled_on": settled,
            "deferred": deferred,
        }
        for n, (debited, disputed, settled, deferred) in PAYMENTS.items()
    ]  # fmt: skip
    return {"customers": customers, "contracts": contracts, "payments": payments}


def made(books: ArchiveEstate, day: dt.date = AS_OF, *, staged: bool = False) -> Plan:
    """Make the plan of a day."""
    return running.made(books.estate, "SHOP", day, staged=staged)


def planned(books: ArchiveEstate, day: dt.date = AS_OF, *, staged: bool = False) -> Plan:
    """Make the plan of a day, and approve it."""
    return running.planned(books.estate, "SHOP", day, staged=staged)


def run(books: ArchiveEstate, day: dt.date = AS_OF, *, staged: bool = False, **options: Any) -> Plan:
    """Plan and apply on a day; everything is done then."""
    plan = planned(books, day, staged=staged)
    assert running.applied(books.estate, plan, day, **options).complete
    return plan
