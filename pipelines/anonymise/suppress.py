"""Suppress: NULL, or the most empty constant that the column's type and NOT NULL admit."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Any

from connectors.base import FieldShape
from pipelines.anonymise.families import Family, family_of
from pipelines.anonymise.replacement import Constant, Replacement, TechniqueUnfit
from pipelines.anonymise.unique import unique

NO_DAY = dt.date(1900, 1, 1)
"""What stands in a date column that may not be NULL."""

FIRST = dt.datetime(1970, 1, 2)  # noqa: DTZ001 - its zone is the session's
FIRST_SHOWN = "1970-01-0[1-3].*"
"""The first day that is one in a TIMESTAMP of MariaDB wherever one is, and how a session of any zone shows it."""

Empty = tuple[Any, str]
"""A constant, and a pattern of its text (of its digits, where it is bytes or bits)."""

_EMPTY: dict[Family, Empty] = {
    Family.TEXT: ("", ""),
    Family.INTEGER: (0, "0"),
    Family.DECIMAL: (Decimal(0), r"0(\.0+)?"),
    Family.DATE: (NO_DAY, r"1900-01-01( 00:00:00)?"),
    Family.INSTANT: (dt.datetime(1900, 1, 1, tzinfo=dt.UTC), r"(1900-01-01|1899-12-31).*"),
    Family.TIME: (dt.time(0), r"00:00.*"),
    Family.BOOLEAN: (False, r"False|false|f|0"),
    Family.NETWORK: ("0.0.0.0", r"0\.0\.0\.0(/\d+)?"),  # noqa: S104 - the unspecified address, nothing binds to it
    Family.JSON: ("{}", r"\{\}"),
    Family.BYTES: (b"", ""),
}

_OF_TYPES: dict[str, Empty] = {
    "ARRAY": ("{}", r"\{\}"),
    "BIT": ("0", "0+"),
    "INET6": ("::", "::"),
    "INTERVAL": ("0", r"0?0:00:00|PT0S|(@ )?0"),
    r"MACADDR8?": ("00:00:00:00:00:00", "00:00:00(:ff:fe)?(:00){3}"),
    "MONEY": (Decimal(0), r"[^0-9]*0([.,]0+)?[^0-9]*"),
    "SET": ("", ""),
    "TSVECTOR": ("", ""),
    r"\w+MULTIRANGE": ("{}", r"\{\}"),
    r"\w+RANGE": ("empty", "empty"),
    "YEAR": (1901, "1901"),
}
"""Of types that are of no family, or have another empty value than it."""

_OF_MARIADB: dict[str, Empty] = {
    "BIT": (0, "0+"),
    "TIMESTAMP": (FIRST, FIRST_SHOWN),
}
"""Of types of MariaDB that other stores have too, with other bounds."""


def suppress(shape: FieldShape) -> Replacement:
    """Overwrite with NULL; with an empty constant where NULL is refused; with random text where that must be unique.

    Raises:
        TechniqueUnfit: the type admits neither.
    """
    if shape.nullable:
        return Replacement("suppress", Constant(None), lambda _: "", None, nullable=True)
    if shape.unique or family_of(shape.type) is Family.UUID:
        return unique(shape)
    empty = _empty(shape)
    if empty is None:
        raise TechniqueUnfit("suppress", shape, "NULL is refused and no empty value of this type is known")
    value, pattern = empty
    return Replacement("suppress", Constant(value), lambda _: "", pattern, nullable=False)


def _empty(shape: FieldShape) -> Empty | None:
    known = {**_OF_TYPES, **(_OF_MARIADB if shape.dialect in {"mysql", "mariadb"} else {})}
    name = _named(shape)
    special = next((empty for pattern, empty in known.items() if re.fullmatch(pattern, name)), None)
    return special or _EMPTY.get(family_of(shape.type))


def begins_in_1970(shape: FieldShape) -> bool:
    """Whether a column can hold no day before `FIRST`."""
    return shape.dialect in {"mysql", "mariadb"} and _named(shape) == "TIMESTAMP"


def _named(shape: FieldShape) -> str:
    return re.split(r"\W", shape.type.strip().upper())[0]
