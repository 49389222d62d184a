"""Checks that run inside a SQL store: replaced values have the form they must have, and no row is an orphan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from connectors.base import Inventory
from connectors.sql.functions import record_key
from connectors.sql.journal import Journal
from expectations.rows import RowCheck
from pipelines.anonymise.partition import left_forms
from pipelines.anonymise.replacement import Replacement
from pipelines.anonymise.techniques import suppression, technique_for
from pipelines.data_map.model import DatasetMap
from pipelines.verify.bystanders import reflected

FORM = "anonymised fields hold only what their technique gives"
ORPHANS = "no row references one that is gone"


def form_checks(
    connection: sa.Connection, inventory: Inventory, plan: str, datasets: Mapping[str, DatasetMap]
) -> Iterator[RowCheck]:
    """For every anonymised field of a plan: how many marked rows hold anything else than its replacement."""
    marks = Journal(connection.dialect).marks
    for name, dataset in datasets.items():
        shape = inventory.find(dataset.source)
        if shape is None:
            continue
        shapes = {field.name: field for field in shape.fields}
        table = reflected(connection, dataset.source)
        key = dataset.key or shape.key
        for field, mapped in sorted(dataset.personal.items()):
            if field not in shapes:
                continue
            allowed = (
                technique_for(mapped.category, shapes[field], mapped.technique, mapped.options),
                suppression(shapes[field]),
                *left_forms(dataset, shapes[field]),
            )
            marked = sa.exists().where(
                marks.c.dataset == name,
                marks.c.record == record_key(table.c[each] for each in key),
                marks.c.category == mapped.category,
                marks.c.plan == plan,
            )
            offends = sa.not_(sa.or_(*(_valid(table.c[field], each) for each in allowed)))
            query = sa.select(sa.func.count().label("offenders")).select_from(table).where(marked, offends)
            yield RowCheck(
                FORM,
                name,
                f"rows whose {field} holds something else",
                _text(connection, query),
                f"Look at {name}.{field}: something wrote to it since, or its technique is not the data map's.",
            )


def orphan_checks(connection: sa.Connection, inventory: Inventory, names: Mapping[str, str]) -> Iterator[RowCheck]:
    """For every foreign key of the store: how many rows reference nothing. ``names`` are datasets by location."""
    for shape in inventory.datasets:
        for reference in shape.references:
            child = reflected(connection, shape.location).alias("child")
            parent = reflected(connection, reference.location).alias("parent")
            pairs = list(zip(reference.columns, reference.target, strict=True))
            found = sa.exists().where(*(parent.c[theirs] == child.c[own] for own, theirs in pairs)).correlate(child)
            query = (
                sa.select(sa.func.count().label("offenders"))
                .select_from(child)
                .where(*(child.c[own].is_not(None) for own, _ in pairs), sa.not_(found))
            )
            yield RowCheck(
                ORPHANS,
                names.get(shape.location, shape.location),
                f"rows whose {', '.join(reference.columns)} is nowhere in {reference.location}",
                _text(connection, query),
                "Restore the referenced rows or remove these; then find what deletes past the foreign key.",
            )


def _valid(column: sa.ColumnElement[Any], replacement: Replacement) -> sa.ColumnElement[bool]:
    conditions: list[sa.ColumnElement[bool]] = []
    if replacement.nullable:
        conditions.append(column.is_(None))
    if replacement.pattern is not None:
        text = sa.func.coalesce(sa.cast(column, sa.Text), sa.literal(""))
        matches = text.regexp_match(f"^(?:{replacement.pattern})$")
        conditions.append(sa.and_(column.is_not(None), matches))
    return sa.or_(sa.false(), *conditions)


def _text(connection: sa.Connection, query: sa.Select[Any]) -> str:
    """The query as text; its constants are names of the data map, digests and patterns, never a person's value."""
    compiled = query.compile(connection, compile_kwargs={"literal_binds": True})
    return str(compiled)
