"""What a store still knows of the subjects of records whose link to them was anonymised: the days that were kept then.

A record, and whatever inherits from it, has no digest any more by which others could tell what happened to its subject.
In place of that stand the days of the mark (`connectors.sql.remembered`), as long as every mark of the record stands.
Fail closed: what was open then has ended on a day that nobody can tell, so it is missing for ever, as is what was not
kept; and where anything is missing, no day counts. Where nothing was ever marked, nothing of this is in a query.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from connectors.sql.functions import record_key
from pipelines.data_map.model import DatasetMap, StoreMap
from pipelines.plan.compile import EventColumns
from pipelines.plan.context import asked_of
from pipelines.plan.dialects import nothing
from pipelines.plan.expressions import Expression, extended, extreme, truth
from pipelines.plan.frozen import seen
from pipelines.plan.holding import Cover, Holding
from pipelines.plan.links import forms
from pipelines.plan.occurrences import Horizon
from retention_rules.events import EventKind
from retention_rules.policy import Policy

if TYPE_CHECKING:
    from pipelines.plan.carried import Carried, Datasets

PARTED = "l_parted"
"""Whether a strong link to the subject was anonymised, of the row or of what is above it."""
_OWN, _BROKEN = "l_own", "l_broken"

Above = tuple[sa.FromClause, "Carried"]
"""A parent's relation as it stands beside the row, and what its columns mean."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of an event on a date, occurrence beside occurrence; none of the flags is NULL.

    ``doubts``: what weak matches say, as whether it is open, or nothing certain, and the last day.
    """

    open: list[Expression] = field(default_factory=list)
    missing: list[Expression] = field(default_factory=list)
    first: list[Expression] = field(default_factory=list)
    last: list[Expression] = field(default_factory=list)
    doubts: list[tuple[Expression, Expression]] = field(default_factory=list)

    def add(self, is_open: Expression, missing: Expression, first: Expression, last: Expression) -> None:
        """Put another occurrence beside those that are known."""
        self.open.append(is_open)
        self.missing.append(missing)
        self.first.append(first)
        self.last.append(last)


class DayColumns(NamedTuple):
    """The columns of one remembered event; the two flags are never NULL where a row has something above it."""

    missing: str
    first: str
    last: str
    doubt: str
    doubtful: str

    @classmethod
    def named(cls, stem: str) -> DayColumns:
        """By the usual suffixes."""
        return cls(*(f"{stem}_{part}" for part in cls._fields))

    def tell(self, told: Told, rows: sa.FromClause, kind: EventKind, horizon: Horizon) -> None:
        """Add what is remembered in these columns, as it is seen on a date."""
        names = EventColumns.named("seen")
        missing, first, last, doubt, doubtful = (rows.c[each] for each in self)
        found = seen(names, kind, horizon, missing=missing, first=first, last=last)
        told.add(*(found[each] for each in (names.open, names.missing, names.first, names.last)))
        told.doubts.append((doubtful, doubt))


def fields_of(dataset: DatasetMap) -> dict[str, list[str]]:
    """The columns of each personal category."""
    found: dict[str, list[str]] = {}
    for name, each in sorted(dataset.personal.items()):
        found.setdefault(each.category, []).append(name)
    return found


def below(store_map: StoreMap, name: str) -> frozenset[str]:
    """A dataset and those that inherit from it, directly or not."""
    found, pending = {name}, [name]
    while pending:
        above = pending.pop()
        heirs = {
            child
            for child, dataset in store_map.datasets.items()
            if any(parent.dataset == above for parent in dataset.inherits)
        }
        pending += sorted(heirs - found)
        found |= heirs
    return frozenset(found)


def events_below(store_map: StoreMap, policy: Policy, name: str) -> frozenset[str]:
    """The events that purposes of a dataset's categories ask for, or those of what inherits from it."""
    datasets = (store_map.datasets[each] for each in below(store_map, name))
    categories = {each.category for dataset in datasets for each in dataset.personal.values()}
    return asked_of(policy, (purpose for each in sorted(categories) for purpose in policy.purposes_for(each)))[0]


