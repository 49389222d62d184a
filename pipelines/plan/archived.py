"""What is in the archive of one dataset, and what of it is due: the same compiled decisions over another relation.

In the archive the active purposes have ended, for good: the day on which the record arrived stands in their place. So
the policy of the archive is law and legal claims, and one purpose that ended on that day. An arrival goes as a whole
when nothing in it is kept any more; before that, what is due in it is emptied, column by column.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from connectors.sql.archive import ID, Archive
from connectors.sql.catalog import OWN_PREFIX
from connectors.sql.lines import Restriction
from pipelines.plan.arrivals import DAY, RECORD, ArrivalShape, FrozenEvent, frozen_fact, links_in
from pipelines.plan.artefact import Action, Step
from pipelines.plan.carried import Carried
from pipelines.plan.compile import Code, Group, decided, decision_columns, group_categories
from pipelines.plan.context import Context
from pipelines.plan.dialects import greatest, nothing
from pipelines.plan.expressions import NO_DAY, Expression, constant, day_constant, extended, extreme, layer, truth
from pipelines.plan.facts import fact_column
from pipelines.plan.frozen import known, seen
from pipelines.plan.holding import by_category
from pipelines.plan.joining import Joining, event_columns, hold_columns
from pipelines.plan.links import Key
from pipelines.plan.occurrences import Horizon
from pipelines.plan.portions import part_of_person, waits
from pipelines.plan.starting import EventColumns, WeakColumns
from pipelines.plan.supply import Supply
from pipelines.plan.tables import column
from retention_rules.events import EventKind
from retention_rules.policy import Policy
from retention_rules.purposes import Basis, EndAction, Purpose, StartingPoint

ARRIVED = "arrived_in_the_archive"
"""The event, and the purpose, that stand for the active phase in the policy of an archive."""


def policy_of_archive(policy: Policy, categories: tuple[str, ...]) -> Policy:
    """Law and legal claims, and the active phase, which ended when a record arrived."""
    law = tuple(purpose for purpose in policy.purposes if purpose.basis.archives)
    active = Purpose(
        name=ARRIVED,
        basis=Basis.LEGITIMATE_INTEREST,
        source="the active phase, which is over",
        keeps=frozenset(categories),
        starting_point=StartingPoint((ARRIVED,)),
        end_action=EndAction.DELETE,
    )
    return replace(policy, purposes=(*law, active), events={**policy.events, ARRIVED: EventKind.END})


@dataclass(frozen=True)
class ArchivedSelections:
    """The tables of a store's archive over one connection, which has the holds."""

    context: Context
    store: str
    archive: Archive
    connection: sa.Connection

    @classmethod
    def prepare(cls, context: Context, store: str, archive: Archive, connection: sa.Connection) -> ArchivedSelections:
        """Hand over the holds to a connection that sees the archive; the caller commits or not."""
        context.holding.hand_over(connection)
        return cls(context, store, archive, connection)

    def selection(self, dataset: str) -> ArchivedSelection | None:
        """What is due of one dataset; None when nothing of it was ever moved."""
        table = self.archive.find(self.connection, dataset)
        return None if table is None else ArchivedSelection(self.context, self.store, dataset, self.connection, table)

    def remarks(self) -> Iterator[str]:
        """What is in the archive and cannot leave it, because the data map no longer says what it is."""
        known = self.context.maps[self.store].active
        for name in self.archive.tables(self.connection):
            found = self.selection(name) if name in known else None
            what = None if found is None else ", ".join(found.unmapped)
            if what != "":
                held = f"the archive of {self.store}.{name} holds {what or 'records'}"
                yield f"{held}, unknown to the approved data map: nothing of it leaves"


