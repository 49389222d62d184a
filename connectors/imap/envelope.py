"""What a message's header says: who is concerned, when it was sent, and for whom it is a contact.

Headers come from strangers: nothing here raises, whatever they hold.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass

from connectors.imap.dates import sent
from connectors.imap.headers import Fields, parse
from connectors.imap.origin import MENTIONED, Letter, Origin, origin, through_list
from connectors.participants import Contact, Participant, behind, participant

_ROLES = {"From": "from", "Sender": "sender", "To": "to", "Cc": "cc", "Bcc": "bcc", "Reply-To": "reply_to"}
_ACTING = frozenset({"from", "sender", "reply_to"})
_AUTHORS_TOO = (
    "Reply-To", "Sender", "Author", "Original-From", "X-Original-From", "X-Original-Sender", "X-Mailman-Original-From",
    "X-MailFrom", "Resent-From", "Resent-Sender",
)  # fmt: skip
"""Where the author may stand when From has somebody else (RFC 9057; Mailman, Google Groups, Sympa)."""
_SHOWN = re.compile(r"(?<![^\s<>,;:\"'()\[\]])[^\s<>,;:\"'()\[\]]+@[^\s<>,;:\"'()\[\]]+")
_COMPANY = re.compile(
    r"\s*([|/\u2013\u2014@,]|\s-\s|\s(chez|at|from|on behalf of|au nom de|pour le compte de)\s).*$", re.IGNORECASE
)

FETCHED = " ".join(dict.fromkeys(each.upper() for each in ("Date", "Received", *_ROLES, *_AUTHORS_TOO, *MENTIONED)))
"""The header fields that `envelope` reads."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """``first`` and ``last``: when it was sent, in UTC (see `dates.Sent`). ``automatic``: no contact of anybody."""

    first: dt.datetime | None
    last: dt.datetime | None
    automatic: bool
    participants: tuple[Participant, ...]
    rules: tuple[str, ...] = ()


def envelope(headers: bytes, arrived: dt.datetime | None) -> Envelope:
    """Read a header block; ``arrived`` is the INTERNALDATE."""
    fields = Fields(parse(headers))
    when = sent(fields, arrived)
    letter = Letter(fields, tuple(fields.people("From")))
    found = origin(letter)
    if when.disputed and found.contact is Contact.STRONG:
        found = Origin(Contact.WEAK, found.behind, ("disputed date",))
    people = tuple(_distinct(_participants(letter, found)))
    somebody = any(each["role"] in _ACTING and each["contact"] != Contact.NONE for each in people)
    automatic = found.contact is Contact.NONE and not somebody
    return Envelope(when.first, when.last, automatic, people, found.rules)


def _participants(letter: Letter, found: Origin) -> Iterator[Participant | None]:
    """Everybody in the address fields, the authors first; then, as a doubt, who else may be the author."""
    for name, address in letter.authors:
        yield participant("from", address, name, found.contact)
        yield participant("from", "", _without_company(name), found.contact)
    for field, role in _ROLES.items():
        if role != "from":
            for name, address in letter.fields.people(field):
                yield participant(role, address, name, found.behind if role in _ACTING else Contact.STRONG)
    for name, address in _perhaps(letter):
        yield participant("from", address, name, found.behind)


def _perhaps(letter: Letter) -> Iterator[tuple[str, str]]:
    """Who may have written the message besides its From."""
    known = {address.lower() for _, address in letter.authors}
    places = (*_AUTHORS_TOO, "Cc") if through_list(letter) else _AUTHORS_TOO
    for field in places:
        for name, address in letter.fields.people(field):
            if address.lower() not in known:
                yield name, address
    for shown, address in letter.authors:
        yield "", behind(address)
        for found in _SHOWN.findall(shown):  # a name that is an address
            if found.lower() not in known:
                yield "", found
        if through_list(letter) and address:  # the name is the author's, the address is not
            yield shown, ""


def _without_company(name: str) -> str:
    """The name without the company that stands behind it, if it is whole then; else nothing."""
    bare = _COMPANY.sub("", name)
    return bare if bare != name and " " in bare.strip() else ""


def _distinct(people: Iterator[Participant | None]) -> Iterator[Participant]:
    seen = set()
    for person in people:
        if person and (mark := (person["role"], person["address"].lower(), person["name"])) not in seen:
            seen.add(mark)
            yield person
