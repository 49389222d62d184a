"""Evidence on its way: reduced in a store and streamed into DuckDB; laid out by DuckDB and loaded into a store.

What travels are digests, flags and days, in batches. DuckDB takes whole columns and gives ready texts, and each store
gets its rows by the fastest way it has.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import sqlalchemy as sa

from pipelines.plan.carried import Carried, any_of
from pipelines.plan.compile import EventColumns

if TYPE_CHECKING:
    import duckdb

BATCH = 10_000
"""Subjects per batch on the way between a store and the evidence."""

Columns = Mapping[tuple[str, str], EventColumns]
"""By horizon and event, how the columns of a relation with one row per digest are named."""


def reduction(carried: Carried) -> sa.Select[Any]:
    """One row per subject, by its digests of all kinds, with all supplied events of all horizons beside each other."""
    relation = carried.relation
    digests = [relation.c[label] for label in carried.links]
    columns: list[sa.ColumnElement[Any]] = [*digests]
    for names in carried.supplied.values():
        columns += [
            any_of(relation.c[names.open]).label(names.open),
            any_of(relation.c[names.missing]).label(names.missing),
            sa.func.min(relation.c[names.first]).label(names.first),
            sa.func.max(relation.c[names.last]).label(names.last),
        ]
    unread = relation.c.unread if "unread" in relation.c else sa.false()  # what is in an archive was read when it came
    columns.append(sa.func.sum(sa.case((unread, 1), else_=0)))
    linked = sa.or_(unread, *(digest.is_not(None) for digest in digests))
    return sa.select(*columns).where(relation.c.inside, linked, tells(carried)).group_by(*digests)


def tells(carried: Carried) -> sa.ColumnElement[bool]:
    """Whether a record tells anything of a supplied event at any horizon."""
    found = carried.relation.c
    told: list[sa.ColumnElement[Any]] = []
    for names in carried.supplied.values():
        told += [found[names.open], found[names.missing], found[names.last].is_not(None)]
    return sa.or_(*told)


def receive(connection: duckdb.DuckDBPyConnection, rows: Sequence[Sequence[Any]], carried: Carried) -> int:
    """Add rows of a `reduction` to the table `evidence`: one for each digest and event of which something is known.

    Returns how many records tell of somebody whose address cannot be read.
    """
    columns = list(zip(*rows, strict=True))
    labels, values = list(carried.links), columns[len(carried.links) :]
    arrays = {label: pa.array(digests, pa.string()) for label, digests in zip(labels, columns, strict=False)}
    for place, names in enumerate(carried.supplied.values()):
        is_open, missing, first, last = values[4 * place : 4 * place + 4]
        arrays[names.open], arrays[names.missing] = _flags(is_open), _flags(missing)
        arrays[names.first], arrays[names.last] = _days(first), _days(last)
    connection.register("batch", pa.table(arrays))
    for label, key in carried.links.items():
        for (horizon, event), names in carried.supplied.items():
            connection.execute(
                f"INSERT INTO evidence SELECT ?, ?, ?, {label}, {names.open}, {names.missing}, {names.first}, "  # noqa: S608 - our own names
                f"{names.last} FROM batch WHERE {label} IS NOT NULL "
                f"AND ({names.open} OR {names.missing} OR {names.last} IS NOT NULL)",
                [horizon, event, key.name],
            )
    connection.unregister("batch")
    return int(sum(columns[-1]))


def _flags(values: Sequence[Any]) -> pa.Array:
    return pa.array([bool(each) for each in values], pa.bool_())


def _days(values: Sequence[Any]) -> pa.Array:
    """Days, which SQLite gives as ISO texts."""
    return pa.array([as_day(each) for each in values], pa.date32())


def as_day(value: Any) -> dt.date | None:
    """A day as a store gives it."""
    return dt.date.fromisoformat(value) if isinstance(value, str) else value


def evidence_table(name: str, columns: Columns, *, keyed: bool) -> sa.Table:
    """A temporary table for `load`, not yet created; ``keyed``: with its digest as the primary key."""
    return sa.Table(
        f"ardoise_evidence_{name}",
        sa.MetaData(),
        sa.Column("digest", sa.String(64), primary_key=keyed),
        *(
            column
            for names in columns.values()
            for column in (
                sa.Column(names.open, sa.Boolean, nullable=False),
                sa.Column(names.missing, sa.Boolean, nullable=False),
                sa.Column(names.first, sa.Date),
                sa.Column(names.last, sa.Date),
            )
        ),
        prefixes=["TEMPORARY"],
    )


def load(source: duckdb.DuckDBPyConnection, query: str, connection: sa.Connection, table: sa.Table) -> None:
    """Fill a table of a store with what a DuckDB query gives, its columns named alike: ISO days, flags as 0 and 1."""
    texts = [_text(column) for column in table.c]
    place = connection.dialect.identifier_preparer.format_table(table)  # a kind of key has the name that people gave it
    if connection.dialect.name == "postgresql":
        # Lines of COPY's text format, made by DuckDB: digests, flags and days need no escapes.
        line = ", ".join(f"coalesce({each}, '\\N')" for each in texts)
        lines = source.sql(f"SELECT concat_ws(chr(9), {line}) || chr(10) FROM ({query})")  # noqa: S608 - our own names
        driver: Any = connection.connection.driver_connection
        with (
            driver.cursor() as cursor,
            cursor.copy(f"COPY {place} ({', '.join(table.c.keys())}) FROM STDIN") as copy,
        ):
            for batch in lines.to_arrow_reader(10 * BATCH):
                copy.write(_texts_of(batch.column(0)))
    else:
        # In the columns' order, by the driver's own mark for a value: MariaDB's sends many rows in one statement.
        mark = "?" if connection.dialect.name == "sqlite" else "%s"
        names, marks = ", ".join(table.c.keys()), ", ".join(mark for _ in texts)
        insert = f"INSERT INTO {place} ({names}) VALUES ({marks})"  # noqa: S608 - our own names
        found = source.execute(f"SELECT {', '.join(texts)} FROM ({query})")  # noqa: S608 - our own names
        while rows := found.fetchmany(BATCH):
            connection.exec_driver_sql(insert, rows)


def _texts_of(lines: pa.StringArray) -> memoryview:
    """The texts of an array one after the other, as they lie in its memory."""
    _, places, texts = lines.buffers()
    bounds = memoryview(places).cast("i")
    return memoryview(texts)[bounds[lines.offset] : bounds[lines.offset + len(lines)]]


def _text(column: sa.Column[Any]) -> str:
    flag = isinstance(column.type, sa.Boolean)
    return f"CAST(CAST({column.name} AS INTEGER) AS VARCHAR)" if flag else f"CAST({column.name} AS VARCHAR)"
