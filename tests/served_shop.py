"""A shop with a CRM in SQLite, a mailbox on an IMAP server and a calendar on a CalDAV server."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from approving import confirm_maps
from command_line import Ran, inside
from fixtures_items import CalendarAccount, MailAccount

from pipelines.estate import Estate

US = "support@shop.example"
POLICY = """
policy: shop
controller: SHOP
time_zone: Europe/Paris
categories: {correspondence: Messages}
events: {contract_end: end, collected: point, contact: point}
facts: {client: contract_end is open}
purposes:
  contract: {basis: contract, source: §1, keeps: [user, correspondence], after: contract_end, then: anonymise}
  prospecting:
    {basis: consent, source: §2, keeps: [user, correspondence], when: not client,
     after: {latest: [collected, contact]}, for: 3 years, then: anonymise}
"""
TOML = """
[estate]
name = "Shop"
[controllers.SHOP]
policy = "shop"
[stores.mail]
kind = "imap"
read = "{mail}"
write = "{mail}"
[stores.calendar]
kind = "caldav"
read = "{calendar_read}"
write = "{calendar_write}"
[stores.crm]
kind = "sql"
read = "sqlite:///crm.sqlite"
write = "sqlite:///crm.sqlite"
last = true
[limits]
share = 1.0
"""
CRM = """
store: crm
datasets:
  contacts:
    source: contacts
    controller: SHOP
    key: [id]
    subjects: [{kind: email, columns: [email]}, {kind: name, columns: [name], strength: name}]
    events: {collected: {column: collected, of: subject}}
    fields:
      email: {category: user.contact.email}
      name: {category: user.name}
    approved: {by: dpo, on: 2026-01-01}
  contracts:
    source: contracts
    controller: SHOP
    key: [id]
    inherits: [{dataset: contacts, on: {contact_id: id}}]
    events: {contract_end: {column: ended, null: open, of: subject}}
    fields: {ended: {category: none}}
    approved: {by: dpo, on: 2026-01-01}
"""
MAIL = """
store: mail
datasets:
  messages:
    source: "*"
    controller: SHOP
    own: ["*@shop.example"]
    subjects:
    - {kind: email, roles: [from, reply_to, to, cc, bcc]}
    - {kind: name, roles: [from, reply_to, to, cc, bcc], strength: name}
    events: {contact: {at: last, roles: [from], of: subject}}
    fields:
      from: {category: user.contact.email}
      to: {category: user.contact.email}
      subject: {category: correspondence}
      body: {category: correspondence}
    approved: {by: dpo, on: 2026-01-01}
"""
CALENDAR = """
store: calendar
datasets:
  meetings:
    source: "*"
    controller: SHOP
    own: ["*@shop.example"]
    subjects: [{kind: email, roles: [organizer, attendee]}]
    fields:
      attendees: {category: user.contact.email}
      summary: {category: correspondence}
    approved: {by: dpo, on: 2026-01-01}
"""
MEETING = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//EN
BEGIN:VEVENT
UID:{uid}
DTSTAMP:20160101T080000Z
DTSTART:20160301T090000Z
DTEND:20160301T100000Z
SUMMARY:Meeting {uid}
ORGANIZER:mailto:{us}
{attendees}
END:VEVENT
END:VCALENDAR
"""


