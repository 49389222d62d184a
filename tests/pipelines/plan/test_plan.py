"""Plans over small estates: a CRM in PostgreSQL or SQLite, billing in SQLite, and mail, joined without moving a row."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fixtures_postgres import PostgresDatabase

from connectors.memory import MemoryConnector, MemoryStore
from connectors.sql.connector import SqlConnector
from connectors.sql.journal import Chunk
from pipelines.engine import HoldScope
from pipelines.errors import DataMapInvalid
from pipelines.estate import Estate
from pipelines.plan import make_plan
from pipelines.plan.artefact import Action, Plan, Tally
from pipelines.plan.build import EVIDENCE
from pipelines.plan.gathering import gathered, plan_context
from pipelines.plan.item_selection import DueItem, ItemSelection
from pipelines.plan.selection import StoreSelections
from pipelines.scan import index
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

    def scan(self, *, up: bool = True) -> None:
        """Index the mail."""
        self.mails.up = up
        estate = self.estate
        dataset = estate.data_maps["mail"].datasets["messages"]
        keys = SubjectKeys(estate.key, dataset.scope, dataset.own)
        source = source_of("messages", dataset)
        connector = MemoryConnector("mail", self.mails)
        index.fill(estate.index_file, connector, "messages", source, subjects=keys, now=NOW)

    def plan(self, as_of: dt.date = TODAY, *, scanned: bool = True) -> Plan:
        if scanned:
            self.scan()
        return make_plan(self.estate, "SHOP", as_of=as_of, today=TODAY, now=NOW)

    def tally(self, store: str, dataset: str, category: str, as_of: dt.date = TODAY, *, scanned: bool = True) -> Tally:
        plan = self.plan(as_of, scanned=scanned)
        return next(t for t in plan.tallies if (t.store, t.dataset, t.category) == (store, dataset, category))

    def keys(self, plan: Plan, step_id: str) -> list[Any]:
        """The keys that a step would act on, as the run would find them."""
        step = next(each for each in plan.steps if each.id == step_id)
        with self.asked(plan.as_of) as (context, found):
            connection = found.connections[step.store]
            inventory = found.inventories[step.store]
            selections = StoreSelections.prepare(
                context, step.store, connection, inventory, found.evidence, acting=True
            )
            due = selections.selection(step.dataset).due_keys(step)
            return sorted(row[0] for row in connection.execute(due))

    def items(self, plan: Plan, action: Action) -> list[DueItem]:
        step = next(each for each in plan.steps if each.store == "mail" and each.action is action)
        with self.asked(plan.as_of) as (context, found):
            return list(ItemSelection(context, found.evidence, "mail", "messages").due(step))

    @contextlib.contextmanager
    def asked(self, as_of: dt.date) -> Iterator[Any]:
        estate = self.estate
        with contextlib.closing(estate.engine()) as engine:
            context = plan_context(estate, engine, "SHOP", as_of, TODAY)
        with gathered(estate, context) as found:
            yield context, found

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.folder / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def hold(self, email: str, since: str, until: str | None = None, categories: frozenset[str] = frozenset()) -> None:
        estate = self.estate
        scope = HoldScope(subject=subject_digest(estate.key, "shop", "email", email), categories=categories)
        with contextlib.closing(estate.engine()) as engine:
            made = engine.holds.open("case-1", scope, since=dt.date.fromisoformat(since), by="legal", at=NOW)
            if until:
                engine.holds.release(made.id, until=dt.date.fromisoformat(until), by="legal", at=NOW)


def _shop(folder: Path, crm_admin: str, read: str, write: str, schema: str) -> Shop:
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
    return Shop(folder, crm)


@pytest.fixture
def sqlite_shop(tmp_path: Path) -> Shop:
    folder = tmp_path / "an estate"
    url = "sqlite:///crm.sqlite"
    return _shop(folder, f"sqlite:///{folder / 'crm.sqlite'}", url, url, "")


@pytest.fixture
def postgres_shop(tmp_path: Path, postgres_database: PostgresDatabase) -> Shop:
    return _shop(
        tmp_path / "estate", postgres_database.admin, postgres_database.read, postgres_database.write, "public."
    )


@pytest.fixture(params=["sqlite", "postgresql"])
def shop(request: pytest.FixtureRequest) -> Shop:
    name = "sqlite_shop" if request.param == "sqlite" else "postgres_shop"
    made: Shop = request.getfixturevalue(name)
    return made


def identity(shop: Shop, **given: Any) -> Tally:
    return shop.tally("crm", "contacts", "user.name", **given)


def test_r1_the_last_contract_counts_over_stores_and_an_open_one_keeps(shop: Shop) -> None:
    for email, ends in {
        "due@a.example": ["2021-05-31", "2023-06-29"],
        "kept@a.example": ["2021-05-31", "2023-06-30"],
        "Open@A.example ": ["2010-01-01"],  # as the CRM spells it
        "unknown@a.example": [None],
    }.items():
        shop.contact(email)
        for end in ends:
            shop.contract(email.strip().lower(), end)
    shop.contract("open@a.example", "2010-01-01", "running")
    plan = shop.plan()
    (step,) = (step for step in plan.steps if step.dataset == "contacts")
    assert (step.action, step.count, step.first_due) == (Action.ANONYMISE, 1, dt.date(2026, 6, 30))
    assert step.purposes == (("followup", 1),)
    assert shop.keys(plan, step.id) == [1]
    assert identity(shop) == Tally("crm", "contacts", "user.name", found=4, kept=2, due=1, undetermined=1)


def test_r4_a_message_from_a_prospect_moves_the_clock_and_nothing_else_does(shop: Shop) -> None:
    for name in ("wrote", "was_written_to", "answered_by_machine", "silent"):
        shop.contact(f"{name}@a.example")
    shop.mail("1", "2024-01-01", from_="Wrote@A.example", to="us@shop.example")
    shop.mail("2", "2024-01-01", from_="us@shop.example", to="was_written_to@a.example")
    shop.mail("3", "2024-01-01", from_="answered_by_machine@a.example", to="us@shop.example", automatic=True)
    plan = shop.plan()
    assert shop.keys(plan, "crm.contacts.anonymise.g1") == [2, 3, 4]


def test_a_weak_match_that_would_prolong_makes_undetermined_and_an_old_one_does_nothing(shop: Shop) -> None:
    shop.contact("anne.dupont@a.example")
    shop.contact("paul@a.example", name="Paul Martin")
    shop.contact("eve@a.example")
    shop.mail("1", "2024-01-01", from_="annedupont+shop@a.example", to="us@shop.example")
    shop.mail("2", "2024-01-01", from_=("pm@b.example", "Martin, Paul"), to="us@shop.example")
    shop.mail("3", "2019-01-01", from_="eve+news@a.example", to="us@shop.example")
    plan = shop.plan()
    assert shop.keys(plan, "crm.contacts.anonymise.g1") == [3]
    assert identity(shop).undetermined == 2


def test_incomplete_evidence_is_missing_for_everybody_and_refuses(shop: Shop) -> None:
    shop.contact("a@a.example")
    shop.scan()
    shop.scan(up=False)
    plan = shop.plan(scanned=False)
    assert identity(shop, scanned=False) == Tally("crm", "contacts", "user.name", found=1, undetermined=1)
    assert [(r.store, r.dataset) for r in plan.refusals] == [("mail", "messages")]
    (note,) = (note for note in plan.evidence if note.event == "contact")
    assert (note.complete, note.reason) == (False, "the store went down")


def test_a_store_that_is_down_makes_what_it_would_tell_missing_and_refuses(shop: Shop) -> None:
    shop.contact("a@a.example")
    (shop.folder / "billing.sqlite").rename(shop.folder / "elsewhere")
    plan = shop.plan()
    assert {(r.store, r.dataset) for r in plan.refusals} == {("billing", "")}
    assert not [step for step in plan.steps if step.dataset == "contacts"]


def test_an_unapproved_supplier_makes_its_events_missing(sqlite_shop: Shop) -> None:
    sqlite_shop.contact("a@a.example")
    sqlite_shop.edit("data_map/billing.yaml", "{status: {category: none}}\n    approved: {by: dpo, on: 2026-01-01}",
                     "{status: {category: none}}")  # fmt: skip
    sqlite_shop.edit("data_map/crm.yaml", "events: {collected", "events: {contract_end: {column: collected}, collected")
    plan = sqlite_shop.plan()
    assert [(n.dataset, n.reason) for n in plan.evidence if not n.complete] == [
        ("contracts", "the mapping is not approved")
    ]
    assert identity(sqlite_shop).undetermined == 1


def test_a_contact_without_an_address_is_never_due(shop: Shop) -> None:
    shop.contact(None)
    shop.contact("  ")
    assert identity(shop) == Tally("crm", "contacts", "user.name", found=2, undetermined=2)


def test_an_item_goes_when_it_is_due_for_all_and_is_redacted_while_it_stays_for_another(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    for name in ("old", "older", "client"):
        shop.contact(f"{name}@a.example", collected="2015-01-01")
    shop.contract("client@a.example", None, "running")
    shop.mail("all", "2016-01-01", from_="us@shop.example", to=["old@a.example", "older@a.example"])
    shop.mail("some", "2016-01-01", from_="us@shop.example", to=["old@a.example", "client@a.example"])
    shop.mail("none", "2016-01-01", from_="us@shop.example", to="client@a.example")
    shop.mail("ours", "2016-01-01", from_="us@shop.example", to="them@shop.example")
    shop.edit("data_map/crm.yaml", "collected: {column: collected}", "collected: {column: collected, of: subject}")
    plan = shop.plan()
    assert [(item.ref.key, item.subjects) for item in shop.items(plan, Action.DELETE)] == [("all", frozenset())]
    ((key, subjects),) = [(item.ref.key, item.subjects) for item in shop.items(plan, Action.REDACT)]
    assert key == "some"
    assert subjects == {subject_digest(shop.estate.key, "shop", "email", "old@a.example")}
    tally = shop.tally("mail", "messages", "correspondence")
    assert (tally.found, tally.kept, tally.due) == (4, 3, 1)


def test_a_past_plan_acts_on_what_was_due_then_and_still_is(shop: Shop) -> None:
    shop.contact("both@a.example", collected="2020-01-01")
    shop.contact("not_yet@a.example", collected="2022-06-01")
    shop.contact("not_any_more@a.example", collected="2020-01-01")
    shop.mail("1", "2025-01-01", from_="not_any_more@a.example", to="us@shop.example")
    plan = shop.plan(dt.date(2024, 6, 30))
    assert shop.keys(plan, "crm.contacts.anonymise.g1") == [1]


def test_what_an_overwriting_store_forgot_makes_a_past_plan_abstain(shop: Shop) -> None:
    shop.contact("a@a.example", seen="2024-09-01 10:00:00")
    technical = {"store": "crm", "dataset": "contacts", "category": "technical.ip", "as_of": dt.date(2024, 6, 30)}
    shop.edit("data_map/crm.yaml", "null: absent}", "null: absent, overwritten: true}")
    assert shop.tally(**technical).undetermined == 1
    assert any("keeps only the latest `created`" in each for each in shop.plan(dt.date(2024, 6, 30)).warnings)


def test_a_future_plan_only_plans(sqlite_shop: Shop) -> None:
    sqlite_shop.contact("a@a.example", collected="2024-01-01")
    plan = sqlite_shop.plan(dt.date(2027, 6, 30))
    assert [step.count for step in plan.steps] == [1]
    assert "lies in the future" in plan.refusals[0].reason


def test_a_hold_keeps_what_is_due_and_its_release_frees_it(shop: Shop) -> None:
    for name in ("held", "released", "free", "living"):
        shop.contact(f"{name}@a.example", collected="2025-01-01" if name == "living" else "2020-01-01")
    shop.hold("held@a.example", "2021-01-01")
    shop.hold("living@a.example", "2021-01-01")
    shop.hold("released@a.example", "2021-01-01", "2026-04-10")
    plan = shop.plan()
    (step,) = plan.steps
    assert shop.keys(plan, step.id) == [2, 3]
    assert (step.first_due, step.last_due) == (dt.date(2023, 1, 2), dt.date(2026, 4, 10))
    assert identity(shop) == Tally("crm", "contacts", "user.name", found=4, kept=1, due=2, held=1)


def test_no_hold_keeps_the_security_code(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    shop.bill("INSERT INTO payments VALUES (1, NULL, '4111', '123', '2026-06-30')")
    with contextlib.closing(shop.estate.engine()) as engine:
        engine.holds.open("case-2", HoldScope(store="billing"), since=dt.date(2020, 1, 1), by="legal", at=NOW)
    assert shop.tally("billing", "payments", "card.cvv").due == 1
    assert shop.tally("billing", "payments", "card.pan").held == 1


def test_what_is_marked_is_done_until_the_record_is_used_anew(shop: Shop) -> None:
    contact = shop.contact("a@a.example")
    shop.plan()
    estate = shop.estate
    with contextlib.closing(estate.connector("crm")) as connector:
        assert isinstance(connector, SqlConnector)
        connector.prepare()
        table = connector.table(source_of("contacts", estate.data_maps["crm"].datasets["contacts"]))
        with connector.writing() as connection, connection.begin():
            chunk = Chunk("plan", "step", "contacts", 1)
            for category, column in (("user.contact.email", "email"), ("user.name", "name")):
                connector.journal.mark(connection, chunk, table, ("id",), category, [column], sa.true())
    assert not shop.plan().steps
    assert identity(shop) == Tally("crm", "contacts", "user.name", found=1, done=1)
    with shop.crm.begin() as connection:
        connection.execute(sa.text("UPDATE contacts SET name = 'New' WHERE id = :id"), {"id": contact})
    assert not shop.plan().steps, "whose name it is nobody knows, while the address is an invented one"
    assert identity(shop).undetermined == 1
    with shop.crm.begin() as connection:
        connection.execute(sa.text("UPDATE contacts SET email = 'new@a.example' WHERE id = :id"), {"id": contact})
    assert [step.count for step in shop.plan().steps] == [1]


def test_a_parent_with_a_living_child_is_emptied_and_the_plan_names_the_child(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    shop.bill(
        "INSERT INTO invoices VALUES (1, 'F-1', '2010-12-31'), (2, 'F-2', '2010-12-31'), (3, 'F-3', '2010-12-31')"
    )
    shop.bill("INSERT INTO payments VALUES (1, 1, '4111', '123', NULL), (2, 2, '4222', '456', '2011-01-01')")
    plan = shop.plan()
    steps = {step.id: step for step in plan.steps}
    assert steps["billing.invoices.delete"].count == 2
    emptied = steps["billing.invoices.suppress.g0"]
    assert (emptied.count, emptied.blocked, emptied.suppress) == (1, (("payments", 1),), True)
    assert steps["billing.payments.delete"].order < steps["billing.invoices.delete"].order
    assert shop.keys(plan, "billing.invoices.delete") == [3]  # until the payment of the second has gone
    shop.bill("DELETE FROM payments WHERE id = 2")
    assert shop.keys(plan, "billing.invoices.delete") == [2, 3]
    assert shop.keys(plan, emptied.id) == [1]


def test_another_tenant_is_neither_found_nor_touched(shop: Shop) -> None:
    shop.contact("a@a.example", note="mine")
    shop.contact("b@a.example", tenant="other", note="theirs")
    plan = shop.plan()
    found = {(t.dataset, t.found) for t in plan.tallies if t.store == "crm"}
    assert found == {("contacts", 1), ("notes", 1)}
    assert shop.keys(plan, "crm.notes.anonymise.g0") == [1]


def test_a_plan_holds_no_personal_value_and_evidence_holds_digests_only(shop: Shop) -> None:
    shop.contact("canary@a.example", name="Canary Quillfeather", note="Canary's birthday", seen="2020-01-01 00:00:00")
    shop.contract("canary@a.example", "2015-01-01")
    shop.mail("1", "2016-01-01", from_=("canary@a.example", "Canary Quillfeather"), to="us@shop.example")
    plan = shop.plan()
    kept = (shop.estate.plan_folder(plan.digest) / EVIDENCE).read_bytes()
    for text in (json.dumps(plan.document()).lower(), kept.decode("latin-1").lower()):
        for secret in ("canary", "quillfeather", "203.0.113.9", "birthday"):
            assert secret not in text


def test_the_same_state_gives_the_same_plan_and_a_new_one_supersedes_it(shop: Shop) -> None:
    shop.contact("a@a.example")
    first, second = shop.plan(), shop.plan()
    assert first == second
    assert first.digest == second.digest
    shop.contact("b@a.example")
    third = shop.plan()
    with contextlib.closing(shop.estate.engine()) as engine:
        latest = engine.plans.latest("SHOP", TODAY)
        assert latest is not None
        assert latest.digest == third.digest
        assert engine.plans.record(first.digest).status == "superseded"


def test_limits_hold_a_plan_back(sqlite_shop: Shop) -> None:
    sqlite_shop.contact("a@a.example")
    sqlite_shop.contact("b@a.example", collected="2026-01-01")
    sqlite_shop.edit("ardoise.toml", "share = 1.0", "share = 1.0\n[limits.crm.contacts]\ncount = 0\nshare = 0.4")
    reasons = [refusal.reason for refusal in sqlite_shop.plan().refusals]
    assert reasons == ["1 of 2 records are due, the limit is 40%", "1 records are due, the limit is 0"]


def test_a_dataset_that_is_suddenly_empty_refuses(shop: Shop) -> None:
    shop.contact("a@a.example", collected="2026-01-01")
    shop.plan()
    with shop.crm.begin() as connection:
        connection.exec_driver_sql("DELETE FROM contacts")
    assert [(r.dataset, r.reason) for r in shop.plan().refusals] == [
        ("contacts", "it is suddenly empty; it held 1 records")
    ]


def test_a_map_that_names_what_is_not_there_is_refused_with_its_place(shop: Shop) -> None:
    shop.edit("data_map/crm.yaml", "seen_ip: {", "sean_ip: {")
    with pytest.raises(DataMapInvalid, match="sean_ip"):
        shop.plan()


def test_evidence_of_a_plan_survives_what_its_run_deletes(shop: Shop) -> None:
    shop.contact("a@a.example", collected="2010-01-01")
    shop.contract("a@a.example", "2025-01-01")
    plan = shop.plan()
    shop.bill("DELETE FROM contracts")
    with shop.asked(TODAY) as (context, found):
        found.evidence.merge(shop.estate.plan_folder(plan.digest) / EVIDENCE)
        selections = StoreSelections.prepare(
            context, "crm", found.connections["crm"], found.inventories["crm"], found.evidence
        )
        relation = selections.selection("contacts").relation()
        codes = found.connections["crm"].execute(sa.select(relation.c.g1_code)).scalars().all()
    assert codes == [1]  # kept by the contract that is no longer there
    assert identity(shop).due == 1  # what a plan without that memory would say
