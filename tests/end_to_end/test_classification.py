"""What a person sees of the classification: three verdicts with their evidence, in the terminal and as a page."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from calendar_texts import meeting
from command_line import inside
from fixtures_items import CalendarAccount

pytestmark = pytest.mark.slow

TOML = """
[estate]
name = "Boutique"
[controllers.STARTER]
policy = "starter"
[stores.{store}]
kind = "{kind}"
read = "{read}"
"""


def estate(folder: Path, store: str, kind: str, read: str) -> Path:
    (folder / "ardoise.toml").write_text(TOML.format(store=store, kind=kind, read=read))
    return folder


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    with sqlite3.connect(tmp_path / "shop.sqlite") as connection:
        connection.execute("CREATE TABLE clients (id INTEGER PRIMARY KEY, courriel TEXT, montant INTEGER, zz TEXT)")
        rows = [(number, f"client{number}@example.org", 3 * number, None) for number in range(30)]
        connection.executemany("INSERT INTO clients VALUES (?, ?, ?, ?)", rows)
    connection.close()
    return estate(tmp_path, "shop", "sql", "sqlite:///shop.sqlite")


def test_the_three_verdicts_are_shown_with_their_evidence_in_the_terminal_and_on_a_page(shop: Path) -> None:
    inside("scan", cwd=shop)
    said = inside("review", "--all", "--html", "review.html", cwd=shop).words
    page = (shop / "review.html").read_text()
    for field, verdict, shown, evidence in (
        ("courriel", "personal", "user.contact.email", "pattern EMAIL_ADDRESS 100 %"),
        ("montant", "not personal", "not personal", "schema a number without a name for it"),
        ("zz", "for review", "to decide", "values none to look at"),
    ):
        assert f"{field} {shown} {evidence}" in said
        line = next(each for each in page.splitlines() if f"<code>{field}</code>" in each)
        assert f">{verdict}<" in line
        assert f"<li>{evidence}</li>" in line


def test_a_missing_model_is_named_by_the_scan_and_what_to_do(shop: Path) -> None:
    path = shop / "ardoise.toml"
    path.write_text(f'{path.read_text()}[models]\ntokens = "absent"\n')
    with sqlite3.connect(shop / "shop.sqlite") as connection:
        connection.execute("ALTER TABLE clients ADD COLUMN note TEXT")
        note = "Merci de rappeler Anne Dupont au bureau demain matin avant dix heures pour la commande "
        connection.execute("UPDATE clients SET note = ? || id", [note])
    connection.close()
    said = inside("scan", cwd=shop, expect=5).words
    assert "the token classifier `absent` is not there, and nothing is ever downloaded" in said
    assert "name your own under [models]" in said


def test_r42_and_r45_a_calendar_that_nobody_declared_is_listed_and_is_inactive_until_it_is_approved(
    tmp_path: Path, calendar_account: CalendarAccount
) -> None:
    server, user = calendar_account.server, calendar_account.user
    event = meeting(1, "Rendez-vous", "ATTENDEE;CN=Anne Dupont:mailto:anne@example.org")
    server.seed(user, "work", [event])
    folder = estate(tmp_path, "calendar", "caldav", calendar_account.read_url)
    inside("scan", cwd=folder)
    proposed = folder / "proposals" / "calendar.yaml"
    proposed.write_text(
        proposed.read_text().replace('source: "*"', "source: work").replace("source: '*'", "source: work")
    )
    inside("review", "calendar", "--accept", "meetings", "--by", "dpo", cwd=folder)

    server.seed(user, "private", [event])
    said = inside("scan", cwd=folder).words
    shown = inside("review", cwd=folder).words

    assert "calendar, undeclared: private" in said
    assert "(private; not approved: it does not act)" in shown
    assert "source: private" not in (folder / "data_map" / "calendar.yaml").read_text()
