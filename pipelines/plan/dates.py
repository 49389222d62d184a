"""From a stored date, instant or ISO text to a calendar day in the controller's time zone, in each engine's SQL.

The zone's offsets are worked out here, from its transitions, and written into the statement as a decision tree over
constants in UTC: no engine is asked about zones (a fresh MariaDB's answer is NULL), and all agree.
"""

from __future__ import annotations

import datetime as dt
import functools
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

Expression = sa.ColumnElement[Any]

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
HORIZON = dt.datetime(2050, 1, 1, tzinfo=dt.UTC)
"""Changes of offset outside of these are not told apart: a day so far off is in the future, or long over."""

_MONTH_DAYS = r"((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
_LEAP = r"(([0-9][0-9](0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)"
_TIME = r"([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9][0-9](:?[0-9][0-9])?)?)?"
ISO_TEXT = rf"^([0-9][0-9][0-9][0-9]-{_MONTH_DAYS}|{_LEAP}){_TIME}$"
"""Exactly the texts that PostgreSQL can cast to a timestamp without an error; any other is an absurd date."""

_WITH_ZONE = r"[T ].*(Z|[+-][0-9][0-9](:?[0-9][0-9])?)$"
_DAY_LENGTH = 10


@functools.lru_cache(maxsize=32)
def transitions(zone: ZoneInfo) -> tuple[tuple[dt.datetime, int], ...]:
    """When the zone's offset changes: (first instant in UTC, seconds east from then on), the first from 1970 on."""
    found = [(EPOCH, _offset(zone, EPOCH))]
    step = dt.timedelta(days=1)
    moment = EPOCH
    while moment < HORIZON:
        later = moment + step
        if _offset(zone, later) != found[-1][1]:
            low, high = moment, later
            while high - low > dt.timedelta(seconds=1):
                middle = low + dt.timedelta(seconds=int((high - low).total_seconds()) // 2)
                low, high = (middle, high) if _offset(zone, middle) == found[-1][1] else (low, middle)
            found.append((high, _offset(zone, high)))
        moment = later
    return tuple(found)


def day_of(column: Expression, zone: ZoneInfo, dialect: str) -> Expression:
    """The day of a column in the zone; NULL when the column is NULL or holds no date. A naive instant is UTC."""
    kind = column.type
    if dialect == "sqlite":
        return _sqlite_day(column, zone)
    if isinstance(kind, sa.Date):
        return column
    if isinstance(kind, sa.DateTime):
        return _local_day(_naive(column, kind, dialect), zone, dialect)
    if isinstance(kind, sa.String):
        return _text_day(column, zone, dialect)
    return sa.cast(sa.null(), sa.Date())


def given(column: Expression) -> Expression:
    """Whether the column holds anything; an empty text is nothing."""
    if isinstance(column.type, sa.String):
        return sa.and_(column.is_not(None), sa.func.trim(column) != "")
    return column.is_not(None)


def _offset(zone: ZoneInfo, moment: dt.datetime) -> int:
    offset = moment.astimezone(zone).utcoffset()
    return int(offset.total_seconds()) if offset else 0


def _naive(column: Expression, kind: sa.DateTime, dialect: str) -> Expression:
    if kind.timezone and dialect in {"postgresql", "duckdb"}:
        return sa.func.timezone("UTC", column, type_=sa.DateTime())
    return column


def _local_day(naive: Expression, zone: ZoneInfo, dialect: str) -> Expression:
    """The day of a naive UTC instant: its offset is found by halving, then added."""
    known = transitions(zone)

    def offset(low: int, high: int) -> Expression:
        if low == high:
            return _seconds(known[low][1], dialect)
        middle = (low + high + 1) // 2
        boundary = _moment(known[middle][0], dialect)
        return sa.case((naive < boundary, offset(low, middle - 1)), else_=offset(middle, high))

    found = offset(0, len(known) - 1)
    if dialect == "sqlite":
        return sa.func.date(naive, found, type_=sa.Date())
    if dialect in {"mysql", "mariadb"}:
        return sa.cast(sa.func.timestampadd(sa.text("SECOND"), found, naive), sa.Date())
    return sa.cast(naive + found, sa.Date())


def _seconds(seconds: int, dialect: str) -> Expression:
    if dialect == "sqlite":
        return sa.literal_column(f"'{seconds:+d} seconds'", sa.String())
    if dialect in {"mysql", "mariadb"}:
        return sa.literal_column(str(seconds), sa.Integer())
    return sa.literal_column(f"INTERVAL '{seconds} seconds'", sa.Interval())


def _moment(moment: dt.datetime, dialect: str) -> Expression:
    text = moment.strftime("%Y-%m-%d %H:%M:%S")
    return sa.literal_column(f"'{text}'" if dialect == "sqlite" else f"TIMESTAMP '{text}'", sa.DateTime())


def _text_day(column: Expression, zone: ZoneInfo, dialect: str) -> Expression:
    """Text is cast only where it is a date for certain, since a failing cast would end the whole statement."""
    text = sa.func.trim(column, type_=sa.String())
    iso = sa.literal_column(f"'{ISO_TEXT}'", sa.String())
    zoned = sa.literal_column(f"'{_WITH_ZONE}'", sa.String())
    instant = sa.cast(sa.case((text.regexp_match(zoned), text), else_=text + "Z"), sa.DateTime(timezone=True))
    return sa.case(
        (sa.not_(text.regexp_match(iso)), sa.cast(sa.null(), sa.Date())),
        (sa.func.length(text) == _DAY_LENGTH, sa.cast(text, sa.Date())),
        else_=_local_day(_naive(instant, sa.DateTime(timezone=True), dialect), zone, dialect),
    )


def _sqlite_day(column: Expression, zone: ZoneInfo) -> Expression:
    """SQLite keeps dates as text, whatever the column's type; it reads 31 February as 3 March, which is absurd here."""
    text = sa.func.trim(sa.cast(column, sa.String()), type_=sa.String())
    is_text = sa.func.typeof(column, type_=sa.String()) == "text"
    head = sa.func.substr(text, 1, _DAY_LENGTH, type_=sa.String())
    naive = sa.func.datetime(text, type_=sa.String())
    there_and_back: tuple[Expression, ...] = (
        sa.literal_column("'+1 day'"),
        sa.literal_column("'-1 day'"),
    )  # it normalises on the way only
    read = sa.func.date(head, *there_and_back, type_=sa.String())
    readable = sa.and_(is_text, read.is_not(None), read == head)
    local = sa.type_coerce(_local_day(naive, zone, "sqlite"), sa.String())
    return sa.case((sa.and_(readable, sa.func.length(text) == _DAY_LENGTH), head), (readable, local))
