"""What is released, what merges upward, what waits: the rules, over any contributions."""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sql.tally import Contribution, Totals, Weight
from pipelines.data_map.model import Bucket, Statistic
from pipelines.statistics.settling import Partition, persons, settled, undominated

TODAY = dt.date(2026, 6, 30)
PARTITION = Partition(
    Statistic(name="turnover", sum="cents", by=(Bucket(column="at", by="month"), Bucket(column="region")))
)


def waiting(
    cell: str, people: int, *, since: dt.date = TODAY, act: str = "delete", largest: int = 1, n: int = 0
) -> Contribution:
    """What so many persons have left in a cell: one of them ``largest``, the others one each."""
    weight = Weight(people, Decimal(largest), Decimal(min(1, max(0, people - 1))))
    total = Decimal(largest + max(0, people - 1))
    levels = range(PARTITION.level(cell), PARTITION.top + 1)
    return Contribution(cell, act, Totals(n or people, people, total), total, since, dict.fromkeys(levels, weight))


MAY, JUNE = '["2026-05", "Alsace"]', '["2026-06", "Alsace"]'


@pytest.mark.parametrize(("people", "released"), [(10, False), (11, True), (12, True)])
def test_an_increment_has_eleven_subjects(people: int, released: bool) -> None:
    found = settled([waiting(MAY, people)], PARTITION, TODAY)
    assert [each.cell for each in found.released] == [MAY] * released
    assert len(found.pending) == (not released)
    assert found.merged == ()


def test_the_officer_may_sign_off_five() -> None:
    five = Partition(PARTITION.statistic.model_copy(update={"minimum": 5}))
    assert settled([waiting(MAY, 5)], five, TODAY).released
    assert not settled([waiting(MAY, 4)], five, TODAY).released


def test_what_waits_adds_up_to_one_increment() -> None:
    once = settled([waiting(MAY, 6)], PARTITION, TODAY)
    later = settled([*once.pending, waiting(MAY, 5)], PARTITION, TODAY)
    (increment,) = later.released
    assert (increment.totals.n, increment.persons, increment.day) == (11, 11, TODAY)
    assert later.pending == ()
    late = settled([waiting(MAY, 3)], PARTITION, TODAY)
    assert late.released == (), "a late increment is held to the same"


def test_a_period_that_is_not_over_is_not_released() -> None:
    assert settled([waiting(JUNE, 500)], PARTITION, TODAY).released == ()
    assert settled([waiting(JUNE, 500)], PARTITION, TODAY + dt.timedelta(days=1)).released
    assert settled([waiting('[null, "Alsace"]', 11)], PARTITION, TODAY).released, "nor is what has no period held up"


def test_persons_of_two_kinds_of_acts_may_be_the_same() -> None:
    found = [waiting(MAY, 10), waiting(MAY, 10, act="update 1")]
    assert persons(found, 0) == 10
    assert settled(found, PARTITION, TODAY).released == ()


def test_what_one_subject_dominates_waits() -> None:
    assert settled([waiting(MAY, 20, largest=100)], PARTITION, TODAY).released
    assert not settled([waiting(MAY, 20, largest=110)], PARTITION, TODAY).released
    assert undominated(Decimal(85), Decimal(2), Decimal(100))
    assert not undominated(Decimal(86), Decimal(1), Decimal(100))
    assert not undominated(Decimal(60), Decimal(32), Decimal(100)), "who knows the second comes too near to the first"
    assert undominated(Decimal(0), Decimal(0), Decimal(0))


def test_what_has_waited_too_long_merges_upward_and_meets_its_neighbours() -> None:
    old = TODAY - dt.timedelta(days=366)
    april = ['["2025-04", "Alsace"]', '["2025-04", "Bretagne"]']
    assert settled([waiting(april[0], 6, since=TODAY - dt.timedelta(days=300))], PARTITION, TODAY).merged == ()
    found = settled([waiting(each, 6, since=old) for each in april], PARTITION, TODAY)
    assert found.merged == tuple(april)
    (increment,) = found.released
    assert (increment.cell, increment.totals.n) == ('["2025-04"]', 12)
    alone = settled([waiting(april[0], 6, since=old)], PARTITION, TODAY)
    (kept,) = alone.pending
    assert (kept.cell, kept.since, alone.held) == ('["2025-04"]', TODAY, ())
    assert settled(alone.pending, PARTITION, TODAY) == replace(alone, merged=()), "it waits there as long again"
    top = settled(alone.pending, PARTITION, TODAY + dt.timedelta(days=366))
    assert [each.cell for each in top.pending] == ["[]"]
    assert top.held == ("[]",)
    for days in (400, 4000):
        assert settled(top.pending, PARTITION, TODAY + dt.timedelta(days=days)).held == ("[]",)


def test_the_data_map_says_in_which_order_groups_merge() -> None:
    other = Partition(PARTITION.statistic.model_copy(update={"upward": ("at", "region")}))
    assert (PARTITION.parent(MAY), other.parent(MAY)) == ('["2026-05"]', '["Alsace"]')
    assert other.parent('["Alsace"]') == "[]"


days = st.dates(dt.date(2024, 1, 1), dt.date(2026, 6, 30))
cells = st.builds(
    lambda month, region: json.dumps([month, region]),
    st.sampled_from(["2024-12", "2025-01", "2026-05", "2026-06", None]),
    st.sampled_from(["Alsace", "Bretagne", None]),
)
contributions = st.lists(
    st.builds(
        lambda cell, people, since, act, largest, n: waiting(
            cell, people, since=since, act=act, largest=largest, n=n
        ),
        cells, st.integers(0, 14), days, st.sampled_from(["delete", "update 1"]), st.integers(0, 99),
        st.integers(-9, 9),
    ),
    max_size=12,
)  # fmt: skip


@given(contributions, st.lists(days, min_size=1, max_size=5))
def test_nothing_is_lost_and_every_increment_is_safe(found: list[Contribution], when: list[dt.date]) -> None:
    whole = sum((each.totals for each in found), Totals())
    by_month = monthly(found)
    released = []
    pending: tuple[Contribution, ...] = tuple(found)
    for today in sorted(when):
        each = settled(pending, PARTITION, today)
        pending = each.pending
        for increment in each.released:
            assert increment.persons >= 11
            assert PARTITION.closed(increment.cell, today)
        released += each.released
        again = settled(pending, PARTITION, today)
        assert (again.pending, again.released, again.merged) == (pending, (), ()), "settling twice is settling once"
        assert {PARTITION.level(cell) for cell in each.held} <= {PARTITION.top}
    assert sum((each.totals for each in (*pending, *released)), Totals()) == whole
    kept = [each for each in (*pending, *released) if PARTITION.level(each.cell) < PARTITION.top]
    for month, totals in monthly(kept).items():
        assert totals.n == by_month[month].n or any(each.cell == "[]" for each in (*pending, *released))


def monthly(found: list[Contribution]) -> dict[str, Totals]:
    totals: dict[str, Totals] = defaultdict(Totals)
    for each in found:
        totals[json.loads(each.cell)[0]] += each.totals
    return totals
