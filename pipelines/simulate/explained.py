"""The reference's decisions on one record, each with its reasons, held against what the compilation says of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from pipelines.errors import ArdoiseError
from pipelines.plan.compile import Code, EventColumns, Group, decision_columns
from pipelines.plan.context import Context
from pipelines.plan.facts import fact_column
from pipelines.plan.holding import Cover, Holding
from pipelines.plan.occurrences import Horizon
from pipelines.simulate.horizon import Decisions
from retention_rules.decide import Facts
from retention_rules.decisions import Archive, Decision, Due, Held, Keep, Undetermined
from retention_rules.events import Event, Known, Missing, Open
from retention_rules.explain import Explanation, explain
from retention_rules.holds import Hold
from retention_rules.purposes import EndAction

Row = Mapping[str, Any]


class Disagreement(ArdoiseError):
    """The compiled selection says something else than the reference: a defect; no plan is to be trusted."""


@dataclass(frozen=True, slots=True)
class View:
    """What is decided on a date, per category. ``doubtful``: events that a weak match makes uncertain."""

    as_of: dt.date
    categories: tuple[Explanation, ...]
    doubtful: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """One of those whom a record concerns; a row of a table has one. Two views for a past date: then, and today."""

    views: tuple[View, ...]

    def of(self, categories: Collection[str]) -> Person:
        """The same of some categories alone."""
        return Person(
            tuple(
                replace(view, categories=tuple(each for each in view.categories if each.category in categories))
                for view in self.views
            )
        )


@dataclass(frozen=True)
class Reference:
    """Decides on records of one dataset as `selection` finds them; ``context`` has the policy of their place."""

    context: Context
    selection: Decisions
    holding: Holding
    store: str
    dataset: str

    def person(self, row: Row, digests: set[str]) -> Person:
        """What is decided on a record of which these digests, its own and its subjects', are known.

        Raises:
            Disagreement: the compiled columns in the row say something else.
        """
        return Person(tuple(self._view(row, digests, horizon) for horizon in self.context.horizons))

    def _view(self, row: Row, digests: set[str], horizon: Horizon) -> View:
        policy = self.context.policy
        groups = self.selection.groups(horizon)
        facts, doubtful = self._facts(row, horizon)
        holds = tuple(self._holds(digests))
        explained = explain(
            [category for group in groups for category in group.categories],
            facts,
            policy,
            holds=holds,
            as_of=horizon.as_of,
        )
        for group in groups:
            for category in group.categories:
                self._agree(group, row, explained[category].decision)
        return View(horizon.as_of, tuple(explained.values()), doubtful)

    def _facts(self, row: Row, horizon: Horizon) -> tuple[Facts, tuple[str, ...]]:
        policy = self.context.policy
        events: dict[str, tuple[Event, ...]] = {}
        doubtful: list[str] = []
        for event in sorted(policy.events):
            names, weak = self.selection.event_columns(horizon, event)
            if names.open in row:
                events[event] = tuple(_states(row, names))
                if row[names.missing] and (row.get(weak.open) or row.get(weak.last)):
                    doubtful.append(event)
        values = {
            name: _fact(row[fact_column(policy, name)], kind)
            for name, kind in policy.supplied_facts.items()
            if fact_column(policy, name) in row
        }
        return Facts(events, values), tuple(doubtful)

    def _holds(self, digests: set[str]) -> Iterator[Hold]:
        """The holds whose scope covers the record, whatever their dates."""
        for each in self.holding.holds:
            scope = each.scope
            place = Cover(scope.store, scope.dataset, scope.categories).applies(self.store, self.dataset)
            if place and (not (scope.subject or scope.record) or {scope.subject, scope.record} & digests):
                yield each.hold

    def _agree(self, group: Group, row: Row, decision: Decision) -> None:
        names = decision_columns(group)
        same = Code(row[names.code]) is code_of(decision)
        if same and isinstance(decision, Due):
            action = EndAction.DELETE if row[names.delete] else EndAction.ANONYMISE
            same = day_of(row[names.due]) == decision.since and action is decision.action
        if not same:
            raise Disagreement(
                f"of {', '.join(group.categories)} the compiled selection says {Code(row[names.code]).name.lower()}, "
                f"the reference {code_of(decision).name.lower()}: this is a defect",
                f"{self.store}.{self.dataset}",
                "Approve no plan, and report it.",
            )


def code_of(decision: Decision) -> Code:
    """A decision of the reference as the compiled columns carry it."""
    match decision:
        case Keep():
            return Code.KEEP
        case Archive():
            return Code.ARCHIVE
        case Due():
            return Code.DUE
        case Held():
            return Code.HELD
        case Undetermined():
            return Code.UNDETERMINED


def _states(row: Row, names: EventColumns) -> Iterator[Event]:
    if row[names.open]:
        yield Open()
    if row[names.missing]:
        yield Missing()
    for name in dict.fromkeys((names.first, names.last)):
        day = day_of(row[name])
        if day is not None:
            yield Known(day)


def _fact(value: Any, kind: str) -> bool | Decimal | str | None:
    if value is None:
        return None
    return bool(value) if kind == "boolean" else Decimal(str(value)) if kind == "number" else str(value)


def day_of(value: Any) -> dt.date | None:
    """A day as an engine gives it: SQLite as an ISO text."""
    return dt.date.fromisoformat(value) if isinstance(value, str) else value
