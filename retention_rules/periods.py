"""Calendar periods such as "3 years" or P13M, and their exact inverse."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A retention period in calendar units (ISO 8601 durations without a time part)."""

    years: int = 0
    months: int = 0
    days: int = 0

    @classmethod
    def parse(cls, text: str) -> Period:
        """Read "3 years", "13 months", "1 year and 6 months" or an ISO 8601 duration such as P3Y.

        Raises:
            ValueError: the text is no period, or the period is zero or negative.
        """
        raise NotImplementedError

    def after(self, day: dt.date) -> dt.date:
        """The last day on which a purpose that started on ``day`` keeps: same day number, clamped to the month's end."""
        raise NotImplementedError

    def cutoff(self, as_of: dt.date) -> dt.date:
        """The latest start whose period is over on ``as_of``: ``after(start) < as_of`` iff ``start <= cutoff(as_of)``."""
        raise NotImplementedError
