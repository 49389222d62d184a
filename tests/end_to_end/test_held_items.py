"""A message or a meeting held as a record, from the command line to an IMAP and a CalDAV server."""

from __future__ import annotations

import datetime as dt
from contextlib import closing
from pathlib import Path

import pytest
from command_line import unseen
from fixtures_items import CalendarAccount, MailAccount
from served_shop import US, ServedShop, served_shop

from pipelines.apply import apply, items
from pipelines.cli.context import now, today
from pipelines.engine import HoldScope
from pipelines.records import item_digest
from pipelines.scan import index

pytestmark = pytest.mark.slow

SINCE = dt.date(2026, 1, 1)


@pytest.fixture
def shop(tmp_path: Path, mail_account: MailAccount, calendar_account: CalendarAccount) -> ServedShop:
    """Two persons who are due, with two messages and two meetings each, and one meeting of both."""
    made = served_shop(tmp_path, mail_account, calendar_account)
    for person in (made.person("Old Hand"), made.person("Older Hand")):
        for number in (1, 2):
            made.mail(person, US)
            made.meeting(f"{person.partition('@')[0]}{number}", person)
    made.meeting("both", "old.hand@acme.example", "older.hand@acme.example")
    return made


def places(shop: ServedShop, dataset: str) -> list[tuple[str, str]]:
    """Folder and key of everything that the last scan saw in a dataset."""
    with index.read(shop.estate.index_file) as connection:
        query = "SELECT container, key FROM items WHERE dataset = ? ORDER BY first, key"
        return [(str(folder), str(key)) for folder, key in connection.execute(query, [dataset]).fetchall()]


def hold(shop: ServedShop, store: str, dataset: str, key: str) -> str:
    words = ["hold", "open", f"CASE-{store}", "--store", store, "--dataset", dataset, "--record", "--by", "legal"]
    return unseen([*words, "--since", f"{SINCE}"], [key], shop.folder)


def release(shop: ServedShop, store: str) -> None:
    for by in ("legal", "dpo"):
        shop.types("hold", "release", f"CASE-{store}", "--by", by)


def test_a_held_message_and_a_held_meeting_stay_as_they_are_and_go_after_the_release(shop: ServedShop) -> None:
    shop.types("scan")
    (_, message), *_ = places(shop, "messages")
    folder = shop.diary.server.calendar(shop.diary.user, "work")
    (file,) = (path.name for path in folder.glob("*.ics") if "UID:old.hand1" in path.read_text())
    (meeting,) = (key for _, key in places(shop, "meetings") if key.endswith(f"/{file}"))
    messages, meetings = shop.messages(), shop.meetings()

    said = hold(shop, "mail", "messages", message)
    hold(shop, "calendar", "meetings", meeting)
    assert "Hold 1 opened" in said
    assert message not in said
    shop.run()

    assert shop.messages() == {"1": messages["1"]}
    assert shop.meetings() == {uid: meetings[uid] for uid in ("old.hand1", "our-own")}
    assert shop.sql("SELECT count(*) FROM contacts WHERE email LIKE '%@acme.example'") == [(0,)]

    release(shop, "mail")
    release(shop, "calendar")
    shop.run()

    assert not shop.messages()
    assert set(shop.meetings()) == {"our-own"}


def test_the_key_of_a_held_record_is_neither_shown_nor_in_the_engine_database(shop: ServedShop) -> None:
    shop.types("scan")
    (_, message), *_ = places(shop, "messages")

    said = hold(shop, "mail", "messages", message)

    assert message not in said
    state = [path for path in (shop.folder / ".ardoise").rglob("*") if path.name.startswith("engine.sqlite")]
    assert state
    assert [path.name for path in state if message.encode() in path.read_bytes()] == []
    assert "one person or record" in shop.types("hold", "list").words


@pytest.mark.parametrize(("store", "dataset"), [("mail", "messages"), ("calendar", "meetings")])
def test_what_is_held_while_the_run_acts_stays_from_the_next_batch_on(
    shop: ServedShop, store: str, dataset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(items, "BATCH", 1)
    shop.types("scan")
    digest = str(shop.plan()["digest"])
    shop.types("approve", digest, "--by", "dpo")
    before = shop.messages() if store == "mail" else shop.meetings()
    acted: list[str] = []

    def checkpoint(point: str) -> None:
        if point == "acted" and not acted:
            acted.append(point)
            with closing(shop.estate.engine()) as engine:
                for place in places(shop, dataset):  # in which order they are acted on, chance says
                    record = item_digest(shop.estate.key, store, dataset, *place)
                    engine.holds.open("CASE-1", HoldScope(store, dataset, record), since=SINCE, by="legal", at=now())

    apply(
        shop.estate, digest, now=now(), today=today(shop.estate), actor="tests", stores=[store], retries=(),
        checkpoint=checkpoint,
    )  # fmt: skip

    assert acted
    left = shop.messages() if store == "mail" else shop.meetings()
    assert len(left) == len(before) - 1 > len({"our-own"} & set(left))


def test_a_held_message_that_somebody_moves_keeps_the_mailbox_until_it_is_found(shop: ServedShop) -> None:
    shop.types("scan")
    (_, message), *_ = places(shop, "messages")
    hold(shop, "mail", "messages", message)
    folder = shop.mailbox.server.mailbox(shop.mailbox.user, "INBOX")
    moved = next(
        path for part in ("cur", "new") for path in (folder / part).iterdir() if "Message 1 " in path.read_text()
    )
    content = moved.read_bytes()
    moved.unlink()
    shop.mailbox.server.seed(
        shop.mailbox.user, "Elsewhere", [(content, dt.datetime(2016, 3, 1, tzinfo=dt.UTC), ["\\Seen"])]
    )

    shop.types("scan")
    plan = shop.plan()

    assert not [step for step in plan["steps"] if step["store"] == "mail"]
    assert any("did not see" in each for each in plan["warnings"])


def test_a_key_that_the_last_scan_has_not_seen_opens_no_hold(shop: ServedShop) -> None:
    shop.types("scan")
    words = ["hold", "open", "CASE-1", "--store", "mail", "--dataset", "messages", "--record", "--by", "legal"]

    said = unseen(words, ["1.99.INBOX"], shop.folder, expect=2)

    assert "there is no such record" in said
    assert "CASE-1" not in shop.types("hold", "list").out
