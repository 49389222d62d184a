"""Before a run: the stores are looked at, and where they are not as data map and plan expect them, nothing is done."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

from connectors.errors import ConnectorError
from connectors.sql.connector import SqlConnector
from expectations.findings import Finding, Severity, Stage
from expectations.probes import Probe, check_probes
from expectations.suites import Suite, check_suites
from pipelines.errors import ExpectationsUnmet
from pipelines.expect.baseline import baseline
from pipelines.expect.covered import covered
from pipelines.expect.own import own_suites
from pipelines.expect.owned import placed
from pipelines.expect.tables import Expecting
from pipelines.progress import Progress, silent
from pipelines.scan.refresh import ITEM_STORES

if TYPE_CHECKING:
    from connectors.base import Inventory
    from pipelines.engine.database import EngineDatabase
    from pipelines.estate import Estate
    from pipelines.expect.baseline import Baseline
    from pipelines.expect.own import OwnSuite
    from pipelines.plan.artefact import Plan

REACHED = "every store of the data map can be reached"

_TOLD = 3
"""Unmet expectations that a refusal names; the others are in the findings."""


def expect_before(
    estate: Estate,
    engine: EngineDatabase,
    plan: Plan,
    *,
    now: dt.datetime,
    today: dt.date,
    begun: Callable[[], bool],
    progress: Progress = silent,
) -> None:
    """Look at every SQL store of the plan's controller; keep the findings, and refuse where one stops the run.

    Where another worker of the same plan has ``begun`` meanwhile, what is seen is its work, and no reason to stop.

    Raises:
        ExpectationsUnmet: with the first of them, and what to do.
        EstateInvalid: a person's own suite is not as it must be.
        ConnectorError: a store on which the plan acts cannot be reached.
    """
    findings = findings_before(estate, engine, plan, today=today, progress=progress)
    if begun():
        return
    engine.findings.store(plan.digest, [asdict(each) for each in findings], at=now, stage=Stage.BEFORE)
    unmet = [each for each in findings if each.blocking]
    if unmet:
        raise ExpectationsUnmet(_said(unmet), f"plan {plan.digest[:12]}", unmet[0].remedy)


def findings_before(
    estate: Estate, engine: EngineDatabase, plan: Plan, *, today: dt.date, progress: Progress = silent
) -> list[Finding]:
    """What every SQL store of the plan's controller is like; nothing is kept.

    Raises:
        EstateInvalid: a person's own suite is not as it must be.
        ConnectorError: a store on which the plan acts cannot be reached.
    """
    own, known = own_suites(estate), baseline(engine, plan)
    stores = [store for store in estate.data_maps if estate.stores[store].kind not in ITEM_STORES]
    probes: list[Probe] = []
    found: list[Finding] = []
    for number, store in enumerate(stores):
        progress("expect", number, len(stores), store)
        try:
            with estate.connected(store) as connector:
                assert isinstance(connector, SqlConnector)  # noqa: S101 - what is neither mail nor calendar is SQL
                connector.check()
                inventory = connector.inspect()
                probes += covered(estate, engine, plan, store, inventory, Stage.BEFORE)
                suites = before_suites(estate, plan.controller, connector, inventory, known, own, today)
                url = estate.connections.find(estate.stores[store].read, f"[stores.{store}] read")
                found += check_suites(url, suites)
        except ConnectorError as error:
            if any(step.store == store for step in plan.steps):
                raise
            measure = "stores that cannot be reached"
            probes.append(Probe(REACHED, store, "", measure, 0, None, error.remedy, Stage.BEFORE, Severity.WARNING))
    progress("expect", len(stores), len(stores), "")
    return [*check_probes(probes), *found]


def before_suites(
    estate: Estate,
    controller: str,
    connector: SqlConnector,
    inventory: Inventory,
    known: Baseline,
    own: tuple[OwnSuite, ...],
    today: dt.date,
) -> list[Suite]:
    """The suites of one store before a run: generated from its data map, and a person's own."""
    store = connector.store
    mapped = estate.data_maps[store].active
    datasets = {name: each for name, each in mapped.items() if each.controller == controller}
    with connector.reading() as connection:
        marked = connector.journal.exists(connection)
    expecting = Expecting(
        connector=connector,
        inventory=inventory,
        datasets=datasets,
        policy=estate.policy(controller),
        known=known,
        tolerances={name: estate.config.expectations.of(store, name) for name in datasets},
        limits={name: estate.limit(store, name) for name in datasets},
        today=today,
        marked=marked,
    )
    return [*expecting.suites(), *placed(own, connector, datasets, Stage.BEFORE)]


def _said(unmet: list[Finding]) -> str:
    """How many expectations are unmet, and the first of them: what stands for what else is unmet comes first."""
    told = "; ".join(_one(each) for each in unmet[:_TOLD])
    more = f"; and {len(unmet) - _TOLD} more" if len(unmet) > _TOLD else ""
    count = "one expectation is" if len(unmet) == 1 else f"{len(unmet)} expectations are"
    return f"{count} not met, so nothing was changed: {told}{more}"


def _one(finding: Finding) -> str:
    place = f"{finding.store}.{finding.dataset}".rstrip(".")
    if finding.seen is None:
        return f"{place}: {finding.measure} could not be counted"
    return f"{place}: {finding.seen:,} {finding.measure}, where {finding.allowed} may be"
