"""Joining stores by order: no value is shared, but whoever stands between the same neighbours is the same person.

Who still has a name in both tables is a milestone. A row of nobody lies between two of them; of the other table it is
given the row of the same coarse cell that lies nearest to the place which the milestones on both sides suggest. Asked
for every pair of columns that have an order: keys, amounts, days. What counts is how many persons are found again, each
row as its share of those of its person. Chance is what the same guesses find when persons of the same cell are
exchanged at random among the rows of nobody: who guesses the same row for all finds one by that, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.attack.joins import FAR, PERSON, TIMES

NOBODY = "ardoise_nobody"
"""The column of a table that says whether nothing personal is left in a row."""
MILESTONES = 20
"""Persons named in both tables below which there is nothing to count by."""
DISTINCT = 20
"""Values below which a column is no order."""
HIGHEST = 1.96


@dataclass(frozen=True, slots=True)
class Guess:
    """What the orders of two columns tell: of so many persons, how many are found, by chance, and its deviation."""

    left: str
    right: str
    persons: float
    found: float
    chance: float
    deviation: float

    @property
    def betrays(self) -> bool:
        """Whether it finds clearly more than chance would, and more than one person."""
        excess = self.found - self.chance
        return excess > 1 and excess > FAR * max(self.deviation, 0.2)

    @property
    def bound(self) -> float:
        """The upper 95 % bound of the share of persons who are found beyond chance."""
        share = self.found / self.persons
        spread = max(self.deviation, np.sqrt(self.persons * share * (1 - share)))
        return float((self.found - self.chance + HIGHEST * spread) / self.persons)


def ranks(left: pd.DataFrame, right: pd.DataFrame, cells: Sequence[str] = (), *, seed: int = 13) -> Iterator[Guess]:
    """What each pair of orders tells of rows of nobody on the left; ``cells`` are coarse columns that both may show.

    Both tables have `PERSON` and `NOBODY`. Pairs without persons to be found, or without milestones, are left out.
    """
    chance = np.random.default_rng(seed)
    shown = [name for name in cells if name in left and name in right]
    both = pd.concat([left[shown], right[shown]]) if shown else pd.DataFrame(index=range(len(left) + len(right)))
    cell = both.groupby(shown, dropna=False).ngroup().to_numpy() if shown else np.zeros(len(both), dtype=int)
    persons = {person: number for number, person in enumerate(sorted({*left[PERSON], *right[PERSON]}))}
    one, other = (
        _Side(side[PERSON].map(persons).to_numpy(dtype=int), side[NOBODY].to_numpy(dtype=bool), own)
        for side, own in ((left, cell[: len(left)]), (right, cell[len(left) :]))
    )
    orders = [_orders(side.drop(columns=[PERSON, NOBODY, *shown])) for side in (left, right)]
    for mine, places in orders[0].items():
        for theirs, others in orders[1].items():
            found = _told(one.there(places), other.there(others), chance)
            if found is not None:
                yield Guess(mine, theirs, *found)


def lined_up(left: pd.DataFrame, right: pd.DataFrame, *, seed: int = 13) -> Iterator[Guess]:
    """The same without milestones: rows of nobody and the persons of whom no row on the left is, both in their order.

    What was put aside together, behind everything else, has no milestones any more, and may be in its old order still.
    """
    chance = np.random.default_rng(seed)
    persons = {person: number for number, person in enumerate(sorted({*left[PERSON], *right[PERSON]}))}
    mine, theirs = (side[PERSON].map(persons).to_numpy(dtype=int) for side in (left, right))
    nobody = left[NOBODY].to_numpy(dtype=bool)
    missing = ~np.isin(theirs, mine[~nobody])
    orders = [_orders(side.drop(columns=[PERSON, NOBODY])) for side in (left, right)]
    for name, places in orders[0].items():
        for other, others in orders[1].items():
            wanted, free = nobody & ~np.isnan(places), missing & ~np.isnan(others)
            if wanted.sum() < MILESTONES or not free.any():
                continue
            ranked = np.argsort(np.argsort(places[wanted], kind="stable"))
            at = np.round(ranked * (free.sum() - 1) / (wanted.sum() - 1)).astype(int)
            guessed = theirs[free][np.argsort(others[free], kind="stable")][at]
            sought = mine[wanted]
            drawn = [float((guessed == chance.permutation(sought)).sum()) for _ in range(TIMES)]
            found = float((guessed == sought).sum())
            yield Guess(name, other, float(len(sought)), found, float(np.mean(drawn)), float(np.std(drawn)))


@dataclass(frozen=True, slots=True)
class _Side:
    """The rows of one table: whose they are, which are nobody's, in which cell, and at which place of the order."""

    persons: np.ndarray
    nobody: np.ndarray
    cells: np.ndarray
    places: np.ndarray | None = None

    def there(self, places: np.ndarray) -> _Side:
        """Those that have a place."""
        known = ~np.isnan(places)
        ranked = np.unique(places[known], return_inverse=True)[1].astype(float)
        return _Side(self.persons[known], self.nobody[known], self.cells[known], ranked)

    def named(self) -> pd.Series:
        """The first place of each person who is named."""
        return pd.Series(self.places)[~self.nobody].groupby(self.persons[~self.nobody]).min()


