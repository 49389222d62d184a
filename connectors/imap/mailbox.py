"""Messages as records: keys, versions, and the marker that an operation leaves on the copies it appends."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.base import Ref
from connectors.imap.session import Session

MARKER = "X-Ardoise-Operation"
"""The header of an appended copy: of which operation it is, and of which original.

Only whoever has the operation's token can tell: it stays on the copy for ever, and an original's number says when that
came, between whom. It depends on no content.
"""

_OPERATION = re.compile(r"[A-Za-z0-9._-]+")
_SHORT = 24
_MARKED = re.compile(rb"^X-Ardoise-Operation:\s*([0-9a-f]+-[0-9a-f]+)\s*$", re.IGNORECASE | re.MULTILINE)
_OLD_MARKER = re.compile(rb"^X-Ardoise-Operation:.*\n(?:[ \t].*\n)*", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the server says of a message without its content. ``arrived`` is its internal date, in UTC."""

    uid: int
    size: int
    arrived: dt.datetime | None
    flags: tuple[bytes, ...]
    modseq: int | None

    @property
    def version(self) -> str:
        """The mod-sequence; without CONDSTORE a digest of size and date, since a message's content never changes."""
        if self.modseq is not None:
            return f"m{self.modseq}"
        told = f"{self.size} {self.arrived.isoformat() if self.arrived else ''}"
        return "d" + hashlib.sha256(told.encode()).hexdigest()[:16]


def key_of(mailbox: str, validity: int, uid: int) -> str:
    """A message's key: UIDVALIDITY, UID, mailbox."""
    return f"{validity}.{uid}.{mailbox}"


def place(ref: Ref) -> tuple[int, int]:
    """The UIDVALIDITY and UID of a key."""
    validity, uid, _ = ref.key.split(".", 2)
    return int(validity), int(uid)


def look(session: Session, uids: Sequence[int], extra: str = "") -> Iterator[tuple[Seen, bytes]]:
    """Messages of the open mailbox, each with the extra part that was asked for (without marking it as read)."""
    items = ["FLAGS", "INTERNALDATE", "RFC822.SIZE", *(["MODSEQ"] if "CONDSTORE" in session.features else [])]
    found = session.fetch(uids, [*items, extra] if extra else items)
    for uid in uids:
        answer = found.get(uid)
        if answer is not None and b"RFC822.SIZE" in answer:
            part = next((value for name, value in answer.items() if name.startswith(b"BODY[")), b"")
            yield _seen(uid, answer), part or b""


def marked(content: bytes, operation: str, uid: int) -> bytes:
    """A copy to append: with the operation's marker, CRLF line ends, and nothing that IMAP cannot carry.

    Raises:
        ValueError: the operation is no token of letters, digits, dots, dashes and underscores.
    """
    if not _OPERATION.fullmatch(operation):
        raise ValueError("an operation is a token of letters, digits, dots, dashes and underscores")
    if content.startswith((b"From ", b">From ")):  # an mbox envelope line is no header
        content = content.partition(b"\n")[2]
    content = re.sub(rb"\r?\n", b"\n", content.replace(b"\0", b""))
    head, blank, body = content.partition(b"\n\n")
    whole = (
        f"{MARKER}: {_named(operation)}-{_named(operation, uid)}\n".encode()
        + _OLD_MARKER.sub(b"", head + b"\n")
        + blank[1:]
        + body
    )
    return whole.replace(b"\n", b"\r\n")


def copies(session: Session, operation: str, originals: Sequence[int]) -> dict[int, list[Seen]]:
    """The copies that an operation has appended to the open mailbox, by the UID of the original.

    A copy is younger than its original, so only messages after the youngest of the originals are searched.
    """
    found: dict[int, list[Seen]] = {}
    hits = session.search(["UID", f"{max(originals) + 1}:*", "HEADER", MARKER, f"{_named(operation)}-"])
    known = {f"{_named(operation)}-{_named(operation, uid)}": uid for uid in originals}
    for seen, header in look(session, hits, f"BODY.PEEK[HEADER.FIELDS ({MARKER})]"):
        match = _MARKED.search(header.replace(b"\r", b""))
        uid = known.get(match[1].decode().lower()) if match else None
        if uid is not None and seen.uid > uid:
            found.setdefault(uid, []).append(seen)
    return found


def _named(operation: str, uid: int | None = None) -> str:
    """What stands for an operation, or for an original of it, to whoever has its token."""
    made = hmac.digest(operation.encode(), b"" if uid is None else str(uid).encode(), "sha256").hex()
    return made[:_SHORT]  # together in one line of a header: some servers fold longer ones


def _seen(uid: int, answer: Mapping[bytes, Any]) -> Seen:
    arrived = answer.get(b"INTERNALDATE")
    if arrived is not None:
        arrived = arrived.replace(tzinfo=dt.UTC) if arrived.tzinfo is None else arrived.astimezone(dt.UTC)
    modseq = answer.get(b"MODSEQ")
    flags = tuple(flag for flag in answer.get(b"FLAGS", ()) if flag.lower() != b"\\recent")
    return Seen(uid, int(answer[b"RFC822.SIZE"]), arrived, flags, int(modseq[0]) if modseq else None)
