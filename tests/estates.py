"""A small estate made by hand: a CRM, a billing file and, where an account is given, a mailbox.

Ten people of the tenant `julien`, and two of another. The odd ones' contracts ended on 2019-05-01: on 2026-06-30
they are due, and so are their contracts. The even ones' contracts run. Web logs are due when older than a year.
"""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Protocol

import by_hand
from approving import confirm_maps

from pipelines.estate import Estate

AS_OF = dt.date(2026, 6, 30)
NOW = dt.datetime(2026, 6, 30, 12, tzinfo=dt.UTC)
PEOPLE = range(1, 13)
DUE = (1, 3, 5, 7, 9)
LOGS = 40
"""Web logs, every other one older than a year; the last two are of the other tenant."""

CRM = """
CREATE TABLE contacts (id INTEGER PRIMARY KEY, tenant VARCHAR(20) NOT NULL, email VARCHAR(80) NOT NULL UNIQUE,
  first_name VARCHAR(40), last_name VARCHAR(40), phone VARCHAR(30), birth_date DATE, region VARCHAR(20),
  locale VARCHAR(5));
CREATE TABLE notes (id INTEGER PRIMARY KEY, contact_id INTEGER NOT NULL REFERENCES contacts (id), body TEXT NOT NULL);
CREATE INDEX notes_contact ON notes (contact_id);
CREATE TABLE web_logs (id INTEGER PRIMARY KEY, tenant VARCHAR(20) NOT NULL, ip VARCHAR(45), url TEXT,
  at TIMESTAMP NOT NULL, cents INTEGER NOT NULL)
"""
BILLING = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT NOT NULL, last_name TEXT);
CREATE TABLE contracts (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers (id),
  number TEXT, ended_on TEXT, status TEXT NOT NULL);
CREATE INDEX contracts_customer ON contracts (customer_id)
"""

_STORE = """
[stores.NAME]
kind = "KIND"
read = "file:connections/NAME.read"
write = "file:connections/NAME.write"
"""
_TOML = """
[estate]
name = "Small"

[controllers.JULIEN]
policy = "small"
"""
_POLICY = """
policy: small
controller: JULIEN
time_zone: Europe/Paris
categories: {correspondence: Mail and notes, technical: Logs, contract: Contracts}
events: {contract_end: end, created: point, last_inbound_contact: point}
purposes:
  contract_running:
    basis: contract
    source: Test, 1
    keeps: [user, correspondence]
    after: contract_end
    then: anonymise
  followup:
    basis: legitimate_interest
    source: Test, 2
    keeps: [user, correspondence]
    after: LAST
    for: 3 years
    then: anonymise
  evidence:
    basis: legal_claim
    source: Test, 3
    keeps: [contract.evidence]
    after: contract_end
    for: 5 years
    then: delete
  logs:
    basis: legitimate_interest
    source: Test, 4
    keeps: [technical]
    after: created
    for: 1 year
    then: delete
"""
_LIMITS = """
[limits]
share = 1.0
"""
_MAPS = {
    "crm": """
store: crm
datasets:
  contacts:
    source: SCHEMAcontacts
    controller: JULIEN
    tenant: julien
    key: [id]
    where: {tenant: [julien]}
    subjects: [{kind: email, columns: [email], strength: canonical}]
    fields:
      email: {category: user.contact.email}
      first_name: {category: user.name.first, options: {locale: locale}}
      last_name: {category: user.name.last}
      phone: {category: user.contact.phone_number}
      birth_date: {category: user.demographic.date_of_birth}
      region: {category: none}
      locale: {category: none}
    statistics: [{name: contacts, by: [{column: region}]}]
    approved: {by: dpo, on: 2026-06-01}
  notes:
    source: SCHEMAnotes
    controller: JULIEN
    tenant: julien
    key: [id]
    inherits: [{dataset: contacts, on: {contact_id: id}}]
    fields:
      body: {category: correspondence, technique: redact}
    approved: {by: dpo, on: 2026-06-01}
  web_logs:
    source: SCHEMAweb_logs
    controller: JULIEN
    tenant: julien
    key: [id]
    where: {tenant: [julien]}
    events:
      created: {column: at}
    fields:
      ip: {category: technical.ip}
      url: {category: technical.url}
      at: {category: none}
      cents: {category: none}
    statistics: [{name: visits, sum: cents, by: [{column: at, by: month}]}]
    approved: {by: dpo, on: 2026-06-01}
