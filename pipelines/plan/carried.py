"""A dataset's rows with what the rules need of them: own and inherited events, facts and links to subjects.

Nothing of it is a plaintext: links are digests. A row whose parent should be there and is not is *orphaned*: what it
would inherit is missing. A row that belongs to another tenant, by its own column or by its parent's, is not *inside*.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from connectors.digests import DigestKey
from connectors.sql.act import Restriction, key_among
from connectors.sql.journal import Journal
from pipelines.data_map.model import DatasetMap, EventSource, FactSource, OpenIf, Parent, StoreMap, SubjectLink
from pipelines.plan.compile import EventColumns, extended, extreme, layer
from pipelines.plan.dates import day_of, given
from pipelines.plan.expressions import truth
from pipelines.plan.facts import fact_column, own_fact
from pipelines.plan.fiscal import end_of_fiscal_year
from pipelines.plan.kept import Kept
from pipelines.plan.links import EMAIL, ONE_ADDRESS, Key, forms, spelled, unread
from pipelines.plan.occurrences import Horizon, Reading, among, occurrence
from pipelines.plan.remembered import PARTED, DayColumns, Remembered
from pipelines.plan.supply import record_events, subject_events
from retention_rules.policy import Policy

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


def column(name: str) -> str:
    """How a relation names a dataset's own column."""
    return f"c_{name}"


