"""A rehearsal: what acting on a few rows would do, tried in a transaction that is taken back.

It tells what no reading of a catalog tells for certain: whether a constraint (NOT NULL, UNIQUE, CHECK, an enumeration,
a type's length, a generated column) refuses the new values, and whether something in the store (a trigger, mostly)
writes what was there into another table, where it would survive, or undoes the new values, or changes beside them what
later decisions rely on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from connectors.errors import StoreDown, StoreReadOnly, StoreRefuses
from connectors.sql.catalog import OWN_PREFIX, OWN_SCHEMA, location
from connectors.sql.engines import speaking_for, translate
from connectors.sql.triggers import may_change, parts, triggers, updating

ROWS = 5
"""How many rows are tried."""
_SHORTEST = 4
"""Characters of a value below which finding it elsewhere says nothing."""
_DRAWN_AGAIN = 20
"""How often a row may draw the very value that it had."""
_ALONE = {
    "postgresql": ", at least where our role writes: WHEN (current_user <> '{}')",
    "mariadb": ", at least where our role writes: IF user() NOT LIKE '{}@%' THEN",
}

Row = tuple[Any, ...]
Values = Callable[[sa.Connection], Mapping[str, Any]]
"""The new value of each column; None instead of a function: the rows are deleted."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """Some rows of a table, by their keys, and what is to be done to them.

    ``columns`` are those whose values must not survive; ``then`` is done once the rows have their new values, writes
    to the tables ``beside`` on purpose, and gives the keys that the rows have by then. ``giver`` says what gives a
    value that is refused, and ``remedy`` what helps then. ``valid`` says of the text of a value whether a column can
    hold it afterwards, where it gets no constant; ``drawn`` are the columns whose new values do not depend on the old
    ones. ``relied`` are columns that nothing may change beside what is written, each with what it supplies.
    """

    store: str
    dataset: str
    table: sa.Table
    key: tuple[str, ...]
    rows: Sequence[Row]
    columns: tuple[str, ...]
    values: Values | None
    then: Callable[[sa.Connection, list[Row]], list[Row]] | None = None
    beside: tuple[sa.Table, ...] = ()
    giver: str = "its technique"
    remedy: str = "Give it another technique in the data map, or change the constraint"
    valid: Mapping[str, Callable[[str | None], bool]] = field(default_factory=dict)
    drawn: tuple[str, ...] = ()
    relied: Mapping[str, str] = field(default_factory=dict)


def rehearse(connection: sa.Connection, rehearsal: Rehearsal) -> None:
    """Try it, and take it back.

    Raises:
        StoreRefuses: a constraint refuses the new values, something in the store undoes them or changes what is relied
            on, or what was there would survive in another table.
        ConnectorError: the store is down or read-only.
    """
    mine = rehearsal
    with speaking_for(rehearsal.store):
        try:
            with connection.begin() as attempt:
                mine = replace(rehearsal, rows=_free(connection, rehearsal))
                refusal = _tried(connection, mine) if mine.rows else None
                attempt.rollback()
        except sa.exc.DBAPIError as error:
            _refused(connection, mine, error)
            return
    if refusal is not None:
        raise refusal


def _free(connection: sa.Connection, rehearsal: Rehearsal) -> list[Row]:
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


def _tried(connection: sa.Connection, rehearsal: Rehearsal) -> StoreRefuses | None:
    """Act, and look for old values in every table that has been written to beside, then at the rows themselves."""
    old = _old(connection, rehearsal)
    places = _watched(connection, rehearsal.table)
    holding = {place: _holding(connection, table, old) for place, table in places.items()} if places else {}
    watched = rehearsal.values is not None and may_change(connection, rehearsal.table)
    read = (rehearsal.key[0], *rehearsal.valid, *rehearsal.drawn, *rehearsal.relied)
    before = _texts(connection, rehearsal, read, {}) if watched else {}
    counted = _written(connection)
    given = dict(rehearsal.values(connection)) if rehearsal.values is not None else None
    rows = _act(connection, rehearsal, given)
    if connection.dialect.name == "postgresql":
        meant = (rehearsal.table, *rehearsal.beside)
        own = {part for table in meant for part in (location(table.schema, table.name), *parts(connection, table))}
        changed = [place for place, count in _written(connection).items() if count > counted.get(place, 0)]
        places = {place: _table(connection, place) for place in changed if place not in own}
    spilled = [place for place, at in sorted(places.items()) if _holding(connection, at, old) > holding.get(place, 0)]
    if spilled:
        return StoreRefuses(
            rehearsal.store,
            f"acting on {rehearsal.dataset} writes what was there into {', '.join(spilled)}, where it would stay",
            f"Have the triggers of {rehearsal.table.name} leave these columns out, or switch them off for our role",
        )
    return _by_itself(connection, rehearsal, before, given, rows) if given is not None and watched else None


def _act(connection: sa.Connection, rehearsal: Rehearsal, given: Mapping[str, Any] | None) -> list[Row]:
    """Delete the rows, or write to them; the keys that they have then."""
    if given is None:
        connection.execute(sa.delete(rehearsal.table).where(_mine(rehearsal)))
        return []
    _write(connection, rehearsal, given)
    rows = list(rehearsal.rows)
    return rows if rehearsal.then is None else rehearsal.then(connection, rows)


def _write(connection: sa.Connection, rehearsal: Rehearsal, given: Mapping[str, Any]) -> None:
    if given:
        connection.execute(sa.update(rehearsal.table).where(_mine(rehearsal)).values(dict(given)))


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
                _act(connection, rehearsal, {})
            elif name in given:
                _act(connection, replace(rehearsal, then=None), {name: given[name]})
        except sa.exc.DBAPIError:
            return False
        finally:
            attempt.rollback()
    return True


def _reason(what: str) -> str:
    return what.removeprefix("a statement failed ").strip("()")


# -- what the rows hold then


def _by_itself(
    connection: sa.Connection,
    rehearsal: Rehearsal,
    before: Mapping[str, Sequence[str | None]],
    given: Mapping[str, Any],
    rows: Sequence[Row],
) -> StoreRefuses | None:
    """What the store has made of the rows beside what was written, or instead of it."""
    there = replace(rehearsal, rows=rows)
    constants = {name: value for name, value in given.items() if _constant(value)}
    after = _texts(connection, there, before, constants)
    kept = [name for name in rehearsal.drawn if _same(before[name], after[name]) and set(before[name]) != {None}]
    for _ in range(_DRAWN_AGAIN if kept else 0):
        _write(connection, there, given)
        after = _texts(connection, there, before, constants)
        kept = [name for name in kept if _same(before[name], after[name])]
    undone = {*kept, *(name for name in constants if not all(after[_flag(name)]))}
    undone |= {name for name, valid in rehearsal.valid.items() if not all(map(valid, after[name]))}
    if undone:
        names = ", ".join(sorted(undone))
        return _refusal(connection, rehearsal, f"{names} does not keep what {rehearsal.giver} gives", names)
    name = rehearsal.key[0]
    if len(after[name]) < len(before[name]):
        return _refusal(connection, rehearsal, "a row that is written gets another key, or goes", name)
    for name, supplied in rehearsal.relied.items():
        if not _same(before[name], after[name]) and rehearsal.table.c[name].computed is None:
            what = f"{name} changes by itself when a row is written, and supplies {supplied}"
            return _refusal(connection, rehearsal, what, name, f"; or let another column supply {supplied}")
    return None


def _texts(
    connection: sa.Connection, rehearsal: Rehearsal, names: Iterable[str], constants: Mapping[str, Any]
) -> dict[str, list[Any]]:
    """Of the rows, in no order: the text of each of the named columns, and whether columns hold these constants."""
    table = rehearsal.table
    wanted: dict[str, sa.ColumnElement[Any]] = {name: sa.cast(table.c[name], sa.Text) for name in names}
    for name, value in constants.items():
        wanted[_flag(name)] = sa.case((_holds(table.c[name], value), 1), else_=0)
    found = connection.execute(sa.select(*wanted.values()).where(_mine(rehearsal))).all()
    return {name: [row[at] for row in found] for at, name in enumerate(wanted)}


def _flag(name: str) -> str:
    return f"{name} holds"


def _constant(value: Any) -> bool:
    return not isinstance(value, sa.ClauseElement) or isinstance(value, (sa.BindParameter, sa.Null))


def _holds(column: sa.Column[Any], value: Any) -> sa.ColumnElement[bool]:
    if value is None or isinstance(value, sa.Null):
        return column.is_(None)
    if isinstance(column.type, postgresql.JSON) and not isinstance(column.type, postgresql.JSONB):
        return sa.cast(column, sa.Text) == sa.cast(value, sa.Text)  # such values have no equality
    # Whose types PostgreSQL converts where it assigns them, it does not compare by themselves.
    alike = sa.cast(value, column.type) if isinstance(column.type, postgresql.MONEY) else value
    return column.is_not_distinct_from(alike)


def _same(before: Sequence[str | None], after: Sequence[str | None]) -> bool:
    """Whether rows hold in a column what they held."""
    return Counter(before) == Counter(after)


def _refusal(
    connection: sa.Connection, rehearsal: Rehearsal, what: str, column: str, otherwise: str = ""
) -> StoreRefuses:
    fired = updating(connection, rehearsal.table)
    if not fired:  # or none that the role may see
        return StoreRefuses(rehearsal.store, f"{rehearsal.dataset}: {what}", rehearsal.remedy)
    alone = _ALONE.get(connection.dialect.name, "").format(connection.engine.url.username)
    what = f"{rehearsal.dataset}: {what} (trigger {', '.join(fired)})"
    return StoreRefuses(rehearsal.store, what, f"Have it leave {column} alone{alone}{otherwise}")


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
