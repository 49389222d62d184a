"""What rows may not hold if a registered statistic is to keep what they say: conditions, from the data map."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from connectors.sql.functions import cell_key
from connectors.sql.questions import Expression
from connectors.sql.tally import LONGEST_CELL
from pipelines.anonymise.generalise import ANY
from pipelines.data_map.model import Bucket, Statistic
from pipelines.plan.dates import fits
from pipelines.statistics.groupings import grouping
from retention_rules.events import EARLIEST_DAY, ISO_TEXT

_MONTH = "[1-9][0-9][0-9][0-9]-(0[1-9]|1[0-2])"
_TOLD = {"month": f"{ISO_TEXT}|{_MONTH}", "year": f"{ISO_TEXT}|{_MONTH}|[1-9][0-9][0-9][0-9]"}
"""Texts whose first characters are a month or a year; any other would make groups whose period is never over."""
_NO_AMOUNTS = ("NaN", "Infinity", "-Infinity")


def unfit(statistic: Statistic, columns: Mapping[str, Expression], dialect: str) -> Expression | None:
    """Whether the ledger cannot hold a row's group: it is too long, or in SQLite binary; None where all can be.

    Coarser groups are shorter.
    """
    if all(each.by != "value" for each in statistic.by):
        return None
    cell = cell_key(grouping(columns[each.column], each, dialect) for each in statistic.by)
    if dialect != "sqlite":
        return sa.func.char_length(cell) > LONGEST_CELL
    # There a value may be of any type, whatever its column's is, and JSON of bytes an error.
    binary = (sa.func.typeof(columns[each.column]) == "blob" for each in statistic.by)
    return sa.case((sa.or_(*binary), sa.true()), else_=sa.func.length(cell) > LONGEST_CELL)


def inexact(column: Expression, dialect: str) -> Expression | None:
    """Whether what a column holds is nothing that can be summed exactly; None where its type sees to it."""
    if dialect == "sqlite":
        return sa.func.typeof(column).not_in(("integer", "null"))
    if dialect == "postgresql" and isinstance(column.type, sa.Numeric):
        return sa.cast(column, sa.Text).in_(_NO_AMOUNTS)
    return None


def undated(bucket: Bucket, column: Expression, dialect: str) -> Expression | None:
    """Whether a text tells no month or year to group by, or an absurd one; None where its type sees to it.

    What stands there for any date, after a run, is no fault.
    """
    if bucket.by == "value" or not (dialect == "sqlite" or isinstance(column.type, sa.String)):
        return None
    text = sa.cast(column, sa.Text)
    told = fits(text, dialect, _TOLD[bucket.by])
    return sa.and_(text != ANY, sa.or_(sa.not_(told), text < str(EARLIEST_DAY.year)))
