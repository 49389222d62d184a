"""The columns of a table of which a key, a constraint or an index says that no two rows agree, alone or with others.

An index may be of an expression (`lower(phone)`), and a column generated from others: then what these are made of
counts, by the names of columns in their texts. What a partial index's condition names does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

_APART = re.compile(r"'(?:[^'\\]|''|\\.)*'|--[^\n]*|/\*.*?\*/", re.DOTALL)
"""Literals and comments."""
_GENERATED = re.compile(r"\bAS\s*\(", re.IGNORECASE)
_UNIQUE = re.compile(r"\s*CREATE\s+UNIQUE\s", re.IGNORECASE)


@dataclass(frozen=True)
class Written:
    """What SQLAlchemy does not read of a SQLite table: the texts of its unique indexes and of generated columns."""

    indexes: list[str] = field(default_factory=list)
    generated: list[str] = field(default_factory=list)


def written(connection: sa.Connection) -> dict[str, Written]:
    """By table; of SQLite alone. Generated columns are in the order of the table's."""
    found: dict[str, Written] = {}
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql("SELECT type, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        for kind, table, text in rows:
            mine, plain = found.setdefault(table, Written()), _APART.sub(" ", text)
            if kind == "table":
                mine.generated.extend(_enclosed(plain[each.end() :]) for each in _GENERATED.finditer(plain))
            elif kind == "index" and _UNIQUE.match(plain):
                mine.indexes.append(_enclosed(plain.partition("(")[2]))
    return found


def keep_unique(connection: sa.Connection, table: sa.Table) -> None:
    """Let a reflected table have the constraints of SQLite that SQLAlchemy does not read out of its columns' texts."""
    if connection.dialect.name == "sqlite":
        indexes = sa.inspect(connection).get_indexes(table.name, include_auto_indexes=True)
        for each in indexes:
            if str(each["name"]).startswith("sqlite_autoindex_"):
                table.append_constraint(sa.UniqueConstraint(*map(str, each["column_names"])))


def unique_columns(
    columns: Sequence[Mapping[str, Any]],
    key: Iterable[str],
    indexes: Iterable[Mapping[str, Any]],
    constraints: Iterable[Mapping[str, Any]],
    text: Written,
) -> set[str]:
    """Of a table as SQLAlchemy reflects it, and as ``text`` has it besides."""
    names = [each["name"] for each in columns]
    # PostgreSQL says of an exclusion what it says of a constraint, but not that its index is unique.
    apart = [each for each in indexes if each.get("unique") or "duplicates_constraint" in each]
    found = {*key, *(name for each in (*apart, *constraints) for name in each["column_names"] if name)}
    for each in (*text.indexes, *(made for index in apart for made in index.get("expressions", ()))):
        found.update(_named(each, names))
    made = _generated(columns, text)
    waiting = list(found)
    while waiting:  # a generated column may be made of another
        under = set(_named(made.get(waiting.pop(), ""), names)) - found
        found |= under
        waiting += under
    return found


def _generated(columns: Iterable[Mapping[str, Any]], text: Written) -> dict[str, str]:
    """What each generated column is made of."""
    found = {each["name"]: each["computed"]["sqltext"] for each in columns if each.get("computed")}
    return dict(zip(found, text.generated, strict=False)) if text.generated else found


def _named(text: str, names: Iterable[str]) -> Iterator[str]:
    """The columns that an expression names; what is called with arguments is a function."""
    plain = _APART.sub(" ", text)
    for name in names:
        if re.search(rf"(?<!\w){re.escape(name)}(?!\w|\s*\()", plain, re.IGNORECASE):
            yield name


def _enclosed(text: str) -> str:
    """The beginning of a text, up to the parenthesis that closes one that was opened before it."""
    depth = 1
    for at, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if depth == 0:
            return text[:at]
    return text
