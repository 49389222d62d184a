"""Anonymising most of a table against one UPDATE that somebody would write by hand, with constants.

Two million contacts in PostgreSQL, eight columns, three indexes; nine in ten are due. The UPDATE by hand writes
constants and a random address. Ardoise decides on every row twice, draws names and phones from pools, empties the free
text, marks every row, keeps the journal: by writing the table anew and in ranges, each without groups, and with days
that become months and amounts that become the means of eleven rows, which the UPDATE leaves as they are. All of them
are measured in one run over equal tables, since only the ratios are worth anything.

Run `python -m benchmarks.anonymisation --help`.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import tempfile
import time
from pathlib import Path

import psycopg

from benchmarks.measured import Measured, measured
from pipelines.apply import apply
from pipelines.data_map.review import confirm
from pipelines.demo.servers.postgres import PostgresServer
from pipelines.estate import Estate
from pipelines.plan import make_plan

NOW = dt.datetime(2026, 6, 30, 6, tzinfo=dt.UTC)

CONFIG = """
[estate]
name = "Benchmark"
[controllers.BENCH]
policy = "bench"
[stores.crm]
kind = "sql"
read = "{crm}"
write = "{crm}"
[stores.crm.rewrite]
most = {most}
least = 0
[limits]
share = 1.0
"""
POLICY = """
policy: bench
controller: BENCH
time_zone: Europe/Paris
categories:
  identity: Who somebody is
events:
  collected: point
purposes:
  prospecting:
    basis: legitimate_interest
    source: a benchmark
    keeps: [identity]
    after: collected
    for: 3 years
    then: anonymise
"""
MAP = """
store: crm
datasets:
  contacts:
    source: public.contacts
    controller: BENCH
    tenant: bench
    key: [id]
    subjects:
      - {kind: email, columns: [email], strength: canonical}
    events:
      collected: {column: collected}
    fields:
      email: {category: identity, technique: unique_address}
      first_name: {category: identity, technique: replace_first_name}
      last_name: {category: identity, technique: replace_last_name}
      phone: {category: identity, technique: replace_phone}
      note: {category: identity, technique: suppress}
      cents: {category: none}
    approved: {by: dpo, on: 2026-06-01}
"""
GROUPS = """\
    anonymity:
      partition:
        - {collected: month}
        - {collected: year}
        - {}
      measures: [cents]
"""
WAYS = (("rewrite", 1000, ""), ("ranges", 0, ""), ("rewrite-groups", 1000, GROUPS), ("ranges-groups", 0, GROUPS))
"""Each with the most gigabytes that may be written anew, and what its data map says of groups."""
TABLE = """
DROP SCHEMA IF EXISTS ardoise CASCADE;
DROP TABLE IF EXISTS contacts;
CREATE TABLE contacts (id bigint, email text NOT NULL, first_name varchar(40), last_name varchar(40),
  phone varchar(30), note text, cents bigint, collected date NOT NULL);
INSERT INTO contacts
  SELECT n, 'person.' || n || '@example.org', 'First ' || n % 5000, 'Last ' || n % 70000,
    '06 ' || lpad((n * 7919 % 100000000)::text, 8, '0'),
    repeat('Called about order ' || n || '. ', 3), n * 104729 % 900000,
    CASE WHEN n % 10 = 0 THEN date '2026-01-01' ELSE date '2015-01-01' + (n * 7919 % 2500)::int END
  FROM generate_series(1, {rows}::bigint) AS n;
ALTER TABLE contacts ADD PRIMARY KEY (id);
CREATE UNIQUE INDEX contacts_email ON contacts (email);
CREATE INDEX contacts_name ON contacts (last_name);
"""
BY_HAND = """
UPDATE contacts SET email = gen_random_uuid() || '@example.invalid', first_name = 'Nobody', last_name = 'Nobody',
  phone = '+33 1 99 00 00 00', note = NULL
