"""A public table of persons as a store: named, made due, anonymised by a real run of the engine.

The table is Ecdat's `HI` (22,272 married women, United States, 1993): where they live, schooling, hours of work, the
husband's income and the survey's weight, both exact. It has no names; each person gets an invented one, an address and
a telephone number. Half of the persons are in the store; the other half, whom no release has seen, is the control.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import random
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from faker import Faker

from benchmarks.attack.environment import ask
from benchmarks.attack.question import Question
from pipelines.apply import apply
from pipelines.data_map.review import confirm
from pipelines.engine.database import EngineDatabase
from pipelines.estate import Estate
from pipelines.plan import make_plan
from pipelines.verify import verify

TABLE = ("Ecdat", "HI")
AS_OF = dt.date(2026, 6, 30)
NOW = dt.datetime(2026, 6, 30, 8, tzinfo=dt.UTC)
CELL = ["region", "education"]
MEASURES = ["husby", "wght", "whrswk"]
"""What is averaged: the husband's income, the survey's weight, the hours of work."""
OTHERS = ["hhi", "whi", "hhi2", "race", "hispanic", "experience", "kidslt6", "kids618"]
KEPT = [*CELL, *MEASURES, *OTHERS]
HALVES = [
    ["region", "education", "wght", "race", "hispanic", "experience", "kidslt6"],
    ["husby", "whrswk", "hhi", "whi", "hhi2", "kids618"],
]
KNOWN = ["region", "education", "wght", "whrswk", "experience"]

_TOML = """
[estate]
name = "Persons"
[controllers.ATTACK]
policy = "attack"
[stores.persons]
kind = "sql"
read = "sqlite:///../persons.sqlite"
write = "sqlite:///../persons.sqlite"
[limits]
share = 1.0
"""
_POLICY = """
policy: attack
controller: ATTACK
time_zone: Europe/Paris
events: {collected: point}
purposes:
  survey:
    basis: consent
    source: a benchmark
    keeps: [user]
    after: collected
    for: 3 years
    then: anonymise
"""
_MAP = """
store: persons
datasets:
  persons:
    source: persons
    controller: ATTACK
    key: [id]
    subjects: [{{kind: email, columns: [email], strength: canonical}}]
    events:
      collected: {{column: collected_on}}
    fields:
      email: {{category: user.contact.email}}
      name: {{category: user.name}}
      phone: {{category: user.contact.phone_number}}
      collected_on: {{category: none}}
{fields}
{anonymity}
    approved: {{by: dpo, on: 2026-06-01}}
"""
_ANONYMITY = f"""
    anonymity:
      k: 11
      partition:
        - {{region: value, education: value}}
        - {{region: value}}
        - {{}}
      measures: [{", ".join(MEASURES)}]
"""
_ENDINGS = ("ac", "eix", "oulx", "ozh")


@dataclass(frozen=True)
class Persons:
    """Who is in the store and who is not, with the folder in which everything lies."""

    folder: Path
    inside: pd.DataFrame
    control: pd.DataFrame

    @property
    def people(self) -> pd.DataFrame:
        """Name, address and telephone number of everybody in the store, in the order of the table."""
        return self.inside[["name", "email", "phone"]]

    @property
    def original(self) -> pd.DataFrame:
        """What the attacker wants to find out: the table without the columns that name somebody."""
        return self.inside[KEPT]

    @property
    def question(self) -> Question:
        """The attacker knows all but the husband's income."""
        return Question(self.original, self.control[KEPT], secret="husby", known=KNOWN, halves=HALVES)  # noqa: S106


def persons(folder: Path, python: Path) -> Persons:
    """Read the public table by the attacker's interpreter, and give its persons names."""
    file = folder / "public.csv"
    ask(python, {"table": TABLE, "to": str(file)})
    # A thousand dollars with three decimals is a number of dollars.
    found = pd.read_csv(file).assign(husby=lambda rows: (rows["husby"] * 1000).round().astype(int))
    found = found.sample(frac=1, random_state=1).reset_index(drop=True)
    found = pd.concat([found.drop(columns="rownames"), named(len(found))], axis="columns")
    half = len(found) // 2
    return Persons(folder, found[:half], found[half : 2 * half].reset_index(drop=True))


