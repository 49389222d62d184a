"""Rows whose person is nobody by now, and that lead to that row all the same: counted over reading connections.

A run turns them to a row that stands for many (`pipelines.apply.buckets`). Too few rows that would agree wait for more;
where there are enough, something has kept the run from turning them.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from connectors.sql.functions import record_key, row_digest
from connectors.sql.partition import Hierarchy, Layout, exactly
from connectors.sql.scratch import has
from pipelines.anonymise.partition import HIDDEN
from pipelines.apply.buckets import hidden_rows, link_of, nobodys
from pipelines.apply.grouping import laid_out
from pipelines.scan.sources import source_of

if TYPE_CHECKING:
    from connectors.base import Inventory
    from connectors.sql.connector import SqlConnector
    from pipelines.data_map.model import DatasetMap, Parent


@dataclass(frozen=True, slots=True)
class Unturned:
    """How many rows wait: ``few`` would be alone even at the coarsest level, ``enough`` could hide each other."""

    few: int = 0
    enough: int = 0

    def __add__(self, other: Unturned) -> Unturned:
        return Unturned(self.few + other.few, self.enough + other.enough)


def unturned(
    connection: sa.Connection,
    connector: SqlConnector,
    inventory: Inventory,
    datasets: dict[str, DatasetMap],
    name: str,
    parent: Parent,
) -> Unturned:
    """The rows of a dataset that lead to a parent of its own, and should not. The store has the engine's tables."""
    child = datasets[name]
    above = _laid(connector, inventory, parent.dataset, datasets[parent.dataset])
    theirs = hidden_rows(connector, above, parent.dataset, datasets[parent.dataset])
    table, own = connector.table(source_of(name, child)), link_of(child)
    link, target = table.c[own], above.table.c[parent.on[own]]
    cell = sa.select(row_digest(above.table.c[each] for each in sorted(above.kept))).where(target == link, above.where)
    assert child.anonymity is not None  # noqa: S101 - it has a link
    levels = tuple(
        (lambda value: value) if own in each else (lambda _: sa.literal("")) for each in child.anonymity.partition
    )
    hierarchy = Hierarchy(own, cell.limit(1).correlate(table).scalar_subquery(), levels)
    made = _laid(connector, inventory, name, child, hierarchy)
    leads = sa.exists().where(target == link, theirs, above.where).correlate(table)
    waits = nobodys(connector, made, name, child, leads)
    # What was turned and written to since leads to nobody of its own all the same.
    turned = connector.journal.marks.written(record_key(table.c[each] for each in made.key), name, HIDDEN)
    waits = sa.and_(waits, sa.not_(turned), made.where)
    sizes = [int(size) for size in connection.execute(_sizes(made, waits, connection.dialect.name)).scalars()]
    few = sum(size for size in sizes if size < made.k)
    return Unturned(few, sum(sizes) - few)


def _sizes(made: Layout, waits: sa.ColumnElement[bool], dialect: str) -> sa.Select[Any]:
    """How many of these rows would agree at the coarsest level: those with and without an amount never do."""
    coarsest = [each.levels[-1](each.finest) for each in made.hierarchies]
    filled = has(made.table, [made.table.c[name] for name in made.measures])
    columns = (each.label(f"c{nth}") for nth, each in zip(itertools.count(), [*coarsest, *filled], strict=False))
    rows = sa.select(*columns).select_from(made.table).where(waits).subquery()
    return sa.select(sa.func.count()).select_from(rows).group_by(*(exactly(each, dialect) for each in rows.c))


def _laid(
    connector: SqlConnector, inventory: Inventory, name: str, dataset: DatasetMap, link: Hierarchy | None = None
) -> Layout:
    shape = inventory.find(connector.location(source_of(name, dataset)))
    assert shape is not None  # noqa: S101 - a table that is reflected is in the inventory
    return laid_out(connector, name, dataset, shape, link)
