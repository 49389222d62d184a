"""Where a store may keep other copies of a table's rows: found in its catalog, without reading a value.

Materialised views, tables that keep their own history, full-text tables, and tables that look like a history of
another, by name and columns. Generated columns are no copies: they follow the columns that they are made of.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from connectors.base import DatasetShape, Inventory


class CopyKind(enum.StrEnum):
    """What keeps a copy."""

    VIEW = "materialised view"
    VERSIONS = "system-versioned table"
    TEXT = "full-text table"
    HISTORY = "history table"


@dataclass(frozen=True, slots=True)
class Copy:
    """A place that may keep what was in a table (``of``, as the inventory names it)."""

    kind: CopyKind
    place: str
    of: str


_HISTORY = re.compile(
    r"(?:^|_)(?:history|hist|historique|audits?|logs?|journal|changes|versions?|revisions?|old|backup|bak|copy|archives?|"
    r"shadow|deleted)(?:_|$)"
)
_ALIKE = 2
"""Columns of the same names, key apart, from which a table with such a name counts as a copy."""


def find_copies(connection: sa.Connection, inventory: Inventory) -> Iterator[Copy]:
    """Every copy that the store's catalog tells of, or that names and columns suggest."""
    match connection.dialect.name:
        case "postgresql":
            yield from _views(connection)
        case "sqlite":
            yield from _full_text(connection, inventory)
        case _:
            yield from _versioned(connection)
    yield from histories(inventory)


def histories(inventory: Inventory) -> Iterator[Copy]:
    """Tables that are named like a history and have columns of another table whose name is in theirs."""
    for shape in inventory.datasets:
        name = _plain(shape)
        if not _HISTORY.search(name):
            continue
        for other in inventory.datasets:
            if other is not shape and not _HISTORY.search(_plain(other)) and _stem(other) in name:
                alike = {each.name for each in shape.fields} & {each.name for each in other.fields}
                if len(alike - set(other.key)) >= _ALIKE:
                    yield Copy(CopyKind.HISTORY, shape.location, other.location)


def _plain(shape: DatasetShape) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", shape.location.rpartition(".")[2]).lower()


def _stem(shape: DatasetShape) -> str:
    """The name of a table without the ending of the plural."""
    name = _plain(shape)
    return name.removesuffix("s") if len(name) > 3 else name  # noqa: PLR2004


def _views(connection: sa.Connection) -> Iterator[Copy]:
    """Materialised views, through whatever other views they look."""
    rows = connection.exec_driver_sql("""
        WITH RECURSIVE looks AS (
            SELECT DISTINCT r.ev_class AS view, d.refobjid AS at
            FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
            WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class
        ), through AS (
            SELECT view, at FROM looks
            UNION SELECT through.view, looks.at FROM through JOIN looks ON looks.view = through.at
        )
        SELECT vn.nspname || '.' || v.relname, tn.nspname || '.' || t.relname
        FROM through JOIN pg_class v ON v.oid = through.view AND v.relkind = 'm'
        JOIN pg_class t ON t.oid = through.at AND t.relkind IN ('r', 'p')
        JOIN pg_namespace vn ON vn.oid = v.relnamespace JOIN pg_namespace tn ON tn.oid = t.relnamespace
        ORDER BY 1, 2
    """)
    for view, table in rows:
        yield Copy(CopyKind.VIEW, view, table)


def _versioned(connection: sa.Connection) -> Iterator[Copy]:
    rows = connection.exec_driver_sql(
        "SELECT table_name FROM information_schema.tables "
        "WHERE table_schema = DATABASE() AND table_type = 'SYSTEM VERSIONED' ORDER BY table_name"
    )
    for name in rows.scalars():
        yield Copy(CopyKind.VERSIONS, name, name)


def _full_text(connection: sa.Connection, inventory: Inventory) -> Iterator[Copy]:
    """Virtual tables of FTS: of the table that they name as their content, or that a trigger fills them from."""
    triggers = list(connection.exec_driver_sql("SELECT tbl_name, sql FROM sqlite_master WHERE type = 'trigger'"))
    rows = connection.exec_driver_sql(
        "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND lower(sql) LIKE 'create virtual table%using fts%'"
    )
    for name, statement in rows.all():
        content = re.search(r"content\s*=\s*['\"]?(\w+)", statement, re.IGNORECASE)
        filled = {table for table, body in triggers if re.search(rf"\b{re.escape(name)}\b", body)}
        for table in sorted({*filled, *([content[1]] if content else [])}):
            if inventory.find(table):
                yield Copy(CopyKind.TEXT, name, table)