def named(count: int) -> pd.DataFrame:
    """Invented persons who look like real ones: name, address, telephone number.

    No pool that the engine draws from has these last names: whoever finds one afterwards has found a person.
    """
    chance, faker = random.Random(7), Faker("fr_FR")  # noqa: S311 - invented persons
    faker.seed_instance(7)
    first, last = ([getattr(faker, kind)() for _ in range(800)] for kind in ("first_name", "last_name"))
    last = [f"{each}{chance.choice(_ENDINGS)}" for each in last]
    names = [f"{chance.choice(first)} {chance.choice(last)}" for _ in range(count)]
    emails = [f"{name.lower().replace(' ', '.')}.{at}@acme.example" for at, name in enumerate(names)]
    phones = [f"+33 6 {chance.randrange(10**8):08}" for _ in range(count)]
    return pd.DataFrame({"name": names, "email": emails, "phone": phones})


@dataclass(frozen=True)
class Release:
    """The store after a run, and the estate with everything that the run has left."""

    folder: Path
    failed: tuple[str, ...]

    @property
    def database(self) -> Path:
        """The store."""
        return self.folder / "persons.sqlite"

    @property
    def estate(self) -> Estate:
        """The estate."""
        return Estate.load(self.folder / "estate")

    def rows(self) -> pd.DataFrame:
        """The table as it is now, in a random order; numbers that SQLite keeps as they come are numbers."""
        with contextlib.closing(sqlite3.connect(self.database)) as connection:
            found = pd.read_sql_query("SELECT * FROM persons", connection)
        return found.sample(frac=1)


def release(given: Persons, name: str, *, anonymity: bool) -> Release:
    """Anonymise a copy of the table; without ``anonymity`` names go and everything else stays: known to be bad."""
    folder = given.folder / name
    estate = folder / "estate"
    for place in ("policies", "data_map"):
        (estate / place).mkdir(parents=True)
    others = "user.demographic" if anonymity else "none"
    categories = dict.fromkeys([*CELL, *MEASURES], "none") | dict.fromkeys(OTHERS, others)
    fields = "\n".join(f"      {column}: {{category: {category}}}" for column, category in categories.items())
    text = _MAP.format(fields=fields, anonymity=_ANONYMITY if anonymity else "")
    for place, content in (("ardoise.toml", _TOML), ("policies/attack.yaml", _POLICY), ("data_map/persons.yaml", text)):
        (estate / place).write_text(content, encoding="utf-8")
    made = Release(folder, ())
    with contextlib.closing(sqlite3.connect(made.database)) as connection, connection:
        _fill(connection, given.inside)
    return Release(folder, tuple(_run(made)))


def _fill(connection: sqlite3.Connection, rows: pd.DataFrame) -> None:
    connection.execute(
        "CREATE TABLE persons (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT, phone TEXT, "
        "collected_on DATE NOT NULL, region TEXT, education TEXT, husby NUMERIC, wght NUMERIC, whrswk NUMERIC, "
        "hhi TEXT, whi TEXT, hhi2 TEXT, race TEXT, hispanic TEXT, experience NUMERIC, kidslt6 INTEGER, kids618 INTEGER)"
    )
    rows = rows.assign(id=range(1, len(rows) + 1), collected_on="2015-06-30")
    rows.to_sql("persons", connection, if_exists="append", index=False)


def _run(made: Release) -> Iterator[str]:
    """Plan, approve, apply, verify; the expectations that have failed."""
    confirm(made.estate, "persons", by="dpo", at=NOW)
    plan = make_plan(made.estate, "ATTACK", as_of=AS_OF, today=AS_OF, now=NOW, by="benchmark")
    with contextlib.closing(made.estate.engine()) as engine:
        _approve(engine, plan.digest)
    apply(made.estate, plan.digest, now=NOW, today=AS_OF, actor="benchmark", retries=())
    for finding in verify(made.estate, plan.digest, now=NOW, today=AS_OF):
        if not finding.passed:
            yield f"{finding.expectation}: {finding.measure}"


def _approve(engine: EngineDatabase, digest: str) -> None:
    engine.approvals.approve(digest, by="dpo", at=NOW, expires=NOW + dt.timedelta(days=1))
