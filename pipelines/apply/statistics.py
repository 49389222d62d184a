"""Registered aggregates: what rows contribute before they go or change, and a store's measures before and after a run.

A measure is what the rows that live say, plus what rows said that are gone and what others said before they were
overwritten: it is the same before, during and after a run. Totals are exact decimals, as text.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from connectors.sql.act import After, Before, Frozen
from connectors.sql.functions import record_key
from connectors.sql.journal import Chunk, Journal
from pipelines.data_map.model import Bucket, Statistic

Cells = dict[str, tuple[int, str]]
"""By cell (the JSON array of the grouping values): how many rows, and the sum as text, empty where none is summed."""

Expression = sa.ColumnElement[Any]


def contribution(journal: Journal, table: sa.Table, statistics: Iterable[Statistic]) -> Before:
    """What a chunk does before its rows go or change, in its own transaction: keep what they contribute."""

    def contribute(connection: sa.Connection, chunk: Chunk, frozen: Frozen) -> None:
        for statistic in statistics:
            measured = _measured(table, statistic, connection.dialect.name)
            journal.contribute(connection, chunk, statistic.name, table, frozen.within(), *measured)

    return contribute


def taking_back(journal: Journal, table: sa.Table, statistics: Iterable[Statistic]) -> After:
    """What a chunk does once its rows have their new values: of their contribution, leave what they say no longer."""

    def take_back(connection: sa.Connection, chunk: Chunk, frozen: Frozen) -> None:
        for statistic in statistics:
            measured = _measured(table, statistic, connection.dialect.name)
            journal.take_back(connection, chunk, statistic.name, table, frozen.within(), *measured)

    return take_back


def touched(statistics: Iterable[Statistic], columns: Collection[str]) -> tuple[Statistic, ...]:
    """Those that writing to these columns may change."""
    return tuple(each for each in statistics if not each.columns.isdisjoint(columns))


def _measured(table: sa.Table, statistic: Statistic, dialect: str) -> tuple[list[Expression], Expression | None]:
    """The grouping, and what is summed."""
    return _grouping(table, statistic, dialect), None if statistic.sum is None else table.c[statistic.sum]


def measure(
    connection: sa.Connection,
    journal: Journal,
    dataset: str,
    rows: tuple[sa.Table, Expression],
    statistic: Statistic,
) -> Cells:
    """One aggregate over the living ``rows`` (a table and a condition) and the contributions of the deleted ones."""
    return added(living(connection, rows, statistic), contributed(connection, journal, dataset, statistic))


def living(connection: sa.Connection, rows: tuple[sa.Table, Expression], statistic: Statistic) -> Cells:
    """One aggregate over the living ``rows`` (a table and a condition)."""
    table, where = rows
    grouping = _grouping(table, statistic, connection.dialect.name)
    total = sa.null() if statistic.sum is None else sa.func.sum(table.c[statistic.sum])
    cell = record_key(grouping) if grouping else sa.literal("[]", sa.String)
    query = sa.select(cell, sa.func.count(), total).select_from(table).where(where)
    found = connection.execute(query.group_by(*grouping) if grouping else query)
    return {place: (n, _plain(amount, statistic)) for place, n, amount in found if n}


def contributed(connection: sa.Connection, journal: Journal, dataset: str, statistic: Statistic) -> Cells:
    """What rows have contributed to an aggregate that are gone or say something else now."""
    gone = journal.contributed(connection, dataset, statistic.name) if journal.exists(connection) else {}
    return {place: (n, _plain(amount, statistic)) for place, (n, amount) in gone.items()}


def added(*parts: Cells) -> Cells:
    """The cells of several parts together, exactly."""
    count: dict[str, int] = defaultdict(int)
    sums: dict[str, Decimal | None] = {}
    for part in parts:
        for place, (n, total) in part.items():
            count[place] += n
            sums[place] = Decimal(total) + (sums.get(place) or 0) if total else sums.get(place)
    return {place: (n, _text(sums[place])) for place, n in sorted(count.items())}


def _plain(amount: object, statistic: Statistic) -> str:
    return "" if statistic.sum is None else _text(Decimal(str(amount or 0)))


def _text(amount: Decimal | None) -> str:
    return "" if amount is None else format(amount.normalize(), "f")


def write_measures(path: Path, measures: Mapping[str, Mapping[str, Cells]]) -> None:
    """Keep measures by dataset and statistic; replaces what was there, whole or not at all."""
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(measures, sort_keys=True), encoding="utf-8")
    draft.chmod(0o600)
    draft.replace(path)


def read_measures(path: Path) -> dict[str, dict[str, Cells]]:
    """What `write_measures` has written; empty when nothing was."""
    if not path.exists():
        return {}
    document = json.loads(path.read_text(encoding="utf-8"))
    return {
        dataset: {name: {cell: (n, total) for cell, (n, total) in cells.items()} for name, cells in found.items()}
        for dataset, found in document.items()
    }


def _grouping(table: sa.Table, statistic: Statistic, dialect: str) -> list[Expression]:
    return [_bucket(table.c[bucket.column], bucket, dialect) for bucket in statistic.by]


def _bucket(column: Expression, bucket: Bucket, dialect: str) -> Expression:
    """The value itself, or the calendar month or year (in UTC) of a date, an instant or an ISO text."""
    if bucket.by == "value":
        return column
    length = {"month": 7, "year": 4}[bucket.by]
    if dialect == "sqlite" or isinstance(column.type, sa.String):
        return sa.func.substr(sa.cast(column, sa.Text), 1, sa.literal_column(str(length)))
    if dialect == "postgresql":
        return sa.func.to_char(column, sa.literal_column("'YYYY-MM'" if length == 7 else "'YYYY'"))  # noqa: PLR2004
    return sa.func.date_format(column, sa.literal_column("'%Y-%m'" if length == 7 else "'%Y'"))  # noqa: PLR2004
