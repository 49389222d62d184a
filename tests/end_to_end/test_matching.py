"""Messages on a real IMAP server, meetings on a real CalDAV server: what they do to the contacts whom they concern."""

from __future__ import annotations

import contextlib
from pathlib import Path

import duckdb
import pytest
from approving import confirm_maps
from fixtures_items import CalendarAccount, MailAccount
from matching_cases import Case, cases
from planned_shop import NOW, TODAY, Shop, identity, make_shop

from pipelines.plan import make_plan
from pipelines.plan.artefact import Plan
from pipelines.scan.refresh import refresh
from pipelines.subjects import MATCHING

pytestmark = pytest.mark.slow

CALENDAR = """
store: calendar
datasets:
  meetings:
    source: "*"
    controller: SHOP
    tenant: shop
    own: ["*@maison.example"]
    subjects: [{kind: email, roles: [organizer, attendee]}, {kind: name, roles: [organizer, attendee], strength: name}]
    events: {contact: {at: last, roles: [organizer, attendee], of: subject}}
    fields: {summary: {category: correspondence}, attendee: {category: user.contact.email}}
    approved: {by: dpo, on: 2026-01-01}
"""
LETTERS = {
    "people 1": "kept", "addresses 6": "kept", "dates 11": "kept", "machines 8": "kept", "machines 70": "kept",
    "people 32": "undetermined", "lists 1": "undetermined", "lists 10": "undetermined", "machines 18": "undetermined",
    "addresses 11": "undetermined", "dates 12": "undetermined", "machines 79": "undetermined",
    "machines 1": "due", "machines 15": "due", "lists 33": "due", "people 2": "due",
}  # fmt: skip
MEETINGS = {
    "meetings 8": "kept", "meetings 25": "kept", "meetings 53": "kept",
    "meetings 11": "undetermined", "meetings 13": "undetermined", "meetings 47": "undetermined",
    "meetings 44": "due",
}  # fmt: skip
EXPECTED = LETTERS | MEETINGS


def theirs(case: Case, number: int) -> bytes:
    """A case about a contact of its own, by another address and name."""
    content = (
        case.content.decode().replace("@acme.example", f"@acme{number}.example").replace("Dupont", f"Dupont{number}x")
    )
    return content.encode()


@pytest.fixture
def shop(tmp_path: Path, mail_account: MailAccount, calendar_account: CalendarAccount) -> Shop:
    """One contact for each case, long due but for what its message or meeting says."""
    folder = tmp_path / "estate"
    shop = make_shop(folder, f"sqlite:///{folder / 'crm.sqlite'}", "sqlite:///crm.sqlite", "sqlite:///crm.sqlite", "")
    stores = f'kind = "imap"\nread = "{mail_account.url}"\nwrite = "{mail_account.url}"\n[stores.calendar]\n'
    stores += f'kind = "caldav"\nread = "{calendar_account.read_url}"\nwrite = "{calendar_account.write_url}"'
    shop.edit("data_map/mail.yaml", "@shop.example", "@maison.example")
    shop.edit("ardoise.toml", 'kind = "memory"\nread = "memory:"', stores)
    (folder / "data_map" / "calendar.yaml").write_text(CALENDAR)
    known = {case.id: case for case in cases()}
    letters, meetings = [], []
    for number, each in enumerate(EXPECTED, start=1):
        case = known[each]
        shop.contact(f"anne.dupont@acme{number}.example", name=f"Anne Dupont{number}x")
        if case.store == "mail":
            letters.append((theirs(case, number) + b"Bonjour\r\n", case.arrived or NOW, ()))
        else:
            meetings.append(theirs(case, number))
    mail_account.server.seed(mail_account.user, "INBOX", letters)
    calendar_account.server.seed(calendar_account.user, "work", meetings)
    confirm_maps(folder)
    return shop


def plan(shop: Shop) -> Plan:
    refresh(shop.estate, now=NOW)
    return make_plan(shop.estate, "SHOP", as_of=TODAY, today=TODAY, now=NOW)


def test_a_sure_contact_keeps_a_doubtful_one_abstains_and_a_machine_does_nothing(shop: Shop) -> None:
    made = plan(shop)
    due = [number for number, expected in enumerate(EXPECTED.values(), start=1) if expected == "due"]
    (step,) = (step for step in made.steps if step.dataset == "contacts")
    assert shop.keys(made, step.id) == due
    told = identity(made)
    assert (told.kept, told.undetermined, told.due) == tuple(
        list(EXPECTED.values()).count(state) for state in ("kept", "undetermined", "due")
    )


def test_an_index_made_by_other_rules_is_not_trusted(shop: Shop) -> None:
    plan(shop)
    with contextlib.closing(duckdb.connect(str(shop.estate.index_file))) as connection:
        connection.execute("ALTER TABLE participants DROP COLUMN contact")  # as versions before had it
        connection.execute("UPDATE scans SET binding = 'of other rules'")
    stale = make_plan(shop.estate, "SHOP", as_of=TODAY, today=TODAY, now=NOW)
    assert {note.reason for note in stale.evidence if note.store in {"mail", "calendar"}} == {
        "its mapping has changed since it was scanned"
    }
    assert identity(stale).due == 0
    assert MATCHING > 1
    assert identity(plan(shop)).due == list(EXPECTED.values()).count("due")
