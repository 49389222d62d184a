"""What a change of policy would do, before anyone adopts it: both decide on the same records with the same evidence."""

from __future__ import annotations

import contextlib
import datetime as dt
import enum
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import sqlalchemy as sa

from connectors.sql.archive import ID
from connectors.sql.engines import speaking_for
from pipelines.errors import UsageError
from pipelines.estate import Estate
from pipelines.plan.archived import ArchivedSelection
from pipelines.plan.artefact import Place
from pipelines.plan.compile import Code, constant
from pipelines.plan.context import horizons
from pipelines.plan.dialects import run
from pipelines.plan.emptied import Emptied, emptied
from pipelines.plan.item_selection import ItemSelection
from pipelines.plan.kept import keep
from pipelines.plan.selection import Selection
from pipelines.plan.tables import column
from pipelines.progress import Progress, silent
from pipelines.simulate.horizon import Expression, histogram
from pipelines.simulate.survey import Asked, policy_named, surveyed, viewed
from retention_rules.policy import Policy

_APART = 100_000
"""Beyond the numbers of the tables that a plan keeps on a connection."""

_PAIR = 100
"""A pair of states as one number: the old one times this, and the new one."""

_ITEM = ("container", "key")


class State(enum.IntEnum):
    """How a record stands in a category under one policy. ``DUE`` is an item's: it goes, or is redacted."""

    KEEP = 1
    ARCHIVE = 2
    ANONYMISE = 3
    DELETE = 4
    DUE = 5
    HELD = 6
    UNDETERMINED = 7
    DONE = 8

    @property
    def goes(self) -> bool:
        """Whether it is due."""
        return self in {State.ANONYMISE, State.DELETE, State.DUE}


_STATES = {
    Code.KEEP: State.KEEP,
    Code.ARCHIVE: State.ARCHIVE,
    Code.HELD: State.HELD,
    Code.UNDETERMINED: State.UNDETERMINED,
}


@dataclass(frozen=True, slots=True)
class Transition:
    """So many records of a dataset stand in a category as ``old`` under the one policy, as ``new`` under the other.

    In the archive (``place``) a record is kept, leaves it for good, is held or undetermined.
    """

    store: str
    dataset: str
    category: str
    old: State
    new: State
    records: int
    place: Place = Place.ACTIVE


@dataclass(frozen=True, slots=True)
class PolicyDiff:
    """Every transition, also from a state to itself: each category's records add up.

    ``problems``: why the new policy could not be adopted as it is. ``gaps``: what of the stores could not be asked.
    """

    controller: str
    as_of: dt.date
    old: str
    new: str
    old_digest: str
    new_digest: str
    transitions: tuple[Transition, ...]
    problems: tuple[str, ...]
    gaps: tuple[str, ...]

    @property
    def changes(self) -> tuple[Transition, ...]:
        """The transitions to another state."""
        return tuple(each for each in self.transitions if each.old is not each.new)

    def document(self) -> dict[str, Any]:
        """The difference as JSON types."""
        transitions = [
            {**asdict(each), "old": each.old.name.lower(), "new": each.new.name.lower()} for each in self.transitions
        ]
        return {**asdict(self), "as_of": self.as_of.isoformat(), "transitions": transitions}


def difference(
    estate: Estate, controller: str, old: str, new: str, *, today: dt.date, progress: Progress = silent
) -> PolicyDiff:
    """Count how the records of a controller's datasets stand today under two policies; nothing is written.

    Args:
        estate: the estate.
        controller: whose datasets.
        old: a policy, by name or file.
        new: another one.
        today: the day for which both decide.
        progress: told of each dataset.

    Raises:
        PolicyInvalid: one of the policies is invalid; with every problem.
        UsageError: they read the same dates differently, so that there is no common evidence.
        Refused: one has no purposes, or the controller no approved dataset.
        DataMapInvalid: a store is not as its data map says.
    """
    dates = horizons(today, today)
    with contextlib.closing(estate.engine()) as engine:
        estate = estate.acting(engine)
        before, after = (policy_named(estate, controller, name) for name in (old, new))
        both = viewed(estate, engine, controller, joint(before, after), dates)
        one, other = (viewed(estate, engine, controller, each, dates) for each in (before, after))
    found: list[Transition] = []
    with surveyed(estate, both, progress) as survey:
        for (store, name, first), (_, _, second) in zip(survey.datasets(one), survey.datasets(other), strict=True):
            progress("compare", len(found), None, f"{store}.{name}")
            with speaking_for(store):
                found += _compared(store, name, first, second, survey.archived(one, store, name))
        gaps = survey.gaps
    return PolicyDiff(
        controller=controller,
        as_of=today,
        old=before.name,
        new=after.name,
        old_digest=before.digest,
        new_digest=after.digest,
        transitions=tuple(found),
        problems=tuple(f"{each.what}. {each.remedy}" for each in estate.misfits(after, controller)),
        gaps=gaps,
    )


