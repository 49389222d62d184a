"""What PostgreSQL's catalogue says of one table, by names alone, and the statements that put another in its place.

`described` is everything that somebody could have decided about a table: two tables with the same description differ
in their rows and in nothing else. A table that is written anew is compared with what it replaces by it, inside the
transaction, so that a decoration which nobody has thought of undoes the transaction and not the decoration. The
queries are in `likeness.sql`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from connectors.sql.queries import ask, queries
from connectors.sql.temporary import create_filled

Description = Mapping[str, tuple[tuple[Any, ...], ...]]
"""By subject, what the catalogue says."""

_FILE = "likeness.sql"


def described(connection: sa.Connection, oid: int) -> Description:
    """Everything that the catalogue says of a table, with the values of the sequences of its identity columns."""
    found: dict[str, tuple[tuple[Any, ...], ...]] = {}
    for subject, query in queries(_FILE, "describe").items():
        found[subject] = tuple(_plain(row) for row in ask(connection, query, oid=oid))
    return {**found, "values of sequences": tuple(_values(connection, oid))}


def differences(one: Description, other: Description) -> tuple[str, ...]:
    """The subjects in which two descriptions differ."""
    return tuple(subject for subject, said in one.items() if other[subject] != said)


def making(connection: sa.Connection, oid: int, made: str) -> list[str]:
    """Make an empty table ``made`` (a quoted name) with the same columns, checks and defaults."""
    return _statements(connection, "make", oid, made)


def filled(connection: sa.Connection, oid: int, made: str, rows: sa.Select[Any], table: sa.Table) -> int | None:
    """Make ``made`` of rows, with the same columns, checks and defaults; the number of rows.

    Several processes read the rows then, which they do not for rows that are inserted. Values are refused as an INSERT
    would refuse them. None where a table has what only an empty one can be given: nothing is made.
    """
    if ask(connection, queries(_FILE, "unfilled")["what only an empty table can be given"], oid=oid).first():
        return None
    columns = ask(connection, queries(_FILE, "fill")["columns"], oid=oid).scalars().all()
    prefix, storage = tuple(ask(connection, queries(_FILE, "fill")["storage"], oid=oid).one())
    fitted: list[sa.ColumnElement[Any]] = [sa.literal_column(each) for each in columns]
    given = sa.select(*fitted).select_from(rows.subquery("ardoise_rows"))
    new = sa.Table(table.name, sa.MetaData(), schema=table.schema, prefixes=[prefix] if prefix else [])
    count = create_filled(connection, new, given, storage)
    run(connection, _statements(connection, "filled", oid, made))
    return count


def indexing(connection: sa.Connection, oid: int, made: str) -> list[str]:
    """Give the loaded table the same indexes, keys and foreign keys, the indexes under names of their own."""
    return _statements(connection, "index", oid, made)


def taking_place(connection: sa.Connection, oid: int, made: str) -> list[str]:
    """Drop the table, and give its name to the one like it, with all that belongs to it by name.

    To be asked once nobody else can use the table: the values of its sequences are read here.
    """
    values = _values(connection, oid)
    return [
        *_statements(connection, "place", oid, made),
        *(f"SELECT setval({_literal(name)}, {last}, {str(called).lower()})" for name, last, called in values),
    ]


def run(connection: sa.Connection, statements: Sequence[str]) -> None:
    """Execute statements as they stand."""
    for each in statements:
        connection.exec_driver_sql(each.replace("%", "%%"))


def _statements(connection: sa.Connection, part: str, oid: int, made: str) -> list[str]:
    found: list[str] = []
    for query in queries(_FILE, part).values():
        found += ask(connection, query, oid=oid, made=made).scalars().all()
    return found


def _values(connection: sa.Connection, oid: int) -> list[tuple[str, int, bool]]:
    """The sequences of identity columns, kept from moving on until the transaction ends, with what they say."""
    found = []
    for row in ask(connection, queries(_FILE, "values")["sequences of identity columns"], oid=oid).all():
        name, cache = tuple(row)
        connection.exec_driver_sql(f"ALTER SEQUENCE {name} CACHE {cache}")
        last, called = connection.exec_driver_sql(f"SELECT last_value, is_called FROM {name}").one()  # noqa: S608 - quoted by the catalogue
        found.append((name, last, called))
    return found


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _plain(row: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(tuple(each) if isinstance(each, list) else each for each in row)
