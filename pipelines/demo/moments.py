"""The demo's fixed present, and random days and instants around it."""

from __future__ import annotations

import datetime as dt
import random
from zoneinfo import ZoneInfo

AS_OF = dt.date(2026, 6, 30)
"""The day for which the demonstration plans and on which it acts; nothing was recorded later."""

MAPPED = dt.date(2026, 6, 1)
"""The day on which the demonstration's data maps say that they were approved."""

PARIS = ZoneInfo("Europe/Paris")


def years_before(years: int, day: dt.date = AS_OF) -> dt.date:
    """The same day, years earlier; 29 February becomes the 28th."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


def random_day(rng: random.Random, first: dt.date, last: dt.date) -> dt.date:
    """A day between two, both included; the first when they are the wrong way round."""
    span = (last - first).days
    return first + dt.timedelta(days=rng.randrange(span + 1)) if span > 0 else first


def random_instant(rng: random.Random, first: dt.date, last: dt.date) -> dt.datetime:
    """An instant in UTC on one of these days in Paris, at any hour."""
    day = random_day(rng, first, last)
    clock = dt.time(rng.randrange(24), rng.randrange(60), rng.randrange(60))
    return dt.datetime.combine(day, clock, PARIS).astimezone(dt.UTC)


def at_paris(day: dt.date, hour: int = 10, minute: int = 0) -> dt.datetime:
    """An instant in UTC, given as a day and clock of Paris."""
    return dt.datetime.combine(day, dt.time(hour, minute), PARIS).astimezone(dt.UTC)


def seeded(seed: int, room: str) -> random.Random:
    """The generator of one room of the demonstration: what one room draws does not shift another."""
    return random.Random(f"{seed}/{room}")  # noqa: S311 - invented persons have to repeat, nothing here is secret