def joint(old: Policy, new: Policy) -> Policy:
    """What both ask of the stores together: for evidence only, it decides on nothing.

    Raises:
        UsageError: they read the same dates differently.
    """
    where = f"policies {old.name} and {new.name}"
    if str(old.time_zone) != str(new.time_zone):
        raise UsageError("their time zones differ: no day is the same", where, "Change the time zone by itself.")
    for event in sorted(set(old.events) & set(new.events)):
        if old.events[event] is not new.events[event]:
            what = f"`{event}` is an {old.events[event]} for the one, a {new.events[event]} for the other"
            raise UsageError(what, where, "Give one of them another name.")
    kinds = {**old.supplied_facts, **new.supplied_facts}
    return replace(old, purposes=old.purposes + new.purposes, events={**old.events, **new.events}, supplied_facts=kinds)


Pairs = dict[str, tuple[int, int]]
"""By category, the numbers of its groups under the old and the new policy."""

_NOBODYS = -1
"""The number of no group: a category that may not be in the archive under one of the policies."""


def _compared(
    store: str, name: str, old: Asked, new: Asked, archived: ArchivedSelection | None
) -> Iterator[Transition]:
    place = Place.ACTIVE
    if isinstance(old, ArchivedSelection) and isinstance(new, ArchivedSelection):
        place = Place.ARCHIVE
        pairs = _pairs(old, new, old.context.horizons[0], new.context.horizons[0])
        counts = _arrivals(old, new, pairs)
    elif isinstance(old, ItemSelection) and isinstance(new, ItemSelection):
        pairs = _pairs(old, new, old.context.horizons[0], new.context.horizons[0])
        counts = _items(old, new, pairs)
    elif isinstance(old, Selection) and isinstance(new, Selection):
        pairs = _pairs(old, new, old.store.context.horizons[0], new.store.context.horizons[0])
        counts = _rows(old, new, pairs, None if archived is None else emptied(old, archived))
    else:
        raise TypeError("a dataset is of rows or of items under every policy")
    numbers = list(dict.fromkeys(pairs.values()))
    for category, pair in pairs.items():
        for value, count in sorted(counts.get(numbers.index(pair), Counter()).items()):
            before, after = divmod(value, _PAIR)
            yield Transition(store, name, category, State(before), State(after), count, place)


def _pairs(old: Any, new: Any, first: Any, second: Any) -> Pairs:
    numbers: list[dict[str, int]] = [
        {category: number for number, group in enumerate(each.groups(date)) for category in group.categories}
        for each, date in ((old, first), (new, second))
    ]
    return {
        category: (numbers[0].get(category, _NOBODYS), numbers[1].get(category, _NOBODYS))
        for category in sorted(set().union(*numbers))
    }


def _rows(old: Selection, new: Selection, pairs: Pairs, there: Emptied | None) -> Mapping[int, Counter[int]]:
    """Both decisions on every row of a table, beside each other in its store.

    Not on what of them is in the archive: it is counted there.
    """
    connection = old.store.connection
    key = [column(each) for each in old.map.key]
    before, after = (
        keep(connection, _APART + place, each.decisions(), key).alias() for place, each in enumerate((old, new))
    )
    same = sa.and_(*(before.c[name] == after.c[name] for name in key))
    columns = {
        f"t{place}": _row_state(old, before, first) * constant(_PAIR) + _row_state(new, after, second)
        for place, (first, second) in enumerate(dict.fromkeys(pairs.values()))
    }
    if not columns:
        return {}
    both = before.join(after, same)
    if there is not None:
        both = there.beside(before).join(after, same)
        firsts = [first for first, _ in dict.fromkeys(pairs.values())]
        here = (sa.true() if first == _NOBODYS else sa.not_(there.moved(before, first)) for first in firsts)
        columns = {name: sa.case((each, columns[name])) for each, name in zip(here, columns, strict=True)}
    relation = sa.select(*(value.label(name) for name, value in columns.items())).select_from(both)
    return _counted(connection.execute(histogram(relation.cte(), list(columns))))


