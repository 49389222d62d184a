"""The index of items: what it holds, what it never holds, and what a broken scan does to it."""

from __future__ import annotations

import datetime as dt
import multiprocessing
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from connectors.base import Source
from connectors.digests import DigestKey
from connectors.errors import ScanIncomplete, StoreDown
from connectors.memory import MemoryConnector
from pipelines import subjects
from pipelines.scan import filling, index
from pipelines.scan.participants import SubjectKeys
from pipelines.scan.sources import binding

NOW = dt.datetime(2026, 6, 30, 12, tzinfo=dt.UTC)
KEY = DigestKey(b"i" * 32, b"o" * 32)
KEYS = SubjectKeys(KEY, "julien", ("*@julien-commerce.example",))
SOURCE = Source("messages", "*")
CANARY = "zephyrine.canary"


class BreakingConnector(MemoryConnector):
    """Breaks off after so many batches."""

    def __init__(self, store: str, after: int, error: type[ScanIncomplete | StoreDown] = ScanIncomplete) -> None:
        super().__init__(store)
        self.after = after
        self.error = error

    def scan(self, source: Source, columns: Sequence[str] = (), batch: int = 1) -> Iterator[pa.RecordBatch]:
        for place, each in enumerate(super().scan(source, columns, min(batch, 1))):
            if place == self.after:
                raise self.error(self.store, "broken off", "Try again")
            yield each


def a_mail(sender: str, *, name: str | None = None, to: str = "contact@julien-commerce.example") -> dict[str, object]:
    return {
        "first": "2024-02-29T22:30:00+00:00",
        "last": "2024-02-29T22:30:00+00:00",
        "participants": [
            {"role": "from", "address": sender, "name": name},
            {"role": "to", "address": to, "name": "Julien Commerce"},
        ],
        "texts": {"subject": f"Question de {sender}"},
    }


@pytest.fixture
def mail() -> MemoryConnector:
    connector = MemoryConnector("mail")
    connector.memory.put("INBOX", "1", a_mail(f"{CANARY}+news@Client.Example", name="Zéphyrine Canary"))
    connector.memory.put("INBOX", "2", a_mail("bernard@client.example"))
    connector.memory.put("Sent", "3", a_mail("sales@julien-commerce.example", to="bernard@client.example"))
    return connector


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "index.duckdb"


def test_it_holds_every_item_and_the_digests_of_its_people(mail: MemoryConnector, path: Path) -> None:
    scan = filling.fill(path, mail, "messages", SOURCE, subjects=KEYS, now=NOW)

    assert (scan.complete, scan.items) == (True, 3)
    with index.read(path) as connection:
        items = connection.execute("SELECT container, key, first, endless FROM items ORDER BY key").fetchall()
        people = connection.execute(
            "SELECT digest, loose, name_digest, own FROM participants WHERE key = '1' ORDER BY role"
        ).fetchall()
    assert items[0] == ("INBOX", "1", dt.datetime(2024, 2, 29, 22, 30), False)  # noqa: DTZ001 - stored as naive UTC
    address = f"{CANARY}+news@client.example"
    assert people[0] == (
        subjects.subject_digest(KEY, "julien", "email", address),
        subjects.subject_digest(KEY, "julien", "email", subjects.loose_email(address)),
        subjects.subject_digest(KEY, "julien", "name", "zéphyrine canary"),
        False,
    )


def test_an_own_address_is_flagged_and_has_no_digest(mail: MemoryConnector, path: Path) -> None:
    filling.fill(path, mail, "messages", SOURCE, subjects=KEYS, now=NOW)

    with index.read(path) as connection:
        own = connection.execute("SELECT role, digest, loose, name_digest FROM participants WHERE own").fetchall()
    assert sorted(own) == [("from", None, None, None), ("to", None, None, None), ("to", None, None, None)]


def test_another_scope_gives_other_digests(mail: MemoryConnector, tmp_path: Path) -> None:
    digests = []
    for scope in ("julien", "other"):
        path = tmp_path / f"{scope}.duckdb"
        filling.fill(path, mail, "messages", SOURCE, subjects=SubjectKeys(KEY, scope), now=NOW)
        with index.read(path) as connection:
            digests.append(set(connection.execute("SELECT digest FROM participants").fetchall()))
    assert not digests[0] & digests[1]


