"""What is due in one table, as queries that run in its store: tallies for the plan, keys for the run.

One relation, built in layers, carries for every row the decision of each group of categories, whether the row goes as
a whole, and what blocks that. The plan counts it; a run takes the due keys from it, inside the transaction that acts.
Rows never travel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from connectors.base import Inventory, Reference
from connectors.sql.catalog import children
from connectors.sql.functions import keyed_digest, record_key
from pipelines.data_map.model import DatasetMap
from pipelines.plan.artefact import Action, Step
from pipelines.plan.carried import Carried, Datasets, Restriction, column
from pipelines.plan.compile import (
    Code,
    DecisionColumns,
    EventColumns,
    Group,
    HoldColumns,
    Layout,
    WeakColumns,
    constant,
    day_constant,
    decided,
    decision_columns,
    extended,
    extreme,
    group_categories,
    layer,
)
from pipelines.plan.context import Context, asked_events, oldest_that_matters
from pipelines.plan.dialects import greatest
from pipelines.plan.evidence import Evidence, HandedOver
from pipelines.plan.holding import by_category, standing_columns
from pipelines.plan.kept import keep
from pipelines.plan.links import Key
from pipelines.plan.occurrences import Horizon
from pipelines.subjects import SEPARATOR
from retention_rules.purposes import EndAction

Expression = sa.ColumnElement[Any]


@dataclass(frozen=True, slots=True)
class Child:
    """A table that references the dataset's table, and the dataset that it is mapped as, if it is."""

    location: str
    reference: Reference
    dataset: str | None


@dataclass
class StoreSelections:
    """The datasets of one SQL store over one connection, with the evidence handed over to it.

    ``acting``: the queries are for a run, in which children went before: any child row that is there blocks.
    """

    context: Context
    store: str
    connection: sa.Connection
    inventory: Inventory
    tables: Mapping[Key, HandedOver]
    incomplete: frozenset[str]
    acting: bool = False
    _cache: dict[str, Selection] = field(default_factory=dict)
    _kept: dict[str, sa.Table | None] = field(default_factory=dict)

    @classmethod
    def prepare(
        cls,
        context: Context,
        store: str,
        connection: sa.Connection,
        inventory: Inventory,
        evidence: Evidence,
        *,
        acting: bool = False,
    ) -> StoreSelections:
        """Hand over evidence and holds to a connection, as temporary tables; the caller commits or not."""
        keys = {key for name in context.active(store) for key in evidence.keys_of(context, store, name)}
        tables = evidence.hand_over(connection, keys)
        context.holding.hand_over(connection)
        return cls(context, store, connection, inventory, tables, evidence.incomplete, acting)

    @cached_property
    def datasets(self) -> Datasets:
        """The store's rows."""
        context = self.context
        return Datasets(self.connection, context.maps[self.store], context.policy, context.key, context.horizons)

    def location(self, source: str) -> str:
        """A data map's source as the inventory names it."""
        if self.connection.dialect.name != "postgresql" or "." in source:
            return source
        return f"{self.connection.dialect.default_schema_name}.{source}"

    def selection(self, dataset: str) -> Selection:
        """What is due in one dataset."""
        if dataset not in self._cache:
            self._cache[dataset] = Selection(self, dataset)
        return self._cache[dataset]

    def kept(self, selection: Selection, ancestors: frozenset[str]) -> sa.FromClause:
        """The decisions of a dataset, evaluated once on this connection; within a cycle of references, not kept."""
        name = selection.name
        if name not in self._kept:
            self._kept[name] = None
            relation = selection.decisions(None, ancestors)
            number = sorted(self.context.active(self.store)).index(name)
            key = [column(each) for each in selection.map.key]
            self._kept[name] = keep(self.connection, number, relation, key)
        table = self._kept[name]
        return selection.decisions(None, ancestors) if table is None else table.alias()


