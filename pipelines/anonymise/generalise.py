"""Generalise: keep a coarser form of the value. What stays says something of the person: k decides whether too much.

What is coarse already stays as it is, since a row may be written twice: by two steps, or by one and then by a
partition.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Date, DateTime, Text, case, cast, func, literal, literal_column, or_, type_coerce

from connectors.base import FieldShape
from pipelines.anonymise.families import Family, family_of
from pipelines.anonymise.replacement import Coarse, Constant, Replacement, TechniqueUnfit
from pipelines.anonymise.suppress import FIRST, FIRST_SHOWN, NO_DAY, begins_in_1970, suppress

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
    """A French postcode becomes its département (`75`, `974`); any other becomes `ANY`, or 0 in a number.

    Raises:
        TechniqueUnfit: the column is neither text nor integer.
    """
    family = family_of(shape.type)
    if family is Family.INTEGER:
        return Replacement("department", Coarse(_thousands), _thousand, r"\d{1,2}", nullable=shape.nullable)
    if family is not Family.TEXT:
        raise TechniqueUnfit("department", shape, "a postcode is a text or a number")
    return Replacement("department", Coarse(_department_sql), _department, rf"{_CODE}|\*", nullable=shape.nullable)


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


_ISO_DAY = "^[0-9]{4}-(0[1-9]|1[0-2])-[0-9]{2}"
"""How a text begins that is a day."""

_YEAR_0 = "000"
"""How a day begins whose decade does: no calendar has that year."""

_LAST_INSTANT = dt.datetime.max  # noqa: DTZ901 - its zone is the session's

_CODE = "[0-8][0-9]|9[0-69]|9[78][0-9]"
"""A département as `department` writes it."""

_HUNDRED, _LAST = 100, 99_999
"""Above the départements that a number can hold, and the last postcode."""

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

PERIODS = frozenset(_DAYS)
"""The techniques that leave the first day of a period."""


def _date(shape: FieldShape, technique: str, days: str) -> Replacement:
    family = family_of(shape.type)
    if family not in {Family.DATE, Family.INSTANT, Family.TEXT}:
        raise TechniqueUnfit(technique, shape, f"only dates have a {technique}")
    pattern = days + (r"|\*" if family is Family.TEXT else r"([ T]00:00.*)?")
    first = FIRST if begins_in_1970(shape) else None
    pattern += "" if first is None else f"|{FIRST_SHOWN}"

    def value(text: str) -> str:
        day = re.match(_ISO_DAY, text) and not (technique == "decade" and text.startswith(_YEAR_0))
        return _DAYS[technique](text) if day else ANY

    build = _date_sql(family, technique, None if shape.nullable else (first or NO_DAY), first)
    return Replacement(technique, Coarse(build), value, pattern, nullable=shape.nullable)


def _date_sql(
    family: Family, period: str, no_day: dt.date | None, first: dt.datetime | None
) -> Callable[[ColumnElement[Any], str], ColumnElement[Any]]:
    """``no_day``: what a column of dates gets instead of what is no day of a year from 1 to 9999, the infinite one too.

    ``first``: what takes the place of days before it.

    SQLite keeps days as ISO texts, whatever type is declared, and takes anything else beside them.
    """

    def build(column: ColumnElement[Any], dialect: str) -> ColumnElement[Any]:
        begin: ColumnElement[Any]
        missing = (column.is_(None), None)
        if family is Family.TEXT or dialect == "sqlite":
            text = column if family is Family.TEXT else cast(column, Text)
            other = ANY if family is Family.TEXT else no_day and no_day.isoformat()
            day = _is_day(text, dialect, period)
            return type_coerce(case((day, _first_day(text, period)), missing, else_=other), Text)
        other_day = None if no_day is None else literal(no_day, Date() if first is None else DateTime())
        if dialect in {"mysql", "mariadb"}:
            iso = func.date_format(column, literal_column("'%Y-%m-%d'"))
            begin = cast(_first_day(iso, period), Date() if family is Family.DATE else DateTime())
            begin = begin if first is None else func.greatest(begin, literal(first, DateTime()))
            return case((_is_day(iso, dialect, period), begin), missing, else_=other_day)
        begin = func.date_trunc(literal_column(f"'{period}'"), column)
        begin = cast(begin, Date()) if family is Family.DATE else begin
        last = literal(dt.date.max, Date()) if family is Family.DATE else literal(_LAST_INSTANT, DateTime())
        known = column.between(literal(dt.date(10 if period == "decade" else 1, 1, 1), Date()), last)
        # What is no day, and what is missing, become NULL alike where that may be.
        return case((known, begin)) if no_day is None else case((known, begin), missing, else_=other_day)

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


def _is_day(text: ColumnElement[Any], dialect: str, period: str) -> ColumnElement[bool]:
    """Whether a text begins with an ISO day that has a first one of its period: anything else would stay in part."""
    if dialect != "sqlite":
        day = _matches(text, _ISO_DAY, dialect)
    else:
        year, number = "[0-9]" * 4, "[0-9]" * 2
        day = _glob(text, f"{year}-0[1-9]-{number}*", f"{year}-1[0-2]-{number}*")
    return sa.and_(day, func.substr(text, 1, 3) != _YEAR_0) if period == "decade" else day


def _matches(text: ColumnElement[Any], pattern: str, dialect: str) -> ColumnElement[bool]:
    operator = "REGEXP" if dialect in {"mysql", "mariadb"} else "~"
    return text.op(operator, is_comparison=True)(literal(pattern))


def _glob(text: ColumnElement[Any], *patterns: str) -> ColumnElement[bool]:
    """Whether a text is as one of the patterns says, in SQLite, which has no regular expressions of its own."""
    return or_(*(text.op("GLOB", is_comparison=True)(literal(pattern)) for pattern in patterns))


def _department(text: str) -> str:
    code = text.strip(" ")
    if re.fullmatch(_CODE, code):
        return code
    if not re.fullmatch(r"[0-9]{5}", code):
        return ANY
    return code[:3] if code.startswith(("97", "98")) else code[:2]


def _department_sql(column: ColumnElement[Any], dialect: str) -> ColumnElement[Any]:
    code = func.trim(column)
    if dialect == "sqlite":
        five = _glob(code, "[0-9]" * 5)
        coarse = _glob(code, "[0-8][0-9]", "9[0-69]", "9[78][0-9]")
    else:
        five, coarse = _matches(code, "^[0-9]{5}$", dialect), _matches(code, f"^({_CODE})$", dialect)
    overseas = five & func.substr(code, 1, 2).in_(["97", "98"])
    return case(
        (column.is_(None), None),
        (overseas, func.substr(code, 1, 3)),
        (five, func.substr(code, 1, 2)),
        (coarse, code),
        else_=ANY,
    )


def _thousand(text: str) -> str:
    number = int(text) if re.fullmatch(r"[0-9]{1,5}", text) else 0
    return str(number if number < _HUNDRED else number // 1000)


def _thousands(column: ColumnElement[Any], dialect: str) -> ColumnElement[Any]:
    whole = column.op("DIV") if dialect in {"mysql", "mariadb"} else column.op("/")
    return case(
        (column.is_(None), None),
        (column.between(0, _HUNDRED - 1), column),
        (column.between(0, _LAST), whole(literal(1000))),
        else_=0,
    )
