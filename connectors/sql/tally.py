"""The statistics ledger inside a store: what rows said to registered statistics before they went or changed.

A *contribution* is what one chunk took out of one cell. It is *pending*, for nobody to read, until it is released
together with others as one *increment*, or merges into a coarser cell; `pipelines.statistics` decides which. Weights
say what that needs to know of the persons behind a contribution, as counts and amounts: nothing in them tells who.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from connectors.errors import StoreRefuses
from connectors.sql.exact import Exact
from connectors.sql.questions import Question
from connectors.sql.upserts import upsert

if TYPE_CHECKING:
    from connectors.sql.freezing import Frozen
    from connectors.sql.journal import Chunk

LONGEST_CELL = 255
"""Characters of a cell: MariaDB's keys are short."""

ZERO = Decimal(0)
_MEASURES = ("n", "subjects", "total", "squares")
_WEIGHTS = ("persons", "left_1", "left_2", "stayed_1", "stayed_2")


@dataclass(frozen=True, slots=True)
class Totals:
    """The measures of one cell: rows, subjects, sum and sum of squares (None where the statistic has none)."""

    n: int = 0
    subjects: int = 0
    total: Decimal | None = None
    squares: Decimal | None = None

    def __add__(self, other: Totals) -> Totals:
        return Totals(
            self.n + other.n,
            self.subjects + other.subjects,
            _plus(self.total, other.total),
            _plus(self.squares, other.squares),
        )

    @property
    def nothing(self) -> bool:
        """Whether it changes nothing."""
        return not (self.n or self.subjects or self.total or self.squares)


@dataclass(frozen=True, slots=True)
class Weight:
    """How the persons behind a contribution weigh in a cell of some level.

    ``persons`` have left the cell, each counted once. ``left_1`` and ``left_2`` are the largest amounts of two of them,
    ``stayed_1`` and ``stayed_2`` bounds for what two of those have contributed who may contribute more.
    """

    persons: int = 0
    left_1: Decimal = ZERO
    left_2: Decimal = ZERO
    stayed_1: Decimal = ZERO
    stayed_2: Decimal = ZERO

    def __add__(self, other: Weight) -> Weight:
        first, second = sorted((self.left_1, self.left_2, other.left_1, other.left_2), reverse=True)[:2]
        return Weight(
            self.persons + other.persons,
            first,
            second,
            self.stayed_1 + other.stayed_1,
            self.stayed_2 + other.stayed_2,
        )


@dataclass(frozen=True, slots=True)
class Contribution:
    """What is pending in one cell from one kind of act (deletions; updates of the same columns).

    ``weight`` is how much the persons behind it weigh together; ``weights`` by level, from the cell's own upward;
    ``since`` the day from which it waits.
    """

    cell: str
    act: str
    totals: Totals
    weight: Decimal
    since: dt.date
    weights: Mapping[int, Weight] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Increment:
    """What was released in one cell at once, of ``persons`` at least."""

    cell: str
    totals: Totals
    persons: int
    day: dt.date


