"""When a message was sent, out of three witnesses that may disagree: its author, the delivery, the mailbox.

The Date header (RFC 5322, 3.6.1) is what the author's clock said. The topmost Received line (RFC 5321, 4.4) was written
by the server that delivered the message, and survives a migration. INTERNALDATE (RFC 9051, 2.3.3) is when the message
came into this mailbox: by delivery, or years later by an import.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from connectors.imap.headers import Fields

EARLIEST = dt.datetime(1982, 8, 13, tzinfo=dt.UTC)
"""RFC 822: no internet mail is older."""

AHEAD = dt.timedelta(days=1)
"""How far an honest clock and a forgotten time zone may be ahead of the delivery."""

BEHIND = dt.timedelta(days=7)
"""How long a message may have been under way, or waited in somebody's outbox."""


@dataclass(frozen=True, slots=True)
class Sent:
    """When a message was sent, in UTC; None if nobody says anything plausible.

    ``first`` and ``last`` differ when the witnesses disagree and nothing settles it: then the message is `disputed`,
    and what counts it as a contact is a doubt (until ``last``), never a fact.
    """

    first: dt.datetime | None
    last: dt.datetime | None

    @property
    def disputed(self) -> bool:
        """Whether the witnesses disagree."""
        return self.first != self.last


def sent(fields: Fields, arrived: dt.datetime | None) -> Sent:
    """When a message was sent.

    The Date counts while it is at most `BEHIND` before the delivery and at most `AHEAD` after it. Otherwise the
    delivery counts, since the author's clock was wrong. A message without a Received line was never delivered (a draft,
    a copy, an import): where its Date and INTERNALDATE disagree, both stand.
    """
    arrived = _plausible(arrived)
    delivered = _delivered(fields, arrived)
    stated = max(filter(None, (_plausible(_parsed(each)) for each in fields.all("Date"))), default=None)
    told = delivered or arrived
    if stated is None or told is None:
        return Sent(stated or told, stated or told)
    if told - BEHIND <= stated <= told + AHEAD:
        return Sent(stated, stated)
    if delivered is not None:
        return Sent(delivered, delivered)
    return Sent(min(stated, told), max(stated, told))


def _delivered(fields: Fields, arrived: dt.datetime | None) -> dt.datetime | None:
    """The date of the topmost Received line; one after the arrival is nobody's witness."""
    lines = fields.all("Received")[:1]
    found = _plausible(_parsed(lines[0].rpartition(";")[2])) if lines else None
    return found if found is None or arrived is None or found <= arrived + AHEAD else None


def _parsed(text: str) -> dt.datetime | None:
    try:
        stated = parsedate_to_datetime(text)
        return stated.replace(tzinfo=dt.UTC) if stated.tzinfo is None else stated.astimezone(dt.UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _plausible(moment: dt.datetime | None) -> dt.datetime | None:
    return moment if moment is not None and moment >= EARLIEST else None