def test_no_plaintext_reaches_the_folder(mail: MemoryConnector, path: Path) -> None:
    filling.fill(path, mail, "messages", SOURCE, subjects=KEYS, now=NOW)

    written = b"".join(each.read_bytes() for each in path.parent.rglob("*") if each.is_file()).lower()
    for plain in (b"canary", b"bernard", b"client.example", b"julien-commerce"):
        assert plain not in written
    assert path.stat().st_mode & 0o077 == 0


def test_a_second_scan_replaces_the_first(mail: MemoryConnector, path: Path) -> None:
    filling.fill(path, mail, "messages", SOURCE, subjects=KEYS, now=NOW)
    mail.memory.remove("INBOX", "2")
    filling.fill(path, mail, "messages", SOURCE, subjects=KEYS, now=NOW + dt.timedelta(days=1))

    with index.read(path) as connection:
        keys = connection.execute("SELECT key FROM items ORDER BY key").fetchall()
        orphans = connection.execute("SELECT count(*) FROM participants ANTI JOIN items USING (container, key)")
        assert orphans.fetchall() == [(0,)]
        assert [each.at for each in index.scans(connection)] == [NOW + dt.timedelta(days=1)]
    assert keys == [("1",), ("3",)]


@pytest.mark.parametrize("after", [0, 1, 2])
@pytest.mark.parametrize("error", [ScanIncomplete, StoreDown])
def test_a_broken_scan_is_incomplete_and_nothing_that_it_did_not_see_is_gone(
    mail: MemoryConnector, path: Path, after: int, error: type[ScanIncomplete | StoreDown]
) -> None:
    filling.fill(path, mail, "messages", SOURCE, subjects=KEYS, now=NOW)
    breaking = BreakingConnector("mail", after, error)
    breaking.memory = mail.memory

    scan = filling.fill(path, breaking, "messages", SOURCE, subjects=KEYS, now=NOW)

    assert not scan.complete
    assert scan.reason
    with index.read(path) as connection:
        assert connection.execute("SELECT count(*) FROM items").fetchall() == [(3,)]
        assert [each.complete for each in index.scans(connection, "mail")] == [False]


def test_a_scan_that_never_ended_is_incomplete(mail: MemoryConnector, path: Path) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    filling.fill(path, mail, "messages", SOURCE, subjects=KEYS, now=NOW)
    with pytest.raises(KeyboardInterrupt):
        filling.fill(path, mail, "messages", SOURCE, subjects=KEYS, now=NOW, progress=interrupt)

    with index.read(path) as connection:
        assert [(each.complete, each.reason) for each in index.scans(connection)] == [(False, filling.UNFINISHED)]
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_datasets_of_other_stores_are_left_alone_when_one_is_forgotten(mail: MemoryConnector, path: Path) -> None:
    other = MemoryConnector("calendar")
    other.memory.put("work", "9", a_mail("bernard@client.example"))
    filling.fill(path, mail, "messages", SOURCE, subjects=KEYS, now=NOW)
    filling.fill(path, other, "meetings", SOURCE, subjects=KEYS, now=NOW)

    index.forget(path, "mail", ["archive"])

    with index.read(path) as connection:
        assert connection.execute("SELECT DISTINCT store FROM items").fetchall() == [("calendar",)]
        assert [each.store for each in index.scans(connection)] == ["calendar"]


def test_the_binding_changes_with_scope_own_addresses_and_source() -> None:
    known = binding(SOURCE, KEYS)
    assert binding(Source("renamed", "*"), KEYS) == known
    assert binding(SOURCE, SubjectKeys(KEY, "other", KEYS.own)) != known
    assert binding(SOURCE, SubjectKeys(KEY, "julien")) != known
    assert binding(Source("messages", "*", exclude=("Trash",)), KEYS) != known


def test_an_index_that_is_not_there_says_what_to_do(path: Path) -> None:
    with pytest.raises(index.IndexAbsent, match="ardoise scan"), index.read(path):
        pass


def _hold(path: str, ready: object, done: object) -> None:
    import duckdb

    connection = duckdb.connect(path)
    ready.set()  # type: ignore[attr-defined]
    done.wait(30)  # type: ignore[attr-defined]
    connection.close()


def test_a_locked_index_says_so(mail: MemoryConnector, path: Path) -> None:
    filling.fill(path, mail, "messages", SOURCE, subjects=KEYS, now=NOW)
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    holder = context.Process(target=_hold, args=(str(path), ready, done))
    holder.start()
    try:
        assert ready.wait(30)
        with pytest.raises(index.IndexBusy, match="try again"), index.read(path, patience=0.1):
            pass
    finally:
        done.set()
        holder.join()
