"""What the demonstration's stores hold right now, as identities: the other side of `reference.Expected`.

Read at the stores' own files and as the CRM's administrator, past every connector of the engine's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipelines.demo.crm import JULIEN
from pipelines.demo.seeding import connect_crm, open_billing
from pipelines.demo.stores import CALENDAR_USER, DemoStores
from pipelines.demo.truth import Identity

_CRM = ("contacts", "prospects", "memberships", "interactions", "notes", "consents", "web_logs")
_BILLING = ("customers", "contracts", "invoices", "invoice_lines", "payments", "disputes")
_CALENDARS = {"rendez-vous": "appointments", "equipe": "team"}
_MESSAGE_ID = re.compile(rb"^Message-ID:\s*(<[^>]+>)", re.IGNORECASE | re.MULTILINE)
_UID = re.compile(rb"^UID:(\S+)", re.MULTILINE)


def present(stores: DemoStores) -> frozenset[Identity]:
    """Every record of tenant julien that is there; the stores must be running."""
    return frozenset((*_rows(stores), *_items(stores)))


def _rows(stores: DemoStores) -> Iterator[Identity]:
    with connect_crm(stores.crm_admin) as connection:
        for table in _CRM:
            query = f"SELECT id FROM {table} WHERE tenant = %s".encode()  # noqa: S608 - names are our own
            yield from (Identity("crm", table, str(number)) for (number,) in connection.execute(query, [JULIEN]))
    with open_billing(stores.billing) as billing:
        for table in _BILLING:
            rows = billing.execute(f"SELECT id FROM {table}")  # noqa: S608 - names are our own
            yield from (Identity("billing", table, str(number)) for (number,) in rows)


def _items(stores: DemoStores) -> Iterator[Identity]:
    for folder in ("cur", "new"):
        for path in (stores.imap.folder / "mail").rglob(f"{folder}/*"):
            found = _MESSAGE_ID.search(path.read_bytes())
            if found:
                yield Identity("mail", "messages", found[1].decode())
    for calendar, dataset in _CALENDARS.items():
        for path in stores.caldav.calendar(CALENDAR_USER, calendar).glob("*.ics"):
            found = _UID.search(path.read_bytes())
            if found:
                yield Identity("calendar", dataset, found[1].decode())
