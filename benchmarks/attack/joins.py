"""Joining stores on whatever they share, among persons who are anonymous in both: does it find more than chance would?

For each pair of columns of two tables, and for each pair of (date, amount) tuples, every row of the first is given a
row of the second with equal values, at random where there are several. What counts is how many persons it finds again,
each row as its share of those of its person. The same is asked with the persons of the second table exchanged at random
among those of the same coarse cell, each with all rows: that is chance.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import numpy as np
import pandas as pd

PERSON = "ardoise_person"
"""The column of a table that says whose a row was; known to whoever judges, not to the attacker."""
TIMES = 40
"""How often persons are exchanged at random."""
FAR = 6.0
"""Deviations above chance from which a join counts as one, over thousands of pairs of columns."""


@dataclass(frozen=True, slots=True)
class Join:
    """What a join on some columns finds: persons, by chance, and how many deviations lie between."""

    left: tuple[str, ...]
    right: tuple[str, ...]
    rows: int
    found: float
    chance: float
    deviations: float

    @property
    def betrays(self) -> bool:
        """Whether it finds clearly more than chance would, and more than one person."""
        return self.deviations > FAR and self.found - self.chance > 1


def joins(left: pd.DataFrame, right: pd.DataFrame, cells: Sequence[str] = (), *, seed: int = 11) -> Iterator[Join]:
    """Every join of two tables that share any value; ``cells`` are coarse columns that both may show."""
    chance = np.random.default_rng(seed)
    shown = [name for name in cells if name in left and name in right]
    persons = {person: number for number, person in enumerate(sorted({*left[PERSON], *right[PERSON]}))}
    owners, others = (_Rows.of(side[PERSON].map(persons)) for side in (left, right))
    cell = right.groupby(shown, dropna=False).ngroup().to_numpy() if shown else np.zeros(len(right), dtype=int)
    strata = np.full(len(persons), -1)
    strata[others.persons] = cell  # of a person in several cells, one
    ours, theirs = _comparable(left.drop(columns=[PERSON, *shown])), _comparable(right.drop(columns=[PERSON, *shown]))
    pairs: list[tuple[tuple[str, ...], tuple[str, ...]]]
    pairs = [((a,), (b,)) for a in ours for b in theirs if ours[a].kind == theirs[b].kind]
    dates = [(a, b) for a in ours for b in theirs if ours[a].kind == theirs[b].kind == "day"]
    amounts = [(a, b) for a in ours for b in theirs if ours[a].kind == theirs[b].kind == "number"]
    pairs += [((a, c), (b, d)) for (a, b), (c, d) in itertools.product(dates, amounts)]
    for mine, other in pairs:
        first = _joined([ours[name].forms for name in mine])
        second = _joined([theirs[name].forms for name in other])
        result = _measured(first, second, owners, others, strata, chance)
        if result is not None:
            yield Join(mine, other, len(left), *result)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Whose rows are, as numbers, and what share each is of its person's."""

    persons: np.ndarray
    shares: np.ndarray

    @classmethod
    def of(cls, numbers: pd.Series) -> _Rows:
        persons = numbers.to_numpy(dtype=int)
        return cls(persons, 1 / np.bincount(persons)[persons])


@dataclass(frozen=True, slots=True)
class _Column:
    kind: str
    forms: pd.Series


def _comparable(table: pd.DataFrame) -> dict[str, _Column]:
    """Columns in the form in which they can be equal to another store's: days, numbers, texts; None is never equal."""
    found = {}
    for name in table:
        values = table[name]
        for kind, form in (("day", _day), ("number", _number), ("text", _text)):
            formed = values.map(form, na_action="ignore")
            if formed.notna().any() and formed.notna().sum() == values.notna().sum():
                found[str(name)] = _Column(kind, formed.astype(object).where(formed.notna(), None))
                break
    return found


def _day(value: object) -> str | None:
    if isinstance(value, (dt.date, dt.datetime)):
        return value.isoformat()[:10]
    try:
        return (
            dt.datetime.fromisoformat(str(value)).date().isoformat() if len(str(value)) >= len("2026-06-30") else None
        )
    except ValueError:
        return None


def _number(value: object) -> str | None:
    """An amount in any unit: cents and euros meet, without the zeros at the end."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return "".join(map(str, number.normalize().as_tuple().digits)) if number.is_finite() else None


def _text(value: object) -> str:
    return str(value).strip().lower()


def _joined(parts: Sequence[pd.Series]) -> pd.Series:
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.str.cat(part, sep="|")  # None where a part is
    return whole


def _measured(
    first: pd.Series, second: pd.Series, owners: _Rows, others: _Rows, strata: np.ndarray, chance: np.random.Generator
) -> tuple[float, float, float] | None:
    codes = {value: code for code, value in enumerate(sorted(set(first.dropna()) & set(second.dropna())))}
    if not codes:
        return None
    a, b = (series.map(codes).fillna(-1).to_numpy(dtype=int) for series in (first, second))
    weights = owners.shares[a >= 0] / np.bincount(b[b >= 0], minlength=len(codes))[a[a >= 0]]
    wanted = owners.persons[a >= 0] * len(codes) + a[a >= 0]

    def found_again(persons: np.ndarray) -> float:
        keys, counts = np.unique(persons[b >= 0] * len(codes) + b[b >= 0], return_counts=True)
        at = np.searchsorted(keys, wanted).clip(max=len(keys) - 1)
        return float((np.where(keys[at] == wanted, counts[at], 0) * weights).sum())

    ordered, drawn = np.argsort(strata, kind="stable"), []
    for _ in range(TIMES):
        exchanged = np.empty_like(ordered)
        exchanged[ordered] = np.lexsort((chance.random(len(strata)), strata))
        drawn.append(found_again(exchanged[others.persons]))
    found, mean = found_again(others.persons), float(np.mean(drawn))
    return found, mean, (found - mean) / max(float(np.std(drawn)), 0.2)
