"""Generalise: keep a coarser form of the value. What stays says something of the person: k decides whether too much."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Date, DateTime, Text, case, cast, func, literal, type_coerce

from connectors.base import FieldShape
from pipelines.anonymise.families import Family, family_of
from pipelines.anonymise.replacement import Coarse, Constant, Replacement, TechniqueUnfit

ANY = "*"
"""The top of every hierarchy of texts."""


def year(shape: FieldShape) -> Replacement:
    """A date becomes the first of January of its year.

    Raises:
        TechniqueUnfit: the column holds neither dates nor ISO texts.
    """
    return _date(shape, "year", 4, r"\d{4}")


def decade(shape: FieldShape) -> Replacement:
    """A date becomes the first of January of its decade.

    Raises:
        TechniqueUnfit: the column holds neither dates nor ISO texts.
    """
    return _date(shape, "decade", 3, r"\d{3}0")


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


def _date(shape: FieldShape, technique: str, kept: int, years: str) -> Replacement:
    tail = "0000"[kept:] + "-01-01"
    family = family_of(shape.type)
    if family not in {Family.DATE, Family.INSTANT, Family.TEXT}:
        raise TechniqueUnfit(technique, shape, "only dates become years")
    pattern = rf"{years}-01-01" + ("" if family is Family.TEXT else r"([ T]00:00.*)?")
    if family is Family.TEXT:
        pattern += r"|\*"

    def value(text: str) -> str:
        return text[:kept] + tail if re.match(r"\d{4}-\d\d-\d\d", text) else ANY

    return Replacement(technique, Coarse(_date_sql(family, kept, tail)), value, pattern, nullable=shape.nullable)


def _date_sql(family: Family, kept: int, tail: str) -> Callable[[ColumnElement[Any], str], ColumnElement[Any]]:
    def build(column: ColumnElement[Any], dialect: str) -> ColumnElement[Any]:
        if family is Family.TEXT:
            shortened = func.substr(column, 1, kept).concat(tail)
            return case((column.like("____-__-__%"), shortened), (column.is_(None), None), else_=ANY)
        if dialect == "sqlite":  # dates are ISO texts there, whatever type is declared
            return type_coerce(func.substr(cast(column, Text), 1, kept).concat(tail), Text)
        if dialect in {"mysql", "mariadb"}:
            iso: ColumnElement[str] = func.concat(func.left(func.date_format(column, "%Y-%m-%d"), kept), tail)
        else:
            iso = func.substr(func.to_char(column, "YYYY-MM-DD"), 1, kept).concat(tail)
        return cast(iso, Date() if family is Family.DATE else DateTime())

    return build


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
