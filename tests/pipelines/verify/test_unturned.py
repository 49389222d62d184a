"""Rows of nobody that lead to a person's own row all the same: too few of them wait; of enough verification fails."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path

import pytest
from approving import confirm_maps
from hidden_shop import NOW, Club, K, club_in, is_nobody

from pipelines.plan.artefact import Plan
from pipelines.report.model import Anonymity
from pipelines.verify.anonymity import TURNED, measured

pytestmark = pytest.mark.slow


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Club:
    return club_in(request.param, request, tmp_path)


def of_visits(store: Club, plan: Plan) -> Anonymity:
    return next(each for each in measured(store.estate, plan) if each.dataset == "visits")


def failed(store: Club, plan: Plan) -> list[tuple[str, int | None]]:
    return [(each.expectation, each.seen) for each in store.verify(plan) if not each.passed]


def test_too_few_rows_are_held_back_until_there_are_enough(store: Club) -> None:
    store.join(range(1, 60))
    store.visit(range(1, K - 1), each=1)
    plan = store.plan()
    assert store.apply(plan).complete
    assert failed(store, plan) == []
    found = of_visits(store, plan)
    assert (found.k, found.held_back, found.unturned) == (None, K - 2, 0)
    store.join(range(200, 240), seed=9)
    store.visit(range(200, 203), each=1)
    tomorrow = NOW + dt.timedelta(days=1)
    later = store.plan(tomorrow)
    assert store.apply(later, now=tomorrow, today=tomorrow.date()).complete
    found = of_visits(store, later)
    assert (found.held_back, found.unturned) == (0, 0)
    members = {row["id"]: row for row in store.rows()}
    visits = [row for row in store.rows("visits") if is_nobody(members[row["member_id"]])]
    cells = Counter((row["member_id"], row["on_day"], row["cents"]) for row in visits)
    assert sum(cells.values()) == K + 1
    assert min(cells.values()) >= K


def test_rows_that_a_run_has_left_as_they_were_are_found(store: Club) -> None:
    store.join(range(1, 60))
    store.run("UPDATE members SET cents = 1 WHERE cents IS NULL")
    store.visit(range(1, 60), each=1)
    plan = store.plan()

    def stop(point: str) -> None:
        if point == "turning":
            raise InterruptedError

    with pytest.raises(InterruptedError):
        store.apply(plan, checkpoint=stop)
    assert (TURNED, 59) in failed(store, plan)
    assert of_visits(store, plan).unturned == 59
    tomorrow = NOW + dt.timedelta(days=1)
    nothing_due = store.plan(tomorrow)
    assert nothing_due.steps == ()
    found = of_visits(store, nothing_due)
    assert (found.held_back, found.unturned) == (59, 0), "a run that has nothing to do there turns nothing"
    assert store.apply(plan).complete
    assert failed(store, plan) == []
    assert of_visits(store, plan).unturned == 0


def test_what_is_spelled_otherwise_is_another_cell(store: Club) -> None:
    """As it is where rows are placed, whatever a collation takes for the same."""
    collated = {"sqlite": "COLLATE NOCASE", "mariadb": "COLLATE utf8mb4_general_ci"}.get(store.admin.dialect.name, "")
    store.run(f"ALTER TABLE visits ADD kind varchar(9) {collated}")
    confirm_maps(store.folder)
    store.join(range(1, 60))
    store.run("UPDATE members SET cents = 1 WHERE cents IS NULL")
    store.visit(range(1, 7), each=1)
    store.run("UPDATE visits SET kind = CASE WHEN member_id <= 3 THEN 'Call' ELSE 'call' END")
    plan = store.plan()
    assert store.apply(plan).complete
    assert failed(store, plan) == []
    assert of_visits(store, plan).held_back == 6


def test_a_turned_row_that_somebody_has_written_to_is_not_one_that_was_left(store: Club) -> None:
    store.join(range(1, 60))
    store.visit(range(1, 60), each=1)
    plan = store.plan()
    assert store.apply(plan).complete
    store.run("UPDATE visits SET cents = cents + 1")
    assert of_visits(store, plan).unturned == 0
