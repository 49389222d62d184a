"""What the first line of a report says: whether the run was verified, and nothing on the page contradicts it."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from expectations.findings import Stage
from pipelines.verify.statistics import EQUAL

if TYPE_CHECKING:
    from pipelines.report.model import ReportData, Series


class Numbers(enum.StrEnum):
    """What became of the registered statistics.

    `HOLD`: all that could be measured for the report are what they were before the run. `HELD`: they were when the run
    was verified, and differ by now, since somebody has written to the stores. `UNMEASURED`: there are none to measure.
    """

    HOLD = "hold"
    HELD = "held"
    DIFFER = "differ"
    UNMEASURED = "unmeasured"


class Verdict(enum.StrEnum):
    """How the run stands, the worst that is true of it.

    `CONTRADICTED`: its expectations passed, and what was measured for the report, or the ledger, says otherwise.
    `INCOMPLETE`: verified, and a store did not answer when the report was made. `SINCE_CHANGED`: see `Numbers.HELD`.
    """

    NOT_APPLIED = "not_applied"
    FAILED = "failed"
    NOT_VERIFIED = "not_verified"
    CONTRADICTED = "contradicted"
    UNFINISHED = "unfinished"
    INCOMPLETE = "incomplete"
    SINCE_CHANGED = "since_changed"
    VERIFIED = "verified"

    @property
    def passed(self) -> bool:
        """Whether expectations have passed after the run, all of them, and nothing says otherwise."""
        return self in {Verdict.UNFINISHED, Verdict.INCOMPLETE, Verdict.SINCE_CHANGED, Verdict.VERIFIED}


def numbers(data: ReportData) -> Numbers:
    """What became of the statistics."""
    if not data.statistics:
        return Numbers.UNMEASURED
    if data.numbers_hold:
        return Numbers.HOLD
    moved = (series for series in data.statistics if not series.holds)
    return Numbers.HELD if all(_held(data, series) for series in moved) else Numbers.DIFFER


def _held(data: ReportData, series: Series) -> bool:
    """Whether the last verification found a statistic to be what it was."""
    found = [
        each.passed
        for each in data.findings
        if (each.stage, each.expectation, each.store) == (Stage.AFTER, EQUAL, series.store)
        and each.dataset == series.dataset
        and f"`{series.name}`" in each.measure
    ]
    return bool(found) and all(found)


def verdict(data: ReportData) -> Verdict:
    """How the run stands."""
    counted = numbers(data)
    small = any(not each.reached for each in data.anonymity)
    unallowed = data.applied and data.approver is None
    states = (
        (Verdict.NOT_APPLIED, bool(data.plan.steps) and not data.applied),
        (Verdict.FAILED, any(each.blocking for each in data.findings)),
        (Verdict.NOT_VERIFIED, not any(each.stage is Stage.AFTER for each in data.findings)),
        (Verdict.CONTRADICTED, small or unallowed or counted is Numbers.DIFFER),
        (Verdict.UNFINISHED, any(each.left for each in data.done)),
        (Verdict.INCOMPLETE, bool(data.unreached)),
        (Verdict.SINCE_CHANGED, counted is Numbers.HELD),
    )
    return next((state for state, true in states if true), Verdict.VERIFIED)
