"""Numbers, coarser: amounts to the step below, ages to bands, and values above a bound to the bound.

What stays says something of the person still: whether too much, k decides over all columns that are kept together.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import ColumnElement, Integer, Numeric, case, cast, func, literal

from connectors.base import FieldShape
from pipelines.anonymise.families import Family, family_of
from pipelines.anonymise.replacement import Coarse, Replacement, TechniqueUnfit

WIDTH, OLDEST = 10, 90
"""Years in a band of ages, and the band that holds everybody older."""

_STEP = re.compile(r"([125])(0*)")
_ENDS = {"1": r"\d", "2": "[02468]", "5": "[05]"}
_WHOLE = r"(\.0+)?"


def rounded(shape: FieldShape, step: int) -> Replacement:
    """A number becomes the next multiple of ``step`` that is not above it; the step is 1, 2 or 5 times a power of ten.

    Raises:
        TechniqueUnfit: the column holds no numbers, or the step is another.
    """
    match = _STEP.fullmatch(str(step))
    if match is None:
        raise TechniqueUnfit("rounded", shape, "option `step` is 1, 2 or 5 with zeros, such as 500")
    family = _family("rounded", shape)

    def build(column: ColumnElement[Any], dialect: str) -> ColumnElement[Any]:
        return _floor(column, step, dialect, family)

    pattern = rf"-?(0|\d*{_ENDS[match[1]]}{match[2]}){_WHOLE}"
    return Replacement("rounded", Coarse(build), _item(lambda n: _multiple(n, step)), pattern, nullable=shape.nullable)


def top_code(shape: FieldShape, at_most: int) -> Replacement:
    """A number above ``at_most`` becomes that bound; all others stay.

    Raises:
        TechniqueUnfit: the column holds no numbers, or the bound is below zero.
    """
    _family("top_code", shape)
    if at_most < 0:
        raise TechniqueUnfit("top_code", shape, "option `at_most` is not below zero")

    def build(column: ColumnElement[Any], _: str) -> ColumnElement[Any]:
        return case((column > at_most, literal(at_most, Integer)), else_=column)

    item = _item(lambda n: min(n, Decimal(at_most)))
    return Replacement("top_code", Coarse(build), item, _not_above(str(at_most)), nullable=shape.nullable)


def age_band(shape: FieldShape, width: int = WIDTH) -> Replacement:
    """An age becomes the first of its band of ``width`` years (37 → 30); everybody from `OLDEST` on is of that age.

    Raises:
        TechniqueUnfit: the column holds no numbers, or the width does not divide `OLDEST`.
    """
    family = _family("age_band", shape)
    if width < 2 or OLDEST % width:  # noqa: PLR2004
        raise TechniqueUnfit("age_band", shape, f"option `width` divides {OLDEST}, such as 5, 10 or 30")

    def build(column: ColumnElement[Any], dialect: str) -> ColumnElement[Any]:
        first = _floor(column, width, dialect, family)
        return case((column >= OLDEST, literal(OLDEST, Integer)), (column < 0, literal(0, Integer)), else_=first)

    def first(age: Decimal) -> Decimal:
        return max(min(_multiple(age, width), Decimal(OLDEST)), Decimal(0))

    ages = "|".join(str(age) for age in range(0, OLDEST + 1, width))
    return Replacement("age_band", Coarse(build), _item(first), rf"({ages}){_WHOLE}", nullable=shape.nullable)


def _family(technique: str, shape: FieldShape) -> Family:
    family = family_of(shape.type)
    if family not in {Family.INTEGER, Family.DECIMAL}:
        raise TechniqueUnfit(technique, shape, "only numbers are rounded or bounded")
    return family


def _floor(column: ColumnElement[Any], step: int, dialect: str, family: Family) -> ColumnElement[Any]:
    """The next multiple below, for negative numbers too."""
    by = literal(step, Integer)
    if family is Family.INTEGER:
        return column - (column % by + by) % by
    if dialect == "sqlite":  # it may know no floor
        whole = cast(column / cast(by, Numeric), Integer)
        return (whole - case((whole * by > column, literal(1, Integer)), else_=literal(0, Integer))) * by
    return func.floor(column / by) * by


def _multiple(number: Decimal, step: int) -> Decimal:
    return Decimal(math.floor(number / step) * step)


def _item(change: Callable[[Decimal], Decimal]) -> Callable[[str], str]:
    def changed(text: str) -> str:
        try:
            number = Decimal(text.strip())
        except InvalidOperation:
            return ""
        return format(change(number), "f") if number.is_finite() else ""

    return changed


def _not_above(bound: str) -> str:
    """A pattern of the numbers that are not above a whole number."""
    shorter = [rf"\d{{1,{len(bound) - 1}}}"] if len(bound) > 1 else []
    digits = [(at, int(digit)) for at, digit in enumerate(bound) if digit != "0"]
    lower = [rf"{bound[:at]}[0-{digit - 1}]\d{{{len(bound) - at - 1}}}" for at, digit in digits]
    less = "|".join([*shorter, *lower])
    below = rf"({less})(\.\d+)?|" if less else ""
    return rf"-\d+(\.\d+)?|{below}{bound}{_WHOLE}"
