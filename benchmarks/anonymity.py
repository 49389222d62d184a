"""How long it takes to measure k, and to hide rows among each other, against the same by hand in the same PostgreSQL.

k of rows that are anonymised: `connectors.sql.cells` against one GROUP BY of the same columns. Safe partition and
microaggregation: `connectors.sql.placement` (levels, NULLs, work table) against one statement with window functions
that averages groups of eleven inside each finest cell, and neither collapses a cell nor holds anything back.

Run `python -m benchmarks.anonymity --help`.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import psycopg
import sqlalchemy as sa

from benchmarks.measured import Measured, measured
from connectors.base import DatasetShape, FieldShape, Kind
from connectors.sql.cells import cell_sizes
from connectors.sql.engines import open_engine
from connectors.sql.partition import Layout
from connectors.sql.placement import assign
from pipelines.anonymise.partition import layout
from pipelines.data_map.model import Anonymity, DatasetMap
from pipelines.demo.servers.postgres import PostgresServer

K = 11
SHAPE = DatasetShape(
    "orders",
    Kind.ROWS,
    (
        FieldShape("id", "BIGINT", False, True),
        FieldShape("region", "TEXT"),
        FieldShape("segment", "TEXT", False),
        FieldShape("ordered_on", "DATE"),
        FieldShape("cents", "BIGINT", False),
    ),
    ("id",),
)
DATASET = DatasetMap(
    source="orders",
    controller="BENCH",
    key=("id",),
    anonymity=Anonymity(
        partition=(
            {"region": "value", "segment": "value", "ordered_on": "month"},
            {"region": "value", "ordered_on": "month"},
            {"ordered_on": "year"},
            {},
        ),
        measures=("cents",),
    ),
)


def fill(url: str, rows: int) -> None:
    """Orders as they are before anonymisation, in 13 regions (one of them NULL), 3 segments and 48 months."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS orders")
        columns = "id bigint, region text, segment text NOT NULL, ordered_on date, cents bigint NOT NULL"
        connection.execute(f"CREATE TABLE orders ({columns})")
        connection.execute(
            f"""INSERT INTO orders SELECT n, CASE WHEN n % 13 > 0 THEN 'region ' || n % 13 END, 'segment ' || n % 3,
                date '2018-01-01' + (random() * 1460)::int, (exp(random() * 6) * 100)::bigint
            FROM generate_series(1, {rows}) n"""
        )
        connection.execute("ALTER TABLE orders ADD PRIMARY KEY (id)")
        connection.execute("VACUUM ANALYZE orders")


def hide(url: str) -> None:
    """Make the rows what they are after anonymisation: months, and amounts that many have."""
    with psycopg.connect(url, autocommit=True) as connection:
        month = "date_trunc('month', ordered_on)::date AS ordered_on"
        connection.execute(
            f"CREATE TABLE hidden AS SELECT id, region, segment, {month}, cents / 1000 AS cents FROM orders"
        )
        connection.execute("DROP TABLE orders")
        connection.execute("ALTER TABLE hidden RENAME TO orders")
        connection.execute("VACUUM ANALYZE orders")


def _layout(connection: sa.Connection) -> Layout:
    table = sa.Table("orders", sa.MetaData(), autoload_with=connection)
    return layout(DATASET, SHAPE, table, ("id",), sa.true(), "postgresql")


def k_ours(url: str) -> tuple[int, int]:
    """The smallest cell and how many there are."""
    engine = open_engine("bench", url, write=False)
    with engine.connect() as connection:
        sizes = cell_sizes(connection, _layout(connection), sa.true())
    return min(sizes), sum(sizes.values())


def k_by_hand(url: str) -> tuple[int, int]:
    """The same by the query that somebody would write."""
    with psycopg.connect(url) as connection:
        connection.execute("SET work_mem = '64MB'")
        cells = "SELECT count(*) AS n FROM orders GROUP BY region, segment, ordered_on, cents"
        row = connection.execute(f"SELECT min(n), count(*) FROM ({cells}) c").fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def hide_ours(url: str) -> int:
    """Fill a work table; how many rows are in it."""
    engine = open_engine("bench", url, write=True)
    with engine.connect() as connection, connection.begin():
        made = _layout(connection)
        work = made.work("hidden_work", None, {})
        work.drop(connection, checkfirst=True)
        work.create(connection)
        assign(connection, made, work, sa.select(made.table.c.id), sa.false())
        count = connection.execute(sa.select(sa.func.count()).select_from(work)).scalar_one()
        work.drop(connection)
    return int(count)


def hide_by_hand(url: str) -> int:
    """One statement: groups of eleven inside each finest cell, and their means."""
    with psycopg.connect(url) as connection:
        connection.execute("SET work_mem = '64MB'")
        connection.execute(
            f"""CREATE TABLE by_hand AS SELECT id, region, segment, month,
                round(avg(cents) OVER (PARTITION BY region, segment, month, g))::bigint AS cents
            FROM (
                SELECT id, region, segment, month, cents, least((r - 1) / {K}, greatest(n / {K}, 1) - 1) AS g FROM (
                    SELECT id, region, segment, month, cents,
                        row_number() OVER (PARTITION BY region, segment, month ORDER BY cents, gen_random_uuid()) AS r,
                        count(*) OVER (PARTITION BY region, segment, month) AS n
                    FROM (SELECT *, date_trunc('month', ordered_on)::date AS month FROM orders) o
                ) ranked
            ) grouped"""
        )
        row = connection.execute("SELECT count(*) FROM by_hand").fetchone()
        connection.rollback()
    assert row is not None
    return int(row[0])


def _compared(title: str, ours: Measured, floor: Measured) -> None:
    print(f"\n{title}\n  Ardoise  {ours}\n  by hand  {floor}\n  ratio    {ours.wall / floor.wall:.2f}")
    if ours.result != floor.result:
        raise SystemExit(f"the answers differ: {ours.result} and {floor.result}")


def main() -> None:
    """Run both comparisons at the sizes that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000, help="of which k is measured")
    parser.add_argument("--hidden", type=int, default=2_000_000, help="that are hidden among each other; 0: leave out")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, PostgresServer(Path(folder) / "orders") as server:
        server.create_database("bench")
        url = server.url("bench")
        plain = url.replace("+psycopg", "")
        if given.hidden:
            fill(plain, given.hidden)
            floor = measured(hide_by_hand, plain)
            ours = measured(hide_ours, url)
            again = measured(hide_by_hand, plain)
            _compared(f"{given.hidden:,} rows hidden", ours, min(floor, again, key=lambda each: each.wall))
        fill(plain, given.rows)
        hide(plain)
        floor = measured(k_by_hand, plain)
        ours = measured(k_ours, url)
        again = measured(k_by_hand, plain)
        _compared(f"k of {given.rows:,} rows", ours, min(floor, again, key=lambda each: each.wall))


if __name__ == "__main__":
    main()
