"""What the demonstration's stores hold, value by value, read past every connector of the engine's."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import getaddresses
from pathlib import Path
from typing import Any

from psycopg.rows import dict_row

from benchmarks.attack.following import JUDGE
from expectations.canaries import Canaries, Hit
from pipelines.demo.crm import JULIEN
from pipelines.demo.seeding import connect_crm, open_billing
from pipelines.demo.stores import CALENDAR_USER, DemoStores
from pipelines.demo.truth import Identity

CRM = ("companies", "contacts", "prospects", "memberships", "interactions", "notes", "consents", "web_logs")
BILLING = ("customers", "contracts", "invoices", "invoice_lines", "payments", "disputes")
CALENDARS = {"rendez-vous": "appointments", "equipe": "team"}
_MESSAGE_ID = re.compile(rb"^Message-ID:\s*(<[^>]+>)", re.IGNORECASE | re.MULTILINE)
_UID = re.compile(rb"^UID:(\S+)", re.MULTILINE)
_HEADERS = ("From", "Sender", "Reply-To", "To", "Cc", "Bcc")

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Contents:
    """Everything in the four stores: rows by column, items as they are on disk; ``others`` concern nobody of ours."""

    rows: Mapping[Identity, Row]
    items: Mapping[Identity, bytes]
    others: Mapping[Identity, Row]

    @property
    def ours(self) -> dict[Identity, object]:
        """Every record of the controller's."""
        return {**self.rows, **self.items}

    def table(self, store: str, dataset: str) -> dict[Identity, Row]:
        """The rows of one table."""
        return {each: row for each, row in self.rows.items() if each[:2] == (store, dataset)}


def led(found: Contents) -> Contents:
    """The same where a reference names the record to which it leads, whatever key that has by now."""
    links = {"contact_id": ("crm", "contacts")}
    links |= {f"{each}_id": ("billing", f"{each}s") for each in ("customer", "contract", "invoice", "payment")}
    known = {(*each[:2], row["id"]): each.key for each, row in found.rows.items() if each[:2] in links.values()}

    def translated(identity: Identity, row: Row) -> Row:
        there = {name: known.get((*links[name], row[name]), row[name]) for name in links if name in row}
        return {**row, **there}

    return replace(found, rows={each: translated(each, row) for each, row in found.rows.items()})


@dataclass(frozen=True)
class Difference:
    """What became of the records between two looks."""

    gone: frozenset[Identity]
    changed: frozenset[Identity]
    new: frozenset[Identity]


def contents(stores: DemoStores) -> Contents:
    """Look; the stores must be running."""
    rows: dict[Identity, Row] = {}
    others: dict[Identity, Row] = {}
    with connect_crm(stores.crm_admin) as connection, connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute("SET TIME ZONE 'UTC'")
        for table in CRM:
            for row in cursor.execute(f"SELECT * FROM {table}".encode()):
                ours = row["tenant"] == JULIEN and table != "companies"
                (rows if ours else others)[_identity("crm", table, row)] = row
    with open_billing(stores.billing) as billing:
        for table in BILLING:
            found = billing.execute(f"SELECT * FROM {table}")
            names = [column[0] for column in found.description]
            for values in found:
                row = dict(zip(names, values, strict=True))
                rows[_identity("billing", table, row)] = row
    return Contents(rows, dict(_items(stores)), others)


def _identity(store: str, table: str, row: dict[str, Any]) -> Identity:
    """By the key that a row has, or by the one that it had at first, where a judge follows it."""
    return Identity(store, table, str(row.pop(JUDGE, row["id"])))


def _items(stores: DemoStores) -> Iterator[tuple[Identity, bytes]]:
    for folder in ("cur", "new"):
        for path in sorted((stores.imap.folder / "mail").rglob(f"{folder}/*")):
            content = path.read_bytes()
            found = _MESSAGE_ID.search(content)
            assert found, "a message without a Message-ID"
            yield Identity("mail", "messages", found[1].decode()), content
    for calendar, dataset in CALENDARS.items():
        for path in sorted(stores.caldav.calendar(CALENDAR_USER, calendar).glob("*.ics")):
            content = path.read_bytes()
            found = _UID.search(content)
            assert found, "an event without a UID"
            yield Identity("calendar", dataset, found[1].decode()), content


