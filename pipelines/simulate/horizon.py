"""From the decisions of a relation to the day on which each record is released, for all rows at once.

A policy decides on a date. Seen from the end of the calendar, every purpose with a known date has ended: what is due
there is released on its due day, and what is not has no end date at all. Three things keep the view from there from
being the view on the day itself, and each is put right here:

- A weak match that would prolong makes a purpose missing for as long as its day could matter, and no longer: the record
  is released when that time is over.
- A weak match that says *open*, with an end that is only announced, has no day to wait for: `CONDITIONAL`.
- An end that is announced for a later day is open until then. Where a condition asks about it, and no purpose of the
  same categories keeps until it comes, matching changes on that day: `CONDITIONAL` too.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import sqlalchemy as sa

from pipelines.plan.carried import Carried
from pipelines.plan.compile import (
    NO_DAY,
    Code,
    EventColumns,
    Group,
    Phase,
    WeakColumns,
    constant,
    day_constant,
    decision_columns,
    end_column,
    phase_column,
)
from pipelines.plan.context import AS_OF, TODAY, Context
from pipelines.plan.dialects import Shifted, greatest
from pipelines.plan.occurrences import Horizon
from pipelines.plan.selection import Selection
from retention_rules.conditions import Condition, events_in, facts_in
from retention_rules.events import EventKind
from retention_rules.policy import Policy
from retention_rules.purposes import Choice, Purpose

Expression = sa.ColumnElement[Any]

END_OF_TIME = dt.date(9999, 12, 30)
"""The last day that is a day: 9999-12-31 stands for "open"."""

MONTHS = 12


class Standing(enum.IntEnum):
    """How a record stands that no month will release.

    Months are numbered (`month_of`) between ``OVERDUE`` and ``CONDITIONAL``, so that of the several persons of an item
    the greatest number is the one that counts: it is kept while it is for someone.
    """

    DONE = -1
    OVERDUE = 0
    CONDITIONAL = 1_000_000
    HELD = 1_000_001
    UNDETERMINED = 1_000_002
    OPEN = 1_000_003


class Decisions(Protocol):
    """What `Selection`, `ItemSelection` and `ArchivedSelection` have in common."""

    def groups(self, horizon: Horizon) -> tuple[Group, ...]:
        """The categories that are decided together."""

    def event_columns(self, horizon: Horizon, event: str) -> tuple[EventColumns, WeakColumns]:
        """The names of the columns about an event."""


def horizons(today: dt.date) -> tuple[Horizon, Horizon]:
    """The two dates from which `release` looks: the end of time, and today."""
    return Horizon(AS_OF, END_OF_TIME, today), Horizon(TODAY, today, today)


def month_of(day: dt.date) -> int:
    """The number of a day's month."""
    return day.year * MONTHS + day.month - 1


def release(context: Context, selection: Decisions, relation: sa.FromClause, number: int) -> Expression:
    """When a group of categories of a row is released: the number of a month, or a `Standing`.

    ``relation`` carries the decisions of `selection` for both `horizons`.
    """
    far, now = context.horizons
    group = selection.groups(far)[number]
    then = decision_columns(group)
    today = decision_columns(selection.groups(now)[number])
    day, unsettled = _released(context, selection, relation, number)
    code = relation.c[then.code]
    return sa.case(
        (relation.c[today.code] == constant(Code.DUE), constant(Standing.OVERDUE)),
        (unsettled, constant(Standing.CONDITIONAL)),
        (code == constant(Code.HELD), constant(Standing.HELD)),
        (code == constant(Code.UNDETERMINED), constant(Standing.UNDETERMINED)),
        (code != constant(Code.DUE), constant(Standing.OPEN)),
        (day <= day_constant(now.as_of), constant(Standing.CONDITIONAL)),
        else_=_month(day),
    )


def move(context: Context, selection: Selection, carried: Carried, relation: sa.FromClause, number: int) -> Expression:
    """When the fields of a group leave a row for the archive: the number of a month, ``OVERDUE``, or ``OPEN``: never.

    They move on the first day on which law, claims or a hold alone keep them and nothing that will end this is open:
    after the last active purpose, and after every end that is announced. What is due by then does not move any more.
    """
    far, now = context.horizons
    group = selection.groups(far)[number]
    ends, living = [], []
    for purpose in (each for each in group.purposes if not each.basis.archives):
        phase = relation.c[phase_column(context.policy, purpose, far.name)]
        ended = relation.c[end_column(context.policy, purpose, far.name)]
        ends.append(sa.case((phase == constant(Phase.ENDED), ended), else_=day_constant(NO_DAY)))
        living.append(phase.in_([constant(Phase.LIVING), constant(Phase.MISSING)]))
    moving = selection.moving
    lasts = [relation.c[names.last] for names in moving.awaited(relation, number, carried, far)]
    untils = [until for until, _ in _doubts(context, selection, relation, group)]
    day = greatest([day_constant(NO_DAY), *ends, *untils, *(sa.func.coalesce(e, day_constant(NO_DAY)) for e in lasts)])
    released, unsettled = _released(context, selection, relation, number)
    code = relation.c[decision_columns(group).code]
    outlived = sa.or_(
        code == constant(Code.HELD), sa.and_(code == constant(Code.DUE), day < released, day > day_constant(NO_DAY))
    )
    never = sa.or_(
        relation.c[f"g{number}_done"],
        unsettled,
        *living,
        sa.not_(moving.known(relation, number, carried, far)),
        sa.not_(outlived),
        day <= day_constant(now.as_of),
    )
    settled = sa.and_(moving.settled(relation, number, carried, now), sa.not_(relation.c[f"g{number}_done"]))
    return sa.case((settled, constant(Standing.OVERDUE)), (never, constant(Standing.OPEN)), else_=_month(day))


