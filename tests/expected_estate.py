"""An estate of which each expectation before a run can fail: tables without a constraint, on any SQL engine."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import by_hand
import pytest
from approving import confirm_maps
from fixtures_mariadb import fresh_mariadb
from fixtures_postgres import fresh_database

from pipelines.estate import Estate

TODAY = dt.date(2026, 6, 30)
ENGINES = ("sqlite", "postgres", "mariadb")
PEOPLE = 40
VISITS = 120
CANARY = "zephyrine"
"""Part of every name and address."""

SCHEMA = """
CREATE TABLE people (id INTEGER, tenant VARCHAR(10), email VARCHAR(80), name VARCHAR(40), note VARCHAR(200),
  joined DATE, left_on VARCHAR(30));
CREATE TABLE visits (id INTEGER, person_id INTEGER, place VARCHAR(20), cents INTEGER, at TIMESTAMP NULL,
  tariff VARCHAR(400), billed VARCHAR(30))
"""

CONFIG = """
[estate]
name = "Expected"
[controllers.EXPECTED]
policy = "expected"
[stores.shop]
kind = "sql"
read = "file:connections/shop.read"
write = "file:connections/shop.write"
[limits]
share = 1.0
"""
POLICY = """
policy: expected
controller: EXPECTED
time_zone: Europe/Paris
events: {joined: point, left: end, visited: point}
purposes:
  membership:
    basis: contract
    source: a test
    keeps: [user]
    after: left
    for: 1 year
    then: anonymise
  visits:
    basis: legitimate_interest
    source: a test
    keeps: [technical]
    after: visited
    for: 1 year
    then: delete
  prospecting:
    basis: legitimate_interest
    source: a test
    keeps: [user.content]
    after: joined
    for: 1 year
    then: delete
categories: {technical: Traces}
"""
MAP = """
store: shop
datasets:
  people:
    source: SCHEMApeople
    controller: EXPECTED
    key: [id]
    where: {tenant: [ours]}
    subjects: [{kind: email, columns: [email], strength: canonical}]
    events:
      joined: {column: joined}
      left: {column: left_on, null: open}
    fields:
      email: {category: user.contact.email}
      name: {category: user.name}
      note: {category: user.content}
    approved: {by: dpo, on: 2026-06-01}
  visits:
    source: SCHEMAvisits
    controller: EXPECTED
    key: [id]
    inherits: [{dataset: people, on: {person_id: id}}]
    events:
      visited: {column: at}
    fields:
      place: {category: technical.place}
      cents: {category: none}
      tariff: {category: none}
      billed: {category: none}
    statistics:
      - {name: takings, sum: cents, by: [{column: at, by: month}]}
      - {name: tariffs, by: [{column: tariff}, {column: billed, by: month}]}
    approved: {by: dpo, on: 2026-06-01}
"""


@dataclass(frozen=True, slots=True)
class ExpectedEstate:
    """The folder, and the administrator's access to the store."""

    folder: Path
    admin: str

    @property
    def estate(self) -> Estate:
        """The estate, loaded anew."""
        return Estate.load(self.folder)

    def run(self, *statements: str) -> None:
        """Change something by hand."""
        by_hand.execute(self.admin, *statements)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Every row of a table."""
        return by_hand.rows(self.admin, table)

    def own(self, text: str, name: str = "own.yaml") -> None:
        """Write a suite of one's own."""
        (self.folder / "expectations").mkdir(exist_ok=True)
        (self.folder / "expectations" / name).write_text(text, encoding="utf-8")


def expected_estate(folder: Path, admin: str, read: str, write: str) -> ExpectedEstate:
    """Make the estate, and fill its store, in which nothing is wrong."""
    for name in ("connections", "data_map", "policies"):
        (folder / name).mkdir(parents=True)
    (folder / "ardoise.toml").write_text(CONFIG, encoding="utf-8")
    (folder / "policies" / "expected.yaml").write_text(POLICY, encoding="utf-8")
    schema = "public." if admin.startswith("postgresql") else ""
    (folder / "data_map" / "shop.yaml").write_text(MAP.replace("SCHEMA", schema), encoding="utf-8")
    for name, url in (("read", read), ("write", write)):
        (folder / "connections" / f"shop.{name}").write_text(url, encoding="utf-8")
    by_hand.fill(admin, SCHEMA, _rows())
    confirm_maps(folder)
    return ExpectedEstate(folder, admin)


@contextlib.contextmanager
def on_engine(request: pytest.FixtureRequest, folder: Path) -> Iterator[ExpectedEstate]:
    """The estate on the engine that a fixture's parameter names."""
    if request.param == "sqlite":
        (folder / "shop.sqlite").touch()
        url = f"sqlite:///{folder / 'shop.sqlite'}"
        yield expected_estate(folder / "estate", url, url, url)
        return
    server = request.getfixturevalue(f"{request.param}_server")
    fresh: Any = fresh_database if request.param == "postgres" else fresh_mariadb
    with fresh(server) as database:
        yield expected_estate(folder / "estate", database.admin, database.read, database.write)


def _rows() -> Mapping[str, list[dict[str, Any]]]:
    people = [
        {
            "id": n, "tenant": "ours", "email": f"{CANARY}.{n}@example.org", "name": f"{CANARY.title()} {n}",
            "note": f"Asked for {CANARY} {n}.", "joined": f"{2015 + n % 8}-03-0{1 + n % 9}",
            "left_on": None if n % 2 else f"{2020 + n % 5}-05-01",
        }
        for n in range(1, PEOPLE + 1)
    ]  # fmt: skip
    visits = [
        {
            "id": n, "person_id": 1 + n % PEOPLE, "place": f"{CANARY} {n % 3}", "cents": n,
            "at": f"{2024 + n % 2}-0{1 + n % 9}-11 08:00:00", "tariff": "full" if n % 2 else None,
            "billed": f"2025-0{1 + n % 9}" + ("-12" if n % 2 else ""),
        }
        for n in range(1, VISITS + 1)
    ]  # fmt: skip
    return {"people": people, "visits": visits}
