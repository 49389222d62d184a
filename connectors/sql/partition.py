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

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from connectors.digests import LENGTH
from connectors.sql.functions import random_hex, record_key, row_digest
from connectors.sql.temporary import analyse

Expression = sa.ColumnElement[Any]

GROUP = "ardoise_group"
"""The column of a work table that numbers the groups; NULL for records that are held back."""
JOINS = "ardoise_joins"
"""Whether a record takes the values of a group that stands already."""


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """How one column becomes coarser: what a row has at the finest level, and per level what becomes of that value.

    ``written`` is false for a column that stays as it is and counts all the same.
    """

    name: str
    finest: Expression
    levels: tuple[Callable[[Expression], Expression], ...]
    written: bool = True


@dataclass(frozen=True)
class Layout:
    """What a safe partition needs to know of a table.

    ``subject`` names the column whose distinct values are counted (NULL counts for nobody); None: each row is one.
    ``measures`` are numbers, the first of them the main one. ``where`` limits the table to the source's rows.
    ``turned``: of rows that stand already the subjects cannot be told any more; as many rows have to stand.
    """

    table: sa.Table
    key: tuple[str, ...]
    hierarchies: tuple[Hierarchy, ...]
    measures: tuple[str, ...]
    k: int
    where: Expression
    subject: str | None = None
    turned: bool = False

    @property
    def depth(self) -> int:
        """How many levels there are."""
        return len(self.hierarchies[0].levels) if self.hierarchies else 1

    @property
    def written(self) -> tuple[str, ...]:
        """The columns that get new values."""
        return (*(each.name for each in self.hierarchies if each.written), *self.measures)

    @property
    def kept(self) -> tuple[str, ...]:
        """The columns in which the records of a group agree."""
        return (*(each.name for each in self.hierarchies), *self.measures)

    def subjects(self, rows: sa.FromClause | None = None) -> Expression:
        """How many subjects there are in a group of rows."""
        rows = self.table if rows is None else rows
        return sa.func.count() if self.subject is None else sa.func.count(rows.c[self.subject].distinct())

    @cached_property
    def values(self) -> dict[str, str]:
        """The column of a work table for each column that gets a new value."""
        return {name: f"v{number}" for number, name in enumerate(self.written)}

    def work(self, name: str, schema: str | None, options: Mapping[str, Any]) -> sa.Table:
        """The work table of this layout, not yet created: by key, the group and what will be written."""
        return sa.Table(
            name,
            sa.MetaData(schema=schema),
            *(sa.Column(each, self.table.c[each].type, primary_key=True, autoincrement=False) for each in self.key),
            sa.Column(GROUP, sa.BigInteger),
            sa.Column(JOINS, sa.Boolean, nullable=False),
            *(sa.Column(value, self.table.c[each].type) for each, value in self.values.items()),
            **options,
        )


def same_record(key: Sequence[str], rows: sa.FromClause, others: sa.FromClause) -> Expression:
    """Whether two rows have the same key."""
    return sa.and_(*(rows.c[name] == others.c[name] for name in key))


def exactly(column: Expression, dialect: str) -> Expression:
    """A column, grouped by what it holds to the byte, whatever its collation takes for the same."""
    if dialect == "postgresql" or not isinstance(column.type, sa.String):
        return column
    return sa.collate(column, "BINARY") if dialect == "sqlite" else sa.cast(column, sa.LargeBinary)


def assign(
    connection: sa.Connection, layout: Layout, work: sa.Table, rows: sa.Select[Any], standing: Expression
) -> None:
    """Give each of the rows whose keys ``rows`` selects a place in the work table, unless it has one.

    ``standing`` says which rows of the table were anonymised before. To be called inside a transaction.
    """
    with _Scratch(connection, layout, work).made() as scratch:
        scratch.gather(rows)
        scratch.find_standing(standing)
        for level in range(layout.depth):
            scratch.settle(level)
        for level in range(1, layout.depth):
            scratch.absorb(level)
        scratch.rank()
        scratch.average()
        scratch.write()