def histogram(relation: sa.FromClause, buckets: Sequence[str]) -> sa.Select[Any]:
    """How many rows have each value in each of some columns: the column's place, the value, the count; one pass."""
    places = sa.union_all(*(sa.select(constant(place).label("place")) for place in range(len(buckets)))).subquery()
    value = sa.case(*((places.c.place == constant(n), relation.c[name]) for n, name in enumerate(buckets)))
    pairs = sa.select(places.c.place, value.label("value")).select_from(relation.join(places, sa.true())).subquery()
    return sa.select(pairs.c.place, pairs.c.value, sa.func.count()).group_by(pairs.c.place, pairs.c.value)


def _released(
    context: Context, selection: Decisions, relation: sa.FromClause, number: int
) -> tuple[Expression, Expression]:
    """The day on which a group that will be due is released, and whether that hangs on what is only announced."""
    group = selection.groups(context.horizons[0])[number]
    doubts = list(_doubts(context, selection, relation, group))
    due = sa.func.coalesce(relation.c[decision_columns(group).due], day_constant(NO_DAY))
    unsettled = [never for _, never in doubts] + list(_announced(context, selection, relation, group))
    return greatest([due, *(until for until, _ in doubts)]), sa.or_(sa.false(), *unsettled)


def _month(day: Expression) -> Expression:
    year, month = (sa.cast(sa.extract(part, day), sa.Integer) for part in ("year", "month"))
    return year * constant(MONTHS) + month - constant(1)


def _doubts(
    context: Context, selection: Decisions, relation: sa.FromClause, group: Group
) -> Iterator[tuple[Expression, Expression]]:
    """Per event with weak matches: the first day on which they do not matter any more, and whether there is none."""
    far, now = context.horizons
    policy = context.policy
    for event in sorted({event for purpose in group.purposes for event in purpose.starting_point.events}):
        names, weak = selection.event_columns(now, event)
        if weak.open not in relation.c:
            continue
        later = relation.c[weak.last]
        last = sa.func.coalesce(relation.c[selection.event_columns(far, event)[0].last], day_constant(NO_DAY))
        concerned = sa.or_(
            *(
                sa.and_(
                    sa.or_(
                        relation.c[phase_column(policy, each, far.name)] == constant(Phase.ENDED),
                        relation.c[phase_column(policy, each, now.name)] == constant(Phase.MISSING),
                    ),
                    sa.not_(_cut(context, selection, relation, each)),
                )
                for each in group.purposes
                if event in each.starting_point.events
            )
        )
        until = greatest(list(_ends(policy, event, sa.func.coalesce(later, day_constant(NO_DAY)))))
        opened = relation.c[selection.event_columns(far, event)[1].open]
        never = sa.and_(concerned, relation.c[weak.open], sa.not_(opened), sa.not_(relation.c[names.open]))
        yield sa.case((sa.and_(concerned, later > last), until), else_=day_constant(NO_DAY)), never


def _cut(context: Context, selection: Decisions, relation: sa.FromClause, purpose: Purpose) -> Expression:
    """Whether a purpose is over today because of what it is `ended_by`: then it does not matter what else is known."""
    names, _ = selection.event_columns(context.horizons[1], purpose.ended_by) if purpose.ended_by else (None, None)
    if names is None or names.open not in relation.c:
        return sa.false()
    return sa.and_(sa.not_(relation.c[names.open]), relation.c[names.first].is_not(None))


def _ends(policy: Policy, event: str, day: Expression) -> Iterator[Expression]:
    """For every purpose that starts from an event, the first day after it if the event was on this day."""
    for purpose in policy.purposes:
        if event in purpose.starting_point.events:
            if not purpose.periods:
                yield day
            for branch in purpose.periods:
                yield Shifted(day, branch.period, 1)


def _announced(context: Context, selection: Decisions, relation: sa.FromClause, group: Group) -> Iterator[Expression]:
    """Whether an end that is announced for a later day changes which purposes match."""
    far, now = context.horizons
    policy = context.policy
    guards = {event for purpose in group.purposes for event in _keeps_until(purpose)}
    asked = {event for purpose in group.purposes for each in _conditions(purpose) for event in _events(each, policy)}
    for event in sorted(asked - guards):
        last = selection.event_columns(far, event)[0].last
        if policy.events[event] is EventKind.END and last in relation.c:
            yield sa.func.coalesce(relation.c[last] > day_constant(now.as_of), sa.false())


def _keeps_until(purpose: Purpose) -> tuple[str, ...]:
    """The events until which a purpose keeps, whatever else is known: not one that something else may end before."""
    latest = purpose.starting_point.choice is Choice.LATEST  # the earliest of several ends is over before the last
    return purpose.starting_point.events if latest and purpose.when is None and not purpose.ended_by else ()


def _conditions(purpose: Purpose) -> Iterator[Condition]:
    for condition in (purpose.when, *(branch.when for branch in purpose.periods)):
        if condition is not None:
            yield condition


def _events(condition: Condition, policy: Policy) -> frozenset[str]:
    """The events that a condition asks about, through named facts too."""
    named = (policy.facts[name] for name in facts_in(condition) if name in policy.facts)
    return events_in(condition).union(*(_events(each, policy) for each in named))