@dataclass
class ArchivedSelection:
    """What is due in one table of a store's archive, over a connection that sees it and has the holds."""

    context: Context
    store: str
    name: str
    connection: sa.Connection
    table: sa.Table

    @cached_property
    def shape(self) -> ArrivalShape:
        """What arrives of the dataset."""
        return ArrivalShape(self.context.dataset(self.store, self.name), self.context.policy)

    @cached_property
    def fields(self) -> dict[str, tuple[str, ...]]:
        """The columns of each category that the table has."""
        held = {
            category: tuple(name for name in names if name in self.table.c)
            for category, names in self.shape.fields.items()
        }
        return {category: names for category, names in held.items() if names}

    @cached_property
    def unmapped(self) -> tuple[str, ...]:
        """The columns that the data map no longer names. While there are any, nothing can be said to be due."""
        known = {*self.shape.dataset.key, *(name for names in self.fields.values() for name in names)}
        names = [each.name for each in self.table.c]
        return tuple(name for name in names if name not in known and not name.startswith(OWN_PREFIX))

    @cached_property
    def own(self) -> Context:
        """The context of decisions over the archive: its policy, and no evidence but what arrived with the record."""
        policy = policy_of_archive(self.context.policy, tuple(self.fields))
        return replace(self.context, policy=policy, supply=Supply(()))

    @cached_property
    def _covers(self) -> Mapping[str, tuple[int, ...]]:
        return by_category(self.context.holding, self.context.policy, self.fields, (self.store, self.name))

    def groups(self, horizon: Horizon) -> tuple[Group, ...]:
        """The categories that are decided together, in a stable order."""
        holds = {category: hold_columns(horizon, covers) for category, covers in self._covers.items() if covers}
        return group_categories(self.own.policy, self.fields, holds, prefix=horizon.name)

    def event_columns(self, horizon: Horizon, event: str) -> tuple[EventColumns, WeakColumns]:
        """The names of the columns about an event in `relation`, which need not have them."""
        return event_columns(self.own.policy, horizon, event)

    @property
    def first(self) -> tuple[Group, ...]:
        """The groups by number."""
        return self.groups(self.context.horizons[0])

    def held_fields(self, number: int) -> tuple[str, ...]:
        """The columns of a group."""
        return tuple(name for category in self.first[number].categories for name in self.fields[category])

    # -- the relation

    @cached_property
    def fenced(self) -> bool:
        """See `compile.extended`."""
        return self.connection.dialect.name != "duckdb"

    def carried(self, restriction: Restriction | None = None) -> Carried:
        """The arrivals as a relation of records: their events, facts and links as they were frozen."""
        table, horizons = self.table, self.context.horizons
        record = table.c[RECORD]
        columns: dict[str, Expression] = {column(ID): table.c[ID], "inside": sa.true()}
        columns |= {"record_digest": record, column(RECORD): record}
        links: dict[str, Key] = {}
        for name, key in links_in(table.c.keys()):
            label = f"l{len(links)}"
            columns[label], links[label] = table.c[name], key
        facts = {}
        for name in self.shape.facts:
            if frozen_fact(name) in table.c:
                facts[name] = fact_column(self.context.policy, name)
                columns[facts[name]] = table.c[frozen_fact(name)]
        for number, group in enumerate(self.first):
            columns[f"g{number}_empty"] = sa.and_(
                sa.true(), *(table.c[name].is_(None) for each in group.categories for name in self.fields[each])
            )
        events: dict[tuple[str, str], EventColumns] = {}
        told: dict[tuple[str, str], EventColumns] = {}
        for horizon in horizons:
            for number, event in enumerate(self.shape.events):
                names = EventColumns.named(f"{horizon.name}e{number}")
                columns |= self._seen(event, FrozenEvent.asked(event), names, horizon, unknown=True)
                events[horizon.name, event] = names
            for number, event in enumerate(self.shape.told):
                names = EventColumns.named(f"{horizon.name}y{number}")
                columns |= self._seen(event, FrozenEvent.told(event), names, horizon, unknown=False)
                told[horizon.name, event] = names
            names = EventColumns.named(f"{horizon.name}arrived")
            columns |= known(names, horizon, first=table.c[DAY], last=table.c[DAY])
            events[horizon.name, ARRIVED] = names
        query = sa.select(*(value.label(label) for label, value in columns.items())).select_from(table)
        if restriction is not None:
            query = query.where(restriction(table))
        return Carried(layer(query, fenced=self.fenced), links, events, frozenset(), told, facts, scoped=False)

    def _seen(
        self, event: str, frozen: FrozenEvent, names: EventColumns, horizon: Horizon, *, unknown: bool
    ) -> dict[str, Expression]:
        """A frozen event on a date. One that was not frozen is missing, where ``unknown`` says so, else absent."""
        otherwise: Expression = sa.true() if unknown else sa.false()
        if frozen.missing not in self.table.c:
            absent = nothing(sa.Date())
            return {names.open: sa.false(), names.missing: otherwise, names.first: absent, names.last: absent}
        table = self.table.c
        missing: Expression = sa.func.coalesce(table[frozen.missing], otherwise)
        kind = self.context.policy.events[event]
        return seen(names, kind, horizon, missing=missing, first=table[frozen.first], last=table[frozen.last])

    def relation(self, restriction: Restriction | None = None) -> sa.FromClause:
        """Every arrival with its decisions: per group ``g{n}_code``, ``_due``, ``_last``, ``_empty``; and ``goes``.

        Where a plan is made in portions, also the ``part`` of its day into which it falls.
        """
        carried = self.carried(restriction)
        joining = Joining(
            context=self.own,
            carried=carried,
            tables={},
            incomplete=frozenset(),
            asked=frozenset(),
            covers=self._covers,
            fenced=self.fenced,
            linked=self.context.portion is not None,
        )
        relation: sa.CTE = joining.relation()
        for horizon in self.context.horizons:
            relation = decided(
                relation,
                joining.layout(horizon),
                self.own.policy,
                self.groups(horizon),
                as_of=horizon.as_of,
                prefix=horizon.name,
                fenced=self.fenced,
            )
        relation = extended(relation, self._effective(relation), fenced=self.fenced)
        if self.context.portion is not None:
            part = part_of_person(relation, carried.links, column(RECORD))
            relation = extended(relation, {"part": part}, fenced=self.fenced)
        return extended(relation, self._row(relation), fenced=self.fenced)

    def _effective(self, relation: sa.FromClause) -> dict[str, Expression]:
        """Due is what was due on the as-of date and is due today; else what today says."""
        others = self.context.horizons[1:]
        columns: dict[str, Expression] = {}
        for number, group in enumerate(self.first):
            then = decision_columns(group)
            code: Expression = relation.c[then.code]
            for horizon in others:
                now = decision_columns(self.groups(horizon)[number])
                code = sa.case((code == constant(Code.DUE), relation.c[now.code]), else_=code)
            columns |= {f"g{number}_code": code, f"g{number}_due": relation.c[then.due]}
            columns[f"g{number}_last"] = relation.c[then.last]
        return columns

    def _due(self, relation: sa.FromClause, number: int) -> Expression:
        """Whether a group of an arrival is due, and not left for a later portion."""
        due: Expression = relation.c[f"g{number}_code"] == constant(Code.DUE)
        portion = self.context.portion
        if portion is None:
            return due
        return sa.and_(due, sa.not_(waits(portion, relation.c[f"g{number}_due"], relation.c.part)))

    def _row(self, relation: sa.FromClause) -> dict[str, Expression]:
        numbers = range(len(self.first))
        due = [self._due(relation, n) for n in numbers]
        if self.unmapped or not due:
            none = nothing(sa.Date())
            return {"goes": sa.false(), "row_due": none, "row_last": sa.cast(sa.null(), sa.Integer())}
        over = [sa.or_(each, relation.c[f"g{n}_empty"]) for n, each in zip(numbers, due, strict=True)]
        none = day_constant(NO_DAY)
        days: list[Expression] = [
            sa.case((each, relation.c[f"g{n}_due"]), else_=none) for n, each in zip(numbers, due, strict=True)
        ]
        latest = greatest(days)
        last = sa.case(*((days[n] == latest, relation.c[f"g{n}_last"]) for n in numbers))
        return {"goes": truth(sa.and_(sa.or_(*due), *over)), "row_due": latest, "row_last": last}

    # -- what is asked of it

    def acted_on(self, relation: sa.FromClause, step: Step) -> Expression:
        """Whether a step acts on an arrival."""
        if step.action is Action.DELETE:
            return relation.c.goes
        number = next(n for n, group in enumerate(self.first) if set(group.categories) & set(step.categories))
        return self.emptied(relation, number)

    def emptied(self, relation: sa.FromClause, number: int) -> Expression:
        """Whether the fields of a group are emptied in an arrival that stays."""
        if self.unmapped:
            return sa.false()
        there = sa.not_(relation.c[f"g{number}_empty"])
        return sa.and_(self._due(relation, number), there, sa.not_(relation.c.goes))

    def acted(self, relation: sa.FromClause) -> Expression:
        """Whether any step acts on an arrival."""
        return sa.or_(relation.c.goes, *(self.emptied(relation, number) for number in range(len(self.first))))

    def backlog(self, relation: sa.FromClause) -> Expression:
        """The first day since which something of an arrival is due and there; NULL where nothing is, or may leave."""
        numbers = range(0 if self.unmapped else len(self.first))
        due = ((n, sa.and_(self._due(relation, n), sa.not_(relation.c[f"g{n}_empty"]))) for n in numbers)
        days = [sa.case((each, relation.c[f"g{n}_due"])) for n, each in due]
        return extreme(days, latest=False) if days else nothing(sa.Date())

    def due_keys(self, step: Step, restriction: Restriction | None = None) -> sa.Select[Any]:
        """The ids of the arrivals that a step acts on. Evaluate it where it acts."""
        relation = self.relation(restriction)
        return sa.select(relation.c[column(ID)].label(ID)).where(self.acted_on(relation, step))
