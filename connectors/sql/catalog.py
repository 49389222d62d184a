"""What a SQL store's catalog says: tables, keys, references, triggers, estimates. No values are read."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import ReflectedForeignKeyConstraint
from sqlalchemy.engine.reflection import ObjectKind, ObjectScope

from connectors.base import DatasetShape, Inventory, Kind, Reference
from connectors.sql.statistics import change_tokens, estimates
from connectors.sql.triggers import triggers
from connectors.sql.types import documents, field
from connectors.sql.unique import Written, unique_columns, written

OWN_SCHEMA = "ardoise"
OWN_PREFIX = "ardoise_"
"""Where the engine's own tables live in a store: a schema in PostgreSQL, a prefix elsewhere."""


def location(schema: str | None, table: str) -> str:
    """How a table is named in sources and data maps."""
    return f"{schema}.{table}" if schema else table


def read_inventory(connection: sa.Connection, store: str) -> Inventory:
    """Every table of the store but the engine's own, with keys, references, triggers and estimates.

    What counts as unique is said in `connectors.sql.unique`.
    """
    inspector = sa.inspect(connection)
    partitions = _partitions(connection)
    watching: dict[str, set[str]] = defaultdict(set)
    for each in triggers(connection):
        watching[each.table].add(each.name)
    about, tokens = estimates(connection), change_tokens(connection)
    rules, texts = _sqlite_rules(connection), written(connection)
    # SQLite keeps a UNIQUE of a column definition as an automatic index only.
    automatic: dict[str, Any] = {"include_auto_indexes": True} if connection.dialect.name == "sqlite" else {}
    among, valid = _among(connection), documents(connection)
    shapes = []
    for schema in _schemas(connection, inspector):
        columns = inspector.get_multi_columns(schema=schema, **among)
        keys = inspector.get_multi_pk_constraint(schema=schema, **among)
        foreign = inspector.get_multi_foreign_keys(schema=schema, **among)
        indexes = inspector.get_multi_indexes(schema=schema, **among, **automatic)
        unique = inspector.get_multi_unique_constraints(schema=schema, **among)
        for place in sorted(columns, key=str):
            name, where = place[1], location(schema, place[1])
            if (schema is None and name.startswith(OWN_PREFIX)) or where in partitions:
                continue
            key = tuple(keys[place]["constrained_columns"] if place in keys else ())
            sets: list[Sequence[str | None]] = [i["column_names"] for i in indexes.get(place, ()) if i.get("unique")]
            sets += [each["column_names"] for each in unique.get(place, ())]
            apart = indexes.get(place, ()), unique.get(place, ())
            singular = unique_columns(columns[place], key, *apart, texts.get(name, Written()))
            ordered = [key, *(tuple(each["column_names"]) for each in indexes.get(place, ())), *map(tuple, sets)]
            shapes.append(
                DatasetShape(
                    where,
                    Kind.ROWS,
                    tuple(
                        field(each, singular, valid.get(name, ()), connection.dialect.name) for each in columns[place]
                    ),
                    key,
                    tuple(_reference(each, schema, ordered, rules.get(name, {})) for each in foreign.get(place, ())),
                    about.get(where),
                    tuple(sorted(watching.get(where, ()))),
                    tokens.get(where, tokens.get("", "")),
                )
            )
    return Inventory(store, tuple(shapes))


def _schemas(connection: sa.Connection, inspector: sa.Inspector) -> list[str | None]:
    if connection.dialect.name != "postgresql":
        return [None]
    hidden = {OWN_SCHEMA, "information_schema"}
    return [
        name
        for name in inspector.get_schema_names()
        if name not in hidden and not name.startswith(("pg_", OWN_PREFIX))  # the archive is no part of the active base
    ]


