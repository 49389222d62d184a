"""Expectations before a run against the same checks written by hand, on PostgreSQL: the same counts, in the same run.

Two tables of as many rows each, people and their visits. By hand there are as few statements as somebody would write
who minds the time: one for the counts of each table, one for each key, one for the reference. What is generated from
the data map counts the same. Importing Great Expectations takes seconds whatever there is to look at; it is measured
apart.

Run `python -m benchmarks.expectations --help`.
"""

from __future__ import annotations

import argparse
import datetime as dt
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.measured import Measured, measured

TODAY = dt.date(2026, 6, 30)
TIMES = 3
"""Each way is taken so often, in turns; the best counts."""

SCHEMA = """
CREATE TABLE people (id bigint PRIMARY KEY, email text NOT NULL, first_name text, last_name text, phone text,
  joined timestamptz, left_on date, note text);
CREATE TABLE visits (id bigint PRIMARY KEY, person_id bigint NOT NULL REFERENCES people (id), place text,
  cents integer NOT NULL, at timestamptz NOT NULL);
INSERT INTO people SELECT n, 'p' || n || '@example.org', 'First' || n % 900, 'Last' || n % 9000, '+33' || n,
  timestamptz '2012-01-01' + n % 4000 * interval '1 day', CASE WHEN n % 3 = 0 THEN date '2015-01-01' + n % 3000 END,
  'Note ' || n FROM generate_series(1, :rows) n;
INSERT INTO visits SELECT n, 1 + (n::bigint * 7919) % :rows, 'Place ' || n % 50, n % 900,
  timestamptz '2016-01-01' + n % 3000 * interval '1 day' FROM generate_series(1, :rows) n;
ANALYZE
"""
CONFIG = """
[estate]
name = "Bench"
[controllers.BENCH]
policy = "bench"
[stores.crm]
kind = "sql"
read = "file:crm.read"
"""
POLICY = """
policy: bench
controller: BENCH
time_zone: Europe/Paris
categories: {technical: Traces}
events: {joined: point, left: end, visited: point}
purposes:
  membership: {basis: contract, source: a benchmark, keeps: [user], after: left, for: 3 years, then: anonymise}
  joining: {basis: consent, source: a benchmark, keeps: [user.content], after: joined, for: 3 years, then: anonymise}
  visits: {basis: consent, source: a benchmark, keeps: [technical], after: visited, for: 1 year, then: delete}
"""
MAP = """
store: crm
datasets:
  people:
    source: public.people
    controller: BENCH
    key: [id]
    subjects: [{kind: email, columns: [email]}]
    events: {joined: {column: joined}, left: {column: left_on, null: open}}
    fields:
      email: {category: user.contact.email}
      first_name: {category: user.name.first}
      last_name: {category: user.name.last}
      phone: {category: user.contact.phone_number}
      note: {category: user.content}
    approved: {by: bench, on: 2026-01-01}
  visits:
    source: public.visits
    controller: BENCH
    key: [id]
    inherits: [{dataset: people, on: {person_id: id}}]
    events: {visited: {column: at}}
    fields: {place: {category: technical.place}, cents: {category: none}}
    statistics: [{name: takings, sum: cents, by: [{column: at, by: month}]}]
    approved: {by: bench, on: 2026-01-01}
"""
BY_HAND = (
    """
    SELECT count(*), count(*) FILTER (WHERE id IS NULL),
        count(*) FILTER (WHERE joined < '1900-01-01' OR joined > '2026-07-02'), count(*) FILTER (WHERE joined IS NULL),
        count(*) FILTER (WHERE left_on < '1900-01-01'), count(*) FILTER (WHERE left_on IS NULL)
    FROM people
    """,
    "SELECT count(id) - count(DISTINCT id) FROM people",
    """
    SELECT count(*), count(*) FILTER (WHERE id IS NULL),
        count(*) FILTER (WHERE at < '1900-01-01' OR at > '2026-07-02'), count(*) FILTER (WHERE at IS NULL)
    FROM visits
    """,
    "SELECT count(id) - count(DISTINCT id) FROM visits",
    """
    SELECT count(*) FROM visits v
    WHERE person_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM people p WHERE p.id = v.person_id)
    """,
)

