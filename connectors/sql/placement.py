"""Safe partition and microaggregation inside a store: cells of at least k subjects, groups of k to 2k-1 with one mean.

The rows that are to be anonymised are counted in ever coarser cells. A cell is settled at the first level at which it
has at least k distinct subjects, or at which records that were anonymised before stand in the same cell. What has no
such level draws the smallest settled cell beside it up to a common one; what finds none is held back. Inside a cell
subjects are ordered by their main measure, and each group of them gets its mean. Fewer than k subjects that join a cell
take the values of the nearest group that stands there, so that a later run never lowers k. NULL is a value of its own;
records with and without a measure are in different cells.

Everything is a handful of statements over whole sets. What will be written is put into a work table; what was there
stays in temporary tables, which go with the connection.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from connectors.sql.partition import GROUP, JOINS, Layout, exactly, same_record
from connectors.sql.ranking import average, rank, ranked_with
from connectors.sql.scratch import Expression, Scratch, has
from connectors.sql.settling import absorb, find_cells, settle
from connectors.sql.temporary import analyse


def assign(
    connection: sa.Connection, layout: Layout, work: sa.Table, rows: sa.Select[Any], standing: Expression
) -> None:
    """Give each of the rows whose keys ``rows`` selects a place in the work table, unless it has one.

    ``standing`` says which rows of the table were anonymised before. To be called inside a transaction.
    """
    with Scratch(connection, layout, work).made() as scratch:
        gather(scratch, rows)
        find_standing(scratch, standing)
        for level in range(layout.depth):
            settle(scratch, level)
        for level in range(1, layout.depth):
            absorb(scratch, level)
        rank(scratch)
        average(scratch)
        write(scratch)


def gather(scratch: Scratch, rows: sa.Select[Any]) -> None:
    """Take the rows that have no place yet, and the cells in which they are at the finest level."""
    layout, base = scratch.layout, scratch.base
    table, keys = layout.table, rows.subquery()
    chosen = sa.tuple_(*(table.c[name] for name in layout.key)).in_(sa.select(*(keys.c[n] for n in layout.key)))
    if len(layout.key) == 1:
        chosen = table.c[layout.key[0]].in_(sa.select(keys.c[layout.key[0]]))
    placed = sa.exists().where(same_record(layout.key, scratch.target, table)).correlate(table)
    finest = [each.finest.label(f"g{n}") for n, each in enumerate(layout.hierarchies)]
    measures = [table.c[name].label(f"m{n}") for n, name in enumerate(layout.measures)]
    names = [*layout.key, "subject", "known", *(each.name for each in (*finest, *measures))]
    found = sa.select(*(table.c[name] for name in layout.key), *scratch.who(table), *finest, *measures)
    inner = found.where(chosen, layout.where, sa.not_(placed)).subquery()
    place = scratch.cell([*(inner.c[each.name] for each in finest), *has(inner, measures)])
    scratch.insert(base, [*names, "cell"], sa.select(*(inner.c[each] for each in names), place))
    analyse(scratch.connection, base)
    find_cells(scratch)


def find_standing(scratch: Scratch, standing: Expression) -> None:
    """The groups that hide at least k subjects already, among the rows that were anonymised before."""
    layout = scratch.layout
    table = layout.table
    columns = [table.c[each.name] if each.written else each.finest for each in layout.hierarchies]
    measures = [table.c[name].label(f"m{n}") for n, name in enumerate(layout.measures)]
    place = scratch.place(columns, has(table, [table.c[name] for name in layout.measures]))
    found = sa.select(sa.func.row_number().over(), place, *measures).select_from(table)
    found = found.where(standing, layout.where)
    dialect = scratch.connection.dialect.name
    cells = (exactly(each, dialect) for each in (*columns, *(table.c[name] for name in layout.measures)))
    enough = sa.func.count() if layout.turned else layout.subjects()
    found = found.group_by(*cells).having(enough >= layout.k)
    scratch.insert(scratch.groups, ["number", "place", *(each.name for each in measures)], found)
    analyse(scratch.connection, scratch.groups)


def write(scratch: Scratch) -> None:
    """Fill the work table."""
    layout, base, values, cells, ranks = scratch.layout, scratch.base, scratch.values, scratch.cells, scratch.ranks
    columns: dict[str, Expression] = {name: base.c[name] for name in layout.key}
    columns[GROUP], columns[JOINS] = ranks.c.number, cells.c.joins
    for number, each in enumerate(layout.hierarchies):
        if each.written:
            whens = [(cells.c.level == level, values.c[f"l{level}_{number}"]) for level in range(layout.depth)]
            columns[layout.values[each.name]] = sa.case(*whens)
    joined = base.join(cells, cells.c.cell == base.c.cell).join(values, values.c.cell == base.c.cell)
    joined = joined.outerjoin(ranks, ranked_with(scratch))
    if layout.measures:
        joined = joined.outerjoin(scratch.means, scratch.means.c.number == ranks.c.number)
        columns |= {layout.values[name]: scratch.means.c[f"m{n}"] for n, name in enumerate(layout.measures)}
    scratch.insert(scratch.target, list(columns), sa.select(*columns.values()).select_from(joined))
    analyse(scratch.connection, scratch.target)
