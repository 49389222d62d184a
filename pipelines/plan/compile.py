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
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from pipelines.plan.dialects import Shifted, greatest, nothing
from pipelines.plan.expressions import NO_DAY, Expression, constant, day_constant, extended, extreme, layer
from pipelines.plan.starting import Conditions, EventColumns, Layout, Start, WeakColumns
from retention_rules.periods import Period
from retention_rules.policy import Policy
from retention_rules.purposes import EndAction, Purpose


class Code(enum.IntEnum):
    """A decision, as the compiled columns carry it."""

    KEEP = 1
    ARCHIVE = 2
    DUE = 3
    HELD = 4
    UNDETERMINED = 5


class Phase(enum.IntEnum):
    """How a purpose stands on the as-of date, as the compiled columns carry it."""

    UNMATCHED = 0
    ENDED = 1
    LIVING = 2
    MISSING = 3


@dataclass(frozen=True, slots=True)
class HoldColumns:
    """What a relation says of holds: ``held`` (never NULL) and the last day of ``release`` (NULL: none)."""

    held: str
    release: str


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


def end_column(policy: Policy, purpose: Purpose, prefix: str = "") -> str:
    """The name of the column that `decided` adds for the first day after an ended purpose."""
    return f"{prefix}p{policy.purposes.index(purpose)}_end"


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


@dataclass(frozen=True, slots=True)
class _Compiler:
    layout: Layout
    policy: Policy
    as_of: dt.date
    prefix: str
    fenced: bool

    @property
    def conditions(self) -> Conditions:
        """The policy's conditions over the relation's columns."""
        return Conditions(self.layout, self.policy)

    # -- first layer: conditions and starting points

    def with_starts(self, relation: sa.FromClause, purposes: Sequence[Purpose]) -> sa.CTE:
        """Per condition of a purpose a nullable boolean, per distinct starting point its state and day."""
        columns: dict[str, Expression] = {}
        for purpose in purposes:
            if purpose.when is not None:
                columns[self._when(purpose)] = self.conditions.condition(relation, purpose.when)
            for number, branch in enumerate(purpose.periods):
                if branch.when is not None:
                    columns[self._branch(purpose, number)] = self.conditions.condition(relation, branch.when)
            state, day = self._start(purpose)
            if state not in columns:
                columns[state], columns[day] = self.conditions.starting_point(relation, purpose.starting_point)
        return extended(relation, columns, fenced=self.fenced)

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
        living: Expression = constant(Phase.LIVING)
        cut: Expression = sa.false()
        if purpose.ended_by:
            stop, doubtful = self.conditions.ending(relation, purpose.ended_by)
            living = sa.case((doubtful, constant(Phase.MISSING)), else_=living)
            cut = stop <= day_constant(self.as_of)
        known = self._by_branch(
            relation,
            purpose,
            lambda period: sa.case(
                (day <= day_constant(period.cutoff(self.as_of) if period else self.as_of), constant(Phase.ENDED)),
                else_=living,
            ),
            otherwise=constant(Phase.MISSING),
        )
        whens: list[tuple[Any, Expression]] = [(state == constant(Start.ABSENT), constant(Phase.UNMATCHED))]
        when = None if purpose.when is None else relation.c[self._when(purpose)]
        if when is not None:
            whens.append((sa.not_(when), constant(Phase.UNMATCHED)))
        if purpose.ended_by:
            whens.append((cut, constant(Phase.ENDED)))
        if when is not None:
            whens.append((when.is_(None), constant(Phase.MISSING)))
        whens += [(state == constant(Start.MISSING), constant(Phase.MISSING)), (state == constant(Start.OPEN), living)]
        return sa.case(*whens, else_=known)

    def _end_of(self, relation: sa.FromClause, purpose: Purpose) -> Expression:
        """The first day after the last day on which it keeps: the event's own without a period."""
        state, day = (relation.c[name] for name in self._start(purpose))
        end = self._by_branch(
            relation,
            purpose,
            lambda period: Shifted(day, period, 1) if period else day,
            otherwise=nothing(sa.Date()),
        )
        if not purpose.ended_by:
            return end
        stop, _ = self.conditions.ending(relation, purpose.ended_by)
        matched = sa.true() if purpose.when is None else relation.c[self._when(purpose)]
        own = sa.case((sa.and_(state == constant(Start.KNOWN), matched), end))
        return extreme([own, stop], latest=False)

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
            columns[names.last] = sa.case(*last) if last else nothing(sa.Integer())
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
        return end_column(self.policy, purpose, self.prefix)

    def _start(self, purpose: Purpose) -> tuple[str, str]:
        first = next(p for p in self.policy.purposes if p.starting_point == purpose.starting_point)
        stem = f"{self.prefix}s{self._number(first)}"
        return f"{stem}_state", f"{stem}_day"


__all__ = [
    "NO_DAY", "Code", "Conditions", "DecisionColumns", "EventColumns", "Group", "HoldColumns", "Layout", "Phase",
    "Start", "WeakColumns", "constant", "day_constant", "decided", "decision_columns", "end_column", "extended",
    "extreme", "group_categories", "layer", "phase_column",
]  # fmt: skip
