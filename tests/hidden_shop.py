"""A club whose former members are to hide among each other: one table in any engine, in an estate of its own."""

from __future__ import annotations

import contextlib
import datetime as dt
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from approving import confirm_maps

from expectations.findings import Finding
from pipelines.apply import apply
from pipelines.apply.summary import RunSummary
from pipelines.estate import Estate
from pipelines.plan import make_plan
from pipelines.plan.artefact import Plan
from pipelines.progress import silent
from pipelines.verify import verify

NOW = dt.datetime(2026, 6, 30, 8, tzinfo=dt.UTC)
TODAY = NOW.date()
K = 5

POLICY = """
policy: club
controller: CLUB
time_zone: Europe/Paris
categories: {technical: Traces}
events: {left: point, seen: point}
purposes:
  membership: {basis: contract, source: §1, keeps: [user], after: left, for: 3 years, then: anonymise}
  traces: {basis: legitimate_interest, source: §2, keeps: [technical], after: seen, for: 1 year, then: anonymise}
"""
MAP = """
store: club
datasets:
  members:
    source: {schema}members
    controller: CLUB
    key: [id]
    subjects: [{{kind: email, columns: [email]}}]
    events: {{left: {{column: left_on}}, seen: {{column: seen_on}}}}
    fields:
      email: {{category: user.contact.email, technique: unique_address}}
      name: {{category: user.name}}
      born: {{category: user.demographic.date_of_birth, technique: decade}}
      ip: {{category: technical.ip, technique: suppress}}
      region: {{category: none}}
      cents: {{category: none}}
    statistics:
      - {{name: fees, sum: cents, by: [{{column: region}}]}}
    anonymity:
      k: 5
      signed_off: {{by: dpo, on: 2026-06-01}}
      partition:
        - {{region: value, left_on: month, born: decade}}
        - {{region: value, left_on: year}}
        - {{left_on: decade}}
      measures: [cents]
      free: [seen_on]
    approved: {{by: dpo, on: 2026-01-01}}
  visits:
    source: {schema}visits
    controller: CLUB
    key: [id]
    inherits: [{{dataset: members, on: {{member_id: id}}}}]
    fields:
      note: {{category: user.content}}
      on_day: {{category: none}}
      cents: {{category: none}}
    statistics:
      - {{name: spent, sum: cents, by: [{{column: on_day, by: month}}]}}
    anonymity:
      k: 5
      signed_off: {{by: dpo, on: 2026-06-01}}
      partition:
        - {{member_id: value, on_day: quarter}}
        - {{on_day: quarter}}
        - {{on_day: year}}
        - {{}}
      measures: [cents]
      subject: member_id
      link: member_id
    approved: {{by: dpo, on: 2026-01-01}}
"""
ESTATE = """
[estate]
name = "Club"
[controllers.CLUB]
policy = "club"
[stores.club]
kind = "sql"
read = "{read}"
write = "{write}"
[limits]
share = 1.0
"""
TABLE = """CREATE TABLE members (id integer PRIMARY KEY, email varchar(80) NOT NULL UNIQUE, name varchar(40), born date,
ip varchar(40), region varchar(20) NOT NULL, left_on date NOT NULL, seen_on date, cents integer)"""
VISITS = """CREATE TABLE visits (id integer PRIMARY KEY, member_id integer NOT NULL REFERENCES members (id),
note varchar(80), on_day date NOT NULL, cents integer NOT NULL)"""
KEPT = ("region", "left_on", "born", "cents")


