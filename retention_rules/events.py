"""The four states of an event, and how several occurrences combine.

An event is the starting point of a retention period (ISO/IEC 27555). What is known about it for one record is
exactly one of four states; ``None`` is never one of them, because the ways in which a date can be absent have
opposite consequences: an open contract keeps, a missing date abstains, an absent event does not match.

Two dates govern what may be observed. ``as_of`` is the date that the plan is made *for*, ``today`` the day on which
the engine runs. They agree in an ordinary run and differ in a plan for the past or for the future:

| the day lies | an end is | a point is |
|---|---|---|
| up to both | known | known |
| after as_of, up to today (plan for the past) | open: it still ran | absent: yet to happen (missing if overwritten) |
| after today, up to as_of (plan for the future) | known: it is announced | missing: quarantined |
| after both | open | missing: quarantined |

A store that keeps only the latest of several occurrences (``overwritten``) cannot say what came before one that is
invisible, so the point is missing there and the record is abstained from.
"""

from __future__ import annotations

import calendar
import datetime as dt
import enum
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

EARLIEST_DAY = dt.date(1900, 1, 1)
"""Earlier dates are absurd (epochs, zeros, typing errors): they count as missing."""

_LENGTH_OF_A_DAY = 10


_DAY_OF_YEAR = "((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
_LEAP_DAY = "([1-9][0-9](0[48]|[2468][048]|[13579][26])|([2468][048]|[13579][26])00)-02-29"
_TIME = "([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,6})?)?(Z|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?)?"
ISO_TEXT = f"([1-9][0-9][0-9][0-9]-{_DAY_OF_YEAR}|{_LEAP_DAY})([T ]{_TIME})?"
"""The texts that hold a date: a day that the calendar has, and perhaps a time of day with an offset from UTC.

A regular expression that every store's engine reads alike, so that all agree with `observe` on what is no date.
"""


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

Observable = dt.date | dt.datetime | str | None
"""What a store may hold for an event: a day, an instant, ISO text, or nothing."""


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


def ending(events: Iterable[Event]) -> Event:
    """Combine occurrences of what ends a purpose: Open (it was taken up again) > the earliest day > Missing > Absent.

    One request that is known is enough, whatever else is not.
    """
    found = list(events)
    days = [event for event in found if isinstance(event, Known)]
    if days and not any(isinstance(event, Open) for event in found):
        return min(days)
    return latest(found)


def observe(
    value: Observable | Iterable[Observable],
    kind: EventKind,
    zone: ZoneInfo,
    *,
    as_of: dt.date,
    today: dt.date,
    null: Event | None = None,
    overwritten: bool = False,
    combine: Callable[[Iterable[Event]], Event] = latest,
) -> Event:
    """What a stored value, or several occurrences, say about an event; see the module's table.

    An instant is converted to the controller's ``zone`` before its date is taken; a naive one is UTC. Text is read as
    `ISO_TEXT`, and is missing where it is none. ``null`` is the state that an empty value (or text) stands for:
    missing, unless the data map knows better. ``combine`` is `latest` or `earliest`; no occurrence at all is absent.
    """
    states = occurrences(value, kind, zone, as_of=as_of, today=today, null=null, overwritten=overwritten)
    return states[0] if len(states) == 1 else combine(states)


def occurrences(
    value: Observable | Iterable[Observable],
    kind: EventKind,
    zone: ZoneInfo,
    *,
    as_of: dt.date,
    today: dt.date,
    null: Event | None = None,
    overwritten: bool = False,
) -> tuple[Event, ...]:
    """The state of each occurrence, uncombined: a starting point says whether the latest or the earliest counts."""
    values = (value,) if value is None or isinstance(value, dt.date | str) else tuple(value)
    unknown = Missing() if null is None else null
    return tuple(
        unknown if each is None or _blank(each) else _state(_day(each, zone), kind, as_of, today, overwritten)
        for each in values
    )


def _blank(value: dt.date | str) -> bool:
    return isinstance(value, str) and not value.strip(" ")


def end_of_fiscal_year(day: dt.date, month: int) -> dt.date:
    """The last day of the fiscal year in which a day lies; the year ends with the ``month`` (1 to 12).

    Where a period counts from the close of the fiscal year (Code de commerce L123-22), the start is rolled forward
    before the period is added. A day in the calendar's last year stays: the next one has no days. An absurd one does
    too: it is not to become plausible.
    """
    if day.year == dt.MAXYEAR or day < EARLIEST_DAY:
        return day
    year = day.year + (day.month > month)
    return dt.date(year, month, calendar.monthrange(year, month)[1])


def _day(value: dt.date | str, zone: ZoneInfo) -> dt.date | None:
    """The calendar day of a value in the zone; ``None`` if it has none."""
    if isinstance(value, str):
        read = _read(value.strip(" "))
        if read is None:
            return None
        value = read
    if not isinstance(value, dt.datetime):
        return value
    instant = value if value.tzinfo else value.replace(tzinfo=dt.UTC)
    try:
        return instant.astimezone(zone).date()
    except OverflowError:  # at either end of the calendar: for ever, or absurd
        return value.date()


def _read(text: str) -> dt.date | dt.datetime | None:
    if not re.fullmatch(ISO_TEXT, text):
        return None
    return dt.date.fromisoformat(text) if len(text) == _LENGTH_OF_A_DAY else dt.datetime.fromisoformat(text)


def _state(day: dt.date | None, kind: EventKind, as_of: dt.date, today: dt.date, overwritten: bool) -> Event:
    if day is None or day < EARLIEST_DAY:
        return Missing()
    if kind is EventKind.END:
        return Open() if day > as_of or day == dt.date.max else Known(day)
    if day > today:
        return Missing()
    if day > as_of:
        return Missing() if overwritten else Absent()
    return Known(day)
