"""What a message's headers say: who is concerned, when it was sent, and whether a machine sent it.

Headers come from strangers: nothing here raises, whatever they hold.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser
from email.policy import compat32
from email.utils import getaddresses, parsedate_to_datetime

from connectors.participants import Participant, clean, participant

FETCHED = (
    "FROM SENDER TO CC BCC REPLY-TO DATE AUTO-SUBMITTED PRECEDENCE LIST-ID LIST-UNSUBSCRIBE LIST-POST X-AUTOREPLY "
    "X-AUTO-REPLY X-AUTORESPOND RETURN-PATH CONTENT-TYPE"
)
"""The header fields that `envelope` reads."""

_ROLES = {"From": "from", "Sender": "sender", "To": "to", "Cc": "cc", "Bcc": "bcc", "Reply-To": "reply_to"}
_ADDRESS = re.compile(r"""[^\s<>,;:"'()\[\]\\]+@[^\s<>,;:"'()\[\]\\]+""")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_EARLIEST = dt.datetime(1982, 8, 13, tzinfo=dt.UTC)  # RFC 822: no internet mail is older
_CLOCK_SKEW = dt.timedelta(days=1)
_MACHINES = re.compile(
    r"^(mailer-daemon|postmaster|bounces?|no[._-]?reply|do[._-]?not[._-]?reply)([+._=-]|@|$)", re.IGNORECASE
)
_BULK = {"bulk", "list", "junk", "auto_reply"}


@dataclass(frozen=True, slots=True)
class Envelope:
    """``sent`` is in UTC, or None if neither the message nor the server has a plausible date."""

    sent: dt.datetime | None
    automatic: bool
    participants: tuple[Participant, ...]


def envelope(headers: bytes, arrived: dt.datetime | None) -> Envelope:
    """Read a header block.

    The Date header counts if it is plausible: it parses, is not older than internet mail and at most a day after the
    arrival that the server noted. Otherwise the arrival counts: a forged or broken date must neither make a contact
    older than it is nor put it in the future.
    """
    message = parse(headers)
    people = tuple(_participants(message))
    return Envelope(_sent(message, arrived), _is_automatic(message, people), people)


def parse(content: bytes) -> Message:
    """The headers of a message, leniently."""
    return BytesHeaderParser(policy=compat32).parsebytes(content)


def values(message: Message, name: str) -> list[str]:
    """A header's values, unfolded, with encoded words (RFC 2047) left as they are."""
    return [plain(value) for found, value in message.raw_items() if found.lower() == name.lower()]


def plain(raw: object) -> str:
    """A raw header value as clean text: unfolded, bytes read as UTF-8 (RFC 6532), what is not UTF-8 replaced."""
    text = str(raw)
    with suppress(UnicodeEncodeError):  # then it is text already
        text = text.encode("ascii", "surrogateescape").decode("utf-8", "replace")
    return clean(text)


def decoded(text: str) -> str:
    """A header's text with its encoded words decoded, those with a language tag (RFC 2231) too."""
    try:
        pieces = decode_header(text)
    except ValueError:
        return text
    return clean("".join(_piece(piece, charset) for piece, charset in pieces))


def _piece(piece: str | bytes, charset: str | None) -> str:
    if isinstance(piece, str):
        return piece
    if charset is None:  # what stands between encoded words; the library hands it over in this encoding
        return piece.decode("raw-unicode-escape", "replace")
    try:
        return piece.decode(charset.partition("*")[0], "replace")
    except (LookupError, ValueError):
        return piece.decode("latin-1")


def addresses(value: str) -> Iterator[tuple[str, str]]:
    """The (display name, address) pairs of an address header's value.

    What the grammar does not yield but looks like an address outside quotes is an address too: none may be missed.
    """
    text = value if "@" in value else decoded(value)
    try:
        pairs = getaddresses([text])
    except (ValueError, IndexError, TypeError):
        pairs = []
    known = set()
    for name, address in pairs:
        if _ADDRESS.fullmatch(address.strip()):
            known.add(address.strip().lower())
            yield decoded(name), address.strip()
        elif name and not address:
            yield decoded(name), ""
    for address in _ADDRESS.findall(_QUOTED.sub(" ", text)):
        if address.lower() not in known and not address.startswith("=?"):
            known.add(address.lower())
            yield "", address


def _participants(message: Message) -> Iterator[Participant]:
    seen = set()
    for header, role in _ROLES.items():
        for value in values(message, header):
            for name, address in addresses(value):
                person = participant(role, address, name)
                if person and (role, person["address"].lower(), person["name"]) not in seen:
                    seen.add((role, person["address"].lower(), person["name"]))
                    yield person


def _sent(message: Message, arrived: dt.datetime | None) -> dt.datetime | None:
    if arrived is not None and arrived < _EARLIEST:
        arrived = None
    for value in values(message, "Date")[:1]:
        try:
            stated = parsedate_to_datetime(value)
            stated = stated.replace(tzinfo=dt.UTC) if stated.tzinfo is None else stated.astimezone(dt.UTC)
        except (ValueError, TypeError, IndexError, OverflowError):
            break
        if stated >= _EARLIEST and (arrived is None or stated <= arrived + _CLOCK_SKEW):
            return stated
    return arrived


def _is_automatic(message: Message, people: tuple[Participant, ...]) -> bool:
    submitted = [value.split(";")[0].strip().lower() for value in values(message, "Auto-Submitted")]
    types = [value.split(";")[0].strip().lower() for value in values(message, "Content-Type")]
    return (
        any(each not in {"", "no"} for each in submitted)
        or any(value.strip().lower() in _BULK for value in values(message, "Precedence"))
        or any(name in message for name in ("List-Id", "List-Unsubscribe", "List-Post"))
        or any(name in message for name in ("X-Autoreply", "X-Auto-Reply", "X-Autorespond"))
        or any(value.replace(" ", "") == "<>" for value in values(message, "Return-Path"))
        or "multipart/report" in types
        or any(person["role"] in {"from", "sender"} and _MACHINES.match(person["address"]) for person in people)
    )
