"""What a data map must hold to beyond its shape: in itself, against the policies, and against the store."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator, Mapping

from connectors.base import DatasetShape, Inventory, Kind
from pipelines.anonymise.techniques import LOCALE, TECHNIQUES, default_for
from pipelines.data_map import anonymity
from pipelines.data_map.model import DatasetMap, EventSource, FieldMap, Statistic, StoreMap
from retention_rules.periods import Period
from retention_rules.policy import Policy
from retention_rules.problems import suggestion

Mistake = tuple[tuple[str | int, ...], str, str]
"""Where in the map (a path of keys and indices), what is wrong, and what to do."""

LEAST, USUAL = 5, 11
"""Subjects that an increment of a statistic has: never fewer than 5, and 11 where nobody has signed fewer off."""

_INEXACT = ("float", "double", "real")
_NAMELESS = re.compile(r"((tiny|medium|long)?blob|(var)?binary|bytea|interval|money|tstz(multi)?range)\b.*")
"""Types by which no group has a name: binary, or told otherwise in sessions with other settings."""

_CATEGORY = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")


def alone(store_map: StoreMap) -> Iterator[Mistake]:
    """What does not fit together inside one map."""
    for name, dataset in store_map.datasets.items():
        place = ("datasets", name)
        for field, mapped in dataset.fields.items():
            if not _CATEGORY.fullmatch(mapped.category):
                yield (
                    (*place, "fields", field, "category"),
                    f"the category of `{name}.{field}` is not written as one",
                    "Write it like `user.contact.email`, or `none` for a field that is not personal",
                )
            yield from _technique((*place, "fields", field), f"{name}.{field}", mapped)
        yield from _links(place, dataset)
        for event, source in dataset.events.items():
            yield from _event(place, name, event, source)
        yield from _facts(place, name, dataset)
        yield from _statistics(place, dataset)
        if _speaks_of_items(dataset):
            yield from _of_rows_alone(place, dataset)
        yield from anonymity.alone(place, dataset)
        yield from anonymity.parents(name, store_map.datasets)
    yield from _parents(store_map)


def _technique(place: tuple[str | int, ...], name: str, mapped: FieldMap) -> Iterator[Mistake]:
    """A technique that there is, with options that it takes; without one, those of the category's default."""
    chosen = default_for(mapped.category) if mapped.technique is None else mapped.technique
    technique = TECHNIQUES.get(chosen)
    if technique is None:
        yield (
            (*place, "technique"),
            f"no technique is called `{chosen}`, which `{name}` names",
            suggestion(chosen, TECHNIQUES, f"Name one of {', '.join(sorted(TECHNIQUES))}"),
        )
        return
    for option, value in mapped.options.items():
        known = technique.options.get(option)
        if known is None:
            yield (
                (*place, "options", option),
                f"the technique `{chosen}` of `{name}` takes no option `{option}`",
                suggestion(option, technique.options, "Take it out"),
            )
        elif type(value) is not known:
            what = {int: "a whole number", str: "a text"}[known]
            yield (*place, "options", option), f"the option `{option}` of `{name}` is {what}", f"Write {what}"
    for option in technique.needed:
        if option not in mapped.options:
            yield (
                (*place, "technique"),
                f"the technique `{chosen}` of `{name}` needs the option `{option}`",
                f"Give it: `options: {{{option}: …}}`",
            )


def _links(place: tuple[str | int, ...], dataset: DatasetMap) -> Iterator[Mistake]:
    for index, link in enumerate(dataset.subjects):
        if bool(link.columns) == bool(link.roles):
            yield (
                (*place, "subjects", index),
                f"a subject link of `{place[-1]}` names neither columns nor roles, or both",
                "Give `columns` for a table, `roles` for mail and calendars",
            )
    if not dataset.subjects and not dataset.inherits:
        speaking = sorted(name for name, event in dataset.events.items() if event.of == "subject")
        if speaking:
            yield (
                (*place, "events", speaking[0]),
                f"the events of `{place[-1]}` concern a subject, and nothing links its records to one",
                "Add `subjects`, or let the events be `of: record`",
            )


