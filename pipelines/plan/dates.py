"""From a stored date, instant or ISO text to a calendar day in the controller's time zone, in each engine's SQL.

The zone's offsets are worked out here, from its transitions, and written into the statement as a decision tree over
constants in UTC: no engine is asked about zones (a fresh MariaDB's answer is NULL), and all agree.
"""

from __future__ import annotations

import datetime as dt
import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from pipelines.plan.dialects import Exact, nothing
from retention_rules.events import EARLIEST_DAY, ISO_TEXT

Expression = sa.ColumnElement[Any]

FURTHEST = 2100
"""Changes of offset after this year are not told apart, whatever the date of the plan."""

_DAY_LENGTH = 10
_FIRST, _LAST = (dt.datetime(year, month, day, tzinfo=dt.UTC) for year, month, day in ((1000, 1, 2), (9999, 12, 30)))
"""Between them no offset leads out of MariaDB's calendar."""


Transitions = Sequence[tuple[dt.datetime, int]]
"""When a zone's offset changes: (first instant in UTC, seconds east of it from then on)."""


def transitions(zone: ZoneInfo, until: dt.date) -> Transitions:
    """The offset before `EARLIEST_DAY`, and each change from then on until after a day.

    What is earlier than the first is absurd, and what is later than the last is later than ``until`` by any offset.
    """
    start = dt.datetime.combine(EARLIEST_DAY, dt.time(), dt.UTC) - dt.timedelta(days=2)
    years = range(start.year, min(until.year + 1, FURTHEST) + 1)
    changes = itertools.chain.from_iterable(_changes(zone, year) for year in years)
    return [(start, _offset(zone, start)), *(each for each in changes if each[0] > start)]


