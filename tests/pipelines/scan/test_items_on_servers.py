"""The index filled from real IMAP and CalDAV servers."""

from __future__ import annotations

import datetime as dt
from contextlib import closing
from email.message import EmailMessage
from pathlib import Path

import pytest
from calendar_texts import meeting
from fixtures_items import CalendarAccount, MailAccount

from connectors.base import Source
from connectors.caldav import CaldavConnector
from connectors.digests import DigestKey
from connectors.imap import ImapConnector
from pipelines import subjects
from pipelines.classify import Verdict
from pipelines.progress import silent
from pipelines.scan import filling, index
from pipelines.scan.looking import look
from pipelines.scan.participants import SubjectKeys

NOW = dt.datetime(2026, 6, 30, tzinfo=dt.UTC)
KEYS = SubjectKeys(DigestKey(b"i" * 32, b"o" * 32), "julien", ("*@slate.example",))
CANARY = "quatremere"


def letter(number: int, **headers: str) -> bytes:
    message = EmailMessage()
    message["From"] = f"Zéphyrine {CANARY} <{CANARY}{number}@example.org>"
    message["To"] = "Sales <sales@slate.example>"
    message["Subject"] = "Bonjour"
    message["Date"] = "Fri, 01 Mar 2024 10:00:00 +0100"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content("Bonjour, merci de rappeler Madame Éloïse Garnier au 06 12 34 56 78.")
    return bytes(message)


def event(number: int) -> bytes:
    return meeting(number, f"Rendez-vous {number}", f"ATTENDEE;CN=Person:mailto:{CANARY}{number}@example.org")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "index.duckdb"


@pytest.mark.slow
def test_mail_enters_the_index_with_automatic_mail_marked(mail_account: MailAccount, path: Path) -> None:
    letters = [letter(1), letter(2), letter(3, Auto_Submitted="auto-replied")]
    mail_account.server.seed(mail_account.user, "INBOX", [(each, NOW, ()) for each in letters])
    with closing(ImapConnector("mail", mail_account.url, mail_account.url)) as connector:
        scan = filling.fill(path, connector, "messages", Source("messages", "*"), subjects=KEYS, now=NOW)
        seen = look(connector, silent)

    assert (scan.complete, scan.items) == (True, 3)
    expected = subjects.subject_digest(KEYS.key, "julien", "email", f"{CANARY}1@example.org")
    with index.read(path) as connection:
        people = connection.execute("SELECT count(*) FROM participants WHERE digest = ?", [expected]).fetchall()
        automatic = connection.execute("SELECT count(*) FROM items WHERE automatic").fetchall()
        own = connection.execute("SELECT DISTINCT role FROM participants WHERE own").fetchall()
    assert (people, automatic, own) == ([(1,)], [(1,)], [("to",)])
    assert CANARY.encode() not in path.read_bytes().lower()
    said = {each.column: each.verdict for each in seen.verdicts["INBOX"]}
    assert said["body"] is said["from"] is Verdict.PERSONAL


def test_meetings_enter_the_index(calendar_account: CalendarAccount, path: Path) -> None:
    objects = [event(number) for number in range(3)]
    calendar_account.server.seed(calendar_account.user, "work", objects)
    with closing(CaldavConnector("calendar", calendar_account.read_url, calendar_account.write_url)) as connector:
        scan = filling.fill(path, connector, "meetings", Source("meetings", "*"), subjects=KEYS, now=NOW)
        locations = [shape.location for shape in look(connector, silent).inventory.datasets]

    assert (scan.complete, scan.items) == (True, 3)
    assert locations == ["work"]
    with index.read(path) as connection:
        days = connection.execute("SELECT DISTINCT last::DATE FROM items").fetchall()
        roles = connection.execute("SELECT role, own, count(*) FROM participants GROUP BY ALL ORDER BY ALL").fetchall()
    assert days == [(dt.date(2024, 3, 1),)]
    assert roles == [("attendee", False, 3), ("organizer", True, 3)]
