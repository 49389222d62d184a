"""How a labelled table is written down, and made: columns with a type, a maker of values and the right answer."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pipelines.classify import Column, Table

NOT: Final = "-"
"""Not personal."""

OPEN: Final = "?"
"""Reasonable reviewers differ: not scored."""

Maker = Callable[[random.Random], Any]


@dataclass(frozen=True, slots=True)
class Made:
    """A column of a labelled table. ``sparse`` is the share of rows that are empty."""

    type: str
    make: Maker
    label: str
    sparse: float = 0.05
    key: bool = False
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A table with the right answer for each column: a category, `NOT` or `OPEN`."""

    table: Table
    labels: Mapping[str, str]


def made(name: str, rows: int, columns: Mapping[str, Made], seed: int = 11) -> Labelled:
    """The table, with values that are the same in every run. Values are texts, as a scan reads them."""
    found = []
    for place, (column, each) in enumerate(columns.items()):
        chance = random.Random(f"{seed} {name} {place}")  # noqa: S311 - made-up data
        values = [None if chance.random() < each.sparse and not each.key else each.make(chance) for _ in range(rows)]
        texts = [value if value is None else str(value) for value in values]
        found.append(Column(column, each.type, texts, rows, key=each.key, unique=each.key))
    linking = frozenset(column for column, each in columns.items() if each.reference)
    references = tuple(dict.fromkeys(each.reference for each in columns.values() if each.reference))
    labels = {column: each.label for column, each in columns.items()}
    return Labelled(Table(name, tuple(found), references, linking), labels)


def col(
    make: Maker, label: str, type_: str = "varchar(80)", *, sparse: float = 0.05, key: bool = False, reference: str = ""
) -> Made:
    """A column, most often of texts."""
    return Made(type_, make, label, sparse, key, reference)


def one_of(*values: Any) -> Maker:
    """A value of a list."""
    return lambda chance: chance.choice(values)


def mixed(*makers: tuple[float, Maker]) -> Maker:
    """A value of one of several makers, by weight."""
    weights, makes = zip(*makers, strict=True)
    return lambda chance: chance.choices(makes, weights)[0](chance)


def whole(low: int, high: int) -> Maker:
    """A whole number."""
    return lambda chance: chance.randrange(low, high)


def money(high: int) -> Maker:
    """An amount with two decimals."""
    return lambda chance: f"{chance.randrange(100, high * 100) / 100:.2f}"


def day(first: int, last: int, form: str = "{0:04}-{1:02}-{2:02}") -> Maker:
    """A day between two years, as a text."""
    return lambda chance: form.format(chance.randrange(first, last), chance.randrange(1, 13), chance.randrange(1, 29))


def shaped(form: str) -> Maker:
    """A text of a form: `9` a digit, `A` a capital letter, `a` a small one, anything else itself."""
    alphabets = {"9": "0123456789", "A": "ABCDEFGHJKLMNPQRSTUVWXYZ", "a": "abcdefghijkmnopqrstuvwxyz"}
    return lambda chance: "".join(chance.choice(alphabets[ch]) if ch in alphabets else ch for ch in form)
