"""How well rows hide among each other: the sizes of the cells of rows that agree in all that they keep."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from connectors.sql.partition import SIZE, Layout

Sizes = dict[int, int]
"""How many cells have so many subjects, by their number."""


def cell_sizes(connection: sa.Connection, layout: Layout, rows: sa.ColumnElement[Any]) -> Sizes:
    """Count the subjects of every cell of the rows that fulfil a condition: one GROUP BY over all kept columns.

    NULL is a value of its own. Neither a row nor a value leaves the store.
    """
    kept = [layout.table.c[name].label(f"c{n}") for n, name in enumerate(layout.kept)]
    sizes = layout.alike(kept, rows, connection.dialect.name).subquery()
    found = connection.execute(sa.select(sizes.c[SIZE], sa.func.count()).group_by(sizes.c[SIZE]))
    return {int(size): int(count) for size, count in found}


def ranges(k: int) -> tuple[tuple[str, int, int | None], ...]:
    """Sizes of cells in ranges, from small to large: too small, one group (k to 2k-1), two, four, eight and more.

    Each with its name, its least and its largest size, None where it has none.
    """
    bounds = [(1, k - 1), (k, 2 * k - 1), (2 * k, 4 * k - 1), (4 * k, 8 * k - 1)]
    return (
        ("0", 0, 0), *((f"{low}-{high}", low, high) for low, high in bounds), (f"{8 * k} and more", 8 * k, None)
    )  # fmt: skip


def in_ranges(sizes: Sizes, k: int) -> tuple[tuple[str, int], ...]:
    """Counts of cells by `ranges` of their sizes; of those in which none is, nothing."""
    found = (
        (name, sum(n for size, n in sizes.items() if low <= size and (high is None or size <= high)))
        for name, low, high in ranges(k)
    )
    return tuple((name, count) for name, count in found if count)
