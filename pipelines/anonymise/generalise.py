"""Generalise: keep a coarser form of the value. What stays says something of the person: k decides whether too much."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Date, DateTime, Text, case, cast, func, literal, literal_column, type_coerce

from connectors.base import FieldShape
from pipelines.anonymise.families import Family, family_of
from pipelines.anonymise.replacement import Coarse, Constant, Replacement, TechniqueUnfit
from pipelines.anonymise.suppress import suppress

ANY = "*"
"""The top of every hierarchy of texts."""


def month(shape: FieldShape) -> Replacement:
    """A date becomes the first day of its month.

    Raises:
        TechniqueUnfit: the column holds neither dates nor ISO texts.
    """
    return _date(shape, "month", r"\d{4}-\d\d-01")


def quarter(shape: FieldShape) -> Replacement:
    """A date becomes the first day of its quarter.

    Raises:
        TechniqueUnfit: the column holds neither dates nor ISO texts.
    """
    return _date(shape, "quarter", r"\d{4}-(01|04|07|10)-01")


def year(shape: FieldShape) -> Replacement:
    """A date becomes the first of January of its year.

    Raises:
        TechniqueUnfit: the column holds neither dates nor ISO texts.
    """
    return _date(shape, "year", r"\d{4}-01-01")


def decade(shape: FieldShape) -> Replacement:
    """A date becomes the first of January of its decade.

    Raises:
        TechniqueUnfit: the column holds neither dates nor ISO texts.
    """
    return _date(shape, "decade", r"\d{3}0-01-01")


def department(shape: FieldShape) -> Replacement:
    """A French postcode becomes its département (`75`, `974`); any other becomes `ANY`.

    Raises:
        TechniqueUnfit: the column is neither text nor integer.
    """
    family = family_of(shape.type)
    if family is Family.INTEGER:
        return Replacement("department", Coarse(_thousands), _department, r"\d{1,3}", nullable=shape.nullable)
    if family is not Family.TEXT:
        raise TechniqueUnfit("department", shape, "a postcode is a text or a number")
    return Replacement("department", Coarse(_department_sql), _department, r"\d{2,3}|\*", nullable=shape.nullable)


def anywhere(shape: FieldShape) -> Replacement:
    """A city, region or country becomes `ANY`.

    Raises:
        TechniqueUnfit: the column is no text.
    """
    if family_of(shape.type) is not Family.TEXT:
        raise TechniqueUnfit("anywhere", shape, "a place is a text")
    return Replacement("anywhere", Constant(ANY), lambda _: ANY, r"\*", nullable=False)


def anything(shape: FieldShape) -> Replacement:
    """Any value becomes the same one: NULL, or a constant where NULL is refused (`ANY` in a text).

    Raises:
        TechniqueUnfit: the column is unique, or no constant of its type is known.
    """
    if shape.unique:
        raise TechniqueUnfit("any", shape, "no two rows may agree")
    if family_of(shape.type) is Family.TEXT and not shape.nullable and shape.length != 0:
        return Replacement("any", Constant(ANY), lambda _: ANY, r"\*", nullable=False)
    return dataclasses.replace(suppress(shape), technique="any")


_QUARTERS = {"01": "01", "02": "01", "03": "01", "04": "04", "05": "04", "06": "04", "07": "07", "08": "07", "09": "07",
             "10": "10", "11": "10", "12": "10"}  # fmt: skip
"""The first month of each month's quarter."""

_DAYS: dict[str, Callable[[str], str]] = {
    "month": lambda iso: f"{iso[:7]}-01",
    "quarter": lambda iso: f"{iso[:5]}{_QUARTERS.get(iso[5:7], iso[5:7])}-01",
    "year": lambda iso: f"{iso[:4]}-01-01",
    "decade": lambda iso: f"{iso[:3]}0-01-01",
}
"""The first day of the period of an ISO day."""


def _date(shape: FieldShape, technique: str, days: str) -> Replacement:
    family = family_of(shape.type)
    if family not in {Family.DATE, Family.INSTANT, Family.TEXT}:
        raise TechniqueUnfit(technique, shape, f"only dates have a {technique}")
    pattern = days + ("" if family is Family.TEXT else r"([ T]00:00.*)?")
    if family is Family.TEXT:
        pattern += r"|\*"

    def value(text: str) -> str:
        return _DAYS[technique](text) if re.match(r"\d{4}-\d\d-\d\d", text) else ANY

    return Replacement(technique, Coarse(_date_sql(family, technique)), value, pattern, nullable=shape.nullable)


def _date_sql(family: Family, period: str) -> Callable[[ColumnElement[Any], str], ColumnElement[Any]]:
    def build(column: ColumnElement[Any], dialect: str) -> ColumnElement[Any]:
        if family is Family.TEXT:
            first = _first_day(column, period)
            return case((column.like("____-__-__%"), first), (column.is_(None), None), else_=ANY)
        if dialect == "sqlite":  # dates are ISO texts there, whatever type is declared
            return type_coerce(_first_day(cast(column, Text), period), Text)
        if dialect in {"mysql", "mariadb"}:
            iso = func.date_format(column, literal_column("'%Y-%m-%d'"))
            return cast(_first_day(iso, period), Date() if family is Family.DATE else DateTime())
        begin = func.date_trunc(literal_column(f"'{period}'"), column)
        return cast(begin, Date()) if family is Family.DATE else begin

    return build


def _first_day(iso: ColumnElement[Any], period: str) -> ColumnElement[Any]:
    """The first day of an ISO day's period, as text."""
    match period:
        case "month":
            return func.substr(iso, 1, 7).concat("-01")
        case "quarter":
            part = func.substr(iso, 6, 2)
            first = case(*((part == of, of_quarter) for of, of_quarter in _QUARTERS.items()), else_=part)
            return func.substr(iso, 1, 5).concat(first).concat("-01")
        case "year":
            return func.substr(iso, 1, 4).concat("-01-01")
        case _:
            return func.substr(iso, 1, 3).concat("0-01-01")


def _department(text: str) -> str:
    code = text.strip()
    if not re.fullmatch(r"[0-9]{5}", code):
        return ANY
    return code[:3] if code.startswith(("97", "98")) else code[:2]


def _department_sql(column: ColumnElement[Any], dialect: str) -> ColumnElement[Any]:
    code = func.trim(column)
    if dialect == "sqlite":
        five = code.op("GLOB")(literal("[0-9]" * 5))
    else:
        five = code.op("REGEXP" if dialect in {"mysql", "mariadb"} else "~")(literal("^[0-9]{5}$"))
    overseas = five & func.substr(code, 1, 2).in_(["97", "98"])
    return case(
        (column.is_(None), None), (overseas, func.substr(code, 1, 3)), (five, func.substr(code, 1, 2)), else_=ANY
    )


def _thousands(column: ColumnElement[Any], dialect: str) -> ColumnElement[Any]:
    whole = column.op("DIV") if dialect in {"mysql", "mariadb"} else column.op("/")
    return whole(literal(1000))
