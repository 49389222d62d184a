"""One connection to an IMAP server, with the driver's errors turned into ours."""

from __future__ import annotations

import datetime as dt
import imaplib
import re
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import LoginError, ProtocolError

from connectors.errors import ConnectorError, StoreDown, StoreMismatch, StoreReadOnly

_TIMEOUT = SocketTimeout(connect=15, read=300)
_LONGEST = 500
"""UIDs in one command: servers need not read lines longer than 8,192 bytes."""

_NOT_SELECTABLE = {b"\\noselect", b"\\nonexistent"}
_UID_SET = re.compile(rb"APPENDUID (\d+) ([\d,:]+)")


@dataclass(frozen=True, slots=True)
class Copy:
    """A message to append, with its internal date, flags and keywords."""

    content: bytes
    arrived: dt.datetime | None
    flags: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Opened:
    """A mailbox as it was when it was opened; ``modseq`` is its highest mod-sequence, where the server keeps any."""

    validity: int
    next: int | None
    total: int
    modseq: int | None


class Session:
    """Connects at first use, and again after the connection was lost."""

    def __init__(self, store: str, url: str) -> None:
        """Take `imap://user:password@host:port` or `imaps://…`; special characters are percent-encoded.

        Raises:
            StoreMismatch: the URL is not of this form.
        """
        self.store = store
        parts = urlsplit(url)
        if parts.scheme not in {"imap", "imaps"} or not parts.hostname or parts.username is None:
            raise StoreMismatch(store, "its URL is no IMAP URL", "Write imap://user:password@host:port or imaps://…")
        self._secure = parts.scheme == "imaps"
        self._host = parts.hostname
        self._port = parts.port or (993 if self._secure else 143)
        self._user, self._password = unquote(parts.username), unquote(parts.password or "")
        self._client: IMAPClient | None = None

    @property
    def features(self) -> frozenset[str]:
        """What the server advertises, in upper case."""
        with self._reaching("asked for its capabilities") as client:
            return frozenset(each.decode("ascii", "replace").upper() for each in client.capabilities())

    def folders(self) -> list[str]:
        """Every mailbox that can be selected, sorted."""
        with self._reaching("asked for its mailboxes") as client:
            found = client.list_folders()
        return sorted(str(name) for flags, _, name in found if not _NOT_SELECTABLE & {flag.lower() for flag in flags})

    def total(self, mailbox: str) -> int:
        """How many messages a mailbox holds."""
        with self._reaching("asked for a mailbox's status") as client:
            return int(client.folder_status(mailbox, ["MESSAGES"])[b"MESSAGES"])

    def state(self, mailbox: str) -> tuple[int, str]:
        """How many messages a mailbox holds, and what changes when one comes or goes.

        A message's text never changes (RFC 9051). Its flags do, and do not count here.
        """
        asked = ["MESSAGES", "UIDNEXT", "UIDVALIDITY"]
        with self._reaching("asked for a mailbox's status") as client:
            found = client.folder_status(mailbox, asked)
        parts = [str(found.get(name.encode(), "")) for name in asked]
        return int(found[b"MESSAGES"]), ":".join(parts) if all(parts) else ""

    def open(self, mailbox: str, *, write: bool = False) -> int:
        """Select a mailbox afresh (EXAMINE unless ``write``); returns its UIDVALIDITY.

        Raises:
            StoreReadOnly: the server opens it for reading only.
        """
        answer = self._select(mailbox, write=write)
        if write and b"READ-ONLY" in answer:
            raise StoreReadOnly(self.store, "a mailbox opens for reading only", "Give the write account the right")
        return int(answer[b"UIDVALIDITY"])

    def examine(self, mailbox: str) -> Opened:
        """Open a mailbox for reading; returns what tells whether it has changed since another time."""
        answer = self._select(mailbox, write=False)
        told = {name: answer.get(name.encode()) for name in ("UIDNEXT", "HIGHESTMODSEQ")}
        following, modseq = (None if each is None else int(each) for each in told.values())
        return Opened(int(answer[b"UIDVALIDITY"]), following, int(answer[b"EXISTS"]), modseq)

    def changed_since(self, modseq: int) -> set[int]:
        """The messages of the open mailbox with a higher mod-sequence (CONDSTORE, RFC 7162)."""
        return set(self.search(["MODSEQ", str(modseq + 1)]))

    def search(self, criteria: Sequence[Any]) -> list[int]:
        """The UIDs that match, in ascending order."""
        with self._reaching("asked to search") as client:
            return sorted(client.search(list(criteria)))

    def present(self, uids: Sequence[int]) -> set[int]:
        """Those of the UIDs that the open mailbox holds."""
        found: set[int] = set()
        for start in range(0, len(uids), _LONGEST):
            found |= set(self.search(["UID", ",".join(str(uid) for uid in uids[start : start + _LONGEST])]))
        return found

    def fetch(self, uids: Sequence[int], items: Sequence[str]) -> Mapping[int, Mapping[bytes, Any]]:
        """The items of messages by UID; messages that are not there are left out."""
        found: dict[int, Mapping[bytes, Any]] = {}
        for start in range(0, len(uids), _LONGEST):
            with self._reaching("asked for messages") as client:
                found |= client.fetch(list(uids[start : start + _LONGEST]), list(items))
        return found

    def mark_deleted(self, uids: Sequence[int], unchanged_since: int | None) -> set[int]:
        r"""Set \Deleted, unless changed since that mod-sequence; returns the UIDs that had changed (RFC 7162).

        A server answers OK even where it refused for a change: the response code MODIFIED says so.
        """
        if not uids:
            return set()
        condition = [] if unchanged_since is None else [f"(UNCHANGEDSINCE {unchanged_since})"]
        chosen = ",".join(str(uid) for uid in uids)
        with self._reaching("asked to mark messages as deleted") as client:
            wire = client._imap  # noqa: SLF001 - IMAPClient has no conditional STORE
            wire.response("MODIFIED")
            status, _ = wire.uid("STORE", chosen, *condition, "+FLAGS.SILENT", "(\\Deleted)")
            if status != "OK":
                raise imaplib.IMAP4.error("STORE")
            _, modified = wire.response("MODIFIED")
        return {uid for each in modified or [] if each for uid in expand(each)}

    def expunge(self, uids: Sequence[int]) -> None:
        r"""Remove exactly these messages of those marked \Deleted (UID EXPUNGE, RFC 4315)."""
        if uids:
            with self._reaching("asked to expunge") as client:
                client.uid_expunge(list(uids))

    def append(self, mailbox: str, copies: Sequence[Copy]) -> list[int] | None:
        """Append messages, in one command where the server can; returns their UIDs, or None if it does not tell."""
        if len(copies) > 1 and "MULTIAPPEND" in self.features:
            parts = [
                {"msg": each.content, "flags": each.flags} | ({"date": each.arrived} if each.arrived else {})
                for each in copies
            ]
            with self._reaching("asked to append") as client:
                status, answer = client.multiappend(mailbox, parts)
                if status != "OK":
                    raise imaplib.IMAP4.error("APPEND")
            return _appended(answer[0], len(copies))
        uids: list[int] = []
        for each in copies:
            with self._reaching("asked to append") as client:
                told = _appended(client.append(mailbox, each.content, each.flags, each.arrived), 1)
            uids.extend(told or [])
        return uids if len(uids) == len(copies) else None

    def leave(self) -> None:
        """Have no mailbox open that was opened for reading; never raises.

        A server hangs up on a client whose open mailbox another one removes, whatever it asks for next.
        """
        client = self._client
        if client is not None:
            try:
                client.close_folder()  # of a mailbox that is only read, it expunges nothing (RFC 9051, 6.4.1)
            except (OSError, ProtocolError, imaplib.IMAP4.error):
                self._client = None
                self._cut(client)

    def close(self) -> None:
        """Let go of the connection; never raises."""
        client, self._client = self._client, None
        if client is not None:
            try:
                client.logout()
            except (OSError, imaplib.IMAP4.error):
                self._cut(client)

    def _select(self, mailbox: str, *, write: bool) -> Mapping[bytes, Any]:
        with self._reaching("asked to open a mailbox") as client:
            found: Mapping[bytes, Any] = client.select_folder(mailbox, readonly=not write)
        return found

    @contextmanager
    def _reaching(self, what: str) -> Iterator[IMAPClient]:
        try:
            yield self._connected()
        except (imaplib.IMAP4.abort, ProtocolError, OSError) as error:
            client, self._client = self._client, None
            if client is not None:
                self._cut(client)
            kind = type(error).__name__
            raise StoreDown(self.store, f"the connection was lost, {what} ({kind})", "Check that it runs") from None
        except imaplib.IMAP4.error as error:
            text = str(error).upper()
            if isinstance(error, imaplib.IMAP4.readonly) or "READ-ONLY" in text or "NOPERM" in text:
                remedy = "Give the write account the right"
                raise StoreReadOnly(self.store, f"it allows no changes, {what}", remedy) from None
            raise ConnectorError(self.store, f"it refused, {what}", "Check the account's rights and quota") from None

    def _connected(self) -> IMAPClient:
        if self._client is None:
            context = ssl.create_default_context() if self._secure else None
            client = IMAPClient(self._host, self._port, ssl=self._secure, ssl_context=context, timeout=_TIMEOUT)
            client.normalise_times = False
            try:
                client.login(self._user, self._password)
            except LoginError:
                self._cut(client)
                remedy = "Check the user and password of its URL"
                raise ConnectorError(self.store, "it did not accept the account", remedy) from None
            self._client = client
        return self._client

    @staticmethod
    def _cut(client: IMAPClient) -> None:
        try:
            client.shutdown()
        except (OSError, imaplib.IMAP4.error):
            return


def expand(uid_set: bytes) -> list[int]:
    """The UIDs of a set such as `3,7:9`, in its order."""
    uids: list[int] = []
    for part in uid_set.strip(b"[]() ").split(b","):
        first, _, last = part.partition(b":")
        uids.extend(range(int(first), int(last or first) + 1))
    return uids


def _appended(answer: bytes | None, expected: int) -> list[int] | None:
    match = _UID_SET.search(answer or b"")
    uids = expand(match[2]) if match else []
    return uids if len(uids) == expected else None
