"""Rows that may be there already, in each engine's words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite


def upsert(
    connection: sa.Connection,
    table: sa.Table,
    names: Sequence[str],
    rows: sa.Select[*tuple[Any, ...]],
    update: Sequence[str] = (),
    *,
    add: bool = False,
) -> None:
    """Insert rows into a table; of those that are there (by its key), write the columns ``update`` anew.

    With ``add`` the new values are added to those that are there. A column without a value stays without one.
    """
    key = [column.name for column in table.primary_key]
    names = list(names)

    def changes(new: Any) -> dict[str, Any]:
        return {name: table.c[name] + new[name] if add else new[name] for name in update}

    match connection.dialect.name:
        case "postgresql":
            on_postgresql = postgresql.insert(table).from_select(names, rows, include_defaults=False)
            connection.execute(
                on_postgresql.on_conflict_do_update(index_elements=key, set_=changes(on_postgresql.excluded))
                if update
                else on_postgresql.on_conflict_do_nothing(index_elements=key)
            )
        case "sqlite":
            on_sqlite = sqlite.insert(table).from_select(names, rows, include_defaults=False)
            connection.execute(
                on_sqlite.on_conflict_do_update(index_elements=key, set_=changes(on_sqlite.excluded))
                if update
                else on_sqlite.on_conflict_do_nothing(index_elements=key)
            )
        case _:
            on_mariadb = mysql.insert(table).from_select(names, rows, include_defaults=False)
            # Without anything to update, the key is set to itself: that is how nothing is said here.
            renewed = changes(on_mariadb.inserted) or {key[0]: table.c[key[0]]}
            connection.execute(on_mariadb.on_duplicate_key_update(renewed))
