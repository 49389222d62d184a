"""A small estate for plans: a CRM in PostgreSQL, MariaDB or SQLite, billing in SQLite, and mail in memory."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from approving import confirm_maps

from connectors.memory import MemoryConnector, MemoryStore
from pipelines.engine import HoldScope
from pipelines.estate import Estate
from pipelines.plan import make_plan
from pipelines.plan.artefact import Action, Plan, Portion, Tally
from pipelines.plan.gathering import gathered, plan_context
from pipelines.plan.item_selection import DueItem, ItemSelection
from pipelines.plan.selections import StoreSelections
from pipelines.scan import filling
from pipelines.scan.participants import SubjectKeys
from pipelines.scan.sources import source_of
from pipelines.subjects import subject_digest

TODAY = dt.date(2026, 6, 30)
NOW = dt.datetime(2026, 6, 30, 8, tzinfo=dt.UTC)

POLICY = """
policy: shop
controller: SHOP
time_zone: Europe/Paris
categories: {correspondence: Messages, technical: Traces, invoice: Invoices, card: Cards}
events: {contract_end: end, collected: point, contact: point, created: point, settled: end, closed: end}
facts: {client: contract_end is open}
never_held: [card.cvv]
purposes:
  contract: {basis: contract, source: §1, keeps: [user, correspondence], after: contract_end, then: anonymise}
  followup:
    {basis: legitimate_interest, source: §2, keeps: [user, correspondence], after: contract_end, for: 3 years,
     then: anonymise}
  prospecting:
    {basis: consent, source: §3, keeps: [user, correspondence], when: not client,
     after: {latest: [collected, contact]}, for: 3 years, then: anonymise}
  traces: {basis: legitimate_interest, source: §4, keeps: [technical], after: created, for: 1 year, then: delete}
  payment: {basis: contract, source: §5, keeps: [card], after: settled, then: delete}
  books: {basis: law, source: §6, keeps: [invoice], after: closed, for: 10 years, then: delete}
"""

CRM = """
store: crm
datasets:
  contacts:
    source: {schema}contacts
    controller: SHOP
    tenant: shop
    key: [id]
    where: {{tenant: [shop]}}
    subjects: [{{kind: email, columns: [email]}}, {{kind: name, columns: [name], strength: name}}]
    events: {{collected: {{column: collected}}, created: {{column: seen_at, null: absent}}}}
    fields:
      email: {{category: user.contact.email}}
      name: {{category: user.name}}
      seen_ip: {{category: technical.ip}}
    approved: {{by: dpo, on: 2026-01-01}}
  notes:
    source: {schema}notes
    controller: SHOP
    tenant: shop
    key: [id]
    inherits: [{{dataset: contacts, on: {{contact_id: id}}}}]
    fields: {{body: {{category: correspondence}}}}
    approved: {{by: dpo, on: 2026-01-01}}
"""

BILLING = """
store: billing
datasets:
  customers:
    source: customers
    controller: SHOP
    tenant: shop
    key: [id]
    subjects: [{kind: email, columns: [email]}]
    fields: {email: {category: user.contact.email}}
    approved: {by: dpo, on: 2026-01-01}
  contracts:
    source: contracts
    controller: SHOP
    tenant: shop
    key: [id]
    inherits: [{dataset: customers, on: {customer_id: id}}]
    events:
      contract_end: {column: ended, open_if: {column: status, values: [running]}, of: subject}
    fields: {status: {category: none}}
    approved: {by: dpo, on: 2026-01-01}
"""

BOOKS = """\
  invoices:
    source: invoices
    controller: SHOP
    tenant: shop
    key: [id]
    events: {closed: {column: closed}}
    fields: {number: {category: invoice}}
    approved: {by: dpo, on: 2026-01-01}
  payments:
    source: payments
    controller: SHOP
    tenant: shop
    key: [id]
    events: {settled: {column: settled, null: open}}
    fields: {pan: {category: card.pan}, cvv: {category: card.cvv}}
    approved: {by: dpo, on: 2026-01-01}
"""

MAIL = """
store: mail
datasets:
  messages:
    source: "*"
    controller: SHOP
    tenant: shop
    own: ["*@shop.example"]
    subjects:
      - {kind: email, roles: [from, to]}
      - {kind: name, roles: [from, to], strength: name}
    events: {contact: {at: last, roles: [from], of: subject}}
    fields: {body: {category: correspondence}, from: {category: user.contact.email}}
    approved: {by: dpo, on: 2026-01-01}
