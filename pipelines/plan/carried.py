"""A dataset's rows with what the rules need of them: own and inherited events, facts and links to subjects.

Nothing of it is a plaintext: links are digests. A row whose parent should be there and is not is *orphaned*: what it
would inherit is missing. A row that belongs to another tenant, by its own column or by its parent's, is not *inside*.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from connectors.sql.lines import Restriction, key_among
from pipelines.data_map.model import DatasetMap, EventSource, OpenIf, Parent
from pipelines.plan.compile import EventColumns, extended, extreme, layer
from pipelines.plan.dates import day_of, given
from pipelines.plan.expressions import truth
from pipelines.plan.facts import fact_column, own_fact
from pipelines.plan.fiscal import end_of_fiscal_year
from pipelines.plan.kept import Kept
from pipelines.plan.links import EMAIL, ONE_ADDRESS, Key, forms
from pipelines.plan.occurrences import Horizon, Reading, among, occurrence
from pipelines.plan.remembered import PARTED, DayColumns, Remembered
from pipelines.plan.supply import record_events, subject_events
from pipelines.plan.tables import Tables, coerced, column

Expression = sa.ColumnElement[Any]

_INHERITED = re.compile(r"[^rx].*")
"""The columns that a child may need of its parent: all but raw readings and what only the parent tells of subjects."""


@dataclass(frozen=True, slots=True)
class Carried:
    """A relation and what its columns mean; the dataset's own columns are named by `column`.

    ``events`` are record events, ``supplied`` the dataset's own events of subjects; both by horizon and event name.
    ``links`` maps digest columns to their kinds of key. ``scoped``: the tenant is told by a `where` here or above.
    ``remembered`` are events of subjects whose link was anonymised.
    """

    relation: sa.FromClause
    links: Mapping[str, Key]
    events: Mapping[tuple[str, str], EventColumns]
    inherited: frozenset[str]
    supplied: Mapping[tuple[str, str], EventColumns]
    facts: Mapping[str, str]
    scoped: bool
    remembered: Mapping[str, DayColumns] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Joined:
    """A parent's relation as it stands beside the child, with whether a row has one."""

    carried: Carried
    source: sa.FromClause
    found: Expression
    wanted: Expression
    single: bool


