"""How long it takes to measure k, and to hide rows among each other, against the same by hand in the same PostgreSQL.

k of rows that are anonymised: `connectors.sql.cells` against one GROUP BY of the same columns, where every row is
somebody's; and where distinct customers are counted, so that the customer is one of the columns. Beside it the query
that somebody would write for that, which counts by DISTINCT, and the GROUP BY that counts rows. Safe partition
and microaggregation: `connectors.sql.placement` (levels, NULLs, work table) against one statement with window functions
that averages groups of eleven inside each finest cell, and neither collapses a cell nor holds anything back; and
against one GROUP BY of the same columns. Which rows are anonymised, known by their marks, is no part of either.

Run `python -m benchmarks.anonymity --help`.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, LiteralString, NamedTuple

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
        FieldShape("customer", "BIGINT"),
        FieldShape("region", "TEXT"),
        FieldShape("segment", "TEXT", False),
        FieldShape("ordered_on", "DATE"),
        FieldShape("cents", "BIGINT", False),
    ),
    ("id",),
)
PARTITION: tuple[dict[str, str], ...] = (
    {"region": "value", "segment": "value", "ordered_on": "month"},
    {"region": "value", "ordered_on": "month"},
    {"ordered_on": "year"},
    {},
)
ROWS: LiteralString = "count(*)"
CUSTOMERS: LiteralString = "count(DISTINCT customer)"


class Done(NamedTuple):
    """What a piece of work found; the server's process for it: the most memory that it held (bytes), CPU seconds."""

    answer: Any
    peak: int
    cpu: float


def fill(url: str, rows: int) -> None:
    """Orders as they are before anonymisation, in 13 regions (one of them NULL), 3 segments and 48 months."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS orders")
        columns = (
            "id bigint, customer bigint, region text, segment text NOT NULL, ordered_on date, cents bigint NOT NULL"
        )
        connection.execute(f"CREATE TABLE orders ({columns})")
        connection.execute(
            f"""INSERT INTO orders SELECT n, n % greatest({rows} / 3, 1),
                CASE WHEN n % 13 > 0 THEN 'region ' || n % 13 END, 'segment ' || n % 3,
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
            f"CREATE TABLE hidden AS SELECT id, customer, region, segment, {month}, cents / 1000 AS cents FROM orders"
        )
        connection.execute("DROP TABLE orders")
        connection.execute("ALTER TABLE hidden RENAME TO orders")
        connection.execute("VACUUM ANALYZE orders")


def _layout(connection: sa.Connection, subject: str | None = None) -> Layout:
    anonymity = Anonymity(partition=PARTITION, measures=("cents",), subject=subject, free=("customer",))
    dataset = DatasetMap(source="orders", controller="BENCH", key=("id",), anonymity=anonymity)
    table = sa.Table("orders", sa.MetaData(), autoload_with=connection)
    return layout(dataset, SHAPE, table, ("id",), sa.true(), "postgresql")


def _done(answer: Any, process: int) -> Done:
    """An answer, and what the server's process of this machine has used; its peak counts what it shares with others."""
    folder = Path(f"/proc/{process}")
    status = (folder / "status").read_text(encoding="ascii")
    peak = next(each for each in status.splitlines() if each.startswith("VmHWM:"))
    user, system = (folder / "stat").read_text(encoding="ascii").rpartition(")")[2].split()[11:13]
    return Done(answer, int(peak.split()[1]) * 1024, (int(user) + int(system)) / os.sysconf("SC_CLK_TCK"))


def _process(connection: sa.Connection) -> int:
    return int(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())


def k_ours(url: str, subject: str | None) -> Done:
    """The smallest cell and how many there are."""
    engine = open_engine("bench", url, write=False)
    with engine.connect() as connection:
        sizes = cell_sizes(connection, _layout(connection, subject), sa.true())
        return _done((min(sizes), sum(sizes.values())), _process(connection))