""",
    "billing": """
store: billing
datasets:
  customers:
    source: customers
    controller: JULIEN
    tenant: julien
    key: [id]
    subjects: [{kind: email, columns: [email], strength: canonical}]
    fields:
      email: {category: user.contact.email}
      last_name: {category: user.name.last}
    approved: {by: dpo, on: 2026-06-01}
  contracts:
    source: contracts
    controller: JULIEN
    tenant: julien
    key: [id]
    inherits: [{dataset: customers, on: {customer_id: id}}]
    events:
      contract_end: {column: ended_on, open_if: {column: status, values: [running]}, of: subject}
    fields:
      number: {category: contract.evidence}
      ended_on: {category: none}
      status: {category: none}
    approved: {by: dpo, on: 2026-06-01}
""",
    "mail": """
store: mail
datasets:
  messages:
    source: "*"
    controller: JULIEN
    tenant: julien
    own: ["*@julien-commerce.example"]
    subjects: [{kind: email, roles: [from, reply_to, to, cc, bcc], strength: canonical}]
    events:
      last_inbound_contact: {at: last, roles: [from], human: true, of: subject}
    fields:
      from: {category: user.contact.email}
      to: {category: user.contact.email}
      subject: {category: correspondence}
      body: {category: correspondence}
    approved: {by: dpo, on: 2026-06-01}
""",
}


class Mailbox(Protocol):
    """An account on a real server, as `fixtures_items.MailAccount`."""

    server: Any
    user: str

    @property
    def url(self) -> str: ...


@dataclass(frozen=True)
class SmallEstate:
    """The folder, and administrators' access to the SQL stores."""

    folder: Path
    crm: str
    billing: str
    mailbox: Mailbox | None

    @property
    def estate(self) -> Estate:
        return Estate.load(self.folder)

    def rows(self, store: str, table: str) -> list[dict[str, Any]]:
        """Every row of a table, in the order of its key."""
        return by_hand.rows(self._url(store), table)

    def execute(self, store: str, statement: str) -> None:
        """Change something by hand."""
        by_hand.execute(self._url(store), statement)

    def _url(self, store: str) -> str:
        return self.crm if store == "crm" else self.billing

    def copied(self, folder: Path) -> SmallEstate:
        """The same with its stores, plans and ledger in another folder; for stores that are files."""
        shutil.copytree(self.folder, folder)
        urls = {store: f"sqlite:///{folder / store}.sqlite" for store in ("crm", "billing")}
        for store, url in urls.items():
            for use in ("read", "write"):
                (folder / "connections" / f"{store}.{use}").write_text(url)
        return SmallEstate(folder, urls["crm"], urls["billing"], None)

    def messages(self) -> list[bytes]:
        """Every message of the inbox as it lies on disk, in order."""
        assert self.mailbox is not None
        folder = self.mailbox.server.mailbox(self.mailbox.user, "INBOX")
        return sorted(path.read_bytes() for part in ("cur", "new") for path in (folder / part).iterdir())


def address(number: int) -> str:
    """A person's address."""
    return f"person{number}@acme.example"


