"""Bystanders: what a run must leave exactly as it was, measured before it and compared after it.

Of each table: the rows that no step acts on, in all their columns; and of the rows that stay, the columns that no step
touches. Tables outside the plan are compared whole. What is kept between the two measurements are counts and sums
of digests over whole sets; they identify nobody.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from connectors.base import Inventory
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
    mine = [step for step in steps if step.store == selections.store]
    turning = left_out_of(selections.context.active(selections.store), mine, selections.inventory)
    for name in selections.context.active(selections.store):
        selection = selections.selection(name)
        own = [step for step in mine if step.dataset == name]
        if own:
            mapped.add(selection.map.source)
            left_out = turning.get(selection.map.source, frozenset())
            found[selection.map.source] = _before(selections.connection, selection, own, left_out)
    for location, table in _others(selections.connection, selections.inventory, mapped).items():
        columns = _columns(table, turning.get(location, frozenset()))
        whole = set_digest(selections.connection, table, columns, sa.true())
        found[location] = Bystanders(whole, whole)
    return found


def left_out_of(
    maps: Mapping[str, DatasetMap], steps: Iterable[Step], inventory: Inventory
) -> dict[str, frozenset[str]]:
    """By location, the columns that a run may change in rows on which no step acts: links, what follows new keys."""
    found = turned(maps)
    for location, names in following(steps, maps, inventory).items():
        found[location] = found.get(location, frozenset()) | names
    return found


def turned(datasets: Mapping[str, DatasetMap]) -> dict[str, frozenset[str]]:
    """By location, the columns of rows that a run may turn to bucket parents whenever these are anonymised.

    It does so in rows that earlier runs have anonymised: which, no step of a plan says.
    """
    return {
        each.source: frozenset(each.anonymity.changed)
        for each in datasets.values()
        if each.anonymity is not None and each.anonymity.link is not None
    }


def _columns(table: sa.Table, left_out: frozenset[str]) -> list[str]:
    return [name for name in table.c.keys() if name not in left_out]  # noqa: SIM118 - columns are no mapping's keys


def _before(
    connection: sa.Connection, selection: Selection, steps: Sequence[Step], left_out: frozenset[str]
) -> Bystanders:
    table, key = selection.table, selection.map.key
    acted = _acted(connection, selection, steps)
    same = sa.exists().where(*(acted.c[name] == table.c[name] for name in key)).correlate(table)
    gone = sa.exists().where(acted.c.deleted, *(acted.c[name] == table.c[name] for name in key)).correlate(table)
    found = Bystanders(
        set_digest(connection, table, _columns(table, left_out), sa.not_(same)),
        set_digest(connection, table, _columns(table, left_out.union(*_touched(steps))), sa.not_(gone)),
    )
    acted.drop(connection)
    return found


def left_alone(selections: StoreSelections, plan: str, steps: Sequence[Step]) -> dict[str, SetDigest]:
    """The rows that no step has acted on nor would act on by now, by location: those that `before` has measured.

    That is asked where some are due still, since nothing could hide them. ``steps``: the plan's in this store.
    """
    found = {}
    journal = Journal(selections.connection.dialect)
    turning = left_out_of(selections.context.active(selections.store), steps, selections.inventory)
    for name in dict.fromkeys(step.dataset for step in steps):
        selection = selections.selection(name)
        table, key, connection = selection.table, selection.map.key, selections.connection
        due = _acted(connection, selection, [step for step in steps if step.dataset == name])
        again = sa.exists().where(*(due.c[each] == table.c[each] for each in key)).correlate(table)
        done = journal.marks.by_plan(table, key, name, plan)
        columns = _columns(table, turning.get(selection.map.source, frozenset()))
        found[selection.map.source] = set_digest(connection, table, columns, sa.not_(sa.or_(again, done)))
        due.drop(connection)
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
    """Measure the same tables after a run. ``datasets``: name, key and steps by location, where there are steps."""
    found = {}
    turning = left_out_of(maps, [step for _, _, steps in datasets.values() for step in steps], inventory)
    for location, (name, key, steps) in datasets.items():
        table = reflected(connection, location)
        acted = Journal(connection.dialect).marks.by_plan(table, key, name, plan)
        left_out = turning.get(location, frozenset())
        found[location] = Bystanders(
            set_digest(connection, table, _columns(table, left_out), sa.not_(acted)),
            set_digest(connection, table, _columns(table, left_out.union(*_touched(steps))), sa.true()),
        )
    for location, table in _others(connection, inventory, set(datasets)).items():
        whole = set_digest(connection, table, _columns(table, turning.get(location, frozenset())), sa.true())
        found[location] = Bystanders(whole, whole)
    return found


def _touched(steps: Sequence[Step]) -> Iterator[tuple[str, ...]]:
    """The columns that steps in place touch."""
    return (step.fields for step in steps if not step.takes_rows)


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
