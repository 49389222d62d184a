"""What a registered statistic asks of rows, in SQL: its cells at each level, its measures, and whom it counts.

A *cell* is the JSON array of grouping values. The finest level keeps all of them, each coarser one drops one more, so
the length of a cell says its level. A *subject* is a person as the rows tell them apart: a text, or NULL where a row
is nobody's. What was put in the place of a person is none: each row of one would have another, or many have the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from connectors.sql.exact import Exact
from connectors.sql.functions import cell_key

Expression = sa.ColumnElement[Any]


@dataclass(frozen=True, slots=True)
class Question:
    """One statistic over the rows of ``table`` that fulfil ``where``.

    ``levels`` says which groupings each level keeps, by their place, from the finest to the top. ``amount`` is what is
    summed, ``squares`` whether its squares are too. ``alone``: no two rows have the same subject. ``columns`` are
    those on which it depends. ``nobodys``: whether the subject of a row was replaced, so that it is no person's;
    ``forgotten`` are the categories with which that happens.
    """

    name: str
    table: sa.Table
    where: Expression
    groupings: tuple[Expression, ...]
    levels: tuple[tuple[int, ...], ...]
    amount: Expression | None
    squares: bool
    subject: Expression
    alone: bool
    columns: frozenset[str]
    nobodys: Expression = field(default_factory=sa.false)
    forgotten: frozenset[str] = frozenset()

    def after(self, categories: Iterable[str]) -> Question:
        """The same, of rows of which these categories were just anonymised."""
        return self if self.forgotten.isdisjoint(categories) else replace(self, nobodys=sa.true())

    @property
    def person(self) -> Expression:
        """Whose a row is; NULL where it is nobody's."""
        return sa.case((sa.not_(self.nobodys), self.subject)) if self.forgotten else self.subject

    def cell(self, level: int) -> Expression:
        """The cell of a row at a level."""
        kept = [self.groupings[at] for at in self.levels[level]]
        return cell_key(kept) if kept else sa.literal_column("'[]'", sa.String)

    def rows(self) -> sa.Select[Any]:
        """Every row's cells (``cell_0`` and so on), ``subject``, and ``x``, which is summed."""
        cells = [self.cell(level).label(f"cell_{level}") for level in range(len(self.levels))]
        x = sa.null() if self.amount is None else self.amount
        return sa.select(*cells, self.person.label("subject"), x.label("x")).select_from(self.table).where(self.where)

    def living(self) -> sa.Select[Any]:
        """What the rows say now, by finest cell: cell, n, subjects, total, squares."""
        rows = self.rows().subquery()
        total, squares = self.sums(rows.c.x)
        measures = (sa.func.count(), sa.func.count(rows.c.subject.distinct()), total, squares)
        return sa.select(rows.c.cell_0, *measures).group_by(rows.c.cell_0)

    def sums(self, x: Expression) -> tuple[Expression, Expression]:
        """The sum, and that of the squares: zero of nothing, NULL where the statistic has none."""
        none = sa.cast(sa.null(), Exact)
        if self.amount is None:
            return none, none
        exact = sa.cast(x, Exact)
        squares = sa.func.coalesce(sa.func.sum(exact * exact), 0, type_=Exact) if self.squares else none
        return sa.func.coalesce(sa.func.sum(exact), 0, type_=Exact), squares

    def persons(self, within: Expression) -> sa.CTE:
        """What the rows that fulfil ``within`` say of each subject in each of the finest cells.

        Columns: the cells, ``subject``, ``n``, ``total``, ``squares``, and ``weight``: how much of a cell it is.
        """
        rows = self.rows().where(within).subquery()
        cells = [rows.c[f"cell_{level}"] for level in range(len(self.levels))]
        n = sa.func.count()
        total, squares = self.sums(rows.c.x)
        weight = sa.cast(n, Exact) if self.amount is None else sa.func.abs(total, type_=Exact)
        named = (n.label("n"), total.label("total"), squares.label("squares"), weight.label("weight"))
        return sa.select(*cells, rows.c.subject, *named).group_by(*cells, rows.c.subject).cte("persons")

    def others(self, persons: sa.CTE, outside: Expression) -> sa.CTE | None:
        """Which of those subjects have rows in which cells that fulfil ``outside``; None where nobody can have."""
        if self.alone:
            return None
        known = self.subject.in_(sa.select(persons.c.subject))
        rows = self.rows().where(outside, known, sa.not_(self.nobodys)).subquery()
        cells = [rows.c[f"cell_{level}"] for level in range(len(self.levels))]
        return sa.select(*cells, rows.c.subject).distinct().cte("others")

    def cells(self, within: Expression, outside: Expression) -> sa.Select[Any]:
        """The measures of the rows that fulfil ``within``, by finest cell: cell, n, subjects, total, squares, weight.

        ``subjects`` are those who have no row in the cell among those that fulfil ``outside``.
        """
        persons = self.persons(within)
        others = self.others(persons, outside)
        alone, joined = _without(persons, others, 0)
        n, total, squares = (sa.func.sum(persons.c[name]) for name in ("n", "total", "squares"))
        somebody = persons.c.subject.is_not(None)
        return (
            sa.select(
                persons.c.cell_0.label("cell"),
                sa.cast(n, sa.BigInteger).label("n"),
                sa.func.count(sa.case((sa.and_(somebody, alone), 1))).label("subjects"),
                sa.cast(total, Exact).label("total"),
                sa.cast(squares, Exact).label("squares"),
                sa.cast(sa.func.coalesce(sa.func.sum(sa.case((somebody, persons.c.weight))), 0), Exact).label("weight"),
            )
            .select_from(joined)
            .group_by(persons.c.cell_0)
        )

    def weights(self, within: Expression, outside: Expression) -> sa.CompoundSelect[Any]:
        """How the subjects of the rows that fulfil ``within`` weigh in each finest cell, seen from every level of it.

        Columns: level, cell, persons, left_1, left_2, stayed_1, stayed_2. ``persons`` counts those who leave the
        coarser cell (they have no row in it that fulfils ``outside``), each in one of the finest cells. The others are
        the largest and the second largest weight, in the coarser cell, of one of those who leave and of one of those
        who stay.
        """
        persons = self.persons(within)
        others = self.others(persons, outside)
        return sa.union_all(*(self._weights(persons, others, level) for level in range(len(self.levels))))

    def _weights(self, persons: sa.CTE, others: sa.CTE | None, level: int) -> sa.Select[Any]:
        coarse = f"cell_{level}"
        each = (
            sa.select(
                persons.c[coarse],
                persons.c.subject,
                sa.func.sum(persons.c.weight).label("weight"),
                sa.func.min(persons.c.cell_0).label("counted"),
            )
            .where(persons.c.subject.is_not(None))
            .group_by(persons.c[coarse], persons.c.subject)
            .subquery()
        )
        leaves, joined = _without(each, others, level)
        judged = sa.select(each, sa.case((leaves, 1), else_=0).label("leaves")).select_from(joined).subquery()
        same = sa.and_(judged.c[coarse] == persons.c[coarse], judged.c.subject == persons.c.subject)
        ranked = (
            sa.select(
                persons.c.cell_0.label("cell"),
                judged.c.leaves,
                judged.c.weight,
                sa.case((judged.c.counted == persons.c.cell_0, 1), else_=0).label("counts"),
                sa.func.row_number()
                .over(partition_by=(persons.c.cell_0, judged.c.leaves), order_by=judged.c.weight.desc())
                .label("rank"),
            )
            .select_from(persons.join(judged, same))
            .subquery()
        )
        c = ranked.c

        def largest(leaves: int, rank: int, name: str) -> Expression:
            found = sa.case((sa.and_(c.leaves == leaves, c.rank == rank), c.weight))
            return sa.cast(sa.func.coalesce(sa.func.max(found), 0), Exact).label(name)

        counted = sa.cast(sa.func.sum(c.leaves * c.counts), sa.BigInteger).label("persons")
        tops = (largest(1, 1, "left_1"), largest(1, 2, "left_2"), largest(0, 1, "stayed_1"), largest(0, 2, "stayed_2"))
        at: Expression = sa.literal_column(str(level)).label("level")
        return sa.select(at, c.cell, counted, *tops).group_by(c.cell)


def _without(persons: sa.FromClause, others: sa.CTE | None, level: int) -> tuple[Expression, sa.FromClause]:
    """The condition that a subject is not among the others in its cell of a level, and what it is asked of."""
    if others is None:
        return sa.true(), persons
    coarse = f"cell_{level}"
    there = sa.select(others.c[coarse].label("cell"), others.c.subject).distinct().subquery()
    same = sa.and_(there.c.cell == persons.c[coarse], there.c.subject == persons.c.subject)
    return there.c.cell.is_(None), persons.outerjoin(there, same)


def levels_of(count: int, dropped: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Which of ``count`` groupings each level keeps, when they are dropped in this order."""
    kept = list(range(count))
    found = [tuple(kept)]
    for at in dropped:
        kept.remove(at)
        found.append(tuple(kept))
    return tuple(found)
