"""Policies and facts to decide on, written briefly."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from zoneinfo import ZoneInfo

from retention_rules.conditions import Condition, parse
from retention_rules.decide import Facts, decide
from retention_rules.decisions import Decision
from retention_rules.events import EventKind, Known
from retention_rules.periods import Period
from retention_rules.policy import Policy
from retention_rules.purposes import Basis, Branch, EndAction, Purpose, StartingPoint

DAY = dt.timedelta(days=1)
NOW = dt.date(2026, 6, 30)
YEAR = (Branch(Period(years=1)),)


def purpose(
    name: str = "p",
    after: str | StartingPoint = "end",
    periods: tuple[Branch, ...] = (),
    *,
    basis: Basis = Basis.CONTRACT,
    when: str = "",
    then: EndAction = EndAction.ANONYMISE,
    keeps: str = "x",
    ended_by: str = "",
) -> Purpose:
    point = StartingPoint((after,)) if isinstance(after, str) else after
    condition = parse(when) if when else None
    return Purpose(name, basis, "§", frozenset({keeps}), point, then, periods, condition, ended_by)


def policy(*purposes: Purpose, facts: Mapping[str, Condition] | None = None, never_held: str = "") -> Policy:
    return Policy(
        name="t",
        controller="T",
        time_zone=ZoneInfo("Europe/Paris"),
        purposes=purposes,
        events=dict.fromkeys(("end", "other", "third"), EventKind.END),
        facts=facts or {},
        supplied_facts={"flag": "boolean", "amount": "number"},
        groups={"group": frozenset({"x", "y"})},
        never_held=frozenset({never_held}) if never_held else frozenset(),
        digest="",
    )


def one(rules: Policy, facts: Facts | None = None, as_of: dt.date = NOW, **more: object) -> Decision:
    return decide(["x"], facts or Facts(), rules, as_of=as_of, **more)["x"]  # type: ignore[arg-type]


def ended(day: str, **values: bool | Decimal | None) -> Facts:
    return Facts({"end": Known(dt.date.fromisoformat(day))}, values)


def date(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


LAW = purpose("law", "other", (Branch(Period(years=10)),), basis=Basis.LAW, then=EndAction.DELETE)
