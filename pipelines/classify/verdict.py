"""What classification says of a column, and why."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


class Verdict(enum.StrEnum):
    """Whether a column holds personal data. `REVIEW`: a person has to say."""

    PERSONAL = "personal"
    NOT_PERSONAL = "not personal"
    REVIEW = "for review"


class Source(enum.StrEnum):
    """Where a piece of evidence comes from."""

    SCHEMA = "schema"
    NAME = "name"
    PATTERN = "pattern"
    LANGUAGE_MODEL = "language model"
    VALUES = "values"
    VOCABULARY = "vocabulary"
    PATHS = "paths"
    TABLE = "table"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One reason. ``share`` is that of the distinct sampled values that agree; no value is ever quoted."""

    source: Source
    says: str
    share: float | None = None

    def __str__(self) -> str:
        """The reason as a short phrase: `pattern EMAIL_ADDRESS 98 %`."""
        tail = "" if self.share is None else f" {self.share:.0%}".replace("%", " %")
        return f"{self.source.value} {self.says}{tail}"


@dataclass(frozen=True, slots=True)
class Column:
    """A column to classify: its name, its declared type, and some of its values.

    ``sampled`` is how many records the values come from, empty ones included.
    """

    name: str
    type: str = ""
    values: Sequence[Any] = ()
    sampled: int = 0
    key: bool = False
    unique: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table to classify: its columns, and the tables that its foreign keys point at."""

    name: str
    columns: tuple[Column, ...]
    references: tuple[str, ...] = ()
    linking: frozenset[str] = field(default_factory=frozenset)
    """The columns that are part of a foreign key."""


@dataclass(frozen=True, slots=True)
class ColumnVerdict:
    """What classification says of one column. ``category`` is None unless something speaks for one.

    ``inside``: the verdicts on the paths of a JSON column, by path (`client.email`, `lines[].sku`).
    """

    column: str
    verdict: Verdict
    category: str | None
    evidence: tuple[Evidence, ...]
    inside: tuple[ColumnVerdict, ...] = ()

    @property
    def personal(self) -> bool:
        """Whether the column is personal without a doubt."""
        return self.verdict is Verdict.PERSONAL
