"""Whether a step renews the keys of its rows, and everything in the store that has to follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from connectors.base import DatasetShape, Inventory
from connectors.sql.act import After
from connectors.sql.catalog import children
from connectors.sql.connector import SqlConnector
from connectors.sql.freezing import Frozen
from connectors.sql.journal import Chunk
from connectors.sql.lines import Line
from connectors.sql.renewal import Pointer, refused_order, refused_update, renewing
from pipelines.anonymise.new_key import NEW_KEY
from pipelines.anonymise.replacement import Constant, TechniqueUnfit
from pipelines.anonymise.techniques import technique_for
from pipelines.apply.assignments import assignments
from pipelines.data_map.model import DatasetMap
from pipelines.errors import Refused
from pipelines.plan.artefact import Step
from pipelines.plan.renewals import pointing, renewed
from pipelines.scan.sources import source_of


@dataclass(frozen=True)
class Renewal:
    """The key column of a table that gets new values, how one is drawn, and what points at it."""

    connector: SqlConnector
    table: sa.Table
    column: str
    drawn: Callable[[sa.Connection], sa.ColumnElement[Any]]
    pointers: tuple[Pointer, ...]

    def after(self) -> After:
        """What a chunk does once its rows have their other new values."""
        return renewing(self.connector.journal, self.column, self.drawn, self.pointers)

    def rehearse(self, connection: sa.Connection, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """The same for a few rows, in a transaction that is taken back; the keys that they have then."""
        keys = Line.of(connection, self.table, (self.column,)).frozen
        connection.execute(sa.schema.DropTable(keys, if_exists=True))
        keys.create(connection)
        connection.execute(keys.insert(), [{keys.c[0].name: n, self.column: row[0]} for n, row in enumerate(rows, 1)])
        self.after()(connection, Chunk("", "", "", 0), Frozen(self.table, keys, (self.column,), len(rows)))
        return [tuple(row) for row in connection.execute(sa.select(keys.c[self.column]))]


def renews(step: Step, datasets: Mapping[str, DatasetMap]) -> bool:
    """Whether a step gives rows new keys."""
    return bool(renewed(step, datasets[step.dataset]))


def key_renewal(
    step: Step, datasets: Mapping[str, DatasetMap], inventory: Inventory, connector: SqlConnector
) -> Renewal | None:
    """The renewal of a step, None where it renews no key.

    Raises:
        Refused: something that points at the key cannot follow safely.
    """
    dataset, names = datasets[step.dataset], renewed(step, datasets[step.dataset])
    if not names:
        return None
    source = source_of(step.dataset, dataset)
    table, key = connector.table(source), connector.key(source)
    where = f"{step.store}.{step.dataset}.{names[0]}"
    if key != (names[0],):
        raise Refused("only a key of one column can be renewed", where, "Suppress it, or map it as `none`.")
    if connector.archive is not None:
        raise Refused("records of it may be in the archive under the key that it has", where, "Map it as `none`.")
    if why := refused_order(connector, table):
        raise Refused(f"its keys would tell the order of the old ones: {why}", where, "GRANT MAINTAIN, or own it.")
    shape = inventory.find(connector.location(source))
    assert shape is not None, "a reflected table is in the inventory"  # noqa: S101
    found = tuple(_pointers(shape, names[0], datasets, inventory, connector, where))
    column = next(each for each in shape.fields if each.name == names[0])
    try:
        replacement = technique_for(dataset.fields[names[0]].category, column, NEW_KEY)
    except TechniqueUnfit as error:
        raise Refused(str(error), where, "Map it as `none`, or give it another type.") from None

    def drawn(connection: sa.Connection) -> sa.ColumnElement[Any]:
        return assignments(connection, table, {column.name: replacement})[column.name]

    return Renewal(connector, table, column.name, drawn, found)


def _location(connector: SqlConnector, name: str, dataset: DatasetMap) -> str:
    return connector.location(source_of(name, dataset))


def _pointers(
    shape: DatasetShape,
    column: str,
    datasets: Mapping[str, DatasetMap],
    inventory: Inventory,
    connector: SqlConnector,
    where: str,
) -> list[Pointer]:
    """Every column that holds keys: by foreign key, or by what the data map says of parents."""
    for child, reference in children(inventory, shape.location):
        if column in reference.target and (len(reference.columns) != 1 or child.location == shape.location):
            raise Refused(f"{child.location} points at it by several columns, or at itself", where, "Map it as `none`.")
    maps = {
        name: each.model_copy(update={"source": _location(connector, name, each)}) for name, each in datasets.items()
    }
    places = set(pointing(shape.location, {column}, maps, inventory))
    for location, own in places:
        found = inventory.find(location)
        personal = any(_rewritten(own, each, found) for each in maps.values() if each.source == location)
        if found is None or own in found.key or personal:
            raise Refused(
                f"{location}.{own}, which points at it, is a key itself, or personal and not suppressed", where,
                "Map it as `none`.",
            )  # fmt: skip
        mapped = [each for each in maps.values() if each.source == location]
        if any(own == by.column for each in mapped for statistic in each.statistics for by in statistic.by):
            raise Refused(
                f"a statistic of {location} groups by {own}, which points at it", where,
                "Map it as `none`, or let the statistic group by something else.",
            )  # fmt: skip
        if why := refused_update(connector, location, own):
            raise Refused(f"{location}.{own} cannot follow: {why}", where, "Let the foreign key be ON UPDATE CASCADE.")
    return [Pointer(connector.table_at(location), own) for location, own in sorted(places)]


def _rewritten(name: str, dataset: DatasetMap, shape: DatasetShape | None) -> bool:
    """Whether a personal column has a value where it is anonymised: to follow would break the mark of its row."""
    if shape is None or name not in dataset.personal:
        return False
    field, column = dataset.personal[name], next(each for each in shape.fields if each.name == name)
    try:
        made = technique_for(field.category, column, field.technique, field.options)
    except (TechniqueUnfit, KeyError):
        return True
    return made.assignment != Constant(None)
