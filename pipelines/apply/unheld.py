"""Items that a hold covers which was opened while the run acts: each batch is looked at anew when there is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from connectors.base import Ref
from pipelines.apply.items import Item
from pipelines.apply.refresh import Refreshed
from pipelines.plan.artefact import Step
from pipelines.plan.item_selection import DueItem


@dataclass
class Unheld:
    """Gives those items of a step's batches that are due still, under the holds of now."""

    known: Refreshed
    step: Step
    due: dict[Ref, Item] | None = None

    def __call__(self, batch: Sequence[Item]) -> list[Item]:
        """Those that may be acted on, as they are due by now."""
        if self.known.holds.changed():
            self.due = {each.ref: as_seen(each) for each in self.known.items(self.step)}
        return list(batch) if self.due is None else [self.due[each.ref] for each in batch if each.ref in self.due]


def as_seen(due: DueItem) -> Item:
    """A due item as a run acts on it."""
    return Item(due.ref, due.subjects)
