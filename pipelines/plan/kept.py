"""Decisions kept in a temporary table of the store: made once, read by the tally, by parents, by every step.

Only keys, codes, days and flags are kept, where the rows are, for as long as the connection lives.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from connectors.sql.temporary import analyse, create_filled, empty, index, looked_up

_KEPT = re.compile(
    r"c_.+|g\d+_(code|due|delete|last|done|moves|since|waits)|part|b\d+|wants|row_due|row_last|goes|leaves|leave_due|leave_last"
)
EVERY = re.compile(".+")
"""Matches the name of every column."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A temporary table of decisions, and the statement that fills it: compiled once, however often it is run."""

    table: sa.Table
    filling: sa.Insert

    @classmethod
    def made(
        cls,
        connection: sa.Connection,
        name: str,
        relation: sa.FromClause,
        where: sa.ColumnElement[bool] | None = None,
        columns: re.Pattern[str] = _KEPT,
        key: Sequence[str] = (),
    ) -> Kept:
        """Evaluate a relation, or the rows of it that fulfil a condition, into a table of this name.

        Of its columns, those are kept whose names match: by default the ones of decisions. An older table of that name
        on the connection is replaced. It has an index on the columns of ``key``, if there are any.
        """
        kinds = [sa.Column(each.name, each.type) for each in relation.c if columns.fullmatch(each.name)]
        table = looked_up(sa.Table(f"ardoise_{name}", sa.MetaData(), *kinds, prefixes=["TEMPORARY"]), key)
        names = [each.name for each in kinds]
        decided = sa.select(*(relation.c[each] for each in names)).where(sa.true() if where is None else where)
        connection.execute(sa.schema.DropTable(table, if_exists=True))
        create_filled(connection, table, decided)
        index(connection, table)
        analyse(connection, table)
        return cls(table, table.insert().from_select(names, decided))

    def anew(self, connection: sa.Connection) -> None:
        """Evaluate the decisions again, in place of those in the table."""
        empty(connection, self.table)
        connection.execute(self.filling)
        analyse(connection, self.table)


def keep(
    connection: sa.Connection,
    number: int,
    relation: sa.FromClause,
    key: Sequence[str],
    where: sa.ColumnElement[bool] | None = None,
) -> sa.Table:
    """Evaluate a relation of decisions into a temporary table, with an index on its key columns.

    ``number`` tells the tables of one connection apart. ``where`` limits the rows that are kept.
    """
    return Kept.made(connection, f"decided_{number}", relation, where, key=key).table
