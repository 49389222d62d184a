"""Slices of a table: groups are made of rows whose keys lie near each other, where a cell has enough of them.

A run that writes group by group then reads one part of the table after the other, and not all of it for every few
groups. Nobody learns more from it: a row's key, which it keeps, says in which slice it is. A cell is as coarse as it
would be without, and its groups are made of at least `LEAST` rows, so that means are hardly coarser. What is too few
rows of a slice is grouped over all slices, with another slice of the cell where it would be too few even so.
"""

from __future__ import annotations

import itertools

import sqlalchemy as sa

from connectors.sql.scratch import Scratch
from connectors.sql.temporary import analyse

LEAST = 200
"""The rows of a cell in a slice for groups of their own; with fewer the groups would be wide."""


def find_slices(scratch: Scratch) -> tuple[int, ...]:
    """Number the slices of the settled cells, in the order of the table; those over all of it come last.

    Returns the number of the last row of each, if rows are numbered in this order.
    """
    if not scratch.sliced:
        return ()
    base, homes, slices, k = scratch.base, scratch.homes, scratch.slices, scratch.layout.k
    found = sa.select(homes.c.place, scratch.slice.label("slice"), sa.func.count().label("n"))
    found = found.select_from(base.join(homes, homes.c.cell == base.c.cell))
    found = found.where(homes.c.place.is_not(None), sa.not_(homes.c.joins)).group_by("place", "slice")
    counted = found.subquery()
    small, cell = counted.c.n < max(LEAST, k), counted.c.place
    left = sa.func.sum(sa.case((small, counted.c.n), else_=0)).over(partition_by=cell)
    nth = sa.func.row_number().over(partition_by=cell, order_by=[counted.c.n.desc(), counted.c.slice])
    known = sa.select(*counted.c, small.label("small"), left.label("left"), nth.label("nth")).subquery()
    apart = sa.or_(known.c.small, sa.and_(known.c.nth == 1, known.c.left > 0, known.c.left < k))
    at = sa.case((apart, scratch.parts), else_=known.c.slice)
    settled = sa.select(known.c.place, known.c.slice, known.c.n, at.label("at")).subquery()
    number = sa.func.dense_rank().over(order_by=[settled.c.at, settled.c.place])
    of = sa.func.sum(settled.c.n).over(partition_by=[settled.c.place, settled.c.at])
    so_far = sa.func.sum(settled.c.n).over(order_by=[settled.c.at, settled.c.place])
    spot = scratch.spot(settled.c.place, settled.c.slice)
    scratch.insert(slices, [each.name for each in slices.c], sa.select(spot, settled.c.at, number, of, so_far - of))
    analyse(scratch.connection, slices)
    each = sa.select(slices.c.number, slices.c.at, slices.c.of).distinct().subquery()
    sizes = sa.select(sa.func.sum(each.c.of)).group_by(each.c.at).order_by(each.c.at)
    return tuple(itertools.accumulate(int(size) for size in scratch.connection.execute(sizes).scalars()))
