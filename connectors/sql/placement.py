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

from dataclasses import replace
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.sql import visitors

from connectors.sql.partition import GROUP, JOINS, SIZE, Layout, same_record
from connectors.sql.ranking import rank, ranked
from connectors.sql.scratch import Expression, Scratch, cell_number, has
from connectors.sql.settling import find_cells, find_homes, settle
from connectors.sql.slicing import find_slices
from connectors.sql.temporary import analyse, create_filled
from connectors.sql.types import plain
from connectors.sql.versions import NUMBER, VERSION, version_of

CELL = "ardoise_cell"
"""The column with the finest cell of a row, beside those of its table."""
_Read = TypeVar("_Read", bound=sa.ClauseElement)


def assign(
    connection: sa.Connection,
    layout: Layout,
    work: sa.Table,
    chosen: Expression,
    standing: Expression,
    *,
    anew: bool = False,
    parts: int = 1,
    rows: sa.FromClause | None = None,
) -> tuple[int, ...]:
    """Give each of the table's rows that fulfil a condition a place in the work table, unless it has one.

    ``standing`` says which of them were anonymised before. ``anew``: the work table is made, and must not be there.
    ``parts``: in how many slices of the table groups are made, at most. ``rows``: another table with the rows that are
    chosen, `with_cells`. To be called inside a transaction. Returns see `find_slices`.
    """
    with Scratch(connection, layout, work, parts).made() as made:
        scratch = gather(made, chosen if anew else sa.and_(chosen, sa.not_(_placed(made))), rows)
        find_standing(scratch, standing)
        settle(scratch)
        find_homes(scratch)
        ends = find_slices(scratch)
        rank(scratch)
        write(scratch, anew=anew)
        return ends


def _placed(scratch: Scratch) -> Expression:
    """Whether a row of the table has a place."""
    layout, target = scratch.layout, scratch.target
    return sa.exists().where(same_record(layout.key, target, layout.table)).correlate(layout.table)


def needed(layout: Layout, work: sa.Table) -> list[str]:
    """The columns of the table, and its version, that have to be known of a row that is placed, but for its key.

    See `with_cells`.
    """
    parts = [*(each.finest for each in layout.hierarchies), *(layout.table.c[name] for name in layout.measures)]
    found = {each.name for part in parts for each in visitors.iterate(part) if isinstance(each, sa.Column)}
    found |= {VERSION} & set(work.c.keys()) | ({layout.subject} if layout.subject is not None else set())
    return sorted(found - set(layout.key))


def with_cells(layout: Layout, query: sa.Select[Any]) -> sa.Select[Any]:
    """What a query selects, all that is `needed` among it, with the finest cells of its rows, in PostgreSQL."""
    rows, table = query.subquery(), layout.table
    filled = has(table, [table.c[name] for name in layout.measures])
    cell = cell_number([*(each.finest for each in layout.hierarchies), *filled])
    return sa.select(*rows.c, _read_from(rows, table, cell).label(CELL))


def gather(scratch: Scratch, chosen: Expression, rows: sa.FromClause | None = None) -> Scratch:
    """Take the rows, and the cells in which they are at the finest level."""
    layout, table = scratch.layout, scratch.layout.table
    finest = [each.finest.label(f"g{n}") for n, each in enumerate(layout.hierarchies)]
    measures = [table.c[name].label(f"m{n}") for n, name in enumerate(layout.measures)]
    own = [table.c[name].label(key) for name, key in zip(layout.key, scratch.key, strict=True)]
    version = [version_of(table).label("version")] if scratch.numbered else []
    found = sa.select(*own, *scratch.who(table), *finest, *measures, *version)
    if rows is None:
        inner = found.where(chosen, layout.where).subquery()
        cell = scratch.finest([*(inner.c[each.name] for each in finest), *has(inner, measures)]).label("cell")
        filling = sa.select(*inner.c, cell)
    else:
        filling = _read_from(rows, table, found).add_columns(rows.c[CELL].label("cell"))
    if rows is not None and scratch.known:
        scratch = replace(scratch, rows=filling)
    else:
        create_filled(scratch.connection, scratch.base, filling)
        analyse(scratch.connection, scratch.base)
    find_cells(scratch)
    return scratch


def _read_from(rows: sa.FromClause, table: sa.Table, query: _Read) -> _Read:
    """A query or a value over a table, over another one with the same columns."""

    def other(element: Any, **_: Any) -> Any:
        if not isinstance(element, sa.ColumnClause) or element.table is not table:
            return None
        return rows.c[element.name if isinstance(element, sa.Column) else VERSION]  # which no column of its own is

    read: Any = visitors.replacement_traverse(query, {}, other)
    return cast("_Read", read)


def find_standing(scratch: Scratch, standing: Expression) -> None:
    """The groups that hide at least k subjects already, among the rows that were anonymised before."""
    layout, dialect = scratch.layout, scratch.connection.dialect.name
    if layout.turned:
        layout = replace(layout, subject=None)
    table = layout.table
    columns = [
        (table.c[each.name] if each.written else each.finest).label(f"g{n}")
        for n, each in enumerate(layout.hierarchies)
    ]
    measures = [table.c[name].label(f"m{n}") for n, name in enumerate(layout.measures)]
    cells = layout.alike([*columns, *measures], standing, dialect).subquery()
    place = scratch.place([cells.c[each.name] for each in columns], has(cells, measures))
    found = sa.select(sa.func.row_number().over(), place, *(cells.c[each.name] for each in measures))
    found = found.where(cells.c[SIZE] >= layout.k)
    scratch.insert(scratch.groups, ["number", "place", *(each.name for each in measures)], found)
    analyse(scratch.connection, scratch.groups)


