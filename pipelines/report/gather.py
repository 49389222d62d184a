"""Gathering what the report says: from the plan, the ledger, the findings, and the stores' statistics."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from connectors.errors import ConnectorError
from pipelines.errors import ArdoiseError, NotApproved
from pipelines.plan.artefact import Action, Plan
from pipelines.report.model import Approver, Done, ReportData, Residue, Series
from pipelines.verify import stored_findings
from pipelines.verify.statistics import measured

if TYPE_CHECKING:
    from connectors.base import DatasetShape
    from pipelines.data_map.model import DatasetMap
    from pipelines.engine.database import EngineDatabase
    from pipelines.engine.ledger import Entry
    from pipelines.estate import Estate

_LEFT = ("conflict", "refused", "pending", "unknown", "remaining")
_EXACT = ("int", "numeric", "decimal", "float", "double", "real", "money", "date", "time")
"""Beginnings and parts of the names of types whose values may single a person out."""


def gather(estate: Estate, plan_digest: str, *, now: dt.datetime) -> ReportData:
    """Everything that a plan's report shows.

    Raises:
        UsageError: there is no such plan.
    """
    with contextlib.closing(estate.engine()) as engine:
        plan = engine.plans.load(plan_digest)
        entries = [entry for entry in engine.ledger.entries("intent", "receipt") if entry.body["plan"] == plan.digest]
        head = engine.ledger.head()
        return ReportData(
            estate=estate.name,
            made_at=now,
            plan=plan,
            plan_digest=plan.digest,
            approver=_approver(engine, plan, entries),
            done=tuple(_done(plan, entries)),
            findings=tuple(stored_findings(engine, plan.digest)),
            statistics=tuple(_statistics(estate, plan)),
            residue=tuple(_residue(entries)),
            ledger_head=f"{head.sequence}:{head.digest}",
            kept_exactly=tuple(_kept_exactly(estate, plan)),
            sources={purpose.name: purpose.source for purpose in estate.policy(plan.controller).purposes},
        )


def _approver(engine: EngineDatabase, plan: Plan, entries: list[Entry]) -> Approver | None:
    """The approval under which the first intent was written."""
    if not entries:
        return None
    try:
        allowed = engine.approvals.authorise(plan, now=entries[0].at)
    except (NotApproved, ArdoiseError):
        return None
    given = next(engine.ledger.entries(after=allowed.entry - 1))
    return Approver(allowed.by, given.kind, given.at, allowed.expires)


def _done(plan: Plan, entries: list[Entry]) -> Iterator[Done]:
    outcomes: dict[str, Counter[str]] = defaultdict(Counter)
    when: dict[str, dt.date] = {}
    for entry in entries:
        if entry.kind == "receipt":
            outcomes[entry.body["step"]].update(entry.body["outcomes"])
            when.setdefault(entry.body["step"], entry.at.date())
    places: dict[tuple[str, str], list[str]] = defaultdict(list)
    steps = {step.id: step for step in plan.steps}
    for step in plan.steps:
        if step.id in when:
            places[step.store, step.dataset].append(step.id)
    for (store, dataset), ids in places.items():
        total = sum((outcomes[each] for each in ids), Counter[str]())
        yield Done(
            store=store,
            dataset=dataset,
            deleted=total["deleted"],
            anonymised=total["anonymised"],
            redacted=total["redacted"],
            stale=total["stale"],
            left=sum(total[name] for name in _LEFT),
            lateness=max(((when[each] - steps[each].first_due).days for each in ids), default=0),
        )


def _statistics(estate: Estate, plan: Plan) -> Iterator[Series]:
    """The registered statistics; a store that is down has none to show, and its expectation says so."""
    with contextlib.suppress(ConnectorError):
        yield from measured(estate, plan)


def _residue(entries: list[Entry]) -> Iterator[Residue]:
    found: dict[tuple[str, str], dt.date | None] = {}
    for entry in entries:
        expires = entry.body.get("expires", {})
        for name in entry.body.get("residue", ()):
            day = expires.get(name)
            known = found.get((entry.body["store"], name))
            days = [each for each in (known, day and dt.date.fromisoformat(day)) if each]
            found[entry.body["store"], name] = max(days, default=None)
    for (store, name), day in found.items():
        kind = name.removeprefix("residue/").replace("-", " ")
        why = "kept until the store's own schedule removes it" if day else f"declare it in [stores.{store}.residue]"
        yield Residue(store, kind, why, day)


def _kept_exactly(estate: Estate, plan: Plan) -> Iterator[str]:
    """The amounts and dates that anonymised rows keep as they were: store.dataset.column."""
    anonymised: dict[str, set[str]] = defaultdict(set)
    for step in plan.steps:
        if step.action is Action.ANONYMISE:
            anonymised[step.store].add(step.dataset)
    for store, datasets in anonymised.items():
        try:
            with estate.connected(store) as connector:
                inventory = connector.inspect()
        except ConnectorError:
            continue
        for name in sorted(datasets):
            dataset = estate.data_maps[store].datasets[name]
            shape = inventory.find(dataset.source)
            if shape is not None:
                yield from (f"{store}.{name}.{column}" for column in _exact(dataset, shape))


def _exact(dataset: DatasetMap, shape: DatasetShape) -> Iterator[str]:
    links = {*shape.key, *dataset.key, *(column for each in shape.references for column in each.columns)}
    for field in shape.fields:
        exact = any(part in field.type.lower() for part in _EXACT)
        if exact and field.name not in links and field.name not in dataset.personal:
            yield field.name
