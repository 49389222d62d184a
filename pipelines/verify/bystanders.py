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
from pipelines.plan.artefact import Action, Step

if TYPE_CHECKING:
    from pipelines.plan.selection import Selection, StoreSelections


@dataclass(frozen=True, slots=True)
class Bystanders:
    """One table: the rows that no step acts on, and the untouched columns of all rows that stay."""

    rows: SetDigest
    columns: SetDigest


def before(selections: StoreSelections, steps: Sequence[Step]) -> dict[str, Bystanders]:
    """Measure every table of a store before a run, by location; on the connection that has the evidence."""
    found = {}
    mapped = set()
    for name in selections.context.active(selections.store):
        selection = selections.selection(name)
        own = [step for step in steps if step.store == selections.store and step.dataset == name]
        if own:
            mapped.add(selection.map.source)
            found[selection.map.source] = _before(selections.connection, selection, own)
    for location, table in _others(selections.connection, selections.inventory, mapped).items():
        whole = set_digest(selections.connection, table, table.c.keys(), sa.true())
        found[location] = Bystanders(whole, whole)
    return found


def _before(connection: sa.Connection, selection: Selection, steps: Sequence[Step]) -> Bystanders:
    table, key = selection.table, selection.map.key

    def outside(chosen: Sequence[Step]) -> sa.ColumnElement[bool]:
        due = [selection.due_keys(step).subquery() for step in chosen]
        place = table.c[key[0]] if len(key) == 1 else sa.tuple_(*(table.c[name] for name in key))
        return sa.and_(sa.true(), *(place.not_in(sa.select(*(keys.c[name] for name in key))) for keys in due))

    deleting = [step for step in steps if step.action is Action.DELETE]
    return Bystanders(
        set_digest(connection, table, table.c.keys(), outside(steps)),
        set_digest(connection, table, untouched(table, steps), outside(deleting)),
    )


def after(
    connection: sa.Connection,
    inventory: Inventory,
    plan: str,
    datasets: Mapping[str, tuple[str, tuple[str, ...], Sequence[Step]]],
) -> dict[str, Bystanders]:
    """Measure the same tables after a run. ``datasets`` gives name, key and steps by location, where there are steps."""
    found = {}
    for location, (name, key, steps) in datasets.items():
        table = reflected(connection, location)
        marks = Journal(connection.dialect).marks
        acted = sa.exists().where(
            marks.c.dataset == name, marks.c.plan == plan, marks.c.record == record_key(table.c[each] for each in key)
        )
        found[location] = Bystanders(
            set_digest(connection, table, table.c.keys(), sa.not_(acted)),
            set_digest(connection, table, untouched(table, steps), sa.true()),
        )
    for location, table in _others(connection, inventory, set(datasets)).items():
        whole = set_digest(connection, table, table.c.keys(), sa.true())
        found[location] = Bystanders(whole, whole)
    return found


def untouched(table: sa.Table, steps: Sequence[Step]) -> list[str]:
    """The columns that no step in place touches."""
    touched = {field for step in steps if step.action is not Action.DELETE for field in step.fields}
    return [name for name in table.c.keys() if name not in touched]  # noqa: SIM118 - columns are no mapping's keys


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


def write(path: Path, stores: Mapping[str, Mapping[str, Bystanders]]) -> None:
    """Keep the measurements, by store and location, readable by their owner alone."""
    document = {store: {at: asdict(each) for at, each in found.items()} for store, found in stores.items()}
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(document, sort_keys=True), encoding="utf-8")
    draft.chmod(0o600)
    draft.replace(path)


def read(path: Path) -> dict[str, dict[str, Bystanders]]:
    """What `write` has written; empty when the run was never begun."""
    if not path.exists():
        return {}
    document = json.loads(path.read_text(encoding="utf-8"))
    return {
        store: {
            at: Bystanders(*(SetDigest(part["rows"], tuple(part["sums"])) for part in (each["rows"], each["columns"])))
            for at, each in found.items()
        }
        for store, found in document.items()
    }
