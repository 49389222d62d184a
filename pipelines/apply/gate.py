"""What must hold before a run may write: the plan is allowed, is what it was made from, and its stores take writes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from connectors.base import Connector
from connectors.sql.connector import SqlConnector
from pipelines.apply.stores import opened
from pipelines.engine import EngineDatabase
from pipelines.errors import PlanChanged, Refused
from pipelines.estate import Estate
from pipelines.plan.artefact import Place, Plan, Step
from pipelines.scan.drift import coverage_of
from pipelines.scan.sources import source_of

AGAIN = "Make a new plan and have it approved."


def check_plan(
    estate: Estate, engine: EngineDatabase, plan: Plan, now: dt.datetime, today: dt.date, *, begun: bool
) -> None:
    """Refuse a plan that is not allowed, or was made from something else than what is there now.

    Once its run has ``begun``, a hold or a request since is no reason: only this plan knows what its run has changed.
    The run itself leaves alone what is held by now; what somebody has asked for since is for the next plan.

    Raises:
        LedgerBroken: the ledger cannot be trusted.
        NotApproved: nothing allows it, it is superseded, or it refuses itself.
        PlanChanged: the policy, a data map, a hold or a person's request has changed since.
        Refused: its as-of date lies in the future.
    """
    where = f"plan {plan.digest[:12]}"
    if plan.as_of > today:
        raise Refused(
            f"its as-of date {plan.as_of} lies in the future (today is {today})", where, "Apply it from that day on."
        )
    engine.approvals.authorise(plan, now=now)
    if estate.policy(plan.controller).digest != plan.policy_digest:
        raise PlanChanged(f"the policy of {plan.controller} has changed since the plan was made", where, AGAIN)
    if estate.data_map_digest != plan.data_map_digest:
        raise PlanChanged("a data map has changed since the plan was made", where, AGAIN)
    if not begun and holds_digest(engine, plan) != plan.holds_digest:
        raise PlanChanged("a hold was opened or released since the plan was made", where, AGAIN)
    if not begun and engine.requests.digest(plan.controller, plan.as_of) != plan.requests_digest:
        raise PlanChanged("a person's request was recorded or retracted since the plan was made", where, AGAIN)
    if not begun:
        _check_coverage(estate, engine, plan, where)


def _check_coverage(estate: Estate, engine: EngineDatabase, plan: Plan, where: str) -> None:
    """Refuse to take rows of which a scan has found something since that nobody has decided about."""
    coverage, policy = coverage_of(engine), estate.policy(plan.controller)
    for step in plan.steps:
        if step.takes_rows and step.place is Place.ACTIVE:
            dataset = estate.data_maps[step.store].datasets[step.dataset]
            found = coverage.drifted(step.store, step.dataset, dataset, policy)
            if found:
                what = f"a scan since the plan was made says of {step.store}.{step.dataset} that {found[0]}"
                raise PlanChanged(what, where, f"Decide about it (`ardoise review {step.store}`). {AGAIN}")


def check_stores(estate: Estate, plan: Plan, connectors: Mapping[str, Connector]) -> None:
    """Reach every store for reading and writing, before the first of them is written.

    Raises:
        ConnectorError: a store is down or read-only.
    """
    for store, connector in connectors.items():
        connector.check()
        datasets = {step.dataset for step in plan.steps if step.store == store}
        if isinstance(connector, SqlConnector):
            maps = estate.data_maps[store].datasets
            connector.check_writable([source_of(name, maps[name]) for name in sorted(datasets)])
    for connector in connectors.values():  # only now: a store that refuses must leave the others as they are
        if isinstance(connector, SqlConnector):
            connector.prepare()


def refuse_restored(estate: Estate, plan: Plan, settled: Sequence[tuple[Step, int]]) -> None:
    """Refuse to take steps for done, each with so many records, of which a store knows less than the ledger.

    Raises:
        Refused: a store was restored from a backup since.
        ConnectorError: a store cannot be reached.
    """
    acted = [(step, count) for step, count in settled if count]
    with opened(estate, dict.fromkeys(step.store for step, _ in acted)) as connectors:
        for step, count in acted:
            connector = connectors[step.store]
            if isinstance(connector, SqlConnector) and _journalled(connector, plan, step) < count:
                raise Refused(
                    "what the run has done is not in the store's journal: it was restored from a backup since",
                    f"{step.store}.{step.dataset}",
                    "`ardoise verify` says what is back. Plan for a later day: the plan of this one has its end.",
                )


def _journalled(connector: SqlConnector, plan: Plan, step: Step) -> int:
    with connector.writing() as connection, connection.begin():
        if not connector.journal.exists(connection):
            return 0
        _, counts = connector.journal.progress(connection, plan.digest, step.id)
    return counts.done


def holds_digest(engine: EngineDatabase, plan: Plan) -> str:
    """The digest of the holds in force, as plans are bound to it."""
    return engine.holds.digest(plan.as_of)