def pairs_by_hand(url: str) -> Done:
    """Who is in which cell, by one GROUP BY of the columns that count and the customer; how many pairs."""
    with psycopg.connect(url) as connection:
        connection.execute("SET work_mem = '64MB'")
        pairs = "SELECT 1 FROM orders GROUP BY region, segment, ordered_on, cents, customer"
        row = connection.execute(f"SELECT count(*) FROM ({pairs}) p").fetchone()
        assert row is not None
        return _done(int(row[0]), connection.info.backend_pid)


def k_by_hand(url: str, count: LiteralString) -> Done:
    """The same by the query that somebody would write."""
    with psycopg.connect(url) as connection:
        connection.execute("SET work_mem = '64MB'")
        cells = f"SELECT {count} AS n FROM orders GROUP BY region, segment, ordered_on, cents"
        row = connection.execute(f"SELECT min(n), count(*) FROM ({cells}) c").fetchone()
        assert row is not None
        return _done((int(row[0]), int(row[1])), connection.info.backend_pid)


def hide_ours(url: str) -> Done:
    """Fill a work table; how many rows are in it."""
    engine = open_engine("bench", url, write=True)
    with engine.connect() as connection, connection.begin():
        made = _layout(connection)
        work = made.work("hidden_work", None, {})
        work.drop(connection, checkfirst=True)
        work.create(connection)
        assign(connection, made, work, sa.true(), sa.false())
        count = connection.execute(sa.select(sa.func.count()).select_from(work)).scalar_one()
        work.drop(connection)
        return _done(int(count), _process(connection))


def hide_by_hand(url: str) -> Done:
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
        return _done(int(row[0]), connection.info.backend_pid)


def _said(who: str, found: Measured) -> None:
    server = found.result
    print(f"  {who:9} {found}; the server's process {server.cpu:.1f} s CPU, {server.peak / 2**20:.0f} MiB")


def _compared(title: str, ours: Measured, floors: dict[str, Measured]) -> None:
    print(f"\n{title}")
    _said("Ardoise", ours)
    for name, floor in floors.items():
        _said(name, floor)
        wall, cpu = ours.wall / floor.wall, ours.result.cpu / floor.result.cpu
        print(f"  {'':9} ratio {wall:.2f} by the clock, {cpu:.2f} of the server's CPU")


def _agree(ours: Measured, floor: Measured) -> None:
    if ours.result.answer != floor.result.answer:
        raise SystemExit(f"the answers differ: {ours.result.answer} and {floor.result.answer}")


def _faster(work: Callable[..., Done], *arguments: Any) -> Measured:
    return min((measured(work, *arguments) for _ in range(2)), key=lambda each: each.wall)


def compare(url: str, rows: int) -> None:
    """Hide so many rows, then measure the k of as many that are hidden; of each work, the faster of two tries."""
    plain = url.replace("+psycopg", "")
    fill(plain, rows)
    floor, ours = _faster(hide_by_hand, plain), _faster(hide_ours, url)
    grouped = _faster(k_by_hand, plain, ROWS)
    _compared(f"{rows:,} rows hidden", ours, {"by hand": floor, "GROUP BY": grouped})
    _agree(ours, floor)
    hide(plain)
    grouped, counted = _faster(k_by_hand, plain, ROWS), _faster(k_by_hand, plain, CUSTOMERS)
    alone, customers = _faster(k_ours, url, None), _faster(k_ours, url, "customer")
    _compared(f"k of {rows:,} rows", alone, {"GROUP BY": grouped})
    _agree(alone, grouped)
    pairs = _faster(pairs_by_hand, plain)
    floors = {"GROUP BY": pairs, "DISTINCT": counted, "of rows": grouped}
    _compared(f"k of {rows:,} rows, by distinct customers", customers, floors)
    _agree(customers, counted)


def main() -> None:
    """Run the comparisons at the sizes that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    sizes = [1_000_000, 10_000_000]
    parser.add_argument("--rows", type=int, nargs="+", default=sizes, help="one size after the other: memory is flat")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, PostgresServer(Path(folder) / "orders") as server:
        server.create_database("bench")
        for rows in given.rows:
            compare(server.url("bench"), rows)


if __name__ == "__main__":
    main()
