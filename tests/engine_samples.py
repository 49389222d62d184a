"""Sample plans and moments for tests of the engine database."""

from __future__ import annotations

import datetime as dt
from typing import Any

from pipelines.plan.artefact import Action, EvidenceNote, Plan, Refusal, Step, Tally

NOON = dt.datetime(2026, 6, 30, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
AS_OF = dt.date(2026, 6, 30)
POLICY = "a" * 64


def sample_step(count: int = 10, dataset: str = "contacts", action: Action = Action.DELETE) -> Step:
    return Step(
        id=f"crm.{dataset}.{action}", store="crm", dataset=dataset, action=action, categories=("user.contact.email",),
        fields=("email",), purposes=(("prospecting", count),), count=count, first_due=dt.date(2025, 1, 1),
        last_due=dt.date(2026, 1, 1), order=1, blocked=(("invoices", 2),),
    )  # fmt: skip


def sample_plan(count: int = 10, found: int = 100, **changes: Any) -> Plan:
    values: dict[str, Any] = {
        "as_of": AS_OF, "controller": "JULIEN", "policy": "julien", "policy_digest": POLICY,
        "data_map_digest": "b" * 64, "schema_digest": "c" * 64, "holds_digest": "d" * 64,
        "tallies": (Tally("crm", "contacts", "user.contact.email", found=found, due=count),),
        "steps": (sample_step(count),),
        "evidence": (EvidenceNote("last_inbound_contact", "mail", "inbox", 3, complete=True),),
        "warnings": ("late by 3 days",),
    }  # fmt: skip
    return Plan(**(values | changes))


def refused_plan() -> Plan:
    return sample_plan(refusals=(Refusal("crm", "contacts", "it is suddenly empty", "Look at the store"),))