def _orders(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """The columns that have an order, as numbers; NaN where there is none."""
    found = {}
    for name in table:
        values = table[name]
        placed = pd.to_numeric(values, errors="coerce")
        if placed.isna().sum() > values.isna().sum():
            days = pd.to_datetime(values.astype("string"), errors="coerce", utc=True, format="ISO8601")
            placed = days.astype("int64").where(days.notna())
            if days.isna().sum() > values.isna().sum():
                continue
        if placed.nunique() >= DISTINCT:
            found[str(name)] = placed.to_numpy(dtype=float, na_value=np.nan)
    return found


def _told(one: _Side, other: _Side, chance: np.random.Generator) -> tuple[float, float, float, float] | None:
    assert one.places is not None
    assert other.places is not None
    milestones = pd.concat([one.named(), other.named()], axis="columns", join="inner", keys=["here", "there"])
    if len(milestones) < MILESTONES:
        return None
    milestones = milestones.groupby("here").median()
    free = ~(np.isin(other.persons, milestones.index) & ~other.nobody)
    wanted = one.nobody & np.isin(one.persons, other.persons[free])
    if not wanted.any():
        return None
    suggested = np.interp(one.places[wanted], milestones.index, milestones["there"])
    guessed = _nearest(suggested, one.cells[wanted], other.places[free], other.cells[free])
    mine, theirs = one.persons[wanted], other.persons[free]
    weights = 1 / np.bincount(mine)[mine]
    known = guessed >= 0

    def found_again(sought: np.ndarray) -> float:
        return float(weights[known] @ (theirs[guessed[known]] == sought[known]))

    drawn = [found_again(_exchanged(mine, one.cells[wanted], chance)) for _ in range(TIMES)]
    return float(weights.sum()), found_again(mine), float(np.mean(drawn)), float(np.std(drawn))


def _nearest(suggested: np.ndarray, cells: np.ndarray, places: np.ndarray, others: np.ndarray) -> np.ndarray:
    """For each suggested place the number of the nearest row of its cell; -1 where there is none."""
    found = np.full(len(suggested), -1)
    for cell in np.unique(cells):
        asking, there = np.flatnonzero(cells == cell), np.flatnonzero(others == cell)
        if len(there):
            there = there[np.argsort(places[there], kind="stable")]
            ordered = places[there]
            after = np.searchsorted(ordered, suggested[asking]).clip(1, max(len(there) - 1, 1))
            before = np.minimum(after - 1, len(there) - 1)
            after = np.minimum(after, len(there) - 1)
            nearer = suggested[asking] - ordered[before] <= ordered[after] - suggested[asking]
            found[asking] = there[np.where(nearer, before, after)]
    return found


def _exchanged(persons: np.ndarray, strata: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """The persons exchanged at random among those of the same stratum, each with all rows."""
    everybody, first, numbers = np.unique(persons, return_index=True, return_inverse=True)
    strata = strata[first]
    ordered = np.argsort(strata, kind="stable")
    exchanged = np.empty_like(everybody)
    exchanged[ordered] = everybody[np.lexsort((chance.random(len(everybody)), strata))]
    return exchanged[numbers]
