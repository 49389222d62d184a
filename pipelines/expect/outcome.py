"""What is expected of tables after a run: marked rows hold what their technique gives, and no row is orphaned.

The tables are looked at as they are in the store by then, without the connector that acted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from connectors.base import DatasetShape, FieldShape, Inventory, Reference
from connectors.sql.journal import Journal
from expectations.findings import Stage
from expectations.suites import Check, Suite
from pipelines.anonymise.families import Family, family_of
from pipelines.anonymise.new_key import NEW_KEY
from pipelines.anonymise.partition import left_forms
from pipelines.anonymise.replacement import Replacement
from pipelines.anonymise.techniques import suppression, technique_for
from pipelines.data_map.model import DatasetMap
from pipelines.expect.statements import counted, text_of
from pipelines.verify.bystanders import reflected

FORM = "anonymised fields hold only what their technique gives"
ORPHANS = "no row references one that is gone"


def form_suites(
    connection: sa.Connection, inventory: Inventory, store: str, plan: str, datasets: Mapping[str, DatasetMap]
) -> Iterator[Suite]:
    """For every anonymised field of a plan: how many marked rows hold anything else than its replacement.

    One suite for each category of a dataset, over the rows that the plan has marked in it. Use only where the store has
    marks.
    """
    for name, dataset in datasets.items():
        shape = inventory.find(dataset.source)
        if shape is None:
            continue
        table = reflected(connection, dataset.source)
        for category, names in by_category(dataset, shape).items():
            query = sa.select(*(table.c[each] for each in names))
            query = query.where(marked(connection, table, dataset.key or shape.key, name, category, plan))
            checks = tuple(_form(connection, name, dataset, shape, field) for field in names)
            rows = text_of(query, connection.dialect)
            yield Suite(f"{store}.{name}.{category}.{Stage.AFTER}", store, Stage.AFTER, "", "", checks, rows)


def by_category(dataset: DatasetMap, shape: DatasetShape) -> dict[str, list[str]]:
    """The personal fields that the table has, by their category."""
    present = {each.name for each in shape.fields}
    found: dict[str, list[str]] = {}
    for field, mapped in sorted(dataset.personal.items()):
        if field in present:
            found.setdefault(mapped.category, []).append(field)
    return found


def marked(
    connection: sa.Connection, table: sa.Table, key: tuple[str, ...], dataset: str, category: str, plan: str
) -> sa.ColumnElement[bool]:
    """Whether a plan has anonymised a category of a row."""
    return Journal(connection.dialect).marks.by_plan(table, key, dataset, plan, category)


def replacements(dataset: DatasetMap, shape: DatasetShape, field: str) -> tuple[Replacement, ...]:
    """What may stand in an anonymised field.

    What its technique gives; what it is emptied to in rows that stay; what it becomes in rows that hide among others.
    """
    mapped, known = dataset.fields[field], {each.name: each for each in shape.fields}[field]
    technique = technique_for(mapped.category, known, mapped.technique, mapped.options)
    emptied = technique if mapped.technique == NEW_KEY else suppression(known)
    return technique, emptied, *left_forms(dataset, known)


def orphan_suites(
    connection: sa.Connection, inventory: Inventory, store: str, names: Mapping[str, str]
) -> Iterator[Suite]:
    """For every foreign key of the store: how many rows reference nothing. ``names`` are datasets by location."""
    for shape in inventory.datasets:
        if not shape.references:
            continue
        table = reflected(connection, shape.location)
        name = names.get(shape.location, shape.location)
        checks = []
        for each in shape.references:
            query, _ = orphans(table, reflected(connection, each.location), each)
            checks.append(
                Check(
                    ORPHANS,
                    name,
                    f"rows whose {', '.join(each.columns)} is nowhere in {each.location}",
                    "Restore the referenced rows or remove these; then find what deletes past the foreign key.",
                    "expect_no_offenders",
                    {"query": text_of(query, connection.dialect)},
                )
            )
        suite = f"{store}.{shape.location}.{Stage.AFTER}"
        yield Suite(suite, store, Stage.AFTER, table.schema or "", table.name, tuple(checks))


def orphans(
    table: sa.Table, referenced: sa.Table, reference: Reference
) -> tuple[sa.Select[Any], sa.ColumnElement[bool]]:
    """A query that counts the rows of a table whose reference is to nothing, and the condition that a row has one."""
    child, parent = table.alias("child"), referenced.alias("parent")
    pairs = list(zip(reference.columns, reference.target, strict=True))
    found = sa.exists().where(*(parent.c[theirs] == child.c[own] for own, theirs in pairs)).correlate(child)
    query = counted(*(child.c[own].is_not(None) for own, _ in pairs), sa.not_(found), table=child)
    return query, sa.and_(*(sa.column(own).is_not(None) for own, _ in pairs))


def _form(connection: sa.Connection, name: str, dataset: DatasetMap, shape: DatasetShape, field: str) -> Check:
    column: sa.ColumnElement[Any] = sa.column(field)
    text = _text(column, next(each for each in shape.fields if each.name == field), connection.dialect.name)
    valid = sa.or_(*(_valid(column, text, each) for each in replacements(dataset, shape, field)))
    return Check(
        FORM,
        name,
        f"rows whose {field} holds something else",
        f"Look at {name}.{field}: something wrote to it since, or its technique is not the data map's.",
        "expect_no_rows_where",
        {"condition": text_of(sa.not_(valid), connection.dialect)},
    )


def _text(column: sa.ColumnElement[Any], known: FieldShape, dialect: str) -> sa.ColumnElement[Any]:
    """What a pattern is held against; of bytes (as MariaDB gives bits, too) the digits, since they need be no text."""
    bits = dialect in {"mysql", "mariadb"} and known.type.upper().startswith("BIT")
    if family_of(known.type) is not Family.BYTES and not bits:
        return sa.cast(column, sa.Text)
    return sa.func.encode(column, "hex") if dialect == "postgresql" else sa.func.hex(column)


def _valid(
    column: sa.ColumnElement[Any], text: sa.ColumnElement[Any], replacement: Replacement
) -> sa.ColumnElement[bool]:
    conditions: list[sa.ColumnElement[bool]] = []
    if replacement.nullable:
        conditions.append(column.is_(None))
    if replacement.pattern is not None:
        matches = sa.func.coalesce(text, sa.literal("")).regexp_match(f"^(?:{replacement.pattern})$")
        conditions.append(sa.and_(column.is_not(None), matches))
    return sa.or_(sa.false(), *conditions)
