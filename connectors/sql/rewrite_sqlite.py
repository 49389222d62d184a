"""Writing a table of SQLite anew. Its definitions are texts, which are repeated to the letter.

The old table steps aside under another name, so that the new one is made by the very words of the old.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.sql.visitors import replacement_traverse

from connectors.sql.strategy import Obstacle, Strategy, Unfit

ASIDE = "ardoise_rewrite_aside"
"""The old table's name until it is dropped."""


def obstacles(connection: sa.Connection, table: sa.Table, most: int) -> tuple[Obstacle, ...]:
    """See `connectors.sql.rewrite.obstacles`."""
    return tuple(_obstacles(connection, table, most))


def _obstacles(connection: sa.Connection, table: sa.Table, most: int) -> Iterator[Obstacle]:
    others = _asked(
        connection,
        "SELECT DISTINCT m.name FROM sqlite_master m, pragma_foreign_key_list(m.name) f "
        "WHERE m.type = 'table' AND lower(f.\"table\") = lower(:name) ORDER BY 1",
        table,
    )
    if others:
        yield Obstacle("foreign_keys", f"foreign keys point at it ({', '.join(others)})")
    word = re.compile(rf"(?<!\w){re.escape(table.name)}(?!\w)", re.IGNORECASE)
    texts = connection.exec_driver_sql(
        "SELECT name, sql FROM sqlite_master WHERE type IN ('trigger', 'view') OR sql LIKE 'CREATE VIRTUAL TABLE%'"
    )
    depending = sorted(name for name, text in texts if word.search(text))
    if depending:
        yield Obstacle("dependents", f"triggers, views or virtual tables speak of it ({', '.join(depending)})")
    pages, size = (connection.exec_driver_sql(f"PRAGMA {each}").scalar_one() for each in ("page_count", "page_size"))
    if pages * size > most:
        yield Obstacle(
            "size", f"its file takes more than the {most >> 20} MB that `most` of its store's `rewrite` allows"
        )
    file = connection.exec_driver_sql("SELECT file FROM pragma_database_list WHERE name = 'main'").scalar_one()
    if shutil.disk_usage(Path(file).parent).free < 2 * pages * size:
        yield Obstacle("disk", "the disk has no room for the file twice more")


def claim(connection: sa.Connection, table: sa.Table) -> None:
    """Nothing to do: a writing transaction is the only one."""


def write(
    connection: sa.Connection, table: sa.Table, names: list[str], rows: sa.Select[Any], at: Callable[[str], None]
) -> int:
    """Write rows into a table like this one, which takes its place; returns how many there are.

    Raises:
        Unfit: the definitions would differ; the transaction is to be rolled back.
    """
    try:
        return _write(connection, table, names, rows, at)
    except sa.exc.DBAPIError as error:
        name = getattr(error.orig, "sqlite_errorname", None) or ""
        if not name.startswith(("SQLITE_ERROR", "SQLITE_FULL", "SQLITE_CONSTRAINT")):
            raise
        raise Unfit(Strategy.REWRITE, Obstacle(name.lower(), f"the store refused a statement ({name})")) from None


def _write(
    connection: sa.Connection, table: sa.Table, names: list[str], rows: sa.Select[Any], at: Callable[[str], None]
) -> int:
    quoted = connection.dialect.identifier_preparer.quote(table.name)
    before = _definitions(connection, table)
    autoincrement = _sequence(connection, table)
    connection.exec_driver_sql(f"ALTER TABLE {quoted} RENAME TO {ASIDE}")
    for made in [sql for kind, _, sql in before if kind == "table" and sql]:
        connection.exec_driver_sql(made)
    aside = sa.Table(ASIDE, sa.MetaData(), *(sa.Column(each.name, each.type) for each in table.c))
    moved = _over(rows, table, aside)
    filling = sa.insert(table).from_select(names, moved, include_defaults=False)
    written = connection.execute(filling, execution_options={"preserve_rowcount": True}).rowcount
    at("mid_batch")
    connection.exec_driver_sql(f"DROP TABLE {ASIDE}")
    for kind, _, sql in before:
        if kind == "index" and sql:
            connection.exec_driver_sql(sql)
    for value in autoincrement:
        connection.execute(
            sa.text("UPDATE sqlite_sequence SET seq = :value WHERE name = :name"), {"value": value, "name": table.name}
        )
    at("swapped")
    if _definitions(connection, table) != before or _sequence(connection, table) != autoincrement:
        raise Unfit(Strategy.REWRITE, Obstacle("likeness", "the new table would differ in its definition"))
    return written


def _over(rows: sa.Select[Any], table: sa.Table, aside: sa.Table) -> sa.Select[Any]:
    """The same query over the table under its other name."""

    def other(element: Any, **_: Any) -> Any:
        if element is table:
            return aside
        return aside.c[element.name] if isinstance(element, sa.Column) and element.table is table else None

    moved: Any = replacement_traverse(rows, {}, other)
    return cast("sa.Select[Any]", moved)


def _definitions(connection: sa.Connection, table: sa.Table) -> list[tuple[str, str, str | None]]:
    found = connection.execute(
        sa.text("SELECT type, name, sql FROM sqlite_master WHERE tbl_name = :name ORDER BY type, name"),
        {"name": table.name},
    )
    return [(kind, name, sql) for kind, name, sql in found]


def _sequence(connection: sa.Connection, table: sa.Table) -> list[int]:
    if not _asked(connection, "SELECT name FROM sqlite_master WHERE name = 'sqlite_sequence'", table):
        return []
    return [int(each) for each in _asked(connection, "SELECT seq FROM sqlite_sequence WHERE name = :name", table)]


def _asked(connection: sa.Connection, query: str, table: sa.Table) -> list[Any]:
    text = sa.text(query)
    return list(connection.execute(text, {"name": table.name} if ":name" in query else {}).scalars())
