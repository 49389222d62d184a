"""What hangs on a row, and may keep it: rows that reference it, and rows of datasets that inherit from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from connectors.base import Reference
from connectors.sql.catalog import children
from pipelines.plan.expressions import extended, layer, truth
from pipelines.plan.tables import column

if TYPE_CHECKING:
    from pipelines.plan.selection import Selection

Expression = sa.ColumnElement[Any]


@dataclass(frozen=True, slots=True)
class Child:
    """A table that references the dataset's table, and the dataset that it is mapped as, if it is."""

    location: str
    reference: Reference
    dataset: str | None


@dataclass
class Dependants:
    """The tables that reference a selection's, and the datasets that inherit from it otherwise."""

    of: Selection

    @cached_property
    def children(self) -> tuple[Child, ...]:
        """The tables that reference this one."""
        store = self.of.store
        mapped = {store.location(each.source): name for name, each in store.context.active(store.store).items()}
        return tuple(
            Child(shape.location, reference, mapped.get(shape.location))
            for shape, reference in sorted(
                children(store.inventory, store.location(self.of.map.source)),
                key=lambda found: (found[0].location, found[1].columns),
            )
        )

    @cached_property
    def heirs(self) -> tuple[Child, ...]:
        """The datasets that inherit from this one without a foreign key: for their sake a row does not move."""
        store = self.of.store
        if not self.of.moving.possible:
            return ()
        known = {(child.location, child.reference.columns) for child in self.children}
        active = store.context.active(store.store)
        found = [
            Child(
                store.location(each.source),
                Reference(tuple(parent.on), store.location(self.of.map.source), tuple(parent.on.values())),
                name if name in active else None,
            )
            for name, each in sorted(store.context.maps[store.store].datasets.items())
            for parent in each.inherits
            if parent.dataset == self.of.name
        ]
        return tuple(each for each in found if (each.location, each.reference.columns) not in known)

    @property
    def all(self) -> tuple[Child, ...]:
        """Children and heirs, in the order of their columns."""
        return (*self.children, *self.heirs)

    def weighed(self, relation: sa.CTE, ancestors: frozenset[str]) -> sa.CTE:
        """The relation with the columns ``b{n}``, whether a dependant keeps a row, ``goes`` and ``leaves``."""
        blockers: dict[str, Expression] = {}
        possible = self.of.moving.possible
        parts: Expression = sa.or_(relation.c.parts, relation.c.spent) if possible else sa.false()
        if self.of.takes_rows:
            for number, child in enumerate(self.all):
                living = self._living(child, relation, ancestors | {self.of.name})
                needed = sa.or_(relation.c.wants, parts) if number < len(self.children) else parts
                blockers[f"b{number}"] = sa.and_(needed, living)
        blocked = extended(relation, {name: truth(value) for name, value in blockers.items()}, fenced=False)
        if self.of.store.datasets.fenced and blockers:
            blocked = layer(sa.select(blocked), fenced=self.of.store.datasets.fenced)
        free = [sa.not_(blocked.c[name]) for name in blockers]
        wants: Expression = sa.or_(blocked.c.wants, blocked.c.spent) if possible else blocked.c.wants
        if self.of.uncovered:
            free = [sa.false()]
        taken = {"goes": truth(sa.and_(wants, *free))}
        if possible:
            taken["leaves"] = truth(sa.and_(blocked.c.parts, *free))
        return extended(blocked, taken, fenced=False)

    def _living(self, child: Child, relation: sa.FromClause, ancestors: frozenset[str]) -> Expression:
        """Whether a row of the child references the row and is not to go itself."""
        table = self.of.store.datasets.table(child.location)
        rows: sa.FromClause = table.alias()
        reference = child.reference
        pairs = list(zip(reference.columns, reference.target, strict=True))
        conditions = [rows.c[own] == relation.c[column(target)] for own, target in pairs]
        if child.location == self.of.store.location(self.of.map.source):  # a row that references itself keeps nobody
            conditions.append(sa.or_(*(rows.c[name] != relation.c[column(name)] for name in self.of.map.key)))
        selection = self.of.store.selection(child.dataset) if child.dataset and child.dataset not in ancestors else None
        if selection is not None and selection.takes_rows and not self.of.store.acting:
            going = selection.relation(ancestors=ancestors)
            keys = selection.map.key
            taken = sa.or_(going.c.goes, selection.moving.leaves(going))
            mine = sa.select(*(going.c[column(name)] for name in keys)).where(taken)
            place = rows.c[keys[0]] if len(keys) == 1 else sa.tuple_(*(rows.c[name] for name in keys))
            conditions.append(place.not_in(mine))
        return sa.exists(sa.select(sa.literal_column("1")).select_from(rows).where(*conditions).correlate(relation))