def _row_state(selection: Selection, table: sa.FromClause, number: int) -> Expression:
    names = selection.effective(number)
    code = table.c[names.code]
    return sa.case(
        (table.c[f"g{number}_done"], constant(State.DONE)),
        (sa.and_(code == constant(Code.DUE), table.c[names.delete]), constant(State.DELETE)),
        (code == constant(Code.DUE), constant(State.ANONYMISE)),
        *((code == constant(each), constant(state)) for each, state in _STATES.items()),
    )


def _arrivals(old: ArchivedSelection, new: ArchivedSelection, pairs: Pairs) -> Mapping[int, Counter[int]]:
    """Both decisions on everything that the archive holds of a table, as far as it holds it."""
    before, after = old.relation(), new.relation()
    columns: dict[str, Expression] = {}
    for place, (first, second) in enumerate(dict.fromkeys(pairs.values())):
        both = ((before, first), (after, second))
        there = (sa.not_(table.c[f"g{number}_empty"]) for table, number in both if number != _NOBODYS)
        old_state, new_state = (_arrival_state(table, number) for table, number in both)
        columns[f"t{place}"] = sa.case((sa.and_(*there), old_state * constant(_PAIR) + new_state))
    if not columns:
        return {}
    same = before.c[column(ID)] == after.c[column(ID)]
    relation = sa.select(*(value.label(name) for name, value in columns.items())).select_from(before.join(after, same))
    return _counted(old.connection.execute(histogram(relation.cte(), list(columns))))


def _arrival_state(table: sa.FromClause, number: int) -> Expression:
    """What nothing has released yet is archived; what no purpose may keep there cannot be decided on."""
    if number == _NOBODYS:
        return constant(State.UNDETERMINED)
    code = table.c[f"g{number}_code"]
    states = {**_STATES, Code.KEEP: State.ARCHIVE, Code.DUE: State.DELETE}
    return sa.case(*((code == constant(each), constant(state)) for each, state in states.items()))


def _items(old: ItemSelection, new: ItemSelection, pairs: Pairs) -> Mapping[int, Counter[int]]:
    """Both decisions on every item; one that concerns nobody but the controller is kept under any policy."""
    connection = old.evidence.connection
    numbers = sorted({first for first, _ in pairs.values()})
    before = sa.Table(
        "ardoise_compared",
        sa.MetaData(),
        *(sa.Column(column(each), sa.String) for each in _ITEM),
        *(sa.Column(f"s{number}", sa.Integer) for number in numbers),
    )
    connection.execute(f"DROP TABLE IF EXISTS {before.name}")
    run(connection, sa.schema.CreateTable(before))
    items = old.decided_items()
    states = [_item_state(old, items, number) for number in numbers]
    query = sa.select(*(items.c[column(each)] for each in _ITEM), *states)
    run(connection, before.insert().from_select([each.name for each in before.c], query))
    after = new.decided_items()
    same = sa.and_(*(before.c[column(each)] == after.c[column(each)] for each in _ITEM))
    columns = {
        f"t{place}": before.c[f"s{first}"] * constant(_PAIR) + _item_state(new, after, second)
        for place, (first, second) in enumerate(dict.fromkeys(pairs.values()))
    }
    if not columns:
        return {}
    relation = sa.select(*(value.label(name) for name, value in columns.items())).select_from(before.join(after, same))
    counts = _counted(run(connection, histogram(relation.cte(), list(columns))).fetchall())
    for place in range(len(columns)):
        each = counts.setdefault(place, Counter())
        each[State.KEEP * _PAIR + State.KEEP] += new.everything() - each.total()
    return counts


def _item_state(selection: ItemSelection, items: sa.FromClause, number: int) -> Expression:
    code = selection.standing(items, number)
    return sa.case(
        *((code == constant(each), constant(state)) for each, state in _STATES.items()), else_=constant(State.DUE)
    )


def _counted(rows: Any) -> dict[int, Counter[int]]:
    counts: dict[int, Counter[int]] = {}
    for place, value, count in rows:
        if value is not None:
            counts.setdefault(int(place), Counter())[int(value)] += int(count)
    return counts
