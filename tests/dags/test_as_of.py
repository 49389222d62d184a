"""The as-of date of a run: one function, whatever started it."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from dags.as_of import as_of_date

PARIS = ZoneInfo("Europe/Paris")
TODAY = dt.date(2026, 6, 30)
LATE = dt.datetime(2026, 6, 28, 22, 30, tzinfo=dt.UTC)  # already the 29th in Paris
EARLY = dt.datetime(2026, 6, 1, 2, 0, tzinfo=dt.UTC)


def derived(
    requested: str | None = None, partition: dt.datetime | None = None, end: dt.datetime | None = None
) -> dt.date:
    return as_of_date(
        requested=requested, partition_date=partition, data_interval_end=end, run_after=EARLY, zone=PARIS, today=TODAY
    )


def test_the_parameter_comes_first_then_partition_then_interval_then_run_after() -> None:
    assert derived("2026-01-31", partition=LATE, end=LATE) == dt.date(2026, 1, 31)
    assert derived(partition=EARLY, end=LATE) == dt.date(2026, 6, 1)
    assert derived(end=LATE) == dt.date(2026, 6, 29)
    assert derived() == dt.date(2026, 6, 1)


def test_an_instant_becomes_a_day_in_the_controllers_zone() -> None:
    assert derived(end=LATE) == LATE.date() + dt.timedelta(days=1)


@pytest.mark.parametrize(("requested", "problem"), [("2026-07-01", "future"), ("30/06/2026", "YYYY-MM-DD")])
def test_a_future_or_unreadable_date_is_refused_with_its_remedy(requested: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        derived(requested)
