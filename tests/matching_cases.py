"""The labelled cases of matching, and what the engine finds for each: from a raw header to the evidence of a plan."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import sqlalchemy as sa
import yaml

from connectors.base import ITEM_SCHEMA
from connectors.caldav.attendance import people
from connectors.caldav.occurrences import span
from connectors.digests import DigestKey
from connectors.imap.envelope import envelope
from connectors.sql.engines import open_engine
from pipelines.data_map.model import DatasetMap, SubjectLink
from pipelines.plan.dialects import run
from pipelines.plan.item_occurrences import item_occurrences
from pipelines.plan.links import Key, forms, spelled, unread
from pipelines.plan.occurrences import Horizon
from pipelines.plan.supply import Supplier
from pipelines.scan.index import ITEMS, PARTICIPANTS
from pipelines.scan.participants import Participants, SubjectKeys
from pipelines.subjects import digest_canonical
from retention_rules.loading import load_policy

FOLDER = Path(__file__).parent / "pipelines" / "scan" / "matching"
KEY = DigestKey(b"i" * 32, b"o" * 32)
OWN = ("*@maison.example",)
EVENT = "last_inbound_contact"
TODAY = dt.date(2026, 6, 30)
PARIS = ZoneInfo("Europe/Paris")
LINKS = (
    SubjectLink(kind="email", columns=("email",)),
    SubjectLink(kind="email", columns=("second",)),
    SubjectLink(kind="email", columns=("alias",), strength="alias"),
    SubjectLink(kind="name", columns=("first", "last"), strength="name"),
)
MAP = """
source: "*"
controller: JULIEN
subjects:
  - {{kind: email, roles: [{roles}], strength: canonical}}
  - {{kind: name, roles: [{roles}], strength: name}}
events:
  last_inbound_contact: {{at: last, roles: [{acting}], of: subject}}
"""
MAPS = {
    "mail": MAP.format(roles="from, sender, reply_to, to, cc, bcc", acting="from"),
    "calendar": MAP.format(roles="organizer, attendee", acting="organizer, attendee"),
}


@dataclass(frozen=True)
class Case:
    """One message or meeting beside one contact; ``counts`` and ``concerns`` are what a person expects, and ``why``."""

    id: str
    why: str
    who: str
    contact: Mapping[str, str]
    given: Mapping[str, Any]

    @property
    def counts(self) -> str:
        return str(self.given["is"]).split("/")[0]

    @property
    def concerns(self) -> str:
        return str(self.given["is"]).split("/")[1]

    @property
    def store(self) -> str:
        return "mail" if "mail" in self.given else "calendar"

    @cached_property
    def item(self) -> dict[str, Any]:
        """The item as its connector reads it."""
        kept = {"container": self.id, "key": self.id, "version": "1", "bytes": 0}
        if self.store == "calendar":
            when = span(self.content, PARIS)
            return kept | {"first": when.first, "last": when.last, "endless": when.endless, "automatic": False,
                           "participants": people(self.content)}  # fmt: skip
        told = envelope(self.content, self.arrived)
        return kept | {"first": told.first, "last": told.last, "endless": False, "automatic": told.automatic,
                       "participants": told.participants}  # fmt: skip

    @property
    def content(self) -> bytes:
        """The message's header or the calendar object."""
        return self._header() if self.store == "mail" else self._object()

    @property
    def arrived(self) -> dt.datetime | None:
        """The message's INTERNALDATE."""
        given = self.given.get("arrived", "2024-03-01T12:00:00Z")
        return None if given == "none" else dt.datetime.fromisoformat(given)

    def _header(self) -> bytes:
        header = str(self.given["mail"])
        if self.given.get("date") != "none" and "\nDate:" not in header:
            header += "\nDate: Fri, 01 Mar 2024 10:00:00 +0100"
        if "\nTo:" not in header and not header.startswith("To:"):
            header += "\nTo: contact@maison.example"
        return (header.replace("\n", "\r\n") + "\r\n\r\n").encode()

    def _object(self) -> bytes:
        if "raw" in self.given:
            return str(self.given["raw"]).encode()
        kind = self.given.get("kind", "VEVENT")
        lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x"]
        for block in filter(None, (self.given["event"], self.given.get("override"))):
            dated = any(name in block for name in ("DTSTART", "DUE"))
            lines += [f"BEGIN:{kind}", "UID:1", *([] if dated else ["DTSTART:20240301T100000Z"])]
            lines += [self.given["organizer"], *block.split("\n"), f"END:{kind}"]
        return "".join(f"{line}\r\n" for line in [*lines, "END:VCALENDAR"]).encode()


@dataclass(frozen=True)
class Finding:
    """What the engine says of a case; ``day`` is the last day that counts."""

    counts: str
    concerns: str
    day: dt.date | None


def cases() -> Iterator[Case]:
    """Every labelled case."""
    for file in sorted(FOLDER.glob("*.yaml")):
        topic = yaml.safe_load(file.read_text(encoding="utf-8"))
        for number, given in enumerate(topic["cases"], start=1):
            whole = topic.get("defaults", {}) | given
            yield Case(
                f"{file.stem} {number}",
                whole["why"],
                f"{file.stem} {whole['who']}",
                topic["contacts"][whole["who"]],
                whole,
            )


