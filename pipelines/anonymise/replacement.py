"""What a technique answers: how one column is overwritten, how one value is, and what the result must look like."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement

from connectors.base import FieldShape


class TechniqueUnfit(ValueError):
    """A technique cannot give this column a value that its type, length or uniqueness admits."""

    def __init__(self, technique: str, shape: FieldShape, why: str) -> None:
        super().__init__(f"technique {technique} does not fit column {shape.name} ({shape.type}): {why}")


@dataclass(frozen=True, slots=True)
class Constant:
    """Every row gets the same value; None is NULL."""

    value: Any


@dataclass(frozen=True, slots=True)
class Draw:
    """Every row gets a value drawn from a pool of this kind (`pools.KINDS`), whatever was there, NULL included.

    ``by`` names the column that holds the row's locale (`fr_FR`, `en`): rows whose language has a pool of its own draw
    from it, all others from a mixed one. ``longest`` limits the values' length in characters.
    """

    kind: str
    longest: int | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Fresh:
    """Every row gets random hexadecimal digits of a secure generator, and ``suffix``, whatever was there."""

    digits: int
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Coarse:
    """Every row keeps a coarser form of its own value; the function builds it for a column and a dialect's name."""

    build: Callable[[ColumnElement[Any], str], ColumnElement[Any]]


@dataclass(frozen=True, slots=True)
class Digits:
    """Every row gets ``prefix`` and decimal digits, whatever was there.

    The digits are a random whole number below ``below``, times ``factor``, with zeros before it up to ``width``.
    """

    prefix: str
    below: int
    factor: int
    width: int


@dataclass(frozen=True, slots=True)
class Joined:
    """Every row gets the values of several assignments, one after the other, with spaces between them."""

    parts: tuple[Draw | Fresh, ...]


Assignment = Constant | Draw | Fresh | Coarse | Digits | Joined


@dataclass(frozen=True, slots=True)
class Replacement:
    """How one column is anonymised.

    ``item`` replaces a single text (a header, a property). ``pattern`` is a regular expression that the text form of
    every replaced value (of bytes, their hexadecimal digits) matches in full; None when only NULL is valid.
    ``nullable`` says whether NULL is valid too.
    """

    technique: str
    assignment: Assignment
    item: Callable[[str], str]
    pattern: str | None
    nullable: bool

    def valid(self, value: Any) -> bool:
        """Whether a value found after the run can be this replacement's."""
        if value is None:
            return self.nullable
        text = value.hex() if isinstance(value, bytes) else str(value)
        return self.pattern is not None and re.fullmatch(self.pattern, text) is not None
