"""How whoever judges an attack on the demonstration knows whose a row was, where its key is a new one.

Nothing that the engine leaves behind tells which key became which. So every table gets another column beforehand, of
which the data map says that it has no meaning for a person; the attacker does not see it.
"""

from __future__ import annotations

import re

from pipelines.data_map.review import confirm
from pipelines.demo.moments import MAPPED, at_paris
from pipelines.demo.seeding import connect_crm, open_billing
from pipelines.demo.stores import OFFICER, DemoStores
from pipelines.estate import Estate

JUDGE = "judge"
"""The column: the key that the row had at first."""
_CRM = ("companies", "contacts", "prospects", "memberships", "interactions", "notes", "consents", "web_logs")
_BILLING = ("customers", "contracts", "invoices", "invoice_lines", "payments", "disputes")


def follow(stores: DemoStores) -> None:
    """Add the column to every table of CRM and billing, and to their data maps; the stores must be running."""
    with connect_crm(stores.crm_admin) as crm, open_billing(stores.billing) as billing:
        for table in _CRM:
            crm.execute(f"ALTER TABLE {table} ADD COLUMN {JUDGE} bigint".encode())
        for table in _BILLING:
            billing.execute(f"ALTER TABLE {table} ADD COLUMN {JUDGE} integer")
    follow_added(stores)
    for store in ("crm", "billing"):
        path = stores.estate / "data_map" / f"{store}.yaml"
        text = path.read_text(encoding="utf-8")
        text = text.replace("    fields:\n", f"    fields:\n      {JUDGE}: {{category: none}}\n")
        path.write_text(re.sub(r"(?m)^(    anonymity:.*)$", rf"\1\n      free: [{JUDGE}]", text), encoding="utf-8")
        confirm(Estate.load(stores.estate), store, by=OFFICER, at=at_paris(MAPPED))


def follow_added(stores: DemoStores) -> None:
    """Follow the rows that were added since as well."""
    statement = f"UPDATE {{}} SET {JUDGE} = id WHERE {JUDGE} IS NULL"
    with connect_crm(stores.crm_admin, autocommit=True) as crm, open_billing(stores.billing) as billing:
        for table in _CRM:
            crm.execute(statement.format(table).encode())
        crm.execute("VACUUM FULL ANALYZE")
        for table in _BILLING:
            billing.execute(statement.format(table))
