"""A staged release: a backlog that exceeds every limit goes in portions, the oldest first, each an ordinary plan.

A portion is a day, so that it leaves what a run on that day would have left, in every dataset alike. Where more is
due on a single day than a limit allows, that day is divided by a keyed digest of the person (of the record, where it
concerns nobody), so that a person's records go together.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa

from pipelines.counted import counted
from pipelines.plan.artefact import Portion
from pipelines.plan.links import Key

Expression = sa.ColumnElement[Any]
Place = tuple[str, str]
K = TypeVar("K")

DIGITS = 3
"""Hexadecimal digits of a digest by which a day is divided."""

PARTS: int = 16**DIGITS

EVERYTHING = Portion(dt.date.max, PARTS)
"""What a backlog is measured under: nothing waits."""


class Limit(Protocol):
    """How much a plan may do to one dataset; None is no limit."""

    @property
    def count(self) -> int | None:
        """Records."""

    @property
    def share(self) -> float | None:
        """Of the dataset, 0 to 1."""


@dataclass(frozen=True)
class Backlog:
    """What waits in one dataset: how many records per day since which something of them is due.

    ``parts`` gives the records of one day by the part into which their digest falls.
    """

    days: Mapping[dt.date, int]
    parts: Callable[[dt.date], Mapping[int, int]]

    def __add__(self, other: Backlog) -> Backlog:
        """What waits in two places."""
        return Backlog(
            Counter(self.days) + Counter(other.days), lambda day: Counter(self.parts(day)) + Counter(other.parts(day))
        )

    def __sub__(self, other: Backlog) -> Backlog:
        """What waits, less what is to be counted elsewhere; add that before anything is chosen."""
        return Backlog(_less(self.days, other.days), lambda day: _less(self.parts(day), other.parts(day)))


def _less(counts: Mapping[K, int], others: Mapping[K, int]) -> Mapping[K, int]:
    found = Counter(counts)
    found.subtract(others)
    return found


def part_of(digest: Expression) -> Expression:
    """The part into which a digest falls, as text of `DIGITS` hexadecimal digits."""
    return sa.func.substr(digest, 1, DIGITS, type_=sa.String(DIGITS))


def part_of_person(relation: sa.FromClause, links: Mapping[str, Key], record: str) -> Expression:
    """The part into which a record falls: by whom its strong links name, else by itself.

    ``links`` gives the columns of the links' digests, ``record`` is that of the record's.
    """
    digests = [relation.c[label] for label in (*(label for label, key in links.items() if not key.weak), record)]
    return part_of(digests[0] if len(digests) == 1 else sa.func.coalesce(*digests))


def waits(portion: Portion, due: Expression, part: Expression) -> Expression:
    """Whether what is due since a day is for a later portion."""
    day = sa.literal(portion.until, sa.Date())
    if portion.part >= PARTS:
        return due > day
    return sa.or_(due > day, sa.and_(due == day, part >= f"{portion.part:0{DIGITS}x}"))


def allowed(limit: Limit, found: int) -> int | None:
    """How many records of a dataset a plan may act on."""
    bounds = [] if limit.count is None else [limit.count]
    bounds += [] if limit.share is None else [int(limit.share * found)]
    return min(bounds, default=None)


def choose(backlogs: Mapping[Place, Backlog], bounds: Mapping[Place, int | None]) -> Portion | None:
    """The largest portion of the oldest that stays within every bound; None when nothing at all fits, or everything."""
    room = {place: bound for place, bound in bounds.items() if bound is not None}
    days = sorted(set(itertools.chain.from_iterable(each.days for each in backlogs.values())))
    for day in days:
        after = {place: left - backlogs[place].days.get(day, 0) for place, left in room.items() if place in backlogs}
        if min(after.values(), default=0) < 0:
            parts = {place: each.parts(day) for place, each in backlogs.items() if each.days.get(day)}
            part = _fitting(room, parts)
            taken = day > days[0] or any(each < part for found in parts.values() for each in found)
            return Portion(day, part) if taken else None
        room |= after
    return None


def _fitting(room: Mapping[Place, int], parts: Mapping[Place, Mapping[int, int]]) -> int:
    """How many parts of a day fit into what is left of each dataset's bound."""
    left = {place: room[place] for place in parts if place in room}
    for part in range(PARTS):
        left = {place: n - parts[place].get(part, 0) for place, n in left.items()}
        if min(left.values(), default=0) < 0:
            return part
    return PARTS


def staging(backlogs: Mapping[Place, Backlog], bounds: Mapping[Place, int | None], portion: Portion | None) -> str:
    """What a person should know of a plan that is a portion: since when it is, of how much, in how many portions."""
    due = sum(sum(each.days.values()) for each in backlogs.values())
    day = None if portion is None else portion.until
    later = sum(n for each in backlogs.values() for since, n in each.days.items() if day is not None and since > day)
    needed = [-(-sum(each.days.values()) // bound) for place, each in backlogs.items() if (bound := bounds.get(place))]
    portions = counted(max(needed, default=1), "at least {n} portion is needed", "at least {n} portions are needed")
    return (
        f"this plan is a portion, the oldest of what is due: since {day} or before. Records due in all: {due:,}; since "
        f"later days: {later:,}; {portions}. Carry it out, then plan the next one."
    )


def backlog_of(relation: sa.FromClause, since: Expression, part: Expression, ask: Callable[[Any], Any]) -> Backlog:
    """Measure a backlog over a relation; ``since`` is NULL in rows of which nothing is due, ``ask`` runs a query."""
    days = sa.select(since.label("since"), sa.func.count().label("n")).select_from(relation).where(since.is_not(None))
    found: Counter[dt.date] = Counter({_day(day): int(n) for day, n in ask(days.group_by(sa.text("1")))})

    def parts(day: dt.date) -> Mapping[int, int]:
        query = sa.select(part.label("part"), sa.func.count().label("n")).select_from(relation)
        return {int(text, 16): int(n) for text, n in ask(query.where(since == day).group_by(sa.text("1")))}

    return Backlog(found, parts)


def _day(value: Any) -> dt.date:
    return dt.date.fromisoformat(value[:10]) if isinstance(value, str) else dt.date(value.year, value.month, value.day)
