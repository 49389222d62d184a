"""How many rows MariaDB reads: what a test of growth counts, since it must not assert times."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa


def rows_read(admin: sa.Engine, act: Callable[[], object]) -> int:
    """How often the server has read a row for an act, in whatever way; nobody else uses it meanwhile."""

    def so_far() -> int:
        with admin.connect() as connection:
            counted = connection.exec_driver_sql("SHOW GLOBAL STATUS LIKE 'Handler_read%%'")
            return sum(int(value) for _, value in counted)

    before = so_far()
    act()
    return so_far() - before
