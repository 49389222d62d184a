"""Rehearsing a step before anything is changed in any store: a run had better not begin than stop half-way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from connectors.base import DatasetShape, FieldShape, Inventory
from connectors.sql.connector import SqlConnector
from connectors.sql.naming import refuse_unnamed
from connectors.sql.partition import Hierarchy, Layout
from connectors.sql.rehearsal import ROWS, Rehearsal, rehearse
from pipelines.anonymise import partition
from pipelines.anonymise.replacement import Coarse, Constant, Replacement
from pipelines.apply.assignments import assignments
from pipelines.apply.buckets import linked
from pipelines.apply.grouping import clear, columns_of, laid_out
from pipelines.apply.relied import Relied
from pipelines.apply.rows import RowWork
from pipelines.data_map.model import Anonymity, DatasetMap
from pipelines.plan.artefact import Action, Place
from pipelines.scan.sources import source_of

Key = tuple[Any, ...]
Expression = sa.ColumnElement[Any]


def rehearse_step(connector: SqlConnector, work: RowWork, examples: Sequence[Key], relied: Relied) -> None:
    """Act on a few of the step's rows in the active base, and take it back.

    Raises:
        StoreRefuses: a constraint refuses the new values, something in the store undoes them or changes what is relied
            on, what was there would survive in another table, or rows cannot be marked by their key.
    """
    step = work.step
    if step.place is not Place.ACTIVE or not examples:
        return
    table, key = connector.table(work.source), connector.key(work.source)
    values = None if step.takes_rows else lambda opened: assignments(opened, table, work.replacements)
    with connector.writing() as connection:
        if values is not None:
            with connection.begin():
                refuse_unnamed(connection, step.dataset, table, key)
        made = {name: each for name, each in work.replacements.items() if not isinstance(each.assignment, Constant)}
        tried = Rehearsal(
            step.store, step.dataset, table, key, examples, step.fields, values,
            valid={name: each.valid for name, each in made.items()},
            drawn=tuple(name for name, each in made.items() if not isinstance(each.assignment, Coarse)),
            relied=relied.of(connector.location(work.source), work.replacements),
        )  # fmt: skip
        if work.renewal is not None:
            beside, column = tuple(each.table for each in work.renewal.pointers), work.renewal.column
            others = {name: each for name, each in tried.relied.items() if name != column}
            tried = replace(tried, then=work.renewal.rehearse, beside=beside, relied=others)
        rehearse(connection, tried)


def rehearse_partitions(
    connector: SqlConnector,
    inventory: Inventory,
    datasets: dict[str, DatasetMap],
    steps: Iterable[tuple[RowWork, Sequence[Key]]],
    relied: Relied,
) -> None:
    """Let a few of the rows that are to hide among each other have what each level of their partition makes of them.

    ``datasets``: the store's. ``steps``: those that act on it, each with some of its rows, as `Refreshed.preview` has
    them. Rows with a link are tried as they will be once they are turned to another parent.

    Raises:
        StoreRefuses: a constraint refuses what a level writes, or something in the store undoes it.
        Refused: a column's type has no such level.
    """
    due: dict[str, list[tuple[RowWork, Sequence[Key]]]] = {name: [] for name in datasets}
    for work, examples in steps:
        if work.step.place is Place.ACTIVE and work.step.action is Action.ANONYMISE:
            due[work.step.dataset].append((work, examples))
    above = {name: (parent.dataset, parent.on) for name, _, parent in linked(datasets)}
    found: dict[str, _Rows] = {}
    with connector.writing() as connection:
        for name in dict.fromkeys((*(each for each in due if each not in above), *above)):
            rows = _Rows(connector, inventory, name, datasets[name], due[name], relied)
            with connection.begin():
                keys = rows.left_without(connection, *_leading(rows, found, above.get(name)))
            found[name] = replace(rows, keys=keys)
            if datasets[name].anonymity is not None and keys:
                for tried in found[name].rehearsals():
                    rehearse(connection, tried)


@dataclass(frozen=True)
class _Rows:
    """Rows of a dataset that nothing personal is left in once the run is done; ``due``: what acts on them."""

    connector: SqlConnector
    inventory: Inventory
    name: str
    map: DatasetMap
    due: Sequence[tuple[RowWork, Sequence[Key]]]
    relied: Relied
    keys: Sequence[Key] = ()

    @property
    def table(self) -> sa.Table:
        return self.connector.table(source_of(self.name, self.map))

    @property
    def key(self) -> Key:
        return self.connector.key(source_of(self.name, self.map))

    def among(self, keys: Iterable[Key]) -> Expression:
        """Whether a row has one of these keys."""
        columns = [self.table.c[name] for name in self.key]
        same = (sa.and_(*(column == value for column, value in zip(columns, each, strict=True))) for each in set(keys))
        return sa.or_(sa.false(), *same)

    def left_without(self, connection: sa.Connection, *leading: Expression) -> list[Key]:
        """Some rows that the steps act on, or that lead to such; none that keeps a category."""
        examples = [key for _, keys in self.due for key in keys]
        chosen = sa.or_(self.among(examples), *leading)
        if not examples and not leading:
            return []
        journal = self.connector.journal
        whole = (
            sa.or_(
                self.among(key for work, keys in self.due if category in work.step.categories for key in keys),
                clear(journal, self.table, self.key, self.name, {category: columns}),
            )
            for category, columns in columns_of(self.map).items()
        )
        query = sa.select(*(self.table.c[name] for name in self.key)).where(chosen, *whole).limit(ROWS)
        return [tuple(row) for row in connection.execute(query)]

    def rehearsals(self) -> Iterable[Rehearsal]:
        """One for each level."""
        made, store = self._layout(), self.connector.store
        replacements = {name: each for work, _ in self.due for name, each in work.replacements.items()}
        for number in range(made.depth):
            forms = {each.name: each.levels[number](each.finest) for each in made.hierarchies if each.written}

            def values(opened: sa.Connection, forms: dict[str, Expression] = forms) -> dict[str, Expression]:
                return assignments(opened, self.table, replacements) | forms

            ways = {name: way[number] for name, way in self._ways.items()}
            written = {*replacements, *forms} - {name for name, way in ways.items() if way == partition.VALUE}
            own = {name: way for name, way in ways.items() if name in written and name != self._anonymity.link}
            made_of = {name: partition.step(self._fields[name], way) for name, way in own.items()}
            yield Rehearsal(
                store, self.name, self.table, self.key, self.keys, (), values,
                giver=f"level {number + 1} of its partition",
                remedy="Keep it by `value` down to the last level of `anonymity` in the data map, or change the "
                "constraint",
                valid={name: each.valid for name, each in made_of.items() if each is not None and _told(each)},
                relied=self.relied.of(self._shape.location, written),
            )  # fmt: skip

    @property
    def _anonymity(self) -> Anonymity:
        assert self.map.anonymity is not None  # noqa: S101 - asked of those that declare it
        return self.map.anonymity

    @property
    def _ways(self) -> dict[str, tuple[str, ...]]:
        """How each level has the columns that the partition names."""
        return {name: partition.steps(self._anonymity, name) for name in self._anonymity.columns}

    @property
    def _fields(self) -> dict[str, FieldShape]:
        return {each.name: each for each in self._shape.fields}

    @property
    def _shape(self) -> DatasetShape:
        shape = self.inventory.find(self.connector.location(source_of(self.name, self.map)))
        assert shape is not None, "a reflected table is in the inventory"  # noqa: S101
        return shape

    def _layout(self) -> Layout:
        anonymity = self._anonymity
        name, link = anonymity.link, None
        if name is not None:
            column = self.table.c[name]

            def at(named: bool) -> Any:
                return (lambda value: value) if named or not column.nullable else (lambda _: sa.null())

            link = Hierarchy(name, column, tuple(at(name in level) for level in anonymity.partition))
        return laid_out(self.connector, self.name, self.map, self._shape, link)


def _told(replacement: Replacement) -> bool:
    """Whether only what is found afterwards tells that it was written: a rehearsal knows other constants than NULL."""
    return isinstance(replacement.assignment, Coarse) or replacement.assignment == Constant(None)


def _leading(rows: _Rows, found: Mapping[str, _Rows], parent: tuple[str, Mapping[str, str]] | None) -> list[Expression]:
    """Which rows lead to those of their parents in which nothing personal is left."""
    if parent is None or rows.map.anonymity is None or rows.map.anonymity.link is None:
        return []
    name, on = parent
    above, link = found.get(name), rows.map.anonymity.link
    if above is None or not above.keys:
        return []
    target = sa.select(above.table.c[on[link]]).where(above.among(above.keys))
    return [rows.table.c[link].in_(target)]
