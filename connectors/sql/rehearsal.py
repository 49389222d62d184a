"""A rehearsal: what acting on a few rows would do, tried in a transaction that is taken back.

It tells what no reading of a catalog tells for certain: whether a constraint (NOT NULL, UNIQUE, CHECK, an enumeration,
a type's length, a generated column) refuses the new values, and whether something in the store (a trigger, mostly)
writes what was there into another table, where it would survive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from connectors.errors import StoreDown, StoreReadOnly, StoreRefuses
from connectors.sql.catalog import OWN_PREFIX, OWN_SCHEMA, location
from connectors.sql.engines import speaking_for, translate
from connectors.sql.triggers import triggers

ROWS = 5
"""How many rows are tried."""
_SHORTEST = 4
"""Characters of a value below which finding it elsewhere says nothing."""

Values = Callable[[sa.Connection], Mapping[str, Any]]
"""The new value of each column; None instead of a function: the rows are deleted."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """Some rows of a table, by their keys, and what is to be done to them.

    ``columns`` are those whose values must not survive; ``then`` is done once the rows have their new values, and
    writes to the tables ``beside`` on purpose. ``giver`` says what gives a value that is refused, and ``remedy`` what
    helps then.
    """

    store: str
    dataset: str
    table: sa.Table
    key: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]
    columns: tuple[str, ...]
    values: Values | None
    then: Callable[[sa.Connection, list[tuple[Any, ...]]], None] | None = None
    beside: tuple[sa.Table, ...] = ()
    giver: str = "its technique"
    remedy: str = "Give it another technique in the data map, or change the constraint"


def rehearse(connection: sa.Connection, rehearsal: Rehearsal) -> None:
    """Try it, and take it back.

    Raises:
        StoreRefuses: a constraint refuses the new values, or what was there would survive in another table.
        ConnectorError: the store is down or read-only.
    """
    spilled: list[str] = []
    with speaking_for(rehearsal.store):
        try:
            with connection.begin() as attempt:
                mine = replace(rehearsal, rows=_free(connection, rehearsal))
                spilled = _spilled(connection, mine) if mine.rows else []
                attempt.rollback()
        except sa.exc.DBAPIError as error:
            _refused(connection, mine, error)
    if spilled:
        raise StoreRefuses(
            rehearsal.store,
            f"acting on {rehearsal.dataset} writes what was there into {', '.join(spilled)}, where it would stay",
            f"Have the triggers of {rehearsal.table.name} leave these columns out, or switch them off for our role",
        )


def _free(connection: sa.Connection, rehearsal: Rehearsal) -> list[tuple[Any, ...]]:
    """Those of the rows that nobody else is writing to, locked."""
    if not rehearsal.rows or connection.dialect.name == "sqlite":
        return list(rehearsal.rows)
    names = [rehearsal.table.c[name] for name in rehearsal.key]
    query = sa.select(*names).where(_mine(rehearsal)).with_for_update(skip_locked=True)
    return [tuple(row) for row in connection.execute(query)]


def _mine(rehearsal: Rehearsal) -> sa.ColumnElement[bool]:
    names = [rehearsal.table.c[name] for name in rehearsal.key]
    return sa.or_(
        *(sa.and_(*(name == value for name, value in zip(names, row, strict=True))) for row in rehearsal.rows)
    )


def _spilled(connection: sa.Connection, rehearsal: Rehearsal) -> list[str]:
    """Act, and look for old values in every table that has been written to beside."""
    old = _old(connection, rehearsal)
    places = _watched(connection, rehearsal.table)
    before = {place: _holding(connection, table, old) for place, table in places.items()} if places else {}
    counted = _written(connection)
    _act(connection, rehearsal)
    if connection.dialect.name == "postgresql":
        meant = (rehearsal.table, *rehearsal.beside)
        own = {part for table in meant for part in (location(table.schema, table.name), *_parts(connection, table))}
        changed = [place for place, count in _written(connection).items() if count > counted.get(place, 0)]
        places = {place: _table(connection, place) for place in changed if place not in own}
    return [place for place, table in sorted(places.items()) if _holding(connection, table, old) > before.get(place, 0)]


def _act(connection: sa.Connection, rehearsal: Rehearsal) -> None:
    table, mine = rehearsal.table, _mine(rehearsal)
    if rehearsal.values is None:
        connection.execute(sa.delete(table).where(mine))
        return
    given = dict(rehearsal.values(connection))
    if given:
        connection.execute(sa.update(table).where(mine).values(given))
    if rehearsal.then is not None:
        rehearsal.then(connection, list(rehearsal.rows))


def _old(connection: sa.Connection, rehearsal: Rehearsal) -> frozenset[str]:
    """What is there, in this process's memory alone."""
    dialect = connection.dialect.name
    texts = [_text(rehearsal.table.c[name], dialect) for name in rehearsal.columns if name in rehearsal.table.c]
    if not texts:
        return frozenset()
    found = connection.execute(sa.select(*texts).where(_mine(rehearsal)))
    return frozenset(text for row in found for text in row if text and len(text) >= _SHORTEST)


