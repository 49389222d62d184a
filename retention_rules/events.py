"""The four states of an event, and how several occurrences combine.

An event is the starting point of a retention period (ISO/IEC 27555). What is known about it for one record is
exactly one of four states; ``None`` is never one of them, because the ways in which a date can be absent have
opposite consequences: an open contract keeps, a missing date abstains, an absent event does not match.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Known:
    """The event happened, or will, on this calendar day in the controller's time zone."""

    day: dt.date


@dataclass(frozen=True, slots=True)
class Open:
    """It runs: there is no end yet."""


@dataclass(frozen=True, slots=True)
class Missing:
    """It must have a date and has none, or an absurd one, or its evidence is incomplete."""


@dataclass(frozen=True, slots=True)
class Absent:
    """It never happened."""


Event = Known | Open | Missing | Absent


class EventKind(enum.StrEnum):
    """How a date in the future is to be read.

    An ``END`` in the future is open (so is 9999-12-31); a ``POINT`` later than today is quarantined as missing.
    """

    END = "end"
    POINT = "point"


def latest(events: Iterable[Event]) -> Event:
    """Combine occurrences when the last one counts: Open > Missing > the latest day > Absent."""
    found = list(events)
    if any(isinstance(event, Open) for event in found):
        return Open()
    if any(isinstance(event, Missing) for event in found):
        return Missing()
    days = [event for event in found if isinstance(event, Known)]
    return max(days) if days else Absent()


def earliest(events: Iterable[Event]) -> Event:
    """Combine occurrences when the first one counts: Missing > the earliest day > Open > Absent."""
    found = list(events)
    if any(isinstance(event, Missing) for event in found):
        return Missing()
    days = [event for event in found if isinstance(event, Known)]
    if days:
        return min(days)
    return Open() if any(isinstance(event, Open) for event in found) else Absent()
