"""Replace: a plausible invented value, drawn from a pool without regard to what was there."""

from __future__ import annotations

import functools
import secrets

from connectors.base import FieldShape
from pipelines.anonymise.families import Family, family_of
from pipelines.anonymise.pools import KINDS, pool
from pipelines.anonymise.replacement import Draw, Replacement, TechniqueUnfit
from pipelines.anonymise.unique import unique

_LEAST = 4
"""Characters below which nothing plausible fits."""

PHONE = r"(01 99 00|02 61 91|03 53 01|04 65 71|05 36 49|06 39 98)( \d\d){2}|01632 960\d{3}|07700 900\d{3}"
"""Telephone numbers that belong to nobody."""

PHONE_LENGTH = 14
"""Characters of the longest invented telephone number."""


def replace(shape: FieldShape, kind: str, locale_column: str | None = None) -> Replacement:
    """Draw from the pool of a kind: in the language that the row's locale column names, else in any.

    A unique column gets random digits instead, since pools repeat.

    Raises:
        TechniqueUnfit: the column is no text, or too short.
        KeyError: no such kind.
    """
    if family_of(shape.type) is not Family.TEXT:
        raise TechniqueUnfit("replace", shape, "invented values are texts")
    if shape.unique:
        return unique(shape)
    if shape.length is not None and shape.length < (PHONE_LENGTH if kind == "phone" else _LEAST):
        raise TechniqueUnfit("replace", shape, "too short for an invented value")
    if kind not in KINDS:
        raise KeyError(kind)

    @functools.cache
    def mixed() -> tuple[str, ...]:
        return pool(kind, "", shape.length).values

    return Replacement(
        f"replace_{kind}",
        Draw(kind, shape.length, locale_column),
        lambda _: secrets.choice(mixed()),
        PHONE if kind == "phone" else r"[^@\n]+",
        nullable=False,
    )
