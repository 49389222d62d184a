"""Every dataset of a controller that can be asked now, and what could not be: the same stores that a plan would ask."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from connectors.sql.engines import speaking_for
from pipelines.engine.database import EngineDatabase
from pipelines.errors import Refused
from pipelines.estate import Estate
from pipelines.estate.terms import figures_of
from pipelines.plan.archived import ArchivedSelection, ArchivedSelections
from pipelines.plan.context import Context
from pipelines.plan.context import context as context_of
from pipelines.plan.gathering import DOWN, Gathered, gathered
from pipelines.plan.holding import Holding
from pipelines.plan.item_selection import ItemSelection
from pipelines.plan.occurrences import Horizon
from pipelines.plan.selection import Selection
from pipelines.plan.selections import StoreSelections
from pipelines.plan.supply import of_items
from pipelines.progress import Progress, silent
from retention_rules.loading import load_policy
from retention_rules.policy import Policy

Asked = Selection | ItemSelection | ArchivedSelection
"""What can be asked how the records of a dataset stand: its rows, its items, or what the archive holds of it."""


@dataclass(frozen=True)
class Survey:
    """The stores of one controller, asked; ``gaps`` says what of them could not be."""

    estate: Estate
    found: Gathered

    @property
    def gaps(self) -> tuple[str, ...]:
        """Stores that are down, scans that are missing or incomplete: nothing of them was counted, or not all."""
        lacking = [f"{store}: {DOWN}; nothing of it is counted" for store in sorted(self.found.down)]
        lacking += [
            f"{note.store}.{note.dataset} could not tell `{note.event}` ({note.reason}): it is missing everywhere"
            for note in self.found.evidence.notes
            if not note.complete
        ]
        context = self.found.context
        for store in self.estate.stores:
            for name, dataset in context.active(store).items():
                if dataset.personal and of_items(dataset) and store not in self.found.down:
                    scan = self.found.scans.get((store, name))
                    if scan is None:
                        lacking.append(f"{store}.{name} was never scanned: nothing of it is counted")
                    elif not scan.complete:
                        lacking.append(f"{store}.{name}: its last scan is incomplete ({scan.reason})")
        return tuple(lacking)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is in an archive, and cannot leave it."""
        return tuple(remark for archive in self.found.archives.values() for remark in archive.remarks())

    def datasets(self, context: Context) -> Iterator[tuple[str, str, Asked]]:
        """Store, name and decisions of every dataset with personal data, under a context over the same evidence.

        What the archive holds of a dataset comes after the dataset itself. What is asked of a selection must be asked
        before the next one is taken.
        """
        for store in self.estate.stores:
            active = {name: each for name, each in context.active(store).items() if each.personal}
            if not active or store in self.found.down:
                continue
            if any(of_items(each) for each in active.values()):
                for name in sorted(active):
                    if (store, name) in self.found.scans:
                        yield store, name, ItemSelection(context, self.found.evidence, store, name)
                continue
            selections = self.selections(context, store)
            for name in sorted(active):
                yield store, name, selections.selection(name)
                archived = self.archived(context, store, name)
                if archived is not None:
                    yield store, name, archived

    def selections(self, context: Context, store: str) -> StoreSelections:
        """The datasets of a SQL store under a context, with the evidence handed over to it."""
        connection, inventory = self.found.connections[store], self.found.inventories[store]
        with speaking_for(store):
            return StoreSelections.prepare(context, store, connection, inventory, self.found.evidence)

    def archived(self, context: Context, store: str, name: str) -> ArchivedSelection | None:
        """What the archive holds of a dataset under a context; None where nothing of it was ever moved."""
        if store not in self.found.archives:
            return None
        with speaking_for(store):
            archive: ArchivedSelections = replace(self.found.archives[store], context=context)
            return archive.selection(name)


def viewed(
    estate: Estate, engine: EngineDatabase, controller: str, policy: Policy, horizons: tuple[Horizon, ...]
) -> Context:
    """A context for a policy that need not be the one in force.

    Raises:
        Refused: the policy has no purposes, or no approved dataset is the controller's.
    """
    if not policy.purposes:
        raise Refused("the policy has no purposes: everything would be undetermined", f"policy {policy.name}", "")
    made = context_of(
        policy=policy,
        controller=controller,
        maps=estate.data_maps,
        key=estate.key,
        holding=Holding(tuple(engine.holds.list()), horizons),
        archives=estate.archives,
        requests=engine.requests.standing(controller),
    )
    if not any(made.active(store) for store in made.maps):
        raise Refused(f"no approved dataset belongs to {controller}", "data_map", "Approve one: `ardoise review`.")
    return made


def policy_named(estate: Estate, controller: str, name: str) -> Policy:
    """The policy in force when no name is given; else one of the estate, a shipped one, or that of a file.

    Raises:
        UsageError: the estate has no such controller.
        EstateInvalid: the policy in force is invalid.
        PolicyInvalid: the one that is named is invalid; with every problem.
    """
    in_force = estate.policy(controller)
    if not name:
        return in_force
    figures = figures_of(controller, estate.terms, estate.data_maps)
    return load_policy(name, [estate.folder / "policies"], figures=figures)


@contextlib.contextmanager
def surveyed(estate: Estate, context: Context, progress: Progress = silent) -> Iterator[Survey]:
    """Ask every store what a plan for this context would ask.

    Raises:
        DataMapInvalid: a store is not as its data map says.
    """
    with gathered(estate, context, progress) as found:
        yield Survey(estate, found)
