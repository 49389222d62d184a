"""Verification inside one SQL store: bystanders by probes, forms and orphans by row checks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import replace
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
from pipelines.plan.gathering import gathered, plan_context
from pipelines.plan.selections import StoreSelections
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

_CHANGED = (
    "Something else wrote to the store since the run began, or this is a defect: compare with the application's log. "
    "Verify right after a run, as the DAG does, before others write."
)

_REMAPPED = "The data map is another than when the run began. Put it back for as long as this plan is verified."


def verify_store(
    estate: Estate, engine: EngineDatabase, plan: Plan, store: str, today: dt.date
) -> tuple[list[Probe], list[Finding]]:
    """Probes and findings of one store; a store that is down gives a probe that could not be taken."""
    active = {name: each for name, each in estate.data_maps[store].active.items() if each.controller == plan.controller}
    try:
        with estate.connected(store) as connector:
            assert isinstance(connector, SqlConnector)  # noqa: S101 - the caller has seen to it
            inventory = connector.inspect()
            with connector.reading() as connection:
                probes = list(_untouched(estate, engine, plan, store, today, connection, inventory, active))
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
                done = _outcomes(engine, plan, "archived"), _outcomes(engine, plan, "stale", "held_back")
                probes += archives.probes(store, connector.archive, plan, measured, *done, rules)
    except ConnectorError as error:
        return [Probe(UNTOUCHED, store, "", "tables that differ", 0, None, error.remedy)], []
    url = estate.connections.find(estate.stores[store].read, f"[stores.{store}] read")
    return probes, check_suites(url, suites)


def _untouched(
    estate: Estate,
    engine: EngineDatabase,
    plan: Plan,
    store: str,
    today: dt.date,
    connection: sa.Connection,
    inventory: Inventory,
    datasets: dict[str, DatasetMap],
) -> Iterator[Probe]:
    measured = bystanders.read(before.rows_file(estate, plan.digest, store))
    if measured is None:
        if any(step.store == store for step in plan.steps):
            yield Probe(
                UNTOUCHED, store, "", "tables that differ", 0, None, "The run measured nothing before it began."
            )
        return
    steps = [step for step in plan.steps if step.store == store and step.place is Place.ACTIVE]
    now = bystanders.after(connection, inventory, plan.digest, datasets, steps)
    stale, late = _outcomes(engine, plan, "stale"), _outcomes(engine, plan, "stale", "held_back")
    left = _left_alone(estate, engine, plan, store, today, steps) if stale != late else {}
    moved = sum(stale.get(step.id, 0) for step in steps)
    for location in sorted({*measured, *now}):
        names = [name for name, each in datasets.items() if each.source == location]
        own = [step for step in steps if step.dataset in names]
        then, after, again = measured.get(location), now.get(location), left.get(location)
        if then is None or after is None:
            same = False
        elif again is not None and again.rows.rows == then.rows.rows:  # the others are held back, and due still
            same = _same(then, replace(again, columns=after.columns), own, stale) and _alike(then, again, bool(moved))
        else:
            same = _same(then, after, own, late) and _alike(then, after, stale != late or bool(moved))
        name = names[0] if names else location
        measure = "rows or columns that changed without being due"
        if same or estate.data_map_digest == plan.data_map_digest:
            yield Probe(UNTOUCHED, store, name, measure, 0, int(not same), _CHANGED)
        else:  # by which each column was measured where it stays
            yield Probe(UNTOUCHED, store, name, measure, 0, None, _REMAPPED)


def _same(then: bystanders.Bystanders, now: bystanders.Bystanders, steps: list[Step], stale: dict[str, int]) -> bool:
    """Equal in content; where some records were left, as not due any more at their turn, in number but for those."""
    late = sum(stale.get(step.id, 0) for step in steps)
    if not late:
        return (then.rows, then.columns) == (now.rows, now.columns)
    gone_late = sum(stale.get(step.id, 0) for step in steps if step.takes_rows)
    return (
        then.columns.rows <= now.columns.rows <= then.columns.rows + gone_late
        and then.rows.rows <= now.rows.rows <= then.rows.rows + late
    )


def _alike(then: bystanders.Bystanders, now: bystanders.Bystanders, late: bool) -> bool:
    """Whether parts are equal in content; in number at least, where records of this table or another were left."""
    if not late:
        return then.parts == now.parts
    return then.parts.keys() == now.parts.keys() and all(
        part.rows <= now.parts[name].rows for name, part in then.parts.items()
    )


def _left_alone(
    estate: Estate, engine: EngineDatabase, plan: Plan, store: str, today: dt.date, steps: Sequence[Step]
) -> dict[str, bystanders.Bystanders]:
    """See `bystanders.left_alone`: what is due still is asked as the plan has asked it."""
    made_at = engine.plans.record(plan.digest).made_at
    holds = engine.holds.unreleased_since(made_at)
    context = plan_context(estate, engine, plan.controller, plan.as_of, today, holds, plan.portion, made_at)
    with gathered(estate, context) as found:
        if store not in found.connections:
            return {}
        reached = found.connections[store], found.inventories[store]
        selections = StoreSelections.prepare(context, store, *reached, found.evidence)
        return bystanders.left_alone(selections, plan.digest, steps)


def _outcomes(engine: EngineDatabase, plan: Plan, *names: str) -> dict[str, int]:
    """By step, of how many records the receipts say that this became of them."""
    found: dict[str, int] = {}
    for entry in engine.ledger.entries("receipt"):
        if entry.body["plan"] == plan.digest:
            step, outcomes = entry.body["step"], entry.body["outcomes"]
            found[step] = found.get(step, 0) + sum(outcomes.get(name, 0) for name in names)
    return found
