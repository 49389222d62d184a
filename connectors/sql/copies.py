"""Where a store may keep other copies of a table's rows: found in its catalog, without reading a value.

Materialised views, tables that keep their own history, full-text tables, tables that triggers write to, and tables that
look like a history of another, by name and columns. Generated columns are no copies: they follow the columns that they
are made of.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import sqlalchemy as sa

from connectors.base import DatasetShape, Inventory
from connectors.sql.triggers import triggers


class CopyKind(enum.StrEnum):
    """What keeps a copy."""

    VIEW = "materialised view"
    VERSIONS = "system-versioned table"
    TEXT = "full-text table"
    HISTORY = "history table"
    FILLED = "table that triggers write to"


@dataclass(frozen=True, slots=True)
class Copy:
    """A place that may keep what was in a table (``of``, as the inventory names it).

    ``by``: the triggers of the table that write there, each with the events on which it does.
    """

    kind: CopyKind
    place: str
    of: str
    by: tuple[tuple[str, frozenset[str]], ...] = ()

    def fired_by(self, events: Iterable[str]) -> tuple[str, ...]:
        """The triggers that write there on one of these events (`DELETE`, `UPDATE`)."""
        return tuple(name for name, on in self.by if on.intersection(events))


_HISTORY = re.compile(
    r"(?:^|_)(?:history|hist|historique|audits?|logs?|journal|changes|versions?|revisions?|old|backup|bak|copy|archives?|"
    r"shadow|deleted)(?:_|$)"
)
_CALLED = ("{}", "old_{}", "{}_old", "new_{}", "{}_new", "previous_{}", "former_{}")
_DOCUMENT = re.compile("json|hstore|longtext", re.IGNORECASE)  # which is MariaDB's type of JSON
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
    filled = {(each.place, each.of): each for each in _filled(connection, inventory)}
    for each in histories(inventory):
        known = filled.pop((each.place, each.of), each)
        yield replace(each, by=known.by)
    yield from filled.values()


def called(name: str) -> tuple[str, ...]:
    """How a history calls a column of what it is a history of, in lower case."""
    return tuple(each.format(name.lower()) for each in _CALLED)


def histories(inventory: Inventory) -> Iterator[Copy]:
    """Tables that are named like a history and have columns of another table whose name is in theirs, or documents."""
    for shape in inventory.datasets:
        name = plain_name(shape)
        if not _HISTORY.search(name):
            continue
        for other in inventory.datasets:
            if other is not shape and not _HISTORY.search(plain_name(other)) and stem_of(other) in name:
                own = {each.name.lower() for each in shape.fields}
                alike = [
                    each.name for each in other.fields if each.name not in other.key and own & {*called(each.name)}
                ]
                if len(alike) >= _ALIKE or any(_DOCUMENT.search(each.type) for each in shape.fields):
                    yield Copy(CopyKind.HISTORY, shape.location, other.location)


def _filled(connection: sa.Connection, inventory: Inventory) -> Iterator[Copy]:
    """Tables to which triggers write, or whose names they hand to their functions; full-text tables are found apart."""
    places = {shape.location.lower(): shape.location for shape in inventory.datasets}
    texts = _virtual(connection)
    found: dict[tuple[str, str], dict[str, frozenset[str]]] = {}
    for trigger in triggers(connection):
        schema = trigger.table.rpartition(".")[0]
        for name in sorted(trigger.writes | trigger.named):
            plain = name.rpartition(".")[2].lower()
            here = places.get(f"{schema}.{plain}".lower() if schema else plain)
            others = [at for low, at in places.items() if low.rpartition(".")[2] == plain]
            for place in [here] if here else others:
                if place != trigger.table and place not in texts:
                    found.setdefault((place, trigger.table), {})[trigger.name] = trigger.events
    for (place, of), by in sorted(found.items()):
        yield Copy(CopyKind.FILLED, place, of, tuple(sorted(by.items())))


def plain_name(shape: DatasetShape) -> str:
    """The name of a table without its schema, in lower case, its words apart."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", shape.location.rpartition(".")[2]).lower()


def stem_of(shape: DatasetShape) -> str:
    """The name of a table without the ending of the plural."""
    name = plain_name(shape)
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
    watching = list(connection.exec_driver_sql("SELECT tbl_name, sql FROM sqlite_master WHERE type = 'trigger'"))
    for name, statement in _virtual(connection).items():
        content = re.search(r"content\s*=\s*['\"]?(\w+)", statement, re.IGNORECASE)
        filled = {table for table, body in watching if re.search(rf"\b{re.escape(name)}\b", body)}
        for table in sorted({*filled, *([content[1]] if content else [])}):
            if inventory.find(table):
                yield Copy(CopyKind.TEXT, name, table)


def _virtual(connection: sa.Connection) -> dict[str, str]:
    """SQLite's full-text tables, with the statements that made them."""
    if connection.dialect.name != "sqlite":
        return {}
    rows = connection.exec_driver_sql(
        "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND lower(sql) LIKE 'create virtual table%using fts%'"
    )
    return {name: statement for name, statement in rows}  # noqa: C416 - rows are no pairs to the type checker
