"""What was last known of the datasets: how many rows, and how many of them without the date of an event.

A run's findings before it acted are its measurement; those that had not passed are none: what stopped a run is not
usual because somebody tries again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from expectations.findings import Finding
from pipelines.plan.artefact import Place

if TYPE_CHECKING:
    from pipelines.engine.database import EngineDatabase
    from pipelines.plan.artefact import Plan

DRIFT = "nothing has drifted since it was last looked at"
ROWS = "rows"


def without(event: str) -> str:
    """What is measured of an event: the rows of which it is not known."""
    return f"rows without a date for `{event}`"


@dataclass(frozen=True, slots=True)
class Baseline:
    """Rows by store and dataset, as the plan counted them; shares without a date by store, dataset and event."""

    rows: Mapping[tuple[str, str], int] = field(default_factory=dict)
    undated: Mapping[tuple[str, str, str], float] = field(default_factory=dict)


def baseline(engine: EngineDatabase, plan: Plan) -> Baseline:
    """What a run of the plan is held against."""
    rows: dict[tuple[str, str], int] = {}
    for tally in plan.tallies:
        if tally.place is Place.ACTIVE:
            place = tally.store, tally.dataset
            rows[place] = max(rows.get(place, 0), tally.found)
    undated: dict[tuple[str, str, str], float] = {}
    for place, found in _last(engine).items():
        seen = {each.measure: each.seen or 0 for each in found}
        among = seen.pop(ROWS, 0)
        rows.setdefault(place, among)
        if among:
            undated |= {(*place, measure): count / among for measure, count in seen.items()}
    return Baseline(rows, undated)


def _last(engine: EngineDatabase) -> dict[tuple[str, str], list[Finding]]:
    """The newest measurement of each dataset that has passed as a whole."""
    known: dict[tuple[str, str], list[Finding]] = {}
    for plan in engine.findings.plans():
        measured: dict[tuple[str, str], list[Finding]] = {}
        for document in engine.findings.of(plan):
            if document["expectation"] == DRIFT:
                each = Finding.from_document(document)
                measured.setdefault((each.store, each.dataset), []).append(each)
        for place, found in measured.items():
            if place not in known and all(each.passed for each in found):
                known[place] = found
    return known
