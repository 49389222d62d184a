"""Calendar periods such as "3 years" or P13M, and their exact inverse."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from dataclasses import dataclass

from dateutil.relativedelta import relativedelta

_LONGEST_YEARS = 150
"""A longer period is a slip of the pen, or "for ever" in disguise."""

_ISO = re.compile(r"P(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?", re.IGNORECASE)
_PART = re.compile(r"(?P<count>\d+)\s*(?P<unit>year|month|week|day)s?", re.IGNORECASE)
_BETWEEN = re.compile(r"\s*(?:,|\band\b|\s)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A retention period in calendar units (ISO 8601 durations without a time part).

    Raises:
        ValueError: the period is zero, negative, or longer than 150 years.
    """

    years: int = 0
    months: int = 0
    days: int = 0

    def __post_init__(self) -> None:
        if min(self.years, self.months, self.days) < 0:
            raise ValueError("a period cannot be negative")
        if not (self.years or self.months or self.days):
            raise ValueError("a period cannot be zero: leave `for` out if the purpose ends with its event")
        if self.years + self.months / 12 + self.days / 365 > _LONGEST_YEARS:
            raise ValueError(f"a period of more than {_LONGEST_YEARS} years has no end in practice")

    def __str__(self) -> str:
        """As `parse` reads it: "1 year and 6 months"."""
        counts = ((self.years, "year"), (self.months, "month"), (self.days, "day"))
        return " and ".join(f"{count} {unit}{'s' if count > 1 else ''}" for count, unit in counts if count)

    @classmethod
    def parse(cls, text: str) -> Period:
        """Read "3 years", "13 months", "1 year and 6 months" or an ISO 8601 duration such as P3Y.

        Raises:
            ValueError: the text is no period, or the period is zero, negative or longer than 150 years.
        """
        stripped = text.strip()
        counts = _iso_counts(stripped) or _worded_counts(stripped)
        if counts is None:
            raise ValueError(f"{text!r} is no period, such as `3 years`, `13 months`, `1 year and 6 months` or `P3Y`")
        return cls(counts["year"], counts["month"], counts["week"] * 7 + counts["day"])

    def after(self, day: dt.date) -> dt.date:
        """The last day on which a purpose that started on ``day`` keeps: same day number, clamped to the month's end.

        Computed once from the start: years and months first, then days. A period that runs out of the calendar ends
        on its last day, 9999-12-31.
        """
        try:
            return day + relativedelta(years=self.years, months=self.months, days=self.days)
        except (OverflowError, ValueError):
            return dt.date.max

    def cutoff(self, as_of: dt.date) -> dt.date:
        """The latest start whose period is over on ``as_of``.

        The exact inverse: ``after(start) < as_of`` if and only if ``start <= cutoff(as_of)``, for every start after
        0001-01-01. That day stands for "no start is early enough"; it is never observed, since so early a date is
        absurd.
        """
        try:
            last = as_of - dt.timedelta(days=1 + self.days)
        except OverflowError:
            return dt.date.min
        year, month = divmod(last.year * 12 + last.month - 1 - (self.years * 12 + self.months), 12)
        month += 1
        if year < dt.MINYEAR:
            return dt.date.min
        end = calendar.monthrange(year, month)[1]
        # On the last day of a month, every clamped start has arrived as well.
        clamped = last.day == calendar.monthrange(last.year, last.month)[1]
        return dt.date(year, month, end if clamped else min(last.day, end))


def _iso_counts(text: str) -> dict[str, int] | None:
    match = _ISO.fullmatch(text)
    if not match or not any(match.groupdict().values()):
        return None
    return {unit.removesuffix("s"): int(count or 0) for unit, count in match.groupdict().items()}


def _worded_counts(text: str) -> dict[str, int] | None:
    counts = {"year": 0, "month": 0, "week": 0, "day": 0}
    seen: set[str] = set()
    position = 0
    while True:
        match = _PART.match(text, position)
        if not match or match["unit"].lower() in seen:
            return None
        seen.add(match["unit"].lower())
        counts[match["unit"].lower()] = int(match["count"])
        if match.end() == len(text):
            return counts
        between = _BETWEEN.match(text, match.end())
        if not between:
            return None
        position = between.end()