@functools.lru_cache(maxsize=1024)
def _changes(zone: ZoneInfo, year: int) -> Transitions:
    """The changes of offset in a year of UTC."""
    found: list[tuple[dt.datetime, int]] = []
    moment, end = (dt.datetime(each, 1, 1, tzinfo=dt.UTC) for each in (year, year + 1))
    offset = _offset(zone, moment)
    while moment < end:
        later = moment + dt.timedelta(days=1)
        if _offset(zone, later) != offset:
            low, high = moment, later
            while high - low > dt.timedelta(seconds=1):
                middle = low + dt.timedelta(seconds=int((high - low).total_seconds()) // 2)
                low, high = (middle, high) if _offset(zone, middle) == offset else (low, middle)
            offset = _offset(zone, later)
            found.append((high, offset))
        moment = later
    return tuple(found)


def day_of(column: Expression, zone: ZoneInfo, dialect: str, *, until: dt.date) -> Expression:
    """The day of a column in the zone; NULL when the column is NULL or holds no date. A naive instant is UTC.

    It is exact through the day ``until``; a later one may be told as another, but as one that is later.
    """
    kind, changes = column.type, transitions(zone, until)
    if dialect == "sqlite":
        return _sqlite_day(column, changes)
    if isinstance(kind, sa.Date):
        return _real(column, dialect, column)
    if isinstance(kind, sa.DateTime):
        return _real(column, dialect, _local_day(_naive(column, kind, dialect), changes, dialect))
    if isinstance(kind, sa.String):
        return _text_day(column, changes, dialect)
    return nothing(sa.Date())


def given(column: Expression) -> Expression:
    """Whether the column holds anything; an empty text is nothing."""
    if isinstance(column.type, sa.String):
        return sa.and_(column.is_not(None), sa.func.trim(column) != "")
    return column.is_not(None)


def _offset(zone: ZoneInfo, moment: dt.datetime) -> int:
    offset = moment.astimezone(zone).utcoffset()
    return int(offset.total_seconds()) if offset else 0


def _real(column: Expression, dialect: str, day: Expression) -> Expression:
    """The day of a column of dates, or NULL: MariaDB stores 2024-00-00 by default, and 2024-02-31 when told to."""
    if dialect not in {"mysql", "mariadb"}:
        return day
    month = sa.func.month(column, type_=sa.Integer())
    number = sa.func.dayofmonth(column, type_=sa.Integer())
    plain = sa.and_(month > sa.literal_column("0"), number.between(sa.literal_column("1"), sa.literal_column("28")))
    stored = sa.cast(column, sa.String())
    return sa.case((sa.or_(plain, fits(stored, dialect)), day))


def _naive(column: Expression, kind: sa.DateTime, dialect: str) -> Expression:
    if kind.timezone and dialect in {"postgresql", "duckdb"}:
        return sa.func.timezone("UTC", column, type_=sa.DateTime())
    return column


def _local_day(naive: Expression, changes: Transitions, dialect: str) -> Expression:
    """The day of a naive UTC instant: its offset is found by halving, then added."""

    def offset(low: int, high: int) -> Expression:
        if low == high:
            return sa.literal_column(str(changes[low][1]), sa.Integer())
        middle = (low + high + 1) // 2
        boundary = _moment(changes[middle][0], dialect)
        return sa.case((naive < boundary, offset(low, middle - 1)), else_=offset(middle, high))

    return _date(_later(naive, offset(0, len(changes) - 1), dialect), dialect)


def _later(naive: Expression, seconds: Expression, dialect: str) -> Expression:
    """An instant moved by seconds, or itself where that leads out of the calendar: for ever, or absurd."""
    if dialect == "sqlite":
        moved = sa.func.datetime(naive, sa.cast(seconds, sa.String()).concat(" seconds"), type_=sa.String())
        return sa.func.coalesce(moved, naive, type_=sa.String())
    if dialect in {"mysql", "mariadb"}:
        # Not by COALESCE: what leads out of the calendar is an error there in a statement that writes.
        edge = sa.or_(naive < _moment(_FIRST, dialect), naive > _moment(_LAST, dialect))
        moved = sa.func.timestampadd(sa.text("SECOND"), seconds, naive, type_=sa.DateTime())
        return sa.case((edge, naive), else_=moved)
    return naive + seconds * sa.literal_column("INTERVAL '1 second'", sa.Interval())


def _date(naive: Expression, dialect: str) -> Expression:
    return sa.func.date(naive, type_=sa.Date()) if dialect == "sqlite" else sa.cast(naive, sa.Date())


def _moment(moment: dt.datetime, dialect: str) -> Expression:
    text = moment.strftime("%Y-%m-%d %H:%M:%S")
    return sa.literal_column(f"'{text}'" if dialect == "sqlite" else f"TIMESTAMP '{text}'", sa.DateTime())


def _text_day(column: Expression, changes: Transitions, dialect: str) -> Expression:
    """Text is cast only where it is a date for certain, since a failing cast would end the whole statement."""
    text = sa.func.trim(Exact(column), type_=sa.String())
    return sa.case(
        (sa.not_(fits(text, dialect)), nothing(sa.Date())),
        (sa.func.length(text) == _DAY_LENGTH, sa.cast(text, sa.Date())),
        else_=_day_of_text(column, text, changes, dialect),
    )


def _sqlite_day(column: Expression, changes: Transitions) -> Expression:
    """SQLite keeps dates as text, whatever the column's type; it reads 31 February as 3 March, which is absurd here."""
    text = sa.func.trim(sa.cast(column, sa.String()), type_=sa.String())
    is_text = sa.func.typeof(column, type_=sa.String()) == "text"
    there_and_back: tuple[Expression, ...] = (
        sa.literal_column("'+1 day'"),
        sa.literal_column("'-1 day'"),
    )  # it normalises on the way only
    read = sa.func.date(text, *there_and_back, type_=sa.String())
    local = sa.type_coerce(_day_of_text(column, text, changes, "sqlite"), sa.String())
    return sa.case(
        (sa.not_(is_text), sa.null()),
        (read == text, text),  # the quick way, without a regular expression
        (fits(text, "sqlite"), sa.case((sa.func.length(text) > _DAY_LENGTH, local))),
    )


def fits(text: Expression, dialect: str, pattern: str = ISO_TEXT) -> Expression:
    """Whether a whole text is of a pattern. To Perl's kind of expressions a last line feed is no more than an end."""
    strict = "" if dialect in {"postgresql", "duckdb"} else "(?!\n)"
    return text.regexp_match(sa.literal_column(f"'^({pattern})${strict}'", sa.String()))


def _day_of_text(column: Expression, text: Expression, changes: Transitions, dialect: str) -> Expression:
    """The day of a text that `ISO_TEXT` fits, with a time. Its instant is worked out once, in a sub-select."""
    if dialect in {"mysql", "mariadb"}:  # no sub-select of a sub-select sees the row there
        return _local_day(_mariadb_instant(text), changes, dialect)
    outer = column.table
    instant = sa.select(_instant(text, dialect).label("at")).correlate(outer).subquery()
    return sa.select(_local_day(instant.c.at, changes, dialect)).correlate(outer).scalar_subquery()


def _instant(text: Expression, dialect: str) -> Expression:
    """A naive instant in UTC; parts of a second are dropped."""
    seconds = sa.func.substr(text, 17, 1, type_=sa.String()) == ":"
    clock = sa.func.substr(text, 1, sa.case((seconds, 19), else_=16), type_=sa.String())
    # DuckDB computes a sub-select of rows that a CASE has ruled out, and must not stumble over them.
    cast: Callable[..., Expression] = sa.try_cast if dialect == "duckdb" else sa.cast
    naive = clock if dialect == "sqlite" else cast(clock, sa.DateTime())

    def part(back: int, length: int) -> Expression:
        return sa.func.substr(text, sa.func.length(text) - back + 1, length, type_=sa.String())

    def number(back: int) -> Expression:
        return cast(part(back, 2), sa.Integer())

    # By the place of the sign, counted from the end: +05, +0530, +05:30. The clock has none there.
    whens: list[tuple[Any, Expression]] = []
    for back, minutes in ((3, None), (5, 2), (6, 2)):
        away = number(back - 1) * 3600 + (number(minutes) * 60 if minutes else 0)
        whens += [(part(back, 1) == "+", -away), (part(back, 1) == "-", away)]
    return _later(naive, sa.case(*whens, else_=0), dialect)


def _mariadb_instant(text: Expression) -> Expression:
    """The same in few words, since the day's expression repeats it at each change of the zone's offset."""
    clock = sa.func.regexp_substr(text, sa.literal_column("'^.{16}(:[0-9]{2})?'"), type_=sa.String())
    offset = sa.func.regexp_substr(text, sa.literal_column("'[+-][0-9]{2}:?([0-9]{2})?$'"), type_=sa.String())
    digits = sa.func.rpad(sa.func.replace(offset, ":", ""), 5, "0", type_=sa.String())  # +05 is +0500, nothing is 00000
    number = sa.cast(digits, sa.Integer())
    away = number.op("DIV")(100) * 3600 + number.op("MOD")(100) * 60
    return _later(sa.cast(clock, sa.DateTime()), -away, "mariadb")
