"""What deleting rows would also do: cascades, nulled references, refusals and triggers, counted beforehand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from connectors.base import Impact, Inventory
from connectors.sql.catalog import children

_CASCADES = ("cascade", "set null", "set default")


def measure(
    connection: sa.Connection,
    inventory: Inventory,
    tables: Callable[[str], sa.Table],
    location: str,
    doomed: sa.ColumnElement[bool],
) -> Impact:
    """Follow every reference to the rows of ``location`` that fulfil ``doomed``, through cascades of any depth.

    ``tables`` gives the table at a location. Rows that a reference without cascade keeps are refusals.
    """
    cascades: Counter[str] = Counter()
    refusals: list[str] = []
    warnings: list[str] = []
    triggers: set[str] = set()
    seen: set[tuple[str, tuple[str, ...]]] = set()

    def follow(place: str, condition: sa.ColumnElement[bool]) -> None:
        shape = inventory.find(place)
        triggers.update(f"{place}.{name}" for name in (shape.triggers if shape else ()))
        for child, reference in children(inventory, place):
            if (child.location, reference.columns) in seen:
                continue
            seen.add((child.location, reference.columns))
            rows = tables(child.location).alias()
            parent = tables(place)
            pointed = sa.select(*(parent.c[name] for name in reference.target)).where(condition)
            pointing = _points(rows, reference.columns, pointed)
            count = int(connection.execute(sa.select(sa.func.count()).select_from(rows).where(pointing)).scalar_one())
            what = f"{child.location}({', '.join(reference.columns)})"
            if not reference.indexed:
                warnings.append(f"{what} has no index: each deleted row of {place} scans {child.location}")
            if count and reference.on_delete in _CASCADES:
                cascades[f"{child.location}: {reference.on_delete}"] += count
            elif count:
                refusals.append(f"{count} rows of {what} reference rows of {place}")
            if count and reference.on_delete == "cascade":
                below = tables(child.location)
                follow(child.location, _points(below, reference.columns, pointed))

    follow(location, doomed)
    return Impact(dict(cascades), tuple(sorted(triggers)), 0, tuple(refusals), tuple(warnings))


def _points(rows: sa.FromClause, columns: tuple[str, ...], pointed: sa.Select[Any]) -> sa.ColumnElement[bool]:
    inside = sa.select(*pointed.subquery().c)
    if len(columns) == 1:
        return rows.c[columns[0]].in_(inside)
    return sa.tuple_(*(rows.c[name] for name in columns)).in_(inside)
