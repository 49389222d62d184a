"""Writing a table of PostgreSQL anew: what stands in the way, the lock, the copy, the swap."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from connectors.sql import likeness
from connectors.sql.queries import ask, queries
from connectors.sql.strategy import Obstacle, Strategy, Unfit

ATTEMPTS = 3
"""How often the lock for the swap is asked for, each time as long as a lock may be waited for."""

INDEX_MEM = "256MB"
"""What the server may use to sort an index that is built anew; more, where it is set to more."""

_FILE = "obstacles.sql"
_STATES = {
    "55P03": Obstacle("lock", "a lock on it was not granted in time"),
    "57014": Obstacle("time", "a statement took longer than one may"),
    "53100": Obstacle("disk", "the disk is full"),
    "40P01": Obstacle("deadlock", "the server chose this transaction to give way"),
}
_LOST = ("08", "57P")
"""The beginnings of states that say that the server is going, or gone."""


def obstacles(connection: sa.Connection, table: sa.Table, role: str | None, most: int) -> tuple[Obstacle, ...]:
    """See `connectors.sql.rewrite.obstacles`."""
    return tuple(catalogued(connection, "rewrite", table, role, most=most))


def catalogued(
    connection: sa.Connection, part: str, table: sa.Table, role: str | None, **given: Any
) -> Iterator[Obstacle]:
    """What a part of `obstacles.sql` finds in the catalogue."""
    oid = number(connection, table)
    who = role or str(connection.exec_driver_sql("SELECT current_user").scalar_one())
    if not connection.execute(sa.text("SELECT to_regrole(quote_ident(:role))"), {"role": who}).scalar_one():
        yield Obstacle("role", f"there is no role {who}")
        return
    for name, query in queries(_FILE, part).items():
        for what in ask(connection, query, oid=oid, role=who, **given).scalars():
            yield Obstacle(name, str(what))


def number(connection: sa.Connection, table: sa.Table) -> int:
    """The table's number in the catalogue."""
    name = connection.dialect.identifier_preparer.format_table(table)
    return int(connection.execute(sa.text("SELECT CAST(CAST(:name AS regclass) AS oid)"), {"name": name}).scalar_one())


def claim(connection: sa.Connection, table: sa.Table) -> None:
    """Keep everybody from writing to the table, and from locking its rows, until the transaction ends."""
    with fitting():
        connection.exec_driver_sql(f"LOCK TABLE {_name(connection, table)} IN EXCLUSIVE MODE")


def write(
    connection: sa.Connection, table: sa.Table, names: list[str], rows: sa.Select[Any], at: Callable[[str], None]
) -> int:
    """Write rows into a table like this one, and put that in its place; returns how many there are.

    Raises:
        Unfit: something did not go as it must; the transaction is to be rolled back.
    """
    oid = number(connection, table)
    columns = (sa.Column(name, table.c[name].type) for name in names)
    new = sa.Table(f"ardoise_rewrite_{oid}", sa.MetaData(), *columns, schema=table.schema)
    made = _name(connection, new)
    with fitting():
        connection.execute(
            sa.text(
                "SELECT set_config('maintenance_work_mem', :size, true) "
                "WHERE pg_size_bytes(current_setting('maintenance_work_mem')) < pg_size_bytes(:size)"
            ),
            {"size": INDEX_MEM},
        )
        filled = likeness.filled(connection, oid, made, rows, new)
        written = _inserted(connection, oid, new, rows) if filled is None else filled
        likeness.run(connection, likeness.indexing(connection, oid, made))
        at("mid_batch")
        _exclude(connection, table)
        before = likeness.described(connection, oid)
        likeness.run(connection, likeness.taking_place(connection, oid, made))
        at("swapped")
        after = likeness.described(connection, number(connection, table))
    others = likeness.differences(before, after)
    if others:
        raise Unfit(Strategy.REWRITE, Obstacle("likeness", f"the new table would differ in its {', '.join(others)}"))
    return written


def _inserted(connection: sa.Connection, oid: int, new: sa.Table, rows: sa.Select[Any]) -> int:
    """Make an empty table like the one of a number, and write rows into it; returns how many there are."""
    likeness.run(connection, likeness.making(connection, oid, _name(connection, new)))
    filling = sa.insert(new).from_select([each.name for each in new.c], rows, include_defaults=False)
    return connection.execute(filling, execution_options={"preserve_rowcount": True}).rowcount


def _exclude(connection: sa.Connection, table: sa.Table) -> None:
    """Keep readers off too, for the moment of the swap; those who wait behind others wait for one attempt only."""
    for attempt in range(1, ATTEMPTS + 1):
        point = connection.begin_nested()
        try:
            connection.exec_driver_sql(f"LOCK TABLE {_name(connection, table)} IN ACCESS EXCLUSIVE MODE")
        except sa.exc.DBAPIError:
            point.rollback()
            if attempt == ATTEMPTS:
                raise
        else:
            point.commit()
            return


@contextmanager
def fitting(strategy: Strategy = Strategy.REWRITE) -> Iterator[None]:
    """Turn what a statement was refused for into a reason why the strategy does not fit; a lost server stays one."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None) or ""
        if error.connection_invalidated or not state or state.startswith(_LOST):
            raise
        found = _STATES.get(state, Obstacle(f"error_{state}", f"the store refused a statement ({state})"))
        raise Unfit(strategy, found) from None


def _name(connection: sa.Connection, table: sa.Table) -> str:
    return connection.dialect.identifier_preparer.format_table(table)
