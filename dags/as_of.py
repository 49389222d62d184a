"""The as-of date of a run, derived in one place from whatever started it."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo


def as_of_date(
    *,
    requested: str | None,
    partition_date: dt.datetime | None,
    data_interval_end: dt.datetime | None,
    run_after: dt.datetime,
    zone: ZoneInfo,
    today: dt.date,
) -> dt.date:
    """The calendar day for which a run plans.

    The run's own parameter comes first, then the partition's date, the end of the data interval (scheduled runs,
    backfills), and the moment from which the run may start (a manual run from the API has nothing else). Instants
    become days in the controller's zone.

    Raises:
        ValueError: the parameter is no ISO date, or the day lies in the future.
    """
    if requested:
        try:
            day = dt.date.fromisoformat(requested)
        except ValueError:
            raise ValueError(f"as_of {requested!r} is no date; write it as YYYY-MM-DD") from None
    else:
        instant = partition_date or data_interval_end or run_after
        day = instant.astimezone(zone).date()
    if day > today:
        raise ValueError(
            f"as_of {day} lies in the future (today is {today}); plan it with `ardoise plan`, which acts on nothing"
        )
    return day
