"""Columns that MariaDB sets to the time of an UPDATE (ON UPDATE CURRENT_TIMESTAMP) where that does not assign them."""

from __future__ import annotations

import sqlalchemy as sa


def keep_stamps(connection: sa.Connection, table: sa.Table) -> None:
    """Let every UPDATE of the reflected table assign such a column to itself: it stays as it is.

    Whoever relies on its day (an event, a partition) finds the day that was there, and not that of a run.
    """
    for name in stamped(connection, table):
        # By its name: a column whose default is itself cannot be shown, not even in a message.
        named = connection.dialect.identifier_preparer.format_column(table.c[name], use_table=True)
        itself: sa.ColumnElement[object] = sa.literal_column(named)
        table.c[name].onupdate = sa.ColumnDefault(itself, for_update=True)


def stamped(connection: sa.Connection, table: sa.Table) -> frozenset[str]:
    """The names of such columns; none in other engines."""
    if connection.dialect.name not in {"mysql", "mariadb"}:
        return frozenset()
    question = sa.text(
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_schema = DATABASE() AND table_name = :name AND extra LIKE '%on update%'"
    )
    return frozenset(connection.execute(question, {"name": table.name}).scalars())
