"""What a step may act on: its candidates, lined up by number.

Candidates are evaluated once, into temporary tables of the connection. A chunk takes the next of them and freezes those
that are due (`connectors.sql.freezing`): whether they are due *now* is asked inside the chunk's transaction, of exactly
these keys. Where it depends on nothing but the row itself, PostgreSQL tells by the row's version whether the answer can
be another (`alone`), and the look is for chunks in which somebody has written to a row.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import visitors

from connectors.sql.catalog import OWN_SCHEMA
from connectors.sql.functions import random_hex
from connectors.sql.grouped import Grouped
from connectors.sql.partition import GROUP
from connectors.sql.temporary import analyse, create_filled, is_temporary, looked_up, seen_by_all
from connectors.sql.versions import NUMBER, VERSION, Xid, version_of

Restriction = Callable[[sa.FromClause], sa.ColumnElement[Any]]
"""The condition on a table's rows that limits a query to some of them."""

Look = Callable[[Restriction], sa.Select[Any]]
"""Selects the keys of what is due now, among the rows that a restriction lets through; asked in every chunk anew."""

LookWith = Callable[[Sequence[str]], sa.Select[Any]]
"""Selects the keys of all that is due now, with other columns of theirs (or their version, which has a name too)."""


class Span:
    """The first and the last key of the chunk under way, by each of the whole numbers with which keys begin.

    Candidates stand in the order of their keys, so that those of a chunk lie between two of them. Servers then read
    (and MariaDB locks) that part of the table by its index, where they would read all of it for every chunk. Statements
    ask for the two when they are executed: they are compiled once.
    """

    def __init__(self, limits: Mapping[str, tuple[int, int]]) -> None:
        self._limits = dict(limits)
        self.forget()

    @classmethod
    def of(cls, dialect: sa.Dialect, table: sa.Table, key: Sequence[str]) -> Span | None:
        """Of the keys of a table; None in SQLite, and where the first column is no whole number."""
        whole = itertools.takewhile(lambda name: isinstance(table.c[name].type, sa.Integer), key)
        limits = {name: _limits(table.c[name].type) for name in whole}
        return cls(limits) if limits and dialect.name != "sqlite" else None

    def within(self, rows: sa.FromClause) -> sa.ColumnElement[bool]:
        """Whether a row lies in it."""
        return sa.and_(*(rows.c[name].between(self._end(name, 0), self._end(name, 1)) for name in self._limits))

    def _end(self, name: str, at: int) -> sa.BindParameter[int]:
        label = ("ardoise_first", "ardoise_last")[at]
        return sa.bindparam(label, callable_=lambda: self._ends[name][at], type_=sa.BigInteger, unique=True)

    def set(self, connection: sa.Connection, keys: sa.Table, chosen: sa.ColumnElement[bool] | None = None) -> None:
        """Look what a chunk reaches from and to: those keys of a table that are chosen."""
        found = sa.select(*(end(keys.c[name]) for name in self._limits for end in (sa.func.min, sa.func.max)))
        ends = connection.execute(found if chosen is None else found.where(chosen)).one()
        if ends[0] is None:
            self.forget()
            return
        pairs = zip(map(int, ends[::2]), map(int, ends[1::2]), strict=True)
        self._ends = dict(zip(self._limits, pairs, strict=True))

    def forget(self) -> None:
        """Let it reach from end to end."""
        self._ends = self._limits


def _limits(kind: sa.types.TypeEngine[Any]) -> tuple[int, int]:
    """What whole numbers of a type lie between, at most."""
    return (0, 2**64 - 1) if getattr(kind, "unsigned", False) else (-(2**63), 2**63 - 1)


