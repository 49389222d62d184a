"""Suppress: NULL, or the most empty constant that the column's type and NOT NULL admit."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from connectors.base import FieldShape
from pipelines.anonymise.families import Family, family_of
from pipelines.anonymise.replacement import Constant, Replacement, TechniqueUnfit
from pipelines.anonymise.unique import unique

NO_DAY = dt.date(1900, 1, 1)
"""What stands in a date column that may not be NULL."""

_EMPTY: dict[Family, tuple[Any, str]] = {
    Family.TEXT: ("", ""),
    Family.INTEGER: (0, "0"),
    Family.DECIMAL: (Decimal(0), r"0(\.0+)?"),
    Family.DATE: (NO_DAY, r"1900-01-01( 00:00:00)?"),
    Family.INSTANT: (dt.datetime(1900, 1, 1, tzinfo=dt.UTC), r"(1900-01-01|1899-12-31).*"),
    Family.TIME: (dt.time(0), r"00:00.*"),
    Family.BOOLEAN: (False, r"False|false|f|0"),
    Family.NETWORK: ("0.0.0.0", r"0\.0\.0\.0(/\d+)?"),  # noqa: S104 - the unspecified address, nothing binds to it
    Family.JSON: ("{}", r"\{\}"),
    Family.BYTES: (b"", r"b''"),
}


def suppress(shape: FieldShape) -> Replacement:
    """Overwrite with NULL; with an empty constant where NULL is refused; with random text where that must be unique.

    Raises:
        TechniqueUnfit: the type admits neither.
    """
    if shape.nullable:
        return Replacement("suppress", Constant(None), lambda _: "", None, nullable=True)
    family = family_of(shape.type)
    if shape.unique or family is Family.UUID:
        return unique(shape)
    if family not in _EMPTY:
        raise TechniqueUnfit("suppress", shape, "NULL is refused and no empty value of this type is known")
    value, pattern = _EMPTY[family]
    return Replacement("suppress", Constant(value), lambda _: "", pattern, nullable=False)
