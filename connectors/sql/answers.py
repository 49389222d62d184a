"""The answer to a registered statistic, as one query: live rows and what is released, in cells that are safe to see.

Cells are judged from the finest level upward. One that has too few subjects, or in which one of them dominates, is
not shown: its subjects go on to the next coarser level, where they meet those of its neighbours. So the cells of an
answer never overlap, and no total gives a small one away. A coarser cell is what its finer ones did not show.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from connectors.sql.exact import Exact
from connectors.sql.functions import cell_key
from connectors.sql.questions import Expression, Question

FOLDED = "folded"
"""The column that says how many groupings a cell has lost; in those stands `OTHERS`."""
OTHERS = "*"
MEASURES = ("n", "subjects", "total", "squares")
_NUMBERS = (*MEASURES, "weight")
_SHOWN = "shown"


@dataclass(frozen=True, slots=True)
class Rules:
    """When a cell may be shown: ``minimum`` subjects; no more than ``share`` of it one subject's; and the p % rule."""

    minimum: int
    share: str
    protection: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it is answered: of which ``dataset``, under which ``names`` of its groupings, by which rules."""

    question: Question
    dataset: str
    names: tuple[str, ...]
    rules: Rules
    released: sa.Table | None

    def shown(self) -> sa.Select[Any]:
        """The cells that may be seen: the groupings as texts, `FOLDED`, and the measures."""
        judged = self._judged().c
        others: Expression = sa.literal_column(f"'{OTHERS}'")
        texts = (
            sa.case((judged[_SHOWN] <= _number(self._last(at)), judged[place]), else_=others).label(name)
            for at, (place, name) in enumerate(zip(self._places, self.names, strict=True))
        )
        rows = sa.select(*texts, judged[_SHOWN].label(FOLDED), *(judged[name] for name in MEASURES))
        c = rows.where(judged[_SHOWN].is_not(None)).subquery().c
        cell = [c[name] for name in (*self.names, FOLDED)]
        sums = (sa.func.sum(c[name]).label(name) for name in MEASURES)
        return sa.select(*cell, *sums).group_by(*cell).order_by(c[FOLDED], *cell)

    def hidden(self) -> sa.Select[Any]:
        """One row if anything is left that not even the coarsest cell may show."""
        judged = self._judged().c
        return sa.select(judged.n).where(judged[_SHOWN].is_(None)).limit(1)

    # -- level by level

    def _judged(self) -> sa.CTE:
        """What everybody has said, and at which level it is shown: `_SHOWN`, NULL where at none.

        Each level is named once, by the next: MariaDB computes anew whatever is named, as often as it is.
        """
        found = self._judge(self._live(), 0)
        for level in range(1, len(self.question.levels)):
            found = self._judge(sa.select(found), level)
        return found

    def _last(self, at: int) -> int:
        """The coarsest level that keeps a grouping."""
        return max(level for level, kept in enumerate(self.question.levels) if at in kept)

    @property
    def _places(self) -> list[str]:
        return [f"g{at}" for at in range(len(self.question.groupings))]

    def _live(self) -> sa.Select[Any]:
        """What live rows say, by cell and subject; spelled as the ledger would: by way of the cell."""
        q = self.question
        rows = q.rows().subquery()
        total, squares = q.sums(rows.c.x)
        n, subject = sa.func.count(), rows.c.subject
        size = sa.cast(n, Exact) if q.amount is None else sa.func.abs(total, type_=Exact)
        return sa.select(
            *(_element(rows.c.cell_0, at).label(name) for at, name in enumerate(self._places)),
            subject,
            n.label("n"),
            sa.case((subject.is_(None), 0), else_=1).label("subjects"),
            total.label("total"),
            squares.label("squares"),
            size.label("weight"),
            sa.literal_column("0").label("crowd"),
            _nowhere(),
        ).group_by(rows.c.cell_0, subject)

    def _released(self, table: sa.Table, level: int) -> sa.Select[Any]:
        """What was released at a level, as if one nameless crowd had said it."""
        r = table.c
        kept = self.question.levels[level]
        texts = [
            (_element(r.cell, kept.index(at)) if at in kept else sa.cast(sa.null(), sa.Text)).label(name)
            for at, name in enumerate(self._places)
        ]
        size = r.n if self.question.amount is None else r.total
        return sa.select(
            *texts,
            sa.cast(sa.null(), sa.Text).label("subject"),
            *(r[name] for name in MEASURES),
            sa.func.abs(size).label("weight"),
            r.persons.label("crowd"),
            _nowhere(),
        ).where(r.dataset == self.dataset, r.statistic == self.question.name, _length(r.cell) == len(kept))

    def _judge(self, finer: sa.Select[Any], level: int) -> sa.CTE:
        """What ``finer`` levels and releases of this one say, by cell and subject, and which cells are shown here.

        What a finer level shows stays as it is, but that nobody is told apart in it any more.
        """
        parts = [finer] if self.released is None else [finer, self._released(self.released, level)]
        rows = sa.union_all(*parts).subquery()
        seen = rows.c[_SHOWN].is_not(None)
        places = (
            rows.c[name] if at in self.question.levels[level] else sa.case((seen, rows.c[name])).label(name)
            for at, name in enumerate(self._places)
        )
        said = sa.select(*places, *(rows.c[name] for name in (_SHOWN, "subject", *_NUMBERS, "crowd"))).subquery()
        groups = [said.c[name] for name in (_SHOWN, *self._places, "subject")]
        sums = (sa.func.sum(said.c[name]).label(name) for name in _NUMBERS)
        crowd = sa.func.max(said.c.crowd).label("crowd")
        persons = sa.select(*groups, *sums, crowd).group_by(*groups).subquery()
        cell = cell_key(persons.c[name] for name in (_SHOWN, *self._places))
        own = sa.case((persons.c.subject.is_not(None), persons.c.weight))
        ordered = sa.func.coalesce(own, -1).desc()
        # What is nobody's hides somebody if enough were released who may have said it.
        counts = sa.or_(persons.c.subject.is_not(None), persons.c.crowd >= _number(self.rules.minimum))
        # Sums of one value each: MariaDB's maximum over a window takes time with the square of the window's rows.
        windows = {
            "persons": sa.func.count(persons.c.subject).over(partition_by=cell),
            "nobodys": sa.func.sum(persons.c.crowd).over(partition_by=cell),
            "whole": sa.func.sum(sa.case((counts, persons.c.weight), else_=0)).over(partition_by=cell),
            "rank": sa.func.row_number().over(partition_by=cell, order_by=ordered),
        }
        ranked = sa.select(
            persons, cell.label("cell"), own.label("own"), *(each.label(name) for name, each in windows.items())
        ).subquery()
        r = ranked.c

        def largest(rank: int) -> Expression:
            found = sa.func.sum(sa.case((r.rank == rank, r.own))).over(partition_by=r.cell)
            return sa.func.coalesce(found, 0)

        sized = sa.select(ranked, largest(1).label("first"), largest(2).label("second")).subquery()
        c, rules = sized.c, self.rules
        enough = sa.or_(c.persons >= _number(rules.minimum), c.nobodys >= _number(rules.minimum))
        share = c.first <= _number(rules.share) * c.whole
        apart = c.whole - c.first - c.second >= _number(rules.protection) * c.first
        safe = sa.and_(enough, share, apart)
        judged = sa.select(
            *(c[name] for name in self._places),
            sa.case((sa.or_(c[_SHOWN].is_not(None), safe), sa.null()), else_=c.subject).label("subject"),
            *(c[name] for name in (*_NUMBERS, "crowd")),
            sa.case((c[_SHOWN].is_not(None), c[_SHOWN]), (safe, _number(level))).label(_SHOWN),
        )
        return judged.cte(f"level_{level}")


def _number(value: object) -> Expression:
    """A literal of our own: views take no parameters."""
    return sa.literal_column(str(value))


def _nowhere() -> Expression:
    """What no level has shown yet."""
    return sa.cast(sa.null(), sa.Integer).label(_SHOWN)


class _Element(FunctionElement[str]):
    name = "ardoise_element"
    type = sa.Text()
    inherit_cache = True


class _Length(FunctionElement[int]):
    name = "ardoise_length"
    type = sa.Integer()
    inherit_cache = True


def _element(cell: Expression, at: int) -> Expression:
    """One of a cell's grouping values as a text."""
    return _Element(cell, sa.literal_column(str(at)))


