"""Coverage of categories: whether somebody has decided about every column with personal data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from expectations.findings import Severity, Stage
from expectations.probes import Probe
from pipelines.scan.drift import coverage_of
from pipelines.scan.sources import covers

if TYPE_CHECKING:
    from connectors.base import Inventory
    from pipelines.engine.database import EngineDatabase
    from pipelines.estate import Estate
    from pipelines.plan.artefact import Plan

COVERED = "every column with personal data is in the data map"


def covered(
    estate: Estate, engine: EngineDatabase, plan: Plan, store: str, inventory: Inventory, stage: Stage
) -> Iterator[Probe]:
    """For every table that a scan has looked at: how many columns with personal data nobody has decided about.

    Before a run it stops what would take rows of the table; where the plan keeps them for this reason it is told.
    """
    coverage, policy = coverage_of(engine), estate.policy(plan.controller)
    taken = {step.dataset for step in plan.steps if step.store == store and step.takes_rows}
    for name, dataset in estate.data_maps[store].active.items():
        shape = next((each for each in inventory.datasets if covers(dataset, each)), None)
        if dataset.controller == plan.controller and shape and coverage.known(store, shape.location):
            found = coverage.drifted(store, name, dataset, policy, shape)
            said = f"{'; '.join(map(str, found))}. " if found else ""
            remedy = f"{said}Decide about it: `ardoise review {store}`."
            measure = "columns that nobody has decided about"
            told = stage is Stage.BEFORE and name not in taken
            severity = Severity.WARNING if told else Severity.CRITICAL
            yield Probe(COVERED, store, name, measure, 0, len(found), remedy, stage, severity)
