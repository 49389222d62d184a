"""Rows of nobody that lead to a person's own row all the same: too few of them wait; of enough verification fails."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path

import pytest
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
    assert store.apply(plan).complete
    assert failed(store, plan) == []
    assert of_visits(store, plan).unturned == 0