@dataclass
class Datasets:
    """The datasets of one SQL store, as seen over one connection.

    ``still``: nothing changes as long as they are looked at; what several datasets inherit from is then evaluated once
    and kept. ``told``: the events that may concern subjects.
    """

    connection: sa.Connection
    store_map: StoreMap
    policy: Policy
    key: DigestKey
    horizons: Sequence[Horizon]
    still: bool = False
    told: frozenset[str] = frozenset()
    _tables: dict[str, sa.Table] = field(default_factory=dict)
    _parents: dict[str, Carried] = field(default_factory=dict)

    @property
    def dialect(self) -> str:
        """The name of the store's SQL dialect."""
        return self.connection.dialect.name

    @cached_property
    def journal(self) -> Journal | None:
        """The engine's own tables in the store, where they exist."""
        journal = Journal(self.connection.dialect)
        return journal if journal.exists(self.connection) else None

    @cached_property
    def remembers(self) -> bool:
        """Whether the store has a place for what `remembered` reads."""
        return self.journal is not None and self.journal.remembers(self.connection)

    @cached_property
    def listens(self) -> bool:
        """Whether the store has a place for what rows that are gone have told."""
        return self.journal is not None and self.journal.listens(self.connection)

    @cached_property
    def _ever_marked(self) -> frozenset[tuple[str, str]]:
        """The datasets and categories of which anything is marked, where nothing changes."""
        return self.journal.marked_categories(self.connection) if self.journal else frozenset()

    def marked(self, rows: sa.FromClause, category: str) -> Expression:
        """Whether a category of rows that are `spelled` is anonymised already."""
        return rows.c.get(_mark(category), sa.false())

    def markable(self, name: str) -> list[str]:
        """The categories of a dataset of which anything can be marked."""
        if self.journal is None:
            return []
        found = sorted({each.category for each in self.map(name).personal.values()})
        return [each for each in found if not self.still or (name, each) in self._ever_marked]

    def _marked(self, table: sa.Table, name: str, category: str) -> Expression:
        dataset, journal = self.map(name), self.journal
        fields = [field for field, each in dataset.personal.items() if each.category == category]
        return sa.false() if journal is None else journal.marked(table, dataset.key, name, category, fields)

    @property
    def fenced(self) -> bool:
        """See `compile.extended`."""
        return self.dialect != "duckdb"

    def map(self, name: str) -> DatasetMap:
        """The data map's entry."""
        return self.store_map.datasets[name]

    def table(self, source: str) -> sa.Table:
        """A table by its location, reflected."""
        if source not in self._tables:
            schema, _, name = source.rpartition(".")
            self._tables[source] = sa.Table(
                name, sa.MetaData(), schema=schema or None, autoload_with=self.connection, resolve_fks=False
            )
        return self._tables[source]

    def inside(self, table: sa.FromClause, dataset: DatasetMap) -> Expression:
        """Whether a row is the tenant's, by the dataset's own columns."""
        return sa.and_(
            sa.true(), *(among(table.c[name], coerced(table.c[name], values)) for name, values in dataset.where.items())
        )

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
            column(each): table.c[each] for each in sorted({*dataset.key, *extra, *self._asked_of(name)})
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
        scoped = self._scoped(name)
        return remembered.over(self._judged(base, own, links=links, facts=facts, inherited=inherited, scoped=scoped))

    def unread(self, table: sa.FromClause, name: str) -> Iterator[tuple[SubjectLink, Expression]]:
        """For each link of a dataset by addresses: whether a row holds some that no engine reads (`links.unread`)."""
        for link in self.map(name).subjects:
            if link.kind == EMAIL and link.columns:
                there = sa.not_(self.nobody(table, name, link.columns))
                yield link, sa.and_(unread(link, table), there)

    def single(self, parent: Parent) -> bool:
        """Whether a row has one parent of this kind at most: the join is by the parent's key."""
        return set(self.map(parent.dataset).key) <= set(parent.on.values())

    def situations(
        self, name: str, added: Callable[[sa.FromClause], Mapping[str, Expression]], events: frozenset[str]
    ) -> Carried:
        """Each situation in which rows of a dataset are, once; ``weight`` is the number of rows in it.

        For rows that inherit nothing and are decided by what they hold alone. A table has millions of rows and few
        days: what follows is computed for these.
        """
        dataset = self.map(name)
        table = self._rows(name).subquery()
        columns: dict[str, Expression] = {"inside": truth(self.inside(table, dataset))}
        facts = self._facts(columns, table, dataset, ())
        own = self._own_events(dataset, events)
        for event, source in own.items():
            self._reading(columns, event, table, source)
        columns |= added(table)
        rows = sa.select(*(value.label(label) for label, value in columns.items())).subquery()
        base = layer(sa.select(*rows.c, sa.func.count().label("weight")).group_by(*rows.c), fenced=self.fenced)
        return self._judged(base, own, links={}, facts=facts, inherited=(), scoped=self._scoped(name))

    def spelled(self, name: str, extra: Sequence[str] = (), restriction: Restriction | None = None) -> sa.FromClause:
        """A table's rows with what is dear to compute and used more than once: forms of addresses, and marks."""
        rows = self._rows(name, extra)
        if restriction is not None:
            rows = rows.where(restriction(self.table(self.map(name).source)))
        return spelled(rows, self.map(name).subjects, self.dialect, fenced=self.fenced)

    def _rows(self, name: str, extra: Sequence[str] = ()) -> sa.Select[Any]:
        """A table's rows with their marks.

        Of its columns, those that the data map names: some engines copy every layer's rows.
        """
        dataset = self.map(name)
        table = self.table(dataset.source)
        sources: list[EventSource | OpenIf | FactSource | None] = [*dataset.facts.values()]
        for event in dataset.events.values():
            sources += [event, event.only_if, event.open_if]
        wanted = {*dataset.key, *extra, *self._asked_of(name), *dataset.where, *dataset.personal}
        wanted |= {own for parent in dataset.inherits for own in parent.on}
        wanted |= {each for link in dataset.subjects for each in link.columns}
        wanted |= {each.column for each in sources if each is not None and each.column is not None}
        marks = (self._marked(table, name, category).label(_mark(category)) for category in self.markable(name))
        return sa.select(*(table.c[each] for each in sorted(wanted)), *marks)

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
            above = None if restriction is None else _referenced(self.table(self.map(name).source), parent, restriction)
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
            table = Kept.made(self.connection, label, carried.relation, columns=_INHERITED).table
            sa.Index(f"{table.name}_key", *(table.c[column(each)] for each in sorted(self._asked_of(name)))).create(
                self.connection
            )
            self._parents[name] = replace(carried, relation=table)
        return self._parents[name]

    def _asked_of(self, name: str) -> set[str]:
        """The columns by which others refer to this dataset."""
        return {
            target
            for dataset in self.store_map.datasets.values()
            for parent in dataset.inherits
            if parent.dataset == name
            for target in parent.on.values()
        }

    def _scoped(self, name: str) -> bool:
        dataset = self.map(name)
        return bool(dataset.where) or any(self._scoped(parent.dataset) for parent in dataset.inherits)

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

    def nobody(self, table: sa.FromClause, name: str, columns: Sequence[str]) -> Expression:
        """Whether a link was anonymised: an invented name is nobody's, whoever else may bear it."""
        dataset = self.map(name)
        categories = {dataset.personal[each].category for each in columns if each in dataset.personal}
        return sa.or_(sa.false(), *(self.marked(table, category) for category in sorted(categories)))

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
            sa.or_(form.form(table, self.dialect).is_(None), self.nobody(table, name, form.columns))
            for form in own_strong
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
        if len([key for key in links.values() if key.kind == EMAIL or not key.weak]) > len(ONE_ADDRESS):
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


def _referenced(child: sa.Table, parent: Parent, restriction: Restriction) -> Restriction:
    """Lets through the rows of a parent that the child's restricted rows reference."""
    own = {target: name for name, target in parent.on.items()}

    def among_them(rows: sa.FromClause) -> Expression:
        mine = child.alias()
        theirs = sa.select(*(mine.c[name].label(target) for target, name in own.items())).where(restriction(mine))
        return key_among(rows, list(own), theirs)

    return among_them


def coerced(target: Expression, values: Sequence[str | int | bool]) -> list[Any]:
    """Values of a YAML file in the type of the column that they are compared with."""
    kind = target.type
    if isinstance(kind, sa.Boolean):
        return [str(value).lower() in {"1", "true", "yes"} for value in values]
    if isinstance(kind, (sa.Integer, sa.Numeric)):
        return [int(value) for value in values]
    return [str(value) for value in values]


def _holds(table: sa.FromClause, condition: OpenIf) -> Expression:
    target = table.c[condition.column]
    return among(target, coerced(target, condition.values))


def _mark(category: str) -> str:
    """The column that says whether a category is anonymised; short enough for every engine."""
    return f"ardoise_m{hashlib.sha256(category.encode()).hexdigest()[:8]}"


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