def difference(before: Contents, after: Contents) -> Difference:
    """The records that went, changed and came."""
    then, now = before.ours, after.ours
    return Difference(
        frozenset(then.keys() - now.keys()),
        frozenset(each for each in then.keys() & now.keys() if then[each] != now[each]),
        frozenset(now.keys() - then.keys()),
    )


def addresses(identity: Identity, content: bytes) -> frozenset[str]:
    """Every address in the headers of a message, or anywhere in an event."""
    if identity.store == "mail":
        message = message_from_bytes(content, policy=policy.default)
        lines = [str(value) for name in _HEADERS for value in message.get_all(name, [])]
        return frozenset(address.lower() for _, address in getaddresses(lines) if address)
    text = re.sub(rb"\r?\n[ \t]", b"", content).decode()
    return frozenset(each.lower() for each in re.findall(r"mailto:([^\s;:,\"]+)", text, re.IGNORECASE))


def words(identity: Identity, content: bytes) -> str:
    """All that a person would read in a message or an event, in lower case."""
    if identity.store != "mail":
        return re.sub(rb"\r?\n[ \t]", b"", content).decode().lower()
    message = message_from_bytes(content, policy=policy.default)
    parts = [str(value) for value in message.values()]
    for part in message.walk():
        assert isinstance(part, EmailMessage)
        if not part.is_multipart():
            parts.append((part.get_payload(decode=True) or b"").decode("utf-8", "replace"))
    return "\n".join(parts).lower()


Group = Callable[[Row], object]


def counted(rows: Mapping[Identity, Row], group: Group) -> Counter[object]:
    """How many rows there are in each group."""
    return Counter(group(row) for row in rows.values())


def summed(rows: Mapping[Identity, Row], column: str, group: Group) -> Counter[object]:
    """The sum of a column in each group."""
    found: Counter[object] = Counter()
    for row in rows.values():
        found[group(row)] += row[column]
    return found


def kept_in_store(stores: DemoStores, store: str, statistic: str) -> dict[str, tuple[int, Decimal]]:
    """What the statistics ledger of a store says of the rows that went: count and sum by group."""
    query = (
        "SELECT cell, sum(n), sum(total) FROM (SELECT cell, n, total, statistic FROM {0}pending UNION ALL "
        "SELECT cell, n, total, statistic FROM {0}released) kept WHERE statistic = {1} GROUP BY cell"
    )
    if store == "crm":
        with connect_crm(stores.crm_admin) as connection:
            found = connection.execute(query.format("ardoise.", "%s").encode(), [statistic]).fetchall()
    else:
        with open_billing(stores.billing) as billing:
            found = billing.execute(query.format("ardoise_", "?"), [statistic]).fetchall()
    return {str(cell): (int(n), Decimal(str(total or 0))) for cell, n, total in found}


def in_stores(canaries: Canaries, stores: DemoStores) -> dict[str, list[Hit]]:
    """Where canaries are in the four stores, per store, the engine's own tables there included."""
    mail, calendar = stores.data_folders
    return {
        "crm": canaries.search_sql(stores.crm_admin),
        "billing": canaries.search_sql(f"sqlite:///{stores.billing}"),
        "mail": canaries.search_files(mail),
        "calendar": canaries.search_files(calendar),
    }


def in_estate(canaries: Canaries, stores: DemoStores) -> dict[str, list[Hit]]:
    """Where canaries are in what the engine keeps: its database, and every file of the estate, its state included."""
    return {
        "engine database": canaries.search_sql(f"sqlite:///{stores.estate / '.ardoise' / 'engine.sqlite'}"),
        "estate": canaries.search_files(stores.estate),
    }


@contextmanager
def logged(path: Path) -> Iterator[None]:
    """Everything that anybody logs from INFO upward goes to a file as well, tracebacks included."""
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.setLevel(before)
        root.removeHandler(handler)
        handler.close()
