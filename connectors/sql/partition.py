"""What a safe partition is: how the columns of a table become coarser level by level, and whom its cells have to hide.

`connectors.sql.placement` says what it makes of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from connectors.sql.functions import plain_text
from connectors.sql.versions import NUMBER, VERSION, Xid

Expression = sa.ColumnElement[Any]

GROUP = "ardoise_group"
"""The column of a work table that numbers the groups; NULL for records that are held back."""
JOINS = "ardoise_joins"
"""Whether a record takes the values of a group that stands already."""
SIZE, _SUBJECT = "ardoise_size", "ardoise_subject"


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
    def coarsened(self) -> tuple[str, ...]:
        """The columns that get what their cell has."""
        return tuple(each.name for each in self.hierarchies if each.written)

    @cached_property
    def held(self) -> dict[str, str]:
        """The columns of a work table in which all rows of a cell agree."""
        return {name: self.values[name] for name in self.coarsened} | self.stays

    @property
    def written(self) -> tuple[str, ...]:
        """The columns that get new values."""
        return (*self.coarsened, *self.measures)

    @property
    def kept(self) -> tuple[str, ...]:
        """The columns in which the records of a group agree."""
        return (*(each.name for each in self.hierarchies), *self.measures)

    def subjects(self, rows: sa.FromClause) -> Expression:
        """How many subjects there are in a group of some of the table's rows."""
        return sa.func.count() if self.subject is None else sa.func.count(rows.c[self.subject].distinct())

    def alike(self, columns: Sequence[sa.Label[Any]], where: Expression, dialect: str) -> sa.Select[Any]:
        """Groups of the table's rows that agree in columns, NULLs included: these, and `SIZE`, how many subjects.

        A subject is taken once per group before any are counted: engines sort for a count of what is distinct, and sort
        by all columns.
        """
        found = sa.select(sa.literal_column("1").label("ardoise_row"), *columns)
        found = found.select_from(self.table).where(where, self.where)
        if self.subject is None:
            rows, count = found.subquery(), sa.func.count()
        else:
            exact = [(each, exactly(each.element, dialect)) for each in columns]
            also = (it.label(f"exact_{each.name}") for each, it in exact if it is not each.element)
            rows = found.add_columns(*also, self.table.c[self.subject].label(_SUBJECT)).distinct().subquery()
            count = sa.func.count(rows.c[_SUBJECT])
        names = [each.name for each in columns]
        grouped = sa.select(*(rows.c[name] for name in names), count.label(SIZE)).select_from(rows)
        same = [exactly(rows.c[name], dialect) for name in names]
        return grouped.group_by(*same) if names else grouped.having(sa.func.count() > 0)

    @cached_property
    def values(self) -> dict[str, str]:
        """The column of a work table for each column that gets a new value."""
        return {name: f"v{number}" for number, name in enumerate(self.written)}

    @cached_property
    def stays(self) -> dict[str, str]:
        """The column of a work table for each column that stays as it is: a row in which it has moved is another."""
        return {each.name: f"s{number}" for number, each in enumerate(self.hierarchies) if not each.written}

    def work(
        self,
        name: str,
        schema: str | None,
        options: Mapping[str, Any],
        *,
        keyed: bool = True,
        numbered: bool = False,
    ) -> sa.Table:
        """The work table of this layout, not yet created: by key, the group, what will be written, and what stays.

        ``keyed``: single rows are looked for. ``numbered``: rows in groups are in order, with their versions.
        """
        kind: dict[str, Any] = {"primary_key": keyed, "autoincrement": False}
        also: list[sa.Column[Any]] = [sa.Column(NUMBER, sa.BigInteger), sa.Column(VERSION, Xid)] if numbered else []
        return sa.Table(
            name,
            sa.MetaData(schema=schema),
            *(sa.Column(each, self.table.c[each].type, **kind) for each in self.key),
            sa.Column(GROUP, sa.BigInteger),
            sa.Column(JOINS, sa.Boolean, nullable=False),
            *(sa.Column(held, self.table.c[each].type) for each, held in (self.values | self.stays).items()),
            *also,
            **options,
        )


def same_record(key: Sequence[str], rows: sa.FromClause, others: sa.FromClause) -> Expression:
    """Whether two rows have the same key."""
    return sa.and_(*(rows.c[name] == others.c[name] for name in key))


def exactly(column: Expression, dialect: str) -> Expression:
    """A column, grouped by what it holds to the byte, whatever its collation takes for the same."""
    if dialect == "postgresql" or not isinstance(column.type, sa.String):
        return column
    return sa.collate(column, "BINARY") if dialect == "sqlite" else plain_text(column)
