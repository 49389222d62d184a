"""What a plan says of rows that will lead to anonymised records once it is carried out, and what would help.

Whoever approves a plan sees before it what the report counts after it (`pipelines.verify.leading`). Counted is by the
plan's own decisions, in the stores' engines; rows that a run turns to others are left out, as if enough of them agreed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from connectors.base import Inventory, Reference
from connectors.sql.catalog import children
from connectors.sql.lines import key_among
from pipelines.anonymise.partition import HIDDEN, layout
from pipelines.counted import counted
from pipelines.data_map.model import DatasetMap
from pipelines.plan.artefact import Action, Step, Tally
from pipelines.plan.kept import EVERY, Kept
from pipelines.plan.selection import Selection
from pipelines.plan.selections import StoreSelections
from pipelines.plan.tables import column

Expression = sa.ColumnElement[Any]

Link = tuple[tuple[str, str], ...]
"""Pairs of a column and the one that it leads to."""


def links_to(
    name: str, datasets: Mapping[str, DatasetMap], locations: Mapping[str, str], inventory: Inventory
) -> list[tuple[str, Link]]:
    """Everything that points at a dataset, by location: foreign keys, and what the data map says of parents.

    ``locations`` are those of the datasets, as the inventory names them.
    """
    own = locations[name]
    pointing: list[tuple[str, Reference]] = [(shape.location, each) for shape, each in children(inventory, own)]
    found = {(place, tuple(sorted(zip(each.columns, each.target, strict=True)))) for place, each in pointing}
    for child, dataset in datasets.items():
        found |= {
            (locations[child], tuple(sorted(each.on.items()))) for each in dataset.inherits if each.dataset == name
        }
    return sorted((place, link) for place, link in found if place != own)


def will_lead(selections: StoreSelections, steps: Iterable[Step], tallies: Iterable[Tally]) -> Iterator[str]:
    """For each link to records of a store that are anonymised already, or will be: how many rows it has, what helps."""
    mine = [each for each in steps if each.store == selections.store and each.action is Action.ANONYMISE]
    acted = {each.dataset for each in mine}
    acted |= {each.dataset for each in tallies if each.store == selections.store and each.done}
    active = selections.context.active(selections.store)
    for name in sorted(acted & active.keys()):
        yield from _Led(selections, selections.selection(name)).sentences()


def becomes_nobodys(selection: Selection, relation: sa.FromClause, table: sa.FromClause) -> tuple[Expression, ...]:
    """Of rows and their decisions: whether one stays, and per group whether it is anonymised then, or empty."""
    groups = selection.groups(selection.store.context.horizons[0])
    stays = sa.and_(sa.not_(relation.c.goes), sa.not_(selection.moving.leaves(relation)))
    clear = []
    for number, group in enumerate(groups):
        columns = [name for category in group.categories for name in selection.fields[category]]
        empty = sa.and_(*(table.c[name].is_(None) for name in columns))
        clear.append(sa.or_(relation.c[f"g{number}_done"], selection.acting_on(relation, number), empty))
    return stays, *clear


@dataclass(frozen=True)
class _Led:
    """What leads to the rows of one dataset that are nobody's once the plan is carried out."""

    selections: StoreSelections
    above: Selection

    def sentences(self) -> Iterator[str]:
        datasets = self.selections.context.active(self.selections.store)
        locations = {name: self.selections.location(each.source) for name, each in datasets.items()}
        names = {place: name for name, place in locations.items()}
        links = links_to(self.above.name, datasets, locations, self.selections.inventory)
        if not links:
            return
        nobodys = self._nobodys(sorted({target for _, link in links for _, target in link}))
        for location, link in links:
            found = sa.select(*(nobodys.c[target].label(own) for own, target in link))
            child, columns = names.get(location), [own for own, _ in link]
            if child is None:
                yield from self._unmapped(location, columns, found)
            else:
                yield from self._mapped(self.selections.selection(child), columns, found)
        nobodys.drop(self.selections.connection)

    def _nobodys(self, targets: list[str]) -> sa.Table:
        """What is pointed at of the rows that will be nobody's, in a temporary table."""
        relation, table = self.selections.kept(self.above), self.above.table
        stays, *clear = becomes_nobodys(self.above, relation, table)
        groups = range(len(clear))
        some = sa.or_(*(sa.or_(relation.c[f"g{n}_done"], self.above.acting_on(relation, n)) for n in groups))
        rows = sa.select(*(table.c[name] for name in targets)).select_from(_beside(self.above, relation))
        return Kept.made(
            self.selections.connection, "nobodys", rows.where(stays, some, *clear).subquery(), columns=EVERY
        ).table

    def _unmapped(self, location: str, own: Sequence[str], found: sa.Select[Any]) -> Iterator[str]:
        place = f"{self.selections.store}.{location}"
        rows = self._rows(self.selections.datasets.table(location), own, found)
        if rows:
            yield f"{self._said(place, rows, 0)}. Map it, with `anonymity` and its `link`"

    def _mapped(self, child: Selection, own: Sequence[str], found: sa.Select[Any]) -> Iterator[str]:
        place, anonymity = f"{self.selections.store}.{child.name}", child.map.anonymity
        turns = anonymity is not None and set(own) <= set(anonymity.changed) and not self._held(child)
        if not child.fields:
            rows = self._rows(child.table, own, found, sa.not_(self._turned(child)) if turns else None)
            if rows and turns:
                assert anonymity is not None  # noqa: S101 - only with it is anything turned
                columns = ", ".join(sorted(anonymity.changed))
                yield counted(
                    rows,
                    f"{place}: {{n}} row holds nothing personal and leads to an anonymised record of "
                    f"{self.above.name}: it is turned to another, and made coarser in {columns}",
                    f"{place}: {{n}} rows hold nothing personal and lead to anonymised records of "
                    f"{self.above.name}: they are turned to others, and made coarser in {columns}",
                )
            elif rows:
                yield f"{self._said(place, rows, 0)}. {_turning(own)}"
            return
        relation = child.relation()
        stays, *clear = becomes_nobodys(child, relation, child.table)
        named = sa.func.coalesce(sa.func.sum(sa.case((sa.and_(stays, sa.not_(sa.and_(*clear))), 1), else_=0)), 0)
        empty = sa.func.coalesce(sa.func.sum(sa.case((sa.and_(stays, *clear), 1), else_=0)), 0)
        query = sa.select(named, empty).select_from(_beside(child, relation))
        holding, others = map(int, self._among(query, child.table, own, found))
        others = 0 if turns else others
        if holding + others:
            said = self._said(place, holding + others, holding)
            yield f"{said}. {_turning(own)}" if others else said

    def _among(self, query: sa.Select[Any], table: sa.Table, own: Sequence[str], found: sa.Select[Any]) -> Any:
        """The one row of a query, over those rows of a table alone that lead to what is found."""
        return self.selections.connection.execute(query.where(key_among(table, own, found))).one()

    def _rows(self, table: sa.Table, own: Sequence[str], found: sa.Select[Any], where: Expression | None = None) -> int:
        counted = sa.select(sa.func.count()).select_from(table).where(sa.true() if where is None else where)
        return int(self._among(counted, table, own, found)[0])

    def _turned(self, child: Selection) -> Expression:
        """Whether an earlier run has turned a row."""
        journal = self.selections.datasets.journal
        shape = self.selections.inventory.find(self.selections.location(child.map.source))
        if journal is None or shape is None:
            return sa.false()
        made = layout(child.map, shape, child.table, child.map.key, sa.true(), self.selections.connection.dialect.name)
        return journal.marks.standing(child.table, child.map.key, child.name, HIDDEN, made.kept)

    def _held(self, child: Selection) -> bool:
        """Whether a hold on one of the two keeps rows from being turned."""
        context, store = self.selections.context, self.selections.store
        return any(context.holding.of_records(store, each, context.as_of) for each in (child.name, self.above.name))

    def _said(self, place: str, rows: int, holding: int) -> str:
        one = f"{place}: {{n}} row will lead to an anonymised record of {self.above.name}"
        several = f"{place}: {{n}} rows will lead to anonymised records of {self.above.name}"
        if not holding:
            return counted(rows, one, several)
        said = counted(
            rows,
            f"{place}: 1 row will lead to an anonymised record of {self.above.name}, with personal fields that are "
            "kept for longer",
            f"{several}, {holding:,} of them with personal fields that are kept for longer",
        )
        return f"{said}. Let what keeps them end with the record, or know that the record is theirs until then"


def _beside(selection: Selection, relation: sa.FromClause) -> sa.FromClause:
    """Decisions with the rows that they are about."""
    same = (relation.c[column(name)] == selection.table.c[name] for name in selection.map.key)
    return sa.join(relation, selection.table, sa.and_(*same))


def _turning(link: Iterable[str]) -> str:
    return f"Turn those that hold nothing personal: `anonymity` with `link: {', '.join(link)}` in the data map"
