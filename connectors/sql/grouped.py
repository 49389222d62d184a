"""Rows that are overwritten in groups: a group gets its common values whole, or not at all.

Somebody may lock, change or delete a row between the assignment of groups and the transaction that writes. What is
left of its group may then hide fewer than k subjects; so it is set aside in that transaction, and assigned anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from connectors.sql.drawing import assigned
from connectors.sql.fences import fenced
from connectors.sql.partition import GROUP, JOINS, Layout, exactly, same_record

Expression = sa.ColumnElement[Any]


@dataclass(frozen=True)
class Grouped:
    """The groups of a work table. ``whole`` says whether a row of the table is still to be written as it was assigned.

    ``marks``: the categories, with their columns, of which rows in groups get new values as well.
    """

    layout: Layout
    work: sa.Table
    whole: Expression
    marks: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @cached_property
    def _same(self) -> Expression:
        return same_record(self.layout.key, self.layout.table, self.work)

    @property
    def beside(self) -> sa.FromClause:
        """The rows with their groups, where they are in one."""
        return self.beside_of(self.layout.table)

    def beside_of(self, rows: sa.FromClause) -> sa.FromClause:
        """What the table's rows were joined to, joined to their groups too."""
        return rows.outerjoin(self.work, self._same)

    @property
    def values(self) -> dict[str, Expression]:
        """The common values of a row's group, by column."""
        return {name: self.work.c[value] for name, value in self.layout.values.items()}

    @property
    def number(self) -> Expression:
        """A row's group."""
        return self.work.c[GROUP]

    @property
    def order(self) -> list[Expression]:
        """What lets the rows of a group stand beside each other."""
        return [sa.case((self.number.is_(None), 1), else_=0), self.number]

    @property
    def placed(self) -> Expression:
        """Whether a row of the table is in a group."""
        there = sa.exists().where(self._same, self.number.is_not(None))
        return there.correlate(self.layout.table)

    def members(self, chosen: Expression) -> sa.FromClause:
        """Some rows of the work table in the order of their keys, in which they are then written."""
        keys = (self.work.c[name] for name in self.layout.key)
        return fenced(sa.select(self.work).where(chosen).order_by(*keys)).subquery()

    def update(self, within: Expression, assignments: Mapping[str, Any], members: sa.FromClause) -> sa.Update:
        """What overwrites rows in groups, which are ``members``, by their values too."""
        table = self.layout.table
        values = {**assignments, **{name: members.c[value] for name, value in self.layout.values.items()}}
        same = same_record(self.layout.key, table, members)
        return sa.update(table).where(within, same).values(assigned(table, values))

    def updates(
        self, within: Expression, assignments: Mapping[str, Any], *, placed: bool, others: bool
    ) -> list[sa.Update]:
        """What overwrites some rows: those in groups by the work table's values too, the others as they are told.

        ``placed`` and ``others``: whether there are any of the one kind and of the other.
        """
        table = self.layout.table
        made = []
        if placed:
            made.append(self.update(within, assignments, self.work))
        if others and assignments:
            made.append(sa.update(table).where(within, sa.not_(self.placed)).values(assigned(table, assignments)))
        return made

    def _stays(self, dialect: str) -> Expression:
        """Whether a row still has what is to stay as it is: rows of a group agree in it."""
        table, work = self.layout.table, self.work
        return sa.and_(
            sa.true(),
            *(
                exactly(table.c[name], dialect).is_not_distinct_from(exactly(work.c[held], dialect))
                for name, held in self.layout.stays.items()
            ),
        )

    def leave(self, connection: sa.Connection, frozen: sa.Table) -> int:
        """Take out of frozen keys the rows of the work table that no group can hide; how many."""
        held = sa.exists().where(same_record(self.layout.key, frozen, self.work), self.number.is_(None))
        return connection.execute(sa.delete(frozen).where(held.correlate(frozen))).rowcount

    def set_aside(self, connection: sa.Connection, frozen: sa.Table, held: sa.Table) -> int:
        """Take out of the frozen keys the groups that would be too small, into the held ones; how many rows."""
        key, table, work = self.layout.key, self.layout.table, self.work
        rows = frozen.join(table, same_record(key, frozen, table)).join(work, same_record(key, frozen, work))
        keys = [frozen.c[name] for name in key]
        short = sa.select(self.number).select_from(rows).where(sa.not_(work.c[JOINS])).group_by(self.number)
        short = short.having(self.layout.subjects(table) < self.layout.k)

        def take(chosen: Expression) -> int:
            taken = sa.select(*keys).select_from(rows).where(chosen)
            connection.execute(held.insert().from_select(list(key), taken, include_defaults=False))
            there = sa.exists().where(same_record(key, frozen, held)).correlate(frozen)
            return connection.execute(sa.delete(frozen).where(there)).rowcount

        aside = take(sa.not_(sa.and_(self.whole, self._stays(connection.dialect.name))))
        return aside + take(self.number.in_(short))