@dataclass
class ServedShop:
    """The estate, and what is behind it."""

    folder: Path
    mailbox: MailAccount
    diary: CalendarAccount
    sent: int = 0

    @property
    def estate(self) -> Estate:
        return Estate.load(self.folder)

    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.folder / "crm.sqlite")) as connection, connection:
            return connection.execute(statement, values).fetchall()

    def person(self, name: str, *, collected: str = "2015-01-01", client: bool = False) -> str:
        """Somebody in the CRM, with a running contract or none; the address."""
        address = f"{name.lower().replace(' ', '.')}@acme.example"
        ((number,),) = self.sql("SELECT count(*) + 1 FROM contacts")
        self.sql("INSERT INTO contacts VALUES (?, ?, ?, ?)", number, address, name, collected)
        if client:
            self.sql("INSERT INTO contracts VALUES (?, ?, NULL)", number, number)
        return address

    def mail(self, sender: str, to: str, year: int = 2016, folder: str = "INBOX") -> None:
        self.sent += 1
        at = dt.datetime(year, 3, 1, 9, self.sent % 60, tzinfo=dt.UTC)
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = sender, to, f"Question {self.sent}"
        message["Date"], message["Message-ID"] = at, f"<{self.sent}@shop.example>"
        message.set_content(f"Message {self.sent} of {sender} to {to}.\n")
        self.mailbox.server.seed(self.mailbox.user, folder, [(message.as_bytes(), at, ["\\Seen"])])

    def meeting(self, uid: str, *attendees: str) -> None:
        lines = "\n".join(f"ATTENDEE;CN={each.partition('@')[0]}:mailto:{each}" for each in attendees)
        text = MEETING.format(uid=uid, us=US, attendees=lines)
        self.diary.server.seed(self.diary.user, "work", [text.replace("\n", "\r\n").encode()])

    def messages(self) -> dict[str, str]:
        """The messages of the inbox by subject line, as they lie on disk."""
        folder = self.mailbox.server.mailbox(self.mailbox.user, "INBOX")
        texts = [path.read_text() for part in ("cur", "new") for path in sorted((folder / part).iterdir())]
        return {text.partition("Message ")[2].partition(" of")[0]: text for text in texts}

    def meetings(self) -> dict[str, str]:
        folder = self.diary.server.calendar(self.diary.user, "work")
        texts = [path.read_text() for path in folder.glob("*.ics")]
        return {text.partition("UID:")[2].split()[0]: text for text in texts}

    def types(self, *words: str, expect: int = 0) -> Ran:
        return inside(*words, cwd=self.folder, expect=expect)

    def plan(self, *, expect: int = 0) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.types("plan", "--json", expect=expect).out)
        return document

    def run(self) -> dict[tuple[str, str], int]:
        """Scan, plan, approve, apply; what was done, by dataset and action."""
        self.types("scan")
        plan = self.plan()
        self.types("approve", plan["digest"], "--by", "dpo")
        self.types("apply", plan["digest"])
        return acts(plan)

    def names(self, plan: dict[str, Any]) -> tuple[int, int, int]:
        """How the contacts' names stand: kept, due, undetermined."""
        (tally,) = (each for each in plan["tallies"] if each["category"] == "user.name")
        return tally["kept"], tally["due"], tally["undetermined"]


def acts(plan: dict[str, Any]) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for step in plan["steps"]:
        key = (step["dataset"], step["action"])
        found[key] = max(found.get(key, 0), step["count"])
    return found


def served_shop(folder: Path, mail_account: MailAccount, calendar_account: CalendarAccount) -> ServedShop:
    """Lay out the estate, with empty accounts but for a meeting of the shop's own."""
    for name in ("data_map", "policies"):
        (folder / name).mkdir()
    (folder / "policies" / "shop.yaml").write_text(POLICY)
    urls = {
        "mail": mail_account.url, "calendar_read": calendar_account.read_url,
        "calendar_write": calendar_account.write_url,
    }  # fmt: skip
    (folder / "ardoise.toml").write_text(TOML.format(**urls))
    for name, text in {"crm": CRM, "mail": MAIL, "calendar": CALENDAR}.items():
        (folder / "data_map" / f"{name}.yaml").write_text(text)
    confirm_maps(folder)
    made = ServedShop(folder, mail_account, calendar_account)
    made.sql("CREATE TABLE contacts (id INTEGER PRIMARY KEY, email TEXT, name TEXT, collected TEXT)")
    made.sql("CREATE TABLE contracts (id INTEGER PRIMARY KEY, contact_id INTEGER REFERENCES contacts (id), ended TEXT)")
    mail_account.server.seed(mail_account.user, "INBOX", [])
    made.meeting("our-own")
    return made
