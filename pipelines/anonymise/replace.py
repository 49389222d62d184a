"""Replace: a plausible invented value, drawn from a pool without regard to what was there."""

from __future__ import annotations

import functools
import re
import secrets

from connectors.base import FieldShape
from pipelines.anonymise import nobody
from pipelines.anonymise.families import Family, family_of
from pipelines.anonymise.pools import KINDS, pool
from pipelines.anonymise.replacement import Digits, Draw, Fresh, Joined, Replacement, TechniqueUnfit
from pipelines.anonymise.unique import unique

_LEAST = 4
"""Characters below which nothing plausible fits."""

_APART = 12
"""Hexadecimal digits that keep the values of a unique column apart."""


def replace(shape: FieldShape, kind: str, locale_column: str | None = None) -> Replacement:
    """Draw from the pool of a kind: in the language that the row's locale column names, else in any.

    Pools repeat. So in a unique column random digits follow what was drawn, a telephone number is of a country that
    does not exist, and what is too short for that, or would not be valid any more, is random digits only.

    Raises:
        TechniqueUnfit: the column is no text, or too short.
        KeyError: no such kind.
    """
    if family_of(shape.type) is not Family.TEXT:
        raise TechniqueUnfit(f"replace_{kind}", shape, "invented values are texts")
    if kind not in KINDS:
        raise KeyError(kind)
    if shape.unique:
        return _apart(shape, kind, locale_column)
    if shape.length is not None and shape.length < nobody.LENGTHS.get(kind, _LEAST):
        raise TechniqueUnfit(f"replace_{kind}", shape, "too short for an invented value")
    return Replacement(
        f"replace_{kind}",
        Draw(kind, shape.length, locale_column),
        _drawn(kind, shape.length),
        nobody.PATTERNS.get(kind, r"[^@\n]+"),
        nullable=False,
    )


def iban(shape: FieldShape) -> Replacement:
    """Random IBANs of no country, with right check digits; they meet only by chance, so unique columns take them too.

    Raises:
        TechniqueUnfit: the column is no text, or too short.
    """
    return _digits("replace_iban", shape, nobody.IBAN, nobody.IBAN_LENGTH)


def _apart(shape: FieldShape, kind: str, locale_column: str | None) -> Replacement:
    long = shape.length is None or shape.length >= nobody.UNIQUE_PHONE_LENGTH
    if kind == "phone" and long:
        return _digits("replace_phone", shape, nobody.UNIQUE_PHONE, nobody.UNIQUE_PHONE_LENGTH)
    left = None if shape.length is None else shape.length - _APART - 1
    if kind in nobody.NUMBERS or (left is not None and left < _LEAST):
        return unique(shape)
    drawn = _drawn(kind, left)
    return Replacement(
        f"replace_{kind}",
        Joined((Draw(kind, left, locale_column), Fresh(_APART))),
        lambda text: f"{drawn(text)} {secrets.token_hex(_APART)[:_APART]}",
        rf"[^@\n]+ [0-9a-f]{{{_APART}}}",
        nullable=False,
    )


def _drawn(kind: str, longest: int | None) -> functools.partial[str]:
    mixed = functools.cache(lambda: pool(kind, "", longest).values)
    return functools.partial(lambda _: secrets.choice(mixed()))


def _digits(technique: str, shape: FieldShape, digits: Digits, length: int) -> Replacement:
    if family_of(shape.type) is not Family.TEXT or (shape.length is not None and shape.length < length):
        raise TechniqueUnfit(technique, shape, f"it needs a text of {length} characters")
    pattern = rf"{re.escape(digits.prefix)}\d{{{digits.width}}}"

    def drawn(_: str) -> str:
        return f"{digits.prefix}{secrets.randbelow(digits.below) * digits.factor:0{digits.width}}"

    return Replacement(technique, digits, drawn, pattern, nullable=False)
