"""Which columns are candidates at all, and the sample of values by which they are judged.

Types decide first: a boolean, a date that is no birth date, a number without a name for it are not personal, and
never reach Presidio, which takes any ten digits for a phone number.
"""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import hashlib
import math
import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pipelines.classify.verdict import Column
from pipelines.classify.wording import storable

DISTINCT = 100
"""The most distinct values of a column that are looked at."""

LONG = 12
"""Words on average above which a column is free text."""

CHARACTERS = 2_000
"""Characters of a value that are looked at."""


class Family(enum.StrEnum):
    """What a declared type holds."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    BOOLEAN = "boolean"
    BINARY = "binary"
    NETWORK = "network"
    UUID = "uuid"
    JSON = "json"
    PLACE = "place"


_FAMILIES = (
    (r"text", Family.TEXT),  # also `BLOB SUB_TYPE TEXT`
    (r"json", Family.JSON),
    (r"uuid|uniqueidentifier", Family.UUID),
    (r"^(point|geometry|geography)\b", Family.PLACE),
    (r"\b(inet|cidr|macaddr)", Family.NETWORK),
    (r"\bbool|^bit$|tinyint\(1\)", Family.BOOLEAN),
    (r"\b((small)?date|time|year|interval)", Family.DATE),
    (r"\b((tiny|medium|long)?blob|bytea|(var)?binary|image)\b", Family.BINARY),
    (r"\b(u?(tiny|small|medium|big)?int(eger)?\d*|(small|big)?serial\d*)\b", Family.NUMBER),
    (r"\b(numeric|decimal|real|double|float\d*|(small)?money|number)\b", Family.NUMBER),
)
"""Whole words: `point` is no `int`, nor is `print_date` (somebody's own type) a date."""

_BY_VALUE: tuple[tuple[type | tuple[type, ...], Family], ...] = (
    (bool, Family.BOOLEAN),  # before int, of which it is one
    ((int, float, decimal.Decimal), Family.NUMBER),
    ((dt.date, dt.time), Family.DATE),
    (bytes, Family.BINARY),
    (uuid.UUID, Family.UUID),
)

_DATE = re.compile(
    r"(\d{4}[-/.]\d{1,2}([-/.]\d{1,2})?|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2})|(19|20)\d{2}(0[1-9]|1[0-2])([0-2]\d|3[01]))"
    r"([ T]\d{1,2}[:h]\d{2}.*)?|\d{1,2}[:h]\d{2}(:\d{2}(\.\d+)?)?"
)
"""Dates as they are written, year or day first, with or without a time; and times of day."""


@dataclass(frozen=True, slots=True)
class Sample:
    """At most `DISTINCT` distinct texts of a column, and what they look like. ``filled`` counts non-empty values."""

    texts: tuple[str, ...]
    filled: int
    distinct: int

    @property
    def words(self) -> float:
        """Words in a value, on average."""
        return sum(len(text.split()) for text in self.texts) / len(self.texts) if self.texts else 0.0

    @property
    def long(self) -> bool:
        """Whether these are whole texts."""
        return self.words > LONG

    @property
    def enumeration(self) -> bool:
        """Whether few values come again and again."""
        return self.distinct <= 25 and self.filled >= 4 * self.distinct and self.filled >= 20  # noqa: PLR2004

    def share(self, pattern: str) -> float:
        """The share of distinct values that match a pattern as a whole."""
        return sum(bool(re.fullmatch(pattern, text)) for text in self.texts) / len(self.texts) if self.texts else 0.0

    @property
    def dates(self) -> bool:
        """Whether these are dates written as text."""
        return bool(self.texts) and sum(bool(_DATE.fullmatch(text)) for text in self.texts) >= 0.9 * len(self.texts)


def family_of(column: Column) -> Family:
    """What the column's type holds; where none is declared (SQLite), what its values are, text unless they agree."""
    declared = column.type.lower()
    for pattern, family in _FAMILIES:
        if re.search(pattern, declared):
            return family
    if declared and declared not in {"null", "any"}:
        return Family.TEXT
    found = {_of_value(value) for value in column.values if value is not None}
    return found.pop() if len(found) == 1 else Family.TEXT


def _of_value(value: Any) -> Family:
    return next((family for kind, family in _BY_VALUE if isinstance(value, kind)), Family.TEXT)


def sample_of(values: Iterable[Any]) -> Sample:
    """The column's values as distinct texts, chosen by a stable hash so that two scans agree."""
    texts = [text for text in map(_text, values) if text]
    distinct = set(texts)
    chosen = sorted(distinct, key=lambda text: hashlib.blake2b(text.encode(), digest_size=8).digest())[:DISTINCT]
    return Sample(tuple(chosen), len(texts), len(distinct))


def _text(value: Any) -> str:
    if value is None or isinstance(value, (bytes, memoryview)) or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return storable(str(value).strip()[:CHARACTERS])
