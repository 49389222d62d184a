"""Unique replacement: random, for columns where no two rows may agree; addresses lie under `.invalid` (RFC 2606).

A number is negative, as no sequence gives any.
"""

from __future__ import annotations

import re
import secrets

from connectors.base import FieldShape
from pipelines.anonymise.families import Family, family_of
from pipelines.anonymise.replacement import Digits, Fresh, Replacement, TechniqueUnfit

DOMAIN = "anonymous.invalid"
"""The domain of invented addresses, which can never exist."""

_WIDTH = 19
_NARROW, _WIDE = 2**31 - 2, 2**53 - 2
_FULL = 32
_LEAST = 12
"""Below 48 random bits, a large table would meet itself."""


def unique_address(shape: FieldShape) -> Replacement:
    """An e-mail address of random hexadecimal digits under `DOMAIN`, cut to the column's length.

    Raises:
        TechniqueUnfit: the column is no text or too short.
    """
    return _fresh(shape, "unique_address", suffix=f"@{DOMAIN}")


def unique(shape: FieldShape) -> Replacement:
    """Random hexadecimal digits, a random UUID in a column of that type, a random negative number in one of numbers.

    Raises:
        TechniqueUnfit: the column is none of these, too short, or has no negative numbers or too few of them.
    """
    return _number(shape) if family_of(shape.type) is Family.INTEGER else _fresh(shape, "unique")


def _number(shape: FieldShape) -> Replacement:
    declared = shape.type.upper()
    if re.search(r"UNSIGNED|TINY|SMALL|MEDIUM|INT2", declared):
        raise TechniqueUnfit("unique", shape, "random numbers are negative and of 32 bits or more")
    below = _WIDE if re.search(r"BIG|INT8", declared) or shape.dialect == "sqlite" else _NARROW
    digits = Digits("-", below=below, factor=1, width=_WIDTH)
    return Replacement("unique", digits, lambda _: str(-secrets.randbelow(below)), r"-\d+|0", nullable=False)


def _fresh(shape: FieldShape, technique: str, suffix: str = "") -> Replacement:
    family = family_of(shape.type)
    if family is Family.UUID and not suffix:
        digits, pattern = _FULL, r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}"
    elif family is Family.TEXT:
        digits = _FULL if shape.length is None else min(_FULL, shape.length - len(suffix))
        pattern = rf"[0-9a-f]{{{digits}}}{suffix.replace('.', '[.]')}"
    else:
        raise TechniqueUnfit(technique, shape, "random replacements are texts")
    if digits < _LEAST:
        raise TechniqueUnfit(technique, shape, "too short for random values that do not meet")
    return Replacement(
        technique,
        Fresh(digits, suffix=suffix),
        lambda _: secrets.token_hex(_FULL)[:digits] + suffix,
        pattern,
        nullable=False,
    )
