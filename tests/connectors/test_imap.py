"""The IMAP connector keeps the contract on a real server, and its own promises."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from connector_contract import ConnectorContract, located, outcomes, seen, without
from fixtures_items import MailAccount
from imapclient import IMAPClient

from connectors.base import Connector, Outcome, Ref, Source
from connectors.errors import ConnectorError, StoreDown, StoreMismatch, StoreRefuses
from connectors.imap import ImapConnector
from connectors.imap.session import Session
from pipelines.demo.servers.child import free_port

ARRIVED = dt.datetime(2024, 3, 1, 12, tzinfo=dt.UTC)
EVERYTHING = Source("mail", "*", exclude=("Trash",))


def message(number: int, **headers: str) -> bytes:
    lines = {
        "From": f"Person {number} <person{number}@example.org>",
        "To": "Sales <sales@slate.example>",
        "Subject": f"Message {number}",
        "Date": "Fri, 01 Mar 2024 10:00:00 +0100",
        "Message-ID": f"<{number}@example.org>",
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{head}\r\nHello, this is é number {number}.\r\n.\r\nFrom here on\r\n".encode()


def other_client(account: MailAccount) -> IMAPClient:
    client = IMAPClient("127.0.0.1", account.server.port, ssl=False)
    client.normalise_times = False
    client.login(account.user, account.server.users[account.user])
    return client


@dataclass
class MailWorld:
    account: MailAccount
    connector: ImapConnector
    source: Source = EVERYTHING

    def snapshot(self) -> dict[tuple[str, str], bytes]:
        found = {}
        with other_client(self.account) as client:
            for flags, _, name in client.list_folders():
                if b"\\Noselect" in flags:
                    continue
                validity = client.select_folder(name, readonly=True)[b"UIDVALIDITY"]
                items = ["BODY.PEEK[]", "INTERNALDATE", "FLAGS"]
                for uid, parts in client.fetch(client.search("ALL"), items).items():
                    told = (
                        parts[b"INTERNALDATE"].isoformat(),
                        sorted(flag for flag in parts[b"FLAGS"] if flag != b"\\Recent"),
                    )
                    found[name, f"{validity}.{uid}.{name}"] = parts[b"BODY[]"] + repr(told).encode()
        return found

    def touch(self, ref: Ref) -> None:
        raise NotImplementedError("the server has no CONDSTORE, and a message's content never changes")

    def remove(self, ref: Ref) -> None:
        with other_client(self.account) as client:
            client.select_folder(ref.container)
            uid = int(ref.key.split(".")[1])
            client.delete_messages([uid])
            client.uid_expunge([uid])

    def redact(self, _ref: Ref, content: bytes) -> bytes | None:
        return content.replace(b"example.org", b"anonyme.invalid").replace(b"Person", b"Anonyme")

    def redacted(self, content: bytes) -> bool:
        return b"example.org" not in content and b"anonyme.invalid" in content


@pytest.fixture
def world(mail_account: MailAccount) -> Iterator[MailWorld]:
    server, user = mail_account.server, mail_account.user
    server.seed(user, "INBOX", [(message(each), ARRIVED, ["\\Seen", "$Forwarded"]) for each in range(5)])
    server.seed(user, "Support/Éléments", [(message(each), ARRIVED, ["\\Flagged"]) for each in range(5, 8)])
    server.seed(user, "Trash", [(message(99), ARRIVED, [])])
    with closing(ImapConnector("mail", mail_account.url, mail_account.url)) as connector:
        yield MailWorld(mail_account, connector)


class TestImap(ConnectorContract):
    pass


def test_it_is_a_connector(world: MailWorld) -> None:
    assert isinstance(world.connector, Connector)


def test_a_rewritten_message_keeps_date_flags_and_keywords(world: MailWorld) -> None:
    first = seen(world)[0]
    done = world.connector.rewrite(world.source, [first], world.redact, "op1")[0]
    assert done.key is not None
    with other_client(world.account) as client:
        client.select_folder("INBOX", readonly=True)
        uid = int(done.key.split(".")[1])
        parts = client.fetch([uid], ["FLAGS", "INTERNALDATE", "BODY.PEEK[]"])[uid]
    assert {b"\\Seen", b"$Forwarded"} <= set(parts[b"FLAGS"])
    assert parts[b"INTERNALDATE"].astimezone(dt.UTC) == ARRIVED
    marker = re.match(rb"X-Ardoise-Operation: ([0-9a-f]{24})-([0-9a-f]{24})\r?\n", parts[b"BODY[]"])
    assert marker, "neither the operation nor the number of the original"
    assert marker[1] != marker[2]


def test_reading_does_not_mark_messages_as_read(world: MailWorld) -> None:
    list(world.connector.scan(world.source))
    list(world.connector.sample(world.source, 100))
    with other_client(world.account) as client:
        client.select_folder("Support/Éléments", readonly=True)
        flags = client.fetch(client.search("ALL"), ["FLAGS"])
    assert not any(b"\\Seen" in each[b"FLAGS"] for each in flags.values())


def test_a_stale_version_is_a_conflict(world: MailWorld) -> None:
    refs, before = seen(world), world.snapshot()
    stale = [dataclasses.replace(ref, version="dother") for ref in refs[:2]]
    assert outcomes(world.connector.delete(world.source, stale, "op")) == [Outcome.CONFLICT] * 2
    assert outcomes(world.connector.rewrite(world.source, stale, world.redact, "op")) == [Outcome.CONFLICT] * 2
    assert outcomes(world.connector.resolve(world.source, stale, "op")) == [Outcome.CONFLICT] * 2
    assert world.snapshot() == before


def test_a_rebuilt_mailbox_is_a_conflict_and_its_messages_are_not_gone(world: MailWorld) -> None:
    ref = next(each for each in seen(world) if each.container == "INBOX")
    _, uid, mailbox = ref.key.split(".")
    rebuilt = dataclasses.replace(ref, key=f"1.{uid}.{mailbox}")
    before = world.snapshot()
    assert outcomes(world.connector.delete(world.source, [rebuilt], "op")) == [Outcome.CONFLICT]
    assert outcomes(world.connector.resolve(world.source, [rebuilt], "op")) == [Outcome.CONFLICT]
    assert world.connector.remaining(world.source, [rebuilt]) == 1
    assert world.snapshot() == before


def test_messages_of_a_mailbox_that_was_removed_are_gone(world: MailWorld) -> None:
    refs = [ref for ref in seen(world) if ref.container != "INBOX"]
    with other_client(world.account) as client:
        client.delete_folder("Support/Éléments")
    assert world.connector.remaining(world.source, refs) == 0
    assert outcomes(world.connector.delete(world.source, refs, "op")) == [Outcome.ALREADY_GONE] * 3


def test_messages_that_other_clients_marked_as_deleted_stay(world: MailWorld) -> None:
    refs = [ref for ref in seen(world) if ref.container == "INBOX"]
    with other_client(world.account) as client:
        client.select_folder("INBOX")
        client.delete_messages([int(refs[2].key.split(".")[1])])
    before = world.snapshot()
    world.connector.delete(world.source, refs[:1], "op1")
    done = world.connector.rewrite(world.source, refs[1:2], world.redact, "op2")
    assert outcomes(done) == [Outcome.DONE]
    after = world.snapshot()
    assert (refs[2].container, refs[2].key) in after
    assert without(before, refs[:2]).items() <= after.items()


def test_a_server_that_cannot_expunge_single_messages_is_refused(
    world: MailWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    refs, before = seen(world), world.snapshot()
    monkeypatch.setattr(Session, "features", frozenset({"IMAP4REV1", "MOVE"}))
    with pytest.raises(StoreRefuses, match="UIDPLUS"):
        world.connector.delete(world.source, refs[:1], "op")
    with pytest.raises(StoreRefuses, match="UIDPLUS"):
        world.connector.rewrite(world.source, refs[:1], world.redact, "op")
    assert world.connector.impact(world.source).refusals
    monkeypatch.undo()
    assert world.snapshot() == before


def test_a_server_without_multiappend_is_rewritten_one_by_one(
    world: MailWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    refs = seen(world)
    monkeypatch.setattr(Session, "features", frozenset({"IMAP4REV1", "UIDPLUS"}))
    assert outcomes(world.connector.rewrite(world.source, refs[:3], world.redact, "op")) == [Outcome.DONE] * 3
    assert world.connector.count(world.source) == len(refs)


def test_a_server_that_does_not_tell_the_new_uids_is_searched_for_them(
    world: MailWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    refs = seen(world)
    monkeypatch.setattr("connectors.imap.session._appended", lambda *_: None)
    done = world.connector.rewrite(world.source, refs[:3], world.redact, "op")
    assert outcomes(done) == [Outcome.DONE] * 3
    assert {(result.key, result.version) for result in done} <= {(ref.key, ref.version) for ref in seen(world)}


class StopError(Exception):
    pass


@pytest.mark.parametrize("point", ["after_append", "after_store"])
def test_an_interrupted_rewrite_is_completed(world: MailWorld, point: str) -> None:
    refs, before = seen(world), world.snapshot()
    chosen = refs[1:4]

    def stop(reached: str) -> None:
        if reached == point:
            raise StopError

    world.connector.checkpoint = stop
    with pytest.raises(StopError):
        world.connector.rewrite(world.source, chosen, world.redact, "op-x")
    assert len(world.snapshot()) == len(before) + len(chosen), "interrupted while both are there"

    world.connector.checkpoint = None
    world.connector.close()
    fresh = world.connector
    resolved = fresh.resolve(world.source, list(reversed(chosen)), "op-x")
    assert outcomes(resolved) == [Outcome.DONE] * 3
    after = world.snapshot()
    copies = [Ref(each.key or "", each.version or "", each.ref.container) for each in resolved]
    assert without(after, copies) == without(before, chosen)
    assert all(world.redacted(after[place]) for place in located(copies))
    again = fresh.resolve(world.source, list(reversed(chosen)), "op-x")
    assert (again, world.snapshot()) == (resolved, after)


_KILLED = """
import os, signal, sys
from connectors.base import Ref, Source
from connectors.imap import ImapConnector

