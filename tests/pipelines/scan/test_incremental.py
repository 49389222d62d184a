"""The index that follows its stores, scan after scan, is the one that a scan from scratch makes: on real servers."""

from __future__ import annotations

import datetime as dt
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import httpx
import pytest
from calendar_texts import meeting
from dovecot_server import PASSWORD, USER, DovecotServer, installed
from fixtures_items import CalendarAccount, MailAccount
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from imapclient import IMAPClient

from connectors.base import Connector, Source
from connectors.caldav import CaldavConnector
from connectors.changes import Changes, Known
from connectors.digests import DigestKey
from connectors.errors import ScanIncomplete
from connectors.imap import ImapConnector
from connectors.reading_only import ReadingOnly
from pipelines.scan import filling, index
from pipelines.scan.participants import SubjectKeys

pytestmark = pytest.mark.slow

NOW = dt.datetime(2026, 6, 30, tzinfo=dt.UTC)
KEYS = SubjectKeys(DigestKey(b"i" * 32, b"o" * 32), "julien", ("*@slate.example",))
EVERYTHING = Source("items", "*", exclude=("Trash",))
NAMES = ("INBOX", "Support", "Projets/Été", "Trash")
NUMBERS = itertools.count(1)

operations = st.tuples(
    st.sampled_from(["add", "add", "change", "remove", "move", "rename", "drop", "rebuild", "break"]),
    st.integers(0, 20),
    st.integers(0, 20),
)
sequences = st.lists(st.lists(operations, min_size=0, max_size=4), min_size=2, max_size=5)
quick = settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking takes minutes over servers
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class World(Protocol):
    """A store that another client changes; ``apply`` does what an operation says, if it can be done now."""

    connector: Connector

    def empty(self) -> None: ...
    def apply(self, kind: str, one: int, other: int) -> None: ...


class MailWorld:
    """Mailboxes on a real server. Messages do not change; their flags do."""

    def __init__(self, account: MailAccount) -> None:
        self.account = account
        self.connector: Connector = ImapConnector("mail", account.url, account.url)
        self.client = IMAPClient("127.0.0.1", account.server.port, ssl=False)
        self.client.login(account.user, account.server.users[account.user])

    def folders(self) -> list[str]:
        listed = self.client.list_folders()
        return sorted(str(name) for flags, _, name in listed if b"\\noselect" not in {each.lower() for each in flags})

    def empty(self) -> None:
        for name in self.folders():
            if name != "INBOX":
                self.client.delete_folder(name)
        self.client.select_folder("INBOX")
        if uids := self.client.search("ALL"):
            self.client.delete_messages(uids)
            self.client.uid_expunge(uids)
        self.client.close_folder()

    def apply(self, kind: str, one: int, other: int) -> None:
        name = NAMES[one % len(NAMES)]
        folders = self.folders()
        if kind in {"add", "move"} and name not in folders:
            self.client.create_folder(name)
        if kind == "add":
            self.client.append(name, letter(next(NUMBERS)), (), NOW - dt.timedelta(days=other))
        elif kind == "rename" and name in folders and name != "INBOX":
            self.client.rename_folder(name, f"{name} {next(NUMBERS)}")
        elif kind == "drop" and name in folders and name != "INBOX":
            self.client.delete_folder(name)
        elif kind == "rebuild" and name in folders:
            for each in self.account.server.mailbox(self.account.user, name).glob("dovecot-uidlist*"):
                each.unlink()
        elif kind in {"change", "remove", "move"}:
            self._one(kind, folders[other % len(folders)], other, name)

    def _one(self, kind: str, folder: str, number: int, target: str) -> None:
        self.client.select_folder(folder)
        if uids := self.client.search("ALL"):
            uid = uids[number % len(uids)]
            if kind == "change":
                self.client.set_flags([uid], [b"\\Flagged"] if number % 2 else [b"\\Answered"])
            elif kind == "remove":
                self.client.delete_messages([uid])
                self.client.uid_expunge([uid])
            elif target != folder:
                self.client.copy([uid], target)
                self.client.delete_messages([uid])
                self.client.uid_expunge([uid])
        self.client.close_folder()


class DovecotWorld(MailWorld):
    """Mailboxes on a server with mod-sequences, which change with the flags."""

    def __init__(self, server: DovecotServer) -> None:
        self.connector = ImapConnector("mail", server.url(), server.url())
        self.client = IMAPClient("127.0.0.1", server.port, ssl=False)
        self.client.login(USER, PASSWORD)

    def apply(self, kind: str, one: int, other: int) -> None:
        if kind != "rebuild":
            super().apply(kind, one, other)


