"""Groups of k to 2k-1 subjects inside each settled cell, or places among those that stand there already."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from connectors.sql.scratch import Expression, Scratch
from connectors.sql.temporary import analyse


def rank(scratch: Scratch) -> None:
    """Find the group of every subject that has one of its own kind, or joins one that stands.

    Where each row is a subject, groups are made while the work table is filled (`ranked`).
    """
    ranks = scratch.ranks
    if scratch.layout.subject is not None:
        found = ranked(scratch).subquery()
        scratch.insert(ranks, ["place", "subject", "part"], sa.select(found.c.place, found.c.subject, found.c.part))
    _join_standing(scratch)
    analyse(scratch.connection, ranks)


def ranked(scratch: Scratch, *columns: Expression) -> sa.Select[Any]:
    """The subjects of cells that are large enough, and the part of the cell in which each is.

    They are in order of the main measure, by chance where it is the same. ``columns``: of the rows, where each is one:
    then they are numbered as well, those of a part one after the other.
    """
    subjects, k = _in_cells(scratch, *columns, joins=False).subquery(), scratch.layout.k
    order = [subjects.c.x, scratch.chance(subjects.c.subject)]
    if scratch.layout.subject is None:  # each row is somebody, and to count them is faster than to add them up
        position = sa.func.row_number().over(partition_by=subjects.c.place, order_by=order)
        counted = [position.label("position"), (subjects.c.after + position).label("nth")]
    else:
        position = sa.func.sum(subjects.c.known).over(partition_by=subjects.c.place, order_by=order, rows=(None, 0))
        of = sa.func.sum(subjects.c.known).over(partition_by=subjects.c.place)
        counted = [position.label("position"), of.label("of")]
    found = sa.select(*subjects.c, *counted).subquery()
    within = _whole(sa.case((found.c.position > 0, found.c.position - 1), else_=0), k)
    last = _whole(found.c.of, k) - 1
    rest = [each for each in found.c if each is not found.c.position]
    return sa.select(*rest, sa.case((within < last, within), else_=last).label("part"))


def _join_standing(scratch: Scratch) -> None:
    """Send the subjects of cells that are too small alone to the nearest group that stands there."""
    groups, subjects = scratch.groups, _in_cells(scratch, joins=True).subquery()
    near = sa.func.abs(groups.c.m0 - subjects.c.x) if scratch.layout.measures else sa.literal(0)
    order = sa.func.row_number().over(
        partition_by=[subjects.c.place, subjects.c.subject], order_by=[near, scratch.chance(subjects.c.subject)]
    )
    tried = (
        sa.select(subjects.c.place, subjects.c.subject, groups.c.number, order.label("nearest"))
        .select_from(subjects.join(groups, groups.c.place == subjects.c.settled))
        .subquery()
    )
    nearest = sa.select(tried.c.place, tried.c.subject, tried.c.number).where(tried.c.nearest == 1)
    scratch.insert(scratch.ranks, ["place", "subject", "joined"], nearest)


def _in_cells(scratch: Scratch, *columns: Expression, joins: bool) -> sa.Select[Any]:
    """The subjects of the settled cells, each with its own main measure there."""
    base, homes, slices = scratch.base, scratch.homes, scratch.slices
    rows = base.join(homes, homes.c.cell == base.c.cell)
    place: Expression = homes.c.place
    of: Expression = homes.c.of
    after: Expression = homes.c.after
    if scratch.sliced and not joins:
        rows = rows.join(slices, slices.c.spot == scratch.spot(homes.c.place, scratch.slice))
        place, of, after = slices.c.number.label("place"), slices.c.of, slices.c.after
    measure: Expression = base.c.m0 if scratch.layout.measures else sa.literal_column("0")
    who = [place, base.c.subject, base.c.known, *([homes.c.settled] if joins else [])]
    if scratch.layout.subject is None:
        found = sa.select(*who, of, after, *columns, measure.label("x"))
    else:
        found = sa.select(*who, sa.func.avg(measure).label("x")).group_by(*who)
    found = found.select_from(rows)
    return found.where(homes.c.place.is_not(None), homes.c.joins == sa.literal(joins))


def _whole(number: Expression, by: int) -> Expression:
    """The whole part of a quotient of counts."""
    return sa.cast(number, sa.BigInteger) // sa.literal_column(str(by), sa.BigInteger)
