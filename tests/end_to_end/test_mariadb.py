"""A store in MariaDB goes the whole way: scanned, planned, approved, acted on, verified; twice is once."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from apply_states import planned
from estates import AS_OF, DUE, LOGS, NOW, SmallEstate, small_estate
from fixtures_mariadb import MariaDatabase

from pipelines.apply import apply
from pipelines.plan import make_plan
from pipelines.scan import scan
from pipelines.verify import verify

pytestmark = pytest.mark.slow


@pytest.fixture
def small(tmp_path: Path, mariadb_database: MariaDatabase) -> SmallEstate:
    urls = (mariadb_database.admin, mariadb_database.read, mariadb_database.write)
    return small_estate(tmp_path / "estate", urls)


def test_a_plan_over_mariadb_is_the_plan_over_sqlite(small: SmallEstate, tmp_path: Path) -> None:
    other = small_estate(tmp_path / "other")
    for as_of in (AS_OF, dt.date(2025, 2, 28), dt.date(2022, 5, 1), dt.date(2022, 5, 2), dt.date(2027, 12, 31)):
        plan, same = (
            make_plan(each.estate, "JULIEN", as_of=as_of, today=AS_OF, now=NOW, by="tests") for each in (small, other)
        )
        assert plan.steps == same.steps
        assert plan.tallies == same.tallies


def test_the_whole_way_over_mariadb(small: SmallEstate) -> None:
    before = {table: small.rows("crm", table) for table in ("contacts", "notes", "web_logs")}
    result = scan(small.estate, now=NOW)
    assert result.complete
    plan = planned(small)
    summary = apply(small.estate, plan.digest, now=NOW, today=AS_OF, retries=(), actor="tests")
    assert summary.complete
    assert summary.counts == {"deleted": 5 + 19, "anonymised": 5 + 10 + 5}
    after = {table: small.rows("crm", table) for table in before}
    gone = {n for n in range(1, LOGS - 1) if n % 2}
    assert after["web_logs"] == [row for row in before["web_logs"] if row["id"] not in gone]
    for old, new in zip(before["contacts"], after["contacts"], strict=True):
        if old["id"] in DUE:
            assert new["email"].endswith(".invalid")
            assert new["last_name"] != old["last_name"]
        else:
            assert new == old
    assert {row["body"] for row in after["notes"] if row["contact_id"] in DUE} == {"[redacted]"}
    failed = [finding for finding in verify(small.estate, plan.digest, now=NOW, today=AS_OF) if not finding.passed]
    assert failed == []
    again = planned(small)
    assert again.steps == ()