def _event(place: tuple[str | int, ...], name: str, event: str, source: EventSource) -> Iterator[Mistake]:
    where = (*place, "events", event)
    if (source.column is None) == (source.at is None):
        yield (
            where,
            f"the event `{event}` of `{name}` needs either a column or `at`",
            "Give `column` for a table, `at: last` for mail and calendars",
        )
    if source.at is not None and source.rolls_to_end_of is not None:
        yield where, f"the event `{event}` of `{name}` rolls forward, which only a table's can", "Take it out"
    if source.column is not None and source.roles:
        yield where, f"the event `{event}` of `{name}` has roles, which a table does not", "Take `roles` out"


def _facts(place: tuple[str | int, ...], name: str, dataset: DatasetMap) -> Iterator[Mistake]:
    for fact, source in dataset.facts.items():
        if (source.column is None) == (source.value is None):
            yield (
                (*place, "facts", fact),
                f"the fact `{fact}` of `{name}` needs either a column or a value",
                "Give `column` for what differs by row, `value` for what is the same for all records",
            )


def _statistics(place: tuple[str | int, ...], dataset: DatasetMap) -> Iterator[Mistake]:
    seen = set()
    for index, statistic in enumerate(dataset.statistics):
        if statistic.name in seen:
            yield (
                (*place, "statistics", index),
                f"the statistic `{statistic.name}` of `{place[-1]}` is there twice",
                "Give each its own name",
            )
        seen.add(statistic.name)
        yield from _statistic((*place, "statistics", index), statistic.name, statistic)
        for column in sorted(statistic.columns):
            known = {*dataset.fields, *dataset.key, *dataset.where, *_event_columns(dataset), *_link_columns(dataset)}
            if column not in known:
                yield (
                    (*place, "statistics", index),
                    f"the statistic `{statistic.name}` of `{place[-1]}` uses `{column}`, which is not among its fields",
                    suggestion(column, known, "Add the field, with its category"),
                )


def _statistic(place: tuple[str | int, ...], name: str, statistic: Statistic) -> Iterator[Mistake]:
    """What one registered statistic asks for that does not fit together, or may not be."""
    grouped = [each.column for each in statistic.by]
    if statistic.squares and not statistic.sum:
        yield place, f"the statistic `{name}` sums the squares of nothing", "Give `sum`, or take `squares` out"
    if statistic.upward and sorted(statistic.upward) != sorted(grouped):
        yield (
            (*place, "upward"),
            f"the statistic `{name}` merges upward by other columns than it groups by",
            f"Name each of these once, in the order in which they are dropped: {', '.join(grouped) or 'none'}",
        )
    if statistic.minimum < LEAST:
        yield (
            (*place, "minimum"),
            f"the statistic `{name}` would release what fewer than {LEAST} subjects have said",
            f"Leave it at {USUAL}; with the officer's sign-off it may be {LEAST}",
        )
    elif statistic.minimum < USUAL and statistic.signed_off is None:
        yield (
            (*place, "minimum"),
            f"the statistic `{name}` releases what fewer than {USUAL} subjects have said: nobody signed that off",
            "Add `signed_off: {by: dpo, on: 2026-06-01}`, or leave `minimum` out",
        )
    try:
        Period.parse(statistic.deadline)
    except ValueError as error:
        yield (*place, "deadline"), f"the deadline of the statistic `{name}`: {error}", "Write one such as `1 year`"


def _link_columns(dataset: DatasetMap) -> set[str]:
    links = {column for link in dataset.subjects for column in link.columns}
    return links | {column for parent in dataset.inherits for column in parent.on}


def _event_columns(dataset: DatasetMap) -> set[str]:
    return {event.column for event in dataset.events.values() if event.column}


