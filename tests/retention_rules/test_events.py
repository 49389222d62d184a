"""What a stored value says about an event, on the as-of date and seen from today."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention_rules.events import (
    Absent,
    Event,
    EventKind,
    Known,
    Missing,
    Observable,
    Open,
    earliest,
    end_of_fiscal_year,
    latest,
    observe,
    occurrences,
)

PARIS = ZoneInfo("Europe/Paris")
TODAY = dt.date(2026, 6, 30)
EVENTS = st.one_of(st.dates().map(Known), st.just(Open()), st.just(Missing()), st.just(Absent()))


def seen(value: Observable | list[Observable], kind: EventKind, as_of: dt.date = TODAY, **more: object) -> Event:
    return observe(value, kind, PARIS, as_of=as_of, today=TODAY, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", EventKind)
@pytest.mark.parametrize("value", [dt.date(2024, 2, 29), "2024-02-29", " 2024-02-29 ", dt.datetime(2024, 2, 29, 9)])  # noqa: DTZ001
def test_a_day_in_the_past_is_known(kind: EventKind, value: Observable) -> None:
    assert seen(value, kind) == Known(dt.date(2024, 2, 29))


@pytest.mark.parametrize("kind", EventKind)
def test_the_as_of_day_itself_is_no_future(kind: EventKind) -> None:
    assert seen(TODAY, kind) == Known(TODAY)


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        ("2022-03-31T22:30:00Z", "2022-04-01"),
        ("2024-10-27T22:30:00Z", "2024-10-27"),
        ("2024-10-27T23:30:00Z", "2024-10-28"),
        ("2024-02-29T23:30:00+00:00", "2024-03-01"),
        ("2024-02-29T23:30:00", "2024-03-01"),
        ("2024-03-01T00:30:00+02:00", "2024-02-29"),
    ],
)
def test_an_instant_is_converted_to_the_zone_before_its_day_is_taken(instant: str, day: str) -> None:
    expected = Known(dt.date.fromisoformat(day))
    assert seen(instant, EventKind.POINT) == seen(dt.datetime.fromisoformat(instant), EventKind.POINT) == expected


@pytest.mark.parametrize("value", ["soon", "", "0000-00-00", "31/12/2024", dt.date(1899, 12, 31), dt.date.min])
@pytest.mark.parametrize("kind", EventKind)
def test_an_absurd_date_is_missing(value: Observable, kind: EventKind) -> None:
    assert seen(value, kind) == Missing()


@pytest.mark.parametrize("value", [dt.date.max, "9999-12-31", "9999-12-31T23:59:59Z", dt.date(2031, 1, 1)])
def test_the_far_future_is_open_for_an_end_and_quarantined_for_a_point(value: Observable) -> None:
    assert seen(value, EventKind.END) == Open()
    assert seen(value, EventKind.POINT) == Missing()


def test_the_end_of_the_calendar_is_open_even_for_a_plan_for_that_day() -> None:
    assert observe(dt.date.max, EventKind.END, PARIS, as_of=dt.date.max, today=dt.date.max) == Open()


@pytest.mark.parametrize(
    ("as_of", "day", "end", "point", "overwritten"),
    [
        ("2025-01-01", "2024-05-05", "known", "known", "known"),
        ("2025-01-01", "2025-05-05", Open(), Absent(), Missing()),
        ("2027-01-01", "2026-12-01", "known", Missing(), Missing()),
        ("2025-01-01", "2028-12-01", Open(), Missing(), Missing()),
        ("2027-01-01", "2028-12-01", Open(), Missing(), Missing()),
    ],
)
def test_plans_for_the_past_and_the_future(
    as_of: str, day: str, end: object, point: object, overwritten: object
) -> None:
    date, known = dt.date.fromisoformat(as_of), Known(dt.date.fromisoformat(day))
    assert seen(day, EventKind.END, date) == (known if end == "known" else end)
    assert seen(day, EventKind.POINT, date) == (known if point == "known" else point)
    assert seen(day, EventKind.POINT, date, overwritten=True) == (known if overwritten == "known" else overwritten)


def test_an_empty_value_is_missing_unless_the_data_map_knows_better() -> None:
    assert seen(None, EventKind.END) == Missing()
    assert seen(None, EventKind.END, null=Open()) == Open()
    assert seen([None, "2024-01-01"], EventKind.POINT, null=Absent()) == Known(dt.date(2024, 1, 1))


def test_several_occurrences_combine_as_they_are_told_to() -> None:
    days: list[Observable] = ["2023-01-31", "2021-05-31"]
    assert seen(days, EventKind.END) == Known(dt.date(2023, 1, 31))
    assert seen(days, EventKind.END, combine=earliest) == Known(dt.date(2021, 5, 31))
    assert seen([], EventKind.END) == Absent()
    both = occurrences(["2023-01-31", None], EventKind.END, PARIS, as_of=TODAY, today=TODAY)
    assert both == (Known(dt.date(2023, 1, 31)), Missing())


@given(st.lists(EVENTS))
def test_precedence_of_the_latest(events: list[Event]) -> None:
    days = [event for event in events if isinstance(event, Known)]
    order: list[Event] = [Open(), Missing(), *([max(days)] if days else []), Absent()]
    assert latest(events) == next(event for event in order if event in events or event == Absent())


@given(st.lists(EVENTS))
def test_precedence_of_the_earliest(events: list[Event]) -> None:
    days = [event for event in events if isinstance(event, Known)]
    order: list[Event] = [Missing(), *([min(days)] if days else []), Open(), Absent()]
    assert earliest(events) == next(event for event in order if event in events or event == Absent())


@pytest.mark.parametrize(
    ("day", "month", "end"),
    [
        ("2025-01-01", 12, "2025-12-31"),
        ("2025-12-31", 12, "2025-12-31"),
        ("2025-06-30", 6, "2025-06-30"),
        ("2025-07-01", 6, "2026-06-30"),
        ("2024-02-29", 2, "2024-02-29"),
        ("2023-03-01", 2, "2024-02-29"),
        ("2024-03-01", 2, "2025-02-28"),
        ("9999-12-31", 6, "9999-12-31"),
        ("1900-01-01", 6, "1900-06-30"),
        ("1899-12-30", 6, "1899-12-30"),  # where spreadsheets begin: what is absurd stays so
    ],
)
def test_a_day_is_rolled_forward_to_the_end_of_its_fiscal_year(day: str, month: int, end: str) -> None:
    assert end_of_fiscal_year(dt.date.fromisoformat(day), month) == dt.date.fromisoformat(end)
