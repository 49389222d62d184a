"""Cells of a safe partition, and the level at which each is settled."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from connectors.sql.scratch import Expression, Scratch, has
from connectors.sql.temporary import analyse, empty


def find_cells(scratch: Scratch) -> None:
    """Take the cells in which the rows are at the finest level, and what they are at every other."""
    layout, base, values = scratch.layout, scratch.base, scratch.values
    numbers, depth = range(len(layout.hierarchies)), range(layout.depth)
    stored = [base.c[f"g{n}"] for n in numbers]
    filled = has(base, [base.c[f"m{n}"] for n in range(len(layout.measures))])
    coarser = {f"l{level}_{n}": layout.hierarchies[n].levels[level](stored[n]) for n in numbers for level in depth} | {
        f"has{n}": each for n, each in enumerate(filled)
    }
    counted = sa.func.row_number().over().label("number"), sa.func.count().label("n")
    query = sa.select(base.c.cell, *counted, *(each.label(name) for name, each in coarser.items()))
    scratch.insert(values, ["cell", "number", "n", *coarser], query.group_by(base.c.cell, *stored, *filled))
    flags = [values.c[f"has{n}"] for n in range(len(filled))]
    places = [scratch.place([values.c[f"l{level}_{n}"] for n in numbers], flags) for level in depth]
    scratch.insert(
        scratch.cells,
        ["number", "n", *(f"k{level}" for level in depth), "joins"],
        sa.select(values.c.number, values.c.n, *places, sa.false()),
    )
    for each in (values, scratch.cells):
        analyse(scratch.connection, each)
    if layout.subject is not None:
        known = sa.select(values.c.number, base.c.subject).distinct()
        known = known.select_from(base.join(values, values.c.cell == base.c.cell)).where(base.c.known == 1)
        scratch.insert(scratch.pairs, ["cell", "subject"], known)
        analyse(scratch.connection, scratch.pairs)


def settle(scratch: Scratch) -> None:
    """Settle every cell at the first level at which it can be; what no level suits draws another up to one."""
    for level in range(scratch.layout.depth):
        _settle_at(scratch, level)
    analyse(scratch.connection, scratch.cells)
    for level in range(1, scratch.layout.depth):
        _absorb(scratch, level)


def _settle_at(scratch: Scratch, level: int) -> None:
    """Settle at a level the cells that have enough subjects there, or company."""
    cells, counts, place = scratch.cells, scratch.counts, scratch.cells.c[f"k{level}"]
    empty(scratch.connection, counts)
    scratch.insert(counts, ["place", "n"], _subjects(scratch, place))
    enough = sa.select(counts.c.place).where(counts.c.n >= scratch.layout.k)
    _settle(scratch, level, enough, joins=False)
    # A cell of a finer level can be the same as one of this: what joined there alone has more company now.
    scratch.connection.execute(cells.update().where(cells.c.settled.in_(enough)).values(joins=False))
    empty(scratch.connection, counts)
    there = sa.select(cells.c.settled).where(cells.c.level.is_not(None), sa.not_(cells.c.joins)).distinct()
    scratch.insert(counts, ["place"], there)
    _settle(scratch, level, sa.select(counts.c.place), joins=False)
    _settle(scratch, level, sa.select(scratch.groups.c.place), joins=True)


def _subjects(scratch: Scratch, place: Expression) -> sa.Select[Any]:
    """How many subjects there are in each place that cells which are not settled have at a level."""
    cells, pairs = scratch.cells, scratch.pairs
    if scratch.layout.subject is None:
        return sa.select(place, sa.func.sum(cells.c.n)).where(cells.c.level.is_(None)).group_by(place)
    found = sa.select(place.label("place"), pairs.c.subject).select_from(
        cells.join(pairs, pairs.c.cell == cells.c.number)
    )
    whom = found.where(cells.c.level.is_(None)).distinct().subquery()
    return sa.select(whom.c.place, sa.func.count()).group_by(whom.c.place)


def _settle(scratch: Scratch, level: int, places: sa.Select[Any], *, joins: bool) -> None:
    cells, place = scratch.cells, scratch.cells.c[f"k{level}"]
    changed = cells.update().where(cells.c.level.is_(None), place.in_(places))
    scratch.connection.execute(changed.values(level=level, settled=place, joins=joins))


def _absorb(scratch: Scratch, level: int) -> None:
    """Let what is too small at every level draw the smallest settled cell beside it up to this one.

    Otherwise a few rows would wait for ever beside thousands that were settled at a finer level.
    """
    cells, donors, place = scratch.cells, scratch.donors, scratch.cells.c[f"k{level}"]
    waiting = sa.select(place).where(cells.c.level.is_(None))
    if scratch.connection.execute(waiting.limit(1)).first() is None:
        return
    empty(scratch.connection, donors)
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


def find_homes(scratch: Scratch) -> None:
    """Number the settled cells, and say what becomes of the rows of each of the finest."""
    layout, values, cells = scratch.layout, scratch.values, scratch.cells
    place = sa.case((cells.c.level.is_not(None), sa.func.dense_rank().over(order_by=cells.c.settled)))
    of = sa.func.sum(cells.c.n).over(partition_by=[cells.c.settled, cells.c.joins])
    apart = sa.and_(cells.c.level.is_not(None), sa.not_(cells.c.joins))
    so_far = sa.func.sum(sa.case((apart, cells.c.n), else_=0)).over(order_by=cells.c.settled)
    home = {
        "cell": values.c.cell,
        "settled": cells.c.settled,
        "place": place,
        "of": of,
        "after": so_far - of,
        "joins": cells.c.joins,
    }
    coarse = {
        layout.held[each.name]: sa.case(
            *((cells.c.level == level, values.c[f"l{level}_{n}"]) for level in range(layout.depth))
        )
        for n, each in enumerate(layout.hierarchies)
    }
    joined = values.join(cells, cells.c.number == values.c.number)
    found = sa.select(*home.values(), *coarse.values()).select_from(joined)
    scratch.insert(scratch.homes, [*home, *coarse], found)
    analyse(scratch.connection, scratch.homes)
