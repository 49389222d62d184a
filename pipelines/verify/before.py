"""What a run measures before its first act, so that verification can say afterwards that nothing else was touched."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.plan.artefact import Place
from pipelines.plan.item_selection import DueItem, ItemSelection
from pipelines.plan.supply import of_items
from pipelines.verify import archives, bystanders, items

if TYPE_CHECKING:
    from pipelines.estate import Estate
    from pipelines.plan.archived import ArchivedSelections
    from pipelines.plan.artefact import Plan
    from pipelines.plan.context import Context
    from pipelines.plan.evidence import Evidence
    from pipelines.plan.selections import StoreSelections


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


def take_rows(estate: Estate, plan: Plan, selections: StoreSelections) -> None:
    """Measure bystanders in a SQL store, once per plan, before anything in it is changed."""
    path = rows_file(estate, plan.digest, selections.store)
    if not path.exists():
        steps = [step for step in plan.steps if step.place is Place.ACTIVE]
        bystanders.write(path, bystanders.before(selections, steps))


def archive_file(estate: Estate, plan_digest: str, store: str) -> Path:
    """The measurements of one store's archive."""
    return folder(estate, plan_digest) / f"{store}-archive.json"


def take_archive(estate: Estate, plan: Plan, archived: ArchivedSelections) -> None:
    """Measure bystanders in a store's archive, once per plan, before anything in it is changed."""
    path = archive_file(estate, plan.digest, archived.store)
    if not path.exists():
        archives.write(path, archives.before(archived, plan.steps))


def take_items(estate: Estate, plan: Plan, context: Context, evidence: Evidence, store: str) -> None:
    """Note bystanders in a store of messages or events, once per plan; the item index must be up to date.

    ``evidence`` is what the run acts on.
    """
    if items_file(estate, plan.digest, store).exists():
        return
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