"""

ESTATE = """
[estate]
name = "Shop"
time_zone = "Europe/Paris"
[controllers.SHOP]
policy = "shop"
[stores.billing]
kind = "sql"
read = "sqlite:///billing.sqlite"
write = "sqlite:///billing.sqlite"
[stores.mail]
kind = "memory"
read = "memory:"
[stores.crm]
kind = "sql"
read = "{read}"
write = "{write}"
last = true
[limits]
share = 1.0
"""

CRM_TABLES = (
    (
        "CREATE TABLE contacts (id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, email TEXT, name TEXT, collected DATE, "
        "seen_ip TEXT, seen_at TIMESTAMP)"
    ),
    "CREATE TABLE notes (id INTEGER PRIMARY KEY, contact_id INTEGER NOT NULL REFERENCES contacts (id), body TEXT)",
)
BILLING_TABLES = (
    "CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT)",
    (
        "CREATE TABLE contracts (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers (id), ended DATE, "
        "status TEXT)"
    ),
    "CREATE TABLE invoices (id INTEGER PRIMARY KEY, number TEXT, closed DATE)",
    (
        "CREATE TABLE payments (id INTEGER PRIMARY KEY, invoice_id INTEGER REFERENCES invoices (id), pan TEXT, "
        "cvv TEXT, settled DATE)"
    ),
)


@dataclasses.dataclass
class Shop:
    """A small estate, with what a test puts into its stores."""

    folder: Path
    crm: sa.Engine
    mails: MemoryStore = dataclasses.field(default_factory=MemoryStore)
    contacts: int = 0
    indexed: bool = False
    """Whether the index has seen every message."""

    @property
    def estate(self) -> Estate:
        return Estate.load(self.folder)

    def contact(
        self,
        email: str | None,
        *,
        collected: str | None = "2020-01-01",
        tenant: str = "shop",
        name: str = "",
        seen: str | None = None,
        note: str | None = None,
    ) -> int:
        """A contact; returns its id, which its note has too."""
        self.contacts += 1
        row = {
            "id": self.contacts, "tenant": tenant, "email": email, "name": name or None, "collected": collected,
            "ip": "203.0.113.9" if seen else None, "at": seen,
        }  # fmt: skip
        with self.crm.begin() as connection:
            statement = "INSERT INTO contacts VALUES (:id, :tenant, :email, :name, :collected, :ip, :at)"
            connection.execute(sa.text(statement), row)
            if note is not None:
                connection.execute(
                    sa.text("INSERT INTO notes VALUES (:id, :id, :note)"), {"id": self.contacts, "note": note}
                )
        return self.contacts

    def bill(self, statement: str, *values: Any) -> None:
        with contextlib.closing(sqlite3.connect(self.folder / "billing.sqlite")) as connection, connection:
            connection.execute(statement, values)

    def contract(self, email: str, ended: str | None, status: str = "closed") -> None:
        self.bill("INSERT INTO customers (email) VALUES (?)", email)
        self.bill(
            "INSERT INTO contracts (customer_id, ended, status) SELECT max(id), ?, ? FROM customers", ended, status
        )

    def mail(self, key: str, day: str, **people: Any) -> None:
        """A message; ``people`` by role: an address, or several, or (address, name)."""
        participants = [
            {"role": role.rstrip("_"), "address": each if isinstance(each, str) else each[0],
             "name": "" if isinstance(each, str) else each[1]}
            for role, found in people.items() if role != "automatic"
            for each in (found if isinstance(found, list) else [found])
        ]  # fmt: skip
        content = {
            "first": f"{day}T10:00:00Z", "last": f"{day}T10:00:00Z", "endless": False,
            "automatic": people.get("automatic", False), "participants": participants, "texts": {},
        }  # fmt: skip
        self.mails.put("INBOX", key, content)
        self.indexed = False

    def keep_books(self) -> None:
        """Map the invoices and payments too; every dataset costs every plan."""
        with (self.folder / "data_map" / "billing.yaml").open("a") as file:
            file.write(BOOKS)
        confirm_maps(self.folder)

    def scan(self, *, up: bool = True) -> None:
        """Index the mail."""
        self.mails.up = up
        estate = self.estate
        dataset = estate.data_maps["mail"].datasets["messages"]
        keys = SubjectKeys(estate.key, dataset.scope, dataset.own)
        source = source_of("messages", dataset)
        connector = MemoryConnector("mail", self.mails)
        filling.fill(estate.index_file, connector, "messages", source, subjects=keys, now=NOW)
        self.indexed = True

    def plan(self, as_of: dt.date = TODAY, *, staged: bool = False) -> Plan:
        if not self.indexed:
            self.scan()
        return make_plan(self.estate, "SHOP", as_of=as_of, today=TODAY, now=NOW, staged=staged)

    def keys(self, plan: Plan, step_id: str) -> list[Any]:
        """The keys that a step would act on, as the run would find them."""
        step = next(each for each in plan.steps if each.id == step_id)
        with self.asked(plan.as_of, plan.portion) as (context, found):
            connection = found.connections[step.store]
            inventory = found.inventories[step.store]
            selections = StoreSelections.prepare(
                context, step.store, connection, inventory, found.evidence, acting=True
            )
            due = selections.selection(step.dataset).due_keys(step)
            return sorted(row[0] for row in connection.execute(due))

    def items(self, plan: Plan, action: Action) -> list[DueItem]:
        step = next(each for each in plan.steps if each.store == "mail" and each.action is action)
        with self.asked(plan.as_of, plan.portion) as (context, found):
            return list(ItemSelection(context, found.evidence, "mail", "messages").due(step))

    @contextlib.contextmanager
    def asked(self, as_of: dt.date, portion: Portion | None = None) -> Iterator[Any]:
        estate = self.estate
        with contextlib.closing(estate.engine()) as engine:
            context = plan_context(estate, engine, "SHOP", as_of, TODAY, portion=portion)
        with gathered(estate, context) as found:
            yield context, found

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.folder / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        confirm_maps(self.folder)

    def hold(self, email: str, since: str, until: str | None = None, categories: frozenset[str] = frozenset()) -> None:
        estate = self.estate
        scope = HoldScope(subject=subject_digest(estate.key, "shop", "email", email), categories=categories)
        with contextlib.closing(estate.engine()) as engine:
            made = engine.holds.open("case-1", scope, since=dt.date.fromisoformat(since), by="legal", at=NOW)
            for by in ("legal", "dpo") if until else ():
                day = dt.date.fromisoformat(until or "")
                engine.holds.release("case-1", until=day, by=by, at=NOW, number=made.id)


def make_shop(folder: Path, crm_admin: str, read: str, write: str, schema: str) -> Shop:
    """Lay out the estate and its empty stores.

    Args:
        folder: where; made here.
        crm_admin: the CRM's URL for its owner.
        read: its URL in `ardoise.toml`, for reading.
        write: its URL in `ardoise.toml`, for writing.
        schema: of the CRM's tables, with its dot.
    """
    (folder / "data_map").mkdir(parents=True)
    (folder / "policies").mkdir()
    (folder / "ardoise.toml").write_text(ESTATE.format(read=read, write=write))
    (folder / "policies" / "shop.yaml").write_text(POLICY)
    (folder / "data_map" / "crm.yaml").write_text(CRM.format(schema=schema))
    (folder / "data_map" / "billing.yaml").write_text(BILLING)
    (folder / "data_map" / "mail.yaml").write_text(MAIL)
    crm = sa.create_engine(crm_admin, poolclass=sa.NullPool)
    with crm.begin() as connection:
        for statement in CRM_TABLES:
            connection.exec_driver_sql(statement)
    with contextlib.closing(sqlite3.connect(folder / "billing.sqlite")) as connection:
        for statement in BILLING_TABLES:
            connection.execute(statement)
    confirm_maps(folder)
    return Shop(folder, crm)


def tally(plan: Plan, store: str, dataset: str, category: str) -> Tally:
    """What a plan counts of one category."""
    return next(t for t in plan.tallies if (t.store, t.dataset, t.category) == (store, dataset, category))


def identity(plan: Plan) -> Tally:
    """What a plan counts of the contacts' names."""
    return tally(plan, "crm", "contacts", "user.name")