WHERE collected < date '2023-06-30'
"""


def by_hand(crm: str) -> tuple[float, int]:
    """The UPDATE, committed; its seconds, and how many rows it changed."""
    with psycopg.connect(crm) as connection:
        begun = time.perf_counter()
        changed = connection.execute(BY_HAND).rowcount
        connection.commit()
        return time.perf_counter() - begun, changed


def ours(estate: str, digest: str) -> tuple[float, int]:
    """The run of an approved plan; the seconds from the start of its step to the end, and how many rows it changed.

    Before that it proves what it relies on and counts once more, after it the residue goes: see the time in all.
    """
    points: dict[str, list[float]] = {}

    def checkpoint(point: str) -> None:
        points.setdefault(point, []).append(time.perf_counter())

    summary = apply(
        Estate.load(Path(estate)), digest, now=NOW, today=NOW.date(), actor="bench", checkpoint=checkpoint, chunk=50_000
    )
    return points["step_ended"][-1] - points["step_begun"][0], summary.counts["anonymised"]


def planned(folder: Path, crm: str, most: int, groups: str) -> tuple[str, str]:
    """An estate over the table, and its approved plan."""
    for place in ("policies", "data_map"):
        (folder / place).mkdir(parents=True)
    (folder / "ardoise.toml").write_text(CONFIG.format(crm=crm, most=most), encoding="utf-8")
    (folder / "policies" / "bench.yaml").write_text(POLICY, encoding="utf-8")
    (folder / "data_map" / "crm.yaml").write_text(MAP + groups, encoding="utf-8")
    estate = Estate.load(folder)
    confirm(estate, "crm", by="dpo", at=NOW)
    plan = make_plan(estate, "BENCH", as_of=NOW.date(), today=NOW.date(), now=NOW)
    engine = estate.engine()
    engine.approvals.approve(plan.digest, by="dpo", at=NOW, expires=NOW + dt.timedelta(days=1))
    engine.close()
    print(
        f"  planned: {', '.join(f'{step.id} {step.strategy}, {step.count:,} rows' for step in plan.steps)}", flush=True
    )
    return str(folder), plan.digest


def fresh(crm: str, rows: int) -> None:
    """The table as it was, in the same state of the server."""
    with psycopg.connect(crm, autocommit=True) as connection:
        connection.execute(TABLE.format(rows=rows))
        connection.execute("VACUUM (ANALYZE) contacts")
        connection.execute("CHECKPOINT")


def spent(server: PostgresServer) -> float:
    """CPU seconds of the server's processes that have ended: other work on the machine disturbs them least."""
    pid = (server.data / "postmaster.pid").read_text(encoding="ascii").split("\n")[0]
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Run the comparison at the size that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--only", choices=[way for way, _, _ in WAYS], help="one of the ways")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        server = PostgresServer(folder / "crm").start()
        try:
            url = server.url("postgres")
            crm = url.replace("+psycopg", "")
            print(f"{given.rows:,} rows", flush=True)
            fresh(crm, given.rows)
            begun = spent(server)
            floor, changed = _told("by hand", measured(by_hand, crm))
            print(f"  by hand: {spent(server) - begun:.1f} s CPU of the server", flush=True)
            for way, most, groups in WAYS:
                if given.only not in {None, way}:
                    continue
                fresh(crm, given.rows)
                work = planned(folder / way, url, most, groups)
                begun = spent(server)
                seconds, done = _told(way, measured(ours, *work))
                print(f"  {way}: {spent(server) - begun:.1f} s CPU of the server, all that is around it included")
                print(f"  {way}: {floor / seconds:.2f} times as fast as the UPDATE ({seconds / floor:.2f} of its time)")
                if done != changed:
                    raise SystemExit(f"{done} rows were changed, {changed} by hand")
        finally:
            server.stop()


def _told(what: str, found: Measured) -> tuple[float, int]:
    seconds, done = found.result
    print(f"  {what:14} {seconds:6.1f} s; in all {found}", flush=True)
    return seconds, done


if __name__ == "__main__":
    main()