@dataclass
class Club:
    """The estate, and its store by its owner's address."""

    folder: Path
    admin: sa.Engine
    anonymity: bool = True

    @property
    def estate(self) -> Estate:
        return Estate.load(self.folder)

    def join(self, numbers: range, *, seed: int = 7, left: int = 4, region: str = "") -> None:
        """Members who left so many years ago; each paid something of his own."""
        draw = random.Random(seed)
        rows = [
            {
                "id": number, "email": f"member{number}@example.org", "name": f"Member {number}",
                "born": dt.date(1950 + draw.randrange(30), 3, 9), "ip": None if number % 3 else "192.0.2.1",
                "region": region or draw.choice(["Nord", "Est", "Sud", "Ouest"]),
                "left_on": dt.date(TODAY.year - left, draw.randint(1, 6), draw.randint(1, 28)),
                "seen_on": dt.date(2020, 1, 1), "cents": None if number % 29 == 0 else 1000 + draw.randrange(90_000),
            }
            for number in numbers
        ]  # fmt: skip
        with self.admin.begin() as connection:
            table = sa.Table("members", sa.MetaData(), autoload_with=connection)
            connection.execute(table.insert(), rows)

    def visit(self, members: range, *, seed: int = 8, each: int = 3) -> None:
        """Visits of members, of whom each comes so often; every one on a day and for an amount of its own."""
        draw = random.Random(seed)
        rows = [
            {
                "id": member * 100 + number, "member_id": member, "note": f"spoke with {member}",
                "on_day": dt.date(2021, draw.randint(1, 12), draw.randint(1, 28)), "cents": draw.randrange(100, 20_000),
            }
            for member in members
            for number in range(each)
        ]  # fmt: skip
        with self.admin.begin() as connection:
            table = sa.Table("visits", sa.MetaData(), autoload_with=connection, resolve_fks=False)
            connection.execute(table.insert(), rows)

    def rows(self, name: str = "members") -> list[dict[str, Any]]:
        with self.admin.begin() as connection:
            table = sa.Table(name, sa.MetaData(), autoload_with=connection, resolve_fks=False)
            return [dict(row) for row in connection.execute(sa.select(table).order_by(table.c.id)).mappings()]

    def run(self, statement: str) -> None:
        with self.admin.begin() as connection:
            connection.exec_driver_sql(statement)

    def rewriting(self) -> None:
        """Let the table of members be written anew, whatever its size: no foreign key may point at it."""
        with (self.folder / "ardoise.toml").open("a", encoding="utf-8") as file:
            file.write("[stores.club.rewrite]\nleast = 0\n")
        self.run("DROP TABLE visits")
        self.run(VISITS.replace(" REFERENCES members (id)", ""))
        if self.admin.dialect.name == "postgresql":
            self.run("ALTER TABLE members OWNER TO ardoise_write")
            self.run("GRANT CREATE ON SCHEMA public TO ardoise_write")

    def working(self) -> list[str]:
        """The work tables in which anything is left."""
        with self.admin.begin() as connection:
            inspector = sa.inspect(connection)
            schema = "ardoise" if connection.dialect.name == "postgresql" else None
            names = [name for name in inspector.get_table_names(schema=schema) if "work_" in name]
            asked = {name: sa.select(sa.func.count()).select_from(sa.table(name, schema=schema)) for name in names}
            return [name for name, query in asked.items() if connection.execute(query).scalar_one()]

    def plan(self, now: dt.datetime = NOW) -> Plan:
        plan = make_plan(self.estate, "CLUB", as_of=now.date(), today=now.date(), now=now, by="tests")
        with contextlib.closing(self.estate.engine()) as engine:
            engine.approvals.approve(plan.digest, by="dpo", at=now, expires=now + dt.timedelta(days=30))
        return plan

    def apply(self, plan: Plan, **options: Any) -> RunSummary:
        settings = {"now": NOW, "today": TODAY, "actor": "tests", "retries": (), "chunk": 25} | options
        return apply(self.estate, plan.digest, **settings)

    def verify(self, plan: Plan) -> list[Finding]:
        return verify(self.estate, plan.digest, now=NOW, today=TODAY, progress=silent)


def club(folder: Path, read: str, write: str, admin: str) -> Club:
    """Make it; its table is empty."""
    for place in ("policies", "data_map"):
        (folder / place).mkdir(parents=True)
    (folder / "policies" / "club.yaml").write_text(POLICY, encoding="utf-8")
    schema = "public." if admin.startswith("postgresql") else ""
    (folder / "data_map" / "club.yaml").write_text(MAP.format(schema=schema), encoding="utf-8")
    (folder / "ardoise.toml").write_text(ESTATE.format(read=read, write=write), encoding="utf-8")
    engine = sa.create_engine(admin, poolclass=sa.NullPool)
    made = Club(folder, engine)
    made.run(TABLE)
    made.run(VISITS)
    confirm_maps(folder)
    return made


def club_in(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Club:
    """Make it in an engine."""
    if kind == "sqlite":
        (tmp_path / "club.sqlite").touch()
        urls = (f"sqlite:///{tmp_path / 'club.sqlite'}",) * 3
    else:
        name = "postgres_database" if kind == "postgresql" else "mariadb_database"
        database = request.getfixturevalue(name)
        urls = (database.read, database.write, database.admin)
    return club(tmp_path / "estate", *urls)


def hidden(rows: list[dict[str, Any]], anonymous: Callable[[dict[str, Any]], bool]) -> dict[tuple[Any, ...], int]:
    """How many rows agree in all that anonymous ones keep: computed from the rows alone."""
    found: dict[tuple[Any, ...], int] = defaultdict(int)
    for row in rows:
        if anonymous(row):
            found[tuple(row[name] for name in KEPT)] += 1
    return found


def is_nobody(row: dict[str, Any]) -> bool:
    return str(row["email"]).endswith(".invalid")


def totals(rows: list[dict[str, Any]]) -> Iterator[tuple[str, int]]:
    """What everybody paid, in all."""
    yield "cents", sum(row["cents"] or 0 for row in rows)
