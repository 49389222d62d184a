"""The order in which messages came, on a real Dovecot: does it tell whose a redacted message was?"""

from __future__ import annotations

import datetime as dt
import os
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path

import by_hand
import pandas as pd
import pytest
from approving import confirm_maps
from dovecot_server import PASSWORD, USER, DovecotServer, installed
from imapclient import IMAPClient

from benchmarks.attack.joins import PERSON
from benchmarks.attack.ranks import NOBODY, Guess, lined_up, ranks
from pipelines.apply import apply
from pipelines.estate import Estate
from pipelines.plan import make_plan
from pipelines.scan import scan

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

NOW = dt.datetime(2026, 6, 30, 12, tzinfo=dt.UTC)
PEOPLE = range(1, 241)
"""The odd ones were last seen in 2018, and each wrote to the next even one, who was seen this year."""
POLICY = """
policy: shop
controller: SHOP
time_zone: Europe/Paris
categories: {correspondence: Mail}
events: {seen: point}
purposes:
  known: {basis: contract, source: §1, keeps: [user, correspondence], after: seen, for: 3 years, then: anonymise}
"""
ESTATE = """
[estate]
name = "Shop"
[controllers.SHOP]
policy = "shop"
[stores.mail]
kind = "imap"
read = "{mail}"
write = "{mail}"
[stores.crm]
kind = "sql"
read = "{crm}"
write = "{crm}"
[limits]
share = 1.0
"""
MAPS = {
    "crm": """
store: crm
datasets:
  contacts:
    source: contacts
    controller: SHOP
    key: [id]
    subjects: [{kind: email, columns: [email]}]
    events: {seen: {column: seen_on, of: subject}}
    fields: {email: {category: user.contact.email}, seen_on: {category: none}}
    approved: {by: dpo, on: 2026-06-01}
""",
    "mail": """
store: mail
datasets:
  messages:
    source: "*"
    controller: SHOP
    own: ["*@shop.example"]
    subjects: [{kind: email, roles: [from, reply_to, to, cc, bcc]}]
    fields: {from: {category: user.contact.email}, to: {category: user.contact.email}, body: {category: correspondence}}
    approved: {by: dpo, on: 2026-06-01}
""",
}


@dataclass(frozen=True)
class Shop:
    """The estate, and its mailbox as any client sees it."""

    folder: Path
    client: IMAPClient

    def fill(self, *, arriving: bool) -> None:
        """Import what everybody wrote, person by person: at one moment, or each message on the day on which it came."""
        for number in PEOPLE:
            mail = EmailMessage()
            mail["From"], mail["To"] = address(number), address(number + number % 2) if number % 2 else "a@shop.example"
            mail["Message-ID"], mail["Subject"] = f"<{number}@shop.example>", "A question"
            came = dt.datetime(2018, 1, 1, 9, tzinfo=dt.UTC) + dt.timedelta(days=number if arriving else 0)
            mail["Date"] = came
            mail.set_content("Hello, when do you open?\n")
            self.client.append("INBOX", mail.as_bytes(), (), came)

    def run(self) -> None:
        """Scan, plan, approve, apply."""
        estate = Estate.load(self.folder)
        assert all(store.complete for store in scan(estate, stores=["mail"], now=NOW).stores)
        plan = make_plan(estate, "SHOP", as_of=NOW.date(), today=NOW.date(), now=NOW, by="tests")
        with closing(estate.engine()) as engine:
            engine.approvals.approve(plan.digest, by="dpo", at=NOW, expires=NOW + dt.timedelta(days=1))
        summary = apply(estate, plan.digest, now=NOW, today=NOW.date(), actor="tests", retries=())
        assert summary.complete
        assert summary.counts["redacted"] == len(PEOPLE) // 2

    def guesses(self) -> dict[str, Guess]:
        """What each order of the mailbox tells at best, beside a list of everybody in the order of arrival."""
        mails = self._mails()
        spelled = [sorted(map(str, PEOPLE)).index(str(number)) for number in PEOPLE]  # as texts are sorted
        listed = pd.DataFrame({PERSON: list(PEOPLE), NOBODY: False, "number": list(PEOPLE), "spelled": spelled})
        found: dict[str, Guess] = {}
        for each in [*ranks(mails, listed), *lined_up(mails, listed)]:
            found[each.left] = max(each, found.get(each.left, each), key=lambda guess: guess.found)
        return found

    def _mails(self) -> pd.DataFrame:
        """Of each message what has an order; that of who is due is nobody's, whether a run has been or not."""
        self.client.select_folder("INBOX", readonly=True)
        rows = []
        for uid, told in self.client.fetch(self.client.search("ALL"), ["INTERNALDATE", "BODY.PEEK[HEADER]"]).items():
            header = message_from_bytes(told[b"BODY[HEADER]"])
            whose = int(header["Message-ID"].strip("<").partition("@")[0])
            marker = header["X-Ardoise-Operation"]
            row = {PERSON: whose, NOBODY: bool(whose % 2), "uid": uid, "arrived": told[b"INTERNALDATE"].timestamp()}
            rows.append({**row, "marker": float(int(marker.rpartition("-")[2], 16)) if marker else None})
        return pd.DataFrame(rows)


def address(number: int) -> str:
    """A person's address."""
    return f"person{number}@acme.example"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    if not installed():
        missing = pytest.fail if os.environ.get("ARDOISE_CI") else pytest.skip
        missing("Dovecot is not installed; on Debian: apt-get install dovecot-imapd")
    crm = tmp_path / "crm.sqlite"
    crm.touch()
    seen = [
        {"id": n, "email": address(n), "seen_on": "2018-06-01" if n % 2 else "2026-06-01"} for n in PEOPLE
    ]  # fmt: skip
    schema = "CREATE TABLE contacts (id INTEGER PRIMARY KEY, email TEXT NOT NULL, seen_on TEXT)"
    by_hand.fill(f"sqlite:///{crm}", schema, {"contacts": seen})
    folder = tmp_path / "estate"
    for place in ("policies", "data_map"):
        (folder / place).mkdir(parents=True)
    (folder / "policies" / "shop.yaml").write_text(POLICY, encoding="utf-8")
    for store, text in MAPS.items():
        (folder / "data_map" / f"{store}.yaml").write_text(text, encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix="dovecot-") as place, DovecotServer(Path(place)) as server:
        toml = ESTATE.format(mail=server.url(), crm=f"sqlite:///{crm}")
        (folder / "ardoise.toml").write_text(toml, encoding="utf-8")
        confirm_maps(folder)
        client = IMAPClient("127.0.0.1", server.port, ssl=False)
        client.login(USER, PASSWORD)
        yield Shop(folder, client)
        client.logout()


def test_numbers_of_messages_do_not_tell_whose_they_were(shop: Shop) -> None:
    """Copies stand behind everything else, in an order that is drawn, and their marker names no original."""
    shop.fill(arriving=False)
    before = shop.guesses()["uid"]
    assert before.found / before.persons > 0.9, "imported person by person, the number says who it was"
    shop.run()
    after = shop.guesses()
    assert after.keys() == {"uid", "marker"}
    assert not [each for each in after.values() if each.betrays or each.found / each.persons > 0.1]


def test_the_day_on_which_a_message_came_stays_as_long_as_it_lives_for_others(shop: Shop) -> None:
    """It is the correspondence of who is still there, whose periods depend on it: what `docs/anonymisation.md` says."""
    shop.fill(arriving=True)
    shop.run()
    after = shop.guesses()
    assert after["arrived"].betrays
    assert not any(after[name].betrays for name in ("uid", "marker"))
