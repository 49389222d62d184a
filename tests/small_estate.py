"""A small estate on two SQLite stores, in which something else is due on every day, and the reference for any day."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from approving import confirm_maps

from pipelines.engine import EngineDatabase
from pipelines.engine.ledger import Entry
from pipelines.estate import Estate
from retention_rules.decide import Facts, decide
from retention_rules.decisions import Due
from retention_rules.events import Event, Known

CONTROLLER = "SMALL"
ZONE = ZoneInfo("Europe/Paris")
CANARY = "zephyrine"
"""Part of every name and address in the stores: to be found nowhere else."""

DAYS = 30
LATE_CONTACTS = range(5, DAYS, 7)
"""Rows of these ages were contacted yesterday: due on a past date, and not any more today."""

CONFIG = """
[estate]
name = "Small"
[controllers.SMALL]
policy = "small"
[stores.crm]
kind = "sql"
read = "sqlite:///../crm.sqlite"
write = "sqlite:///../crm.sqlite"
last = true
[stores.shop]
kind = "sql"
read = "sqlite:///../shop.sqlite"
write = "sqlite:///../shop.sqlite"
[limits]
share = 1.0
"""
POLICY = """
policy: small
controller: SMALL
time_zone: Europe/Paris
categories:
  identity: Who somebody is
events:
  collected: point
  contacted: point
purposes:
  prospecting:
    basis: legitimate_interest
    source: a test
    keeps: [identity]
    after: {latest: [collected, contacted]}
    for: 3 years
    then: delete
"""
MAP = """
store: {store}
datasets:
  {dataset}:
    source: {dataset}
    controller: SMALL
    key: [id]
    subjects:
      - {{kind: {kind}, columns: [email], strength: canonical}}
    events:
      collected: {{column: collected}}
      contacted: {{column: contacted, null: absent}}
    fields:
      email: {{category: identity}}
      name: {{category: identity}}
    approved: {{by: dpo, on: 2026-06-01}}
