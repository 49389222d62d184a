"""The tables in which rows get their places, and how each engine wants them. Nobody else ever sees them.

They are temporary, but for those with many rows in PostgreSQL, which reads no temporary table with several processes:
these have no log, and are made and dropped in one transaction.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from connectors.digests import LENGTH
from connectors.sql.functions import fingerprint, random_hex, record_key, row_digest
from connectors.sql.partition import Layout
from connectors.sql.temporary import seen_by_all
from connectors.sql.versions import NUMBER, Xid

Expression = sa.ColumnElement[Any]


@dataclass(frozen=True)
class Scratch:
    """The temporary tables of one assignment.

    ``parts``: in how many slices of the table groups are made, at most. ``rows``: a query that stands for the `base`.
    """

    connection: sa.Connection
    layout: Layout
    target: sa.Table
    parts: int = 1
    rows: sa.Select[Any] | None = None

    @contextmanager
    def made(self) -> Iterator[Scratch]:
        """Make the tables, but for the `base`, which its rows make; and drop them."""
        tables = [
            self.values,
            self.cells,
            self.pairs,
            self.counts,
            self.donors,
            self.groups,
            self.homes,
            self.slices,
            self.ranks,
        ]
        for each in (self._base, *tables):
            self.connection.execute(sa.schema.DropTable(each, if_exists=True))
        for each in tables:
            each.create(self.connection)
        yield self
        for each in (self._base, *tables):
            self.connection.execute(sa.schema.DropTable(each, if_exists=True))

    @cached_property
    def base(self) -> Any:
        """The rows, with their finest values."""
        return self._base if self.rows is None else self.rows.subquery()

    @cached_property
    def _base(self) -> sa.Table:
        return self.large(
            "base",
            *(sa.Column(name, self.kind(own)) for name, own in zip(self.key, self.layout.key, strict=True)),
            self.subject("subject"),
            sa.Column("known", sa.Integer),
            *(sa.Column(f"g{n}", self.kind(each.name)) for n, each in enumerate(self.layout.hierarchies)),
            *self.measures(),
            *([sa.Column("version", Xid)] if self.numbered else []),
            self.cell(),
        )

    @cached_property
    def values(self) -> sa.Table:
        """The finest cells, numbered, and what they are at every level."""
        levels = range(self.layout.depth)
        typed = [(f"l{level}_{n}", each) for n, each in enumerate(self.layout.hierarchies) for level in levels]
        return self.temporary(
            "values",
            self.cell(key=True),
            sa.Column("number", sa.BigInteger),
            sa.Column("n", sa.BigInteger),
            *(sa.Column(name, self.kind(each.name)) for name, each in typed),
            *(sa.Column(f"has{n}", sa.Integer) for n in range(len(self.layout.measures))),
        )

    @cached_property
    def cells(self) -> sa.Table:
        """The same with one text per level, by which cells are told apart, and the level at which each is settled."""
        return self.temporary(
            "cells",
            self.number("number"),
            sa.Column("n", sa.BigInteger),
            *(self.text(f"k{level}") for level in range(self.layout.depth)),
            sa.Column("level", sa.Integer),
            self.text("settled"),
            sa.Column("joins", sa.Boolean, nullable=False),
        )

    @cached_property
    def pairs(self) -> sa.Table:
        """Who is in which of the finest cells."""
        return self.temporary("pairs", self.number("cell"), self.subject("subject", key=True))

    @cached_property
    def counts(self) -> sa.Table:
        """How many subjects a place has."""
        return self.temporary("counts", self.text("place", key=True), sa.Column("n", sa.BigInteger))

    @cached_property
    def donors(self) -> sa.Table:
        """The settled cell that is drawn to a place."""
        return self.temporary("donors", self.text("place", key=True), self.text("donor"))

    @cached_property
    def groups(self) -> sa.Table:
        """The groups that stand already."""
        return self.temporary("groups", self.text("place", key=True), self.number("number"), *self.measures())

    @cached_property
    def homes(self) -> sa.Table:
        """The finest cells as a row finds its own, and the settled cell, numbered, that each has come to be in.

        It has no number where the cell is held back. ``of`` is how many rows it has, ``after`` how many those before
        it have that get groups of their own; the other columns are what rows are to hold.
        """
        return self.large(
            "homes",
            self.cell(key=True),
            self.text("settled"),
            sa.Column("place", sa.BigInteger),
            sa.Column("of", sa.BigInteger),
            sa.Column("after", sa.BigInteger),
            sa.Column("joins", sa.Boolean, nullable=False),
            *(sa.Column(name, self.kind(each)) for each, name in self.layout.held.items()),
        )

    @cached_property
    def slices(self) -> sa.Table:
        """The slices of the settled cells (`spot`); ``at``: where their groups stand, ``number``: as what.

        Those of a cell with few rows have a number together. ``of`` and ``after`` as in `homes`.
        """
        columns = ("spot", "at", "number", "of", "after")
        return self.large("slices", *(sa.Column(name, sa.BigInteger) for name in columns))

    @cached_property
    def ranks(self) -> sa.Table:
        """The group of each subject in each settled cell: one of its own, or one that stands already."""
        return self.temporary(
            "ranks",
            self.number("place"),
            self.subject("subject", key=True),
            sa.Column("part", sa.BigInteger),
            sa.Column("joined", sa.BigInteger),
        )

    @property
    def key(self) -> tuple[str, ...]:
        """What the columns of the key are called in these tables, where they are beside others."""
        return tuple(f"key{n}" for n, _ in enumerate(self.layout.key))

    @property
    def numbered(self) -> bool:
        """Whether the work table is to have numbers and versions."""
        return NUMBER in self.target.c

    @property
    def whole(self) -> bool:
        """Whether each row is somebody, known by a whole number."""
        first, *more = (self.layout.table.c[name] for name in self.layout.key)
        return self.layout.subject is None and not more and not self.keyed and isinstance(first.type, sa.Integer)

    @property
    def known(self) -> bool:
        """Whether a row itself says who it is. Else it is numbered, and has that number where it was written down."""
        return self.layout.subject is not None or self.whole

    @cached_property
    def sliced(self) -> bool:
        """Whether groups are made in slices."""
        return self.parts > 1 and self.whole and self._reach is not None

    @cached_property
    def _reach(self) -> tuple[int, int] | None:
        """The least key, and how many keys a slice has; None without rows, and where a number cannot hold it."""
        least, most = self.connection.execute(
            sa.select(sa.func.min(self.base.c.subject), sa.func.max(self.base.c.subject))
        ).one()
        if least is None or most - least >= 1 << 62:
            return None
        return least, -(-(most - least + 1) // self.parts)

    @property
    def slice(self) -> Expression:
        """The slice of one of the rows, from 0."""
        assert self._reach is not None  # noqa: S101 - asked of what is `sliced`
        least, keys = (sa.literal_column(str(each), sa.BigInteger) for each in self._reach)
        nth: Expression = (self.base.c.subject - least) // keys
        return nth

    def spot(self, place: Expression, slice_: Expression) -> Expression:
        """What tells slices of settled cells apart: a single number, of which PostgreSQL knows that each is another."""
        return place * sa.literal_column(str(self.parts), sa.BigInteger) + slice_

    def who(self, table: sa.Table) -> tuple[Expression, Expression]:
        """What tells subjects apart, and 1 where it is known who it is."""
        if self.layout.subject is None:
            first = table.c[self.layout.key[0]]  # no process has to number them
            one: Expression = sa.cast(first, sa.BigInteger) if self.whole else sa.func.row_number().over()
            return one.label("subject"), sa.literal_column("1").label("known")
        column = table.c[self.layout.subject]
        return self.apart(column).label("subject"), sa.case((column.is_(None), 0), else_=1).label("known")

    def place(self, columns: Sequence[Expression], filled: Sequence[Expression]) -> Expression:
        """What tells cells apart, whatever their level."""
        return row_digest([*columns, *filled] or [sa.literal_column("0")])

    def finest(self, columns: Sequence[Expression]) -> Expression:
        """What tells finest cells apart, to the byte; in PostgreSQL a number, which no two can have in `values`."""
        return self.place(columns, ()) if self.keyed else cell_number(columns)

    def apart(self, column: Expression) -> Expression:
        """What tells subjects apart: the value in PostgreSQL, which joins texts of any length."""
        return self.place([column], ()) if self.keyed else sa.collate(record_key([column]), "C")

    def chance(self, subject: Expression) -> Expression:
        """An order of subjects that nobody could have foreseen."""
        if self.connection.dialect.name != "postgresql":
            return random_hex(16)
        seed = sa.literal(secrets.randbits(63), sa.BigInteger)
        whole = isinstance(subject.type, sa.Integer)
        return sa.func.hashint8extended(subject, seed) if whole else sa.func.hashtextextended(subject, seed)

    def measures(self) -> Iterator[sa.Column[Any]]:
        """A column for every measure."""
        for number, name in enumerate(self.layout.measures):
            yield sa.Column(f"m{number}", self.kind(name))

    def kind(self, name: str) -> Any:
        """The type of one of the table's columns."""
        return self.layout.table.c[name].type

    @property
    def keyed(self) -> bool:
        """PostgreSQL joins by hashing; the others want an index."""
        return self.connection.dialect.name != "postgresql"

    def text(self, name: str, *, key: bool = False, length: int | None = LENGTH) -> sa.Column[Any]:
        """A column that tells cells apart."""
        if not self.keyed:
            return sa.Column(name, sa.String(length, collation="C"))
        return sa.Column(name, sa.String(LENGTH), primary_key=key)

    def cell(self, *, key: bool = False) -> sa.Column[Any]:
        """A column that tells finest cells apart."""
        kind: Any = sa.String(LENGTH) if self.keyed else sa.BigInteger
        return sa.Column("cell", kind, primary_key=key, autoincrement=False)

    def number(self, name: str) -> sa.Column[Any]:
        """A column that numbers what is in a table."""
        return sa.Column(name, sa.BigInteger, primary_key=self.keyed, autoincrement=False)

    def subject(self, name: str, *, key: bool = False) -> sa.Column[Any]:
        """A column that tells subjects apart."""
        if self.layout.subject is not None:
            return self.text(name, key=key, length=None)
        return self.number(name) if key else sa.Column(name, sa.BigInteger)

    def temporary(self, name: str, *columns: sa.Column[Any]) -> sa.Table:
        """A table that goes with the connection."""
        return sa.Table(f"ardoise_{name}", sa.MetaData(), *columns, prefixes=["TEMPORARY"])

    def large(self, name: str, *columns: sa.Column[Any]) -> sa.Table:
        """The same with many rows."""
        return seen_by_all(self.connection, self.temporary(name, *columns), self.target.schema)

    def insert(self, table: sa.Table, names: list[str], query: sa.Select[Any]) -> None:
        """Fill columns of a table with what a query finds."""
        self.connection.execute(table.insert().from_select(names, query, include_defaults=False))


def cell_number(columns: Iterable[Expression]) -> Expression:
    """What tells finest cells apart in PostgreSQL."""
    return fingerprint(_exact(each) for each in columns)


_PLAIN = (sa.Integer, sa.Date, sa.Boolean, sa.Uuid)
"""Types whose values are equal only if they are the same, and which PostgreSQL hashes apart: of a whole number of 64
bits it first makes one of 32, and of a time too, so that among a hundred thousand some have the hash of another."""


def _exact(column: Expression) -> Expression:
    plain = isinstance(column.type, _PLAIN) and not isinstance(column.type, sa.BigInteger)
    return column if plain else sa.collate(sa.cast(column, sa.Text), "C")


ZERO, ONE = sa.literal_column("0", sa.Integer), sa.literal_column("1", sa.Integer)
"""Not bound, so that an engine finds the same expression again when rows are grouped by it."""


def has(rows: sa.FromClause, measures: Sequence[Expression]) -> list[Expression]:
    """Per measure, 1 where a row has one."""
    return [sa.case((rows.c[each.name].is_(None), ZERO), else_=ONE) for each in measures]
