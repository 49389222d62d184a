"""A worker that is killed while it overwrites links has remembered their days, or changed nothing; resumed, it has."""

from __future__ import annotations

import datetime as dt
import signal
from pathlib import Path
from typing import Any

import pytest
from apply_states import receipts, worker
from parted_estate import ENDED, FIRST, PEOPLE, PartedEstate, noon, parted

from pipelines.apply import apply

pytestmark = pytest.mark.slow

KNOWN = {
    ("customers", "[1]", "call"): (False, False, PEOPLE[0].called),
    ("customers", "[1]", "consent_end"): (False, False, PEOPLE[0].withdrawn),
    ("customers", "[1]", "contract_end"): (False, False, ENDED),
    ("customers", "[2]", "call"): (False, False, PEOPLE[1].called),
    ("customers", "[2]", "consent_end"): (True, False, None),
    ("customers", "[2]", "contract_end"): (False, False, ENDED),
    ("customers", "[5]", "call"): (False, False, None),
    ("customers", "[5]", "consent_end"): (False, True, None),
    ("customers", "[5]", "contract_end"): (False, False, ENDED),
}
"""By dataset, record and event: open, missing, the day."""

POINTS = [
    ("sqlite", "intent", 2), ("sqlite", "mid_batch", 1), ("sqlite", "before_commit", 2), ("sqlite", "after_commit", 1),
    ("postgres", "before_commit", 2), ("postgres", "committed", 3), ("mariadb", "mid_batch", 3),
]  # fmt: skip
"""With one record per chunk."""


def days(papers: PartedEstate) -> dict[tuple[str, str, str], tuple[bool, bool, Any]]:
    """What the store remembers; where there is one day, it is first and last."""
    found = {}
    for row in papers.rows(papers.own("remembered")):
        assert row["first_day"] == row["last_day"]
        day = row["last_day"]
        day = dt.date.fromisoformat(day) if isinstance(day, str) else day
        found[row["dataset"], row["record"], row["event"]] = (bool(row["open"]), bool(row["missing"]), day)
    return found


@pytest.mark.parametrize(("kind", "point", "occurrence"), POINTS)
def test_a_worker_killed_while_links_go_is_resumed_and_remembers_every_day(
    kind: str, point: str, occurrence: int, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    papers = parted(kind, request, tmp_path)
    plan = papers.plan(FIRST)
    died = worker(papers, plan, "--chunk", "1", "--now", noon(FIRST).isoformat(), point=point, occurrence=occurrence)  # type: ignore[arg-type]
    _, errors = died.communicate(timeout=120)
    assert died.returncode == -signal.SIGKILL, errors
    parted_by_now = {row["id"] for row in papers.rows("customers") if row["email"].endswith(".invalid")}
    assert {f"[{each}]" for each in parted_by_now} == {row for name, row, _ in days(papers) if name == "customers"}
    summary = apply(papers.estate, plan.digest, now=noon(FIRST), today=FIRST, actor="tests", retries=(), chunk=1)
    assert summary.complete
    assert days(papers) == KNOWN
    assert receipts(papers, plan) == {"shop.customers.anonymise.g0": 3}  # type: ignore[arg-type]
