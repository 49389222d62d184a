"""What a run did, in counts: nothing here identifies a record or a person."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.plan.artefact import Action, Step

ACTED = frozenset({"deleted", "anonymised", "redacted", "archived", "done"})
"""Outcomes that changed a record."""

SETTLED = ACTED | {"already_gone"}
"""Outcomes after which nothing is left to do for a record."""

DONE_AS: dict[Action, str] = {
    Action.DELETE: "deleted",
    Action.ANONYMISE: "anonymised",
    Action.REDACT: "redacted",
    Action.ARCHIVE: "archived",
}
"""How the ledger calls what each action did."""


@dataclass(frozen=True, slots=True)
class StepSummary:
    """One step after all runs of its plan so far.

    ``outcomes`` counts records by outcome; `stale` are those that the plan counted and that were not due any more when
    it came to act; `pending` those that another transaction held locked; `held_back` those that are due and that no
    cell of enough subjects could hide: they stay as they are until a later run finds more of them; `hidden` rows
    that were turned from their person's row to one that stands for a cell. ``unfit`` says what came in the way of the
    strategy that was planned, so that it was carried out in ranges.
    """

    step: str
    store: str
    dataset: str
    action: Action
    planned: int
    outcomes: Mapping[str, int]
    complete: bool
    unfit: tuple[str, ...] = ()

    @property
    def acted(self) -> int:
        """How many records were changed or deleted."""
        return sum(count for outcome, count in self.outcomes.items() if outcome in ACTED)

    @property
    def left(self) -> int:
        """How many records are still to be acted on, or to be looked at by a person."""
        return sum(
            count
            for outcome, count in self.outcomes.items()
            if outcome in {"conflict", "refused", "pending", "unknown", "remaining"}
        )


@dataclass(frozen=True, slots=True)
class Residue:
    """What deletion left behind in a store: the kind with the reason, and the last day of it, if that is declared.

    ``declare``: where the estate could say so; empty for what expires by no schedule and waits for a person.
    """

    store: str
    dataset: str
    kind: str
    expires: dt.date | None = None
    declare: str = ""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run of a plan. ``nothing_to_do`` says that an earlier run had finished it and this one changed nothing."""

    plan: str
    controller: str
    as_of: dt.date
    steps: tuple[StepSummary, ...]
    residue: tuple[Residue, ...] = ()
    resumed: int = 0
    nothing_to_do: bool = False

    @property
    def complete(self) -> bool:
        """Whether every step that this run was asked for has settled all of its records."""
        return all(step.complete for step in self.steps)

    @property
    def counts(self) -> dict[str, int]:
        """Records by outcome over all steps."""
        total: Counter[str] = Counter()
        for step in self.steps:
            total.update(step.outcomes)
        return dict(total)


def summed(step: Step, outcomes: Mapping[str, int], *, complete: bool, unfit: tuple[str, ...] = ()) -> StepSummary:
    """A step's summary."""
    positive = {name: count for name, count in sorted(outcomes.items()) if count}
    return StepSummary(step.id, step.store, step.dataset, step.action, step.count, positive, complete, unfit)
