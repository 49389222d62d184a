"""A simulation counts what plans for the days to come would find, and asks every dataset once."""

from __future__ import annotations

import calendar
import contextlib
import datetime as dt

import pytest
from crowded_shop import crowd
from planned_shop import TODAY, Shop

from pipelines.plan.build import draft
from pipelines.simulate.forecast import By, Forecast, simulate

pytestmark = pytest.mark.slow

MONTHS = 42

Due = dict[tuple[str, str, str], int]


def forecast(shop: Shop, **wanted: object) -> Forecast:
    return simulate(shop.estate, "SHOP", today=TODAY, **{"months": MONTHS, **wanted})  # type: ignore[arg-type]


def planned(shop: Shop, as_of: dt.date) -> Due:
    """What a plan for a day finds due."""
    estate = shop.estate
    with contextlib.closing(estate.engine()) as engine:
        plan = draft(estate, engine, "SHOP", as_of=as_of, today=TODAY)
    return {(each.store, each.dataset, each.category): each.due for each in plan.tallies}


def released(made: Forecast, periods: int) -> Due:
    """What the simulation says is due at the end of so many periods."""
    return {
        (each.store, each.dataset, each.category): each.overdue + sum(each.released[:periods]) for each in made.outlooks
    }


def month_end(period: str) -> dt.date:
    year, month = map(int, period.split("-"))
    return dt.date(year, month, calendar.monthrange(year, month)[1])


def hold_equal(shop: Shop, numbers: range) -> Forecast:
    """The months of these numbers release the differences of the plans at their ends."""
    made = forecast(shop)
    for number in numbers:
        assert released(made, number + 1) == planned(shop, month_end(made.periods[number])), made.periods[number]
    return made


def test_months_release_the_differences_of_the_plans_at_their_ends(crowded: Shop) -> None:
    made = hold_equal(crowded, range(14, 15))

    assert released(made, 0) == planned(crowded, TODAY)
    assert sum(sum(each.released) for each in made.outlooks) > 50
    for each in made.outlooks:
        parts = (each.later, each.open, each.held, each.undetermined, each.conditional, each.done)
        assert each.records == each.overdue + sum(each.released) + sum(parts)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_many_shops_release_the_differences_of_their_plans(shop: Shop, seed: int) -> None:
    crowd(shop, seed, people=120)
    made = hold_equal(shop, range(0, MONTHS, 6))

    assert len({each.released for each in made.outlooks}) > 5


def test_wider_periods_are_sums_of_months(sqlite_shop: Shop) -> None:
    for number in range(20):
        sqlite_shop.contact(f"{number}@a.example", collected=f"2024-{number % 12 + 1:02}-{number + 1:02}")
    sqlite_shop.scan()
    months, years = forecast(sqlite_shop), forecast(sqlite_shop, by=By.YEAR)

    assert years.periods == ("2026", "2027", "2028", "2029")
    names = next(each for each in months.outlooks if each.category == "user.name")
    assert sum(names.released) == 20
    for narrow, wide in zip(months.outlooks, years.outlooks, strict=True):
        assert wide.released == tuple(
            sum(count for name, count in zip(months.periods, narrow.released, strict=True) if name.startswith(year))
            for year in years.periods
        )
