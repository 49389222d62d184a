"""Keys that people know, renewed: every row of a chunk gets a random key, and whatever points at it follows.

All in the chunk's transaction: the rows, the rows that reference them, the marks and what is remembered of them. Which
key became which is known to a temporary table alone, which is gone before the transaction ends. New keys are drawn in
no order, apart from every key that is there; numbers are negative, where no sequence will ever go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from connectors.errors import StoreRefuses
from connectors.sql.functions import record_key

if TYPE_CHECKING:
    from connectors.sql.act import After
    from connectors.sql.connector import SqlConnector
    from connectors.sql.journal import Chunk, Journal
    from connectors.sql.lines import Frozen

Expression = sa.ColumnElement[Any]

ROUNDS = 32
"""How often keys are drawn again that met another."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """A column of another table that holds keys of the table: by a foreign key, or because somebody said so."""

    table: sa.Table
    column: str


def renewing(
    journal: Journal, column: str, drawn: Callable[[sa.Connection], Expression], pointers: Sequence[Pointer]
) -> After:
    """What a chunk does once its rows have their other new values, and before they are marked.

    Args:
        journal: the store's.
        column: the key, a single column.
        drawn: the expression of a random key.
        pointers: everything that points at it.
    """

    def renew(connection: sa.Connection, chunk: Chunk, frozen: Frozen) -> None:
        table = frozen.table
        renewed = sa.Table(
            "ardoise_renewed", sa.MetaData(),
            sa.Column("old", table.c[column].type, primary_key=True, autoincrement=False),
            sa.Column("new", table.c[column].type, nullable=False),
            prefixes=["TEMPORARY"],
        )  # fmt: skip
        connection.execute(sa.schema.DropTable(renewed, if_exists=True))
        renewed.create(connection)
        expression = drawn(connection)
        connection.execute(renewed.insert().from_select(["old", "new"], sa.select(frozen.keys.c[column], expression)))
        _keep_apart(connection, renewed, table.c[column], expression, chunk.dataset)
        _point(connection, renewed, Pointer(table, column), pointers)
        _follow(connection, renewed, frozen.keys, column)
        frozen.renewed()
        for own, of_dataset in journal.kept_of(connection, chunk.dataset):
            names = sa.select(record_key([renewed.c.new]))
            mine = record_key([renewed.c.old]) == own.c.record
            connection.execute(
                sa.update(own)
                .where(of_dataset, own.c.record.in_(sa.select(record_key([renewed.c.old]))))
                .values(record=names.where(mine).scalar_subquery())
            )
        renewed.drop(connection)

    return renew


def refused_update(connector: SqlConnector, location: str, column: str) -> str:
    """Why a foreign key stands in the way of new keys; empty where it does not."""
    if connector.dialect.name not in {"mysql", "mariadb"}:
        return ""
    statement = sa.text(
        "SELECT r.update_rule FROM information_schema.referential_constraints r "
        "JOIN information_schema.key_column_usage k ON k.constraint_name = r.constraint_name "
        "AND k.constraint_schema = r.constraint_schema AND k.table_name = r.table_name "
        "WHERE r.constraint_schema = DATABASE() AND r.table_name = :place AND k.column_name = :name"
    )
    with connector.reading() as connection:
        rules = set(connection.execute(statement, {"place": location, "name": column}).scalars())
    return "" if rules <= {"CASCADE"} else "MariaDB looks at each row at once"


def scatter(connection: sa.Connection, tables: Sequence[sa.Table]) -> None:
    """Lay the rows of tables in the order of their keys, where an engine keeps them as they came.

    ``connection`` is in autocommit. Without it, rows that were rewritten one after the other would still lie in the
    order of their old keys.
    """
    for table in tables:
        quoted, key = connection.dialect.identifier_preparer, list(table.primary_key)
        name = quoted.format_table(table)
        if connection.dialect.name == "postgresql":
            constraint = sa.inspect(connection).get_pk_constraint(table.name, schema=table.schema)["name"]
            if constraint is not None:
                connection.exec_driver_sql(f"CLUSTER {name} USING {quoted.quote(constraint)}")
        elif connection.dialect.name == "sqlite" and not (len(key) == 1 and isinstance(key[0].type, sa.Integer)):
            # A key that is one whole number is where its row lies.
            connection.exec_driver_sql(f"UPDATE {name} SET _rowid_ = random()")  # noqa: S608 - a quoted name


def _keep_apart(
    connection: sa.Connection, renewed: sa.Table, key: sa.Column[Any], expression: Expression, dataset: str
) -> None:
    """Draw again what is the key of a row already, or was drawn twice.

    Raises:
        StoreRefuses: keys of this type are too few for the table.
    """
    taken = sa.select(key)
    for _ in range(ROUNDS):
        twice = connection.execute(
            sa.select(renewed.c.new).group_by(renewed.c.new).having(sa.func.count() > 1)
        ).scalars()
        met = sa.or_(renewed.c.new.in_(taken), renewed.c.new.in_(list(twice)))
        if not connection.execute(sa.update(renewed).where(met).values(new=expression)).rowcount:
            return
    raise StoreRefuses(dataset, f"random keys for {key.name} keep meeting others", "Give the key a wider type")


def _point(connection: sa.Connection, renewed: sa.Table, own: Pointer, pointers: Sequence[Pointer]) -> None:
    """Give the rows their new keys, and everything that points at them.

    PostgreSQL checks references at the end of a statement: so all are one. SQLite waits for the end of the transaction
    when asked to. MariaDB checks row by row: there the foreign key has to follow by itself (ON UPDATE CASCADE).
    """
    if connection.dialect.name == "postgresql":
        first, *others = [_update(renewed, each) for each in (own, *pointers)]
        connection.execute(first.add_cte(*(each.cte(f"p{n}") for n, each in enumerate(others))))
        return
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
    for each in (own, *pointers):
        connection.execute(_update(renewed, each))


def _update(renewed: sa.Table, pointer: Pointer) -> sa.Update:
    column = pointer.table.c[pointer.column]
    new = sa.select(renewed.c.new).where(renewed.c.old == column).scalar_subquery()
    return sa.update(pointer.table).where(column.in_(sa.select(renewed.c.old))).values({pointer.column: new})


def _follow(connection: sa.Connection, renewed: sa.Table, keys: sa.Table, column: str) -> None:
    connection.execute(_update(renewed, Pointer(keys, column)))