@dataclass(frozen=True, slots=True)
class Line:
    """The temporary tables of one table's candidates on one connection, for one step after the other.

    ``found`` are the keys of all, ``numbered`` the same in order; ``chunk`` those of the chunk under way (but for
    `Candidates.members` that nobody locks), of which ``locked`` could be locked and ``frozen`` are due; ``held``
    collects the keys of due rows that other sessions have locked. ``mine`` lets the rows of the chunk under way
    through, which lie in the ``span``. They are the same objects throughout, so that statements are compiled once.
    """

    found: sa.Table
    numbered: sa.Table
    chunk: sa.Table
    locked: sa.Table
    frozen: sa.Table
    held: sa.Table
    mine: Restriction
    span: Span | None

    @classmethod
    def of(cls, connection: sa.Connection, table: sa.Table, key: tuple[str, ...]) -> Line:
        """The one of this connection."""
        lines: dict[tuple[str, tuple[str, ...]], Line] = connection.info.setdefault("ardoise_lines", {})
        place = (table.fullname, key)
        if place not in lines:
            metadata = sa.MetaData()
            versioned = connection.dialect.name == "postgresql"
            found, numbered, chunk, locked, frozen, held = (
                _scratch(name, metadata, table, key, versioned=versioned)
                for name in ("found", "candidates", "chunk", "locked", "frozen", "held")
            )
            span = Span.of(connection.dialect, table, key)

            def mine(rows: sa.FromClause) -> sa.ColumnElement[Any]:
                return among_keys(rows, key, keys_of(chunk, key), span)

            lines[place] = cls(found, numbered, chunk, locked, frozen, held, mine, span)
        return lines[place]

    def clear(self, connection: sa.Connection) -> None:
        """Make the tables of a chunk anew."""
        for each in (self.chunk, self.locked, self.frozen, self.held):
            connection.execute(sa.schema.DropTable(each, if_exists=True))
            each.create(connection)