def write(scratch: Scratch, *, anew: bool) -> None:
    """Fill the work table: rows in groups of their own get the means, others what stands there, or nothing."""
    connection, target = scratch.connection, scratch.target
    taken = None if anew else connection.execute(sa.select(sa.func.max(target.c[GROUP]))).scalar_one()
    above = sa.literal_column(str(int(taken or 0)), sa.BigInteger)
    averaged, names = _written(scratch, _averaged(scratch, above, anew=anew)), [each.name for each in target.c]
    count = 0
    if anew:
        count = create_filled(connection, target, averaged)
    else:
        scratch.insert(target, names, averaged)
    scratch.insert(target, names, _written(scratch, _joined(scratch, above, count if anew else None)))
    if anew and scratch.numbered:
        connection.execute(sa.schema.CreateIndex(sa.Index(f"{target.name}_number", target.c[NUMBER])))
    analyse(connection, target)


def _written(scratch: Scratch, rows: sa.Select[Any]) -> sa.Select[Any]:
    """Rows as the work table has them, in the order of its index where it has one, which so fills from end to end."""
    found, layout, target = rows.subquery(), scratch.layout, scratch.target
    names = dict(zip(layout.key, scratch.key, strict=True)) | {
        layout.values[name]: f"m{n}" for n, name in enumerate(layout.measures)
    }
    names[VERSION] = "version"
    query = sa.select(*(found.c[names.get(each.name, each.name)].label(each.name) for each in target.c))
    return query.order_by(*(found.c[name] for name in scratch.key)) if target.primary_key.columns else query


def _averaged(scratch: Scratch, above: Expression, *, anew: bool) -> sa.Select[Any]:
    """The rows of groups that come to be, each with the means of its group; ``anew``: and with its number."""
    layout, base, homes, ranks = scratch.layout, scratch.base, scratch.homes, scratch.ranks
    own = [*scratch.key, *(["version"] if scratch.numbered else [])]
    measures = [f"m{n}" for n in range(len(layout.measures))]
    columns = [*(homes.c[name] for name in layout.held.values()), *(base.c[name] for name in (*own, *measures))]
    if layout.subject is None:
        rows: Any = ranked(scratch, *columns).subquery()
    else:
        where = sa.and_(ranks.c.place == homes.c.place, ranks.c.subject == base.c.subject, ranks.c.joined.is_(None))
        joined = base.join(homes, homes.c.cell == base.c.cell).join(ranks, where)
        rows = sa.select(*columns, homes.c.place, ranks.c.part).select_from(joined).subquery()
    group = [rows.c.place, rows.c.part]
    means = [_mean(scratch, rows.c[f"m{n}"], name, group) for n, name in enumerate(layout.measures)]
    number = rows.c.place * sa.literal_column(str(_GROUPS), sa.BigInteger) + rows.c.part + above
    rest = [rows.c[name] for name in (*own, *layout.held.values())]
    if scratch.numbered:
        counted = rows.c.nth if layout.subject is None else sa.func.row_number().over(order_by=group)
        rest.append((counted if anew else _NONE).label(NUMBER))
    return sa.select(*rest, number.label(GROUP), sa.false().label(JOINS), *means)


def _joined(scratch: Scratch, above: Expression, after: int | None) -> sa.Select[Any]:
    """The rows that join a group, with what it has; and those that are held back, with nothing.

    ``after``: the number before theirs, if they are to have any.
    """
    layout, base, homes, ranks, groups = scratch.layout, scratch.base, scratch.homes, scratch.ranks, scratch.groups
    rows = base.join(homes, homes.c.cell == base.c.cell)
    rows = rows.outerjoin(ranks, sa.and_(ranks.c.place == homes.c.place, ranks.c.subject == base.c.subject))
    rows = rows.outerjoin(groups, groups.c.number == ranks.c.joined)
    columns: list[Expression] = [base.c[name] for name in scratch.key]
    columns += [homes.c[name] for name in layout.held.values()]
    columns += [(ranks.c.joined + above).label(GROUP), homes.c.joins.label(JOINS)]
    columns += [groups.c[f"m{n}"] for n in range(len(layout.measures))]
    if scratch.numbered:
        own = _NONE if after is None else after + sa.func.row_number().over(order_by=ranks.c.joined)
        columns += [base.c.version, sa.case((ranks.c.joined.is_not(None), own)).label(NUMBER)]
    return sa.select(*columns).select_from(rows).where(sa.or_(homes.c.place.is_(None), homes.c.joins))


def _mean(scratch: Scratch, column: Expression, name: str, group: list[Expression]) -> Expression:
    """Rounded to the column's own scale: what is left over goes to no row, but to the statistics ledger."""
    mean: Expression = sa.func.avg(column).over(partition_by=group)
    kind = plain(scratch.kind(name))
    scale = getattr(kind, "scale", None) if isinstance(kind, sa.Numeric) else 0
    any_scale = scale is None and scratch.connection.dialect.name == "postgresql"  # SQLite sums whole numbers only
    if not isinstance(kind, sa.Float) and not any_scale:
        mean = sa.func.round(mean, sa.literal_column(str(scale or 0)))
    if isinstance(kind, sa.Integer):
        mean = sa.cast(mean, sa.BigInteger)
    return mean.label(column.name)


_NONE = sa.cast(sa.null(), sa.BigInteger)
_GROUPS = 1 << 32
"""More than the groups that a cell can have, and than those that stand."""
