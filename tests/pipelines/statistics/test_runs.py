"""A run that ends while it settles the statistics ledger is resumed, and ends where an undisturbed one would have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from apply_states import planned, state
from counted_visits import Killed
from estates import NOW, SmallEstate, small_estate

from pipelines.apply import apply
from pipelines.plan.artefact import Plan
from pipelines.verify.statistics import measured


@pytest.fixture
def small(tmp_path: Path) -> SmallEstate:
    made = small_estate(tmp_path / "estate")
    for number in range(100, 130):  # enough in one month to be released
        made.execute("crm", f"INSERT INTO web_logs VALUES ({number}, 'julien', '', '', '2024-01-11 08:00:00', 5)")
    return made


def run(small: SmallEstate, plan: Plan, **options: Any) -> Any:
    return apply(small.estate, plan.digest, now=NOW, today=NOW.date(), actor="tests", retries=(), **options)


def released(small: SmallEstate) -> list[tuple[str, int]]:
    return [(row["cell"], row["n"]) for row in small.rows("crm", "ardoise_released")]


@pytest.mark.slow
@pytest.mark.parametrize(("point", "committed"), [("settled", False), ("released", True)])
def test_a_run_that_ends_while_it_settles_is_resumed(
    small: SmallEstate, tmp_path: Path, point: str, committed: bool
) -> None:
    seen = []

    def end(reached: str) -> None:
        seen.append(reached)
        if reached == point and seen.count(point) == 2:  # the second dataset with statistics: web_logs
            raise Killed

    plan = planned(small)
    twin = small.copied(tmp_path / "twin")
    assert run(twin, plan).complete
    with pytest.raises(Killed):
        run(small, plan, checkpoint=end)
    assert bool(released(small)) == committed
    assert run(small, plan).complete
    assert released(small) == released(twin) == [('["2024-01"]', released(twin)[0][1])]
    assert state(small, plan) == state(twin, plan)
    assert [each.holds for each in measured(small.estate, plan)] == [True, True]
