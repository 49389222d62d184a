"""Verification inside one SQL store: bystanders by probes, forms and orphans by row checks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from connectors.errors import ConnectorError
from connectors.sql.connector import SqlConnector
from expectations.findings import Finding, Stage
from expectations.probes import Probe
from expectations.suites import check_suites
from pipelines.expect.covered import covered
from pipelines.expect.outcome import form_suites, orphan_suites
from pipelines.expect.own import own_suites
from pipelines.expect.owned import placed
from pipelines.plan.artefact import Place, Plan, Step
from pipelines.verify import archives, before, bystanders
from pipelines.verify.classified import classified_probes
from pipelines.verify.copies import copy_probes

if TYPE_CHECKING:
    import sqlalchemy as sa

    from connectors.base import Inventory
    from pipelines.data_map.model import DatasetMap
    from pipelines.engine.database import EngineDatabase
    from pipelines.estate import Estate

UNTOUCHED = "what was not due is untouched"

_CHANGED = "Something else wrote to the store meanwhile, or this is a defect: compare with the application's log."


def verify_store(estate: Estate, engine: EngineDatabase, plan: Plan, store: str) -> tuple[list[Probe], list[Finding]]:
    """Probes and findings of one store; a store that is down gives a probe that could not be taken."""
    active = {name: each for name, each in estate.data_maps[store].active.items() if each.controller == plan.controller}
    try:
        with estate.connected(store) as connector:
            assert isinstance(connector, SqlConnector)  # noqa: S101 - the caller has seen to it
            inventory = connector.inspect()
            with connector.reading() as connection:
                probes = list(_untouched(estate, engine, plan, store, connection, inventory))
                probes += covered(estate, engine, plan, store, inventory, Stage.AFTER)
                steps = [step for step in plan.steps if step.store == store and step.place is Place.ACTIVE]
                probes += copy_probes(connection, inventory, active, estate.data_maps[store].active, steps)
                names = {each.source: name for name, each in active.items()}
                suites = list(orphan_suites(connection, inventory, store, names))
                if connector.journal.exists(connection):
                    suites += form_suites(connection, inventory, store, plan.digest, active)
                    probes += classified_probes(connection, inventory, plan.digest, active, steps)
                suites += placed(own_suites(estate), connector, active, Stage.AFTER)
            if connector.archive is not None:
                measured = archives.read(before.archive_file(estate, plan.digest, store))
                rules = estate.policy(plan.controller), active
                done = _moved(engine, plan), _stale(engine, plan)
                probes += archives.probes(store, connector.archive, plan, measured, *done, rules)
    except ConnectorError as error:
        return [Probe(UNTOUCHED, store, "", "tables that differ", 0, None, error.remedy)], []
    url = estate.connections.find(estate.stores[store].read, f"[stores.{store}] read")
    return probes, check_suites(url, suites)


def _untouched(
    estate: Estate, engine: EngineDatabase, plan: Plan, store: str, connection: sa.Connection, inventory: Inventory
) -> Iterator[Probe]:
    measured = bystanders.read(before.rows_file(estate, plan.digest, store))
    if measured is None:
        if any(step.store == store for step in plan.steps):
            yield Probe(
                UNTOUCHED, store, "", "tables that differ", 0, None, "The run measured nothing before it began."
            )
        return
    maps = estate.data_maps[store].datasets
    active = [step for step in plan.steps if step.store == store and step.place is Place.ACTIVE]
    steps = {name: [step for step in active if step.dataset == name] for name in maps}
    acted = {maps[name].source: (name, _key(maps[name], inventory), own) for name, own in steps.items() if own}
    now = bystanders.after(connection, inventory, plan.digest, acted, estate.data_maps[store].active)
    stale = _stale(engine, plan)
    for location in sorted({*measured, *now}):
        name, _, own = acted.get(location, (location, (), []))
        then, after = measured.get(location), now.get(location)
        same = then is not None and after is not None and _same(then, after, own, stale)
        yield Probe(
            UNTOUCHED, store, name, "rows or columns that changed without being due", 0, int(not same), _CHANGED
        )


def _same(then: bystanders.Bystanders, now: bystanders.Bystanders, steps: list[Step], stale: dict[str, int]) -> bool:
    """Equal in content; where some records were gone or not due any more at their turn, in number but for those."""
    late = sum(stale.get(step.id, 0) for step in steps)
    if not late:
        return then == now
    gone_late = sum(stale.get(step.id, 0) for step in steps if step.takes_rows)
    return (
        then.columns.rows <= now.columns.rows <= then.columns.rows + gone_late
        and then.rows.rows <= now.rows.rows <= then.rows.rows + late
    )


def _stale(engine: EngineDatabase, plan: Plan) -> dict[str, int]:
    """By step, how many records it was to act on and did not: no longer due, or held back since nothing hides them."""
    found: dict[str, int] = {}
    for entry in engine.ledger.entries("receipt"):
        if entry.body["plan"] == plan.digest:
            step = entry.body["step"]
            outcomes = entry.body["outcomes"]
            found[step] = found.get(step, 0) + outcomes.get("stale", 0) + outcomes.get("held_back", 0)
    return found


def _moved(engine: EngineDatabase, plan: Plan) -> dict[str, int]:
    """By step, how many records its receipts say have moved to the archive."""
    found: dict[str, int] = {}
    for entry in engine.ledger.entries("receipt"):
        if entry.body["plan"] == plan.digest:
            step = entry.body["step"]
            found[step] = found.get(step, 0) + entry.body["outcomes"].get("archived", 0)
    return found


def _key(dataset: DatasetMap, inventory: Inventory) -> tuple[str, ...]:
    shape = inventory.find(dataset.source)
    return dataset.key or (shape.key if shape else ())
