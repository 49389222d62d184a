"""Conditions and starting points in SQL: the first layer of what `compile` makes of a policy.

An event is open, missing, a day, or absent by explicit columns; a condition is true, false or NULL for *unknown*, and
SQL's own AND, OR, NOT are Kleene's.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, assert_never

import sqlalchemy as sa

from pipelines.plan.dialects import Exact, nothing
from pipelines.plan.expressions import Expression, constant, extreme
from retention_rules.conditions import Among, And, Comparator, Compare, Condition, Is, Named, Not, Or, State
from retention_rules.policy import Policy
from retention_rules.purposes import Choice, StartingPoint

FACT_TYPES: Mapping[str, sa.types.TypeEngine[Any]] = {
    "boolean": sa.Boolean(),
    "number": sa.Numeric(),
    "text": sa.Text(),
}


class Start(enum.IntEnum):
    """The state of a starting point, as the compiled columns carry it."""

    ABSENT = 0
    KNOWN = 1
    OPEN = 2
    MISSING = 3


@dataclass(frozen=True, slots=True)
class EventColumns:
    """What a relation says of one event of a record, all occurrences together.

    ``open`` and ``missing`` are never NULL; ``first`` and ``last`` are the first and last known day, NULL when there
    is none. All four false or NULL is *absent*.
    """

    open: str
    missing: str
    first: str
    last: str

    @classmethod
    def named(cls, stem: str) -> EventColumns:
        """The four columns by the usual suffixes."""
        return cls(f"{stem}_open", f"{stem}_missing", f"{stem}_first", f"{stem}_last")


@dataclass(frozen=True, slots=True)
class WeakColumns:
    """What weak matches alone say of an event, where there can be some.

    ``open``: some occurrence is open or nothing certain (never NULL); ``last``: the latest day that could matter.
    """

    open: str
    last: str

    @classmethod
    def named(cls, stem: str) -> WeakColumns:
        """The two columns by the usual suffixes."""
        return cls(f"{stem}_weakopen", f"{stem}_weaklast")


@dataclass(frozen=True, slots=True)
class Layout:
    """Which columns of the relation say what. An event that is not listed is absent; a fact, unknown."""

    events: Mapping[str, EventColumns] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a relation says of a policy's conditions and starting points."""

    layout: Layout
    policy: Policy

    def condition(self, relation: sa.FromClause, condition: Condition) -> Expression:  # noqa: PLR0911 - one per node
        """A condition as a boolean that is NULL when it is unknown."""
        match condition:
            case Named(name):
                if name in self.policy.facts:
                    return self.condition(relation, self.policy.facts[name])
                return self._fact(relation, name)
            case Is(event, state):
                return self._is(relation, event, state)
            case Compare(name, comparator, value):
                number = sa.literal_column(format(value, "f"), sa.Numeric())
                return _compared(self._fact(relation, name), comparator, number)
            case Among(name, values):
                return Exact(self._fact(relation, name)).in_(values)
            case Not(inner):
                return sa.not_(self.condition(relation, inner))
            case And(conditions):
                return sa.and_(sa.true(), *(self.condition(relation, each) for each in conditions)).self_group()
            case Or(conditions):
                return sa.or_(sa.false(), *(self.condition(relation, each) for each in conditions)).self_group()
            case _:
                assert_never(condition)

    def _fact(self, relation: sa.FromClause, name: str) -> Expression:
        kind = FACT_TYPES[self.policy.supplied_facts.get(name, "boolean")]
        column = self.layout.facts.get(name)
        if column is None:
            return nothing(kind)
        return sa.type_coerce(relation.c[column], kind)

    def _is(self, relation: sa.FromClause, event: str, state: State) -> Expression:
        """Occurrences combine as the latest: open, else missing, else the last day, else absent."""
        if event not in self.layout.events:
            return sa.true() if state is State.ABSENT else sa.false()
        names = self.layout.events[event]
        is_open, missing, last = relation.c[names.open], relation.c[names.missing], relation.c[names.last]
        match state:
            case State.OPEN:
                return is_open
            case State.MISSING:
                return sa.and_(sa.not_(is_open), missing)
            case State.KNOWN:
                return sa.and_(sa.not_(is_open), sa.not_(missing), last.is_not(None))
            case State.ABSENT:
                return sa.and_(sa.not_(is_open), sa.not_(missing), last.is_(None))
            case _:
                assert_never(state)

    def ending(self, relation: sa.FromClause, event: str) -> tuple[Expression, Expression]:
        """The day from which a purpose is ended by an event, or NULL; and whether nobody can tell.

        Over all its occurrences: open > the earliest day > missing > absent.
        """
        if event not in self.layout.events:
            return nothing(sa.Date()), sa.false()
        names = self.layout.events[event]
        closed, first = sa.not_(relation.c[names.open]), relation.c[names.first]
        return sa.case((closed, first)), sa.and_(closed, relation.c[names.missing], first.is_(None))

    def starting_point(self, relation: sa.FromClause, point: StartingPoint) -> tuple[Expression, Expression]:
        """State and day of the latest or earliest of events, over all their occurrences.

        Latest: open > missing > the latest day > absent. Earliest: missing > the earliest day > open > absent.
        """
        events = [self.layout.events[name] for name in point.events if name in self.layout.events]
        if not events:
            return constant(Start.ABSENT), nothing(sa.Date())
        is_open = sa.or_(*(relation.c[each.open] for each in events))
        missing = sa.or_(*(relation.c[each.missing] for each in events))
        known = sa.or_(*(relation.c[each.last].is_not(None) for each in events))
        latest = point.choice is Choice.LATEST
        order = (
            ((is_open, Start.OPEN), (missing, Start.MISSING), (known, Start.KNOWN))
            if latest
            else ((missing, Start.MISSING), (known, Start.KNOWN), (is_open, Start.OPEN))
        )
        state = sa.case(*((when, constant(then)) for when, then in order), else_=constant(Start.ABSENT))
        days = [relation.c[each.last if latest else each.first] for each in events]
        return state, extreme(days, latest=latest)


def _compared(fact: Expression, comparator: Comparator, value: Expression) -> Expression:
    match comparator:
        case Comparator.LT:
            return fact < value
        case Comparator.LE:
            return fact <= value
        case Comparator.EQ:
            return fact == value
        case Comparator.NE:
            return fact != value
        case Comparator.GE:
            return fact >= value
        case Comparator.GT:
            return fact > value
        case _:
            assert_never(comparator)