def _parents(store_map: StoreMap) -> Iterator[Mistake]:
    edges: dict[str, list[str]] = {}
    for name, dataset in store_map.datasets.items():
        for index, parent in enumerate(dataset.inherits):
            place = ("datasets", name, "inherits", index)
            if parent.dataset not in store_map.datasets:
                yield (
                    place,
                    f"`{name}` inherits from `{parent.dataset}`, which is not in this map",
                    suggestion(parent.dataset, store_map.datasets, "Map that table too"),
                )
            elif not parent.on:
                yield place, f"`{name}` does not say how it joins `{parent.dataset}`", "Write `on: {column: column}`"
            else:
                edges.setdefault(name, []).append(parent.dataset)
        yield from _either(name, dataset, store_map)
    for name in edges:
        if _reaches(name, name, edges):
            yield ("datasets", name, "inherits"), f"`{name}` inherits from itself", "Break the circle"


def _either(name: str, dataset: DatasetMap, store_map: StoreMap) -> Iterator[Mistake]:
    """Parents of which a row has one at most: it would have to belong to both, and be nobody's concern.

    Joined by what is not their key, a row may lead to rows of both.
    """
    known = [(at, each, store_map.datasets.get(each.dataset)) for at, each in enumerate(dataset.inherits)]
    for (_, one, first), (index, other, second) in itertools.combinations(known, 2):
        if first is None or second is None or first.source != second.source or one.on != other.on:
            continue
        if not {*first.key, *second.key} <= {*one.on.values()}:
            continue
        if any(not {*first.where[each]} & {*second.where[each]} for each in first.where.keys() & second.where):
            yield (
                ("datasets", name, "inherits", index),
                f"no row of `{name}` leads to `{one.dataset}` and `{other.dataset}`, which share the rows of one table",
                f"Map `{first.source}` once, with all of their values in `where`, or inherit from one of them",
            )


def _reaches(start: str, goal: str, edges: Mapping[str, list[str]]) -> bool:
    seen: set[str] = set()
    waiting = list(edges.get(start, ()))
    while waiting:
        each = waiting.pop()
        if each == goal:
            return True
        if each not in seen:
            seen.add(each)
            waiting += edges.get(each, ())
    return False


def against_policies(
    store_map: StoreMap, policies: Mapping[str, Policy], ignore: Collection[str] = ()
) -> Iterator[Mistake]:
    """What the controllers' policies do not know. A dataset whose controller has no policy is a mistake."""
    for name, dataset in store_map.datasets.items():
        if dataset.controller in ignore:
            continue
        place = ("datasets", name)
        policy = policies.get(dataset.controller)
        if policy is None:
            yield (
                (*place, "controller"),
                f"`{name}` belongs to the controller `{dataset.controller}`, for whom the estate has no policy",
                suggestion(dataset.controller, policies, "Add the controller to ardoise.toml"),
            )
            continue
        for event in dataset.events:
            if event not in policy.events:
                yield (
                    (*place, "events", event),
                    f"the policy `{policy.name}` does not know the event `{event}`",
                    suggestion(event, policy.events, "Declare it in the policy, or take it out"),
                )
        for fact in dataset.facts:
            if fact not in policy.supplied_facts:
                yield (
                    (*place, "facts", fact),
                    f"the policy `{policy.name}` does not know the fact `{fact}`",
                    suggestion(fact, policy.supplied_facts, "Declare it in the policy, or take it out"),
                )


def against_inventory(store_map: StoreMap, inventory: Inventory) -> Iterator[Mistake]:
    """What the approved datasets name and the store does not have."""
    for name, dataset in store_map.active.items():
        place = ("datasets", name)
        shape = inventory.find(dataset.source)
        if shape is None:
            if _is_pattern(dataset, inventory):
                yield from _of_rows_alone(place, dataset)
                continue
            known = [each.location for each in inventory.datasets]
            yield (
                (*place, "source"),
                f"the store `{store_map.store}` has no `{dataset.source}`",
                suggestion(dataset.source, known, "Look at what it has with `ardoise scan`"),
            )
        elif shape.kind is Kind.ROWS:
            yield from _columns(place, dataset, shape)
            yield from anonymity.against_shape(place, dataset, shape)
        else:
            yield from _of_rows_alone(place, dataset)


