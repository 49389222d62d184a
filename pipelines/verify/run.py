"""The verification of one plan: probes and row checks, gathered store by store, judged by the expectations."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from connectors.errors import ConnectorError
from expectations.findings import Finding, Stage
from expectations.probes import Probe, check_probes
from pipelines.engine.database import EngineDatabase
from pipelines.estate import Estate
from pipelines.plan.artefact import Plan
from pipelines.plan.build import draft
from pipelines.plan.hiding import held_back
from pipelines.progress import Progress
from pipelines.scan.refresh import ITEM_STORES, refresh
from pipelines.verify import before, items
from pipelines.verify.anonymity import anonymity_probes
from pipelines.verify.canaries import canary_probes
from pipelines.verify.ledger import ledger_probes
from pipelines.verify.statistics import statistics_probes
from pipelines.verify.stores import UNTOUCHED, verify_store

LEFT = "what was due is gone"

_AGAIN = "Run `ardoise apply` again; if it stays, look into the ledger for what was refused."
_CHANGED = (
    "Something else wrote to the store since the run began, or this is a defect: compare with the server's log. "
    "Verify right after a run, as the DAG does, before others write."
)


def verify(estate: Estate, plan_digest: str, *, now: dt.datetime, today: dt.date, progress: Progress) -> list[Finding]:
    """Run every expectation about a plan's outcome; keep the findings, and a ledger entry with their counts.

    Raises:
        UsageError: there is no such plan.
    """
    with contextlib.closing(estate.engine()) as engine:
        estate = estate.acting(engine)
        plan = engine.plans.load(plan_digest)
        findings = _Verification(estate, engine, plan, now, today, progress).findings()
        engine.findings.store(plan.digest, [asdict(each) for each in findings], at=now, stage=Stage.AFTER)
        failed = sum(finding.blocking for finding in findings)
        body = {"plan": plan.digest, "passed": not failed, "checked": len(findings), "failed": failed}
        engine.ledger.append("verification", body, at=now)
    return findings


@dataclass
class _Verification:
    estate: Estate
    engine: EngineDatabase
    plan: Plan
    now: dt.datetime
    today: dt.date
    progress: Progress

    def findings(self) -> list[Finding]:
        """Everything that was looked at; what could not be is a finding that has not passed."""
        parts: dict[str, Callable[[], Iterator[Probe]]] = {
            "what is still due": self._left,
            "messages and events": self._items,
            "statistics": lambda: statistics_probes(self.estate, self.plan),
            "anonymity": lambda: anonymity_probes(self.estate, self.plan),
            "ledger": lambda: ledger_probes(self.engine, self.plan),
            "canaries": lambda: canary_probes(self.estate),
        }
        stores = [store for store in self.estate.data_maps if self.estate.stores[store].kind not in ITEM_STORES]
        total = len(parts) + len(stores)
        probes: list[Probe] = []
        rows: list[Finding] = []
        for number, (name, take) in enumerate(parts.items()):
            self.progress("verify", number, total, name)
            probes += take()
        for number, store in enumerate(stores, start=len(parts)):
            self.progress("verify", number, total, store)
            taken, checked = verify_store(self.estate, self.engine, self.plan, store, self.today)
            probes += taken
            rows += checked
        self.progress("verify", total, total, "")
        return [*check_probes(probes), *rows]

    def _left(self) -> Iterator[Probe]:
        """Plan the same date anew, over fresh connections and a fresh index: nothing may be due."""
        refresh(self.estate, now=self.now)
        stores = {step.store for step in self.plan.steps}
        try:
            made_at = self.engine.plans.record(self.plan.digest).made_at
            again = draft(
                self.estate, self.engine, self.plan.controller, as_of=self.plan.as_of, today=self.today,
                portion=self.plan.portion, made_at=made_at,
                holds=self.engine.holds.unreleased_since(made_at),  # what was released since is for the next plan
            )  # fmt: skip
        except ConnectorError as error:
            yield Probe(LEFT, error.store, "", "records still due", 0, None, error.remedy)
            return
        due = {(tally.store, tally.dataset): 0 for tally in again.tallies}
        for step in again.steps:
            due[step.store, step.dataset] += step.count
        held = held_back(self.engine.ledger.entries("receipt"), self.plan.digest)
        for (store, dataset), found in due.items():
            count = max(0, found - held[store, dataset])
            yield Probe(LEFT, store, dataset, "records still due", 0, count, _AGAIN)
        for store in sorted(stores - {store for store, _ in due}):
            yield Probe(LEFT, store, "", "records still due", 0, None, "Start the store and verify again.")

    def _items(self) -> Iterator[Probe]:
        for store in self.estate.data_maps:
            path = before.items_file(self.estate, self.plan.digest, store)
            if not path.exists():
                continue
            for dataset, gone, surplus in items.compared(self.estate, self.plan, store, path):
                yield Probe(
                    UNTOUCHED, store, dataset, "items that went or changed without being due", 0, gone, _CHANGED
                )
                yield Probe(UNTOUCHED, store, dataset, "items more than there may be", 0, surplus, _CHANGED)
