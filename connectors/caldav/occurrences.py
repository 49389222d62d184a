"""What a calendar object says of its time: when it first happens, and when it last ends.

Objects come from strangers: nothing here raises, whatever they hold. What cannot be read has no dates, so that the
engine abstains from it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from icalendar import Calendar, Component

_KINDS = ("VEVENT", "VTODO", "VJOURNAL")
_MOST_OCCURRENCES = 40_000
_PLAUSIBLE = range(1900, 2201)


@dataclass(frozen=True, slots=True)
class Span:
    """First start and last end, in UTC; None where there is none or it is absurd. ``endless``: no last end."""

    first: dt.datetime | None = None
    last: dt.datetime | None = None
    endless: bool = False


def read(content: bytes) -> list[Component]:
    """The events, tasks and journal entries of an object, overrides included; none if it cannot be read."""
    try:
        calendars = Calendar.from_ical(content.decode("utf-8", "replace"), multiple=True)
        return [each for calendar in calendars for each in calendar.walk() if each.name in _KINDS]
    except Exception:  # noqa: BLE001 - the parser raises whatever strange input leads it to
        return []


def span(content: bytes, zone: ZoneInfo) -> Span:
    """When an object first begins and last ends.

    Floating times are in ``zone``. A whole day has no hours: it is given as its noon in UTC, so that the day stays the
    same in nearly every time zone; the end of a whole-day event is its last day.
    """
    try:
        return _span(content, zone)
    except Exception:  # noqa: BLE001 - as above; without dates the engine abstains
        return Span()


def cancelled(component: Component) -> bool:
    """Whether it does not take place (RFC 5545, 3.8.1.11)."""
    return str(component.get("STATUS", "")).strip().upper() == "CANCELLED"


def every(component: Component, name: str) -> list[Any]:
    """All values of a property."""
    found: Any = component.get(name, [])
    return found if isinstance(found, list) else [found]


def _span(content: bytes, zone: ZoneInfo) -> Span:
    import recurring_ical_events

    components = read(content)
    if not components:
        return Span()
    if any(_endless(each) for each in components):
        starts = [_instant(_moment(each, "DTSTART"), zone) for each in components if "DTSTART" in each]
        return Span(_plausible(min(starts, default=None)), None, endless=True)
    if any(name in each for each in components for name in ("RRULE", "RDATE", "RECURRENCE-ID")):
        if any(_countless(rule, each) for each in components for rule in every(each, "RRULE")):
            return Span(_plausible(min(_instant(_moment(each, "DTSTART"), zone) for each in components)))
        calendar = Calendar.from_ical(content.decode("utf-8", "replace"))
        query = recurring_ical_events.of(calendar, components=list(_KINDS))
        components = list(islice(query.all(), _MOST_OCCURRENCES + 1))
        if len(components) > _MOST_OCCURRENCES:
            return Span(_plausible(_instant(_moment(components[0], "DTSTART"), zone)))
    bounds = [bound for each in _happening(components) if (bound := _bounds(each, zone))]
    if len(bounds) < len(_happening(components)):
        return Span()
    first = min((start for start, _ in bounds), default=None)
    return Span(_plausible(first), _plausible(max((end for _, end in bounds), default=None)))


def _happening(components: list[Component]) -> list[Component]:
    """Without cancelled occurrences, unless all are: then when it would have been."""
    return [each for each in components if not cancelled(each)] or components


def _endless(component: Component) -> bool:
    return any("COUNT" not in rule and "UNTIL" not in rule for rule in every(component, "RRULE"))


def _countless(rule: Any, component: Component) -> bool:
    """Whether unfolding a rule with an end would take more than a moment, as a hostile one may."""
    if str(rule.get("FREQ", [""])[0]).upper() not in {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}:
        return True
    each_day = 1
    for part in ("BYHOUR", "BYMINUTE", "BYSECOND"):
        each_day *= max(1, len(rule.get(part, [])))
    if each_day * max(rule.get("COUNT", [0])) > _MOST_OCCURRENCES:
        return True
    start = _moment(component, "DTSTART")
    days = [(dt.date(*each.timetuple()[:3]) - dt.date(*start.timetuple()[:3])).days for each in rule.get("UNTIL", [])]
    return each_day * max(days, default=0) > _MOST_OCCURRENCES


def _bounds(component: Component, zone: ZoneInfo) -> tuple[dt.datetime, dt.datetime] | None:
    """Start and end; a task's is when it is due or was completed; None if there is no date at all."""
    given = {name: _moment(component, name) for name in ("DTSTART", "DTEND", "DUE", "COMPLETED") if name in component}
    if not given:
        return None
    start = next(iter(given.values()))
    if "DTEND" in given:
        end = given["DTEND"]
    elif "DTSTART" in given and "DURATION" in component:
        return _lasting(start, _moment(component, "DURATION"), zone)
    else:
        end = None
    if end is None:
        instants = [_instant(each, zone) for each in given.values()]
        return min(instants), max(instants)
    if not isinstance(end, dt.datetime):  # a whole-day end is the first day after
        end = max(start, end - dt.timedelta(days=1)) if not isinstance(start, dt.datetime) else end
    return _instant(start, zone), max(_instant(start, zone), _instant(end, zone))


def _lasting(start: dt.date, duration: dt.timedelta, zone: ZoneInfo) -> tuple[dt.datetime, dt.datetime]:
    """Days are counted by the calendar and hours by the clock (RFC 5545, 3.3.6).

    Where an offset changes in between, the two ends differ, and what was written cannot be told any more (P1D and
    PT24H are one duration): the later end counts.
    """
    first = _instant(start, zone)
    if not isinstance(start, dt.datetime):
        return first, max(first, first + duration - dt.timedelta(days=1))
    return first, max(first, first + duration, _instant(start + duration, zone))


def _moment(component: Component, name: str) -> Any:
    """A date, an instant or a duration, as the property holds it."""
    value: Any = component[name]
    return value.dt


def _instant(moment: dt.date, zone: ZoneInfo) -> dt.datetime:
    if not isinstance(moment, dt.datetime):
        return dt.datetime.combine(moment, dt.time(12), dt.UTC)
    return (moment.replace(tzinfo=zone) if moment.tzinfo is None else moment).astimezone(dt.UTC)


def _plausible(moment: dt.datetime | None) -> dt.datetime | None:
    return moment if moment is not None and moment.year in _PLAUSIBLE else None
