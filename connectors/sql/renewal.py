"""Keys that people know, renewed: every row of a chunk gets a random key, and whatever points at it follows.

All in the chunk's transaction: the rows, the rows that reference them, the marks and what is remembered of them. Which
key became which is known to a temporary table alone, which is gone before the transaction ends. New keys are drawn in
no order, apart from every key that is there; numbers are negative, where no sequence will ever go.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from connectors.errors import StoreRefuses
from connectors.sql.functions import record_key
from connectors.sql.marks import ORDER
from connectors.sql.naming import LONGEST_NAME
from connectors.sql.queries import ask, queries
from connectors.sql.residue import maintained
from connectors.sql.temporary import analyse

if TYPE_CHECKING:
    from connectors.sql.act import After
    from connectors.sql.connector import SqlConnector
    from connectors.sql.freezing import Frozen
    from connectors.sql.journal import Chunk, Journal

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
            sa.Column("was", sa.String(LONGEST_NAME), unique=True),
            sa.Column("becomes", sa.String(LONGEST_NAME)),
            prefixes=["TEMPORARY"],
        )  # fmt: skip
        connection.execute(sa.schema.DropTable(renewed, if_exists=True))
        renewed.create(connection)
        expression = drawn(connection)
        connection.execute(renewed.insert().from_select(["old", "new"], sa.select(frozen.keys.c[column], expression)))
        _keep_apart(connection, renewed, table.c[column], expression, chunk.dataset)
        records = {"was": record_key([renewed.c.old]), "becomes": record_key([renewed.c.new])}
        connection.execute(sa.update(renewed).values(records))
        analyse(connection, renewed)
        _point(connection, renewed, Pointer(table, column), pointers)
        _follow(connection, renewed, frozen.keys, column)
        frozen.renewed()
        journal.marks.index(connection, chunk.dataset)  # of which each chunk looks for its own
        for own, of_dataset in journal.kept_of(connection, chunk.dataset):
            new = sa.select(renewed.c.becomes).where(renewed.c.was == own.c.record).scalar_subquery()
            mine = own.c.record.in_(sa.select(renewed.c.was))
            connection.execute(sa.update(own).where(of_dataset, mine).values(record=new))
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
    order of their old keys. Nothing else about the tables changes.
    """
    for table in tables:
        if connection.dialect.name == "postgresql":
            _cluster(connection, table)
        elif connection.dialect.name == "sqlite":
            _shuffle(connection, table)


def _cluster(connection: sa.Connection, table: sa.Table) -> None:
    quoted = connection.dialect.identifier_preparer
    name, constraint = quoted.format_table(table), sa.inspect(connection).get_pk_constraint(table.name, table.schema)
    index = table.info.get(ORDER) or constraint["name"]
    if index is None:
        return
    before = ask(connection, queries("residue.sql", "clustered")["owned"], name=name).all()
    connection.exec_driver_sql(f"CLUSTER {name} USING {quoted.quote(index)}")
    for row in before:  # the server would take it for the order that the owner wishes from now on
        part, own = tuple(row)
        wished = "SET WITHOUT CLUSTER" if own is None else f"CLUSTER ON {own}"
        connection.exec_driver_sql(f"ALTER TABLE {part} {wished}")


def _shuffle(connection: sa.Connection, table: sa.Table) -> None:
    """Draw new numbers for SQLite's rows; triggers on updates have no part in that."""
    named = {"name": table.name}
    made_by = sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND lower(name) = lower(:name)")
    text = connection.execute(made_by, named).scalar_one()
    keys = connection.execute(sa.text("SELECT upper(type) FROM pragma_table_info(:name) WHERE pk > 0"), named)
    # Of all the names of the type, that one alone lets the key be the number of its row.
    if keys.scalars().all() == ["INTEGER"] or re.search(r"\bWITHOUT\s+ROWID\b[^)]*$", text, re.IGNORECASE):
        return  # the key is where its row lies
    quoted = connection.dialect.identifier_preparer
    watching = connection.execute(
        sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND lower(tbl_name) = lower(:name)"),
        named,
    ).all()
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    try:
        for name, _ in watching:
            connection.exec_driver_sql(f"DROP TRIGGER {quoted.quote(name)}")
        connection.exec_driver_sql(f"UPDATE {quoted.format_table(table)} SET _rowid_ = random()")  # noqa: S608 - a quoted name
        for _, made in watching:
            connection.exec_driver_sql(made)
    except BaseException:
        connection.exec_driver_sql("ROLLBACK")
        raise
    connection.exec_driver_sql("COMMIT")


def refused_order(connector: SqlConnector, table: sa.Table) -> str:
    """Why the writing role could not lay the rows of a table anew; empty where it can, or where an engine does so."""
    if connector.dialect.name != "postgresql":
        return ""
    with connector.writing() as connection, connection.begin():
        allowed, _ = maintained(connection, connection.dialect.identifier_preparer.format_table(table))
    return "" if allowed else "the role may not lay its rows in the order of new keys"


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
