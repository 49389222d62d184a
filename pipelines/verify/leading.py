"""Rows that lead to an anonymised record still: counted where they are, over reading connections.

Whoever knows whose such a row is, by what it still holds or by its days, knows whose the record was. They are there
because a purpose keeps them for longer, or because nothing turns or empties their link.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from connectors.base import Inventory
from connectors.sql.connector import SqlConnector
from connectors.sql.lines import key_among
from pipelines.anonymise.partition import layout
from pipelines.apply.buckets import hidden_rows
from pipelines.apply.grouping import anonymous, clear
from pipelines.plan.leading import Link, links_to
from pipelines.plan.remembered import fields_of
from pipelines.report.model import Leading
from pipelines.scan.refresh import ITEM_STORES
from pipelines.scan.sources import source_of

if TYPE_CHECKING:
    from pipelines.data_map.model import DatasetMap
    from pipelines.estate import Estate
    from pipelines.plan.artefact import Plan

Expression = sa.ColumnElement[Any]
Datasets = Mapping[str, "DatasetMap"]


def leading(estate: Estate, plan: Plan) -> Iterator[Leading]:
    """By store, dataset and link: how many rows lead to anonymised records of the plan's controller, where any does.

    Raises:
        ConnectorError: a store cannot be reached.
    """
    for store, store_map in estate.data_maps.items():
        active = {name: each for name, each in store_map.active.items() if each.controller == plan.controller}
        if active and estate.stores[store].kind not in ITEM_STORES:
            with estate.connected(store) as connector:
                assert isinstance(connector, SqlConnector)  # noqa: S101 - what is neither mail nor calendar is SQL
                yield from _leading(connector, active)


def _leading(connector: SqlConnector, datasets: Datasets) -> Iterator[Leading]:
    inventory = connector.inspect()
    with connector.reading() as connection:
        if not connector.journal.exists(connection):
            return
        locations = {name: connector.location(source_of(name, each)) for name, each in datasets.items()}
        marked = {dataset for dataset, _ in connector.journal.marks.categories(connection)}
        for name, dataset in datasets.items():
            if name not in marked or not dataset.personal:
                continue
            source = source_of(name, dataset)
            table, where = connector.table(source), connector.where(source)
            nobodys = anonymous(connector.journal, table, connector.key(source), name, dataset)
            for location, link in links_to(name, datasets, locations, inventory):
                theirs = (table.c[target].label(own) for own, target in link)
                found = sa.select(*theirs).where(nobodys, where)
                child, rows, stands, whole = _child(connector, datasets, inventory, location, link)
                named = sa.func.sum(sa.case((whole, 0), else_=1))
                leads = key_among(rows, [own for own, _ in link], found)
                count, holding = connection.execute(sa.select(sa.func.count(), named).where(leads, stands)).one()
                if count:
                    yield Leading(connector.store, child, name, int(count), int(holding))


def _child(
    connector: SqlConnector, datasets: Datasets, inventory: Inventory, location: str, link: Link
) -> tuple[str, sa.FromClause, Expression, Expression]:
    """A table that leads somewhere: its name, its rows, those that stand for a person's, those without any field.

    Rows whose link was turned to one that stands for a cell lead to nobody in particular.
    """
    for name, dataset in datasets.items():
        source = source_of(name, dataset)
        if connector.location(source) != location:
            continue
        table, key, where = connector.table(source), connector.key(source), connector.where(source)
        stands: Expression = sa.true()
        if dataset.anonymity is not None and dataset.anonymity.link in {own for own, _ in link}:
            shape = inventory.find(location)
            assert shape is not None  # noqa: S101 - a table that is reflected is in the inventory
            made = layout(dataset, shape, table, key, where, connector.dialect.name)
            stands = sa.not_(hidden_rows(connector, made, name, dataset))
        fields = {category: tuple(columns) for category, columns in fields_of(dataset).items()}
        nothing = clear(connector.journal, table, key, name, fields)
        return name, table, sa.and_(where, stands), nothing
    return location, connector.table_at(location), sa.true(), sa.true()
