"""Decisions kept in a temporary table of the store: made once, read by the tally, by parents, by every step.

Only keys, codes, days and flags are kept, where the rows are, for as long as the connection lives.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import sqlalchemy as sa

_KEPT = re.compile(
    r"c_.+|g\d+_(code|due|delete|last|done|moves|since)|b\d+|wants|row_due|row_last|goes|leaves|leave_due|leave_last"
)


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
    columns = [sa.Column(each.name, each.type) for each in relation.c if _KEPT.fullmatch(each.name)]
    table = sa.Table(f"ardoise_decided_{number}", sa.MetaData(), *columns, prefixes=["TEMPORARY"])
    names = [each.name for each in columns]
    connection.execute(sa.schema.DropTable(table, if_exists=True))
    table.create(connection)
    decided = sa.select(*(relation.c[name] for name in names)).where(sa.true() if where is None else where)
    connection.execute(table.insert().from_select(names, decided))
    sa.Index(f"{table.name}_key", *(table.c[name] for name in key)).create(connection)
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"ANALYZE {table.name}")
    return table
