"""What moves to the archive: fields that only law, claims or a hold keep, as far as it is known until when.

A row leaves the active base when every category of it moves or is due for deletion, and no living row needs it. Where
other categories live on, the fields that move are copied and emptied in place. What is open, or unknown, stays: the
archive knows only what was known when a record arrived.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from connectors.sql.freezing import Frozen
from pipelines.plan.arrivals import DAY, RECORD, ArrivalShape, FrozenEvent, frozen_fact, link_columns
from pipelines.plan.artefact import Step
from pipelines.plan.carried import Carried
from pipelines.plan.compile import Code, EventColumns, Group, Phase, decision_columns, phase_column
from pipelines.plan.context import asked_of
from pipelines.plan.dialects import greatest, nothing
from pipelines.plan.expressions import NO_DAY, Expression, constant, day_constant, truth
from pipelines.plan.facts import fact_column
from pipelines.plan.joining import event_columns
from pipelines.plan.occurrences import Horizon
from pipelines.plan.portions import waits
from pipelines.plan.starting import FACT_TYPES
from pipelines.plan.tables import column
from retention_rules.purposes import Purpose

if TYPE_CHECKING:
    from pipelines.plan.selection import Selection


@dataclass(frozen=True)
class Moving:
    """The part of a selection that is about the archive."""

    selection: Selection

    @cached_property
    def shape(self) -> ArrivalShape:
        """What the archive keeps of the dataset's records."""
        return ArrivalShape(self.selection.map, self.selection.store.context.policy)

    @cached_property
    def possible(self) -> bool:
        """Whether anything of the dataset can move at all."""
        store = self.selection.store
        return store.store in store.context.archives and bool(self.shape.categories)

    @property
    def told(self) -> frozenset[str]:
        """The events that a record tells of its subjects, which have to be read of it where it may move."""
        return frozenset(self.shape.told) if self.possible else frozenset()

    # -- of each row

    def columns(self, relation: sa.FromClause, carried: Carried) -> dict[str, Expression]:
        """Per group whether its fields move (``g{n}_moves``) and since when they might (``g{n}_since``)."""
        if not self.possible:
            return {}
        context = self.selection.store.context
        columns: dict[str, Expression] = {}
        for number, group in enumerate(self._groups):
            ended = relation.c[f"{group.name}_ended"]
            since = sa.case((ended > day_constant(NO_DAY), ended), else_=day_constant(context.as_of))
            columns[f"g{number}_since"] = since
            columns[f"g{number}_settled"] = truth(self._settled(relation, number, carried))
            moves = [columns[f"g{number}_settled"], sa.not_(relation.c[f"g{number}_done"])]
            if context.portion is not None:
                moves.append(sa.not_(waits(context.portion, since, relation.c.part)))
            columns[f"g{number}_moves"] = truth(sa.and_(*moves))
        columns["silent"] = truth(self._silent(relation, carried))
        return columns

    def row(self, relation: sa.FromClause) -> dict[str, Expression]:
        """Whether the whole row is to leave for the archive (``parts``), since when, and what kept it last."""
        if not self.possible:
            return {}
        numbers = range(len(self._groups))
        every, some = [], []
        days: list[Expression] = []
        for number in numbers:
            names = self.selection.effective(number)
            settled, moves = relation.c[f"g{number}_settled"], relation.c[f"g{number}_moves"]
            over = self.selection.over(relation, number)
            every.append(sa.or_(moves, self.moved(relation, number), over))
            some.append(moves)
            since = relation.c[f"g{number}_since"]
            days.append(sa.case((settled, since), (over, relation.c[names.due]), else_=day_constant(NO_DAY)))
        parts = sa.and_(relation.c.silent, sa.or_(*some), *every)
        latest = greatest(days)
        last = sa.case(*((days[n] == latest, relation.c[self.selection.effective(n).last]) for n in numbers))
        spent = truth(self.spent(relation))
        return {"parts": truth(parts), "spent": spent, "leave_due": latest, "leave_last": last}

    def spent(self, relation: sa.FromClause) -> Expression:
        """Whether all that is left of a row is to be deleted, the rest being in the archive already."""
        if not self.possible:
            return sa.false()
        numbers = range(len(self._groups))
        over = [self.selection.over(relation, number) for number in numbers]
        moved = [self.moved(relation, number) for number in numbers]
        rest = (sa.or_(*both) for both in zip(over, moved, strict=True))
        return sa.and_(relation.c.silent, sa.or_(*over), sa.or_(*moved), *rest)

    def leaves(self, relation: sa.FromClause) -> Expression:
        """Whether a row of the selection leaves for the archive."""
        return relation.c.leaves if self.possible else sa.false()

    def moves(self, relation: sa.FromClause, number: int) -> Expression:
        """Whether the fields of a group move."""
        return relation.c[f"g{number}_moves"] if self.possible else sa.false()

    def since(self, relation: sa.FromClause, number: int) -> Expression:
        """Since when the fields of a group might have moved."""
        return relation.c[f"g{number}_since"] if self.possible else nothing(sa.Date())

    def moved(self, relation: sa.FromClause, number: int) -> Expression:
        """Whether the fields of a group are in the archive already."""
        return sa.and_(relation.c[f"g{number}_settled"], relation.c[f"g{number}_done"])

    def in_place(self, relation: sa.FromClause, number: int) -> Expression:
        """Whether the fields of a group move out of a row that stays."""
        return sa.and_(self.moves(relation, number), sa.not_(self.leaves(relation)))

    def acted_on(self, relation: sa.FromClause, step: Step) -> Expression:
        """Whether an archiving step acts on a row."""
        if step.takes_rows:
            return self.leaves(relation)
        return self.in_place(relation, self.selection.number(step))

    def candidate(self, relation: sa.FromClause, step: Step) -> Expression:
        """Whether it may turn out to do so: what was to leave as a whole may have to stay."""
        if step.takes_rows:
            return self.leaves(relation)
        return self.moves(relation, self.selection.number(step))

    @property
    def _groups(self) -> tuple[Group, ...]:
        return self.selection.groups(self.selection.store.context.horizons[0])

    def _settled(self, relation: sa.FromClause, number: int, carried: Carried) -> Expression:
        """Whether law, claims or a hold alone keep a group, and everything that will end that is known.

        On each of the horizons: what was so on the as-of date and is not today stays where it is.
        """
        horizons = self.selection.store.context.horizons
        return sa.and_(*(self.settled(relation, number, carried, horizon) for horizon in horizons))

    def settled(self, relation: sa.FromClause, number: int, carried: Carried, horizon: Horizon) -> Expression:
        """The same on one date."""
        code = relation.c[decision_columns(self.selection.groups(horizon)[number]).code]
        kept = code.in_([constant(Code.ARCHIVE), constant(Code.HELD)])
        return sa.and_(kept, self.known(relation, number, carried, horizon))

    def known(self, relation: sa.FromClause, number: int, carried: Carried, horizon: Horizon) -> Expression:
        """Whether all that law and claims ask of a group is known on a date, and nothing of it is open."""
        policy = self.selection.store.context.policy
        phases = (relation.c[phase_column(policy, purpose, horizon.name)] for purpose in self._law(number))
        opens = (relation.c[names.open] for names in self.awaited(relation, number, carried, horizon))
        return sa.and_(
            sa.true(), *(phase != constant(Phase.MISSING) for phase in phases), *(sa.not_(each) for each in opens)
        )

    def awaited(
        self, relation: sa.FromClause, number: int, carried: Carried, horizon: Horizon
    ) -> Iterator[EventColumns]:
        """The events that may not be open when the fields of a group move; the relation has them."""
        policy = self.selection.store.context.policy
        for event in sorted(asked_of(policy, self._law(number))[0]):
            names, _ = event_columns(policy, horizon, event)
            if names.open in relation.c:
                yield names
        linked = {name for link in self.selection.map.subjects for name in link.columns}
        if linked & {name for category in self._groups[number].categories for name in self.selection.fields[category]}:
            yield from self._told(carried, horizon)

    def _law(self, number: int) -> list[Purpose]:
        return [purpose for purpose in self._groups[number].purposes if purpose.basis.archives]

    def _silent(self, relation: sa.FromClause, carried: Carried) -> Expression:
        """Whether the record tells its subjects of nothing that is still open: in the archive it would stay open."""
        horizons = self.selection.store.context.horizons
        opens = (relation.c[names.open] for horizon in horizons for names in self._told(carried, horizon))
        return sa.and_(sa.true(), *(sa.not_(each) for each in opens))

    def _told(self, carried: Carried, horizon: Horizon) -> Iterator[EventColumns]:
        for (seen, event), names in carried.supplied.items():
            if seen == horizon.name and event in self.shape.told:
                yield names

    # -- what arrives

    def table_columns(self) -> Mapping[str, sa.types.TypeEngine[Any]]:
        """The columns of the dataset's table in the archive."""
        return self.shape.columns(self.selection.table, self.selection.joining(None).carried.links.values())

    def arriving(self, step: Step) -> Callable[[Frozen], sa.Select[Any]]:
        """What a chunk of a step brings to the archive: one row for each of its records."""

        def rows(frozen: Frozen) -> sa.Select[Any]:
            selection = self.selection
            joining = selection.joining(frozen.within, arriving=True)
            relation = selection.decided(joining)
            table, key = selection.table, selection.map.key
            columns: dict[str, Expression] = {name: table.c[name] for name in key}
            for number, group in enumerate(self._groups):
                if not step.takes_rows and number != selection.number(step):
                    continue
                for name in (name for each in group.categories for name in self.shape.fields.get(each, ())):
                    columns.setdefault(name, sa.case((self.moves(relation, number), table.c[name])))
            columns |= self._evidence(relation, joining.carried)
            same = (table.c[name] == relation.c[column(name)] for name in key)
            query = sa.select(*(value.label(name) for name, value in columns.items()))
            return query.select_from(table.join(relation, sa.and_(*same))).where(self.acted_on(relation, step))

        return rows

    def _evidence(self, relation: sa.FromClause, carried: Carried) -> dict[str, Expression]:
        """What later decisions will ask: as it is known today."""
        context = self.selection.store.context
        horizon = context.horizons[-1]
        columns: dict[str, Expression] = {DAY: day_constant(horizon.today), RECORD: relation.c.record_digest}
        for event in self.shape.events:
            names, _ = event_columns(context.policy, horizon, event)
            frozen = FrozenEvent.asked(event)
            if names.missing in relation.c:
                columns |= {frozen.missing: relation.c[names.missing]}
                columns |= {frozen.first: relation.c[names.first], frozen.last: relation.c[names.last]}
            else:
                absent = nothing(sa.Date())
                columns |= {frozen.missing: sa.false(), frozen.first: absent, frozen.last: absent}
        for event in self.shape.told:
            names = carried.supplied[horizon.name, event]
            frozen, closed = FrozenEvent.told(event), sa.not_(relation.c[names.open])
            columns[frozen.missing] = sa.case((closed, relation.c[names.missing]))
            columns[frozen.first] = sa.case((closed, relation.c[names.first]))
            columns[frozen.last] = sa.case((closed, relation.c[names.last]))
        for name in self.shape.facts:
            label = fact_column(context.policy, name)
            known = label in relation.c
            columns[frozen_fact(name)] = (
                relation.c[label] if known else nothing(FACT_TYPES[context.policy.supplied_facts[name]])
            )
        links = zip(link_columns(carried.links.values()), carried.links, strict=True)
        return columns | {name: relation.c[label] for name, label in links}