class CalendarWorld:
    """Calendars on a real server."""

    def __init__(self, account: CalendarAccount) -> None:
        self.account = account
        self.connector: Connector = CaldavConnector("calendar", account.read_url, account.write_url)
        self.client = httpx.Client(base_url=account.write_url.removesuffix(f"/{account.user}/"))

    def calendars(self) -> list[str]:
        home = self.account.server.calendar(self.account.user, "")
        return sorted(each.name for each in home.iterdir() if not each.name.startswith("."))

    def resources(self) -> list[str]:
        found = [
            (name, self.account.server.calendar(self.account.user, name).glob("*.ics")) for name in self.calendars()
        ]
        return sorted(self.path(name, each.name) for name, paths in found for each in paths)

    def path(self, calendar: str, resource: str = "") -> str:
        return f"/{self.account.user}/{quote(calendar)}/{resource}"

    def empty(self) -> None:
        for name in self.calendars():
            self.client.delete(self.path(name)).raise_for_status()

    def apply(self, kind: str, one: int, other: int) -> None:
        name = NAMES[one % len(NAMES)].replace("/", " ")
        here, number = name in self.calendars(), next(NUMBERS)
        resources = self.resources()
        some = resources[other % len(resources)] if resources else None
        if kind in {"add", "move"} and not here:
            self.client.request("MKCALENDAR", self.path(name)).raise_for_status()
        if kind == "add":
            self.client.put(self.path(name, f"{number}.ics"), content=event(number)).raise_for_status()
        elif kind == "drop" and here:
            self.client.delete(self.path(name)).raise_for_status()
        elif kind in {"rename", "rebuild"} and here:  # another calendar with the same events; under its name or another
            target = f"{name} {number}" if kind == "rename" else name
            moved = [(each, self.client.get(each).content) for each in resources if each.startswith(self.path(name))]
            self.client.delete(self.path(name)).raise_for_status()
            self.client.request("MKCALENDAR", self.path(target)).raise_for_status()
            for path, content in moved:
                self.client.put(self.path(target, path.rsplit("/", 1)[1]), content=content).raise_for_status()
        elif some and kind == "change":
            content = event(int(some.rsplit("/", 1)[1].removesuffix(".ics")), f"COMMENT:changed {number}")
            later = content.replace(b"20240301T11", b"20240301T12") if other % 2 else content
            known = {"If-Match": self.client.get(some).headers["ETag"]}
            self.client.put(some, content=later, headers=known).raise_for_status()
        elif some and kind == "remove":
            self.client.delete(some).raise_for_status()
        elif some and kind == "move":
            target = self.path(name, some.rsplit("/", 1)[1])
            if target != some:
                headers = {"Destination": f"http://127.0.0.1:{self.account.server.port}{target}"}
                self.client.request("MOVE", some, headers=headers).raise_for_status()


class Breaking:
    """Stands before a connector and loses the store after so many mailboxes or calendars."""

    def __init__(self, connector: Connector, after: int) -> None:
        self.store = connector.store
        self._connector = connector
        self._after = after

    def changes(self, source: Source, known: Known, batch: int = 1000) -> Iterator[Changes]:
        assert isinstance(self._connector, (ImapConnector, CaldavConnector))
        for place, each in enumerate(self._connector.changes(source, known, batch)):
            if place == self._after:
                break
            yield each
        raise ScanIncomplete(self.store, "broken off", "Try again")


def letter(number: int) -> bytes:
    head = {
        "From": f"Person {number} <person{number % 5}@example.org>",
        "To": "Sales <sales@slate.example>",
        "Date": f"Fri, {number % 28 + 1:02} Mar 2024 10:00:00 +0100",
        "Message-ID": f"<{number}@example.org>",
    }
    return "".join(f"{name}: {text}\r\n" for name, text in head.items()).encode() + b"\r\nBonjour\r\n"


def event(number: int, *lines: str) -> bytes:
    return meeting(number, "Rendez-vous", f"ATTENDEE;CN=Person:mailto:person{number % 5}@example.org", *lines)


def held(path: Path) -> list[list[tuple[object, ...]]]:
    with index.read(path) as connection:
        return [connection.execute(f"FROM {table} ORDER BY ALL").fetchall() for table in ("items", "participants")]


def filled(path: Path, connector: Connector, told: Callable[[int], None] | None = None) -> index.DatasetScan:
    return filling.fill(path, connector, "items", EVERYTHING, subjects=KEYS, now=NOW, progress=told)


def follows(world: World, folder: Path, steps: Sequence[Sequence[tuple[str, int, int]]]) -> int:
    """After each step, the index that has followed equals one from scratch, and a scan that breaks changes nothing.

    Where there is nothing to scan any more, a scan from scratch is refused, and so is the other. Returns how often the
    two were compared.
    """
    shutil.rmtree(folder, ignore_errors=True)
    world.empty()
    following = folder / "following.duckdb"
    for number, step in enumerate(steps):
        for kind, place, amount in step:
            if kind == "break" and following.exists():
                known = held(following)
                broken = Breaking(world.connector, place % 3)
                assert not filled(following, broken).complete  # type: ignore[arg-type]  # a scan asks for changes alone
                assert held(following) == known
            else:
                world.apply(kind, place, amount)
        scratch = folder / f"scratch-{number}.duckdb"
        before = held(following) if following.exists() else [[], []]
        one, other = filled(following, world.connector), filled(scratch, world.connector)
        assert (one.complete, one.items, one.reason) == (other.complete, other.items, other.reason)
        assert held(following) == (held(scratch) if one.complete else before)
    return len(list(folder.glob("scratch-*.duckdb")))


