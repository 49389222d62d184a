"""What became of plans, as the ledger's receipts say: one pass over it for any number of plans."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipelines.apply.receipts import LAST_CHUNK
from pipelines.apply.summary import ACTED, SETTLED

if TYPE_CHECKING:
    from pipelines.engine.ledger import Entry, Ledger
    from pipelines.plan.artefact import Step

_WAITING = ("conflict", "refused", "pending", "unknown", "remaining")


@dataclass(slots=True)
class StepOutcome:
    """What is known of one step: ``settled`` over all runs, ``closing`` of the last; ``acted`` is its last act.

    ``ways`` counts records by the strategy that acted on them; ``impeded`` are strategies that did not fit, each with
    the name of what stood in the way.
    """

    settled: Counter[str] = field(default_factory=Counter)
    closing: Mapping[str, int] = field(default_factory=dict)
    acted: dt.datetime | None = None
    ways: Counter[str] = field(default_factory=Counter)
    impeded: dict[tuple[str, str], None] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """Records by outcome."""
        return {**self.settled, **self.closing}

    def left(self, step: Step) -> int:
        """How many of a step's records are still to be acted on, or wait for a person."""
        if not self.closing:
            return max(0, step.count - self.settled.total())
        return sum(self.closing.get(name, 0) for name in _WAITING)

    def lateness(self, step: Step) -> int:
        """By how many days a record may have been overdue at most when it was acted on; 0 where none was."""
        return max(0, (self.acted.date() - step.first_due).days) if self.acted else 0


@dataclass(slots=True)
class Begun:
    """A plan of which a run has begun: the sequence and time of its first entry, its outcomes, what it left behind.

    ``residue`` are kinds by store, in the order in which receipts name them, each with the last day of it, where any
    receipt knows that.
    """

    first: int
    at: dt.datetime
    steps: dict[str, StepOutcome] = field(default_factory=dict)
    residue: dict[tuple[str, str], dt.date | None] = field(default_factory=dict)

    def outcome(self, step: str) -> StepOutcome:
        """What is known of a step; nothing where it has not begun."""
        return self.steps.get(step, StepOutcome())


def begun(ledger: Ledger, plans: Collection[str]) -> dict[str, Begun]:
    """Those of the plans of which a run has begun, by digest, in the order in which they began."""
    found: dict[str, Begun] = {}
    for entry in ledger.entries("intent", "receipt"):
        plan = entry.body["plan"]
        if plan in plans:
            known = found.setdefault(plan, Begun(entry.sequence, entry.at))
            if entry.kind == "receipt":
                _receive(known, entry)
    return found


def _receive(known: Begun, entry: Entry) -> None:
    body = entry.body
    step = known.steps.setdefault(body["step"], StepOutcome())
    if body.get("chunk") == LAST_CHUNK:
        step.closing = dict(body["outcomes"]) or {"stale": 0}
    else:
        step.settled.update({name: n for name, n in body["outcomes"].items() if name in SETTLED})
    acted = sum(count for name, count in body["outcomes"].items() if name in ACTED)
    if acted:
        step.acted = entry.at
    if strategy := body.get("strategy"):
        if obstacle := body.get("obstacle"):
            step.impeded[strategy, obstacle] = None
        elif acted:
            step.ways[strategy] += acted
    expires = body.get("expires", {})
    for name in body.get("residue", ()):
        place = body["store"], name.removeprefix("residue/").replace("-", " ")
        days = [known.residue.get(place), dt.date.fromisoformat(expires[name]) if name in expires else None]
        known.residue[place] = max((day for day in days if day), default=None)