@dataclass(frozen=True, slots=True)
class Candidates:
    """The rows on which a step may act: their keys, numbered from 1 to ``count``, and how to ask which are due now.

    ``grouped``: those of a group stand beside each other, and only what is whole of them is acted on. ``decided``: they
    are due as long as nobody writes to them. They are ``numbered`` in a table that may have others without a number.
    ``ends``: the last number of each part of the table in which they stand.
    """

    rows: sa.Table
    key: tuple[str, ...]
    line: Line
    due: Look
    numbered: sa.Table
    count: int
    grouped: Grouped | None = None
    decided: bool = False
    ends: tuple[int, ...] = ()

    @property
    def members(self) -> bool:
        """Whether all of them are in groups, whose table has their numbers."""
        return self.grouped is not None and self.numbered is self.grouped.work

    def between(self, first: int, last: int) -> sa.ColumnElement[Any]:
        """Whether a candidate has one of these numbers."""
        return self.numbered.c[NUMBER].between(first, last)

    def keys(self) -> sa.Select[Any]:
        """The keys of all of them."""
        return keys_of(self.numbered, self.key).where(self.numbered.c[NUMBER].is_not(None))

    def lined(self) -> sa.Select[Any]:
        """All of them, as those of a chunk are kept."""
        return keys_of(self.numbered, [each.name for each in self.line.chunk.c])

    def left(self) -> sa.Select[Any]:
        """The keys of the rows that others have kept from the chunks so far, with what is left of their groups."""
        return keys_of(self.line.held, self.key)

    def in_groups(self, connection: sa.Connection, first: int, last: int) -> tuple[bool, bool]:
        """Whether any of the rows of these numbers are in groups, and whether any are in none."""
        group = self.numbered.c[GROUP]
        counted = sa.select(sa.func.count(group), sa.func.count()).where(self.between(first, last))
        grouped, whole = connection.execute(counted).one()
        return grouped > 0, grouped < whole

    def last(self, connection: sa.Connection, first: int, most: int) -> int:
        """The last number of a chunk of about so many rows, that takes groups whole, and parts of the table if it can.

        One of the latter may be a quarter larger.
        """
        whole = [end for end in self.ends if first <= end < first + most * 5 // 4]
        return whole[-1] if whole else self._end(connection, min(first + most - 1, self.count))

    def _end(self, connection: sa.Connection, number: int) -> int:
        """The last number of the group of a row."""
        if self.grouped is None:
            return number
        own, group = self.numbered.c[NUMBER], self.numbered.c[GROUP]
        mine = connection.execute(sa.select(group).where(own == number)).scalar_one()
        if mine is None:
            return number
        others = sa.select(sa.func.min(own)).where(own > number, sa.or_(group.is_(None), group != mine))
        return int(connection.execute(others).scalar_one() or self.count + 1) - 1


def alone(connection: sa.Connection, table: sa.Table, query: sa.Select[Any], beside: Collection[str] = ()) -> bool:
    """Whether what a query says of a table's rows depends on each row itself, and on nothing that others change.

    It reads the table once, and otherwise this connection's temporary tables, and tables whose names are ``beside``.
    False where rows have no version to tell by.
    """
    if connection.dialect.name != "postgresql":
        return False
    met = 0
    for each in visitors.iterate(query):
        if isinstance(each, (sa.TextClause, sa.Over)):
            return False
        if isinstance(each, sa.Select) and each._group_by_clauses:  # noqa: SLF001 - nothing public says it
            return False
        if isinstance(each, sa.TableClause):
            if isinstance(each, sa.Table) and (is_temporary(each) or each.fullname in beside):
                continue
            if each.name != table.name or (each.schema or table.schema) != (table.schema or each.schema):
                return False
            met += 1
    return met == 1


def still(connection: sa.Connection) -> None:
    """Let a transaction that has just begun see one state of the store, where rows have versions."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


@contextmanager
def decided_now(
    connection: sa.Connection, table: sa.Table, key: Sequence[str], found: sa.Select[Any]
) -> Iterator[sa.Table]:
    """A table of the keys of the rows that are due now, looked for once, in a transaction that is `still`.

    Several processes look, and read them: PostgreSQL would not join what it has to compute well. ``found`` is `alone`;
    the table has its other columns too.
    """
    names = tuple(key)
    keys = seen_with(connection, Line.of(connection, table, names).found, found)
    analyse(connection, keys)
    yield keys
    connection.execute(sa.schema.DropTable(keys))


def line_up(
    connection: sa.Connection,
    table: sa.Table,
    key: Sequence[str],
    found: sa.Select[Any] | sa.Table,
    due: Look,
    grouped: Grouped | None = None,
    *,
    shuffled: bool = False,
    decided: bool = False,
) -> Candidates:
    """Number the rows whose keys ``found`` selects or has (columns named as the key, in any order), and are there.

    They are in the order of their key, or ``shuffled``; ``grouped``: of their groups first. Nothing is locked, and
    nothing decided: that is for each chunk to do. ``decided``: they were `decided_now`, in the transaction under way.
    An earlier line on the connection is over.
    """
    names = tuple(key)
    line = Line.of(connection, table, names)
    keys = [table.c[name] for name in names]
    group, source = (sa.null(), table) if grouped is None else (grouped.number, grouped.beside)
    first: list[sa.ColumnElement[Any]] = [] if grouped is None else list(grouped.order)
    order = [*first, *([random_hex(16)] if shuffled else keys)]
    number = sa.func.row_number().over(order_by=order).label(NUMBER)
    numbered = sa.select(number, *keys, sa.cast(group, sa.BigInteger).label(GROUP), *versions(line.numbered, table))
    connection.execute(sa.schema.DropTable(line.numbered, if_exists=True))
    create_filled(connection, line.numbered, numbered.select_from(source).where(key_among(table, names, found)))
    if connection.dialect.name == "postgresql":
        quoted = connection.dialect.identifier_preparer.format_table(line.numbered)
        connection.exec_driver_sql(f"ALTER TABLE {quoted} ADD PRIMARY KEY ({NUMBER})")
    analyse(connection, line.numbered)
    line.clear(connection)
    count = row_count(connection, line.numbered)
    return Candidates(table, names, line, due, line.numbered, count, grouped, decided)


def line_up_members(
    connection: sa.Connection,
    table: sa.Table,
    key: Sequence[str],
    due: Look,
    grouped: Grouped,
    ends: tuple[int, ...] = (),
) -> Candidates:
    """The rows that have just been given numbers in groups, where all that are due now were looked at for that.

    ``ends``: see `Candidates`.
    """
    line = Line.of(connection, table, tuple(key))
    line.clear(connection)
    last = sa.select(sa.func.max(grouped.work.c[NUMBER]))
    count = int(connection.execute(last).scalar_one() or 0)
    return Candidates(table, tuple(key), line, due, grouped.work, count, grouped, decided=True, ends=ends)


def versions(keys: sa.Table, rows: sa.Table) -> tuple[sa.ColumnElement[Any], ...]:
    """What tells, for a table of keys, whether a row is what it was; nothing where none of its columns is for that."""
    return (version_of(rows).label(VERSION),) if VERSION in keys.c else ()


def everything(
    connection: sa.Connection, table: sa.Table, key: Sequence[str], due: Look, grouped: Grouped | None = None
) -> Candidates:
    """All rows of a table as candidates, without numbers: for a transaction that locks the table, and looks once."""
    line = Line.of(connection, table, tuple(key))
    line.clear(connection)
    return Candidates(table, tuple(key), line, due, line.numbered, 0, grouped)


def seen_with(connection: sa.Connection, keys: sa.Table, query: sa.Select[Any]) -> sa.Table:
    """A table of keys that all processes can read, filled by a query, with the other columns that it has."""
    chosen = query.subquery()
    more = [sa.Column(each.name, each.type) for each in chosen.c if each.name not in keys.c]
    seen = seen_by_all(connection, keys, OWN_SCHEMA, more)
    connection.execute(sa.schema.DropTable(seen, if_exists=True))
    create_filled(connection, seen, keys_of(chosen, [each.name for each in seen.c]))
    return seen


def any_row(rows: sa.FromClause) -> sa.ColumnElement[Any]:
    """The restriction that lets every row through."""
    del rows
    return sa.true()


def key_among(rows: sa.FromClause, names: Sequence[str], keys: sa.Select[Any] | sa.Table) -> sa.ColumnElement[bool]:
    """Whether a row's columns of these names are among those that a query selects or a table has, named the same."""
    picked = keys if isinstance(keys, sa.Table) else keys.subquery()
    selected = sa.select(*(picked.c[name] for name in names))
    if len(names) == 1:
        return rows.c[names[0]].in_(selected)
    return sa.tuple_(*(rows.c[name] for name in names)).in_(selected)


def among_keys(
    rows: sa.FromClause, names: Sequence[str], keys: sa.Select[Any], span: Span | None
) -> sa.ColumnElement[bool]:
    """The same, of keys that lie in a span."""
    among = key_among(rows, names, keys)
    return among if span is None else sa.and_(span.within(rows), among)


def _scratch(name: str, metadata: sa.MetaData, table: sa.Table, key: Sequence[str], *, versioned: bool) -> sa.Table:
    """A temporary table of keys, not yet created; ``versioned``: where rows have versions."""
    columns = [sa.Column(each, table.c[each].type, nullable=False) for each in key]
    if name == "candidates":
        columns.insert(0, sa.Column(NUMBER, sa.Integer, primary_key=True, autoincrement=False))
        columns.append(sa.Column(GROUP, sa.BigInteger))
    if versioned and name in {"candidates", "chunk", "locked"}:
        columns.append(sa.Column(VERSION, Xid))
    return looked_up(sa.Table(f"ardoise_{name}", metadata, *columns, prefixes=["TEMPORARY"]), key)


def keys_of(table: sa.FromClause, names: Sequence[str]) -> sa.Select[Any]:
    """Columns of a table."""
    return sa.select(*(table.c[name] for name in names))


def row_count(connection: sa.Connection, table: sa.FromClause) -> int:
    """How many rows a table has."""
    return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())
