"""A policy compiled to set operations: what `retention_rules.decide` says of one record, said of all rows at once.

The input is any relation that carries, per event, four columns (see `EventColumns`), per fact one nullable column, and
per group of categories two about holds. NULL never decides by accident: an event is open, missing, a day, or
absent by explicit columns; a condition is true, false or NULL for *unknown*, and SQL's own AND, OR, NOT are Kleene's.

Each layer is a sub-select that adds columns: conditions and starting points, then the state of each purpose, then
the decision of each group of categories. Whether a period is over is one comparison of the event's day with a constant
(`Period.cutoff`); a due day is computed for what is due only.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, assert_never

import sqlalchemy as sa

from pipelines.plan.dialects import Shifted, greatest
from retention_rules.conditions import Among, And, Comparator, Compare, Condition, Is, Named, Not, Or, State
from retention_rules.periods import Period
from retention_rules.policy import Policy
from retention_rules.purposes import Choice, EndAction, Purpose, StartingPoint

Expression = sa.ColumnElement[Any]

NO_DAY = dt.date(1, 1, 1)
"""Stands for "no day" where NULL must not occur; earlier than every day of an event."""


_FACT_TYPES: Mapping[str, sa.types.TypeEngine[Any]] = {
    "boolean": sa.Boolean(),
    "number": sa.Numeric(),
    "text": sa.Text(),
}


class Code(enum.IntEnum):
    """A decision, as the compiled columns carry it."""

    KEEP = 1
    ARCHIVE = 2
    DUE = 3
    HELD = 4
    UNDETERMINED = 5


class Start(enum.IntEnum):
    """The state of a starting point, as the compiled columns carry it."""

    ABSENT = 0
    KNOWN = 1
    OPEN = 2
    MISSING = 3


class Phase(enum.IntEnum):
    """How a purpose stands on the as-of date, as the compiled columns carry it."""

    UNMATCHED = 0
    ENDED = 1
    LIVING = 2
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
class HoldColumns:
    """What a relation says of holds: ``held`` (never NULL) and the last day of ``release`` (NULL: none)."""

    held: str
    release: str


@dataclass(frozen=True, slots=True)
class Layout:
    """Which columns of the relation say what. An event that is not listed is absent; a fact, unknown."""

    events: Mapping[str, EventColumns] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Group:
    """Categories of a dataset with the same purposes and the same holds: one decision for all of them."""

    name: str
    categories: tuple[str, ...]
    purposes: tuple[Purpose, ...]
    holds: HoldColumns | None = None


@dataclass(frozen=True, slots=True)
class DecisionColumns:
    """Where the decision of a group stands.

    A `Code`; for what is due the first day on which the engine may act, whether the action is deletion, and the
    policy's index of the purpose that kept it last.
    """

    code: str
    due: str
    delete: str
    last: str


def group_categories(
    policy: Policy, categories: Iterable[str], holds: Mapping[str, HoldColumns] | None = None, prefix: str = ""
) -> tuple[Group, ...]:
    """Group categories by the set of purposes that keep them and by the holds that cover them.

    ``holds`` gives the hold columns by category; categories that are `never_held` get none.
    """
    found: dict[tuple[tuple[str, ...], HoldColumns | None], list[str]] = {}
    for category in sorted(set(categories)):
        names = tuple(purpose.name for purpose in policy.purposes_for(category))
        never = policy.covers(policy.never_held, category)
        columns = None if never or holds is None else holds.get(category)
        found.setdefault((names, columns), []).append(category)
    return tuple(
        Group(f"{prefix}g{number}", tuple(names), policy.purposes_for(names[0]), columns)
        for number, ((_, columns), names) in enumerate(found.items())
    )


def decision_columns(group: Group) -> DecisionColumns:
    """The names of the columns that `decided` adds for a group."""
    return DecisionColumns(f"{group.name}_code", f"{group.name}_due", f"{group.name}_delete", f"{group.name}_last")


def phase_column(policy: Policy, purpose: Purpose, prefix: str = "") -> str:
    """The name of the column that `decided` adds for the `Phase` of a purpose."""
    return f"{prefix}p{policy.purposes.index(purpose)}_phase"


def decided(
    relation: sa.FromClause,
    layout: Layout,
    policy: Policy,
    groups: Sequence[Group],
    *,
    as_of: dt.date,
    prefix: str = "",
    fenced: bool = False,
) -> sa.CTE:
    """The relation with the decision columns of each group, for one as-of date.

    ``prefix`` keeps the columns of two as-of dates over one relation apart. ``fenced`` as `extended` says.
    """
    compiler = _Compiler(layout, policy, as_of, prefix, fenced)
    used = [p for p in policy.purposes if any(p in group.purposes for group in groups)]
    relation = compiler.with_starts(relation, used)
    relation = compiler.with_purposes(relation, used)
    relation = compiler.with_due_days(relation, groups)
    return compiler.with_decisions(relation, groups)


def extended(relation: sa.FromClause, columns: Mapping[str, Expression], *, fenced: bool) -> sa.CTE:
    """The relation with more columns, as a sub-select.

    PostgreSQL and SQLite dissolve a plain sub-select into the query around it and then compute its expressions anew at
    every use, which multiplies layer by layer; ``fenced`` adds an OFFSET 0 that stops them, and still streams.
    """
    query = sa.select(*relation.c, *(value.label(name) for name, value in columns.items()))
    return layer(query, fenced=fenced)


def layer(query: sa.Select[Any], *, fenced: bool) -> sa.CTE:
    """A query as one layer of a relation: a CTE, which keeps the statement flat for SQLite's parser. See `extended`."""
    if fenced:
        query = query.offset(sa.literal_column("0"))
    return query.cte().prefix_with("MATERIALIZED", dialect="duckdb")