def _speaks_of_items(dataset: DatasetMap) -> bool:
    """Whether the map says of a dataset what only messages and meetings have, and names no column for it."""
    links, events = dataset.subjects, dataset.events.values()
    said = bool(dataset.own) or any(each.roles for each in links) or any(each.at is not None for each in events)
    return said and not any(each.columns for each in links) and not any(each.column for each in events)


def _of_rows_alone(place: tuple[str | int, ...], dataset: DatasetMap) -> Iterator[Mistake]:
    """What nobody would keep of messages and meetings, which have no columns."""
    remedy = "Take it out; what is to be counted of messages and meetings has to be counted before they go"
    if dataset.statistics:
        yield (*place, "statistics"), f"`{place[-1]}` holds messages or meetings, of which no statistic is kept", remedy
    if dataset.anonymity is not None:
        what = f"`{place[-1]}` holds messages or meetings, which do not hide among each other"
        yield (*place, "anonymity"), what, "Take it out; `redact` takes the person out of each"


def _is_pattern(dataset: DatasetMap, inventory: Inventory) -> bool:
    """Whether the source is a pattern of mailboxes or calendars, which may match none."""
    items = all(shape.kind is not Kind.ROWS for shape in inventory.datasets)
    return items and any(sign in dataset.source for sign in "*%?")


def _columns(place: tuple[str | int, ...], dataset: DatasetMap, shape: DatasetShape) -> Iterator[Mistake]:
    known = {each.name for each in shape.fields}
    for where, column in named_columns(dataset):
        if column not in known:
            yield (
                (*place, *where),
                f"`{shape.location}` has no column `{column}`",
                suggestion(column, known, "Take it out of the map, or run `ardoise scan` for a new proposal"),
            )
    types = {each.name: each.type.lower() for each in shape.fields}
    for index, statistic in enumerate(dataset.statistics):
        if statistic.sum and any(part in types.get(statistic.sum, "") for part in _INEXACT):
            yield (
                (*place, "statistics", index, "sum"),
                f"`{shape.location}.{statistic.sum}` is a floating-point number, whose sums are not exact",
                "Sum a decimal or a whole number (in SQLite a whole number: cents, not euros)",
            )
        for bucket in statistic.by:
            if bucket.by == "value" and _NAMELESS.fullmatch(kind := types.get(bucket.column, "")):
                yield (
                    (*place, "statistics", index, "by"),
                    f"`{shape.location}.{bucket.column}` is {kind}: binary, or told otherwise in each session",
                    f"Let `{statistic.name}` group by texts, numbers or dates: a generated column, for example",
                )


def named_columns(dataset: DatasetMap) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every column that the map names, with its place."""
    yield from ((("fields", name), name) for name in dataset.fields)
    for name, mapped in dataset.fields.items():
        if isinstance(mapped.options.get(LOCALE), str):
            yield ("fields", name, "options", LOCALE), str(mapped.options[LOCALE])
    yield from ((("key", index), name) for index, name in enumerate(dataset.key))
    yield from ((("where", name), name) for name in dataset.where)
    for index, link in enumerate(dataset.subjects):
        yield from ((("subjects", index), name) for name in link.columns)
    for index, parent in enumerate(dataset.inherits):
        yield from ((("inherits", index), name) for name in parent.on)
    for event, source in dataset.events.items():
        names = [source.column, *(each.column for each in (source.open_if, source.only_if) if each)]
        yield from ((("events", event), name) for name in names if name)
    yield from ((("facts", fact), source.column) for fact, source in dataset.facts.items() if source.column)
    for index, statistic in enumerate(dataset.statistics):
        yield from ((("statistics", index), name) for name in sorted(statistic.columns))
