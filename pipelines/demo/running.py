"""The demonstration's run: stores started, approval given in the ledger, the real DAGs run, the outcome gathered."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from expectations.findings import Finding
from pipelines.demo.moments import AS_OF
from pipelines.demo.stores import OFFICER, DemoStores
from pipelines.engine.database import EngineDatabase
from pipelines.engine.holds import HoldScope
from pipelines.errors import ArdoiseError
from pipelines.estate import Estate
from pipelines.plan.artefact import Action, Place, Plan
from pipelines.progress import CHANNEL, Progress, silent
from pipelines.subjects import subject_digest
from pipelines.verify import CANARIES, stored_findings

CONTROLLER = "JULIEN"
EMAIL = "email"
MOST_RECORDS = 250_000
"""What the demonstration's standing approval allows in one plan: about twice what the first run has to do."""

Say = Callable[[str], None]


class DemoFailed(ArdoiseError):
    """A DAG of the demonstration ended red."""


@dataclass(frozen=True, slots=True)
class DemoOutcome:
    """What a run of the demonstration shows; ``acted``: (deleted, anonymised) by store, dataset and category."""

    plan: Plan
    acted: dict[tuple[str, str, str], tuple[int, int]]
    findings: Sequence[Finding]
    report: Path


def run_demo(
    folder: Path, *, scale: float = 1.0, say: Say, progress: Progress = silent, now: Callable[[], dt.datetime]
) -> DemoOutcome:
    """Start the stores under ``folder`` (seeding them the first time), run both DAGs as of `AS_OF`, stop the stores.

    Raises:
        DemoFailed: a DAG ended red; its log is named.
    """
    stores = DemoStores(folder, scale=scale)
    with _getting_ready(stores) as dags, contextlib.ExitStack() as stack:
        stores.start(progress)
        stack.callback(stores.stop)
        canary_file(stores)
        estate = Estate.load(stores.estate)
        open_case(estate, stores, say, now())
        _approve(estate, say, now())
        dags.run(progress)
        return _outcome(Estate.load(stores.estate))


def open_case(estate: Estate, stores: DemoStores, say: Say, at: dt.datetime) -> None:
    """Open the demonstration's legal case: what its persons left behind is kept until its release."""
    case = stores.company.case
    engine = estate.engine()
    try:
        if any(each.case == case.name for each in engine.holds.list()):
            return
        for address in case.emails:
            for scope in estate.scopes(CONTROLLER):
                digest = subject_digest(estate.key, scope, EMAIL, address)
                engine.holds.open(case.name, HoldScope(subject=digest), since=case.since, by=OFFICER, at=at)
    finally:
        engine.close()
    say(f"[bold]{OFFICER}[/] holds what concerns {len(case.emails)} persons, for case {case.name}.")


def _approve(estate: Estate, say: Say, at: dt.datetime) -> None:
    """Give the standing approval under which a run that nobody attends may apply."""
    policy = estate.policy(CONTROLLER)
    engine = estate.engine()
    try:
        expires = at + dt.timedelta(hours=24)
        entry = engine.approvals.grant_standing(
            CONTROLLER, policy.digest, by=OFFICER, at=at, expires=expires, max_count=MOST_RECORDS, max_share=1.0
        )
    finally:
        engine.close()
    say(
        f"[bold]{OFFICER}[/] approves in the ledger (entry {entry.sequence}): plans under policy {policy.name} "
        f"{policy.digest[:12]}, up to {MOST_RECORDS:,} records, until {expires:%Y-%m-%d %H:%M} UTC."
    )


def canary_file(stores: DemoStores) -> Path:
    """What verification looks for: outside the estate, readable by its owner alone, never copied by the engine."""
    path = _canaries(stores)
    document = {
        "values": list(stores.canaries.values),
        "folders": [str(each) for each in stores.data_folders],
    }
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(document, file)
    return path


def _canaries(stores: DemoStores) -> Path:
    return stores.folder / "canaries.json"


@dataclass(frozen=True, slots=True)
class _Dags:
    """A process that gets Airflow ready while the stores are started, and then runs `scan` and `retention`.

    It reports its progress through a pipe, of which ``channel`` is our end.
    """

    process: subprocess.Popen[str]
    channel: IO[str]
    home: Path

    def run(self, progress: Progress) -> None:
        """Run the DAGs.

        Raises:
            DemoFailed: one ended red.
        """
        progress("Airflow", 0, None, "starting")
        assert self.process.stdin is not None  # noqa: S101 - it was given a pipe
        with contextlib.suppress(BrokenPipeError):  # it has ended already: what it said tells why
            self.process.stdin.write("run\n")
            self.process.stdin.flush()
        for line in self.channel:
            told = json.loads(line)
            progress(told["stage"], told["done"], told["total"], told["detail"])
        _, said = self.process.communicate()
        progress("Airflow", 1, 1, "done")
        if self.process.returncode:
            raise DemoFailed(
                "a DAG ended red: " + (said.strip().splitlines() or ["it said nothing"])[-1],
                str(self.home),
                "Its log there says more; mend the cause and run `ardoise demo` again.",
            )


@contextlib.contextmanager
def _getting_ready(stores: DemoStores) -> Iterator[_Dags]:
    """Start the process of the DAGs; one that was never told to run ends with the block."""
    home = stores.folder / "airflow"
    command = [sys.executable, "-m", "dags.in_process", "scan", "retention", "--home", str(home), "--standby"]
    command += ["--conf", json.dumps({"as_of": AS_OF.isoformat()})]
    reading, writing = os.pipe()
    environment = os.environ | {
        "ARDOISE_ESTATE": str(stores.estate),
        CHANNEL: str(writing),
        CANARIES: str(_canaries(stores)),
    }
    process = subprocess.Popen(
        command, env=environment, pass_fds=[writing], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as channel, process:
        try:
            yield _Dags(process, channel, home)
        finally:
            process.terminate()


def _outcome(estate: Estate) -> DemoOutcome:
    engine = estate.engine()
    try:
        record = engine.plans.latest(CONTROLLER, AS_OF)
        if record is None:
            raise DemoFailed("no plan was made", "retention", "Look into Airflow's log.")
        plan = engine.plans.load(record.digest)
        findings = stored_findings(engine, record.digest)
        acted = _acted(engine, plan)
    finally:
        engine.close()
    return DemoOutcome(plan, acted, findings, estate.reports / f"{record.digest[:12]}.html")


def _acted(engine: EngineDatabase, plan: Plan) -> dict[tuple[str, str, str], tuple[int, int]]:
    """From the receipts: how many records each category lost by deletion and by anonymisation or redaction."""
    done = Counter[str]()
    for entry in engine.ledger.entries("receipt"):
        if entry.body["plan"] == plan.digest:
            done[entry.body["step"]] += sum(
                entry.body["outcomes"].get(name, 0) for name in ("deleted", "anonymised", "redacted")
            )
    acted: dict[tuple[str, str, str], tuple[int, int]] = {}
    for step in plan.steps:
        categories = step.categories or tuple(
            each.category for each in plan.tallies if (each.store, each.dataset) == (step.store, step.dataset)
        )
        for category in categories:
            deleted, anonymised = acted.get((step.store, step.dataset, category), (0, 0))
            if step.action is Action.DELETE or step.place is Place.ARCHIVE:
                deleted += done[step.id]
            elif step.action is not Action.ARCHIVE:  # what moves to the archive is still there
                anonymised += done[step.id]
            acted[step.store, step.dataset, category] = (deleted, anonymised)
    return acted
