"""Probes: a count that is not what it should be fails, one that could not be taken fails too."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from expectations.rows import RowCheck, check_rows

from expectations.probes import Probe, check_probes


def probe(expected: int, seen: int | None) -> Probe:
    return Probe("nothing due is left", "mail", "messages", "due", expected, seen, "run it again")


def test_a_probe_passes_only_with_exactly_the_expected_count() -> None:
    findings = check_probes([probe(0, 0), probe(0, 3), probe(5, 4), probe(7, 7)])
    assert [finding.passed for finding in findings] == [True, False, False, True]


def test_a_probe_that_could_not_be_taken_has_not_passed() -> None:
    assert [finding.passed for finding in check_probes([probe(0, None), probe(1, 1)])] == [False, True]


def check(measure: str, query: str) -> RowCheck:
    return RowCheck("suppressed", "person", measure, query, "look")


def test_no_probes_find_nothing() -> None:
    assert check_probes([]) == []


def test_a_row_check_sees_offenders_and_says_when_its_query_fails(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'with space.sqlite'}"
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE person (id INTEGER, email TEXT)"))
        connection.execute(sa.text("INSERT INTO person VALUES (1, 'canary@example.test')"))
    engine.dispose()
    checks = [
        check("email is null", "SELECT count(*) AS offenders FROM person WHERE email IS NOT NULL"),
        check("id is there", "SELECT count(*) AS offenders FROM person WHERE id IS NULL"),
        check("no such column", "SELECT count(*) AS offenders FROM person WHERE nothing = 1"),
    ]
    findings = check_rows("crm", url, checks)
    assert [finding.seen for finding in findings] == [1, 0, None]
    assert "canary" not in repr(findings)
