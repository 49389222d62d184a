"""What is due in a mailbox or calendar: a stream of records as the index saw them.

An item concerns several people. Each is decided on alone; the item goes when it is due for all, and is redacted of
those who are due while it stays for another. Own addresses of the controller are nobody's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from connectors.base import Ref
from pipelines.data_map.model import DatasetMap
from pipelines.plan.artefact import Action, Step, Tally
from pipelines.plan.compile import (
    Code,
    EventColumns,
    Group,
    Layout,
    WeakColumns,
    constant,
    day_constant,
    decided,
    decision_columns,
    extreme,
    group_categories,
)
from pipelines.plan.context import Context, asked_events, oldest_that_matters
from pipelines.plan.dates import day_of
from pipelines.plan.dialects import greatest, run
from pipelines.plan.evidence import KNOWN, Evidence, event_columns, wide
from pipelines.plan.expressions import truth
from pipelines.plan.facts import constant_facts, fact_column
from pipelines.plan.holding import by_category, hold_columns
from pipelines.plan.item_occurrences import digest_columns, item_tables
from pipelines.plan.item_persons import PLACE, Persons
from pipelines.plan.links import STRONG, Key
from pipelines.plan.occurrences import Horizon, Reading, occurrence
from pipelines.plan.portions import backlog_of, part_of, waits
from pipelines.plan.supply import record_events
from pipelines.plan.tables import column
from pipelines.plan.tallying import STATES, Counted

Expression = sa.ColumnElement[Any]

FETCH = 1000

_ISO_DAY = len("2026-06-30")


@dataclass(frozen=True, slots=True)
class DueItem:
    """One item to act on; ``subjects`` are the digests of those who are redacted, empty when the item goes whole."""

    ref: Ref
    subjects: frozenset[str] = frozenset()


@dataclass
class ItemSelection:
    """What is due in one item dataset, decided in DuckDB over the evidence and the index attached to it."""

    context: Context
    evidence: Evidence
    store: str
    name: str

    @property
    def map(self) -> DatasetMap:
        """The data map's entry."""
        return self.context.dataset(self.store, self.name)

    @cached_property
    def fields(self) -> dict[str, tuple[str, ...]]:
        """The fields of each personal category."""
        found: dict[str, list[str]] = {}
        for name, each in sorted(self.map.personal.items()):
            found.setdefault(each.category, []).append(name)
        return {category: tuple(names) for category, names in sorted(found.items())}

    @cached_property
    def persons(self) -> Persons:
        """Whom the items concern, and what holds them."""
        return Persons(self.context, self.evidence, self.store, self.name)

    @property
    def _covers(self) -> Mapping[str, tuple[int, ...]]:
        return by_category(self.persons.holding, self.context.policy, self.fields, (self.store, self.name))

    def groups(self, horizon: Horizon) -> tuple[Group, ...]:
        """The categories that are decided together."""
        holds = {each: hold_columns(horizon, numbers) for each, numbers in self._covers.items() if numbers}
        return group_categories(self.context.policy, self.fields, holds, prefix=horizon.name)

    # -- one row per item and subject

    def relation(self) -> sa.CTE:
        """Each item and subject with the decisions of each group for each horizon."""
        people = self.persons.relation()
        supply, policy = self.context.supply, self.context.policy
        keys = {
            key: digest
            for link in self.map.subjects
            for digest, key in digest_columns(link.kind, link.strength not in STRONG, people)
        }
        source: sa.FromClause = people
        joined: list[tuple[Key, sa.FromClause, dict[tuple[str, str], EventColumns]]] = []
        for key, events in supply.by_key().items():
            if key in keys and events:
                columns = event_columns(events, self.context.horizons)
                table = self._table(key, columns)
                source = sa.outerjoin(source, table, table.c.digest == keys[key])
                joined.append((key, table, columns))
        source, carried = self.persons.with_holds(source, people, self._covers)
        carried |= {each.name: each for each in people.c}
        constants = constant_facts(self.map, policy)
        facts = {name: fact_column(policy, name) for name in constants}
        carried |= {facts[name]: value for name, value in constants.items()}
        for horizon in self.context.horizons:
            for event in self._events():
                carried |= self._event(people, horizon, event, joined)
        relation = sa.select(*(value.label(label) for label, value in carried.items())).select_from(source).cte()
        for horizon in self.context.horizons:
            names = {event: EventColumns.named(self._stem(horizon, event)) for event in self._events()}
            relation = decided(
                relation, Layout(names, facts), policy, self.groups(horizon), as_of=horizon.as_of, prefix=horizon.name
            )
        return relation

    def _table(self, key: Key, columns: dict[tuple[str, str], EventColumns]) -> sa.FromClause:
        """The wide evidence of a kind of key, as a view of this connection."""
        name = f"wide_{key.name}"
        self.evidence.connection.execute(f"CREATE OR REPLACE VIEW {name} AS {wide(key, columns, KNOWN)}")
        kinds: dict[str, sa.types.TypeEngine[Any]] = {
            "open": sa.Boolean(), "missing": sa.Boolean(), "first": sa.Date(), "last": sa.Date()
        }  # fmt: skip
        return sa.table(
            name,
            sa.column("digest", sa.String()),
            *(sa.column(getattr(names, part), kinds[part]) for names in columns.values() for part in kinds),
        )

    def _events(self) -> list[str]:
        asked = asked_events(self.context.policy, self.groups(self.context.horizons[0]))
        return sorted(asked & (set(record_events(self.map, self.context.policy)) | set(self.context.supply.events)))

    def _stem(self, horizon: Horizon, event: str) -> str:
        return f"{horizon.name}s{sorted(self.context.policy.events).index(event)}"

    def event_columns(self, horizon: Horizon, event: str) -> tuple[EventColumns, WeakColumns]:
        """The names of the columns about an event in `relation`, which need not have them."""
        stem = self._stem(horizon, event)
        return EventColumns.named(stem), WeakColumns.named(stem)

    def _event(
        self,
        people: sa.FromClause,
        horizon: Horizon,
        event: str,
        joined: Sequence[tuple[Key, sa.FromClause, dict[tuple[str, str], EventColumns]]],
    ) -> dict[str, Expression]:
        policy, supply = self.context.policy, self.context.supply
        opens: list[Expression] = [sa.false()]
        misses: list[Expression] = [sa.false()]
        firsts: list[Expression] = []
        lasts: list[Expression] = []
        own = record_events(self.map, policy).get(event)
        if own is not None:
            moment = people.c.moment_last if own.at == "last" else people.c.moment_first
            endless = people.c.endless if own.at == "last" else sa.false()
            day = sa.case((sa.not_(endless), day_of(moment, policy.time_zone, "duckdb", until=horizon.end)))
            reading = Reading(sa.or_(moment.is_not(None), endless), day, sa.true(), endless)
            found = occurrence(reading, own, policy.events[event], horizon)
            opens.append(found.open)
            misses.append(found.missing)
            firsts.append(found.day)
            lasts.append(found.day)
        weak_opens: list[Expression] = []
        weak_lasts: list[Expression] = []
        if event in supply.events:
            known = {key for key in supply.told_by(event) if not key.weak}
            unreachable = event in supply.told and not known & {key for key, _, _ in joined}
            if event in self.evidence.incomplete or unreachable:
                misses.append(sa.true())
            bound = day_constant(oldest_that_matters(policy, event, horizon.as_of))
            for key, table, columns in joined:
                names = columns.get((horizon.name, event))
                if names is None:
                    continue
                is_open = sa.func.coalesce(table.c[names.open], sa.false())
                missing = sa.func.coalesce(table.c[names.missing], sa.false())
                last = table.c[names.last]
                if key.weak:
                    weak_opens.append(sa.or_(is_open, missing))
                    weak_lasts.append(sa.case((last > bound, last)))
                else:
                    opens.append(is_open)
                    misses.append(missing)
                    firsts.append(table.c[names.first])
                    lasts.append(last)
        none = sa.cast(sa.null(), sa.Date())
        latest = extreme(lasts, latest=True) if lasts else none
        about, weak = self.event_columns(horizon, event)
        doubts: dict[str, Expression] = {}
        if weak_opens:
            later = extreme(weak_lasts, latest=True)
            doubts = {weak.open: truth(sa.or_(*weak_opens)), weak.last: later}
            doubt = sa.or_(*weak_opens, sa.and_(later.is_not(None), sa.or_(latest.is_(None), later > latest)))
            misses.append(sa.and_(sa.not_(sa.or_(*opens)), doubt))
        return doubts | {
            about.open: truth(sa.or_(*opens)),
            about.missing: truth(sa.or_(*misses)),
            about.first: extreme(firsts, latest=False) if firsts else none,
            about.last: latest,
        }

    # -- one row per item

    def decided_items(self) -> sa.CTE:
        """Each item with a code per group over all its subjects, and what is to be done with it."""
        relation = self.relation()
        first, *others = self.context.horizons
        groups = self.groups(first)
        codes: dict[int, Expression] = {}
        for number, group in enumerate(groups):
            code: Expression = relation.c[decision_columns(group).code]
            for horizon in others:
                now = relation.c[decision_columns(self.groups(horizon)[number]).code]
                code = sa.case((code == constant(Code.DUE), now), else_=code)
            codes[number] = code
        due = sa.and_(sa.true(), *(code == constant(Code.DUE) for code in codes.values()))
        days: list[Expression] = [relation.c[decision_columns(group).due] for group in groups]
        since = sa.case((due, greatest(days)))
        staged: dict[str, Expression] = {}
        if (portion := self.context.portion) is not None:
            part = part_of(relation.c.digest)
            asking = sa.and_(due, relation.c.digest.is_not(None))
            staged = _earliest(sa.case((asking, since)), sa.case((asking, part)))
            due = sa.and_(due, sa.not_(sa.func.coalesce(waits(portion, since, part), sa.false())))
            since = sa.case((due, since))
        named = [decision_columns(group) for group in groups]
        last = sa.case(*((sa.and_(due, relation.c[each.due] == since), relation.c[each.last]) for each in named))
        columns: dict[str, Expression] = {column(each): relation.c[column(each)] for each in PLACE} | staged
        for number, code in codes.items():
            for which in Code:
                columns[f"g{number}_{which.name.lower()}"] = _some(code == constant(which))
        # a name alone may stand in the way, and never asks
        addressed = sa.and_(due, relation.c.digest.is_not(None))
        columns["all_due"] = sa.and_(sa.func.min(sa.case((due, 1), else_=0)) == 1, _some(addressed))
        columns["some_due"] = _some(addressed)
        columns["since"] = sa.func.max(since)
        columns["last"] = sa.func.max(last)
        columns["subjects"] = sa.func.list(relation.c.digest).filter(addressed)
        group_by = [relation.c[column(each)] for each in PLACE]
        return sa.select(*(v.label(k) for k, v in columns.items())).group_by(*group_by).cte()

    def standing(self, items: sa.FromClause, number: int) -> Expression:
        """The `Code` of an item in a group of categories: kept while it is for someone, due when it is for all."""
        whens = [
            (items.c[f"g{number}_{code.name.lower()}"], constant(code))
            for code in (Code.KEEP, Code.ARCHIVE, Code.UNDETERMINED, Code.HELD)
        ]
        return sa.case(*whens, else_=constant(Code.DUE))

    def condition(self, items: sa.FromClause, action: Action) -> Expression:
        """Whether an item is deleted, or redacted of some subjects."""
        if action is Action.DELETE:
            return items.c.all_due
        return sa.and_(sa.not_(items.c.all_due), items.c.some_due)

    def due(self, step: Step) -> Iterator[DueItem]:
        """Stream the items of a step, in the order of container and key."""
        items = self.decided_items()
        redact = step.action is Action.REDACT
        query = (
            sa.select(*(items.c[column(each)] for each in PLACE), items.c.subjects)
            .where(self.condition(items, step.action))
            .order_by(items.c[column("container")], items.c[column("key")])
        )
        cursor = run(self.evidence.connection.cursor(), query)
        while rows := cursor.fetchmany(FETCH):
            for container, key, version, subjects in rows:
                yield DueItem(Ref(key, version, container), frozenset(subjects) if redact else frozenset())

    def count(self, order: int) -> Counted:
        """What the plan says of the dataset: an item counts once per category, as kept while it is for someone.

        An item that concerns nobody but the controller itself is kept.
        """
        items = self.decided_items()
        groups = self.groups(self.context.horizons[0])
        columns: dict[str, Expression] = {"found": sa.func.count()}
        for number in range(len(groups)):
            standing = self.standing(items, number)
            for code in Code:
                columns[f"g{number}_{STATES[code]}"] = _how_many(standing == constant(code))
        for action in (Action.DELETE, Action.REDACT):
            condition = self.condition(items, action)
            columns[f"{action}_count"] = _how_many(condition)
            columns[f"{action}_from"] = sa.func.min(sa.case((condition, items.c.since)))
            columns[f"{action}_to"] = sa.func.max(sa.case((condition, items.c.since)))
            for index in range(len(self.context.policy.purposes)):
                columns[f"{action}_p{index}"] = _how_many(sa.and_(condition, items.c.last == constant(index)))
        found = run(self.evidence.connection, sa.select(*(v.label(k) for k, v in columns.items())).select_from(items))
        names = [each[0] for each in found.description]
        row = dict(zip(names, found.fetchall()[0], strict=True))
        everything = self.everything()
        nobody = everything - int(row["found"])
        tallies = tuple(
            Tally(
                self.store,
                self.name,
                category,
                found=everything,
                **_by_state(row, number, nobody),
            )
            for number, group in enumerate(groups)
            for category in group.categories
        )
        steps = tuple(
            step for action in (Action.DELETE, Action.REDACT) if (step := self._step(row, action, order)) is not None
        )
        backlog = None
        if self.context.portion is not None:
            backlog = backlog_of(items, items.c.backlog, items.c.part, self._ask)
        return Counted(everything, sum(step.count for step in steps), tallies, steps, backlog)

    def _ask(self, query: sa.Select[Any]) -> list[tuple[Any, ...]]:
        return run(self.evidence.connection, query).fetchall()

    def everything(self) -> int:
        """How many items the index has of the dataset."""
        items, _ = item_tables()
        query = sa.select(sa.func.count()).where(items.c.store == self.store, items.c.dataset == self.name)
        return int(run(self.evidence.connection, query).fetchall()[0][0])

    def _step(self, row: dict[str, Any], action: Action, order: int) -> Step | None:
        count = int(row[f"{action}_count"])
        if not count:
            return None
        last = ((each.name, int(row[f"{action}_p{n}"])) for n, each in enumerate(self.context.policy.purposes))
        first_due: dt.date = row[f"{action}_from"]
        last_due: dt.date = row[f"{action}_to"]
        return Step(
            id=f"{self.store}.{self.name}.{action}",
            store=self.store,
            dataset=self.name,
            action=action,
            categories=tuple(self.fields),
            fields=tuple(sorted(name for names in self.fields.values() for name in names)),
            purposes=tuple((name, number) for name, number in last if number),
            count=count,
            first_due=first_due,
            last_due=last_due,
            order=order,
        )


def _earliest(since: Expression, part: Expression) -> dict[str, Expression]:
    """The first day since which a person of an item is due, and the first part of that day: NULL where nobody is."""
    together = sa.func.min(sa.cast(since, sa.Text()).concat(part))
    day = sa.cast(sa.func.substr(together, 1, _ISO_DAY), sa.Date())
    return {"backlog": day, "part": sa.func.substr(together, _ISO_DAY + 1, type_=sa.Text())}


def _some(condition: Expression) -> Expression:
    return sa.func.max(sa.case((condition, 1), else_=0)) == 1


def _how_many(condition: Expression) -> Expression:
    return sa.func.coalesce(sa.func.sum(sa.case((condition, constant(1)), else_=constant(0))), constant(0))


def _by_state(row: Mapping[str, Any], number: int, nobody: int) -> dict[str, Any]:
    """The items of a group by state; those that concern ``nobody`` are kept."""
    return {
        state: int(row[f"g{number}_{state}"]) + (nobody if state == STATES[Code.KEEP] else 0)
        for state in STATES.values()
    }


__all__ = ["PLACE", "DueItem", "ItemSelection"]