url, point, *refs = sys.argv[1:]
connector = ImapConnector("mail", url, url)
def kill(reached):
    if reached == point:
        os.kill(os.getpid(), signal.SIGKILL)
connector.checkpoint = kill
chosen = [Ref(*each.split("|")) for each in refs]
redact = lambda _, content: content.replace(b"example.org", b"anonyme.invalid").replace(b"Person", b"Anonyme")
connector.rewrite(Source("mail", "*"), chosen, redact, "op-k")
"""


@pytest.mark.parametrize("point", ["after_append", "after_store"])
def test_a_worker_killed_between_append_and_expunge_leaves_what_can_be_completed(world: MailWorld, point: str) -> None:
    refs, before = seen(world), world.snapshot()
    told = [f"{ref.key}|{ref.version}|{ref.container}" for ref in refs[:2]]
    command = [sys.executable, "-c", _KILLED, world.account.url, point, *told]
    killed = subprocess.run(command, check=False, cwd=Path(__file__).parents[2], env=os.environ.copy())
    assert killed.returncode == -signal.SIGKILL
    assert len(world.snapshot()) == len(before) + 2
    resolved = world.connector.resolve(world.source, refs[:2], "op-k")
    assert outcomes(resolved) == [Outcome.DONE] * 2
    after = world.snapshot()
    assert len(after) == len(before)
    assert without(before, refs[:2]).items() <= after.items()


def test_a_server_killed_in_the_middle_gives_unknown_and_is_resolved_after_its_restart(world: MailWorld) -> None:
    refs, before = seen(world), world.snapshot()
    server = world.account.server
    world.connector.checkpoint = lambda reached: server.kill() if reached == "after_append" else None
    results = world.connector.rewrite(world.source, refs[:2], world.redact, "op-s")
    assert outcomes(results) == [Outcome.UNKNOWN] * 2
    with pytest.raises(StoreDown):
        world.connector.resolve(world.source, refs[:2], "op-s")
    server.start()
    assert outcomes(world.connector.resolve(world.source, refs[:2], "op-s")) == [Outcome.DONE] * 2
    after = world.snapshot()
    assert len(after) == len(before)
    assert without(before, refs[:2]).items() <= after.items()


def test_patterns_choose_mailboxes_and_undeclared_ones_are_seen_by_inspection(world: MailWorld) -> None:
    assert {shape.location: shape.estimate for shape in world.connector.inspect().datasets} == {
        "INBOX": 5,
        "Support/Éléments": 3,
        "Trash": 1,
    }
    assert world.connector.count(Source("mail", "Support/*")) == 3
    assert world.connector.count(Source("mail", "inbox")) == 5
    assert world.connector.count(Source("mail", "*")) == 9
    assert world.connector.count(Source("mail", "Nothing*")) == 0
    with pytest.raises(StoreMismatch):
        world.connector.count(Source("mail", "Archive"))


def test_a_store_that_is_down_or_closed_to_us_says_so_without_its_password(world: MailWorld) -> None:
    down = f"imap://someone:secret@127.0.0.1:{free_port()}"
    with pytest.raises(StoreDown) as lost:
        ImapConnector("mail", down, down).check()
    wrong = world.account.url.replace("pass%3Aword", "secret")
    with pytest.raises(ConnectorError) as closed:
        ImapConnector("mail", wrong, wrong).check()
    assert all("secret" not in str(each.value) and each.value.__cause__ is None for each in (lost, closed))
    with pytest.raises(StoreMismatch):
        ImapConnector("mail", "http://x", "http://x")


def test_an_operation_that_could_break_out_of_its_header_is_not_accepted(world: MailWorld) -> None:
    before = world.snapshot()
    with pytest.raises(ValueError, match="token"):
        world.connector.rewrite(world.source, seen(world)[:1], world.redact, "op\r\nBcc: x")
    assert world.snapshot() == before
