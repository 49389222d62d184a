"""What a registered statistic groups by, in SQL: the same in every session, whatever its time zone.

Views are read in sessions that are not ours. So an instant is told in UTC here, spelled as a session in UTC would.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from connectors.sql.questions import Expression
from pipelines.data_map.model import Bucket

_LENGTHS = {"month": 7, "year": 4}


def grouping(column: Expression, bucket: Bucket, dialect: str) -> Expression:
    """The value itself, or the calendar month or year (in UTC) of a date, an instant or an ISO text."""
    if bucket.by == "value":
        return _value(column, dialect)
    length = _LENGTHS[bucket.by]
    if dialect == "sqlite" or isinstance(column.type, sa.String):
        return sa.func.substr(sa.cast(column, sa.Text), 1, sa.literal_column(str(length)))
    day = _utc(column, dialect)
    if dialect == "postgresql":
        return sa.func.to_char(day, sa.literal_column("'YYYY-MM'" if bucket.by == "month" else "'YYYY'"))
    return sa.func.date_format(day, sa.literal_column("'%Y-%m'" if bucket.by == "month" else "'%Y'"))


def _value(column: Expression, dialect: str) -> Expression:
    if isinstance(column.type, mysql.BIT):
        return sa.cast(column, mysql.INTEGER(unsigned=True))  # by itself it is bytes, which make no JSON
    if dialect == "postgresql" and _zoned(column, dialect):
        # As JSON spells it in a session in UTC: 2024-01-31T23:30:00+00:00, an era last, `infinity` as it is.
        text = sa.func.to_json(_utc(column, dialect)).op("#>>")(sa.literal_column("'{}'"))
        ends: Expression = sa.literal_column(r"'([0-9])( BC)?$'")
        offset: Expression = sa.literal_column(r"'\1+00:00\2'")
        return sa.func.regexp_replace(text, ends, offset, type_=sa.Text)
    return _utc(column, dialect)


def _utc(column: Expression, dialect: str) -> Expression:
    """An instant that the session's zone would shift, as one without a zone, in UTC; anything else as it is."""
    if not _zoned(column, dialect):
        return column
    if dialect == "postgresql":
        return sa.func.timezone(sa.literal_column("'UTC'"), column, type_=sa.DateTime())
    # Not by CONVERT_TZ, to which an hour that comes twice is one; nor may a view name the session's zone.
    start: Expression = sa.literal_column("TIMESTAMP '1970-01-01 00:00:00'")
    seconds = sa.func.unix_timestamp(column)
    moment = sa.func.timestampadd(sa.text("SECOND"), seconds, start)
    return sa.case((seconds == sa.literal_column("0"), column), else_=moment)  # zero is 0000-00-00, never 1970


def _zoned(column: Expression, dialect: str) -> bool:
    match dialect:
        case "postgresql":
            return isinstance(column.type, sa.DateTime) and column.type.timezone
        case "sqlite":
            return False
        case _:
            return isinstance(column.type, sa.TIMESTAMP)