class Tally:
    """The tables of the ledger in one store. All but `released` are for the engine alone."""

    def __init__(self, metadata: sa.MetaData, prefix: str, exact: Mapping[str, Any]) -> None:
        def place() -> list[sa.Column[Any]]:
            return [
                sa.Column("dataset", sa.String(128), primary_key=True),
                sa.Column("statistic", sa.String(128), primary_key=True),
                sa.Column("cell", sa.String(LONGEST_CELL), primary_key=True),
            ]

        def origin() -> list[sa.Column[Any]]:
            return [
                sa.Column("plan", _ascii(128), primary_key=True),
                sa.Column("step", _ascii(128), primary_key=True),
                sa.Column("chunk", sa.Integer, primary_key=True, autoincrement=False),
                sa.Column("act", _ascii(32), nullable=False),
            ]

        def measures() -> list[sa.Column[Any]]:
            counts = [sa.Column(name, sa.BigInteger, nullable=False) for name in ("n", "subjects")]
            return [*counts, sa.Column("total", Exact), sa.Column("squares", Exact)]

        amounts = [sa.Column(name, Exact, nullable=False) for name in _WEIGHTS[1:]]
        self.pending = sa.Table(
            f"{prefix}pending", metadata, *place(), *origin(), *measures(),
            sa.Column("weight", Exact, nullable=False), sa.Column("since", sa.Date, nullable=False), **exact,
        )  # fmt: skip
        self.weights = sa.Table(
            f"{prefix}weights", metadata, *place(), *origin()[:3],
            sa.Column("level", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("act", _ascii(32), nullable=False),
            sa.Column("persons", sa.BigInteger, nullable=False), *amounts, **exact,
        )  # fmt: skip
        self.merged = sa.Table(
            f"{prefix}merged", metadata, *place(), sa.Column("day", sa.Date, nullable=False), **exact
        )
        self.asked = sa.Table(
            f"{prefix}asked", metadata, *place()[:2], sa.Column("question", _ascii(64), nullable=False), **exact
        )
        self.released = sa.Table(
            f"{prefix}released", metadata, *place(),
            sa.Column("increment", sa.Integer, primary_key=True, autoincrement=False), *measures(),
            sa.Column("persons", sa.BigInteger, nullable=False), sa.Column("day", sa.Date, nullable=False), **exact,
        )  # fmt: skip

    @property
    def closed(self) -> tuple[sa.Table, ...]:
        """The tables that no reading role may read."""
        return self.pending, self.weights, self.merged

    def exists(self, connection: sa.Connection) -> bool:
        """Whether the store has the tables; without them nothing was ever contributed."""
        return sa.inspect(connection).has_table(self.released.name, schema=self.released.schema)

    def recognise(self, connection: sa.Connection, dataset: str, statistic: str, question: str) -> bool:
        """Whether a statistic asks what it asked before, by the digest of its question; the first time, it does."""
        a = self.asked.c
        mine = (a.dataset == dataset, a.statistic == statistic)
        known = connection.execute(sa.select(a.question).where(*mine)).scalar_one_or_none()
        if known is None:
            row = {"dataset": dataset, "statistic": statistic, "question": question}
            connection.execute(self.asked.insert(), row)
        return known in {None, question}

    # -- contributing

    def contribute(
        self, connection: sa.Connection, chunk: Chunk, question: Question, frozen: Frozen, act: str, day: dt.date
    ) -> None:
        """Keep what a chunk's rows say to a statistic, before they go or change. ``day``: from which it waits."""
        within, outside = _sides(question, frozen)
        cells = question.cells(within, outside).subquery().c
        self._keep(connection, chunk, question, act, day, [*cells])
        self._weigh(connection, chunk, question, (within, outside), act)

    def take_back(
        self, connection: sa.Connection, chunk: Chunk, question: Question, frozen: Frozen, act: str, day: dt.date
    ) -> None:
        """Subtract from a chunk's contribution what its rows still say, once they have their new values.

        What they said before, and say no longer, is left. A cell in which they only arrive gets less than nothing, as
        an act of its own: who arrives in a cell may have left it by another row.
        Once, in the transaction that changes the rows, after `contribute`.
        """
        within, outside = _sides(question, frozen)
        cells = question.cells(within, outside).subquery().c
        less = [cells.cell, *(-cells[name] for name in _MEASURES), cells.weight]
        self._keep(connection, chunk, question, f"+{act}", day, less, add=_MEASURES)
        self._weigh(connection, chunk, question, (within, outside), f"+{act}")
        p = self.pending.c
        mine = _of(self.pending, chunk, question.name)
        unchanged = (sa.func.coalesce(p[name], 0) == 0 for name in _MEASURES)
        connection.execute(self.pending.delete().where(*mine, *unchanged))
        left = sa.select(p.cell).where(*mine)
        w = self.weights
        connection.execute(w.delete().where(*_of(w, chunk, question.name), w.c.cell.not_in(left)))

    def _keep(
        self,
        connection: sa.Connection,
        chunk: Chunk,
        question: Question,
        act: str,
        day: dt.date,
        cells: list[sa.ColumnElement[Any]],
        add: tuple[str, ...] = (),
    ) -> None:
        """Write cells and their measures; where one is there, add to the measures that ``add`` names."""
        place, *measures = cells
        rows = sa.select(
            *_origin(chunk, question.name), sa.literal(act, sa.String), place, *measures, sa.literal(day, sa.Date)
        ).where(sa.true())  # without a condition SQLite takes what follows for one of a join
        names = ["dataset", "statistic", "plan", "step", "chunk", "act", "cell", *_MEASURES, "weight", "since"]
        upsert(connection, self.pending, names, rows, add, add=True)
        if connection.dialect.name == "sqlite":
            self._refuse_inexact(connection, chunk, question)

    def _refuse_inexact(self, connection: sa.Connection, chunk: Chunk, question: Question) -> None:
        p = self.pending.c
        real = sa.or_(*(sa.func.typeof(p[name]) == "real" for name in ("total", "squares", "weight")))
        if connection.execute(sa.select(p.cell).where(*_of(self.pending, chunk, question.name), real).limit(1)).first():
            raise StoreRefuses(
                chunk.dataset,
                f"the sums of the statistic {question.name} are no whole numbers of 64 bits: SQLite has no more",
                "Keep the amount in its smallest unit, as an integer; or take the statistic out of the data map",
            )

    def _weigh(
        self,
        connection: sa.Connection,
        chunk: Chunk,
        question: Question,
        sides: tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]],
        act: str,
    ) -> None:
        """Write the weights at every level; those that are there already stay."""
        names = ["dataset", "statistic", "plan", "step", "chunk", "act", "level", "cell", *_WEIGHTS]
        found = question.weights(*sides).subquery().c
        rows = sa.select(*_origin(chunk, question.name), sa.literal(act, sa.String), *found).where(sa.true())
        upsert(connection, self.weights, names, rows)

    # -- settling

    def contributions(self, connection: sa.Connection, dataset: str, statistic: str) -> list[Contribution]:
        """What is pending for a statistic, by cell and kind of act."""
        p, w = self.pending.c, self.weights.c
        order = sa.func.row_number().over(partition_by=(w.cell, w.act, w.level), order_by=w.left_1.desc())
        mine = (w.dataset == dataset, w.statistic == statistic)
        r = sa.select(self.weights, order.label("rank")).where(*mine).subquery().c
        others = sa.func.max(sa.case((r.rank > 1, r.left_1), else_=0), type_=Exact)
        seconds = sa.func.max(r.left_2, type_=Exact)
        sums = (sa.func.sum(r[name], type_=Exact) for name in ("persons", "stayed_1", "stayed_2"))
        weights: dict[tuple[str, str], dict[int, Weight]] = {}
        found = sa.select(r.cell, r.act, r.level, sa.func.max(r.left_1, type_=Exact), others, seconds, *sums)
        for cell, act, level, first, other, second, persons, *stayed in connection.execute(
            found.group_by(r.cell, r.act, r.level)
        ):
            weight = Weight(int(persons), first, max(other, second), *stayed)
            weights.setdefault((cell, act), {})[level] = weight
        measures = [sa.func.sum(p[name], type_=Exact) for name in (*_MEASURES, "weight")]
        pending = sa.select(p.cell, p.act, sa.func.min(p.since), *measures).where(
            p.dataset == dataset, p.statistic == statistic
        )
        return [
            Contribution(
                cell, act, _totals(measured), measured[-1], since, dict(sorted(weights.get((cell, act), {}).items()))
            )
            for cell, act, since, *measured in connection.execute(pending.group_by(p.cell, p.act).order_by(p.cell))
        ]

    def settle(
        self,
        connection: sa.Connection,
        dataset: str,
        statistic: str,
        pending: Iterable[Contribution],
        released: Iterable[Increment],
        merged: Iterable[tuple[str, dt.date]],
    ) -> None:
        """Write what is pending from now on in place of what was; add what is released, and which cells have merged."""
        mine = {"dataset": dataset, "statistic": statistic}
        for table in (self.pending, self.weights):
            connection.execute(table.delete().where(table.c.dataset == dataset, table.c.statistic == statistic))
        rows, weights = [], []
        numbers: dict[str, int] = {}
        for each in pending:
            numbers[each.cell] = number = numbers.get(each.cell, -1) + 1
            place = {**mine, "cell": each.cell, "plan": "", "step": "", "chunk": number, "act": each.act}
            rows.append({**place, **_columns(each.totals), "weight": each.weight, "since": each.since})
            weights += [
                {**place, "level": level, **{name: getattr(weight, name) for name in _WEIGHTS}}
                for level, weight in each.weights.items()
            ]
        for table, found in ((self.pending, rows), (self.weights, weights)):
            if found:
                connection.execute(table.insert(), found)
        r = self.released.c
        for increment in released:
            count = sa.select(sa.func.count()).where(
                r.dataset == dataset, r.statistic == statistic, r.cell == increment.cell
            )
            number = connection.execute(count).scalar_one()
            measures = _columns(increment.totals)
            own = {"cell": increment.cell, "increment": number, "persons": increment.persons, "day": increment.day}
            connection.execute(self.released.insert(), {**mine, **own, **measures})
        for cell, day in merged:
            given = (sa.literal(value, sa.String) for value in (dataset, statistic, cell))
            upsert(
                connection, self.merged, ["dataset", "statistic", "cell", "day"],
                sa.select(*given, sa.literal(day, sa.Date)).where(sa.true()), ("day",),
            )  # fmt: skip

    # -- reading

    def totals(
        self, connection: sa.Connection, dataset: str, statistic: str, *, released: bool = True, pending: bool = True
    ) -> dict[str, Totals]:
        """What the ledger holds of a statistic by cell, of any level: what is released, what is pending, or both."""
        found: dict[str, Totals] = {}
        for table, wanted in ((self.released, released), (self.pending, pending)):
            if not wanted:
                continue
            c = table.c
            measures = (sa.func.sum(c[name], type_=Exact) for name in _MEASURES)
            rows = sa.select(c.cell, *measures).where(c.dataset == dataset, c.statistic == statistic)
            for cell, *measured in connection.execute(rows.group_by(c.cell)):
                found[cell] = found.get(cell, Totals()) + _totals(measured)
        return found

    def increments(self, connection: sa.Connection, dataset: str, statistic: str) -> list[Increment]:
        """What was released of a statistic, in the order in which it was."""
        r = self.released.c
        rows = sa.select(r.cell, r.persons, r.day, *(r[name] for name in _MEASURES))
        rows = rows.where(r.dataset == dataset, r.statistic == statistic).order_by(r.cell, r.increment)
        return [
            Increment(cell, Totals(*measured), persons, day)
            for cell, persons, day, *measured in connection.execute(rows)
        ]

    def merged_cells(self, connection: sa.Connection, dataset: str, statistic: str) -> frozenset[str]:
        """The cells of which something has merged into a coarser one."""
        m = self.merged.c
        found = connection.execute(sa.select(m.cell).where(m.dataset == dataset, m.statistic == statistic))
        return frozenset(found.scalars())


def _sides(question: Question, frozen: Frozen) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    """The rows of a chunk, and the others of its dataset."""
    within = frozen.within(question.table)
    return within, sa.not_(within)


def _origin(chunk: Chunk, statistic: str) -> list[sa.ColumnElement[Any]]:
    texts = (sa.literal(each, sa.String) for each in (chunk.dataset, statistic, chunk.plan, chunk.step))
    return [*texts, sa.literal(chunk.number, sa.Integer)]


def _of(table: sa.Table, chunk: Chunk, statistic: str) -> tuple[sa.ColumnElement[bool], ...]:
    c = table.c
    place = (c.dataset == chunk.dataset, c.statistic == statistic)
    return (*place, c.plan == chunk.plan, c.step == chunk.step, c.chunk == chunk.number)


def _totals(measured: list[Any]) -> Totals:
    n, subjects, total, squares = measured[:4]
    return Totals(int(n), int(subjects), total, squares)


def _columns(totals: Totals) -> dict[str, Any]:
    return {name: getattr(totals, name) for name in _MEASURES}


def _plus(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return other if one is None else one if other is None else one + other


def _ascii(length: int) -> sa.types.TypeEngine[str]:
    """Digests and names of steps: MariaDB's keys are short."""
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
    )