def leading_covers(holding: Holding, policy: Policy, store_map: StoreMap, name: str) -> dict[str, tuple[int, ...]]:
    """For each category that links a dataset's rows to subjects, the covers that reach others by that link.

    A hold on a person keeps what leads from the person to what it covers: without it nobody could find that any more.
    """
    of_persons = {
        Cover(each.scope.store, each.scope.dataset, each.scope.categories)
        for each in holding.holds
        if each.scope.subject
    }
    reached = tuple(
        number
        for number, cover in enumerate(holding.covers)
        if cover in of_persons
        and any(
            cover.applies(store_map.store, each) and cover.covers(policy, category)
            for each in below(store_map, name)
            for category in fields_of(store_map.datasets[each])
        )
    )
    dataset = store_map.datasets[name]
    links = (each for form in forms(dataset.subjects) if not form.key.weak for each in form.columns)
    return {dataset.personal[each].category: reached for each in links if each in dataset.personal} if reached else {}


@dataclass(frozen=True)
class Remembered:
    """The remembered days of the rows of one dataset, theirs and those of what is above them.

    ``rows``: the table, or a relation with its key and its personal columns. ``told``: the events that may
    concern subjects. ``asked``: those that are asked for; all by default.
    """

    datasets: Datasets
    name: str
    rows: sa.FromClause
    above: Sequence[Above]
    told: frozenset[str]
    asked: frozenset[str] | None

    @cached_property
    def _own(self) -> tuple[str, ...]:
        """The events that the dataset's own marks may know."""
        dataset = self.datasets.map(self.name)
        linking = {dataset.personal[each].category for each in self._linking if each in dataset.personal}
        if not linking & set(self.datasets.markable(self.name)):
            return ()
        wanted = self.told & events_below(self.datasets.store_map, self.datasets.policy, self.name)
        return tuple(sorted(wanted if self.asked is None else wanted & self.asked))

    @cached_property
    def events(self) -> tuple[str, ...]:
        """The events of which anything may be remembered."""
        inherited = {event for _, carried in self.above for event in carried.remembered}
        return tuple(sorted({*self._own, *(inherited if self.asked is None else inherited & self.asked)}))

    def _stem(self, prefix: str, event: str) -> DayColumns:
        return DayColumns.named(f"l{prefix}{sorted(self.datasets.policy.events).index(event)}")

    # -- first layer: marks, and what is kept with them

    def joined(self, source: sa.FromClause) -> tuple[sa.FromClause, dict[str, Expression]]:
        """The rows beside what is remembered of them, and the columns that `over` needs."""
        columns: dict[str, Expression] = {}
        if not self.events:
            return source, columns
        links = forms(self.datasets.map(self.name).subjects)
        own = self.datasets.nobody(self.rows, self.name, self._linking)
        strong = self.datasets.nobody(
            self.rows, self.name, [each for form in links if not form.key.weak for each in form.columns]
        )
        columns[_OWN], columns[_BROKEN] = truth(own), sa.false()
        columns[PARTED] = truth(sa.or_(strong, *(_flag(beside, PARTED) for beside, _ in self.above)))
        journal = self.datasets.journal
        if self._own and journal is not None:
            dataset = self.datasets.map(self.name)
            broken = journal.marks.broken(self.rows, dataset.key, self.name, fields_of(dataset))
            columns[_BROKEN] = truth(sa.and_(own, broken))
        for event in self.events:
            if event in self._own:
                source = self._beside(source, columns, event)
            for number, (beside, their) in enumerate(self._above(event)):
                columns |= {
                    mine: beside.c[theirs] for mine, theirs in zip(self._stem(f"p{number}_", event), their, strict=True)
                }
        return source, columns

    def _above(self, event: str) -> list[tuple[sa.FromClause, DayColumns]]:
        return [(beside, carried.remembered[event]) for beside, carried in self.above if event in carried.remembered]

    @property
    def _linking(self) -> list[str]:
        """The columns by which the dataset's own rows are linked to subjects."""
        return [each for form in forms(self.datasets.map(self.name).subjects) for each in form.columns]

    def _beside(self, source: sa.FromClause, columns: dict[str, Expression], event: str) -> sa.FromClause:
        """One event that is kept with the row's marks; where it is not, it is missing."""
        names, journal = self._stem("r", event), self.datasets.journal
        if journal is None or not self.datasets.remembers:
            columns |= {names.missing: sa.true(), names.doubtful: sa.false()}
            columns |= {each: nothing(sa.Date()) for each in (names.first, names.last, names.doubt)}
            return source
        kept = journal.remembered.alias()
        columns[names.missing] = sa.func.coalesce(sa.or_(kept.c.open, kept.c.missing), sa.true())
        columns[names.first], columns[names.last] = kept.c.first_day, kept.c.last_day
        columns[names.doubtful] = sa.func.coalesce(kept.c.doubt_open, sa.false())
        columns[names.doubt] = kept.c.doubt_day
        record = record_key(self.rows.c[each] for each in self.datasets.map(self.name).key)
        same = (kept.c.dataset == self.name, kept.c.record == record, kept.c.event == event)
        return sa.outerjoin(source, kept, sa.and_(*same))

    # -- second layer: what counts

    def over(self, carried: Carried) -> Carried:
        """The relation with the days that are remembered of its rows' subjects."""
        if not self.events:
            return carried
        remembered = {event: self._stem("k", event) for event in self.events}
        columns: dict[str, Expression] = {}
        for event, names in remembered.items():
            found = self._counting(carried, event)
            columns |= zip(names, found, strict=True)
        relation = extended(carried.relation, columns, fenced=self.datasets.fenced)
        return replace(carried, relation=relation, remembered=remembered)

    def _counting(self, carried: Carried, event: str) -> tuple[Expression, ...]:
        """What is remembered of an event, of the row and of what is above it together; in the order of `DayColumns`."""
        rows = carried.relation.c
        found: list[tuple[Expression, ...]] = []
        for number in range(len(self._above(event))):
            missing, first, last, doubt, doubtful = _read(rows, self._stem(f"p{number}_", event))
            flags = (sa.func.coalesce(each, sa.false()) for each in (missing, doubtful))  # it may have none above it
            found.append((next(flags), first, last, doubt, next(flags)))
        if event in self._own:
            missing, first, last, doubt, doubtful = _read(rows, self._stem("r", event))
            counts = sa.and_(rows[_OWN], sa.not_(rows[_BROKEN]))
            kept = (sa.case((counts, each)) for each in (first, last, doubt))
            found.append((sa.and_(rows[_OWN], sa.or_(rows[_BROKEN], missing)), *kept, sa.and_(counts, doubtful)))
        every, firsts, lasts, doubts, any_doubtful = zip(*found, strict=True)
        latest = extreme(lasts, latest=True)
        unknown = sa.or_(*every, self._newer(carried, event, latest))
        first, last = (sa.case((sa.not_(unknown), each)) for each in (extreme(firsts, latest=False), latest))
        return truth(unknown), first, last, extreme(doubts, latest=True), truth(sa.or_(*any_doubtful))

    def _newer(self, carried: Carried, event: str, last: Expression) -> Expression:
        """Whether the row itself tells its subject of something since: nobody knows whom it tells."""
        rows, horizon = carried.relation.c, self.datasets.horizons[-1]
        names = carried.supplied.get((horizon.name, event))
        if names is None:
            return sa.false()
        unlinked = (rows[label].is_(None) for label, key in carried.links.items() if not key.weak)
        day = rows[names.last]
        later = sa.and_(day.is_not(None), sa.or_(last.is_(None), day > last))
        news = sa.or_(rows[names.open], rows[names.missing], later)
        return sa.and_(rows[PARTED], *unlinked, sa.func.coalesce(news, sa.true()))


def _read(rows: Any, names: DayColumns) -> tuple[Expression, ...]:
    return tuple(rows[each] for each in names)


def _flag(rows: sa.FromClause, name: str) -> Expression:
    return sa.func.coalesce(rows.c[name], sa.false()) if name in rows.c else sa.false()
