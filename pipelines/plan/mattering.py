"""How long what rows that are gone told of persons still matters to records elsewhere: a function of the policy.

A day on which something ended matters until no purpose that asks for it could keep anything because of it any more.
What a condition asks for otherwise than whether it is open, what ends a purpose, and the earliest of several events
matter as long as the policy asks: an objection does not lapse with the row that told it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator

from pipelines.data_map.model import DatasetMap
from pipelines.plan.context import Context, asked_of
from pipelines.plan.supply import record_events
from retention_rules.conditions import Condition, Is, Named, State, leaves
from retention_rules.policy import Policy
from retention_rules.purposes import Choice, Purpose

GRACE = dt.timedelta(days=90)
"""How much longer it is kept: a run may be late, and a store may be down."""


def mattering(context: Context, store: str = "", own: Collection[str] = ()) -> dict[str, dt.date]:
    """By event, the day after which an occurrence of it may still keep something, for the records of all stores.

    Those of the datasets ``own`` of a ``store`` count only where a purpose asks for something of the record as well:
    everything else that concerns the same persons is over for them when it is over for one.
    """
    today = context.horizons[-1].as_of
    wanted = {purpose.name: purpose for purpose in _asking(context, store, own)}.values()
    events = sorted(asked_of(context.policy, wanted)[0])
    return {event: day for event in events if (day := matters_after(context.policy, wanted, event, today)) is not None}


def lasting(context: Context) -> bool:
    """Whether everything matters that is asked for, of everybody: what is due may wait.

    For a later portion; or for the end of a hold of which nobody knows whom it makes wait: opened while a run acts.
    """
    unknown = (each for each in context.holding.unreleased if each.id not in context.awaited)
    return context.portion is not None or any(unknown)


def matters_after(policy: Policy, purposes: Iterable[Purpose], event: str, as_of: dt.date) -> dt.date | None:
    """The day after which an occurrence matters to one of these purposes on a date; None if none does."""
    cutoffs: list[dt.date] = []
    for purpose in purposes:
        point = purpose.starting_point
        first = event in point.events and point.choice is Choice.EARLIEST  # without it a later one would begin
        if first or event == purpose.ended_by or any(_told(policy, each, event) for each in _conditions(purpose)):
            return dt.date.min
        if event in point.events:
            cutoffs += [branch.period.cutoff(as_of) for branch in purpose.periods] or [as_of]
    return min(cutoffs, default=None)


def _asking(context: Context, store: str, own: Collection[str]) -> Iterator[Purpose]:
    for place, store_map in sorted(context.maps.items()):
        for name, dataset in sorted(store_map.datasets.items()):
            if dataset.controller != context.controller:
                continue
            mine = place == store and name in own
            for category in sorted({each.category for each in dataset.personal.values()}):
                for purpose in context.policy.purposes_for(category):
                    if not mine or _of_record(context.policy, purpose, store_map.datasets.values()):
                        yield purpose


def _of_record(policy: Policy, purpose: Purpose, datasets: Iterable[DatasetMap]) -> bool:
    """Whether a purpose asks for facts, or for events that a record has for itself."""
    events, facts = asked_of(policy, (purpose,))
    return bool(facts) or any(events & set(record_events(each, policy)) for each in datasets)


def _conditions(purpose: Purpose) -> Iterator[Condition]:
    for each in (purpose.when, *(branch.when for branch in purpose.periods)):
        if each is not None:
            yield each


def _told(policy: Policy, condition: Condition, event: str) -> bool:
    """Whether a condition tells a day in the past from nothing at all, through named facts too."""
    for leaf in leaves(condition):
        if isinstance(leaf, Is) and leaf.event == event and leaf.state is not State.OPEN:
            return True
        if isinstance(leaf, Named) and leaf.name in policy.facts and _told(policy, policy.facts[leaf.name], event):
            return True
    return False
