"""The rows of one dataset beside what others know of them: evidence of other stores, and the holds that stand.

Strong evidence joins in as occurrences of the row's events. Weak evidence never moves a clock: where it would prolong,
it makes the event missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from pipelines.plan.carried import Carried
from pipelines.plan.compile import EventColumns, Layout, WeakColumns, day_constant, extreme, layer
from pipelines.plan.context import Context, oldest_that_matters
from pipelines.plan.evidence import HandedOver
from pipelines.plan.expressions import truth
from pipelines.plan.holding import hold_columns, with_holds
from pipelines.plan.links import Key
from pipelines.plan.occurrences import Horizon
from pipelines.plan.remembered import Told
from retention_rules.policy import Policy

Expression = sa.ColumnElement[Any]

Joined = Sequence[tuple[Key, sa.FromClause]]
"""Evidence beside rows, and by which kind of key it was found."""


@dataclass(frozen=True)
class Joining:
    """One dataset's rows, and what is to be joined to them.

    ``tables`` is the evidence handed over to the store, ``incomplete`` the events that some supplier could not tell,
    ``asked`` the events that the dataset's purposes speak of, ``covers`` the holds by category. ``linked`` keeps the
    digests of subjects and record, for what has to remember them.
    """

    context: Context
    carried: Carried
    tables: Mapping[Key, HandedOver]
    incomplete: frozenset[str]
    asked: frozenset[str]
    covers: Mapping[str, tuple[int, ...]]
    fenced: bool
    linked: bool = False

    @cached_property
    def events(self) -> tuple[str, ...]:
        """The events of which `relation` has columns."""
        supplied = set(self.context.supply.events) & self.asked if self._linked else set()
        own = {event for _, event in self.carried.events}
        return tuple(sorted(own | supplied | set(self.carried.remembered)))

    @cached_property
    def _linked(self) -> bool:
        return any(not key.weak for key in self.carried.links.values())

    def layout(self, horizon: Horizon) -> Layout:
        """Which columns of `relation` say what on a date."""
        policy = self.context.policy
        return Layout({event: event_columns(policy, horizon, event)[0] for event in self.events}, self.carried.facts)

    def relation(self) -> sa.CTE:
        """The rows that are inside, with what the other stores know of their subjects, its doubts, and the holds."""
        carried = self.carried
        source, joined = self.with_evidence(carried.links)
        source, held = self._with_holds(source)
        columns: dict[str, Expression] = {
            each.name: each for each in carried.relation.c if not each.name.startswith(("r", "l", "x"))
        }
        if self.linked:
            columns |= {name: carried.relation.c[name] for name in ("record_digest", *carried.links)}
        columns |= held
        for horizon in self.context.horizons:
            for event in self.events:
                columns |= self._strong(horizon, event, joined)
                columns |= self._weak(horizon, event, joined)
        query = sa.select(*(value.label(label) for label, value in columns.items())).select_from(source)
        query = query.where(carried.relation.c.inside)
        return self._doubted(layer(query, fenced=self.fenced))

    def with_evidence(self, labels: Iterable[str]) -> tuple[sa.FromClause, Joined]:
        """The rows beside the evidence that links of these labels lead to, as it is in the store."""
        relation = self.carried.relation
        source: sa.FromClause = relation
        joined: list[tuple[Key, sa.FromClause]] = []
        for label in labels:
            key = self.carried.links[label]
            if key in self.tables:
                evidence = self.tables[key].table.alias()
                source = sa.outerjoin(source, evidence, evidence.c.digest == relation.c[label])
                joined.append((key, evidence))
        return source, joined

    def told(self, horizon: Horizon, event: str, joined: Joined) -> Told:
        """What is known of an event of the rows' subjects: from this evidence, and from before links were overwritten.

        Where no strong link leads to it, or some supplier could not tell it, it is missing.
        """
        relation, supply = self.carried.relation, self.context.supply
        told = Told()
        if self._linked and event in supply.told:
            known = {key for key in supply.told_by(event) if not key.weak}
            reachable = known & {key for key in self.carried.links.values() if not key.weak}
            told.missing.append(relation.c.lost)
            if event in self.incomplete or not reachable:
                told.missing.append(sa.true())
        for key, evidence in joined:
            columns = self.tables[key].events.get((horizon.name, event))
            if columns is None:
                continue
            is_open = sa.func.coalesce(evidence.c[columns.open], sa.false())
            missing = sa.func.coalesce(evidence.c[columns.missing], sa.false())
            if key.weak:
                told.doubts.append((sa.or_(is_open, missing), evidence.c[columns.last]))
            else:
                told.add(is_open, missing, evidence.c[columns.first], evidence.c[columns.last])
        days = self.carried.remembered.get(event)
        if days is not None:
            days.tell(told, relation, self.context.policy.events[event], horizon)
        return told

    def _strong(self, horizon: Horizon, event: str, joined: Joined) -> dict[str, Expression]:
        names, _ = event_columns(self.context.policy, horizon, event)
        carried, relation = self.carried, self.carried.relation
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
        told = self.told(horizon, event, joined)
        opens += told.open
        misses += told.missing
        firsts += told.first
        lasts += told.last
        none = sa.cast(sa.null(), sa.Date())
        return {
            names.open: truth(sa.or_(*opens)),
            names.missing: truth(sa.or_(*misses)),
            names.first: extreme(firsts, latest=False) if firsts else none,
            names.last: extreme(lasts, latest=True) if lasts else none,
        }

    def _weak(self, horizon: Horizon, event: str, joined: Joined) -> dict[str, Expression]:
        """Whether a weak match says open (or nothing certain), and the latest day of those that could matter."""
        found = self.told(horizon, event, joined).doubts
        if not found:
            return {}
        bound = day_constant(oldest_that_matters(self.context.policy, event, horizon.as_of))
        _, names = event_columns(self.context.policy, horizon, event)
        lasts: list[Expression] = [sa.case((last > bound, last)) for _, last in found]
        opens = [is_open for is_open, _ in found]
        return {names.open: truth(sa.or_(*opens)), names.last: extreme(lasts, latest=True)}

    def _doubted(self, strong: sa.CTE) -> sa.CTE:
        """A weak match that would prolong makes the event missing; it never moves a clock."""
        columns: dict[str, Expression] = {each.name: each for each in strong.c}
        for horizon in self.context.horizons:
            for event in self.events:
                names, weak = event_columns(self.context.policy, horizon, event)
                if weak.open not in columns:
                    continue
                later = strong.c[weak.last]
                last = strong.c[names.last]
                doubt = sa.or_(
                    strong.c[weak.open],
                    sa.and_(later.is_not(None), sa.or_(last.is_(None), later > last)),
                )
                prolongs = sa.and_(sa.not_(strong.c[names.open]), doubt)
                columns[names.missing] = truth(sa.or_(strong.c[names.missing], prolongs))
        query = sa.select(*(value.label(label) for label, value in columns.items()))
        return layer(query, fenced=self.fenced)

    def _with_holds(self, source: sa.FromClause) -> tuple[sa.FromClause, dict[str, Expression]]:
        carried = self.carried
        digests = [carried.relation.c[label] for label, key in carried.links.items() if not key.weak]
        if "record_digest" in carried.relation.c:
            digests.append(carried.relation.c["record_digest"])
        return with_holds(source, self.context.holding, self.covers, digests, carried.relation.c.get("unread"))


def event_columns(policy: Policy, horizon: Horizon, event: str) -> tuple[EventColumns, WeakColumns]:
    """The names of the columns about an event; a relation need not have them."""
    stem = f"{horizon.name}s{sorted(policy.events).index(event)}"
    return EventColumns.named(stem), WeakColumns.named(stem)


__all__ = ["Joining", "event_columns", "hold_columns"]
