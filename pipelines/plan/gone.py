"""What a store keeps of what rows told of persons before they, or their links, were destroyed: read as evidence.

It stands beside what live rows tell: of several occurrences the latest counts, as everywhere. Where nothing was ever
kept, nothing is asked.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from connectors.sql.journal import Journal
from pipelines.plan.awaited import waits
from pipelines.plan.carried import Carried
from pipelines.plan.compile import EventColumns
from pipelines.plan.context import Context
from pipelines.plan.expressions import Expression, day_constant, layer
from pipelines.plan.frozen import seen
from pipelines.plan.links import Key
from pipelines.plan.mattering import GRACE, lasting, mattering

FOREIGN = "its rows that are gone told it by a kind of key that nobody uses for it any more"
"""Why an event is incomplete of which something is known by keys that lead to nobody now."""


@dataclass(frozen=True, slots=True)
class Gone:
    """What one store keeps for a controller. ``missing`` counts, by dataset and event, whom it may leave waiting."""

    carried: Carried
    foreign: tuple[tuple[str, str], ...]
    missing: dict[tuple[str, str], int]


def told_by_gone(connection: sa.Connection, journal: Journal, context: Context) -> Gone | None:
    """The relation of what is kept, a row for each digest and event; None where nothing is.

    ``foreign`` are datasets and events of which something is known by a kind of key that nobody uses for it any more.
    """
    told = journal.told
    mine = (told.c.controller == context.controller, told.c.event.in_(context.supply.events))
    kinds = connection.execute(sa.select(told.c.dataset, told.c.kind, told.c.event).where(*mine).distinct()).all()
    if not kinds:
        return None
    keys = {key.name: key for key in context.supply.by_key()}
    foreign = {
        (dataset, event)
        for dataset, kind, event in kinds
        if kind not in {key.name for key in context.supply.told_by(event)}
    }
    labels = {
        f"l{number}": keys[kind] for number, kind in enumerate(sorted({kind for _, kind, _ in kinds} & set(keys)))
    }
    counts = sa.select(told.c.dataset, told.c.event, sa.func.count(sa.distinct(told.c.digest)))
    waiting = counts.where(*mine, told.c.missing, told.c.kind.like("strong%")).group_by(told.c.dataset, told.c.event)
    missing = {(dataset, event): int(count) for dataset, event, count in connection.execute(waiting)}
    carried = _carried(journal, context, mine, labels, sorted({event for *_, event in kinds}), connection)
    return Gone(carried, tuple(sorted(foreign)), missing)


def _carried(
    journal: Journal,
    context: Context,
    mine: tuple[Expression, ...],
    labels: dict[str, Key],
    events: list[str],
    connection: sa.Connection,
) -> Carried:
    told = journal.told.c
    columns: dict[str, Expression] = {"inside": sa.true()}
    columns |= {label: sa.case((told.kind == key.name, told.digest)) for label, key in labels.items()}
    supplied: dict[tuple[str, str], EventColumns] = {}
    for horizon in context.horizons:
        for number, event in enumerate(events):
            names = EventColumns.named(f"{horizon.name}x{number}")
            of_event = told.event == event
            columns |= seen(
                names,
                context.policy.events[event],
                horizon,
                missing=sa.and_(of_event, told.missing),
                first=sa.case((of_event, told.first_day)),
                last=sa.case((of_event, told.last_day)),
            )
            supplied[horizon.name, event] = names
    query = sa.select(*(value.label(name) for name, value in columns.items())).where(*mine)
    relation = layer(query, fenced=connection.dialect.name != "duckdb")
    return Carried(relation, labels, {}, frozenset(), supplied, {}, scoped=False)


def forgettable(connection: sa.Connection, journal: Journal, context: Context) -> bool:
    """Whether anything is kept that cannot matter any more."""
    return (
        connection.execute(sa.select(journal.told.c.event).where(_over(journal, context)).limit(1)).first() is not None
    )


def forget(connection: sa.Connection, journal: Journal, context: Context) -> None:
    """Delete what cannot matter any more, some time after it ceased to.

    Of what is missing nobody knows when it will cease to. What was told of whom a hold makes wait stays.
    """
    connection.execute(sa.delete(journal.told).where(_over(journal, context)))


def _over(journal: Journal, context: Context) -> Expression:
    told, bounds = journal.told.c, mattering(context)
    if lasting(context):
        return sa.false()
    over: list[Expression] = [told.event.not_in(sorted(bounds))]
    over += (
        sa.and_(told.event == event, sa.not_(told.missing), told.last_day <= day_constant(bound - GRACE))
        for event, bound in bounds.items()
        if bound > dt.date.min + GRACE
    )
    return sa.and_(told.controller == context.controller, sa.or_(*over), sa.not_(waits(context, told.digest)))
