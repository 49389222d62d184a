"""The facts that a data map supplies: a column's, or one value for every record of a dataset; and the tenant itself."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from pipelines.data_map.model import DatasetMap, FactSource
from retention_rules.policy import Policy
from retention_rules.terms import TENANT

Expression = sa.ColumnElement[Any]


def fact_column(policy: Policy, name: str) -> str:
    """How a relation names a supplied fact, where it has it."""
    return f"f{sorted(policy.supplied_facts).index(name)}"


def own_fact(name: str, kind: str, dataset: DatasetMap, table: sa.FromClause, dialect: str) -> Expression | None:
    """A fact as a dataset itself supplies it; None where it does not."""
    source = dataset.facts.get(name)
    if source is not None and source.column is not None:
        return fact(table.c[source.column], kind, dialect)
    return _constant(name, kind, dataset, source)


def constant_facts(dataset: DatasetMap, policy: Policy) -> dict[str, Expression]:
    """The facts that are the same for every record of a dataset: all that a mailbox or calendar can supply."""
    found = {
        name: _constant(name, kind, dataset, dataset.facts.get(name)) for name, kind in policy.supplied_facts.items()
    }
    return {name: value for name, value in found.items() if value is not None}


def fact(raw: Expression, kind: str, dialect: str) -> Expression:
    """A column as a fact; what is no boolean, number or text is unknown, never false, zero or empty."""
    if dialect == "sqlite":
        return _of_sqlite(raw, kind)
    if kind == "text":
        text = sa.cast(raw, sa.Text())
        # Exactly as written: not by the column's own collation, which may ignore case and trailing blanks.
        return sa.collate(text, "utf8mb4_nopad_bin") if dialect in {"mysql", "mariadb"} else text
    if kind == "number":
        return raw if isinstance(raw.type, (sa.Numeric, sa.Integer)) else sa.cast(sa.null(), sa.Numeric())
    if isinstance(raw.type, sa.Boolean):
        return raw
    return (
        sa.type_coerce(raw, sa.Integer()) != 0 if isinstance(raw.type, sa.Integer) else sa.cast(sa.null(), sa.Boolean())
    )


def _of_sqlite(raw: Expression, kind: str) -> Expression:
    """By what each value is: SQLite's columns have no types to rely on."""
    stored = sa.func.typeof(raw)
    match kind:
        case "text":
            return sa.case((stored.in_(["text", "integer"]), sa.cast(raw, sa.Text())))
        case "number":
            return sa.case((stored.in_(["integer", "real"]), sa.type_coerce(raw, sa.Numeric())))
        case _:
            return sa.case((stored == "integer", sa.type_coerce(raw, sa.Integer()) != 0))


def _constant(name: str, kind: str, dataset: DatasetMap, source: FactSource | None) -> Expression | None:
    if name == TENANT:
        return sa.literal(dataset.scope, sa.Text())
    value = source.value if source else None
    if value is None:
        return None
    match kind:
        case "text":
            return sa.literal(str(value), sa.Text())
        case "number" if not isinstance(value, str | bool):
            return sa.cast(sa.literal(Decimal(value), sa.Numeric()), sa.Numeric())
        case "boolean" if isinstance(value, bool):
            return sa.true() if value else sa.false()
        case _:
            return None
