"""Gathering what the report says: from the plan, the ledger, the findings, and the stores' statistics."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from connectors.errors import ConnectorError
from connectors.lasting import Lasting
from pipelines.apply.remaining import declare
from pipelines.engine.approvals import extent_of
from pipelines.errors import EstateInvalid, ExpectationsUnmet, NotApproved
from pipelines.plan.artefact import Action, Plan
from pipelines.report.model import Approver, Done, Impeded, Registration, ReportData, Residue, Stopped, Way
from pipelines.report.outcomes import Begun, begun
from pipelines.report.trends import runs_until
from pipelines.report.unsettled import holds_in_force, unclassified
from pipelines.verify import stored_findings
from pipelines.verify.anonymity import measured as hidden
from pipelines.verify.leading import leading
from pipelines.verify.statistics import measured, registrations

if TYPE_CHECKING:
    from connectors.base import DatasetShape
    from pipelines.data_map.model import DatasetMap
    from pipelines.engine.database import EngineDatabase
    from pipelines.engine.ledger import Entry
    from pipelines.estate import Estate
    from retention_rules.policy import Policy

Found = TypeVar("Found")

_LASTING = {each.replace("-", " "): each for each in Lasting}
"""The kinds that expire by themselves, as receipts name them."""

_EXACT = ("int", "numeric", "decimal", "float", "double", "real", "money", "date", "time")
"""Beginnings and parts of the names of types whose values may single a person out."""


def gather(estate: Estate, plan_digest: str, *, now: dt.datetime) -> ReportData:
    """Everything that a plan's report shows.

    Raises:
        UsageError: there is no such plan.
    """
    with contextlib.closing(estate.engine()) as engine:
        plan = engine.plans.load(plan_digest)
        run = begun(engine.ledger, {plan.digest}).get(plan.digest)
        head = engine.ledger.head()
        statistics, silent = _asked(estate, plan, measured)
        anonymity, hiding = _asked(estate, plan, hidden)
        links, unseen = _asked(estate, plan, leading)
        return ReportData(
            estate=estate.name,
            made_at=now,
            plan=plan,
            plan_digest=plan.digest,
            approver=_approver(engine, plan, run, now),
            done=() if run is None else tuple(_done(plan, run)),
            findings=tuple(stored_findings(engine, plan.digest)),
            statistics=tuple(statistics),
            residue=() if run is None else tuple(_residue(run)),
            ledger_head=f"{head.sequence}:{head.digest}",
            kept_exactly=tuple(_kept_exactly(estate, plan)),
            anonymity=tuple(anonymity),
            leading=tuple(links),
            policy=_policy(estate, plan),
            unclassified=tuple(unclassified(estate, engine)),
            holds=tuple(holds_in_force(engine, plan)),
            runs=runs_until(engine, plan),
            began=None if run is None else run.at,
            stopped=_stopped(engine, plan) if run is None else None,
            unreached=tuple(sorted(silent | hiding | unseen)),
            registered=tuple(Registration(*each) for each in registrations(estate, plan)),
        )


def _policy(estate: Estate, plan: Plan) -> Policy | None:
    """The policy of the plan; None where the estate has another by now: its words are not those that were applied."""
    if plan.controller not in estate.controllers:
        return None
    try:
        policy = estate.policy(plan.controller)
    except EstateInvalid:
        return None
    return policy if policy.digest == plan.policy_digest else None


def _approver(engine: EngineDatabase, plan: Plan, run: Begun | None, now: dt.datetime) -> Approver | None:
    """Who gave the approval under which the run began, as the ledger stood then; before a run, as it stands now."""
    at = now if run is None else run.at
    given: dict[int, Entry] = {}
    for entry in engine.ledger.entries("approval", "standing_approval", "revocation"):
        if run is not None and entry.sequence > run.first:
            break
        if entry.kind == "revocation":
            given.pop(entry.body["approval"], None)
        elif at < dt.datetime.fromisoformat(entry.body["expires"]) and _allows(entry, plan):
            given[entry.sequence] = entry
    if not given:
        return None
    first = next(iter(given.values()))
    expires = dt.datetime.fromisoformat(first.body["expires"])
    asked = engine.plans.record(plan.digest).made_by
    return Approver(first.body["by"], first.kind, first.at, expires, first.sequence, asked)


def _allows(entry: Entry, plan: Plan) -> bool:
    body = entry.body
    if entry.kind == "approval":
        return bool(body["plan"] == plan.digest)
    extent = extent_of(plan)
    named = (body["controller"], body["policy"]) == (plan.controller, plan.policy_digest)
    return bool(named and extent.count <= body["max_count"] and extent.share <= body["max_share"])


def _stopped(engine: EngineDatabase, plan: Plan) -> Stopped | None:
    """What stopped the last run of a plan of which none has begun; that nobody had allowed one is told by itself."""
    mine = (each for each in engine.ledger.entries("refusal") if each.body.get("plan") == plan.digest)
    last = max(mine, key=lambda each: each.sequence, default=None)
    if last is None or last.body["reason"] == NotApproved.__name__:
        return None
    return Stopped(last.at, unmet=last.body["reason"] == ExpectationsUnmet.__name__)


def _done(plan: Plan, run: Begun) -> Iterator[Done]:
    for step in plan.steps:
        outcome = run.outcome(step.id)
        counts = outcome.counts
        yield Done(
            step=step.id,
            store=step.store,
            dataset=step.dataset,
            deleted=counts.get("deleted", 0),
            anonymised=counts.get("anonymised", 0),
            redacted=counts.get("redacted", 0),
            archived=counts.get("archived", 0),
            stale=counts.get("stale", 0),
            left=outcome.left(step),
            lateness=outcome.lateness(step),
            ways=tuple(Way(strategy, count) for strategy, count in outcome.ways.items()),
            impeded=tuple(Impeded(*each) for each in outcome.impeded),
        )


def _asked(
    estate: Estate, plan: Plan, measure: Callable[[Estate, Plan], Iterable[Found]]
) -> tuple[list[Found], set[str]]:
    """What is measured in every store, and the stores that did not answer."""
    found: list[Found] = []
    silent: set[str] = set()
    for store in estate.data_maps:
        alone = replace(estate, map_files={store: estate.map_files[store]})
        try:
            found += measure(alone, plan)
        except ConnectorError:
            silent.add(store)
    return found, silent


def _residue(run: Begun) -> Iterator[Residue]:
    for (store, kind), day in run.residue.items():
        if day is not None:
            why = "kept until the store's own schedule removes it"
        elif kind in _LASTING:
            why = f"how long it is kept is not declared: {declare(store, _LASTING[kind])}"
        else:
            why = "kept until a person removes it: the store did not let Ardoise do it"
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
    if dataset.anonymity is not None:
        links |= {*dataset.anonymity.columns, *dataset.anonymity.measures}
    for field in shape.fields:
        exact = any(part in field.type.lower() for part in _EXACT)
        if exact and field.name not in links and field.name not in dataset.personal:
            yield field.name
