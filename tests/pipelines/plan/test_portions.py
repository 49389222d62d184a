"""A backlog goes in portions: the oldest first, each within every limit, until nothing waits."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from planned_shop import Shop, identity

from pipelines.estate.config import Limit
from pipelines.plan.artefact import Plan, Portion
from pipelines.plan.portions import EVERYTHING, PARTS, Backlog, Place, allowed, choose

FIRST = dt.date(2020, 1, 1)
Records = list[tuple[int, int]]
"""By record: how many days after `FIRST` it is due, and the part of that day into which it falls."""

records = st.lists(st.tuples(st.integers(0, 6), st.sampled_from([0, 1, 7, PARTS - 1])), max_size=30)


def backlog(found: Records) -> Backlog:
    days = Counter(FIRST + dt.timedelta(days=day) for day, _ in found)
    return Backlog(days, lambda on: Counter(part for day, part in found if FIRST + dt.timedelta(days=day) == on))


def taken(found: Records, portion: Portion) -> Records:
    limit = ((portion.until - FIRST).days, portion.part)
    return [each for each in found if each < limit]


@given(st.dictionaries(st.sampled_from([("crm", "a"), ("crm", "b"), ("mail", "c")]), records), st.integers(1, 8))
def test_a_portion_is_the_oldest_within_every_bound_and_could_not_be_larger(
    datasets: dict[Place, Records], bound: int
) -> None:
    bounds: dict[Place, int | None] = dict.fromkeys(datasets, bound)
    portion = choose({place: backlog(found) for place, found in datasets.items()}, bounds)
    over = any(len(found) > bound for found in datasets.values())
    if portion is None:
        first = min((each for found in datasets.values() for each in found), default=None)
        assert not over or any(found.count(first) > bound for found in datasets.values() if first)
        return
    assert over
    assert all(len(taken(found, portion)) <= bound for found in datasets.values())
    waiting = sorted({each for found in datasets.values() for each in found} - {
        each for found in datasets.values() for each in taken(found, portion)
    })  # fmt: skip
    larger = [sum(each <= waiting[0] for each in found) for found in datasets.values()]
    assert max(larger) > bound


@given(records, st.integers(8, 12))
def test_portion_after_portion_finishes_the_backlog(found: Records, bound: int) -> None:
    left, rounds = list(found), 0
    while (portion := choose({("crm", "a"): backlog(left)}, {("crm", "a"): bound})) is not None:
        gone = taken(left, portion)
        assert gone
        left = [each for each in left if each not in gone]
        rounds += 1
    assert rounds <= len(found)
    assert len(left) <= bound or max(Counter(left).values()) > bound


waiting = st.dictionaries(
    st.integers(0, 9), st.tuples(st.integers(0, 3), st.sampled_from([0, 1, PARTS - 1])), max_size=10
)
"""By record: how many days after `FIRST` it is due, and the part of that day."""


@given(waiting, waiting)
def test_what_waits_of_a_record_in_two_places_counts_once_and_where_it_is_sooner(
    active: dict[int, tuple[int, int]], archived: dict[int, tuple[int, int]]
) -> None:
    later = [max(active[each], archived[each]) for each in active.keys() & archived.keys()]
    sooner = [min(place[each] for place in (active, archived) if each in place) for each in active.keys() | archived]
    both = backlog(list(active.values())) - backlog(later) + backlog(list(archived.values()))
    assert both.days == backlog(sooner).days
    for day in both.days:
        assert both.parts(day) == backlog(sooner).parts(day)


@pytest.mark.parametrize(
    ("limit", "bound"),
    [({"count": 7}, 7), ({"share": 0.5}, 50), ({"count": 7, "share": 0.05}, 5), ({"share": None}, None)],
)
def test_the_stricter_of_count_and_share_bounds_a_portion(limit: dict[str, float], bound: int | None) -> None:
    assert allowed(Limit.model_validate(limit), 101) == bound


# -- in stores


def staged(shop: Shop) -> Plan:
    return shop.plan(staged=True)


def limited(shop: Shop, count: int) -> None:
    shop.edit("ardoise.toml", "share = 1.0", f"share = 1.0\n[limits.crm.contacts]\ncount = {count}")


def test_the_oldest_are_planned_first_in_every_engine(shop: Shop) -> None:
    for year in (2016, 2014, 2018, 2015):
        shop.contact(f"{year}@a.example", collected=f"{year}-01-01")
    limited(shop, 2)

    plan = staged(shop)

    (step,) = plan.steps
    assert shop.keys(plan, step.id) == [2, 4]
    assert (step.count, step.first_due, step.last_due) == (2, dt.date(2017, 1, 2), dt.date(2018, 1, 2))
    assert plan.refusals == ()
    assert plan.portion is not None
    assert identity(plan).due == 4
    said = "or before. Records due in all: 4; since later days: 1; at least 2 portions are needed. Carry it out"
    assert [said in each for each in plan.warnings].count(True) == 1, plan.warnings


@pytest.mark.slow
def test_a_day_that_is_too_large_is_divided_by_person(shop: Shop) -> None:
    for number in range(40):
        shop.contact(f"p{number}@a.example", collected="2015-01-01")
    limited(shop, 10)

    plan = staged(shop)

    (step,) = plan.steps
    assert 1 <= step.count <= 10
    assert len(shop.keys(plan, step.id)) == step.count
    assert plan.portion is not None
    assert plan.portion.until == dt.date(2018, 1, 2)
    assert 0 < plan.portion.part < PARTS
    assert staged(shop) == plan


def test_what_fits_is_planned_as_ever(sqlite_shop: Shop) -> None:
    sqlite_shop.contact("a@a.example", collected="2015-01-01")

    assert staged(sqlite_shop) == sqlite_shop.plan()
    assert sqlite_shop.plan().portion is None


def test_a_limit_of_nothing_refuses_as_ever(sqlite_shop: Shop) -> None:
    sqlite_shop.contact("a@a.example", collected="2015-01-01")
    limited(sqlite_shop, 0)

    plan = staged(sqlite_shop)
    assert [each.reason for each in plan.refusals] == ["1 record is due, the limit is 0"]
    assert not any("None" in each for each in plan.warnings)


def test_a_portion_is_part_of_what_a_plans_digest_binds(sqlite_shop: Shop) -> None:
    for year in (2014, 2015):
        sqlite_shop.contact(f"{year}@a.example", collected=f"{year}-01-01")
    limited(sqlite_shop, 1)

    plan = staged(sqlite_shop)

    assert Plan.from_document(plan.document()) == plan
    assert plan.portion not in {None, EVERYTHING}
    assert sqlite_shop.plan().digest != plan.digest
