"""The tables of one SQL store's datasets: their rows with the forms of addresses, and with what is marked of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from connectors.digests import DigestKey
from connectors.sql.journal import Journal
from connectors.sql.lines import Restriction, any_row
from connectors.sql.versions import VERSION, version_of
from pipelines.data_map.model import DatasetMap, EventSource, FactSource, OpenIf, Parent, StoreMap, SubjectLink
from pipelines.plan.links import EMAIL, spelled, unread
from pipelines.plan.occurrences import Horizon, among
from retention_rules.policy import Policy

Expression = sa.ColumnElement[Any]


def column(name: str) -> str:
    """How a relation names a dataset's own column."""
    return f"c_{name}"


@dataclass(frozen=True, slots=True)
class Looking:
    """The rows of a dataset at which a step looks, and the categories of which any of them can be marked.

    While a step acts nobody else marks its dataset, and it acts on no row twice: what had no marks when it began has
    none in the rows that it has yet to act on.
    """

    dataset: str
    restriction: Restriction | None
    marked: frozenset[str]


@dataclass
class Tables:
    """The tables of one SQL store, as seen over one connection.

    ``still``: nothing changes as long as they are looked at; what several datasets inherit from is then evaluated once
    and kept. ``looking``: what a run is about to act on.
    """

    connection: sa.Connection
    store_map: StoreMap
    policy: Policy
    key: DigestKey
    horizons: Sequence[Horizon]
    still: bool = False
    looking: Looking | None = None
    _tables: dict[str, sa.Table] = field(default_factory=dict)

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
        return self.journal.marks.categories(self.connection) if self.journal else frozenset()

    def marked(self, rows: sa.FromClause, category: str) -> Expression:
        """Whether a category of rows that are `spelled` is anonymised already."""
        return rows.c.get(_mark(category), sa.false())

    def markable(self, name: str, restriction: Restriction | None = None) -> list[str]:
        """The categories of a dataset of which anything can be marked, in the rows that a restriction lets through."""
        if self.journal is None:
            return []
        found = sorted({each.category for each in self.map(name).personal.values()})
        looking = self.looking
        if looking is not None and (looking.dataset, looking.restriction) == (name, restriction):
            return [each for each in found if each in looking.marked]
        return [each for each in found if not self.still or (name, each) in self._ever_marked]

    def _marked(self, table: sa.Table, name: str, category: str, *, few: bool) -> Expression:
        dataset, journal = self.map(name), self.journal
        fields = [field for field, each in dataset.personal.items() if each.category == category]
        if journal is None:
            return sa.false()
        return journal.marks.standing(table, dataset.key, name, category, fields, few=few)

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

    def spelled(self, name: str, extra: Sequence[str] = (), restriction: Restriction | None = None) -> sa.FromClause:
        """A table's rows with what is dear to compute and used more than once: forms of addresses, and marks."""
        rows = self.rows(name, extra, restriction)
        if restriction is not None:
            rows = rows.where(restriction(self.table(self.map(name).source)))
        return spelled(rows, self.map(name).subjects, self.dialect, fenced=self.fenced)

    def rows(self, name: str, extra: Sequence[str] = (), restriction: Restriction | None = None) -> sa.Select[Any]:
        """A table's rows with their marks, of which `marked` tells.

        A ``restriction`` is to be applied to them: as long as it is not `any_row`, few of them are read in the end.
        Of its columns, those that the data map names: some engines copy every layer's rows.
        """
        dataset = self.map(name)
        table = self.table(dataset.source)
        sources: list[EventSource | OpenIf | FactSource | None] = [*dataset.facts.values()]
        for event in dataset.events.values():
            sources += [event, event.only_if, event.open_if]
        wanted = {*dataset.key, *extra, *self.asked_of(name), *dataset.where, *dataset.personal}
        wanted |= {own for parent in dataset.inherits for own in parent.on}
        wanted |= {each for link in dataset.subjects for each in link.columns}
        wanted |= {each.column for each in sources if each is not None and each.column is not None}
        few = restriction not in {None, any_row}
        marks = ((each, self._marked(table, name, each, few=few)) for each in self.markable(name, restriction))
        labelled = (marked.label(_mark(category)) for category, marked in marks)
        own = (version_of(table).label(VERSION) if each == VERSION else table.c[each] for each in sorted(wanted))
        return sa.select(*own, *labelled)

    def nobody(self, table: sa.FromClause, name: str, columns: Sequence[str]) -> Expression:
        """Whether a link was anonymised: an invented name is nobody's, whoever else may bear it."""
        dataset = self.map(name)
        categories = {dataset.personal[each].category for each in columns if each in dataset.personal}
        return sa.or_(sa.false(), *(self.marked(table, category) for category in sorted(categories)))

    def unread(self, table: sa.FromClause, name: str) -> Iterator[tuple[SubjectLink, Expression]]:
        """For each link of a dataset by addresses: whether a row holds some that no engine reads (`links.unread`)."""
        for link in self.map(name).subjects:
            if link.kind == EMAIL and link.columns:
                there = sa.not_(self.nobody(table, name, link.columns))
                yield link, sa.and_(unread(link, table, self.dialect), there)

    def single(self, parent: Parent) -> bool:
        """Whether a row has one parent of this kind at most: the join is by the parent's key."""
        return set(self.map(parent.dataset).key) <= set(parent.on.values())

    def asked_of(self, name: str) -> set[str]:
        """The columns by which others refer to this dataset."""
        return {
            target
            for dataset in self.store_map.datasets.values()
            for parent in dataset.inherits
            if parent.dataset == name
            for target in parent.on.values()
        }

    def scoped(self, name: str) -> bool:
        """Whether a `where` tells the tenant of a dataset's rows, its own or one of those from which it inherits."""
        dataset = self.map(name)
        return bool(dataset.where) or any(self.scoped(parent.dataset) for parent in dataset.inherits)


def coerced(target: Expression, values: Sequence[str | int | bool]) -> list[Any]:
    """Values of a YAML file in the type of the column that they are compared with."""
    kind = target.type
    if isinstance(kind, sa.Boolean):
        return [str(value).lower() in {"1", "true", "yes"} for value in values]
    if isinstance(kind, (sa.Integer, sa.Numeric)):
        return [int(value) for value in values]
    return [str(value) for value in values]


def _mark(category: str) -> str:
    """The column that says whether a category is anonymised; short enough for every engine."""
    return f"ardoise_m{hashlib.sha256(category.encode()).hexdigest()[:8]}"
