"""The controller's runs up to one of them, for trends: from the plans, the receipts and the verifications."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pipelines.report.model import Past
from pipelines.report.outcomes import Begun, begun

if TYPE_CHECKING:
    from pipelines.engine.database import EngineDatabase
    from pipelines.plan.artefact import Plan

MOST = 24
"""How many runs a trend goes back."""


def runs_until(engine: EngineDatabase, plan: Plan) -> tuple[Past, ...]:
    """The last runs of the plan's controller that began before the plan's own, and that one, the oldest first.

    A plan that has not been applied is no run: then its own numbers come last, with nothing done.
    """
    known = {each.digest for each in engine.plans.list(plan.controller)}
    started = begun(engine.ledger, known)
    before = list(started)
    if plan.digest in started:
        before = before[: before.index(plan.digest)]
    verified = _verified(engine)
    earlier = [_past(engine.plans.load(digest), started[digest], verified) for digest in before[-MOST + 1 :]]
    return (*earlier, _past(plan, started.get(plan.digest), verified))


def _verified(engine: EngineDatabase) -> dict[str, tuple[int, int]]:
    """By plan, how many expectations its last verification checked, and how many failed."""
    return {
        entry.body["plan"]: (entry.body["checked"], entry.body["failed"])
        for entry in engine.ledger.entries("verification")
    }


def _past(plan: Plan, run: Begun | None, verified: dict[str, tuple[int, int]]) -> Past:
    done: Counter[str] = Counter()
    left = lateness = 0
    for step in plan.steps:
        if run is None:
            left += step.count
            continue
        outcome = run.outcome(step.id)
        done.update(outcome.counts)
        left += outcome.left(step)
        lateness = max(lateness, outcome.lateness(step))
    checked, failed = verified.get(plan.digest, (0, None))
    return Past(
        plan=plan.digest,
        as_of=plan.as_of,
        due=sum(tally.due for tally in plan.tallies),
        held=sum(tally.held for tally in plan.tallies),
        undetermined=sum(tally.undetermined for tally in plan.tallies),
        deleted=done["deleted"],
        anonymised=done["anonymised"],
        redacted=done["redacted"],
        archived=done["archived"],
        left=left,
        lateness=lateness,
        checked=checked,
        failed=failed,
    )
