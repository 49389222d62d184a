"""The CalDAV connector keeps the contract on a real server, and its own promises."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from calendar_texts import meeting
from connector_contract import ConnectorContract, outcomes, seen, without
from fixtures_items import CalendarAccount

from connectors.base import Connector, Outcome, Ref, Source
from connectors.caldav import CaldavConnector
from connectors.caldav.web import Account
from connectors.errors import ConnectorError, StoreDown, StoreMismatch, StoreReadOnly, StoreRefuses
from pipelines.demo.servers.child import free_port

EVERYTHING = Source("meetings", "*", exclude=("private",))


def event(number: int, *extra: str) -> bytes:
    person = f"ATTENDEE;CN=Person {number};PARTSTAT=ACCEPTED:mailto:person{number}@example.org"
    return meeting(number, f"Meeting {number}", person, *extra)


@dataclass
class CalendarWorld:
    account: CalendarAccount
    connector: CaldavConnector
    source: Source = EVERYTHING

    def other_client(self) -> httpx.Client:
        return httpx.Client(base_url=self.account.write_url.removesuffix(f"/{self.account.user}/"))

    def snapshot(self) -> dict[tuple[str, str], bytes]:
        found = {}
        with self.other_client() as client:
            for calendar in ("work", "team", "private"):
                folder = self.account.server.calendar(self.account.user, calendar)
                for name in sorted(each.name for each in folder.glob("*.ics")):
                    path = f"/{self.account.user}/{calendar}/{name}"
                    answer = client.get(path)
                    found[calendar, path] = answer.content + answer.headers["ETag"].encode()
        return found

    def touch(self, ref: Ref) -> None:
        with self.other_client() as client:
            content = client.get(ref.key).content.replace(b"SUMMARY:", b"SUMMARY:changed ")
            client.put(ref.key, content=content, headers={"If-Match": ref.version}).raise_for_status()

    def remove(self, ref: Ref) -> None:
        with self.other_client() as client:
            client.delete(ref.key, headers={"If-Match": ref.version}).raise_for_status()

    def redact(self, _ref: Ref, content: bytes) -> bytes | None:
        return re.sub(rb"person\d@example.org", b"a@anonyme.invalid", content).replace(b"Person", b"Anonyme")

    def redacted(self, content: bytes) -> bool:
        return b"Person" not in content and b"Anonyme" in content


@pytest.fixture
def world(calendar_account: CalendarAccount) -> Iterator[CalendarWorld]:
    server, user = calendar_account.server, calendar_account.user
    server.seed(user, "work", [event(number) for number in range(5)])
    server.seed(user, "team", [event(number, "RRULE:FREQ=WEEKLY;COUNT=3") for number in range(5, 8)])
    server.seed(user, "private", [event(99)])
    with closing(CaldavConnector("calendar", calendar_account.read_url, calendar_account.write_url)) as connector:
        yield CalendarWorld(calendar_account, connector)


class TestCaldav(ConnectorContract):
    pass


def test_it_is_a_connector(world: CalendarWorld) -> None:
    assert isinstance(world.connector, Connector)


def test_a_rewrite_bears_the_operation_by_which_it_is_found_again(world: CalendarWorld) -> None:
    ref = seen(world)[0]
    done = world.connector.rewrite(world.source, [ref], world.redact, "op-1")
    assert outcomes(done) == [Outcome.DONE]
    assert b"X-ARDOISE-OPERATION:op-1\r\n" in world.snapshot()[ref.container, ref.key]
    assert world.connector.resolve(world.source, [ref], "op-1") == done
    assert outcomes(world.connector.resolve(world.source, [ref], "op-2")) == [Outcome.CONFLICT]


def test_a_server_killed_between_two_records_gives_unknown_and_pending_and_is_resolved(world: CalendarWorld) -> None:
    refs = seen(world)[:3]
    contents: list[bytes] = []

    def redact(_ref: Ref, content: bytes) -> bytes | None:
        contents.append(content)
        if len(contents) == 2:
            world.account.server.kill()
        return world.redact(_ref, content)

    results = world.connector.rewrite(world.source, refs, redact, "op-k")
    assert outcomes(results) == [Outcome.DONE, Outcome.UNKNOWN, Outcome.PENDING]
    with pytest.raises(StoreDown):
        world.connector.resolve(world.source, refs, "op-k")
    world.account.server.start()
    resolved = world.connector.resolve(world.source, refs, "op-k")
    assert outcomes(resolved) == [Outcome.DONE, Outcome.PENDING, Outcome.PENDING]
    rest = [each.ref for each in resolved[1:]]
    assert outcomes(world.connector.rewrite(world.source, rest, world.redact, "op-k")) == [Outcome.DONE] * 2


def test_a_server_that_would_mail_the_participants_is_refused(
    world: CalendarWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    refs, before = seen(world), world.snapshot()
    monkeypatch.setattr(Account, "features", lambda _: frozenset({"calendar-access", "calendar-auto-schedule"}))
    with pytest.raises(StoreRefuses, match="mail the participants"):
        world.connector.delete(world.source, refs[:1], "op")
    with pytest.raises(StoreRefuses, match="mail the participants"):
        world.connector.rewrite(world.source, refs[:1], world.redact, "op")
    assert world.connector.capabilities.notifies_third_parties
    assert world.connector.impact(world.source).refusals
    assert world.snapshot() == before


def test_a_server_that_does_not_schedule_notifies_nobody(world: CalendarWorld) -> None:
    assert not world.connector.capabilities.notifies_third_parties
    assert world.connector.impact(world.source).notifications == 0


def test_read_access_cannot_write(world: CalendarWorld) -> None:
    refs, before = seen(world), world.snapshot()
    with closing(CaldavConnector("calendar", world.account.read_url, world.account.read_url)) as reader:
        with pytest.raises(StoreReadOnly):
            reader.delete(world.source, refs[:1], "op")
        with pytest.raises(StoreReadOnly):
            reader.rewrite(world.source, refs[:1], world.redact, "op")
    assert world.snapshot() == before


def test_patterns_choose_calendars_and_undeclared_ones_are_seen_by_inspection(world: CalendarWorld) -> None:
    found = {shape.location: shape.estimate for shape in world.connector.inspect().datasets}
    assert found == {"work": 5, "team": 3, "private": 1}
    assert world.connector.count(Source("m", "t*")) == 3
    assert world.connector.count(Source("m", f"/{world.account.user}/" + "work/")) == 5
    assert world.connector.count(Source("m", "nothing*")) == 0
    with pytest.raises(StoreMismatch):
        world.connector.count(Source("m", "nothing"))


def test_calendars_are_found_from_the_servers_root(world: CalendarWorld) -> None:
    root = world.account.write_url.replace(f"/{world.account.user}/", "/")
    with closing(CaldavConnector("calendar", root, root)) as connector:
        assert connector.count(world.source) == 8


def test_a_store_that_is_down_or_closed_to_us_says_so_without_its_password(world: CalendarWorld) -> None:
    down = f"http://someone:secret@127.0.0.1:{free_port()}/x/"
    wrong = world.account.write_url.replace("pass%3Aword", "secret")
    for url, kind in ((down, StoreDown), (wrong, ConnectorError)):
        with closing(CaldavConnector("calendar", url, url)) as connector, pytest.raises(kind) as error:
            connector.check()
        assert "secret" not in str(error.value)
        assert error.value.__cause__ is None
    with pytest.raises(StoreMismatch):
        CaldavConnector("calendar", "imap://x", "imap://x")


def test_a_deleted_record_leaves_nothing_on_the_servers_disk(world: CalendarWorld) -> None:
    ref = seen(world)[0]
    list(world.connector.sample(world.source, 100))
    number = world.snapshot()[ref.container, ref.key].split(b"Person ")[1][:1].decode()
    canary = f"person{number}@example.org".encode()
    world.connector.delete(world.source, [ref], "op")
    folder = world.account.server.calendar(world.account.user, "")
    assert not [path for path in folder.rglob("*") if path.is_file() and canary in path.read_bytes()]


def test_an_operation_that_could_break_out_of_its_line_is_not_accepted(world: CalendarWorld) -> None:
    with pytest.raises(ValueError, match="token"):
        world.connector.rewrite(world.source, seen(world)[:1], world.redact, "op\r\nATTENDEE:x")


def test_what_the_server_does_not_accept_is_refused_and_the_rest_is_done(world: CalendarWorld) -> None:
    refs, before = seen(world), world.snapshot()
    changed = iter([b"no calendar at all", None, b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"])
    results = world.connector.rewrite(world.source, refs[:3], lambda *_: next(changed), "op")
    assert outcomes(results) == [Outcome.REFUSED, Outcome.DONE, Outcome.REFUSED]
    assert world.snapshot() == before


def test_a_stale_deletion_of_a_record_that_came_back_is_a_conflict(world: CalendarWorld) -> None:
    ref = seen(world)[0]
    before = without(world.snapshot(), [ref])
    stale = dataclasses.replace(ref, version='"0"')
    assert outcomes(world.connector.delete(world.source, [stale], "op")) == [Outcome.CONFLICT]
    assert without(world.snapshot(), [ref]) == before


def test_foreign_calendars_are_scanned_whole(calendar_account: CalendarAccount, foreign_data: Path) -> None:
    server, user = calendar_account.server, calendar_account.user
    files = sorted((foreign_data / "icalendar").glob("*.ics"))
    server.seed(user, "foreign", [each.read_bytes() for each in files])
    with closing(CaldavConnector("calendar", calendar_account.read_url, calendar_account.write_url)) as connector:
        rows = [row for batch in connector.scan(Source("m", "foreign")) for row in batch.to_pylist()]
        assert len(rows) == connector.count(Source("m", "foreign")) > 0
        assert any(row["endless"] for row in rows)