def _among(connection: sa.Connection) -> dict[str, Any]:
    """What MariaDB is asked about: by itself, reflection leaves out the tables that keep their own versions."""
    if connection.dialect.name not in {"mysql", "mariadb"}:
        return {}
    names = connection.exec_driver_sql(
        "SELECT table_name FROM information_schema.tables "
        "WHERE table_schema = DATABASE() AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')"
    )
    return {"filter_names": list(names.scalars()), "kind": ObjectKind.ANY, "scope": ObjectScope.ANY}


def _reference(
    key: ReflectedForeignKeyConstraint,
    schema: str | None,
    indexes: Sequence[tuple[str | None, ...]],
    rules: Mapping[tuple[str, ...], str],
) -> Reference:
    columns = tuple(key["constrained_columns"])
    return Reference(
        columns,
        location(key["referred_schema"] or schema, key["referred_table"]),
        tuple(key["referred_columns"]),
        rules.get(columns, key.get("options", {}).get("ondelete") or "no action").lower(),
        any(set(index[: len(columns)]) == set(columns) for index in indexes),
    )


def _sqlite_rules(connection: sa.Connection) -> dict[str, dict[tuple[str, ...], str]]:
    """What SQLite does on delete, by table and columns: reflection parses the table's text, and misses some."""
    rules: dict[str, dict[tuple[str, ...], str]] = defaultdict(dict)
    if connection.dialect.name == "sqlite":
        found = connection.exec_driver_sql(
            'SELECT m.name, f.id, f.on_delete, f."from" FROM sqlite_master m, pragma_foreign_key_list(m.name) f '
            "WHERE m.type = 'table' ORDER BY m.name, f.id, f.seq"
        )
        for key, rows in itertools.groupby(found, key=lambda row: (row[0], row[1], row[2])):
            table, _, rule = key
            rules[table][tuple(row[3] for row in rows)] = rule
    return rules


def _partitions(connection: sa.Connection) -> frozenset[str]:
    """Partitions, which are read and acted on through their parent."""
    if connection.dialect.name != "postgresql":
        return frozenset()
    rows = connection.exec_driver_sql(
        "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE c.relispartition AND c.relkind IN ('r', 'p')"
    )
    return frozenset(rows.scalars())


def schema_digest(inventory: Inventory, locations: Iterable[str]) -> str:
    """SHA-256 over what a plan over these tables relies on, so that a change refuses the plan.

    Columns with their types and nullability, keys, triggers, and every reference from or to one of the tables.
    """
    chosen = set(locations)
    document = [
        [
            shape.location,
            [[each.name, each.type, each.nullable] for each in shape.fields] if shape.location in chosen else [],
            list(shape.key),
            sorted([list(r.columns), r.location, list(r.target), r.on_delete] for r in shape.references),
            list(shape.triggers),
        ]
        for shape in sorted(inventory.datasets, key=lambda shape: shape.location)
        if shape.location in chosen or any(reference.location in chosen for reference in shape.references)
    ]
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def children(inventory: Inventory, parent: str) -> list[tuple[DatasetShape, Reference]]:
    """Every reference that points at a table, with the table that holds it."""
    return [(shape, each) for shape in inventory.datasets for each in shape.references if each.location == parent]


def deletion_order(inventory: Inventory) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """The tables, children before the parents they reference, and the cycles that no order satisfies.

    A table that references itself is no cycle: deleting a set of its rows in one statement is checked at its end.
    """
    targets = {
        shape.location: sorted({r.location for r in shape.references if r.location != shape.location})
        for shape in inventory.datasets
    }
    groups = _strongly_connected(targets)  # parents come before their children
    order = tuple(table for group in reversed(groups) for table in group)
    return order, tuple(group for group in groups if len(group) > 1)


def _strongly_connected(targets: Mapping[str, Sequence[str]]) -> list[tuple[str, ...]]:
    """Tarjan's algorithm; a group comes after every group that it points at."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    groups: list[tuple[str, ...]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in targets.get(node, ()):
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            at = stack.index(node)
            groups.append(tuple(sorted(stack[at:])))
            del stack[at:]

    for node in sorted(targets):
        if node not in index:
            visit(node)
    return groups
