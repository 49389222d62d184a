"""The stores that a run acts on: opened together, closed together."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

from connectors.base import Connector
from pipelines.errors import UsageError
from pipelines.estate import Estate
from pipelines.plan.artefact import Action, Place, Plan, Step
from pipelines.plan.links import STRONG


@contextlib.contextmanager
def opened(estate: Estate, names: Iterable[str]) -> Iterator[dict[str, Connector]]:
    """A connector for each of the stores."""
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(estate.connected(name)) for name in names}


def wanted(estate: Estate, plan: Plan, stores: Iterable[str] | None) -> tuple[Step, ...]:
    """The steps of the plan in these stores (all when None), in the order in which they are acted on.

    Stores come in the estate's order, those that anchor identities last; in a store, children before parents. Of a
    dataset, rows that go come first, and the fields by which its rows are linked to a person come last: once they are
    overwritten, nobody can tell any more what else of the row is due.

    Raises:
        UsageError: the estate has no such store.
    """
    chosen = list(estate.stores) if stores is None else list(stores)
    for name in chosen:
        if name not in estate.stores:
            raise UsageError(f"there is no store {name!r}", "apply", f"The stores are {', '.join(estate.stores)}.")
    place = {name: number for number, name in enumerate(estate.stores)}
    mine = [step for step in plan.steps if step.store in chosen]

    def order(step: Step) -> tuple[int, int, bool, int, bool, str]:
        overwrites = not step.takes_rows
        linking = _linking(estate, step) if overwrites else 0
        return place[step.store], step.order, overwrites, linking, step.action is not Action.ARCHIVE, step.id

    return tuple(sorted(mine, key=order))


def _linking(estate: Estate, step: Step) -> int:
    """How much of the links to persons a step overwrites: nothing, weak ones, strong ones."""
    dataset = estate.data_maps[step.store].datasets[step.dataset]
    strengths = [
        2 if link.strength in STRONG else 1 for link in dataset.subjects if set(link.columns) & set(step.fields)
    ]
    return max(strengths, default=0)


def descends(estate: Estate, step: Step, ancestor: Step) -> bool:
    """Whether a step's dataset inherits from another step's, directly or not; in an archive nothing is inherited."""
    if Place.ARCHIVE in {step.place, ancestor.place}:
        return False
    if step.store != ancestor.store or step.dataset == ancestor.dataset:
        return False
    datasets = estate.data_maps[step.store].datasets
    pending, seen = [step.dataset], {step.dataset}
    while pending:
        for parent in datasets[pending.pop()].inherits:
            if parent.dataset == ancestor.dataset:
                return True
            if parent.dataset not in seen:
                seen.add(parent.dataset)
                pending.append(parent.dataset)
    return False