def small_estate(folder: Path, crm: tuple[str, str, str] | None = None, mailbox: Mailbox | None = None) -> SmallEstate:
    """Make the estate and its stores.

    Args:
        folder: where; empty.
        crm: URLs of the CRM for its administrator, reading and writing; a SQLite file when None.
        mailbox: an account whose inbox is to be filled.
    """
    (folder / "connections").mkdir(parents=True)
    for name in ("data_map", "policies"):
        (folder / name).mkdir()
    last = "{latest: [contract_end, last_inbound_contact]}" if mailbox else "contract_end"
    (folder / "policies" / "small.yaml").write_text(_POLICY.replace("LAST", last))
    billing = _file(folder / "billing.sqlite")
    admin, read, write = crm or (_file(folder / "crm.sqlite"),) * 3
    urls = {"billing": (billing, billing), "crm": (read, write)}
    toml = _TOML + _store("billing", "sql")
    if mailbox is not None:
        urls["mail"] = (mailbox.url, mailbox.url)
        toml += _store("mail", "imap")
        mailbox.server.seed(mailbox.user, "INBOX", _mails())
    (folder / "ardoise.toml").write_text(toml + _store("crm", "sql") + "last = true\n" + _LIMITS)
    for name, (reading, writing) in urls.items():
        (folder / "connections" / f"{name}.read").write_text(reading)
        (folder / "connections" / f"{name}.write").write_text(writing)
        schema = "public." if admin.startswith("postgresql") else ""
        (folder / "data_map" / f"{name}.yaml").write_text(_MAPS[name].replace("SCHEMA", schema))
    _fill_crm(admin)
    _fill_billing(billing)
    confirm_maps(folder)
    return SmallEstate(folder, admin, billing, mailbox)


def _store(name: str, kind: str) -> str:
    return _STORE.replace("NAME", name).replace("KIND", kind)


def _file(path: Path) -> str:
    path.touch()
    return f"sqlite:///{path}"


def _fill_crm(url: str) -> None:
    contacts = [
        {
            "id": n, "tenant": "julien" if n <= 10 else "other", "email": address(n), "first_name": f"First{n}",
            "last_name": f"Lastname{n}", "phone": f"06 12 34 56 {n:02}", "birth_date": f"19{60 + n}-03-09",
            "region": ["Bretagne", "Alsace", None][n % 3], "locale": "fr_FR" if n % 2 else "en_GB",
        }
        for n in PEOPLE
    ]  # fmt: skip
    notes = [{"id": 10 * n + k, "contact_id": n, "body": f"Called Lastname{n}."} for n in PEOPLE for k in (1, 2)]
    logs = [
        {
            "id": n, "tenant": "julien" if n <= LOGS - 2 else "other", "ip": f"203.0.113.{n}", "url": f"/p?u={n}",
            "at": f"{2024 if n % 2 else 2026}-0{1 + n % 4}-11 08:00:00", "cents": n,
        }
        for n in range(1, LOGS + 1)
    ]  # fmt: skip
    by_hand.fill(url, CRM, {"contacts": contacts, "notes": notes, "web_logs": logs})


def _fill_billing(url: str) -> None:
    customers = [{"id": n, "email": address(n), "last_name": f"Lastname{n}"} for n in range(1, 11)]
    contracts = [
        {
            "id": n, "customer_id": n, "number": f"K-{n}", "ended_on": "2019-05-01" if n in DUE else None,
            "status": "ended" if n in DUE else "running",
        }
        for n in range(1, 11)
    ]  # fmt: skip
    by_hand.fill(url, BILLING, {"customers": customers, "contracts": contracts})


def _mails() -> list[tuple[bytes, dt.datetime, list[str]]]:
    """From each person to the company; from each odd one to the next even one, too. All of 2018."""
    company = "support@julien-commerce.example"
    pairs = [(address(n), company) for n in range(1, 11)] + [(address(n), address(n + 1)) for n in DUE]
    found = []
    for number, (sender, to) in enumerate(pairs):
        at = dt.datetime(2018, 3, 1 + number, 9, tzinfo=dt.UTC)
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = f"Somebody <{sender}>", to, f"Question {number}"
        mail["Date"], mail["Message-ID"] = at, f"<{number}@acme.example>"
        mail.set_content(f"Hello, please write to {sender}.\n")
        found.append((mail.as_bytes(), at, ["\\Seen"]))
    return found
