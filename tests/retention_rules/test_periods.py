"""Calendar arithmetic: clamped once from the start, with an exact inverse."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from retention_rules.periods import Period

PERIODS = st.builds(
    Period, years=st.integers(0, 50), months=st.integers(0, 30), days=st.integers(0, 800).filter(bool)
) | st.builds(Period, years=st.integers(1, 99), months=st.integers(0, 30))


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("3 years", Period(years=3)),
        ("1 year", Period(years=1)),
        ("13 months", Period(months=13)),
        ("90 days", Period(days=90)),
        ("2 weeks", Period(days=14)),
        ("1 year and 6 months", Period(years=1, months=6)),
        ("1 year, 6 months and 2 days", Period(1, 6, 2)),
        ("1 Year 6 Months", Period(years=1, months=6)),
        ("P3Y", Period(years=3)),
        ("p1y6m", Period(years=1, months=6)),
        ("P2W", Period(days=14)),
        ("P1Y2M3D", Period(1, 2, 3)),
    ],
)
def test_reads_words_and_iso_8601(text: str, period: Period) -> None:
    assert Period.parse(text) == period


@pytest.mark.parametrize(
    "text",
    ["", "3", "years", "for ever", "3 yeers", "1 year 2 years", "1 year; 2 days", "1 year and", "P", "PT3H", "-1 year"],
)
def test_refuses_what_is_no_period(text: str) -> None:
    with pytest.raises(ValueError, match="is no period"):
        Period.parse(text)


@pytest.mark.parametrize(("text", "why"), [("0 years", "zero"), ("P0D", "zero"), ("999 years", "no end in practice")])
def test_refuses_periods_that_end_at_once_or_never(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Period.parse(text)


@pytest.mark.parametrize("parts", [(-1, 13, 0), (1, -1, 0), (1, 0, -1)])
def test_refuses_negative_parts(parts: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"^a period cannot be negative$"):
        Period(*parts)


def test_says_what_to_do_in_place_of_a_period_of_zero() -> None:
    with pytest.raises(
        ValueError, match=r"^a period cannot be zero: leave `for` out if the purpose ends with its event$"
    ):
        Period()


def test_150_years_are_the_longest_period_however_they_are_counted() -> None:
    for longest in (Period(years=150), Period(months=1800), Period(days=150 * 365), Period(149, 6, 182)):
        assert longest.after(dt.date(1900, 1, 1)).year >= 2049
    for parts in ((150, 0, 1), (0, 1801, 0), (0, 0, 150 * 365 + 1), (149, 13, 0), (149, 0, 366)):
        with pytest.raises(ValueError, match="no end in practice"):
            Period(*parts)


@pytest.mark.parametrize(
    ("period", "text"),
    [
        (Period(years=1), "1 year"),
        (Period(years=2, months=1), "2 years and 1 month"),
        (Period(1, 2, 3), "1 year and 2 months and 3 days"),
        (Period(days=1), "1 day"),
    ],
)
def test_is_written_in_words(period: Period, text: str) -> None:
    assert str(period) == text


@given(PERIODS)
def test_is_read_back_as_it_is_written(period: Period) -> None:
    assert Period.parse(str(period)) == period


@pytest.mark.parametrize(
    ("start", "period", "last"),
    [
        ("2024-02-29", "1 year", "2025-02-28"),
        ("2024-02-29", "4 years", "2028-02-29"),
        ("2024-08-31", "6 months", "2025-02-28"),
        ("2024-01-31", "13 months", "2025-02-28"),
        ("2024-01-31", "1 month and 1 day", "2024-03-01"),
        ("2023-12-31", "90 days", "2024-03-30"),
        ("9999-06-01", "1 year", "9999-12-31"),
        ("9999-12-31", "1 day", "9999-12-31"),
    ],
)
def test_keeps_through_the_same_day_number_clamped_to_the_month(start: str, period: str, last: str) -> None:
    assert Period.parse(period).after(dt.date.fromisoformat(start)) == dt.date.fromisoformat(last)


@given(period=PERIODS, start=st.dates(min_value=dt.date(1, 1, 2)), as_of=st.dates())
@example(period=Period(years=1), start=dt.date(2024, 2, 29), as_of=dt.date(2025, 3, 1))
@example(period=Period(years=1), start=dt.date(2024, 2, 29), as_of=dt.date(2025, 2, 28))
@example(period=Period(months=6), start=dt.date(2024, 8, 31), as_of=dt.date(2025, 3, 1))
@example(period=Period(days=1), start=dt.date.max, as_of=dt.date.max)
@example(period=Period(days=1), start=dt.date(1, 1, 2), as_of=dt.date.min)
@example(period=Period(years=1), start=dt.date(1, 3, 1), as_of=dt.date(2, 6, 15))
@example(period=Period(years=99), start=dt.date(1, 1, 2), as_of=dt.date(50, 1, 1))
def test_cutoff_is_the_exact_inverse(period: Period, start: dt.date, as_of: dt.date) -> None:
    assert (period.after(start) < as_of) == (start <= period.cutoff(as_of))


@given(period=PERIODS, as_of=st.dates(dt.date(200, 1, 1)), near=st.integers(-40, 40))
def test_cutoff_is_exact_on_the_days_around_it(period: Period, as_of: dt.date, near: int) -> None:
    start = period.cutoff(as_of)
    if dt.date(1, 3, 1) < start < dt.date(9999, 11, 1):
        start += dt.timedelta(days=near)
    assert start == dt.date.min or (period.after(start) < as_of) == (start <= period.cutoff(as_of))


@given(period=PERIODS, one=st.dates(), other=st.dates())
def test_a_later_start_never_ends_earlier(period: Period, one: dt.date, other: dt.date) -> None:
    assert period.after(min(one, other)) <= period.after(max(one, other))
