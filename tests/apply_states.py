"""The state of a small estate after a run, with what is replaced at random checked for validity instead of value."""

from __future__ import annotations

import datetime as dt
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Protocol

from estates import AS_OF, DUE, NOW, SmallEstate

from connectors.base import FieldShape
from pipelines.anonymise.techniques import technique_for
from pipelines.apply.receipts import LAST_CHUNK
from pipelines.plan import make_plan
from pipelines.plan.artefact import Plan

REPLACED = {
    "contacts": {
        "email": technique_for("user.contact.email", FieldShape("email", "VARCHAR(80)", False, True, 80)),
        "first_name": technique_for("user.name.first", FieldShape("first_name", "VARCHAR(40)", length=40)),
        "last_name": technique_for("user.name.last", FieldShape("last_name", "VARCHAR(40)", length=40)),
        "phone": technique_for("user.contact.phone_number", FieldShape("phone", "VARCHAR(30)", length=30)),
    },
    "customers": {
        "email": technique_for("user.contact.email", FieldShape("email", "TEXT", nullable=False)),
        "last_name": technique_for("user.name.last", FieldShape("last_name", "TEXT")),
    },
}
TABLES = {"crm": ("contacts", "notes", "web_logs"), "billing": ("customers", "contracts")}
_RANDOM = re.compile(rb"(?im)^x-ardoise-operation:.*\r?\n(?:[ \t].*\r?\n)*")


def planned(small: SmallEstate, *, approved: bool = True, as_of: dt.date = AS_OF, now: dt.datetime = NOW) -> Plan:
    """Make the plan of the estate's controller, and approve it."""
    estate = small.estate
    plan = make_plan(estate, "JULIEN", as_of=as_of, today=now.date(), now=now, by="tests")
    if approved:
        engine = estate.engine()
        engine.approvals.approve(plan.digest, by="dpo", at=now, expires=now + dt.timedelta(days=30))
        engine.close()
    return plan


def state(small: SmallEstate, plan: Plan) -> dict[str, Any]:
    """Everything that has to be equal after an interrupted and an undisturbed run."""
    found: dict[str, Any] = {}
    for store, tables in TABLES.items():
        for table in tables:
            found[f"{store}.{table}"] = [_masked(table, row) for row in small.rows(store, table)]
        place = "ardoise." if store == "crm" and small.crm.startswith("postgresql") else "ardoise_"
        done: Counter[str] = Counter()
        for row in small.rows(store, f"{place}journal"):
            done[row["step"]] += row["done"]
        found[f"{store} journal"] = done
        marks = small.rows(store, f"{place}marks")
        found[f"{store} marks"] = sorted((row["scope"], row["record"]) for row in marks)
        totals: Counter[tuple[str, str, str]] = Counter()
        for kept in ("pending", "released"):
            for row in small.rows(store, f"{place}{kept}"):
                totals[row["statistic"], row["cell"], kept] += row["n"]
        found[f"{store} statistics"] = totals
    if small.mailbox is not None:
        found["mail"] = sorted(_RANDOM.sub(b"", message) for message in small.messages())
    found["receipts"] = receipts(small, plan)
    return found


def receipts(small: SmallEstate, plan: Plan) -> dict[str, Any]:
    """The outcomes of each step's receipts; the chain is whole, every intent has its receipt, every step is closed."""
    engine = small.estate.engine()
    try:
        assert engine.ledger.verify() == []
        found: dict[str, Counter[str]] = {step.id: Counter() for step in plan.steps}
        intents, closed = set(), set()
        for entry in engine.ledger.entries("intent", "receipt"):
            place = (entry.body["step"], entry.body["chunk"])
            if entry.kind == "intent":
                assert place not in intents
                intents.add(place)
                continue
            intents.discard(place)
            found[entry.body["step"]].update(entry.body["outcomes"])
            if entry.body["chunk"] == LAST_CHUNK and entry.body["complete"]:
                closed.add(entry.body["step"])
        assert intents == set()
        assert closed == set(found)
    finally:
        engine.close()
    # A message that a killed worker had expunged is found gone: whose deletion it was, IMAP does not tell.
    return {step: sum(each[name] for name in each if name != "stale") for step, each in found.items()}


class Placed(Protocol):
    """An estate in a folder."""

    @property
    def folder(self) -> Path:
        """The estate's."""


def worker(
    small: Placed, plan: Plan, *options: str, point: str = "never", occurrence: int = 1
) -> subprocess.Popen[str]:
    """Start a worker process."""
    tests = Path(__file__).parent
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join([str(tests), str(tests.parent)]))
    return subprocess.Popen(
        [
            sys.executable, str(tests / "apply_worker.py"), str(small.folder), plan.digest, "--now", NOW.isoformat(),
            "--point", point, "--occurrence", str(occurrence), "--marker", str(small.folder / "marker"), *options,
        ],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def _masked(table: str, row: dict[str, Any]) -> dict[str, Any]:
    if row["id"] not in DUE:
        return row
    return {
        name: REPLACED[table][name].valid(value) if name in REPLACED.get(table, {}) else value
        for name, value in row.items()
    }