@dataclass(frozen=True)
class _Scratch:
    """The temporary tables of one assignment.

    ``base``: the rows, with their finest values. ``values``: the finest cells and what they are at every level.
    ``cells``: the same with one text per level, by which cells are told apart, and the level at which each is settled.
    ``ranks``: the group of each subject in each settled cell. ``means``: the measures of each group.
    """

    connection: sa.Connection
    layout: Layout
    target: sa.Table

    @contextmanager
    def made(self) -> Iterator[_Scratch]:
        """Make the tables, and drop them."""
        tables = [
            self.base,
            self.values,
            self.cells,
            self.pairs,
            self.counts,
            self.donors,
            self.groups,
            self.ranks,
            self.means,
        ]
        for each in tables:
            self.connection.execute(sa.schema.DropTable(each, if_exists=True))
            each.create(self.connection)
        yield self
        for each in tables:
            self.connection.execute(sa.schema.DropTable(each))

    @cached_property
    def base(self) -> sa.Table:
        return self._temporary(
            "base",
            *(sa.Column(name, self._type(name)) for name in self.layout.key),
            self._subject("subject"),
            sa.Column("known", sa.Integer),
            self._text("cell", length=None),
            *(sa.Column(f"g{n}", self._type(each.name)) for n, each in enumerate(self.layout.hierarchies)),
            *self._measures(),
        )

    @cached_property
    def values(self) -> sa.Table:
        levels = range(self.layout.depth)
        typed = [(f"l{level}_{n}", each) for n, each in enumerate(self.layout.hierarchies) for level in levels]
        return self._temporary(
            "values",
            self._text("cell", key=True, length=None),
            sa.Column("n", sa.BigInteger),
            *(sa.Column(name, self._type(each.name)) for name, each in typed),
            *(sa.Column(f"has{n}", sa.Integer) for n in range(len(self.layout.measures))),
        )

    @cached_property
    def cells(self) -> sa.Table:
        return self._temporary(
            "cells",
            self._text("cell", key=True, length=None),
            sa.Column("n", sa.BigInteger),
            *(self._text(f"k{level}") for level in range(self.layout.depth)),
            sa.Column("level", sa.Integer),
            self._text("settled"),
            sa.Column("joins", sa.Boolean, nullable=False),
        )

    @cached_property
    def pairs(self) -> sa.Table:
        return self._temporary("pairs", self._text("cell", key=True, length=None), self._subject("subject", key=True))

    @cached_property
    def counts(self) -> sa.Table:
        return self._temporary("counts", self._text("place", key=True), sa.Column("n", sa.BigInteger))

    @cached_property
    def donors(self) -> sa.Table:
        return self._temporary("donors", self._text("place", key=True), self._text("donor"))

    @cached_property
    def groups(self) -> sa.Table:
        number = sa.Column("number", sa.BigInteger, primary_key=self._keyed, autoincrement=False)
        return self._temporary("groups", self._text("place", key=True), number, *self._measures())

    @cached_property
    def ranks(self) -> sa.Table:
        return self._temporary(
            "ranks",
            self._subject("subject", key=True),
            self._text("settled", key=True),
            sa.Column("number", sa.BigInteger),
            sa.Column("joined", sa.BigInteger),
        )

    @cached_property
    def means(self) -> sa.Table:
        number = sa.Column("number", sa.BigInteger, primary_key=self._keyed, autoincrement=False)
        return self._temporary("means", number, *self._measures())

    # -- what is there

    def gather(self, rows: sa.Select[Any]) -> None:
        """Take the rows that have no place yet, and the cells in which they are at the finest level."""
        layout, base = self.layout, self.base
        table, keys = layout.table, rows.subquery()
        chosen = sa.tuple_(*(table.c[name] for name in layout.key)).in_(sa.select(*(keys.c[n] for n in layout.key)))
        if len(layout.key) == 1:
            chosen = table.c[layout.key[0]].in_(sa.select(keys.c[layout.key[0]]))
        placed = sa.exists().where(same_record(layout.key, self.target, table)).correlate(table)
        finest = [each.finest.label(f"g{n}") for n, each in enumerate(layout.hierarchies)]
        measures = [table.c[name].label(f"m{n}") for n, name in enumerate(layout.measures)]
        names = [*layout.key, "subject", "known", *(each.name for each in (*finest, *measures))]
        found = sa.select(*(table.c[name] for name in layout.key), *self._who(table), *finest, *measures)
        inner = found.where(chosen, layout.where, sa.not_(placed)).subquery()
        place = self._cell([*(inner.c[each.name] for each in finest), *_has(inner, measures)])
        self._insert(base, [*names, "cell"], sa.select(*(inner.c[each] for each in names), place))
        analyse(self.connection, base)
        self._find_cells()

    def _find_cells(self) -> None:
        layout, base, values = self.layout, self.base, self.values
        numbers, depth = range(len(layout.hierarchies)), range(layout.depth)
        stored = [base.c[f"g{n}"] for n in numbers]
        has = _has(base, [base.c[f"m{n}"] for n in range(len(layout.measures))])
        coarser = {
            f"l{level}_{n}": layout.hierarchies[n].levels[level](stored[n]) for n in numbers for level in depth
        } | {f"has{n}": each for n, each in enumerate(has)}
        query = sa.select(
            base.c.cell, sa.func.count().label("n"), *(each.label(name) for name, each in coarser.items())
        )
        self._insert(values, ["cell", "n", *coarser], query.group_by(base.c.cell, *stored, *has))
        flags = [values.c[f"has{n}"] for n in range(len(has))]
        places = [self._place([values.c[f"l{level}_{n}"] for n in numbers], flags) for level in depth]
        self._insert(
            self.cells,
            ["cell", "n", *(f"k{level}" for level in depth), "joins"],
            sa.select(values.c.cell, values.c.n, *places, sa.false()),
        )
        if layout.subject is not None:
            known = sa.select(base.c.cell, base.c.subject).where(base.c.known == 1).distinct()
            self._insert(self.pairs, ["cell", "subject"], known)
        for each in (values, self.cells, self.pairs):
            analyse(self.connection, each)

    def find_standing(self, standing: Expression) -> None:
        """The groups that hide at least k subjects already, among the rows that were anonymised before."""
        layout = self.layout
        table = layout.table
        columns = [table.c[each.name] if each.written else each.finest for each in layout.hierarchies]
        measures = [table.c[name].label(f"m{n}") for n, name in enumerate(layout.measures)]
        place = self._place(columns, _has(table, [table.c[name] for name in layout.measures]))
        found = sa.select(sa.func.row_number().over(), place, *measures).select_from(table)
        found = found.where(standing, layout.where)
        dialect = self.connection.dialect.name
        cells = (exactly(each, dialect) for each in (*columns, *(table.c[name] for name in layout.measures)))
        enough = sa.func.count() if layout.turned else layout.subjects()
        found = found.group_by(*cells).having(enough >= layout.k)
        self._insert(self.groups, ["number", "place", *(each.name for each in measures)], found)
        analyse(self.connection, self.groups)

    # -- cells

    def settle(self, level: int) -> None:
        """Settle at a level the cells that have enough subjects there, or company."""
        cells, counts, place = self.cells, self.counts, self.cells.c[f"k{level}"]
        self.connection.execute(counts.delete())
        if self.layout.subject is None:
            found = sa.select(place, sa.func.sum(cells.c.n)).where(cells.c.level.is_(None)).group_by(place)
        else:
            pairs = self.pairs
            joined = cells.join(pairs, pairs.c.cell == cells.c.cell)
            found = sa.select(place, sa.func.count(pairs.c.subject.distinct())).select_from(joined)
            found = found.where(cells.c.level.is_(None)).group_by(place)
        self._insert(counts, ["place", "n"], found)
        enough = sa.select(counts.c.place).where(counts.c.n >= self.layout.k)
        self._settle(level, enough, joins=False)
        # A cell of a finer level can be the same as one of this: what joined there alone has more company now.
        self.connection.execute(cells.update().where(cells.c.settled.in_(enough)).values(joins=False))
        self.connection.execute(counts.delete())
        there = sa.select(cells.c.settled).where(cells.c.level.is_not(None), sa.not_(cells.c.joins)).distinct()
        self._insert(counts, ["place"], there)
        self._settle(level, sa.select(counts.c.place), joins=False)
        self._settle(level, sa.select(self.groups.c.place), joins=True)

    def _settle(self, level: int, places: sa.Select[Any], *, joins: bool) -> None:
        cells, place = self.cells, self.cells.c[f"k{level}"]
        changed = cells.update().where(cells.c.level.is_(None), place.in_(places))
        self.connection.execute(changed.values(level=level, settled=place, joins=joins))

    def absorb(self, level: int) -> None:
        """Let what is too small at every level draw the smallest settled cell beside it up to this one.

        Otherwise a few rows would wait for ever beside thousands that were settled at a finer level.
        """
        cells, donors, place = self.cells, self.donors, self.cells.c[f"k{level}"]
        self.connection.execute(donors.delete())
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
        self._insert(donors, ["place", "donor"], chosen)
        drawn = sa.or_(cells.c.level.is_(None), cells.c.settled.in_(sa.select(donors.c.donor)))
        moved = cells.update().where(place.in_(sa.select(donors.c.place)), drawn)
        self.connection.execute(moved.values(level=level, settled=place, joins=False))

    # -- groups

    def rank(self) -> None:
        """Number the groups: in order of the main measure, by chance where it is the same."""
        ranks, k = self.ranks, self.layout.k
        subjects = self._in_cells(joins=False).subquery()
        one = subjects.c.known
        order = [subjects.c.x, self._chance()]
        position = sa.func.sum(one).over(partition_by=subjects.c.settled, order_by=order, rows=(None, 0))
        of = sa.func.sum(one).over(partition_by=subjects.c.settled)
        cell = sa.func.dense_rank().over(order_by=subjects.c.settled)
        ranked = sa.select(
            subjects.c.settled, subjects.c.subject, position.label("r"), of.label("of"), cell.label("nr")
        ).subquery()
        within = _whole(sa.case((ranked.c.r > 0, ranked.c.r - 1), else_=0), k)
        last = _whole(ranked.c.of, k) - 1
        group = sa.case((within < last, within), else_=last)
        number = sa.cast(ranked.c.nr, sa.BigInteger) * sa.literal_column(str(_GROUPS)) + group + self._first()
        self._insert(ranks, ["settled", "subject", "number"], sa.select(ranked.c.settled, ranked.c.subject, number))
        self._join_standing()
        analyse(self.connection, ranks)

    def _join_standing(self) -> None:
        """Send the subjects of cells that are too small alone to the nearest group that stands there."""
        groups, subjects = self.groups, self._in_cells(joins=True).subquery()
        near = sa.func.abs(groups.c.m0 - subjects.c.x) if self.layout.measures else sa.literal(0)
        order = sa.func.row_number().over(
            partition_by=[subjects.c.settled, subjects.c.subject], order_by=[near, self._chance()]
        )
        tried = (
            sa.select(subjects.c.settled, subjects.c.subject, groups.c.number, order.label("nearest"))
            .select_from(subjects.join(groups, groups.c.place == subjects.c.settled))
            .subquery()
        )
        first = self._next_number()
        self._insert(
            self.ranks,
            ["settled", "subject", "number", "joined"],
            sa.select(tried.c.settled, tried.c.subject, tried.c.number + first, tried.c.number).where(
                tried.c.nearest == 1
            ),
        )

    def _in_cells(self, *, joins: bool) -> sa.Select[Any]:
        """The subjects of the settled cells, each with its own main measure there."""
        base, cells = self.base, self.cells
        joined = base.join(cells, cells.c.cell == base.c.cell)
        if self.layout.subject is None:
            measure: Expression = base.c.m0 if self.layout.measures else sa.literal_column("0")
            found = sa.select(cells.c.settled, base.c.subject, base.c.known, measure.label("x"))
        else:
            measure = sa.func.avg(base.c.m0) if self.layout.measures else sa.literal_column("0")
            found = sa.select(cells.c.settled, base.c.subject, base.c.known, measure.label("x"))
            found = found.group_by(cells.c.settled, base.c.subject, base.c.known)
        return found.select_from(joined).where(cells.c.level.is_not(None), cells.c.joins == sa.literal(joins))

    def _first(self) -> int:
        """A number above those of the groups that have a place in the work table."""
        taken = self.connection.execute(sa.select(sa.func.max(self.target.c[GROUP]))).scalar_one()
        return int(taken or 0)

    def _next_number(self) -> int:
        taken = self.connection.execute(sa.select(sa.func.max(self.ranks.c.number))).scalar_one()
        return max(int(taken or 0), self._first())

    def average(self) -> None:
        """The mean of every measure in every group: what was there, of the groups that stand."""
        base, cells, ranks, groups = self.base, self.cells, self.ranks, self.groups
        if not self.layout.measures:
            return
        names = [f"m{n}" for n in range(len(self.layout.measures))]
        joined = base.join(cells, cells.c.cell == base.c.cell).join(ranks, self._ranked)
        means = [self._mean(base.c[f"m{n}"], name) for n, name in enumerate(self.layout.measures)]
        query = sa.select(ranks.c.number, *means).select_from(joined).where(ranks.c.joined.is_(None))
        self._insert(self.means, ["number", *names], query.group_by(ranks.c.number))
        there = sa.select(ranks.c.number, *(groups.c[each] for each in names)).distinct()
        there = there.select_from(ranks.join(groups, groups.c.number == ranks.c.joined))
        self._insert(self.means, ["number", *names], there)
        analyse(self.connection, self.means)

    def _mean(self, column: Expression, name: str) -> Expression:
        """Rounded to the column's own scale: what is left over goes to no row, but to the statistics ledger."""
        mean = sa.func.avg(column)
        kind = self._type(name)
        if isinstance(kind, sa.Float):
            return mean
        scale = (getattr(kind, "scale", None) or 0) if isinstance(kind, sa.Numeric) else 0
        rounded: Expression = sa.func.round(mean, sa.literal_column(str(scale)))
        if isinstance(kind, sa.Integer) and self.connection.dialect.name == "sqlite":
            return sa.cast(rounded, sa.Integer)
        return rounded

    @property
    def _ranked(self) -> Expression:
        subject = self.ranks.c.subject == self.base.c.subject
        if self.layout.subject is None:  # each row is in one cell
            return subject
        return sa.and_(subject, self.ranks.c.settled == self.cells.c.settled)

    def write(self) -> None:
        """Fill the work table."""
        layout, base, values, cells, ranks = self.layout, self.base, self.values, self.cells, self.ranks
        columns: dict[str, Expression] = {name: base.c[name] for name in layout.key}
        columns[GROUP], columns[JOINS] = ranks.c.number, cells.c.joins
        for number, each in enumerate(layout.hierarchies):
            if each.written:
                whens = [(cells.c.level == level, values.c[f"l{level}_{number}"]) for level in range(layout.depth)]
                columns[layout.values[each.name]] = sa.case(*whens)
        joined = base.join(cells, cells.c.cell == base.c.cell).join(values, values.c.cell == base.c.cell)
        joined = joined.outerjoin(ranks, self._ranked)
        if layout.measures:
            joined = joined.outerjoin(self.means, self.means.c.number == ranks.c.number)
            columns |= {layout.values[name]: self.means.c[f"m{n}"] for n, name in enumerate(layout.measures)}
        self._insert(self.target, list(columns), sa.select(*columns.values()).select_from(joined))
        analyse(self.connection, self.target)

    # --

    def _who(self, table: sa.Table) -> tuple[Expression, Expression]:
        """What tells subjects apart, and 1 where it is known who it is."""
        if self.layout.subject is None:
            return sa.func.row_number().over().label("subject"), sa.literal_column("1").label("known")
        column = table.c[self.layout.subject]
        return row_digest([column]).label("subject"), sa.case((column.is_(None), 0), else_=1).label("known")

    def _place(self, columns: Sequence[Expression], has: Sequence[Expression]) -> Expression:
        return row_digest([*columns, *has] or [sa.literal_column("0")])

    def _cell(self, columns: Sequence[Expression]) -> Expression:
        """What tells finest cells apart: the values themselves in PostgreSQL, which joins texts of any length."""
        return self._place(columns, ()) if self._keyed else record_key(columns)

    def _chance(self) -> Expression:
        return sa.func.gen_random_uuid() if self.connection.dialect.name == "postgresql" else random_hex(16)

    def _measures(self) -> Iterator[sa.Column[Any]]:
        for number, name in enumerate(self.layout.measures):
            yield sa.Column(f"m{number}", self._type(name))

    def _type(self, name: str) -> Any:
        return self.layout.table.c[name].type

    @property
    def _keyed(self) -> bool:
        """PostgreSQL joins by hashing; the others want an index."""
        return self.connection.dialect.name != "postgresql"

    def _text(self, name: str, *, key: bool = False, length: int | None = LENGTH) -> sa.Column[Any]:
        if not self._keyed:
            return sa.Column(name, sa.String(length, collation="C"))
        return sa.Column(name, sa.String(LENGTH), primary_key=key)

    def _subject(self, name: str, *, key: bool = False) -> sa.Column[Any]:
        if self.layout.subject is not None:
            return self._text(name, key=key)
        return sa.Column(name, sa.BigInteger, primary_key=key and self._keyed, autoincrement=False)

    def _temporary(self, name: str, *columns: sa.Column[Any]) -> sa.Table:
        return sa.Table(f"ardoise_{name}", sa.MetaData(), *columns, prefixes=["TEMPORARY"])

    def _insert(self, table: sa.Table, names: list[str], query: sa.Select[Any]) -> None:
        self.connection.execute(table.insert().from_select(names, query, include_defaults=False))


_ZERO, _ONE = sa.literal_column("0", sa.Integer), sa.literal_column("1", sa.Integer)
"""Not bound, so that an engine finds the same expression again when rows are grouped by it."""

_GROUPS = 1 << 32
"""More than the groups that a cell can have."""


def _has(rows: sa.FromClause, measures: Sequence[Expression]) -> list[Expression]:
    """Per measure, 1 where a row has one."""
    return [sa.case((rows.c[each.name].is_(None), _ZERO), else_=_ONE) for each in measures]


def _whole(number: Expression, by: int) -> Expression:
    """The whole part of a quotient of counts."""
    return sa.cast(number, sa.BigInteger) // sa.literal_column(str(by), sa.BigInteger)
