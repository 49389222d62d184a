"""What a run measures before its first act, so that verification can say afterwards that nothing else was touched."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from connectors.sql.connector import SqlConnector
from pipelines.plan.item_selection import DueItem, ItemSelection
from pipelines.plan.selection import StoreSelections
from pipelines.plan.supply import of_items
from pipelines.verify import bystanders, items

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connectors.base import Connector, Inventory
    from pipelines.estate import Estate
    from pipelines.plan.artefact import Plan
    from pipelines.plan.context import Context
    from pipelines.plan.evidence import Evidence


def folder(estate: Estate, plan_digest: str) -> Path:
    """Where the measurements of a plan's run are kept."""
    path = estate.state / "measures" / plan_digest
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


def rows_file(estate: Estate, plan_digest: str, store: str) -> Path:
    """The measurements of one SQL store."""
    return folder(estate, plan_digest) / f"{store}-bystanders.json"


def items_file(estate: Estate, plan_digest: str, store: str) -> Path:
    """The bystanders of one store of messages or events."""
    return folder(estate, plan_digest) / f"{store}-bystanders.duckdb"


def take(
    estate: Estate,
    plan: Plan,
    context: Context,
    evidence: Evidence,
    connectors: Mapping[str, Connector],
    inventories: Mapping[str, Inventory],
) -> None:
    """Measure bystanders in these stores, each once per plan, before anything in it is changed.

    ``evidence`` is what the run acts on; the item index must be up to date and not open for writing.
    """
    for store, connector in connectors.items():
        path = rows_file(estate, plan.digest, store)
        if isinstance(connector, SqlConnector):
            if not path.exists():
                with connector.reading() as connection:
                    selections = StoreSelections.prepare(context, store, connection, inventories[store], evidence)
                    bystanders.write(path, bystanders.before(selections, plan.steps))
        elif not items_file(estate, plan.digest, store).exists() and estate.index_file.exists():
            _items(estate, plan, context, evidence, store)


def _items(estate: Estate, plan: Plan, context: Context, evidence: Evidence, store: str) -> None:
    evidence.attach(estate.index_file)
    try:
        found: list[tuple[ItemSelection, list[DueItem]]] = []
        for name, dataset in context.active(store).items():
            if of_items(dataset):
                selection = ItemSelection(context, evidence, store, name)
                steps = [step for step in plan.steps if (step.store, step.dataset) == (store, name)]
                found.append((selection, [item for step in steps for item in selection.due(step)]))
    finally:
        evidence.detach()
    items.before(items_file(estate, plan.digest, store), estate.index_file, found)
