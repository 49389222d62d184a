"""A worker that is killed while rows go has kept what they told, or changed nothing; resumed, it has kept it once."""

from __future__ import annotations

import datetime as dt
import signal
from pathlib import Path

import pytest
from apply_states import worker
from parted_estate import noon
from told_estate import ENDED, GONE, LAST, ToldEstate, told_estate

from pipelines.apply import apply
from pipelines.subjects import subject_digest

pytestmark = pytest.mark.slow

POINTS = [
    ("sqlite", "mid_batch", 1), ("sqlite", "before_commit", 2), ("sqlite", "after_commit", 1),
    ("postgres", "before_commit", 2), ("postgres", "committed", 1), ("mariadb", "mid_batch", 2),
]  # fmt: skip
"""With one record per chunk."""


def told(shop: ToldEstate) -> set[str]:
    """The persons of whose contract's end the store keeps the day."""
    rows = [row for row in shop.rows(shop.own("told")) if row["kind"] == "strong_email"]
    assert {(row["event"], str(row["last_day"])) for row in rows} <= {("contract_end", str(ENDED))}
    digests = [row["digest"] for row in rows]
    assert len(set(digests)) == len(digests)
    return set(digests)


@pytest.mark.parametrize(("kind", "point", "occurrence"), POINTS)
def test_a_worker_killed_while_rows_go_is_resumed_and_keeps_what_they_told(
    kind: str, point: str, occurrence: int, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    shop = told_estate(kind, request, tmp_path)
    key = shop.estate.key
    persons = {n: subject_digest(key, "SHOP", "email", f"person{n}@acme.example") for n in (1, 2)}
    plan = shop.plan(GONE)
    died = worker(shop, plan, "--chunk", "1", "--now", noon(GONE).isoformat(), point=point, occurrence=occurrence)  # type: ignore[arg-type]
    _, errors = died.communicate(timeout=120)
    assert died.returncode == -signal.SIGKILL, errors
    assert told(shop) == {digest for n, digest in persons.items() if n not in shop.ids("contracts")}
    summary = apply(shop.estate, plan.digest, now=noon(GONE), today=GONE, actor="tests", retries=(), chunk=1)
    assert summary.complete
    assert told(shop) == set(persons.values())
    shop.run(LAST)
    assert shop.contacts() == [1, 2, 4]
    shop.run(LAST + dt.timedelta(days=1))
    assert shop.contacts() == [4]
