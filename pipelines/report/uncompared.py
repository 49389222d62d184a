"""Registered statistics that a report cannot compare, and why not."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipelines.report.model import Registration, ReportData


class Uncompared(enum.StrEnum):
    """Why a registered statistic has nothing to be compared with.

    `UNTOUCHED`: the plan has no step in its store. `NOT_APPLIED`: no run of the plan has begun. `UNREACHED`: the store
    did not answer when the report was made. `NOT_YET`: the run has not acted there yet. `UNKNOWN`: it has, and what the
    statistic was before is not known.
    """

    UNTOUCHED = "untouched"
    NOT_APPLIED = "not_applied"
    UNREACHED = "unreached"
    NOT_YET = "not_yet"
    UNKNOWN = "unknown"


def uncompared(data: ReportData) -> Mapping[Uncompared, Sequence[Registration]]:
    """The statistics that are registered and were not compared, by the reason."""
    told = [(why(data, each), each) for each in data.registered]
    found = {reason: [each for said, each in told if said is reason] for reason in Uncompared}
    return {reason: those for reason, those in found.items() if those}


def why(data: ReportData, statistic: Registration) -> Uncompared | None:
    """Why a registered statistic was not compared; None where it was."""
    place = (statistic.store, statistic.dataset, statistic.name)
    if any((each.store, each.dataset, each.name) == place for each in data.statistics):
        return None
    if not any(step.store == statistic.store for step in data.plan.steps):
        return Uncompared.UNTOUCHED
    if not data.applied:
        return Uncompared.NOT_APPLIED
    if statistic.store in data.unreached:
        return Uncompared.UNREACHED
    acted = any(each.acted for each in data.done if each.store == statistic.store)
    return Uncompared.UNKNOWN if acted else Uncompared.NOT_YET
