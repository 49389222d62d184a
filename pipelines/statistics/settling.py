"""What becomes of pending contributions: released as an increment, merged upward, or kept waiting. Pure.

An increment concerns enough subjects, in a period that is over, and no one of them makes up most of it. So whoever
compares two answers learns of no fewer than that. What has waited too long merges into the next coarser cell, where it
meets what its neighbours could not release; at the top, it is held back.
"""

from __future__ import annotations

import calendar
import datetime as dt
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from connectors.sql.questions import levels_of
from connectors.sql.tally import ZERO, Contribution, Increment, Totals, Weight
from pipelines.data_map.model import Statistic
from pipelines.statistics.questions import dropped
from retention_rules.periods import Period

LARGEST_SHARE = Decimal("0.85")
"""What one subject may make up of an increment (Insee: none above 85 %)."""

PROTECTION = Decimal("0.15")
"""The p % rule: whoever knows the second largest must not come nearer to the largest than by this part of it."""

_DECEMBER = 12


@dataclass(frozen=True, slots=True)
class Settled:
    """What is pending from now on; what is released; which cells have merged upward; which are held at the top."""

    pending: tuple[Contribution, ...]
    released: tuple[Increment, ...] = ()
    merged: tuple[str, ...] = ()
    held: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Partition:
    """The cells of a statistic, level by level: how they nest, when their periods end, what may be released."""

    statistic: Statistic

    @property
    def levels(self) -> tuple[tuple[int, ...], ...]:
        """Which groupings each level keeps."""
        return levels_of(len(self.statistic.by), dropped(self.statistic))

    @property
    def top(self) -> int:
        """The number of the coarsest level."""
        return len(self.statistic.by)

    def level(self, cell: str) -> int:
        """The level of a cell: 0 is the finest."""
        return self.top - len(json.loads(cell))

    def parent(self, cell: str) -> str:
        """The cell of the next coarser level that a cell lies in."""
        level = self.level(cell)
        values = dict(zip(self.levels[level], json.loads(cell), strict=True))
        return json.dumps([values[at] for at in self.levels[level + 1]], ensure_ascii=False)

    def above(self, cell: str) -> Iterator[str]:
        """The coarser cells that a cell lies in, from the next to the top."""
        while self.level(cell) < self.top:
            cell = self.parent(cell)
            yield cell

    def ends(self, cell: str) -> dt.date | None:
        """The last day of a cell's period; None where it has none, or where what should name it does not."""
        kept = self.levels[self.level(cell)]
        found = (_last_day(self.statistic.by[at].by, value) for at, value in zip(kept, json.loads(cell), strict=True))
        return max((day for day in found if day is not None), default=None)

    def closed(self, cell: str, today: dt.date) -> bool:
        """Whether a cell's period is over."""
        ends = self.ends(cell)
        return ends is None or ends < today

    def overdue(self, cell: str, since: dt.date, today: dt.date) -> bool:
        """Whether what waits in a cell since a day has waited long enough; before its period is over, nothing does."""
        begun = max(since, self.ends(cell) or since)
        return Period.parse(self.statistic.deadline).after(begun) < today

    def fit(self, pending: Sequence[Contribution], level: int) -> bool:
        """Whether what is pending in a cell may be released: it concerns enough persons, and none dominates.

        Persons of different kinds of acts may be the same; so the most that one kind has touched count.
        """
        if persons(pending, level) < self.statistic.minimum:
            return False
        weights = [each.weights.get(level, Weight()) for each in pending]
        first = sum((each.left_1 + each.stayed_1 for each in weights), ZERO)
        second = sum((each.left_2 + each.stayed_2 for each in weights), ZERO)
        return undominated(first, second, sum((each.weight for each in pending), ZERO))


def folded(cells: Mapping[str, Totals], merged: Collection[str], partition: Partition) -> dict[str, Totals]:
    """The cells, those of which anything has merged upward put into coarser ones: so they compare with the ledger's."""
    found = dict(cells)
    for level in range(partition.top):
        for cell in [each for each in found if each in merged and partition.level(each) == level]:
            parent = partition.parent(cell)
            found[parent] = found.get(parent, Totals()) + found.pop(cell)
    return found


def persons(pending: Iterable[Contribution], level: int) -> int:
    """How many persons the contributions of a cell concern, at least."""
    return max((each.weights.get(level, Weight()).persons for each in pending), default=0)


def undominated(first: Decimal, second: Decimal, weight: Decimal) -> bool:
    """Whether neither the largest nor the two largest subjects make up too much of what all weigh together."""
    return first <= LARGEST_SHARE * weight and weight - first - second >= PROTECTION * first


def settled(found: Iterable[Contribution], partition: Partition, today: dt.date) -> Settled:
    """What becomes of what is pending for one statistic. Settling again on the same day changes nothing."""
    cells: dict[str, dict[str, Contribution]] = {}
    for each in found:
        _add(cells, each)
    released: list[Increment] = []
    merged: list[str] = []
    for level in range(partition.top + 1):
        for cell in sorted(each for each in cells if partition.level(each) == level):
            pending = tuple(cells[cell].values())
            if not partition.closed(cell, today):
                continue
            if partition.fit(pending, level):
                totals = sum((each.totals for each in pending), Totals())
                released.append(Increment(cell, totals, persons(pending, level), today))
                del cells[cell]
            elif level < partition.top and partition.overdue(cell, min(each.since for each in pending), today):
                for each in pending:
                    above = {at: weight for at, weight in each.weights.items() if at > level}
                    _add(cells, replace(each, cell=partition.parent(cell), since=today, weights=above))
                merged.append(cell)
                del cells[cell]
    left = tuple(each for acts in cells.values() for each in acts.values())
    held = tuple(sorted(cell for cell in cells if partition.level(cell) == partition.top))
    return Settled(left, tuple(released), tuple(merged), held)


def _add(cells: dict[str, dict[str, Contribution]], given: Contribution) -> None:
    """Put a contribution to those of the same cell and kind of act."""
    acts = cells.setdefault(given.cell, {})
    known = acts.get(given.act)
    if known is None:
        acts[given.act] = given
        return
    levels = sorted({*known.weights, *given.weights})
    acts[given.act] = Contribution(
        cell=given.cell,
        act=given.act,
        totals=known.totals + given.totals,
        weight=known.weight + given.weight,
        since=min(known.since, given.since),
        weights={at: known.weights.get(at, Weight()) + given.weights.get(at, Weight()) for at in levels},
    )


def _last_day(by: str, value: object) -> dt.date | None:
    try:
        match by:
            case "month":
                year, month = (int(part) for part in str(value).split("-"))
                return dt.date(year, month, calendar.monthrange(year, month)[1])
            case "year":
                return dt.date(int(str(value)), _DECEMBER, 31)
            case _:
                return None
    except ValueError:
        return None
