"""Purposes that outlive the items on which they depend: days of persons that, after a run, nobody knows any more.

Of a row that goes the store keeps what it told (`plan.telling`). A message or a meeting tells what happened as long as
it is there: after that, any record of the person is decided on as if it had never happened. So a purpose that depends
on it elsewhere has to keep what tells it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping

from pipelines.data_map.model import DatasetMap, StoreMap
from pipelines.plan.context import Context, asked_of
from pipelines.plan.links import STRONG
from pipelines.plan.supply import Supplier, keys_of, of_items, record_events
from retention_rules.conditions import Is, Named, State, leaves
from retention_rules.policy import Policy
from retention_rules.purposes import Choice, Purpose

Place = tuple[str, str]
"""A store and a dataset."""

_SOME_DAY = dt.date(2000, 1, 1)


def outlived(context: Context) -> Iterator[str]:
    """What the plan says of each purpose that depends on an event longer than a dataset tells it."""
    for supplier in (each for each in context.supply.suppliers if each.items):
        for event in supplier.events:
            for purpose, readers in _depending(context, supplier, event):
                lost = {each: _gone_before(context, supplier, event, purpose, each) for each in readers}
                hit = sorted(".".join(each) for each, gone in lost.items() if gone)
                what = sorted({category for gone in lost.values() for category in gone})
                if hit:
                    yield (
                        f"purpose {purpose.name} depends on `{event}` of {supplier.store}.{supplier.dataset}, and does "
                        f"not keep what tells it ({', '.join(what)}): once that has gone, {', '.join(hit)} is decided "
                        "on as if it had never happened. Let the purpose, or one that lasts as long, keep it too"
                    )


def _depending(context: Context, supplier: Supplier, event: str) -> Iterator[tuple[Purpose, list[Place]]]:
    """The purposes that ask for an event, and the datasets where they do."""
    policy = context.policy
    for purpose in policy.purposes:
        if _matters(policy, purpose, event):
            yield (
                purpose,
                [
                    (store, name)
                    for store, store_map in context.maps.items()
                    for name, dataset in context.active(store).items()
                    if any(purpose in policy.purposes_for(each) for each in _categories(dataset))
                    and keys_of(store_map, name) & supplier.keys
                ],
            )


def _matters(policy: Policy, purpose: Purpose, event: str) -> bool:
    """Whether it makes a difference to a purpose that an event happened, or did not: to be open is neither."""
    conditions = [each for each in (purpose.when, *(branch.when for branch in purpose.periods)) if each is not None]
    found = {*purpose.starting_point.events, purpose.ended_by}
    while conditions:
        for leaf in leaves(conditions.pop()):
            if isinstance(leaf, Is) and leaf.state is not State.OPEN:
                found.add(leaf.event)
            elif isinstance(leaf, Named) and leaf.name in policy.facts:
                conditions.append(policy.facts[leaf.name])
    return event in found


def _gone_before(context: Context, supplier: Supplier, event: str, purpose: Purpose, reader: Place) -> tuple[str, ...]:
    """The categories of what tells an event to a dataset that may all go while a purpose lives there."""
    store_map, policy = context.maps[supplier.store], context.policy
    own = _categories(store_map.datasets[supplier.dataset])
    can_go = reader != (supplier.store, supplier.dataset) and bool(own)
    if not can_go or _parted_by_then(context, reader, own):
        return ()
    return tuple(_unkept(policy, own, purpose, event))


def _parted_by_then(context: Context, reader: Place, categories: Iterable[str | None]) -> bool:
    """Whether a record's own link goes with these categories of its person at the latest, and the day is remembered.

    So it is where whatever keeps the link keeps them too, and all that it asks for is the person's.
    """
    store_map, policy = context.maps[reader[0]], context.policy
    dataset = store_map.datasets[reader[1]]
    links = dict.fromkeys(_categories(dataset)) if of_items(dataset) else _links(store_map, reader[1])
    keeping = {p.name for each in categories if each is not None for p in policy.purposes_for(each)}
    own = {each for name in _chain(store_map, reader[1]) for each in record_events(store_map.datasets[name], policy)}
    for purpose in (p for each in links if each is not None for p in policy.purposes_for(each)):
        events, facts = asked_of(policy, [purpose])
        if purpose.name not in keeping or facts or events & own:
            return False
    return bool(links) and None not in links


def _chain(store_map: StoreMap, name: str) -> Iterator[str]:
    """A dataset and what it inherits from."""
    yield name
    for parent in store_map.datasets[name].inherits:
        yield from _chain(store_map, parent.dataset)


def _unkept(policy: Policy, categories: Iterable[str | None], purpose: Purpose, event: str) -> list[str]:
    """The categories, unless one of them is kept for as long as the purpose may depend on the event, or for ever."""
    names = [each for each in categories if each is not None]
    lasting = (each == purpose or _lasts(each, purpose, event) for name in names for each in policy.purposes_for(name))
    return [] if None in categories or any(lasting) else names


def _links(store_map: StoreMap, name: str) -> Mapping[str | None, str]:
    """The categories of the strong links of a dataset's records, and in which dataset each is; None: it never goes."""
    dataset = store_map.datasets[name]
    columns = [each for link in dataset.subjects if link.strength in STRONG for each in link.columns]
    found: dict[str | None, str] = {}
    for each in columns:
        found[dataset.personal[each].category if each in dataset.personal else None] = name
    for parent in dataset.inherits:
        found |= _links(store_map, parent.dataset)
    return found


def _lasts(one: Purpose, other: Purpose, event: str) -> bool:
    """Whether a purpose lives at least as long after an event as another that starts with it."""
    start = one.starting_point
    if one.when is not None or one.ended_by not in {"", other.ended_by}:
        return False
    if event not in start.events or (len(start.events) > 1 and start.choice is not Choice.LATEST):
        return False
    mine, theirs = _ends(one), _ends(other)
    return event in other.starting_point.events and min(mine) >= max(theirs)


def _ends(purpose: Purpose) -> list[dt.date]:
    """When it ends, had it started on some day."""
    return [branch.period.after(_SOME_DAY) for branch in purpose.periods] or [_SOME_DAY]


def _categories(dataset: DatasetMap) -> tuple[str, ...]:
    return tuple(sorted({each.category for each in dataset.personal.values()}))
