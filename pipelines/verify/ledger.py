"""Probes of the ledger: it is whole, and every intent of the plan has its receipt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from expectations.probes import Probe

if TYPE_CHECKING:
    from pipelines.engine.database import EngineDatabase
    from pipelines.plan.artefact import Plan

WHOLE = "the ledger is whole"
RECEIVED = "every intent has its receipt"
SETTLED = "every step is complete"


def ledger_probes(engine: EngineDatabase, plan: Plan) -> Iterator[Probe]:
    """What the ledger must say after a run."""
    remedy = "Run `ardoise ledger verify` and restore a whole copy."
    yield Probe(WHOLE, "ledger", "", "entries changed, removed or moved", 0, len(engine.ledger.verify()), remedy)
    waiting: set[tuple[str, int]] = set()
    complete: Counter[str] = Counter()
    for entry in engine.ledger.entries("intent", "receipt"):
        body = entry.body
        if body["plan"] != plan.digest:
            continue
        chunk = (body["step"], body.get("chunk", 0))
        if entry.kind == "intent":
            waiting.add(chunk)
        else:
            waiting.discard(chunk)
            complete[body["step"]] += 1
    resume = "Run `ardoise apply` again; it resumes what was interrupted."
    yield Probe(RECEIVED, "ledger", "", "intents without a receipt", 0, len(waiting), resume)
    silent = [step.id for step in plan.steps if not complete[step.id]]
    yield Probe(SETTLED, "ledger", "", "steps without any receipt", 0, len(silent), resume)