Taken = tuple[float, float, list[int], list[int]]
"""Seconds of Ardoise and by hand, and what each has counted."""


def in_turns(estate: str, url: str) -> Taken:
    """Both ways in one process, in turns, each at its best; the imports are done before."""
    from expectations.context import ephemeral_context
    from pipelines.estate import Estate

    ephemeral_context()
    loaded = Estate.load(Path(estate))
    ours, hand = [], []
    for _ in range(TIMES):
        hand.append(_timed(_by_hand, url))
        ours.append(_timed(_generated, loaded))
    (our_time, counted), (hand_time, wanted) = (min(each, key=lambda one: one[0]) for each in (ours, hand))
    return our_time, hand_time, counted, wanted


def importing(_: str) -> float:
    """The seconds that importing Great Expectations takes."""
    from expectations.context import ephemeral_context

    return _timed(lambda _: ephemeral_context(), None)[0]


def _generated(estate: Any) -> list[int]:
    """What is expected is generated and looked at, as `ardoise apply` does."""
    from connectors.sql.connector import SqlConnector
    from expectations.suites import check_suites
    from pipelines.expect.baseline import Baseline
    from pipelines.expect.before import before_suites

    with estate.connected("crm") as connector:
        assert isinstance(connector, SqlConnector)
        inventory = connector.inspect()
        suites = before_suites(estate, "BENCH", connector, inventory, Baseline(), (), TODAY)
        found = check_suites(estate.connections.find("file:crm.read", "crm"), suites)
    assert all(each.passed for each in found)
    return sorted(each.seen or 0 for each in found if not each.measure.startswith("columns"))


def _by_hand(url: str) -> list[int]:
    with psycopg.connect(url) as connection:
        connection.execute("SET work_mem = '64MB'")  # as every session of Ardoise has
        rows = [connection.execute(statement).fetchone() for statement in BY_HAND]
    return sorted(count for row in rows if row is not None for count in row)


def _timed(work: Any, given: Any) -> tuple[float, Any]:
    begun = time.perf_counter()
    found = work(given)
    return time.perf_counter() - begun, found


def main() -> None:
    """Make the tables, look at them both ways, and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of each of the two tables")
    given = parser.parse_args()
    from pipelines.demo.servers.postgres import PostgresServer

    with tempfile.TemporaryDirectory(prefix="bench-") as name, PostgresServer(Path(name) / "server") as server:
        folder = Path(name) / "estate"
        server.create_database("crm")
        url = server.url("crm").replace("+psycopg", "")
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in SCHEMA.replace(":rows", str(given.rows)).split(";"):
                connection.execute(statement.encode())
        _write(folder, server.url("crm"))
        both: Measured = measured(in_turns, str(folder), url)
        ours, hand, counted, wanted = both.result
        print(f"\nExpectations before a run: two tables of {given.rows:,} rows, {len(wanted)} counts")
        imported = measured(importing, "").result
        print(f"  generated suites  {ours:6.2f} s   (importing Great Expectations: {imported:.1f} s)")
        print(f"  by hand           {hand:6.2f} s")
        print(f"  ratio to the same checks by hand {ours / hand:.2f}; {both.peak / 2**20:.0f} MiB at most")
        if counted != wanted:
            raise SystemExit(f"the counts differ: {counted} and {wanted}")


def _write(folder: Path, url: str) -> None:
    for name in ("policies", "data_map"):
        (folder / name).mkdir(parents=True)
    (folder / "ardoise.toml").write_text(CONFIG, encoding="utf-8")
    (folder / "policies" / "bench.yaml").write_text(POLICY, encoding="utf-8")
    (folder / "data_map" / "crm.yaml").write_text(MAP, encoding="utf-8")
    (folder / "crm.read").write_text(url, encoding="utf-8")


if __name__ == "__main__":
    main()
