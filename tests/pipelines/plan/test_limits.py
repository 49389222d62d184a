"""Limits by count, share and deviation, and emptiness: each says what it found and what it is held against."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.estate.config import Limit
from pipelines.plan.limits import in_the_future, over_limits

TODAY = dt.date(2026, 6, 30)


@dataclass(frozen=True)
class Counted:
    """Counts of a dataset at earlier times, the newest first."""

    counts: Sequence[int] = field(default_factory=list)

    def recent(self, _store: str, _dataset: str) -> Sequence[int]:
        return self.counts


def reasons(found: int, acted_on: int = 0, counts: Sequence[int] = (), **limit: float | bool) -> list[str]:
    refusals = over_limits(
        "crm", "contacts", found=found, acted_on=acted_on, limit=Limit.model_validate(limit), volumes=Counted(counts)
    )
    return [each.reason for each in refusals]


@pytest.mark.parametrize(
    ("found", "acted_on", "limit", "said"),
    [
        (100, 11, {"count": 10}, ["11 records are due, the limit is 10"]),
        (100, 10, {"count": 10}, []),
        (100, 1, {"count": 0}, ["1 record is due, the limit is 0"]),
        (100, 51, {"share": 0.5}, ["51 of 100 records are due, the limit is 50%"]),
        (100, 50, {"share": 0.5}, []),
        (0, 0, {"share": 0.0}, []),
        (100, 60, {"count": 10, "share": 0.5}, ["60 records are due, the limit is 10",
                                               "60 of 100 records are due, the limit is 50%"]),
    ],
)  # fmt: skip
def test_a_plan_waits_when_more_is_due_than_count_and_share_allow(
    found: int, acted_on: int, limit: dict[str, float], said: list[str]
) -> None:
    assert reasons(found, acted_on, **limit) == said


@pytest.mark.parametrize(("found", "waits"), [(89, True), (90, False), (110, False), (111, True)])
def test_a_plan_waits_when_a_dataset_is_not_of_its_usual_size(found: int, waits: bool) -> None:
    said = reasons(found, counts=[100, 5, 100, 1000, 100], deviation=0.1)
    assert said == ([f"it holds {found} records, usually 100; the limit of deviation is 10%"] if waits else [])


def test_a_dataset_that_was_never_counted_has_no_usual_size() -> None:
    assert reasons(5, deviation=0.0) == []
    assert reasons(0, deviation=0.0) == []


@given(st.lists(st.integers(0, 2000), max_size=10))
@example([1000])
def test_a_dataset_is_suddenly_empty_as_long_as_one_of_the_last_counts_was_not(counts: list[int]) -> None:
    held = next((each for each in counts if each), None)
    assert reasons(0, counts=counts) == (
        [] if held is None else [f"it is suddenly empty; it held {held:,} record{'s' * (held != 1)}"]
    )
    assert reasons(0, counts=counts, empty=True) == []


def test_a_plan_for_the_future_only_plans() -> None:
    (refusal,) = in_the_future(TODAY + dt.timedelta(days=1), TODAY)
    assert "lies in the future" in refusal.reason
    assert list(in_the_future(TODAY, TODAY)) == []
