"""Bystanders: what a run must leave exactly as it was, measured before it and compared after it.

Of each table: the rows that no step acts on, in all their columns; and of the rows that stay, the columns that no step
touches. Tables outside the plan are compared whole. What is kept between the two measurements are counts and sums
of digests over whole sets; they identify nobody.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from connectors.base import Inventory
from connectors.sql.functions import record_key
from connectors.sql.journal import Journal
from connectors.sql.sets import SetDigest, set_digest
from pipelines.plan.artefact import Step
from pipelines.plan.renewals import following

if TYPE_CHECKING:
    from pipelines.data_map.model import DatasetMap
    from pipelines.plan.selection import Selection
from pipelines.plan.selections import StoreSelections


@dataclass(frozen=True, slots=True)
class Bystanders:
    """One table: the rows that no step acts on, and the untouched columns of all rows that stay."""

    rows: SetDigest
    columns: SetDigest


def before(selections: StoreSelections, steps: Sequence[Step]) -> dict[str, Bystanders]:
    """Measure every table of a store before a run, by location; on the connection that has the evidence."""
    found = {}
    mapped = set()
    active = selections.context.active(selections.store)
    mine = [step for step in steps if step.store == selections.store]
    follows = following(mine, active, selections.inventory)
    for name in active:
        selection = selections.selection(name)
        own = [step for step in mine if step.dataset == name]
        if own:
            source = selection.map.source
            mapped.add(source)
            found[source] = _before(selections.connection, selection, own, follows[source])
    for location, table in _others(selections.connection, selections.inventory, mapped).items():
        whole = set_digest(selections.connection, table, _columns(table, follows[location]), sa.true())
        found[location] = Bystanders(whole, whole)
    return found


def _before(
    connection: sa.Connection, selection: Selection, steps: Sequence[Step], follows: frozenset[str]
) -> Bystanders:
    table, key = selection.table, selection.map.key
    acted = _acted(connection, selection, steps)
    same = sa.exists().where(*(acted.c[name] == table.c[name] for name in key)).correlate(table)
    gone = sa.exists().where(acted.c.deleted, *(acted.c[name] == table.c[name] for name in key)).correlate(table)
    found = Bystanders(
        set_digest(connection, table, _columns(table, follows), sa.not_(same)),
        set_digest(connection, table, untouched(table, steps, follows), sa.not_(gone)),
    )
    acted.drop(connection)
    return found


def _acted(connection: sa.Connection, selection: Selection, steps: Sequence[Step]) -> sa.Table:
    """The keys of the rows that the steps act on, in a temporary table; `deleted` says which go."""
    key = selection.map.key
    columns = [sa.Column(name, selection.table.c[name].type) for name in key]
    acted = sa.Table("ardoise_acted", sa.MetaData(), *columns, sa.Column("deleted", sa.Boolean), prefixes=["TEMPORARY"])
    acted.create(connection)
    for step in steps:
        due = selection.due_keys(step).subquery()
        deleted = sa.true() if step.takes_rows else sa.false()
        connection.execute(acted.insert().from_select([*key, "deleted"], sa.select(*(due.c[n] for n in key), deleted)))
    sa.Index("ardoise_acted_key", *(acted.c[name] for name in key)).create(connection)
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("ANALYZE ardoise_acted")
    return acted


def after(
    connection: sa.Connection,
    inventory: Inventory,
    plan: str,
    datasets: Mapping[str, tuple[str, tuple[str, ...], Sequence[Step]]],
    maps: Mapping[str, DatasetMap],
) -> dict[str, Bystanders]:
    """Measure the same tables after a run.

    ``datasets``: name, key and steps by location, where there are steps; ``maps``: all datasets of the store that act.
    """
    found = {}
    follows = following([step for _, _, steps in datasets.values() for step in steps], maps, inventory)
    for location, (name, key, steps) in datasets.items():
        table = reflected(connection, location)
        marks = Journal(connection.dialect).marks
        acted = sa.exists().where(
            marks.c.dataset == name, marks.c.plan == plan, marks.c.record == record_key(table.c[each] for each in key)
        )
        found[location] = Bystanders(
            set_digest(connection, table, _columns(table, follows[location]), sa.not_(acted)),
            set_digest(connection, table, untouched(table, steps, follows[location]), sa.true()),
        )
    for location, table in _others(connection, inventory, set(datasets)).items():
        whole = set_digest(connection, table, _columns(table, follows[location]), sa.true())
        found[location] = Bystanders(whole, whole)
    return found


def untouched(table: sa.Table, steps: Sequence[Step], follows: frozenset[str] = frozenset()) -> list[str]:
    """The columns that no step in place touches, and that follow no key."""
    touched = {field for step in steps if not step.takes_rows for field in step.fields}
    return [name for name in _columns(table, follows) if name not in touched]


def _columns(table: sa.Table, follows: frozenset[str]) -> list[str]:
    return [name for name in table.c.keys() if name not in follows]  # noqa: SIM118 - columns are no mapping's keys


def reflected(connection: sa.Connection, location: str) -> sa.Table:
    """The table as it is in the store, seen without the connector that acted."""
    schema, _, name = location.rpartition(".")
    if connection.dialect.name == "sqlite":
        schema, name = "", location
    return sa.Table(name, sa.MetaData(), schema=schema or None, autoload_with=connection, resolve_fks=False)


def _others(connection: sa.Connection, inventory: Inventory, acted: set[str]) -> dict[str, sa.Table]:
    return {
        shape.location: reflected(connection, shape.location)
        for shape in inventory.datasets
        if shape.location not in acted
    }


def write(path: Path, tables: Mapping[str, Bystanders]) -> None:
    """Keep the measurements of a store, by location, readable by their owner alone."""
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps({at: asdict(each) for at, each in tables.items()}, sort_keys=True), encoding="utf-8")
    draft.chmod(0o600)
    draft.replace(path)


def read(path: Path) -> dict[str, Bystanders] | None:
    """What `write` has written; None when the run never began in the store."""
    if not path.exists():
        return None
    document = json.loads(path.read_text(encoding="utf-8"))
    return {
        at: Bystanders(*(SetDigest(part["rows"], tuple(part["sums"])) for part in (each["rows"], each["columns"])))
        for at, each in document.items()
    }
