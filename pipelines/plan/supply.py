"""Which dataset supplies which event, to whom: worked out from the data maps alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pipelines.data_map.model import DatasetMap, EventSource, StoreMap
from pipelines.engine.requests import RequestRecord
from pipelines.plan.links import EMAIL, STRONG, Key
from retention_rules.policy import Policy


@dataclass(frozen=True, slots=True)
class Supplier:
    """A dataset that supplies events of subjects; ``approved`` as a person has or has not."""

    store: str
    dataset: str
    events: tuple[str, ...]
    keys: frozenset[Key]
    items: bool
    approved: bool


@dataclass(frozen=True, slots=True)
class Requested:
    """What a person's request makes happen, on a day; she is known by the digest of her address."""

    event: str
    digest: str
    on: dt.date


ASKED_BY = Key(EMAIL, weak=False)
"""How persons are known who have asked for something."""


@dataclass(frozen=True, slots=True)
class Supply:
    """Every supplier of `of: subject` events for one controller, and what persons' requests make happen beside."""

    suppliers: tuple[Supplier, ...]
    requested: tuple[Requested, ...] = ()

    @property
    def told(self) -> frozenset[str]:
        """The events that stores tell of subjects: of whom one tells none, there may be one that nobody knows."""
        return frozenset(event for each in self.suppliers for event in each.events)

    @property
    def events(self) -> tuple[str, ...]:
        """The events that concern subjects, in order of name."""
        return tuple(sorted({*self.told, *(each.event for each in self.requested)}))

    def keys(self, event: str) -> frozenset[Key]:
        """The kinds of key by which the event's occurrences are known."""
        asked = {ASKED_BY for each in self.requested if each.event == event}
        return self.told_by(event) | asked

    def told_by(self, event: str) -> frozenset[Key]:
        """Those by which stores tell of it: by no other could they tell that it never happened."""
        return frozenset[Key]().union(*(each.keys for each in self.suppliers if event in each.events))

    def by_key(self) -> dict[Key, tuple[str, ...]]:
        """The events that are known by each kind of key."""
        keys = {key for event in self.events for key in self.keys(event)}
        return {
            key: tuple(event for event in self.events if key in self.keys(event))
            for key in sorted(keys, key=lambda key: key.name)
        }


def supply(
    maps: Mapping[str, StoreMap], controller: str, policy: Policy, requests: Iterable[RequestRecord] = ()
) -> Supply:
    """Find the suppliers among all datasets of the controller, approved or not."""
    asked = (Requested(event, each.subject, each.on) for each in requests for event in sorted(each.events))
    requested = tuple(each for each in asked if each.event in policy.events)
    return Supply(tuple(_suppliers(maps, controller, policy)), requested)


def subject_events(dataset: DatasetMap, policy: Policy) -> dict[str, EventSource]:
    """The events that a dataset supplies to all records of a subject, among those that the policy knows."""
    return {
        name: source
        for name, source in sorted(dataset.events.items())
        if source.of == "subject" and name in policy.events
    }


def record_events(dataset: DatasetMap, policy: Policy) -> dict[str, EventSource]:
    """The events that a dataset supplies to its own records and their children."""
    return {
        name: source
        for name, source in sorted(dataset.events.items())
        if source.of == "record" and name in policy.events
    }


def of_items(dataset: DatasetMap) -> bool:
    """Whether the dataset holds messages or meetings: rows have a key."""
    return not dataset.key


def keys_of(store_map: StoreMap, name: str) -> frozenset[Key]:
    """The kinds of key by which a dataset's records are linked to subjects, its parents' included."""
    found: set[Key] = set()
    pending, seen = [name], set()
    while pending:
        current = pending.pop()
        dataset = store_map.datasets.get(current)
        if dataset is None or current in seen:
            continue
        seen.add(current)
        for link in dataset.subjects:
            by_name = of_items(dataset) and link.kind != EMAIL  # a header has nothing else, and that is never sure
            found.add(Key(link.kind, weak=by_name or link.strength not in STRONG))
            if link.kind == EMAIL:
                found.add(Key(EMAIL, weak=True))
        pending += [parent.dataset for parent in dataset.inherits]
    return frozenset(found)


def _suppliers(maps: Mapping[str, StoreMap], controller: str, policy: Policy) -> Iterator[Supplier]:
    for store, store_map in sorted(maps.items()):
        for name, dataset in sorted(store_map.datasets.items()):
            events = tuple(subject_events(dataset, policy)) if dataset.controller == controller else ()
            if events:
                yield Supplier(
                    store, name, events, keys_of(store_map, name), of_items(dataset), dataset.approved is not None
                )
