"""Versions of rows in PostgreSQL: a row that nobody has written to has the one that it had. Other engines have none."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

NUMBER, VERSION = "ardoise_number", "ardoise_version"
"""The columns that number rows that are lined up, and that keep their versions."""


class Xid(sa.types.UserDefinedType[str]):
    """The number of the transaction that wrote a row."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Its name."""
        return "xid"


def version_of(rows: sa.FromClause) -> sa.ColumnElement[Any]:
    """The version of a table's row."""
    system: sa.ColumnClause[Any] = sa.column("xmin", Xid)
    system.table = rows
    return system
