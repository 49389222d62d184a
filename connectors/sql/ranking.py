"""Groups of k to 2k-1 subjects inside each settled cell, and their means."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from connectors.sql.partition import GROUP
from connectors.sql.scratch import Expression, Scratch
from connectors.sql.temporary import analyse

_GROUPS = 1 << 32
"""More than the groups that a cell can have."""


def rank(scratch: Scratch) -> None:
    """Number the groups: in order of the main measure, by chance where it is the same."""
    ranks, k = scratch.ranks, scratch.layout.k
    subjects = _in_cells(scratch, joins=False).subquery()
    one = subjects.c.known
    order = [subjects.c.x, scratch.chance()]
    position = sa.func.sum(one).over(partition_by=subjects.c.settled, order_by=order, rows=(None, 0))
    of = sa.func.sum(one).over(partition_by=subjects.c.settled)
    cell = sa.func.dense_rank().over(order_by=subjects.c.settled)
    ranked = sa.select(
        subjects.c.settled, subjects.c.subject, position.label("r"), of.label("of"), cell.label("nr")
    ).subquery()
    within = _whole(sa.case((ranked.c.r > 0, ranked.c.r - 1), else_=0), k)
    last = _whole(ranked.c.of, k) - 1
    group = sa.case((within < last, within), else_=last)
    number = sa.cast(ranked.c.nr, sa.BigInteger) * sa.literal_column(str(_GROUPS)) + group + _first(scratch)
    scratch.insert(ranks, ["settled", "subject", "number"], sa.select(ranked.c.settled, ranked.c.subject, number))
    _join_standing(scratch)
    analyse(scratch.connection, ranks)


def _join_standing(scratch: Scratch) -> None:
    """Send the subjects of cells that are too small alone to the nearest group that stands there."""
    groups, subjects = scratch.groups, _in_cells(scratch, joins=True).subquery()
    near = sa.func.abs(groups.c.m0 - subjects.c.x) if scratch.layout.measures else sa.literal(0)
    order = sa.func.row_number().over(
        partition_by=[subjects.c.settled, subjects.c.subject], order_by=[near, scratch.chance()]
    )
    tried = (
        sa.select(subjects.c.settled, subjects.c.subject, groups.c.number, order.label("nearest"))
        .select_from(subjects.join(groups, groups.c.place == subjects.c.settled))
        .subquery()
    )
    first = _next_number(scratch)
    scratch.insert(
        scratch.ranks,
        ["settled", "subject", "number", "joined"],
        sa.select(tried.c.settled, tried.c.subject, tried.c.number + first, tried.c.number).where(tried.c.nearest == 1),
    )


def _in_cells(scratch: Scratch, *, joins: bool) -> sa.Select[Any]:
    """The subjects of the settled cells, each with its own main measure there."""
    base, cells = scratch.base, scratch.cells
    joined = base.join(cells, cells.c.cell == base.c.cell)
    if scratch.layout.subject is None:
        measure: Expression = base.c.m0 if scratch.layout.measures else sa.literal_column("0")
        found = sa.select(cells.c.settled, base.c.subject, base.c.known, measure.label("x"))
    else:
        measure = sa.func.avg(base.c.m0) if scratch.layout.measures else sa.literal_column("0")
        found = sa.select(cells.c.settled, base.c.subject, base.c.known, measure.label("x"))
        found = found.group_by(cells.c.settled, base.c.subject, base.c.known)
    return found.select_from(joined).where(cells.c.level.is_not(None), cells.c.joins == sa.literal(joins))


def _first(scratch: Scratch) -> int:
    """A number above those of the groups that have a place in the work table."""
    taken = scratch.connection.execute(sa.select(sa.func.max(scratch.target.c[GROUP]))).scalar_one()
    return int(taken or 0)


def _next_number(scratch: Scratch) -> int:
    taken = scratch.connection.execute(sa.select(sa.func.max(scratch.ranks.c.number))).scalar_one()
    return max(int(taken or 0), _first(scratch))


def average(scratch: Scratch) -> None:
    """The mean of every measure in every group: what was there, of the groups that stand."""
    base, cells, ranks, groups = scratch.base, scratch.cells, scratch.ranks, scratch.groups
    if not scratch.layout.measures:
        return
    names = [f"m{n}" for n in range(len(scratch.layout.measures))]
    joined = base.join(cells, cells.c.cell == base.c.cell).join(ranks, ranked_with(scratch))
    means = [_mean(scratch, base.c[f"m{n}"], name) for n, name in enumerate(scratch.layout.measures)]
    query = sa.select(ranks.c.number, *means).select_from(joined).where(ranks.c.joined.is_(None))
    scratch.insert(scratch.means, ["number", *names], query.group_by(ranks.c.number))
    there = sa.select(ranks.c.number, *(groups.c[each] for each in names)).distinct()
    there = there.select_from(ranks.join(groups, groups.c.number == ranks.c.joined))
    scratch.insert(scratch.means, ["number", *names], there)
    analyse(scratch.connection, scratch.means)


def _mean(scratch: Scratch, column: Expression, name: str) -> Expression:
    """Rounded to the column's own scale: what is left over goes to no row, but to the statistics ledger."""
    mean = sa.func.avg(column)
    kind = scratch.kind(name)
    if isinstance(kind, sa.Float):
        return mean
    scale = (getattr(kind, "scale", None) or 0) if isinstance(kind, sa.Numeric) else 0
    rounded: Expression = sa.func.round(mean, sa.literal_column(str(scale)))
    if isinstance(kind, sa.Integer) and scratch.connection.dialect.name == "sqlite":
        return sa.cast(rounded, sa.Integer)
    return rounded


def ranked_with(scratch: Scratch) -> Expression:
    """What joins a row, with its settled cell, to its group."""
    subject = scratch.ranks.c.subject == scratch.base.c.subject
    if scratch.layout.subject is None:  # each row is in one cell
        return subject
    return sa.and_(subject, scratch.ranks.c.settled == scratch.cells.c.settled)


def _whole(number: Expression, by: int) -> Expression:
    """The whole part of a quotient of counts."""
    return sa.cast(number, sa.BigInteger) // sa.literal_column(str(by), sa.BigInteger)
