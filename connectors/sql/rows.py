"""The record side of a SQL store: streaming scans, and acts on rows as they were seen.

A key is the JSON array of the key columns. A version is PostgreSQL's `xmin`, elsewhere a digest of the row.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from connectors.base import Outcome, Ref, Result, Source, Transform
from connectors.errors import StoreRefuses
from connectors.sql.functions import record_key, version
from connectors.sql.journal import Chunk, Counts, Journal


def scan(
    connection: sa.Connection, table: sa.Table, key: Sequence[str], where: Any, columns: Sequence[str], batch: int
) -> Iterator[pa.RecordBatch]:
    """Stream `key`, `version` and the columns, each as the text that the store gives for it.

    Text, because a date that is none, or infinite, must not end a scan.
    """
    selected = [
        record_key(table.c[name] for name in key).label("key"),
        version(table, connection.dialect).label("version"),
        *(sa.cast(table.c[name], sa.Text).label(name) for name in columns),
    ]
    schema = pa.schema([(each.name, pa.string()) for each in selected])
    streamed = connection.execution_options(stream_results=True, yield_per=batch)
    with streamed.execute(sa.select(*selected).where(where)) as rows:
        for part in rows.mappings().partitions(batch):
            yield pa.RecordBatch.from_pylist([dict(row) for row in part], schema)


def count_keys(connection: sa.Connection, table: sa.Table, key: Sequence[str], refs: Sequence[Ref]) -> int:
    """How many of the rows are there, whatever their version."""
    return sum(len(_versions(connection, table, key, part)) for part in _parts(refs))


def delete(
    connection: sa.Connection, journal: Journal, source: Source, table: sa.Table, key: Sequence[str],
    refs: Sequence[Ref], operation: str,
) -> list[Result]:  # fmt: skip
    """Delete the rows whose version is still the one that was seen, all in one transaction."""
    with connection.begin():
        standing = _lock(connection, table, key, refs)
        chosen = [ref for ref in refs if standing[ref] is Outcome.DONE]
        for part in _parts(chosen):
            connection.execute(sa.delete(table).where(_is(table, key, part, connection.dialect)))
        _journal(connection, journal, source, operation, standing)
    return [Result(ref, standing[ref]) for ref in refs]


def rewrite(
    connection: sa.Connection, journal: Journal, source: Source, table: sa.Table, key: Sequence[str],
    refs: Sequence[Ref], transform: Transform, operation: str,
) -> list[Result]:  # fmt: skip
    """Replace columns of the rows whose version is still the one that was seen, all in one transaction.

    The transform is given the row as a JSON object (texts, numbers, booleans, null) and gives one back; only what it
    changed is written.
    """
    with connection.begin():
        standing = _lock(connection, table, key, refs)
        free = [ref for ref in refs if standing[ref] is Outcome.DONE]
        written = [ref for ref in free if _replace(connection, source, table, key, ref, transform)]
        fresh: dict[str, str] = {}
        for part in _parts(written):
            fresh |= _versions(connection, table, key, part)
        if written:
            # The version that this operation gave, by which `resolve` knows its own work.
            journal.mark_versions(connection, source.name, operation, {r.key: fresh[r.key] for r in written})
        _journal(connection, journal, source, operation, standing)
    return [Result(ref, standing[ref], version=fresh.get(ref.key)) for ref in refs]


def resolve(
    connection: sa.Connection, journal: Journal, source: Source, table: sa.Table, key: Sequence[str],
    refs: Sequence[Ref], operation: str,
) -> list[Result]:  # fmt: skip
    """What an operation whose answer was lost did. It was one transaction: all of it happened, or nothing."""
    happened = False
    marks: Mapping[str, str] = {}
    if journal.exists(connection):
        happened = journal.journalled(connection, operation, source.name, 0) is not None
        marks = journal.marked_versions(connection, source.name, operation)
    found: dict[str, str] = {}
    for part in _parts(refs):
        found |= _versions(connection, table, key, part)
    results = []
    for ref in refs:
        now = found.get(ref.key)
        ours = now is not None and marks.get(ref.key) == now
        if now is None:
            results.append(Result(ref, Outcome.DONE if happened else Outcome.ALREADY_GONE))
        elif ours:
            results.append(Result(ref, Outcome.DONE, version=now))
        else:
            results.append(Result(ref, Outcome.PENDING if now == ref.version else Outcome.CONFLICT))
    return results


def _journal(
    connection: sa.Connection, journal: Journal, source: Source, operation: str, standing: Mapping[Ref, Outcome]
) -> None:
    outcomes = list(standing.values())
    counts = Counts(outcomes.count(Outcome.DONE), outcomes.count(Outcome.CONFLICT), outcomes.count(Outcome.PENDING))
    if counts.done and journal.journalled(connection, operation, source.name, 0) is None:
        journal.record(connection, Chunk(operation, source.name, source.name, 0), counts)


def _lock(connection: sa.Connection, table: sa.Table, key: Sequence[str], refs: Sequence[Ref]) -> dict[Ref, Outcome]:
    """Lock the rows, and say of each whether it can be acted on: DONE stands for "yes"."""
    locked: dict[str, str] = {}
    there: dict[str, str] = {}
    for part in _parts(refs):
        locked |= _versions(connection, table, key, part, lock=True)
        there |= _versions(connection, table, key, part)
    standing = {}
    for ref in refs:
        if ref.key in locked:
            standing[ref] = Outcome.DONE if locked[ref.key] == ref.version else Outcome.CONFLICT
        else:
            standing[ref] = Outcome.PENDING if ref.key in there else Outcome.ALREADY_GONE
    return standing


def _replace(
    connection: sa.Connection, source: Source, table: sa.Table, key: Sequence[str], ref: Ref, transform: Transform
) -> bool:
    dialect = connection.dialect
    found = connection.execute(
        sa.select(*(_readable(column, dialect).label(column.name) for column in table.c)).where(
            _is(table, key, [ref], dialect)
        )
    )
    row = dict(found.mappings().one())
    before = json.dumps(row, default=str, ensure_ascii=False)
    after = transform(ref, before.encode())
    if after is None:
        return False
    old, new = json.loads(before), json.loads(after)
    changed = {name: value for name, value in new.items() if name in old and value != old[name]}
    if set(changed) & set(key) or set(new) - set(old):
        raise StoreRefuses(source.name, "a rewrite would change the key or add a column", "Change other columns only")
    if changed:
        values = {name: _typed(table.c[name], value, dialect) for name, value in changed.items()}
        connection.execute(sa.update(table).where(_is(table, key, [ref], dialect)).values(values))
    return bool(changed)


def _versions(
    connection: sa.Connection, table: sa.Table, key: Sequence[str], refs: Sequence[Ref], *, lock: bool = False
) -> dict[str, str]:
    place = record_key(table.c[name] for name in key)
    statement = sa.select(place, version(table, connection.dialect)).where(_is(table, key, refs, connection.dialect))
    if lock and connection.dialect.name != "sqlite":
        statement = statement.with_for_update(skip_locked=True)
    return {str(found): str(seen) for found, seen in connection.execute(statement)}


def _is(table: sa.Table, key: Sequence[str], refs: Sequence[Ref], dialect: sa.Dialect) -> sa.ColumnElement[bool]:
    """Whether a row is one of these records."""
    columns = [table.c[name] for name in key]
    rows = [[_typed(c, v, dialect) for c, v in zip(columns, json.loads(ref.key), strict=True)] for ref in refs]
    if len(columns) == 1:
        return columns[0].in_([row[0] for row in rows])
    each = (sa.and_(*(column == value for column, value in zip(columns, row, strict=True))) for row in rows)
    return sa.or_(sa.false(), *each)


def _typed(column: sa.Column[Any], value: Any, dialect: sa.Dialect) -> Any:
    """A JSON value as the column's type: the store itself reads texts of dates, identifiers and the like."""
    if value is None:
        return sa.null()
    if isinstance(value, bool):
        return sa.literal(value, sa.Boolean)
    if isinstance(value, int):
        return sa.literal(value, sa.BigInteger)
    text = sa.literal(str(value), sa.String)
    # SQLite keeps what it is given, and would cast the text of a date to a number.
    plain = isinstance(column.type, (sa.String, sa.types.NullType)) or dialect.name == "sqlite"
    return text if plain else sa.cast(text, column.type)


def _readable(column: sa.Column[Any], dialect: sa.Dialect) -> sa.ColumnElement[Any]:
    """A column as JSON can hold it: numbers, booleans and texts as they are, everything else as text."""
    if isinstance(column.type, (sa.Integer, sa.Boolean, sa.String)) or dialect.name == "sqlite":
        return sa.type_coerce(column, sa.types.NullType())
    return sa.cast(column, sa.Text)


def _parts(refs: Sequence[Ref], size: int = 500) -> Iterator[Sequence[Ref]]:
    for at in range(0, len(refs), size):
        yield refs[at : at + size]