def constant(value: int) -> Expression:
    """A small integer of ours, written into the statement."""
    return sa.literal_column(str(int(value)), sa.Integer())


def day_constant(day: dt.date) -> Expression:
    """A day as a bound value."""
    return sa.literal(day, sa.Date())


@dataclass(frozen=True, slots=True)
class _Compiler:
    layout: Layout
    policy: Policy
    as_of: dt.date
    prefix: str
    fenced: bool

    # -- first layer: conditions and starting points

    def with_starts(self, relation: sa.FromClause, purposes: Sequence[Purpose]) -> sa.CTE:
        """Per condition of a purpose a nullable boolean, per distinct starting point its state and day."""
        columns: dict[str, Expression] = {}
        for purpose in purposes:
            if purpose.when is not None:
                columns[self._when(purpose)] = self.condition(relation, purpose.when)
            for number, branch in enumerate(purpose.periods):
                if branch.when is not None:
                    columns[self._branch(purpose, number)] = self.condition(relation, branch.when)
            state, day = self._start(purpose)
            if state not in columns:
                columns[state], columns[day] = self.starting_point(relation, purpose.starting_point)
        return extended(relation, columns, fenced=self.fenced)

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
                return self._fact(relation, name).in_(values)
            case Not(inner):
                return sa.not_(self.condition(relation, inner))
            case And(conditions):
                return sa.and_(sa.true(), *(self.condition(relation, each) for each in conditions)).self_group()
            case Or(conditions):
                return sa.or_(sa.false(), *(self.condition(relation, each) for each in conditions)).self_group()
            case _:
                assert_never(condition)

    def _fact(self, relation: sa.FromClause, name: str) -> Expression:
        kind = _FACT_TYPES[self.policy.supplied_facts.get(name, "boolean")]
        column = self.layout.facts.get(name)
        if column is None:
            return sa.cast(sa.null(), kind)
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

    def starting_point(self, relation: sa.FromClause, point: StartingPoint) -> tuple[Expression, Expression]:
        """State and day of the latest or earliest of events, over all their occurrences.

        Latest: open > missing > the latest day > absent. Earliest: missing > the earliest day > open > absent.
        """
        events = [self.layout.events[name] for name in point.events if name in self.layout.events]
        if not events:
            return constant(Start.ABSENT), sa.cast(sa.null(), sa.Date())
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

    # -- second layer: the phase of each purpose

    def with_purposes(self, relation: sa.FromClause, purposes: Sequence[Purpose]) -> sa.CTE:
        """Per purpose its phase and, when it has ended, the first day after it."""
        columns: dict[str, Expression] = {}
        for purpose in purposes:
            columns[self._phase(purpose)] = self._phase_of(relation, purpose)
            columns[self._end(purpose)] = self._end_of(relation, purpose)
        return extended(relation, columns, fenced=self.fenced)

    def _phase_of(self, relation: sa.FromClause, purpose: Purpose) -> Expression:
        state, day = (relation.c[name] for name in self._start(purpose))
        known = self._by_branch(
            relation,
            purpose,
            lambda period: sa.case(
                (day <= day_constant(period.cutoff(self.as_of) if period else self.as_of), constant(Phase.ENDED)),
                else_=constant(Phase.LIVING),
            ),
            otherwise=constant(Phase.MISSING),
        )
        whens: list[tuple[Any, Expression]] = [(state == constant(Start.ABSENT), constant(Phase.UNMATCHED))]
        if purpose.when is not None:
            when = relation.c[self._when(purpose)]
            whens += [(when.is_(None), constant(Phase.MISSING)), (sa.not_(when), constant(Phase.UNMATCHED))]
        whens += [
            (state == constant(Start.MISSING), constant(Phase.MISSING)),
            (state == constant(Start.OPEN), constant(Phase.LIVING)),
        ]
        return sa.case(*whens, else_=known)

    def _end_of(self, relation: sa.FromClause, purpose: Purpose) -> Expression:
        """The first day after the last day on which it keeps: the event's own without a period."""
        _, day = (relation.c[name] for name in self._start(purpose))
        return self._by_branch(
            relation,
            purpose,
            lambda period: Shifted(day, period, 1) if period else day,
            otherwise=sa.cast(sa.null(), sa.Date()),
        )

    def _by_branch(
        self,
        relation: sa.FromClause,
        purpose: Purpose,
        of: Callable[[Period | None], Expression],
        otherwise: Expression,
    ) -> Expression:
        """What ``of`` makes of the period that applies; ``otherwise`` when a condition before it is unknown."""
        if not purpose.periods:
            return of(None)
        whens: list[tuple[Any, Expression]] = []
        for number, branch in enumerate(purpose.periods):
            value = of(branch.period)
            if branch.when is None:
                return sa.case(*whens, else_=value) if whens else value
            condition = relation.c[self._branch(purpose, number)]
            whens += [(condition.is_(None), otherwise), (condition, value)]
        return sa.case(*whens, else_=otherwise)

    # -- third and fourth layer: the decision of each group

    def with_due_days(self, relation: sa.FromClause, groups: Sequence[Group]) -> sa.CTE:
        """Per group the latest end of its ended purposes."""
        none = day_constant(NO_DAY)
        columns: dict[str, Expression] = {}
        for group in groups:
            ends: list[Expression] = [
                sa.case((self._in(relation, each, Phase.ENDED), relation.c[self._end(each)]), else_=none)
                for each in group.purposes
            ]
            columns[f"{group.name}_ended"] = greatest(ends) if ends else none
        return extended(relation, columns, fenced=self.fenced)

    def with_decisions(self, relation: sa.FromClause, groups: Sequence[Group]) -> sa.CTE:
        """The precedence of the model, one CASE per group."""
        columns: dict[str, Expression] = {}
        for group in groups:
            names = decision_columns(group)
            ended = relation.c[f"{group.name}_ended"]
            code = self._code(relation, group)
            due = code == constant(Code.DUE)
            columns[names.code] = code
            columns[names.due] = sa.case((due, self._released(relation, group, ended)))
            deletes = [p for p in group.purposes if p.end_action is EndAction.DELETE]
            columns[names.delete] = self._any(relation, deletes, Phase.ENDED)
            last = [
                (sa.and_(self._in(relation, p, Phase.ENDED), relation.c[self._end(p)] == ended), constant(index))
                for index, p in enumerate(self.policy.purposes)
                if p in group.purposes
            ]
            columns[names.last] = sa.case(*last) if last else sa.cast(sa.null(), sa.Integer())
        return extended(relation, columns, fenced=self.fenced)

    def _code(self, relation: sa.FromClause, group: Group) -> Expression:
        active = [p for p in group.purposes if not p.basis.archives]
        archiving = [p for p in group.purposes if p.basis.archives]
        whens: list[tuple[Any, Expression]] = [
            (self._any(relation, active, Phase.LIVING), constant(Code.KEEP)),
            (self._any(relation, active, Phase.MISSING), constant(Code.UNDETERMINED)),
            (self._any(relation, archiving, Phase.LIVING), constant(Code.ARCHIVE)),
            (self._any(relation, archiving, Phase.MISSING), constant(Code.UNDETERMINED)),
            (sa.not_(self._any(relation, group.purposes, Phase.ENDED)), constant(Code.UNDETERMINED)),
        ]
        if group.holds is not None:
            whens.append((relation.c[group.holds.held], constant(Code.HELD)))
        return sa.case(*whens, else_=constant(Code.DUE))

    def _released(self, relation: sa.FromClause, group: Group, ended: Expression) -> Expression:
        if group.holds is None:
            return ended
        release = relation.c[group.holds.release]
        return sa.case((release > ended, release), else_=ended)

    def _any(self, relation: sa.FromClause, purposes: Sequence[Purpose], phase: Phase) -> Expression:
        return sa.or_(sa.false(), *(self._in(relation, each, phase) for each in purposes)).self_group()

    def _in(self, relation: sa.FromClause, purpose: Purpose, phase: Phase) -> Expression:
        return relation.c[self._phase(purpose)] == constant(phase)

    # -- names of columns

    def _number(self, purpose: Purpose) -> int:
        return self.policy.purposes.index(purpose)

    def _when(self, purpose: Purpose) -> str:
        return f"{self.prefix}p{self._number(purpose)}_when"

    def _branch(self, purpose: Purpose, number: int) -> str:
        return f"{self.prefix}p{self._number(purpose)}_when{number}"

    def _phase(self, purpose: Purpose) -> str:
        return phase_column(self.policy, purpose, self.prefix)

    def _end(self, purpose: Purpose) -> str:
        return f"{self.prefix}p{self._number(purpose)}_end"

    def _start(self, purpose: Purpose) -> tuple[str, str]:
        first = next(p for p in self.policy.purposes if p.starting_point == purpose.starting_point)
        stem = f"{self.prefix}s{self._number(first)}"
        return f"{stem}_state", f"{stem}_day"


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


def extreme(days: Sequence[Expression], *, latest: bool) -> Expression:
    """The latest or earliest of days of which some may be NULL; NULL when all are."""
    if len(days) == 1:
        return days[0]
    none = NO_DAY if latest else dt.date.max
    filled: list[Expression] = [sa.func.coalesce(day, day_constant(none), type_=sa.Date()) for day in days]
    if latest:
        return sa.func.nullif(greatest(filled), day_constant(none), type_=sa.Date())
    least = sa.case(
        *((sa.and_(sa.true(), *(one <= other for other in filled if other is not one)), one) for one in filled[:-1]),
        else_=filled[-1],
    )
    return sa.func.nullif(least, day_constant(none), type_=sa.Date())