@pytest.fixture
def mail(mail_account: MailAccount) -> Iterator[MailWorld]:
    world = MailWorld(mail_account)
    with closing(world.connector):
        yield world
    world.client.logout()


@pytest.fixture
def dovecot() -> Iterator[DovecotWorld]:
    if not installed():
        missing = pytest.fail if os.environ.get("ARDOISE_CI") else pytest.skip
        missing("Dovecot is not installed; on Debian: apt-get install dovecot-imapd")
    with tempfile.TemporaryDirectory(prefix="dovecot-") as folder, DovecotServer(Path(folder)) as server:
        world = DovecotWorld(server)
        with closing(world.connector):
            yield world
        world.client.logout()


@pytest.fixture
def calendars(calendar_account: CalendarAccount) -> Iterator[CalendarWorld]:
    world = CalendarWorld(calendar_account)
    with closing(world.connector), world.client:
        yield world


@pytest.fixture(params=["mail", "calendars"])
def world(request: pytest.FixtureRequest) -> World:
    found: World = request.getfixturevalue(request.param)
    return found


@quick
@given(steps=sequences)
def test_mail_that_is_followed_is_mail_scanned_anew(
    mail: MailWorld, tmp_path: Path, steps: list[list[tuple[str, int, int]]]
) -> None:
    assert follows(mail, tmp_path / "index", steps) == len(steps)


@quick
@given(steps=sequences)
def test_mail_with_mod_sequences_that_is_followed_is_mail_scanned_anew(
    dovecot: DovecotWorld, tmp_path: Path, steps: list[list[tuple[str, int, int]]]
) -> None:
    assert follows(dovecot, tmp_path / "index", steps) == len(steps)


def test_of_a_message_whose_flags_have_changed_the_new_version_is_read(dovecot: DovecotWorld, tmp_path: Path) -> None:
    grown(dovecot, 4)
    read(dovecot, tmp_path / "i")
    read(dovecot, tmp_path / "i")  # the server keeps mod-sequences from when it is asked for them first
    dovecot.apply("change", 1, 1)
    assert [read(dovecot, tmp_path / "i") for _ in range(2)] == [1, 0]


@quick
@given(steps=sequences)
def test_calendars_that_are_followed_are_calendars_scanned_anew(
    calendars: CalendarWorld, tmp_path: Path, steps: list[list[tuple[str, int, int]]]
) -> None:
    assert follows(calendars, tmp_path / "index", steps) == len(steps)


def read(world: World, path: Path) -> int:
    """How many items a scan reads."""
    told: list[int] = [0]
    assert filled(path, world.connector, told.append).complete
    return told[-1]


def grown(world: World, count: int) -> None:
    for _ in range(count):
        world.apply("add", 1, 3)


def test_only_what_is_new_is_read(world: World, tmp_path: Path) -> None:
    grown(world, 4)
    assert [read(world, tmp_path / "i") for _ in range(2)] == [4, 0]
    grown(world, 2)
    world.apply("remove", 1, 0)
    assert [read(world, tmp_path / "i") for _ in range(2)] == [2, 0]


def test_a_store_that_may_only_be_read_is_followed_too(world: World, tmp_path: Path) -> None:
    grown(world, 3)
    world.connector = ReadingOnly(world.connector)
    assert [read(world, tmp_path / "i") for _ in range(2)] == [3, 0]


def test_a_rebuilt_mailbox_is_read_whole(mail: MailWorld, tmp_path: Path) -> None:
    grown(mail, 3)
    read(mail, tmp_path / "i")
    mail.apply("rebuild", 1, 0)
    assert read(mail, tmp_path / "i") == 3


@pytest.mark.parametrize("change", ["code", "key", "map"])
def test_an_index_of_other_code_another_key_or_another_map_is_made_anew(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    grown(world, 3)
    read(world, tmp_path / "i")
    subjects = KEYS
    if change == "code":
        monkeypatch.setattr(filling, "made_of", lambda *_: "another version")
    elif change == "key":
        subjects = SubjectKeys(DigestKey(b"x" * 32, b"o" * 32), "julien", KEYS.own)
    else:
        subjects = SubjectKeys(KEYS.key, "julien")
    told: list[int] = []
    filling.fill(tmp_path / "i", world.connector, "items", EVERYTHING, subjects=subjects, now=NOW, progress=told.append)
    assert told[-1:] == [3]


def test_two_scans_at_once_leave_what_is_there(world: World, tmp_path: Path) -> None:
    grown(world, 2)
    read(world, tmp_path / "i")
    grown(world, 1)

    def meanwhile(_: int) -> None:
        if not inner:
            inner.append(1)
            world.apply("remove", 1, 0)
            filled(tmp_path / "i", world.connector)

    inner: list[int] = []
    filled(tmp_path / "i", world.connector, meanwhile)
    filled(tmp_path / "scratch", world.connector)
    assert inner
    assert held(tmp_path / "i") == held(tmp_path / "scratch")
