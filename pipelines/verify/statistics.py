"""Registered statistics before and after: live rows and ledger together must be what was there before the run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal

from pipelines.report.model import Cell, Series

Cells = Mapping[str, tuple[int, str]]
"""By cell (the JSON array of its grouping values): a count, and a sum as text (empty where none is registered)."""


def series(place: tuple[str, str, str], measure: str, before: Cells, live: Cells, ledger: Cells) -> Series:
    """One statistic of a store, dataset and name, over every group that it ever had."""
    cells = sorted({*before, *live, *ledger})
    return Series(*place, measure, tuple(_cells(cells, measure, before, live, ledger)))


def _cells(names: list[str], measure: str, *parts: Cells) -> Iterator[Cell]:
    for name in names:
        label = ", ".join("–" if each is None else str(each) for each in json.loads(name)) or "all"
        yield Cell(label, *(_amount(part.get(name), measure) for part in parts))


def _amount(found: tuple[int, str] | None, measure: str) -> Decimal:
    if found is None:
        return Decimal(0)
    count, total = found
    return Decimal(count) if measure == "count" else Decimal(total or 0)


def differing(found: Series) -> int:
    """How many groups are not what they were."""
    return sum(not cell.holds for cell in found.cells)
