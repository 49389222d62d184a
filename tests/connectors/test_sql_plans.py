"""What PostgreSQL's planner can choose from: a chunk by its part of the table, decisions with several processes."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from fixtures_sql import Shop

from connectors.sql.fences import fenced
from connectors.sql.freezing import freeze
from connectors.sql.lines import line_up

ROWS, CHUNK = 50_000, 5_000


pytestmark = pytest.mark.parametrize("shop", ["postgresql"], indirect=True)


def enlarge(shop: Shop) -> sa.Table:
    """The contacts, of whom there are many more by now."""
    shop.run(
        f"INSERT INTO contacts SELECT n, 1, 'p' || n || '@example.net', 'First', 'City', DATE '2020-01-01' "
        f"FROM generate_series(1001, {1000 + ROWS}) AS n"
    )
    with shop.admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE contacts")
    return shop.connector.table(shop.contacts)


def explained(connection: sa.Connection, query: sa.Select[Any]) -> str:
    compiled = query.compile(dialect=connection.dialect)
    return "\n".join(connection.exec_driver_sql(f"EXPLAIN {compiled}", dict(compiled.params)).scalars())


def test_a_chunk_reads_its_part_of_the_table(shop: Shop) -> None:
    table = enlarge(shop)
    due = sa.select(table.c.id).where(table.c.id % 10 != 0)
    with shop.connector.writing() as connection:
        with connection.begin():
            candidates = line_up(connection, table, ("id",), due, lambda mine: due.where(mine(table)))
        for first in (1, 20_001, candidates.count - CHUNK + 1):
            with connection.begin():
                frozen, counts = freeze(connection, candidates, first, first + CHUNK - 1)
                assert counts.done == CHUNK
                plan = explained(connection, sa.select(table.c.email).where(frozen.within()))
                assert "Index Cond: ((id >= " in plan, plan
                found = sa.select(sa.func.count()).select_from(table).where(frozen.within())
                assert connection.execute(found).scalar_one() == CHUNK


def test_what_is_fenced_is_computed_once_and_by_several_processes(shop: Shop) -> None:
    table = enlarge(shop)
    form = fenced(sa.select(table.c.id, sa.func.lower(table.c.email).label("form"))).subquery()
    with shop.connector.reading() as connection:
        for setting in ("parallel_setup_cost", "parallel_tuple_cost", "min_parallel_table_scan_size"):
            connection.exec_driver_sql(f"SET LOCAL {setting} = 0")
        plan = explained(connection, sa.select(form.c.id).where(form.c.form != "x", form.c.form != "y"))
    assert "Gather" in plan, plan
    assert "Subquery Scan" in plan, plan
