"""Whoever knows the days and amounts of somebody's papers: to whose row does the one lead that is most like them?

Of a contract somebody may have a copy, or have seen what was paid and when. Each is given the released row that is
nearest to it, at random where several are; what counts is how many persons are found by the rows to which those lead,
each paper as its share of those of its person. Chance is what the same guesses find when the rows to which they lead
are exchanged at random.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from benchmarks.attack.joins import PERSON, TIMES
from benchmarks.attack.ranks import Guess

LEADS = "ardoise_leads"
"""The column of a released table that says to whose row each leads; known to whoever judges."""
FAR = 5.0
"""Deviations that count between a value and none."""


def nearest(known: pd.DataFrame, released: pd.DataFrame, columns: Sequence[str], *, seed: int = 17) -> Guess:
    """How many of the persons are found by the columns, which are days or numbers; ``known`` has `PERSON`."""
    chance = np.random.default_rng(seed)
    mine, theirs = (np.column_stack([_number(side[name]) for name in columns]) for side in (known, released))
    scale = np.nanstd(mine, axis=0)
    persons = {person: number for number, person in enumerate(sorted({*known[PERSON], *released[LEADS]}))}
    whose, leads = (series.map(persons).to_numpy(dtype=int) for series in (known[PERSON], released[LEADS]))
    order = chance.permutation(len(theirs))
    guessed = np.array([order[np.argmin(_far(each, theirs[order], scale))] for each in mine])
    weights = 1 / np.bincount(whose)[whose]
    drawn = [float(weights @ (chance.permutation(leads)[guessed] == whose)) for _ in range(TIMES)]
    found = float(weights @ (leads[guessed] == whose))
    return Guess(", ".join(columns), LEADS, float(weights.sum()), found, float(np.mean(drawn)), float(np.std(drawn)))


def _number(column: pd.Series) -> np.ndarray:
    """Days by their number; NaN where there is none."""
    placed = pd.to_numeric(column, errors="coerce")
    if placed.isna().sum() > column.isna().sum():
        days = pd.to_datetime(column.astype("string"), utc=True, format="ISO8601")
        placed = days.astype("int64").where(days.notna()) / 86_400e9
    return placed.to_numpy(dtype=float, na_value=np.nan)


def _far(one: np.ndarray, others: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """How far rows are from one, each column by its deviation; nothing is near nothing, and far from anything."""
    apart = np.abs(others - one) / scale
    alone = np.isnan(others) != np.isnan(one)
    far: np.ndarray = np.where(alone, FAR, np.nan_to_num(apart)).sum(axis=1)
    return far