"""
COLUMNS = "id INTEGER PRIMARY KEY, email TEXT, name TEXT, collected DATE, contacted DATE"
STORES = {"crm": "people", "shop": "orders"}


@dataclass(frozen=True, slots=True)
class SmallEstate:
    """The estate in ``folder``/estate, its stores beside it; ``today`` is the day from which ages count."""

    folder: Path
    today: dt.date

    @classmethod
    def write(cls, folder: Path, today: dt.date, *, two_persons: bool = False) -> SmallEstate:
        """Make it anew: in each store one row per day of the last month on which it became due, and as many to come."""
        estate = folder / "estate"
        for place in ("policies", "data_map"):
            (estate / place).mkdir(parents=True)
        config = CONFIG + ("[approval]\ntwo_persons = true\n" if two_persons else "")
        (estate / "ardoise.toml").write_text(config, encoding="utf-8")
        (estate / "policies" / "small.yaml").write_text(POLICY, encoding="utf-8")
        made = cls(folder, today)
        for store, dataset in STORES.items():
            text = MAP.format(store=store, dataset=dataset, kind="email")
            (estate / "data_map" / f"{store}.yaml").write_text(text, encoding="utf-8")
            with made._connected(store) as connection:
                connection.execute(f"CREATE TABLE {dataset} ({COLUMNS})")
                connection.executemany(f"INSERT INTO {dataset} VALUES (?, ?, ?, ?, ?)", made._rows(store))
        confirm_maps(estate)
        return made

    @property
    def path(self) -> Path:
        """The estate's folder."""
        return self.folder / "estate"

    def _rows(self, store: str) -> Iterator[tuple[int, str, str, str, str | None]]:
        for age in range(-DAYS, DAYS):
            day = self.today - dt.timedelta(days=age + 1)
            collected = day.replace(year=day.year - 3, day=min(day.day, 28))
            contacted = (self.today - dt.timedelta(days=1)).isoformat() if age in LATE_CONTACTS else None
            who = f"{CANARY}.{store}.{age + DAYS}"
            yield age + DAYS, f"{who}@example.org", f"{CANARY.title()} {age}", collected.isoformat(), contacted

    @contextmanager
    def _connected(self, store: str) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.folder / f"{store}.sqlite")) as connection, connection:
            yield connection

    # -- what is there, and what ought to be

    def execute(self, store: str, statement: str) -> None:
        """Do something to a store that nobody planned."""
        with self._connected(store) as connection:
            connection.execute(statement)

    def dump(self) -> str:
        """Everything in the stores, as SQL."""
        lines: list[str] = []
        for store in STORES:
            with self._connected(store) as connection:
                lines += connection.iterdump()
        return "\n".join(lines)

    def gone(self) -> set[tuple[str, int]]:
        """The records that were deleted: store and id."""
        found: set[tuple[str, int]] = set()
        for store, dataset in STORES.items():
            with self._connected(store) as connection:
                left = {row[0] for row in connection.execute(f"SELECT id FROM {dataset}")}
            found |= {(store, number) for number in range(2 * DAYS) if number not in left}
        return found

    def reference(self, as_of: dt.date, today: dt.date | None = None) -> set[tuple[str, int]]:
        """What a run for a date must delete: due on it, by what was known then, and due today."""
        policy = Estate.load(self.path).policy(CONTROLLER)
        found: set[tuple[str, int]] = set()
        for store in STORES:
            for number, _, _, collected, contacted in self._rows(store):
                days = {"collected": dt.date.fromisoformat(collected)}
                if contacted:
                    days["contacted"] = dt.date.fromisoformat(contacted)
                if all(
                    isinstance(decide(["identity"], _known(days, day), policy, as_of=day)["identity"], Due)
                    for day in (as_of, today or self.today)
                ):
                    found.add((store, number))
        return found

    # -- the engine database

    @contextmanager
    def engine(self) -> Iterator[EngineDatabase]:
        """The estate's engine database."""
        with closing(Estate.load(self.path).engine()) as engine:
            yield engine

    def entries(self, *kinds: str) -> list[Entry]:
        """The ledger's entries of these kinds."""
        with self.engine() as engine:
            return list(engine.ledger.entries(*kinds))

    def deleted(self) -> dict[str, int]:
        """By plan, how many records the ledger says were deleted."""
        found: dict[str, int] = {}
        for entry in self.entries("receipt"):
            found[entry.body["plan"]] = found.get(entry.body["plan"], 0) + entry.body["outcomes"].get("deleted", 0)
        return found

    def as_of(self, digest: str) -> dt.date:
        """The as-of date of a plan."""
        with self.engine() as engine:
            return engine.plans.record(digest).as_of

    def grant(
        self, *, count: int = 1000, share: float = 1.0, ago: dt.timedelta = dt.timedelta(), hours: float = 1
    ) -> None:
        """Grant a standing approval, some time ago, for so many hours."""
        at = dt.datetime.now(dt.UTC) - ago
        with self.engine() as engine:
            engine.approvals.grant_standing(
                CONTROLLER, Estate.load(self.path).policy(CONTROLLER).digest, by="dpo", at=at,
                expires=at + dt.timedelta(hours=hours), max_count=count, max_share=share,
            )  # fmt: skip


@dataclass
class Stage:
    """The place that Airflow takes for its estate: a link that is turned to a fresh one."""

    folder: Path
    made: list[SmallEstate] = field(default_factory=list)

    @property
    def link(self) -> Path:
        """What ARDOISE_ESTATE names."""
        return self.folder / "current"

    def fresh(self, *, two_persons: bool = False) -> SmallEstate:
        """A new small estate, turned to."""
        today = dt.datetime.now(ZONE).date()
        estate = SmallEstate.write(self.folder / f"estate-{len(self.made)}", today, two_persons=two_persons)
        self.made.append(estate)
        turned = self.folder / "turned"
        turned.symlink_to(estate.path)
        turned.replace(self.link)
        return estate


def _known(days: dict[str, dt.date], as_of: dt.date) -> Facts:
    events: dict[str, Event] = {name: Known(day) for name, day in days.items() if day <= as_of}
    return Facts(events)
