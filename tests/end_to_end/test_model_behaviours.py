"""Whose clock: several subjects, uncertain matches, incomplete evidence; over real mail and calendar servers.

A CRM in SQLite, a mailbox on an IMAP server and a calendar on a CalDAV server; typed at as a person does.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from fixtures_items import CalendarAccount, MailAccount
from served_shop import US, ServedShop, served_shop

from pipelines.cli.context import now
from pipelines.estate import Estate
from pipelines.scan import scan

pytestmark = pytest.mark.slow


@pytest.fixture
def shop(tmp_path: Path, mail_account: MailAccount, calendar_account: CalendarAccount) -> ServedShop:
    return served_shop(tmp_path, mail_account, calendar_account)


def test_a_mail_due_for_one_is_redacted_while_another_keeps_it_and_goes_when_due_for_all(shop: ServedShop) -> None:
    old, older, client = shop.person("Old Hand"), shop.person("Older Hand"), shop.person("Good Client", client=True)
    shop.mail(old, client)
    shop.mail(old, older)
    shop.mail(client, US)
    before = shop.messages()

    done = shop.run()

    after = shop.messages()
    assert done["messages", "delete"] == 1
    assert done["messages", "redact"] == 1
    assert set(after) == {"1", "3"}
    assert after["3"] == before["3"], "what is not due is byte for byte as it was"
    assert old not in after["1"]
    assert client in after["1"]
    assert shop.sql("SELECT email FROM contacts WHERE id = 3") == [(client,)]

    shop.sql("UPDATE contracts SET ended = '2016-06-01'")
    shop.run()

    assert not shop.messages()
    assert shop.sql("SELECT count(*) FROM contacts WHERE email LIKE '%@acme.example'") == [(0,)]


def test_a_meeting_due_for_one_loses_that_attendee_and_stays_for_the_other(shop: ServedShop) -> None:
    old, client = shop.person("Old Hand"), shop.person("Good Client", client=True)
    shop.meeting("both", old, client)
    shop.meeting("alone", old)
    shop.meeting("kept", client)
    before = shop.meetings()

    shop.run()

    after = shop.meetings()
    assert "alone" not in after
    assert after["kept"] == before["kept"]
    assert after["our-own"] == before["our-own"]
    assert old not in after["both"]
    assert client in after["both"]
    assert "DTSTART:20160301T090000Z" in after["both"]


def test_a_weak_match_that_would_prolong_is_never_due_and_destroys_nothing(shop: ServedShop) -> None:
    shop.person("Anne Dupont")
    shop.person("Paul Martin")
    silent = shop.person("Silent Prospect")
    shop.person("Eve Bernard")
    recent = now().year
    shop.mail("anne.dupont+shop@acme.example", US, year=recent - 1)
    shop.mail('"Paul Martin" <pm@elsewhere.example>', US, year=recent - 1)
    shop.mail("eve.bernard+news@acme.example", US, year=2016)
    before = shop.sql("SELECT * FROM contacts WHERE id IN (1, 2) ORDER BY id")
    shop.types("scan")

    plan = shop.plan()

    assert shop.names(plan) == (0, 2, 2)
    shop.run()
    assert shop.sql("SELECT * FROM contacts WHERE id IN (1, 2) ORDER BY id") == before
    assert shop.sql("SELECT count(*) FROM contacts WHERE email IN (?, 'eve.bernard@acme.example')", silent) == [(0,)]


def test_a_mailbox_that_is_down_makes_nobody_due(shop: ServedShop) -> None:
    shop.person("Old Hand")
    shop.types("scan")
    assert shop.names(shop.plan()) == (0, 1, 0)

    shop.mailbox.server.kill()
    shop.types("scan", expect=5)
    plan = shop.plan(expect=5)

    assert shop.names(plan) == (0, 0, 1)
    assert not [step for step in plan["steps"] if step["store"] == "crm"]
    assert any(not note["complete"] and note["store"] == "mail" for note in plan["evidence"])
    assert shop.types("approve", plan["digest"], "--by", "dpo", expect=4).err


def test_a_scan_cut_short_is_incomplete_and_a_whole_one_mends_it(shop: ServedShop) -> None:
    """The server dies between two folders: what was not seen is unknown, never absent."""
    shop.person("Old Hand")
    for folder in ("INBOX", "Support", "Support/Closed"):
        shop.mail("somebody@acme.example", US, folder=folder)
    estate = Estate.load(shop.folder)
    told: list[str] = []

    def dies(stage: str, done: int, total: int | None = None, detail: str = "") -> None:
        if stage == "index mail" and done and not told:
            told.append(f"{done} read")
            shop.mailbox.server.kill()

    result = scan(estate, ["mail"], dies, now=now())
    shop.types("scan", "calendar")

    assert told == ["1 read"]
    assert not result.complete
    shop.mailbox.server.start()
    assert shop.names(shop.plan(expect=5)) == (0, 0, 1)
    shop.types("scan")
    assert shop.names(shop.plan()) == (0, 1, 0)


def test_a_mailbox_that_was_never_scanned_makes_nobody_due(shop: ServedShop) -> None:
    shop.person("Old Hand")

    plan = shop.plan(expect=5)

    assert shop.names(plan) == (0, 0, 1)
    assert any("never scanned" in refusal["reason"] for refusal in plan["refusals"])
