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


def in_ranges(sizes: Sizes, k: int) -> tuple[tuple[str, int], ...]:
    """Counts of cells by ranges of their sizes: what is too small, one group (k to 2k-1), two, four, eight and more."""
    bounds = [(1, k - 1), (k, 2 * k - 1), (2 * k, 4 * k - 1), (4 * k, 8 * k - 1)]
    found = [(f"{low}-{high}", sum(n for size, n in sizes.items() if low <= size <= high)) for low, high in bounds]
    found.insert(0, ("0", sizes.get(0, 0)))
    found.append((f"{8 * k} and more", sum(n for size, n in sizes.items() if size >= 8 * k)))
    return tuple((name, count) for name, count in found if count)
