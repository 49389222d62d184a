"""One stored date read as an occurrence of an event, for an as-of date: open, missing, a day, or nothing.

Every output column is explicit: the two booleans are never NULL, and the day is NULL unless the occurrence is known and
was so on the as-of date. The rules are those of `retention_rules.events.observe`, which a test holds equal.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from pipelines.data_map.model import EventSource
from pipelines.plan.compile import day_constant
from pipelines.plan.expressions import truth
from retention_rules.events import EARLIEST_DAY, EventKind

Expression = sa.ColumnElement[Any]


@dataclass(frozen=True, slots=True)
class Horizon:
    """For which date facts are read: ``as_of`` decides, ``today`` says what lies in the future in fact.

    ``name`` prefixes the columns of this horizon.
    """

    name: str
    as_of: dt.date
    today: dt.date

    @property
    def past(self) -> bool:
        """Whether some facts that are known today were not yet on the as-of date."""
        return self.as_of < self.today

    @property
    def end(self) -> dt.date:
        """The last day that is no future on either date."""
        return max(self.as_of, self.today)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """The three columns of one occurrence; ``day`` is NULL unless known."""

    open: Expression
    missing: Expression
    day: Expression

    @classmethod
    def nothing(cls) -> Occurrence:
        """The event did not happen here."""
        return cls(sa.false(), sa.false(), sa.cast(sa.null(), sa.Date()))


@dataclass(frozen=True, slots=True)
class Reading:
    """A date as it stands in the store, before it is judged.

    ``day`` is NULL when ``given`` is false or when what is given is no date; ``applies`` and ``declared_open`` come of
    `only_if` and `open_if` and are never NULL.
    """

    given: Expression
    day: Expression
    applies: Expression
    declared_open: Expression


def occurrence(reading: Reading, source: EventSource, kind: EventKind, horizon: Horizon) -> Occurrence:
    """Judge a reading for a horizon."""
    as_of, today = day_constant(horizon.as_of), day_constant(horizon.today)
    given, day = reading.given, reading.day
    beyond = sa.and_(given, day > as_of)
    opens: list[Expression] = [reading.declared_open]
    misses: list[Expression] = [sa.and_(given, day.is_(None)), sa.and_(given, day < day_constant(EARLIEST_DAY))]
    if source.null == "open":
        opens.append(sa.not_(given))
    elif source.null == "missing":
        misses.append(sa.not_(given))
    if kind is EventKind.END:
        opens.append(beyond)
    else:
        misses.append(sa.and_(given, day > today))
        if source.overwritten:
            misses.append(beyond)
    is_open = truth(sa.and_(reading.applies, sa.or_(*(truth(each) for each in opens))))
    missing = truth(sa.and_(reading.applies, sa.not_(is_open), sa.or_(*(truth(each) for each in misses))))
    known = sa.and_(reading.applies, sa.not_(is_open), sa.not_(missing), given, day <= as_of)
    return Occurrence(is_open, missing, sa.case((known, day)))


def among(column: Expression, values: Sequence[str | int | bool]) -> Expression:
    """Whether a column holds one of the values; NULL is none of them."""
    return truth(column.in_(values))