def _length(cell: Expression) -> Expression:
    """How many grouping values a cell has."""
    return _Length(cell)


@compiles(_Element, "postgresql")
def _element_postgresql(element: _Element, compiler: SQLCompiler, **kw: Any) -> str:
    cell, at = (compiler.process(each, **kw) for each in element.clauses)
    return f"(CAST({cell} AS json) ->> {at})"


@compiles(_Element, "sqlite")
def _element_sqlite(element: _Element, compiler: SQLCompiler, **kw: Any) -> str:
    cell, at = (compiler.process(each, **kw) for each in element.clauses)
    return f"CAST(json_extract({cell}, '$[{at}]') AS TEXT)"


@compiles(_Element, "mysql", "mariadb")
def _element_mariadb(element: _Element, compiler: SQLCompiler, **kw: Any) -> str:
    cell, at = (compiler.process(each, **kw) for each in element.clauses)
    # One of the two is NULL: JSON's own lists and objects are no values to it.
    text = f"COALESCE(JSON_VALUE({cell}, '$[{at}]'), JSON_QUERY({cell}, '$[{at}]'))"
    return f"CONVERT({text} USING utf8mb4) COLLATE utf8mb4_nopad_bin"


@compiles(_Length, "postgresql")
def _length_postgresql(element: _Length, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_array_length(CAST({compiler.process(element.clauses, **kw)} AS json))"


@compiles(_Length, "sqlite")
def _length_sqlite(element: _Length, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_array_length({compiler.process(element.clauses, **kw)})"


@compiles(_Length, "mysql", "mariadb")
def _length_mariadb(element: _Length, compiler: SQLCompiler, **kw: Any) -> str:
    return f"JSON_LENGTH({compiler.process(element.clauses, **kw)})"
