"""Parts of a table that a run may change in some rows: their columns, and the rows in which they must stay.

A step touches the columns of its categories in the rows on which it acts. Where rows hide among each other, their other
columns get coarser too, and links are turned, once a row is nobody's; keys that get new values are followed by what
points at them. So whether a column may change in a row is asked by category, by whether the row is somebody's still,
and by the row to which it leads. All of it can be told before a run, by what is due, and after it, by the marks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from connectors.base import Inventory
from pipelines.data_map.model import DatasetMap
from pipelines.plan.artefact import Action, Step
from pipelines.plan.remembered import fields_of
from pipelines.plan.renewals import pointing, renewed


@dataclass(frozen=True, slots=True)
class Unacted:
    """Rows on which no step acts for a category of a dataset."""

    dataset: str
    category: str


@dataclass(frozen=True, slots=True)
class Somebodys:
    """Rows that are a person's still, as far as a dataset tells: one of their categories is there and stays."""

    dataset: str


@dataclass(frozen=True, slots=True)
class LeadsTo:
    """Rows whose column leads to one that keeps its key, which is a field of a category."""

    own: str
    dataset: str
    key: str
    category: str


Condition = Unacted | Somebodys | LeadsTo
"""Of the rows of a table, those in which a column must stay as it is."""

Parts = Mapping[frozenset[str], frozenset[Condition]]
"""Columns that must stay as they are in the same rows, with all conditions that these fulfil."""

Changing = Mapping[str, frozenset[Condition]]
"""Columns of a table that a run may change, each with the conditions under which it does not."""


def left_out(datasets: Mapping[str, DatasetMap], steps: Iterable[Step], inventory: Inventory) -> dict[str, Changing]:
    """By location, what a run may change in rows on which no step of their own acts: links, what follows new keys.

    ``datasets`` are the controller's in one store, by name, and ``steps`` the plan's in it. A location is the source as
    its data map names it, or as the inventory does.
    """
    found: dict[str, dict[str, set[Condition]]] = defaultdict(lambda: defaultdict(set))
    for name, dataset in datasets.items():
        if dataset.anonymity is not None and dataset.anonymity.link is not None:
            for column in dataset.anonymity.changed:
                found[dataset.source][column].add(Somebodys(name))
    for step in steps:
        above = datasets[step.dataset]
        for key in renewed(step, above):
            for location, own in pointing(above.source, {key}, datasets, inventory):
                found[location][own].add(LeadsTo(own, step.dataset, key, above.fields[key].category))
    return {location: _frozen(columns) for location, columns in found.items()}


def with_implied(columns: Changing, implied: Iterable[str]) -> Changing:
    """The same with the columns that follow any change of a row: they stay where all of these do."""
    every = frozenset(each for conditions in columns.values() for each in conditions)
    return {**columns, **dict.fromkeys(implied, every)}


def parts(
    datasets: Mapping[str, DatasetMap], steps: Sequence[Step], leaving_out: Changing, implied: frozenset[str]
) -> Parts:
    """What must stay as it is in some rows of one table, beside whole rows on which no step acts.

    ``datasets`` are those of the table, ``steps`` theirs, and ``leaving_out`` its own of `left_out`, with what
    is ``implied`` (see `with_implied`): that stays in no row on which a step acts, for whatever category.
    """
    acting = [step for step in steps if not step.takes_rows]
    found: dict[str, set[Condition]] = defaultdict(set)
    for column, conditions in leaving_out.items():
        found[column] |= conditions
    for name, dataset in datasets.items():
        whole = all(fields_of(dataset).keys() <= set(step.categories) for step in acting)
        for column, condition in _touched(name, dataset, [step for step in acting if step.dataset == name]):
            for each in {column, *(implied & leaving_out.keys())}:
                # Where rows are acted on whole, or not at all, the latter say it; and so they do of what follows.
                if each in leaving_out or not (whole or each in implied):
                    found[each].add(condition)
    return _together(found)


def _touched(name: str, dataset: DatasetMap, steps: Sequence[Step]) -> Iterator[tuple[str, Condition]]:
    """The columns that steps touch in place, and in which rows they do not."""
    fields = fields_of(dataset)
    for category in sorted({category for step in steps for category in step.categories}):
        yield from ((column, Unacted(name, category)) for column in fields.get(category, ()))
    anonymity = dataset.anonymity
    if anonymity is None or anonymity.link or not any(step.action is Action.ANONYMISE for step in steps):
        return
    yield from ((column, Somebodys(name)) for column in anonymity.changed)
    for columns in fields.values():  # a row in which any of them gets coarser is marked in the whole category
        if set(columns) & set(anonymity.changed):
            yield from ((column, Somebodys(name)) for column in columns)


def _frozen(columns: Mapping[str, Iterable[Condition]]) -> Changing:
    return {name: frozenset(conditions) for name, conditions in columns.items()}


def _together(columns: Mapping[str, Iterable[Condition]]) -> Parts:
    """By the columns that are alike in their conditions."""
    found: dict[frozenset[Condition], set[str]] = defaultdict(set)
    for column, conditions in columns.items():
        found[frozenset(conditions)].add(column)
    return {frozenset(names): conditions for conditions, names in found.items()}
