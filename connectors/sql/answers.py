"""The answer to a registered statistic, as one query: live rows and what is released, in cells that are safe to see.

Cells are judged from the finest level upward. One that has too few subjects, or in which one of them dominates, is
not shown: its subjects go on to the next coarser level, where they meet those of its neighbours. So the cells of an
answer never overlap, and no total gives a small one away. A coarser cell is what its finer ones did not show.
"""

from __future__ import annotations

import itertools
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
        parts = [self._shown(judged, level) for level, judged in enumerate(self._judged())]
        cells = sa.union_all(*parts).subquery()
        return sa.select(cells).order_by(cells.c[FOLDED], *(cells.c[name] for name in self.names))

    def hidden(self) -> sa.Select[Any]:
        """One row if anything is left that not even the coarsest cell may show."""
        judged = self._judged()[-1]
        return sa.select(judged.c.n).where(sa.not_(judged.c.safe)).limit(1)

    # -- level by level

    def _judged(self) -> list[sa.CTE]:
        found: list[sa.CTE] = []
        for level in range(len(self.question.levels)):
            parts = [self._live()] if level == 0 else [self._left(found[-1])]
            if self.released is not None:
                parts.append(self._released(self.released, level))
            found.append(self._judge(sa.union_all(*parts).subquery(), level))
        return found

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
        ).where(r.dataset == self.dataset, r.statistic == self.question.name, _length(r.cell) == len(kept))

    def _left(self, judged: sa.CTE) -> sa.Select[Any]:
        names = (*self._places, "subject", *_NUMBERS, "crowd")
        return sa.select(*(judged.c[name] for name in names)).where(sa.not_(judged.c.safe))

    def _judge(self, rows: sa.Subquery, level: int) -> sa.CTE:
        """The rows by cell of a level and subject, and whether the cell is ``safe``."""
        kept = [self._places[at] for at in self.question.levels[level]]
        columns = [rows.c[name] for name in kept]
        dropped = [sa.cast(sa.null(), sa.Text).label(name) for name in self._places if name not in kept]
        sums = (sa.func.sum(rows.c[name]).label(name) for name in _NUMBERS)
        persons = (
            sa.select(*columns, *dropped, rows.c.subject, *sums, sa.func.max(rows.c.crowd).label("crowd"))
            .group_by(*columns, rows.c.subject)
            .subquery()
        )
        key = cell_key(persons.c[name] for name in kept) if kept else sa.literal_column("'[]'")
        own = sa.case((persons.c.subject.is_not(None), persons.c.weight))
        ordered = sa.func.coalesce(own, -1).desc()
        # What is nobody's hides somebody if enough were released who may have said it.
        counts = sa.or_(persons.c.subject.is_not(None), persons.c.crowd >= _number(self.rules.minimum))
        windows = {
            "persons": sa.func.count(persons.c.subject).over(partition_by=key),
            "largest_crowd": sa.func.max(persons.c.crowd).over(partition_by=key),
            "whole": sa.func.sum(sa.case((counts, persons.c.weight), else_=0)).over(partition_by=key),
            "rank": sa.func.row_number().over(partition_by=key, order_by=ordered),
        }
        ranked = sa.select(
            persons, key.label("cell"), own.label("own"), *(each.label(name) for name, each in windows.items())
        ).subquery()
        r = ranked.c

        def largest(rank: int) -> Expression:
            found = sa.func.max(sa.case((r.rank == rank, r.own))).over(partition_by=r.cell)
            return sa.func.coalesce(found, 0)

        sized = sa.select(ranked, largest(1).label("first"), largest(2).label("second")).subquery()
        c, rules = sized.c, self.rules
        enough = sa.or_(c.persons >= _number(rules.minimum), c.largest_crowd >= _number(rules.minimum))
        share = c.first <= _number(rules.share) * c.whole
        apart = c.whole - c.first - c.second >= _number(rules.protection) * c.first
        return sa.select(sized, sa.and_(enough, share, apart).label("safe")).cte(f"level_{level}")

    def _shown(self, judged: sa.CTE, level: int) -> sa.Select[Any]:
        c = judged.c
        kept = self.question.levels[level]
        texts = [
            (c[place] if at in kept else sa.literal_column(f"'{OTHERS}'")).label(name)
            for at, (place, name) in enumerate(zip(self._places, self.names, strict=True))
        ]
        folded: Expression = sa.literal_column(str(level)).label(FOLDED)
        sums = (sa.func.sum(c[name]).label(name) for name in MEASURES)
        groups = itertools.chain((c.cell,), (c[self._places[at]] for at in kept))
        return sa.select(*texts, folded, *sums).where(c.safe).group_by(*groups)


def _number(value: object) -> Expression:
    """A literal of our own: views take no parameters."""
    return sa.literal_column(str(value))


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
