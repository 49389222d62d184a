"""Temporary tables: emptying and measuring them, and making and dropping them as MariaDB needs it.

In MariaDB, dropping one without the word TEMPORARY commits the transaction around it, and so does an index that is made
later; one whose texts are not declared takes the database's character set, in which a name may not fit and compares as
its neighbours do. Without an index it reads all of it for every row of the table that is updated, deleted from, or
asked whether it is not there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

EXACT = "CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"
"""Texts that are equal only if they are the same, to the byte."""


BYTES = (sa.LargeBinary, sa.BINARY, sa.VARBINARY, mysql.TINYBLOB, mysql.MEDIUMBLOB, mysql.LONGBLOB)
"""Types of columns that hold bytes, and no text."""

_LOOKED_UP = "ardoise_looked_up"
_WITH_ITS_TABLE = {"mysql", "mariadb"}
"""Engines in which an index is made with its table."""
_KEY_BYTES, _CHARACTER_BYTES = 3000, 4
"""Of a key that MariaDB has an index of, or a few less; and of a character."""


def looked_up(table: sa.Table, names: Sequence[str]) -> sa.Table:
    """Say by which columns rows of a temporary table, not yet created, will be looked for; see `index`."""
    table.info[_LOOKED_UP] = tuple(names)
    return table


def index(connection: sa.Connection, table: sa.Table) -> None:
    """Let rows of a filled temporary table be found by the columns that were said; in MariaDB they are already."""
    names = table.info[_LOOKED_UP]
    if names and connection.dialect.name not in _WITH_ITS_TABLE:
        sa.Index(f"{table.name}_key", *(table.c[name] for name in names)).create(connection)


def is_temporary(table: sa.Table) -> bool:
    """Whether a table was declared as a temporary one."""
    return "TEMPORARY" in table._prefixes  # noqa: SLF001 - nothing public says it


def seen_by_all(
    connection: sa.Connection, temporary: sa.Table, schema: str | None, more: Sequence[sa.Column[Any]] = ()
) -> sa.Table:
    """A table like a temporary one that all processes of a connection can read, where there are several.

    In PostgreSQL they read no temporary table. This one, which no log has, is of the transaction that makes and drops
    it: nobody else ever sees it. ``schema``: where it is made. ``more``: its other columns, in PostgreSQL alone.
    """
    if connection.dialect.name != "postgresql":
        return temporary
    number = connection.execute(sa.select(sa.func.pg_backend_pid())).scalar_one()
    columns = [sa.Column(each.name, each.type, nullable=each.nullable) for each in temporary.c]
    columns += more
    return sa.Table(f"{temporary.name}_{number}", sa.MetaData(), *columns, schema=schema, prefixes=["UNLOGGED"])


class _Filled(sa.Executable, sa.ClauseElement):
    """CREATE TABLE AS with the parameters of its query, which PostgreSQL may then read with several processes."""

    inherit_cache = False

    def __init__(self, table: sa.Table, query: sa.Select[Any], storage: str) -> None:
        self.table, self.query, self.storage = table, query, storage


@compiles(_Filled, "postgresql")
def _filled(element: _Filled, compiler: SQLCompiler, **kw: Any) -> str:
    name, kinds = compiler.preparer.format_table(element.table), element.table._prefixes  # noqa: SLF001 - see above
    kind = "".join(f"{each} " for each in kinds)
    storage = f" {element.storage}" if element.storage else ""
    return f"CREATE {kind}TABLE {name}{storage} AS {compiler.process(element.query, **kw)}"


def create_filled(connection: sa.Connection, table: sa.Table, query: sa.Select[Any], storage: str = "") -> int:
    """Make a table of what a query selects, its columns in the same order; without keys. Returns its rows' number.

    ``storage``: what PostgreSQL is to know of its storage, in SQL.
    """
    counted = {"preserve_rowcount": True}
    if connection.dialect.name == "postgresql":
        return connection.execute(_Filled(table, query, storage), execution_options=counted).rowcount
    table.create(connection)
    filling = table.insert().from_select([each.name for each in table.c], query, include_defaults=False)
    return connection.execute(filling, execution_options=counted).rowcount


def empty(connection: sa.Connection, table: sa.Table) -> None:
    """Empty a temporary table in the transaction under way.

    PostgreSQL would read its deleted rows again and again; TRUNCATE leaves none.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"TRUNCATE {connection.dialect.identifier_preparer.format_table(table)}")
    else:
        connection.execute(sa.delete(table))


def analyse(connection: sa.Connection, table: sa.Table) -> None:
    """Let PostgreSQL's planner know what is in a table of ours: nothing else tells it in time. Needs a transaction."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(analysing(f"ANALYZE {connection.dialect.identifier_preparer.format_table(table)}"))


def analysing(statement: str) -> str:
    """An ANALYZE that looks at a tenth of the usual sample: such tables have keys, and no values to be told apart."""
    return f"SET LOCAL default_statistics_target = 10; {statement}; SET LOCAL default_statistics_target TO DEFAULT"


@compiles(sa.schema.CreateTable, "mysql", "mariadb")
def _create(element: sa.schema.CreateTable, compiler: Any, **kw: Any) -> str:
    text: str = compiler.visit_create_table(element, **kw).rstrip()
    table = element.element
    if not is_temporary(table):
        return text
    if names := table.info.get(_LOOKED_UP):
        most = _KEY_BYTES // len(names) // _CHARACTER_BYTES
        columns = [table.c[name] for name in names]
        key = ", ".join(compiler.preparer.format_column(each) + _beginning(each, most) for each in columns)
        text = f"{text.removesuffix(')')}, KEY ({key})\n)"
    return f"{text} {EXACT}"


def _beginning(column: sa.Column[Any], most: int) -> str:
    """How much of a column an index of MariaDB is made of: of long texts, the first characters."""
    kind = column.type
    long = isinstance(kind, (sa.String, sa.JSON, *BYTES)) and not isinstance(kind, sa.Enum | mysql.SET)
    length = getattr(kind, "length", None)
    return f"({most})" if long and (length is None or length > most) else ""


@compiles(sa.schema.DropTable, "mysql", "mariadb")
def _drop(element: sa.schema.DropTable, compiler: Any, **kw: Any) -> str:
    text: str = compiler.visit_drop_table(element, **kw)
    return text.replace("DROP TABLE", "DROP TEMPORARY TABLE", 1) if is_temporary(element.element) else text


@compiles(sa.schema.CreateIndex, "mysql", "mariadb")
def _index(element: sa.schema.CreateIndex, compiler: Any, **kw: Any) -> str:
    table = element.element.table
    if table is not None and is_temporary(table):
        raise sa.exc.CompileError(f"an index of {table.name} would commit: say so when it is made (`looked_up`)")
    text: str = compiler.visit_create_index(element, **kw)
    return text
