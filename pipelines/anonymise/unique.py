"""Unique replacement: random, for columns where no two rows may agree; addresses lie under `.invalid` (RFC 2606)."""

from __future__ import annotations

import secrets

from connectors.base import FieldShape
from pipelines.anonymise.families import Family, family_of
from pipelines.anonymise.replacement import Fresh, Replacement, TechniqueUnfit

DOMAIN = "anonymous.invalid"
"""The domain of invented addresses, which can never exist."""

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
    """Random hexadecimal digits, or a random UUID in a column of that type.

    Raises:
        TechniqueUnfit: the column is neither text nor UUID, or too short.
    """
    return _fresh(shape, "unique")


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