@dataclass
class Datasets(Tables):
    """The datasets of one SQL store, as seen over one connection, with what the rules need of their rows.

    ``told``: the events of subjects that some dataset of any store supplies.
    """

    told: frozenset[str] = frozenset()
    _parents: dict[str, Carried] = field(default_factory=dict)

    def carried(
        self,
        name: str,
        extra: Sequence[str] = (),
        added: Callable[[sa.FromClause], Mapping[str, Expression]] | None = None,
        restriction: Restriction | None = None,
        events: frozenset[str] | None = None,
    ) -> Carried:
        """The relation of a dataset, with ``extra`` own columns and what ``added`` makes of a row.

        ``events`` are those that are asked for; all by default. A ``restriction`` limits it to some of its rows, and
        those that it inherits from to the ones that these reference: a few records cost little in a large table.
        """
        dataset = self.map(name)
        table = self.spelled(name, extra, restriction)
        parents = [self._parent(name, table, parent, events, restriction) for parent in dataset.inherits]
        source: sa.FromClause = table
        for parent, joined in zip(dataset.inherits, parents, strict=True):
            on = [table.c[own] == joined.source.c[column(target)] for own, target in sorted(parent.on.items())]
            source = sa.outerjoin(source, joined.source, sa.and_(*on))
        columns: dict[str, Expression] = {
            column(each): table.c[each] for each in sorted({*dataset.key, *extra, *self.asked_of(name)})
        }
        links = self._links(columns, table, name, parents)
        above_it = [(joined.source, joined.carried) for joined in parents if joined.single]
        remembered = Remembered(self, name, table, above_it, self.told, events)
        source, known = remembered.joined(source)
        columns |= known
        self._standing(columns, table, name, parents, links)
        facts = self._facts(columns, table, dataset, parents)
        own = self._own_events(dataset, events)
        for event, event_source in own.items():
            self._reading(columns, event, table, event_source)
        above = {event for joined in parents for _, event in joined.carried.events}
        inherited = sorted((above if events is None else above & events) - set(own))
        for horizon in self.horizons:
            for event in inherited:
                self._inherit(columns, horizon, event, parents)
        columns |= added(table) if added else {}
        query = sa.select(*(value.label(label) for label, value in columns.items())).select_from(source)
        base = layer(query, fenced=self.fenced)
        scoped = self.scoped(name)
        return remembered.over(self._judged(base, own, links=links, facts=facts, inherited=inherited, scoped=scoped))

    def situations(
        self, name: str, added: Callable[[sa.FromClause], Mapping[str, Expression]], events: frozenset[str]
    ) -> Carried:
        """Each situation in which rows of a dataset are, once; ``weight`` is the number of rows in it.

        For rows that inherit nothing and are decided by what they hold alone. A table has millions of rows and few
        days: what follows is computed for these.
        """
        dataset = self.map(name)
        table = self.rows(name).subquery()
        columns: dict[str, Expression] = {"inside": truth(self.inside(table, dataset))}
        facts = self._facts(columns, table, dataset, ())
        own = self._own_events(dataset, events)
        for event, source in own.items():
            self._reading(columns, event, table, source)
        columns |= added(table)
        rows = sa.select(*(value.label(label) for label, value in columns.items())).subquery()
        base = layer(sa.select(*rows.c, sa.func.count().label("weight")).group_by(*rows.c), fenced=self.fenced)
        return self._judged(base, own, links={}, facts=facts, inherited=(), scoped=self.scoped(name))

    # -- parents

    def _own_events(self, dataset: DatasetMap, events: frozenset[str] | None) -> dict[str, EventSource]:
        own = record_events(dataset, self.policy) | subject_events(dataset, self.policy)
        return {name: source for name, source in own.items() if events is None or name in events}

    def _parent(
        self,
        name: str,
        table: sa.FromClause,
        parent: Parent,
        events: frozenset[str] | None,
        restriction: Restriction | None,
    ) -> _Joined:
        if restriction is None and self.still:
            carried = self._kept(parent.dataset)
        else:
            above = None if restriction is None else referenced(self.table(self.map(name).source), parent, restriction)
            carried = self.carried(parent.dataset, events=events, restriction=above)
        single = self.single(parent)
        source = carried.relation.alias() if single else _grouped(carried, sorted(set(parent.on.values())))
        found = source.c[column(next(iter(parent.on.values())))].is_not(None)
        wanted = sa.and_(*(table.c[own].is_not(None) for own in parent.on)) if single else sa.false()
        return _Joined(carried, source, found, wanted, single)

    def _kept(self, name: str) -> Carried:
        """A dataset from which others inherit, evaluated into a temporary table: digests are dear."""
        if name not in self._parents:
            carried = self.carried(name)
            number = next(self.connection.info.setdefault("ardoise_parents", itertools.count()))
            label = f"parent_{number}"
            key = [column(each) for each in sorted(self.asked_of(name))]
            table = Kept.made(self.connection, label, carried.relation, columns=_INHERITED, key=key).table
            self._parents[name] = replace(carried, relation=table)
        return self._parents[name]

    # -- columns

    def _links(
        self,
        columns: dict[str, Expression],
        table: sa.FromClause,
        name: str,
        parents: Sequence[_Joined],
    ) -> dict[str, Key]:
        dataset = self.map(name)
        links: dict[str, Key] = {}
        for form in forms(dataset.subjects):
            label = f"l{len(links)}"
            digest = form.digest(table, self.key, dataset.scope, self.dialect)
            columns[label] = sa.case((self.nobody(table, name, form.columns), sa.null()), else_=digest)
            links[label] = form.key
        for joined in parents:
            if joined.single:
                for above, key in joined.carried.links.items():
                    label = f"l{len(links)}"
                    columns[label] = joined.source.c[above]
                    links[label] = key
        return links

    def _standing(
        self,
        columns: dict[str, Expression],
        table: sa.FromClause,
        name: str,
        parents: Sequence[_Joined],
        links: Mapping[str, Key],
    ) -> None:
        """Whether a row is inside, orphaned, lost (whom it concerns is not known), or unread."""
        dataset = self.map(name)
        single = [joined for joined in parents if joined.single]
        inside = [self.inside(table, dataset)]
        inside += [sa.or_(sa.not_(each.found), _flag(each, "inside")) for each in single]
        scoped = [each for each in single if each.carried.scoped]
        if scoped and not dataset.where:
            inside.append(sa.or_(*(sa.and_(each.found, _flag(each, "inside")) for each in scoped)))
        orphaned = sa.or_(
            sa.false(),
            *(sa.and_(each.wanted, sa.not_(each.found)) for each in single),
            *(_flag(each, "orphaned") for each in single),
        )
        own_strong = [form for form in forms(dataset.subjects) if not form.key.weak]
        declares = bool(own_strong)
        # By their forms: what a digest is made of is cheaper to look at than another digest.
        strong = [
            sa.or_(form.missing(table, self.dialect), self.nobody(table, name, form.columns)) for form in own_strong
        ]
        strong += [
            joined.source.c[label].is_(None)
            for joined in single
            for label, key in joined.carried.links.items()
            if not key.weak
        ]
        expects = sa.or_(sa.true() if declares else sa.false(), *(_flag(each, "expects") for each in single))
        unknown = sa.and_(sa.not_(columns.get(PARTED, sa.false())), *strong)
        columns["inside"] = truth(sa.and_(*inside))
        columns["orphaned"] = truth(orphaned)
        columns["expects"] = truth(expects)
        columns["lost"] = truth(sa.or_(orphaned, sa.and_(expects, unknown)))
        own = (condition for _, condition in self.unread(table, name))
        columns["unread"] = truth(sa.or_(sa.false(), *own, *(_flag(each, "unread") for each in single)))
        if tuple(key for key in links.values() if key.kind == EMAIL or not key.weak) != ONE_ADDRESS:
            columns["lost"] = truth(sa.or_(columns["lost"], columns["unread"]))  # one link is known, another is not

    def _facts(
        self, columns: dict[str, Expression], table: sa.FromClause, dataset: DatasetMap, parents: Sequence[_Joined]
    ) -> dict[str, str]:
        facts: dict[str, str] = {}
        for name, kind in sorted(self.policy.supplied_facts.items()):
            label = fact_column(self.policy, name)
            own = own_fact(name, kind, dataset, table, self.dialect)
            if own is not None:
                columns[label] = own
                facts[name] = label
                continue
            above = [joined for joined in parents if name in joined.carried.facts]
            if above:
                columns[label] = above[0].source.c[above[0].carried.facts[name]]
                facts[name] = label
        return facts

    def _reading(self, columns: dict[str, Expression], event: str, table: sa.FromClause, source: EventSource) -> None:
        if source.column is None:
            raise ValueError(f"the event {event} of a table needs a column")
        raw = table.c[source.column]
        stem = self._stem("r", event)
        is_given = given(sa.type_coerce(sa.cast(raw, sa.Text), sa.Text()) if self.dialect == "sqlite" else raw)
        columns[f"{stem}_given"] = truth(is_given)
        until = max(each.end for each in self.horizons)
        columns[f"{stem}_day"] = sa.case((is_given, day_of(raw, self.policy.time_zone, self.dialect, until=until)))
        columns[f"{stem}_applies"] = sa.true() if source.only_if is None else _holds(table, source.only_if)
        columns[f"{stem}_declared"] = sa.false() if source.open_if is None else _holds(table, source.open_if)

    def _inherit(
        self, columns: dict[str, Expression], horizon: Horizon, event: str, parents: Sequence[_Joined]
    ) -> None:
        above = [
            (each, each.carried.events[horizon.name, event])
            for each in parents
            if (horizon.name, event) in each.carried.events
        ]
        names = EventColumns.named(self._stem(f"{horizon.name}e", event))
        columns[names.open] = truth(sa.or_(*(each.source.c[their.open] for each, their in above)))
        columns[names.missing] = truth(sa.or_(*(each.source.c[their.missing] for each, their in above)))
        columns[names.first] = extreme([each.source.c[their.first] for each, their in above], latest=False)
        columns[names.last] = extreme([each.source.c[their.last] for each, their in above], latest=True)

    def _judged(
        self,
        base: sa.FromClause,
        own: Mapping[str, EventSource],
        *,
        links: Mapping[str, Key],
        facts: Mapping[str, str],
        inherited: Sequence[str],
        scoped: bool,
    ) -> Carried:
        """Read the raw days for each horizon."""
        columns: dict[str, Expression] = {}
        events: dict[tuple[str, str], EventColumns] = {}
        supplied: dict[tuple[str, str], EventColumns] = {}
        for horizon in self.horizons:
            for event in inherited:
                events[horizon.name, event] = EventColumns.named(self._stem(f"{horizon.name}e", event))
            for event, source in own.items():
                mine = source.of == "record"
                names = EventColumns.named(self._stem(f"{horizon.name}{'e' if mine else 'x'}", event))
                (events if mine else supplied)[horizon.name, event] = names
                stem = self._stem("r", event)
                reading = Reading(*(base.c[f"{stem}_{part}"] for part in ("given", "day", "applies", "declared")))
                if source.rolls_to_end_of is not None:
                    reading = replace(reading, day=end_of_fiscal_year(reading.day, source.rolls_to_end_of))
                found = occurrence(reading, source, self.policy.events[event], horizon)
                columns[names.open], columns[names.missing] = found.open, found.missing
                columns[names.first] = columns[names.last] = found.day
        relation = extended(base, columns, fenced=self.fenced) if columns else base
        return Carried(relation, links, events, frozenset(inherited), supplied, facts, scoped)

    def _stem(self, prefix: str, event: str) -> str:
        return f"{prefix}{sorted(self.policy.events).index(event)}"


