"""Cells of a safe partition, and the level at which each is settled."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from connectors.sql.scratch import Scratch, has
from connectors.sql.temporary import analyse


def find_cells(scratch: Scratch) -> None:
    """Take the cells in which the rows are at the finest level, and what they are at every other."""
    layout, base, values = scratch.layout, scratch.base, scratch.values
    numbers, depth = range(len(layout.hierarchies)), range(layout.depth)
    stored = [base.c[f"g{n}"] for n in numbers]
    filled = has(base, [base.c[f"m{n}"] for n in range(len(layout.measures))])
    coarser = {f"l{level}_{n}": layout.hierarchies[n].levels[level](stored[n]) for n in numbers for level in depth} | {
        f"has{n}": each for n, each in enumerate(filled)
    }
    query = sa.select(base.c.cell, sa.func.count().label("n"), *(each.label(name) for name, each in coarser.items()))
    scratch.insert(values, ["cell", "n", *coarser], query.group_by(base.c.cell, *stored, *filled))
    flags = [values.c[f"has{n}"] for n in range(len(filled))]
    places = [scratch.place([values.c[f"l{level}_{n}"] for n in numbers], flags) for level in depth]
    scratch.insert(
        scratch.cells,
        ["cell", "n", *(f"k{level}" for level in depth), "joins"],
        sa.select(values.c.cell, values.c.n, *places, sa.false()),
    )
    if layout.subject is not None:
        known = sa.select(base.c.cell, base.c.subject).where(base.c.known == 1).distinct()
        scratch.insert(scratch.pairs, ["cell", "subject"], known)
    for each in (values, scratch.cells, scratch.pairs):
        analyse(scratch.connection, each)


def settle(scratch: Scratch, level: int) -> None:
    """Settle at a level the cells that have enough subjects there, or company."""
    cells, counts, place = scratch.cells, scratch.counts, scratch.cells.c[f"k{level}"]
    scratch.connection.execute(counts.delete())
    if scratch.layout.subject is None:
        found = sa.select(place, sa.func.sum(cells.c.n)).where(cells.c.level.is_(None)).group_by(place)
    else:
        pairs = scratch.pairs
        joined = cells.join(pairs, pairs.c.cell == cells.c.cell)
        found = sa.select(place, sa.func.count(pairs.c.subject.distinct())).select_from(joined)
        found = found.where(cells.c.level.is_(None)).group_by(place)
    scratch.insert(counts, ["place", "n"], found)
    enough = sa.select(counts.c.place).where(counts.c.n >= scratch.layout.k)
    _settle(scratch, level, enough, joins=False)
    # A cell of a finer level can be the same as one of this: what joined there alone has more company now.
    scratch.connection.execute(cells.update().where(cells.c.settled.in_(enough)).values(joins=False))
    scratch.connection.execute(counts.delete())
    there = sa.select(cells.c.settled).where(cells.c.level.is_not(None), sa.not_(cells.c.joins)).distinct()
    scratch.insert(counts, ["place"], there)
    _settle(scratch, level, sa.select(counts.c.place), joins=False)
    _settle(scratch, level, sa.select(scratch.groups.c.place), joins=True)


def _settle(scratch: Scratch, level: int, places: sa.Select[Any], *, joins: bool) -> None:
    cells, place = scratch.cells, scratch.cells.c[f"k{level}"]
    changed = cells.update().where(cells.c.level.is_(None), place.in_(places))
    scratch.connection.execute(changed.values(level=level, settled=place, joins=joins))


def absorb(scratch: Scratch, level: int) -> None:
    """Let what is too small at every level draw the smallest settled cell beside it up to this one.

    Otherwise a few rows would wait for ever beside thousands that were settled at a finer level.
    """
    cells, donors, place = scratch.cells, scratch.donors, scratch.cells.c[f"k{level}"]
    scratch.connection.execute(donors.delete())
    waiting = sa.select(place).where(cells.c.level.is_(None))
    options = (
        sa.select(cells.c.settled, sa.func.min(place).label("place"), sa.func.sum(cells.c.n).label("n"))
        .where(cells.c.level.is_not(None), sa.not_(cells.c.joins))
        .group_by(cells.c.settled)
        .having(sa.func.count(place.distinct()) == 1)
        .subquery()
    )
    order = sa.func.row_number().over(partition_by=options.c.place, order_by=[options.c.n, options.c.settled])
    ranked = sa.select(options.c.place, options.c.settled, order.label("nr")).where(options.c.place.in_(waiting))
    first = ranked.subquery()
    chosen = sa.select(first.c.place, first.c.settled).where(first.c.nr == 1)
    scratch.insert(donors, ["place", "donor"], chosen)
    drawn = sa.or_(cells.c.level.is_(None), cells.c.settled.in_(sa.select(donors.c.donor)))
    moved = cells.update().where(place.in_(sa.select(donors.c.place)), drawn)
    scratch.connection.execute(moved.values(level=level, settled=place, joins=False))