@dataclass
class Selection:
    """What is due in one table."""

    store: StoreSelections
    name: str

    @property
    def map(self) -> DatasetMap:
        """The data map's entry."""
        return self.store.context.dataset(self.store.store, self.name)

    @cached_property
    def table(self) -> sa.Table:
        """The table, reflected."""
        return self.store.datasets.table(self.map.source)

    @cached_property
    def fields(self) -> dict[str, tuple[str, ...]]:
        """The columns of each personal category."""
        found: dict[str, list[str]] = {}
        for name, each in sorted(self.map.personal.items()):
            found.setdefault(each.category, []).append(name)
        return {category: tuple(names) for category, names in sorted(found.items())}

    @cached_property
    def _covers(self) -> Mapping[str, tuple[int, ...]]:
        context = self.store.context
        return by_category(context.holding, context.policy, self.fields, (self.store.store, self.name))

    def groups(self, horizon: Horizon) -> tuple[Group, ...]:
        """The categories that are decided together, in a stable order."""
        holds = {
            category: HoldColumns(*_hold_names(horizon, covers)) for category, covers in self._covers.items() if covers
        }
        return group_categories(self.store.context.policy, self.fields, holds, prefix=horizon.name)

    @cached_property
    def deletable(self) -> bool:
        """Whether rows can go as a whole at all: every category has a purpose that ends in deletion."""
        groups = self.groups(self.store.context.horizons[0])
        return bool(groups) and all(any(p.end_action is EndAction.DELETE for p in group.purposes) for group in groups)

    @cached_property
    def children(self) -> tuple[Child, ...]:
        """The tables that reference this one."""
        store = self.store
        mapped = {store.location(each.source): name for name, each in store.context.active(store.store).items()}
        return tuple(
            Child(shape.location, reference, mapped.get(shape.location))
            for shape, reference in sorted(
                children(store.inventory, store.location(self.map.source)),
                key=lambda found: (found[0].location, found[1].columns),
            )
        )

    # -- the relation

    def relation(
        self, restriction: Restriction | None = None, ancestors: frozenset[str] = frozenset()
    ) -> sa.FromClause:
        """The decisions on every row that is inside. A plan asks for them often, and keeps them; a run decides anew."""
        if restriction is None and not self.store.acting:
            return self.store.kept(self, ancestors)
        return self.decisions(restriction, ancestors)

    def decisions(self, restriction: Restriction | None = None, ancestors: frozenset[str] = frozenset()) -> sa.CTE:
        """Every row that is inside, with its decisions: see the module.

        Columns: the key (see `carried.column`), those of `effective`, ``g{n}_done``, ``goes`` and ``b{n}``.
        """
        datasets = self.store.datasets
        targets = [target for child in self.children for target in child.reference.target]
        carried = datasets.carried(self.name, targets, self._added, restriction, self._asked)
        relation = self._with_evidence(carried)
        context = self.store.context
        for horizon in context.horizons:
            layout = Layout(
                {event: EventColumns.named(self._stem(horizon, event)) for event in self._events(carried)},
                carried.facts,
            )
            relation = decided(
                relation,
                layout,
                context.policy,
                self.groups(horizon),
                as_of=horizon.as_of,
                prefix=horizon.name,
                fenced=datasets.fenced,
            )
        relation = extended(relation, self._effective(relation), fenced=datasets.fenced)
        relation = extended(relation, self._row(relation), fenced=datasets.fenced)
        return self._with_blockers(relation, ancestors)

    def _added(self, table: sa.Table) -> dict[str, Expression]:
        """What only the row itself can tell: which categories are anonymised already, and the digest of its key."""
        journal, key = self.store.datasets.journal, self.map.key
        columns: dict[str, Expression] = {}
        for number, group in enumerate(self.groups(self.store.context.horizons[0])):
            marked = [
                journal.marked(table, key, self.name, category, self.fields[category])
                for category in group.categories
                if journal is not None
            ]
            columns[f"g{number}_done"] = sa.and_(*marked) if marked else sa.false()
        if self.store.context.holding.records(self.store.store, self.name):
            place = sa.literal(f"{self.store.store}{SEPARATOR}{self.name}{SEPARATOR}", sa.Text)
            text = place.concat(record_key(table.c[name] for name in key))
            columns["record_digest"] = keyed_digest(self.store.context.key, text)
        return columns

    @cached_property
    def _asked(self) -> frozenset[str]:
        """The events that the purposes of the dataset's categories speak of."""
        first = self.store.context.horizons[0]
        return asked_events(self.store.context.policy, self.groups(first))

    def _events(self, carried: Carried) -> list[str]:
        supplied = set(self.store.context.supply.events) & self._asked if self._linked(carried) else set()
        return sorted({event for _, event in carried.events} | supplied)

    def _linked(self, carried: Carried) -> bool:
        return any(not key.weak for key in carried.links.values())

    def _stem(self, horizon: Horizon, event: str) -> str:
        return f"{horizon.name}s{sorted(self.store.context.policy.events).index(event)}"

    def event_columns(self, horizon: Horizon, event: str) -> tuple[EventColumns, WeakColumns]:
        """The names of the columns about an event in `decisions`; the relation need not have them."""
        stem = self._stem(horizon, event)
        return EventColumns.named(stem), WeakColumns.named(stem)

    def _with_evidence(self, carried: Carried) -> sa.CTE:
        """Join what the other stores know of the row's subjects; then let weak evidence raise its doubts."""
        source: sa.FromClause = carried.relation
        joined: list[tuple[Key, sa.FromClause]] = []
        for label, key in carried.links.items():
            if key in self.store.tables:
                evidence = self.store.tables[key].table.alias()
                source = sa.outerjoin(source, evidence, evidence.c.digest == carried.relation.c[label])
                joined.append((key, evidence))
        source, held = self._with_holds(source, carried)
        columns: dict[str, Expression] = {
            each.name: each for each in carried.relation.c if not each.name.startswith(("r", "l", "x"))
        }
        columns |= held
        for horizon in self.store.context.horizons:
            for event in self._events(carried):
                columns |= self._strong(carried, horizon, event, joined)
                columns |= self._weak(horizon, event, joined)
        query = sa.select(*(value.label(label) for label, value in columns.items())).select_from(source)
        query = query.where(carried.relation.c.inside)
        fenced = self.store.datasets.fenced
        strong = layer(query, fenced=fenced)
        return self._doubted(strong, carried)

    def _strong(
        self, carried: Carried, horizon: Horizon, event: str, joined: Sequence[tuple[Key, sa.FromClause]]
    ) -> dict[str, Expression]:
        names = EventColumns.named(self._stem(horizon, event))
        relation, context = carried.relation, self.store.context
        opens: list[Expression] = [sa.false()]
        misses: list[Expression] = [sa.false()]
        firsts: list[Expression] = []
        lasts: list[Expression] = []
        own = carried.events.get((horizon.name, event))
        if own is not None:
            opens.append(relation.c[own.open])
            misses.append(relation.c[own.missing])
            firsts.append(relation.c[own.first])
            lasts.append(relation.c[own.last])
        if event in carried.inherited:
            misses.append(relation.c.orphaned)
        if event in context.supply.events and self._linked(carried):
            known = {key for key in context.supply.keys(event) if not key.weak}
            reachable = known & {key for key in carried.links.values() if not key.weak}
            misses.append(relation.c.lost)
            if event in self.store.incomplete or not reachable:
                misses.append(sa.true())
            for key, evidence in joined:
                columns = self.store.tables[key].events.get((horizon.name, event))
                if not key.weak and columns is not None:
                    opens.append(sa.func.coalesce(evidence.c[columns.open], sa.false()))
                    misses.append(sa.func.coalesce(evidence.c[columns.missing], sa.false()))
                    firsts.append(evidence.c[columns.first])
                    lasts.append(evidence.c[columns.last])
        none = sa.cast(sa.null(), sa.Date())
        return {
            names.open: _truth(sa.or_(*opens)),
            names.missing: _truth(sa.or_(*misses)),
            names.first: extreme(firsts, latest=False) if firsts else none,
            names.last: extreme(lasts, latest=True) if lasts else none,
        }

    def _weak(self, horizon: Horizon, event: str, joined: Sequence[tuple[Key, sa.FromClause]]) -> dict[str, Expression]:
        """Whether a weak match says open (or nothing certain), and the latest day of those that could matter."""
        found = [
            (evidence, columns)
            for key, evidence in joined
            if key.weak and (columns := self.store.tables[key].events.get((horizon.name, event)))
        ]
        if not found:
            return {}
        bound = day_constant(oldest_that_matters(self.store.context.policy, event, horizon.as_of))
        names = WeakColumns.named(self._stem(horizon, event))
        lasts: list[Expression] = [
            sa.case((evidence.c[columns.last] > bound, evidence.c[columns.last])) for evidence, columns in found
        ]
        opens = [
            sa.func.coalesce(sa.or_(evidence.c[columns.open], evidence.c[columns.missing]), sa.false())
            for evidence, columns in found
        ]
        return {names.open: _truth(sa.or_(*opens)), names.last: extreme(lasts, latest=True)}

    def _doubted(self, strong: sa.CTE, carried: Carried) -> sa.CTE:
        """A weak match that would prolong makes the event missing; it never moves a clock."""
        columns: dict[str, Expression] = {each.name: each for each in strong.c}
        for horizon in self.store.context.horizons:
            for event in self._events(carried):
                names, weak = self.event_columns(horizon, event)
                if weak.open not in columns:
                    continue
                later = strong.c[weak.last]
                last = strong.c[names.last]
                doubt = sa.or_(
                    strong.c[weak.open],
                    sa.and_(later.is_not(None), sa.or_(last.is_(None), later > last)),
                )
                prolongs = sa.and_(sa.not_(strong.c[names.open]), doubt)
                columns[names.missing] = _truth(sa.or_(strong.c[names.missing], prolongs))
        query = sa.select(*(value.label(label) for label, value in columns.items()))
        return layer(query, fenced=self.store.datasets.fenced)

    def _with_holds(self, source: sa.FromClause, carried: Carried) -> tuple[sa.FromClause, dict[str, Expression]]:
        holding = self.store.context.holding
        wanted = sorted({number for covers in self._covers.values() for number in covers})
        digests = [carried.relation.c[label] for label, key in carried.links.items() if not key.weak]
        if "record_digest" in carried.relation.c:
            digests.append(carried.relation.c["record_digest"])
        joined: dict[int, list[sa.FromClause]] = {number: [] for number in wanted}
        if holding.narrow:
            for number in wanted:
                for digest in digests:
                    held = holding.table().alias()
                    source = sa.outerjoin(source, held, sa.and_(held.c.cover == number, held.c.digest == digest))
                    joined[number].append(held)
        columns: dict[str, Expression] = {}
        for horizon in self.store.context.horizons:
            for covers in sorted(set(self._covers.values())):
                if not covers:
                    continue
                names = _hold_names(horizon, covers)
                standing = [standing_columns(holding, number, horizon, joined[number]) for number in covers]
                releases = [each for _, found in standing for each in found]
                columns[names[0]] = _truth(sa.or_(*(held for held, _ in standing)))
                columns[names[1]] = extreme(releases, latest=True) if releases else sa.cast(sa.null(), sa.Date())
        return source, columns

    # -- decisions of the row

    def effective(self, number: int) -> DecisionColumns:
        """The columns of the decision that counts for the group of that number."""
        return DecisionColumns(f"g{number}_code", f"g{number}_due", f"g{number}_delete", f"g{number}_last")

    def _effective(self, relation: sa.FromClause) -> dict[str, Expression]:
        """For a past as-of date: due is what was due then and is due today; else what today says."""
        first, *others = self.store.context.horizons
        columns: dict[str, Expression] = {}
        for number, group in enumerate(self.groups(first)):
            then, names = decision_columns(group), self.effective(number)
            code: Expression = relation.c[then.code]
            delete: Expression = relation.c[then.delete]
            for horizon in others:
                now = decision_columns(self.groups(horizon)[number])
                code = sa.case((code == constant(Code.DUE), relation.c[now.code]), else_=code)
                delete = sa.and_(delete, relation.c[now.delete])
            columns[names.code] = code
            columns[names.due] = relation.c[then.due]
            columns[names.delete] = _truth(delete)
            columns[names.last] = relation.c[then.last]
        return columns

    def _row(self, relation: sa.FromClause) -> dict[str, Expression]:
        """Whether the whole row is due for deletion, since when, and which purpose kept it last."""
        groups = self.groups(self.store.context.horizons[0])
        names = [self.effective(number) for number in range(len(groups))]
        if not self.deletable:
            none = sa.cast(sa.null(), sa.Date())
            return {"wants": sa.false(), "row_due": none, "row_last": sa.cast(sa.null(), sa.Integer())}
        wants = sa.and_(
            *(sa.and_(relation.c[each.code] == constant(Code.DUE), relation.c[each.delete]) for each in names)
        )
        due = greatest([relation.c[each.due] for each in names])
        last = sa.case(*((relation.c[each.due] == due, relation.c[each.last]) for each in names))
        return {"wants": _truth(wants), "row_due": sa.case((wants, due)), "row_last": sa.case((wants, last))}

    def _with_blockers(self, relation: sa.CTE, ancestors: frozenset[str]) -> sa.CTE:
        blockers: dict[str, Expression] = {}
        if self.deletable:
            for number, child in enumerate(self.children):
                living = self._living(child, relation, ancestors | {self.name})
                blockers[f"b{number}"] = sa.and_(relation.c.wants, living)
        blocked = extended(relation, {name: _truth(value) for name, value in blockers.items()}, fenced=False)
        if self.store.datasets.fenced and blockers:
            blocked = layer(sa.select(blocked), fenced=self.store.datasets.fenced)
        goes = sa.and_(blocked.c.wants, *(sa.not_(blocked.c[name]) for name in blockers))
        return extended(blocked, {"goes": _truth(goes)}, fenced=False)

    def _living(self, child: Child, relation: sa.FromClause, ancestors: frozenset[str]) -> Expression:
        """Whether a row of the child references the row and is not to go itself."""
        table = self.store.datasets.table(child.location)
        rows: sa.FromClause = table.alias()
        reference = child.reference
        pairs = list(zip(reference.columns, reference.target, strict=True))
        conditions = [rows.c[own] == relation.c[column(target)] for own, target in pairs]
        if child.location == self.store.location(self.map.source):  # a row that references itself keeps nobody
            conditions.append(sa.or_(*(rows.c[name] != relation.c[column(name)] for name in self.map.key)))
        selection = self.store.selection(child.dataset) if child.dataset and child.dataset not in ancestors else None
        if selection is not None and selection.deletable and not self.store.acting:
            going = selection.relation(ancestors=ancestors)
            keys = selection.map.key
            mine = sa.select(*(going.c[column(name)] for name in keys)).where(going.c.goes)
            place = rows.c[keys[0]] if len(keys) == 1 else sa.tuple_(*(rows.c[name] for name in keys))
            conditions.append(place.not_in(mine))
        return sa.exists(sa.select(sa.literal_column("1")).select_from(rows).where(*conditions).correlate(relation))

    # -- what is asked of it

    def due_keys(self, step: Step, restriction: Restriction | None = None) -> sa.Select[Any]:
        """The keys of the rows that a step acts on, as columns named like the key. Evaluate it where it acts."""
        relation = self.relation(restriction)
        return sa.select(*(relation.c[column(name)].label(name) for name in self.map.key)).where(
            self.acted_on(relation, step)
        )

    def acted_on(self, relation: sa.FromClause, step: Step) -> Expression:
        """Whether a step acts on a row of the relation."""
        if step.action is Action.DELETE:
            return relation.c.goes
        groups = self.groups(self.store.context.horizons[0])
        number = next(n for n, group in enumerate(groups) if set(group.categories) & set(step.categories))
        return self.in_place(relation, number, suppress=step.suppress)

    def in_place(self, relation: sa.FromClause, number: int, *, suppress: bool) -> Expression:
        """Whether a group's fields of a row are anonymised while the row stays."""
        names = self.effective(number)
        delete = relation.c[names.delete]
        return sa.and_(
            relation.c[names.code] == constant(Code.DUE),
            delete if suppress else sa.not_(delete),
            sa.not_(relation.c[f"g{number}_done"]),
            sa.not_(relation.c.goes),
        )


def _hold_names(horizon: Horizon, covers: Sequence[int]) -> tuple[str, str]:
    stem = f"{horizon.name}h{'_'.join(map(str, covers))}"
    return f"{stem}_held", f"{stem}_release"


def _truth(condition: Expression) -> Expression:
    return sa.case((condition, sa.true()), else_=sa.false())