def findings(chosen: Sequence[Case], folder: Path) -> dict[str, Finding]:
    """What the engine finds: the items read and digested as by a scan, the contact's digests computed by SQLite.

    Each case has a scope of its own, so that nobody is met in another's.
    """
    items = duckdb.connect()
    items.execute("ATTACH ':memory:' AS items; USE items")
    for table in (ITEMS, PARTICIPANTS):
        items.execute(f"CREATE TABLE {table}")
    for table, rows in zip(("items", "participants"), map(list, zip(*map(_rows, chosen), strict=True)), strict=True):
        items.register("batch", pa.Table.from_pylist([row for each in rows for row in each]))
        items.execute(f"INSERT INTO {table} BY NAME SELECT * FROM batch")
        items.unregister("batch")
    items.execute("USE memory")
    evidence = dict[tuple[str, str], list[tuple[Any, ...]]]()
    for store, text in MAPS.items():
        dataset = DatasetMap.model_validate(yaml.safe_load(text))
        supplier = Supplier(store, "all", (EVENT,), frozenset(), items=True, approved=True)
        policy, horizon = load_policy("julien"), Horizon("h", TODAY, TODAY)
        for query in item_occurrences(supplier, dataset, policy, EVENT, horizon):
            for _, _, key, digest, *state in run(items, query).fetchall():
                evidence.setdefault((key, digest.hex), []).append(tuple(state))
    people = dict[str, list[tuple[Any, ...]]]()
    for item, *digests in items.execute("SELECT key, digest, loose, name_digest FROM items.participants").fetchall():
        people.setdefault(item, []).append(tuple(digests))
    known = contacts({case.id: case.contact for case in chosen}, folder)
    return {case.id: _finding(known[case.id], people.get(case.id, []), evidence) for case in chosen}


def confusion(pairs: Sequence[tuple[str, str]]) -> str:
    """A table of what was expected (rows) against what was found (columns)."""
    names = sorted({name for pair in pairs for name in pair})
    counted = Counter(pairs)
    rows = [[name, *(str(counted[name, found] or ".") for found in names)] for name in names]
    return "\n".join("".join(f"{cell:>14}" for cell in row) for row in [["expected", *names], *rows])


def _rows(case: Case) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """A case's rows in the index: its item and its participants."""
    batch = pa.RecordBatch.from_pylist([case.item], ITEM_SCHEMA)
    people = Participants(SubjectKeys(KEY, case.id, OWN)).digested(batch).to_pylist()
    where = {"store": case.store, "dataset": "all"}
    item = {name: value for name, value in case.item.items() if name != "participants"}
    for moment in ("first", "last"):
        item[moment] = item[moment] and item[moment].astimezone(dt.UTC).replace(tzinfo=None)
    return [where | item], [where | person for person in people]


def contacts(rows: Mapping[str, Mapping[str, str]], folder: Path) -> dict[str, set[tuple[Key, str]]]:
    """The digests of each contact, of the forms that SQLite computes from a table; each contact in a scope of its own.

    None of one with a link that cannot be read: it is never due (`carried`).
    """
    (folder / "contacts.sqlite").touch()
    engine = open_engine("crm", f"sqlite:///{folder / 'contacts.sqlite'}", write=True)
    names = ("id", "email", "second", "alias", "first", "last")
    table = sa.Table("contacts", sa.MetaData(), *(sa.Column(name, sa.Text) for name in names))
    found = forms(LINKS)
    digests = dict[str, set[tuple[Key, str]]]()
    with engine.begin() as connection:
        table.create(connection)
        connection.execute(
            table.insert(), [dict.fromkeys(names) | {"id": who} | dict(row) for who, row in rows.items()]
        )
        given = spelled(sa.select(table), LINKS, "sqlite", fenced=True)
        lost = sa.or_(*(unread(link, given, "sqlite") for link in LINKS if link.kind == "email"))
        for who, unknown, *texts in connection.execute(
            sa.select(given.c.id, lost, *(form.form(given, "sqlite") for form in found))
        ):
            named = [(form.key, text) for form, text in zip(found, texts, strict=True) if text and not unknown]
            digests[who] = {(key, digest_canonical(KEY, who, key.kind, text)) for key, text in named}
    engine.dispose()
    return digests


def _finding(
    digests: AbstractSet[tuple[Key, str]],
    people: Sequence[tuple[Any, ...]],
    evidence: Mapping[tuple[str, str], list[tuple[Any, ...]]],
) -> Finding:
    if all(key.weak for key, _ in digests):
        return Finding("unknown", "unknown", None)
    sure, doubt = (
        [each for key, digest in digests if key.weak is weak for each in evidence.get((key.name, digest), [])]
        for weak in (False, True)
    )
    strong = {digest for key, digest in digests if not key.weak}
    weak = {digest for key, digest in digests if key.weak}
    concerns = "none"
    if any(loose in weak or name in weak for _, loose, name in people):
        concerns = "weak"
    if any(digest in strong for digest, _, _ in people):
        concerns = "strong"
    days = [last for _, _, _, last in sure or doubt if last]
    return Finding(
        _counted(sure, "", "strong") or _counted(doubt, "_weak", "weak") or "none", concerns, max(days, default=None)
    )


def _counted(states: Sequence[tuple[Any, ...]], suffix: str, known: str) -> str:
    """What occurrences come to: open before missing before a day (model: the four states of an event)."""
    if any(is_open for is_open, *_ in states):
        return f"open{suffix}"
    if any(missing for _, missing, *_ in states):
        return f"missing{suffix}"
    return known if states else ""
