"""A plan for a day on which it is also made, approved and carried out: what a test wants of most days."""

from __future__ import annotations

import datetime as dt
from contextlib import closing
from typing import Any

from pipelines.apply import apply
from pipelines.apply.summary import RunSummary
from pipelines.estate import Estate
from pipelines.plan import make_plan
from pipelines.plan.artefact import Plan


def unexpecting(*_: Any, **__: Any) -> None:
    """Look at no store before a run: for tests that begin very many, and are about something else."""


def noon(day: dt.date) -> dt.datetime:
    """The middle of a day."""
    return dt.datetime.combine(day, dt.time(12), dt.UTC)


def made(estate: Estate, controller: str, day: dt.date, *, staged: bool = False) -> Plan:
    """Make the plan of a day."""
    return make_plan(estate, controller, as_of=day, today=day, now=noon(day), by="worker", staged=staged)


def planned(estate: Estate, controller: str, day: dt.date, *, staged: bool = False) -> Plan:
    """Make the plan of a day, and approve it."""
    plan = made(estate, controller, day, staged=staged)
    with closing(estate.engine()) as engine:
        engine.approvals.approve(plan.digest, by="dpo", at=noon(day), expires=noon(day) + dt.timedelta(days=1))
    return plan


def applied(estate: Estate, plan: Plan, day: dt.date, **options: Any) -> RunSummary:
    """Carry a plan out on a day; nothing is tried twice."""
    return apply(estate, plan.digest, now=noon(day), today=day, actor="worker", retries=(), **options)