def referenced(child: sa.Table, parent: Parent, restriction: Restriction) -> Restriction:
    """Lets through the rows of a parent that the child's restricted rows reference."""
    own = {target: name for name, target in parent.on.items()}

    def among_them(rows: sa.FromClause) -> Expression:
        mine = child.alias()
        theirs = sa.select(*(mine.c[name].label(target) for target, name in own.items())).where(restriction(mine))
        return key_among(rows, list(own), theirs)

    return among_them


def _holds(table: sa.FromClause, condition: OpenIf) -> Expression:
    target = table.c[condition.column]
    return among(target, coerced(target, condition.values))


def _flag(joined: _Joined, name: str) -> Expression:
    return sa.func.coalesce(joined.source.c[name], sa.false())


def _grouped(carried: Carried, targets: Sequence[str]) -> sa.FromClause:
    """Many rows of one dataset beside one of another: events of all of them together, facts where they agree."""
    relation = carried.relation
    columns: dict[str, Expression] = {column(name): relation.c[column(name)] for name in targets}
    for names in carried.events.values():
        columns |= {
            names.open: any_of(relation.c[names.open]),
            names.missing: any_of(relation.c[names.missing]),
            names.first: sa.func.min(relation.c[names.first]),
            names.last: sa.func.max(relation.c[names.last]),
        }
    for label in carried.facts.values():
        value = (
            sa.cast(relation.c[label], sa.Integer)
            if isinstance(relation.c[label].type, sa.Boolean)
            else relation.c[label]
        )
        agreed = sa.and_(sa.func.min(value) == sa.func.max(value), sa.func.count(value) == sa.func.count())
        columns[label] = sa.case((agreed, sa.func.min(value)))
        if isinstance(relation.c[label].type, sa.Boolean):
            columns[label] = sa.case((agreed, sa.func.min(value) == 1))
    group = [relation.c[column(name)] for name in targets]
    query = sa.select(*(value.label(label) for label, value in columns.items()))
    return query.where(relation.c["inside"]).group_by(*group).cte()


def any_of(condition: Expression) -> Expression:
    """Whether a condition holds for one row of a group; never NULL."""
    return sa.func.max(sa.case((condition, 1), else_=0)) == 1