def _text(column: sa.ColumnElement[Any], dialect: str) -> sa.ColumnElement[Any]:
    """A value as text; of bytes in SQLite the digits, since what is no text could not be read as one."""
    bytes_ = dialect == "sqlite" and isinstance(column.type, sa.LargeBinary)
    return sa.func.hex(column) if bytes_ else sa.cast(column, sa.Text)


def _refused(connection: sa.Connection, rehearsal: Rehearsal, error: sa.exc.DBAPIError) -> None:
    """Say which columns cannot have their values. Rows that cannot be deleted *yet* say nothing: children go first."""
    known = translate(rehearsal.store, error)
    if isinstance(known, (StoreDown, StoreReadOnly)):
        raise known from None
    if rehearsal.values is None:
        return
    with connection.begin() as attempt:
        written = list(rehearsal.values(connection))
        attempt.rollback()
    names = [name for name in dict.fromkeys((*rehearsal.columns, *written)) if not _fits(connection, rehearsal, name)]
    raise StoreRefuses(
        rehearsal.store,
        f"{rehearsal.dataset}: {', '.join(names) or 'the row'} cannot have the values that {rehearsal.giver} gives "
        f"({_reason(known.what)})",
        rehearsal.remedy,
    ) from None


def _fits(connection: sa.Connection, rehearsal: Rehearsal, name: str) -> bool:
    values = rehearsal.values
    assert values is not None  # noqa: S101 - only new values are refused column by column
    with connection.begin() as attempt:
        try:
            given = values(connection)
            if name not in given and rehearsal.then is not None:
                _act(connection, replace(rehearsal, values=lambda _: {}))
            elif name in given:
                _act(connection, replace(rehearsal, values=lambda _: {name: given[name]}, then=None))
        except sa.exc.DBAPIError:
            return False
        finally:
            attempt.rollback()
    return True


def _reason(what: str) -> str:
    return what.removeprefix("a statement failed ").strip("()")


# -- where else something was written


def _written(connection: sa.Connection) -> dict[str, int]:
    """How many rows this transaction has written by now, by table; PostgreSQL counts them."""
    if connection.dialect.name != "postgresql":
        return {}
    rows = connection.exec_driver_sql(
        "SELECT schemaname || '.' || relname, n_tup_ins + n_tup_upd FROM pg_stat_xact_user_tables "
        "WHERE n_tup_ins + n_tup_upd > 0 AND schemaname <> %s AND schemaname NOT LIKE 'pg\\_%%'",
        (OWN_SCHEMA,),
    )
    return {place: int(count) for place, count in rows}


def _parts(connection: sa.Connection, table: sa.Table) -> Iterator[str]:
    """The partitions of a table, which are written to in its stead."""
    name = connection.dialect.identifier_preparer.format_table(table)
    yield from connection.execute(
        sa.text(
            "SELECT n.nspname || '.' || c.relname FROM pg_partition_tree(CAST(:name AS regclass)) p "
            "JOIN pg_class c ON c.oid = p.relid JOIN pg_namespace n ON n.oid = c.relnamespace"
        ),
        {"name": name},
    ).scalars()


def _watched(connection: sa.Connection, table: sa.Table) -> dict[str, sa.Table]:
    """The tables that the triggers of a table name as written to; PostgreSQL tells afterwards which were."""
    if connection.dialect.name == "postgresql":
        return {}
    mine = (each for each in triggers(connection) if each.table.lower() == table.name.lower())
    named = {name for each in mine for name in each.writes}
    known = set(sa.inspect(connection).get_table_names())
    return {
        name: _table(connection, name)
        for name in named & known
        if name.lower() != table.name.lower() and not name.startswith(OWN_PREFIX)
    }


def _table(connection: sa.Connection, place: str) -> sa.Table:
    schema, _, name = place.rpartition(".")
    return sa.Table(name, sa.MetaData(), schema=schema or None, autoload_with=connection, resolve_fks=False)


def _holding(connection: sa.Connection, table: sa.Table, old: frozenset[str]) -> int:
    """How many rows hold any of the values; in PostgreSQL, of those that this transaction has written."""
    if not old:
        return 0
    texts = [_text(column, connection.dialect.name) for column in table.c]
    found = sa.or_(*(text.contains(value, autoescape=True) for text in texts for value in sorted(old)))
    query = sa.select(sa.func.count()).select_from(table).where(found)
    if connection.dialect.name == "postgresql":
        version: sa.ColumnClause[Any] = sa.column("xmin")
        version.table = table
        mine = sa.func.age(sa.literal_column("CAST(pg_current_xact_id() AS xid)"))
        query = query.where(sa.func.age(version) <= mine)
    return int(connection.execute(query).scalar_one())
