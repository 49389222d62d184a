"""Probes: a count that is not what it should be fails, one that could not be taken fails too."""

from __future__ import annotations

from expectations.probes import Probe, check_probes


def probe(expected: int, seen: int | None) -> Probe:
    return Probe("nothing due is left", "mail", "messages", "due", expected, seen, "run it again")


def test_a_probe_passes_only_with_exactly_the_expected_count() -> None:
    findings = check_probes([probe(0, 0), probe(0, 3), probe(5, 4), probe(7, 7)])
    assert [finding.passed for finding in findings] == [True, False, False, True]


def test_a_probe_that_could_not_be_taken_has_not_passed() -> None:
    assert [finding.passed for finding in check_probes([probe(0, None), probe(1, 1)])] == [False, True]


def test_no_probes_find_nothing() -> None:
    assert check_probes([]) == []
