"""What MariaDB reads in a whole run grows with the rows that are there: members and their visits, who are to hide."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest
from hidden_shop import Club, club_in
from rows_read import rows_read

FEW, TIMES = 150, 4


@pytest.mark.slow
def test_what_is_read_in_a_run_grows_with_the_rows(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    counted: dict[str, list[int]] = defaultdict(list)
    made: Club = club_in("mariadb", request, tmp_path)
    first = 0
    for members in (FEW, FEW * TIMES):
        numbers = range(first, first + members)
        first += members
        made.run("DELETE FROM visits")
        made.run("DELETE FROM members")
        made.join(numbers)
        made.visit(numbers)
        plan = made.plan()
        assert sum(step.count for step in plan.steps) > members

        def verified() -> None:
            assert not [each for each in made.verify(plan) if each.blocking]  # noqa: B023 - called at once

        acts = {"planning": made.plan, "run": lambda: made.apply(plan, chunk=10_000), "verification": verified}  # noqa: B023 - the same
        for name, act in acts.items():
            counted[name].append(rows_read(made.admin, act))
    growth = {name: many / few for name, (few, many) in counted.items()}
    assert max(growth.values()) < TIMES * 1.5, growth
