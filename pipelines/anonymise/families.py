"""What kind of value a column holds, from the type that its store declares."""

from __future__ import annotations

import enum
import re


class Family(enum.StrEnum):
    """Kinds of column types that a replacement has to tell apart."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    DATE = "date"
    INSTANT = "instant"
    TIME = "time"
    BOOLEAN = "boolean"
    NETWORK = "network"
    UUID = "uuid"
    JSON = "json"
    BYTES = "bytes"
    OTHER = "other"


_PATTERNS = (
    (r"JSONB?", Family.JSON),
    (r"UUID", Family.UUID),
    (r"INET[46]?|CIDR", Family.NETWORK),
    (r"BOOL(EAN)?", Family.BOOLEAN),
    (r"TIMESTAMP.*|DATETIME.*", Family.INSTANT),
    (r"DATE", Family.DATE),
    (r"TIME.*", Family.TIME),
    (r"(TINY|SMALL|MEDIUM|BIG)?(INT|INTEGER|SERIAL)(\(.*| .*)?|INT[248]", Family.INTEGER),
    (r"(NUMERIC|DECIMAL|REAL|FLOAT|DOUBLE|MONEY).*", Family.DECIMAL),
    (r".*(BLOB|BYTEA|BINARY).*", Family.BYTES),
    (r".*(CHAR|TEXT|CLOB|STRING|NAME|CITEXT).*", Family.TEXT),
)


def family_of(type_name: str) -> Family:
    """The family of a declared type, such as `character varying(40)`; a column without a type is text (SQLite)."""
    name = type_name.strip().upper()
    if not name or name == "NULL":
        return Family.TEXT
    return next((family for pattern, family in _PATTERNS if re.fullmatch(pattern, name)), Family.OTHER)


def pattern_of(*families: Family) -> str:
    """A regular expression that the declared types of these families match in full, whatever their case."""
    patterns = [f"(?:{pattern})" for pattern, family in _PATTERNS if family in families]
    return "|".join([*patterns, *(["NULL", ""] if Family.TEXT in families else [])])
