"""The triggers of a store, and the tables to which their bodies write, as far as the text of a body tells.

What a body composes at run time, or leaves to a function that it calls, is not seen here; a rehearsal sees it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from connectors.sql.queries import ask, queries

_WRITES = re.compile(
    r"\b(?:INSERT\s+(?:OR\s+\w+\s+|IGNORE\s+)?INTO|REPLACE\s+INTO|UPDATE(?:\s+OR\s+\w+)?)\s+([\w.\"`\[\]]+)",
    re.IGNORECASE,
)
_EVENT = re.compile(r"\b(INSERT|UPDATE|DELETE)\b", re.IGNORECASE)
_NAMED = re.compile(r"^\s*CREATE\s+(?:TEMP\w*\s+)?TRIGGER\s+(?:IF\s+NOT\s+EXISTS\s+)?\S+", re.IGNORECASE)
_COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger of a table (as the inventory names it), and the names of tables in its body, without their schemas.

    ``named``: what a trigger of PostgreSQL hands to its function, which may be the name of a table too.
    """

    name: str
    table: str
    events: frozenset[str]
    writes: frozenset[str]
    named: frozenset[str] = frozenset()


def triggers(connection: sa.Connection) -> Iterator[Trigger]:
    """Every trigger that is in force."""
    match connection.dialect.name:
        case "postgresql":
            for row in ask(connection, queries("triggers.sql", "all")["postgresql"]).mappings():
                given = frozenset(filter(None, row["given"].split("\\000")))
                yield Trigger(row["name"], row["at"], frozenset(row["events"]), _written(row["body"]), given)
        case "sqlite":
            found = connection.exec_driver_sql("SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'")
            for name, table, text in found:
                head, begin, body = _parted(text)
                event = _EVENT.search(head)
                events = frozenset([event[1].upper()] if event else [])
                yield Trigger(name, table, events, _written(body if begin else text))
        case _:
            for row in ask(connection, queries("triggers.sql", "all")["mariadb"]).mappings():
                yield Trigger(row["name"], row["at"], frozenset([row["event"]]), _written(row["body"]))


def followed(connection: sa.Connection, table: sa.Table, *, cascades: bool = True) -> bool:
    """Whether anything but a check can write to a table's rows once a statement of PostgreSQL has updated them.

    ``cascades``: or can write to those that point at them.
    """
    place = connection.dialect.identifier_preparer.format_table(table)
    found = ask(connection, queries("triggers.sql", "followed")["postgresql"], place=place, cascades=cascades)
    return bool(found.scalar_one())


def may_change(connection: sa.Connection, table: sa.Table) -> bool:
    """Whether anything in the store can change rows that an UPDATE writes; yes where a role may not see all of it."""
    match connection.dialect.name:
        case "postgresql":
            return followed(connection, table)
        case "sqlite":
            return bool(updating(connection, table))
        case _:
            return True


def updating(connection: sa.Connection, table: sa.Table) -> list[str]:
    """The names of the triggers that an UPDATE of a table fires, as far as the role may see them."""
    places = {table.fullname.lower()}
    if connection.dialect.name == "postgresql":
        places.update(each.lower() for each in parts(connection, table))
    found = triggers(connection)
    return sorted({each.name for each in found if each.table.lower() in places and "UPDATE" in each.events})


def parts(connection: sa.Connection, table: sa.Table) -> Iterator[str]:
    """A table of PostgreSQL, and its partitions, which are written to in its stead."""
    name = connection.dialect.identifier_preparer.format_table(table)
    yield from connection.execute(
        sa.text(
            "SELECT n.nspname || '.' || c.relname FROM pg_partition_tree(CAST(:name AS regclass)) p "
            "JOIN pg_class c ON c.oid = p.relid JOIN pg_namespace n ON n.oid = c.relnamespace"
        ),
        {"name": name},
    ).scalars()


def _parted(text: str) -> tuple[str, str, str]:
    """The head of a SQLite trigger, which names the table itself (UPDATE OF … ON it), and its body."""
    found = re.search(r"\bBEGIN\b", text, re.IGNORECASE)
    if found is None:
        return text, "", ""
    return _NAMED.sub("", text[: found.start()]), found[0], text[found.end() :]


def _written(body: str) -> frozenset[str]:
    return frozenset(each.split(".")[-1].strip('"`[]') for each in _WRITES.findall(_COMMENTS.sub(" ", body)))
