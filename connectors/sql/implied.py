"""Columns that an UPDATE changes without naming them: they follow what is written to their row."""

from __future__ import annotations

import sqlalchemy as sa

from connectors.sql.stamps import stamped
from connectors.sql.triggers import followed, triggers, updating


def implied(connection: sa.Connection, table: sa.Table) -> frozenset[str]:
    """The columns of a reflected table that may change when any others of it are written.

    Generated ones, of whatever they are made, and those that MariaDB sets on every update. Where somebody's trigger or
    rule runs on UPDATE, all but the primary key: what it does to the row cannot be told for certain.
    """
    if _watched(connection, table):
        return frozenset(each.name for each in table.c if not each.primary_key)
    return frozenset(each.name for each in table.c if each.computed is not None) | stamped(connection, table)


def watchers(connection: sa.Connection, table: sa.Table) -> tuple[str, ...] | None:
    """The triggers for whose sake `implied` cannot tell what an UPDATE of a table changes; None where it can.

    None of them has a name where it is by a rule, or for what partitions and heirs do.
    """
    return tuple(updating(connection, table)) if _watched(connection, table) else None


def _watched(connection: sa.Connection, table: sa.Table) -> bool:
    if connection.dialect.name == "postgresql":
        return followed(connection, table, cascades=False)
    name = table.name.lower()
    return any(each.table.lower() == name and "UPDATE" in each.events for each in triggers(connection))
