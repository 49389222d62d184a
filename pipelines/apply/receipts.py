"""Intents and receipts of one plan in the ledger: what was about to be done, and what became of it.

An intent is written before the first destructive call of a chunk, its receipt after. A chunk is known by plan, step
and number, never by a run, so that a resumed run finds what an interrupted one began.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from connectors.sql.strategy import Obstacle, Strategy, Unfit
from pipelines.apply.summary import SETTLED
from pipelines.engine.ledger import Entry, Ledger
from pipelines.plan.artefact import Plan, Step

LAST_CHUNK = 2**31 - 1
"""The chunk number of a step's closing receipt."""


@dataclass(frozen=True, slots=True)
class Intent:
    """A chunk that was begun."""

    sequence: int
    step: str
    chunk: int
    records: int


@dataclass(slots=True)
class StepRecord:
    """What is known of a step.

    ``outcomes`` counts what is settled, over all runs; ``unsettled`` what this run met and left (conflicts, locked
    rows): another run may settle it. ``held_back`` counts what is due and could not be hidden among others;
    ``hidden`` counts rows that were turned to bucket parents. ``closing`` is what the last run counted at the step's
    end. ``open`` are the chunks that were begun and have no receipt. ``acted``: this run has changed rows,
    ``rewritten``: by writing the table anew. ``unfit``: what stood in the way of a strategy that the plan has chosen,
    in this run.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    unsettled: Counter[str] = field(default_factory=Counter)
    closing: dict[str, int] = field(default_factory=dict)
    open: dict[int, Intent] = field(default_factory=dict)
    chunks: int = 0
    finished: bool = False
    rewritten: bool = False
    acted: bool = False
    unfit: dict[Strategy, Obstacle] = field(default_factory=dict)
    held_back: int = 0
    hidden: int = 0

    @property
    def settled(self) -> int:
        """Records of which nothing is left to do."""
        return self.outcomes.total()

    def add(self, outcomes: Mapping[str, int]) -> None:
        """Count the outcomes of a chunk of this run."""
        for name, count in outcomes.items():
            (self.outcomes if name in SETTLED else self.unsettled)[name] += count


def running_clock(start: dt.datetime) -> Callable[[], dt.datetime]:
    """The time since ``start``, from the monotonic clock: entries of a long run follow each other."""
    began = time.monotonic()
    return lambda: start + dt.timedelta(seconds=time.monotonic() - began)


@dataclass(frozen=True, slots=True)
class Receipts:
    """Reads and writes the intents and receipts of one plan."""

    ledger: Ledger
    plan: Plan
    digest: str
    actor: str
    clock: Callable[[], dt.datetime]

    def read(self) -> dict[str, StepRecord]:
        """What the ledger knows, by step."""
        records = {step.id: StepRecord() for step in self.plan.steps}
        for entry in self.ledger.entries("intent", "receipt"):
            body = entry.body
            if body["plan"] != self.digest or body["step"] not in records:
                continue
            record = records[body["step"]]
            chunk = int(body["chunk"])
            if entry.kind == "intent":
                record.open[chunk] = _intent(entry)
                record.chunks = max(record.chunks, chunk)
                continue
            record.open.pop(chunk, None)
            if chunk == LAST_CHUNK:
                record.finished = bool(body["complete"])
                record.closing = dict(body["outcomes"])
                continue
            record.outcomes.update({name: n for name, n in body["outcomes"].items() if name in SETTLED})
        return records

    def acted_at(self) -> dict[tuple[str, str], dt.datetime]:
        """When the plan's runs last wrote an intent or a receipt about each dataset, by store and dataset."""
        return {
            (entry.body["store"], entry.body["dataset"]): entry.at
            for entry in self.ledger.entries("intent", "receipt")
            if entry.body["plan"] == self.digest
        }

    def intend(self, step: Step, chunk: int, records: int) -> Intent:
        """Write that a chunk of at most so many records is about to be acted on."""
        body = {**self._subject(step), "chunk": chunk, "records": records}
        return _intent(self.ledger.append("intent", body, at=self.clock()))

    def receive(
        self,
        step: Step,
        intent: Intent,
        outcomes: Mapping[str, int],
        *,
        complete: bool = True,
        strategy: Strategy | None = None,
        unfit: Unfit | None = None,
    ) -> None:
        """Write what became of a chunk: by which strategy; of one that did not fit, what stood in its way."""
        counts = {name: count for name, count in outcomes.items() if count}
        body = {
            **self._subject(step),
            "chunk": intent.chunk,
            "intent": intent.sequence,
            "outcomes": counts,
            "complete": complete,
        }
        if strategy is not None:
            body["strategy"] = strategy.value
        if unfit is not None:
            body |= {"strategy": unfit.strategy.value, "obstacle": unfit.obstacle.name}
        self.ledger.append("receipt", body, at=self.clock())

    def close(
        self, step: Step, outcomes: Mapping[str, int], residue: Mapping[str, dt.date | None], *, complete: bool
    ) -> None:
        """Write a step's closing receipt: the outcomes that no chunk has counted, and whether the step is complete.

        ``residue``: what remains, by its name in the ledger, with the last day on which it is there, if that is known.
        """
        counts = {name: count for name, count in outcomes.items() if count}
        body = {
            **self._subject(step),
            "chunk": LAST_CHUNK,
            "outcomes": counts,
            "complete": complete,
            "residue": list(residue),
        }
        expires = {name: day.isoformat() for name, day in residue.items() if day is not None}
        if expires:
            body["expires"] = expires
        self.ledger.append("receipt", body, at=self.clock())

    def refuse(self, reason: str, store: str | None = None, dataset: str | None = None) -> None:
        """Write that the run was refused or stopped; ``reason`` is the kind of error."""
        body = {"reason": reason, "plan": self.digest, "controller": self.plan.controller, "by": self.actor}
        where = {"store": store, "dataset": dataset}
        body |= {name: value for name, value in where.items() if value}
        self.ledger.append("refusal", body, at=self.clock())

    def _subject(self, step: Step) -> dict[str, str]:
        return {
            "plan": self.digest,
            "store": step.store,
            "dataset": step.dataset,
            "step": step.id,
            "action": step.action.value,
            "by": self.actor,
        }


def _intent(entry: Entry) -> Intent:
    body = entry.body
    return Intent(entry.sequence, body["step"], int(body["chunk"]), int(body["records"]))
