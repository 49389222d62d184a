"""A large company for the benchmarks: contacts in PostgreSQL, an index of mails and meetings in DuckDB.

Everything is generated inside the engines, from the row's number alone: the same sizes give the same company.
"""

from __future__ import annotations

import datetime as dt
import textwrap
from dataclasses import dataclass
from pathlib import Path

import duckdb
import psycopg

from pipelines.data_map.review import confirm
from pipelines.demo.servers.postgres import PostgresServer
from pipelines.estate import Estate
from pipelines.scan import index
from pipelines.scan.participants import SubjectKeys
from pipelines.scan.sources import binding, source_of
from pipelines.subjects import SEPARATOR

AS_OF = dt.date(2026, 6, 30)
SCANNED = dt.datetime(2026, 6, 30, 6, tzinfo=dt.UTC)
DAYS = 2400
"""Over how many days before the as-of date contacts were collected and messages were sent."""

LOCAL, DOMAIN = "'person.' || n", "'@example.org'"
PERSON = f"{LOCAL} || {DOMAIN}"
"""The canonical address of a person, as SQL over its number."""

CONFIG = """
[estate]
name = "Benchmark"
[controllers.BENCH]
policy = "bench"
[stores.crm]
kind = "sql"
read = "{crm}"
write = "{crm}"
[limits]
share = 1.0
"""
ITEM_STORE = """
[stores.{store}]
kind = "memory"
read = "memory:"
"""
POLICY = """
policy: bench
controller: BENCH
time_zone: Europe/Paris
categories:
  identity: Who somebody is
events:
  collected: point
{events}purposes:
  prospecting:
    basis: legitimate_interest
    source: a benchmark
    keeps: [identity]
    after: {after}
    for: 3 years
    then: delete
"""
CONTACTS = """
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
      collected: {column: collected_at}
    fields:
      email: {category: identity}
      name: {category: identity}
    approved: {by: dpo, on: 2026-06-01}
"""
ITEMS = """
store: %s
datasets:
  %s:
    source: "*"
    controller: BENCH
    tenant: bench
    subjects:
      - {kind: email, roles: [%s], strength: canonical}
    events:
      last_inbound_contact: {at: last, roles: [%s], human: true, of: subject}
    fields: {}
    approved: {by: dpo, on: 2026-06-01}
"""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many contacts, mail headers and calendar events; twice as many addresses write as are contacts."""

    contacts: int
    mails: int = 0
    events: int = 0


@dataclass(frozen=True, slots=True)
class Company:
    """The company under ``folder``: a running PostgreSQL server, an estate and its index of items."""

    folder: Path
    sizes: Sizes
    server: PostgresServer

    @classmethod
    def start(cls, folder: Path, sizes: Sizes) -> Company:
        """Start the server and generate the company."""
        server = PostgresServer(folder / "crm").start()
        made = cls(folder, sizes, server)
        made._estate()
        made._contacts()
        if made._with_items:
            made._index()
        return made

    @property
    def estate(self) -> Path:
        """The estate's folder."""
        return self.folder / "estate"

    @property
    def crm(self) -> str:
        """The URL of the contacts."""
        return self.server.url("postgres")

    def connect(self) -> psycopg.Connection:
        """A connection to the contacts for the hand-written query."""
        return psycopg.connect(self.crm.replace("+psycopg", ""))

    @property
    def _with_items(self) -> bool:
        return bool(self.sizes.mails or self.sizes.events)

    def _estate(self) -> None:
        for place in ("policies", "data_map"):
            (self.estate / place).mkdir(parents=True)
        config, maps = CONFIG.format(crm=self.crm), {"crm": CONTACTS}
        events, after = "", "collected"
        if self._with_items:
            events, after = "  last_inbound_contact: point\n", "{latest: [collected, last_inbound_contact]}"
            maps |= {"mail": ITEMS % ("mail", "messages", "from", "from")}
            maps |= {"calendar": ITEMS % ("calendar", "meetings", "organizer, attendee", "organizer, attendee")}
            config += "".join(ITEM_STORE.format(store=store) for store in ("mail", "calendar"))
        (self.estate / "ardoise.toml").write_text(config, encoding="utf-8")
        policy = POLICY.format(events=events, after=after)
        (self.estate / "policies" / "bench.yaml").write_text(policy, encoding="utf-8")
        for store, text in maps.items():
            (self.estate / "data_map" / f"{store}.yaml").write_text(text, encoding="utf-8")
        estate = Estate.load(self.estate)
        for store in maps:
            confirm(estate, store, by="dpo", at=SCANNED)

    def _contacts(self) -> None:
        """Contacts whose address is the number of a person, collected on one of `DAYS` days."""
        with self.connect() as connection:
            connection.execute(
                textwrap.dedent(f"""
                CREATE TABLE contacts AS
                SELECT n AS id, 'Person.' || n || '@Example.org' AS email, 'Person ' || n AS name,
                       timestamptz '{AS_OF} 12:00 UTC' - ((n * 7919) % {DAYS}) * interval '1 day' AS collected_at
                FROM generate_series(1, {self.sizes.contacts}::bigint) AS g(n)
                """)
            )
            connection.execute("ALTER TABLE contacts ADD PRIMARY KEY (id)")
            connection.execute(
                "CREATE UNLOGGED TABLE people AS SELECT n FROM generate_series(1, %s::bigint) AS g(n)"
                % (2 * self.sizes.contacts)
            )
        with self.connect() as connection:
            connection.autocommit = True
            connection.execute("VACUUM ANALYZE")

    def _index(self) -> None:
        """An index as a scan would fill it, from digests that PostgreSQL has computed."""
        estate = Estate.load(self.estate)
        estate.index_file.parent.mkdir(parents=True, exist_ok=True)
        digests = self.folder / "digests.csv"
        loose = digest_sql(estate, f"replace({LOCAL}, '.', '') || {DOMAIN}")
        query = f"SELECT n, {digest_sql(estate, PERSON)}, {loose} FROM people"
        with (
            self.connect() as connection,
            connection.cursor() as cursor,
            digests.open("wb") as file,
            cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT csv)") as copy,
        ):
            for block in copy:
                file.write(block)
        with duckdb.connect(str(estate.index_file)) as db:
            db.execute("SET threads = 2; SET memory_limit = '2GB'; SET preserve_insertion_order = false")
            for table in (index.ITEMS, index.PARTICIPANTS, index.SCANS):
                db.execute(f"CREATE TABLE {table}")
            db.execute(
                "CREATE TEMP TABLE people AS SELECT * "
                f"FROM read_csv('{digests}', header=false, names=['n', 'digest', 'loose'])"
            )
            for store, dataset, role, count in self._kinds():
                self._fill(db, store, dataset, role, count)
                mapped = estate.data_maps[store].datasets[dataset]
                bound = binding(source_of(dataset, mapped), SubjectKeys(estate.key, mapped.scope, mapped.own))
                db.execute(
                    "INSERT INTO scans VALUES (?, ?, true, ?, ?, '', ?)",
                    [store, dataset, SCANNED.replace(tzinfo=None), count, bound],
                )
        digests.unlink()

    def _kinds(self) -> list[tuple[str, str, str, int]]:
        return [
            ("mail", "messages", "from", self.sizes.mails),
            ("calendar", "meetings", "attendee", self.sizes.events),
        ]

    def _fill(self, db: duckdb.DuckDBPyConnection, store: str, dataset: str, role: str, count: int) -> None:
        people = 2 * self.sizes.contacts
        db.execute(f"""
            INSERT INTO items (store, dataset, container, key, version, first, last, endless, automatic, bytes)
            SELECT '{store}', '{dataset}', 'INBOX', n::VARCHAR, '1', moment, moment, false, n % 5 = 0, 2000
            FROM (SELECT n, TIMESTAMP '{AS_OF} 21:30:00' - ((n * 104729) % ({DAYS} * 24)) * INTERVAL 1 HOUR AS moment
                  FROM range(1, {count} + 1) AS r(n))
        """)
        db.execute(f"""
            INSERT INTO participants (store, dataset, container, key, role, digest, loose, own)
            SELECT '{store}', '{dataset}', 'INBOX', r.n::VARCHAR, '{role}', p.digest, p.loose, false
            FROM range(1, {count} + 1) AS r(n) JOIN people AS p ON p.n = 1 + (r.n * 15485863) % {people}
        """)


def digest_sql(estate: Estate, address: str) -> str:
    """The keyed digest of a canonical address in PostgreSQL, as somebody would write it by hand."""
    key, scope = estate.key, estate.data_maps["crm"].datasets["contacts"].scope
    text = f"convert_to('{scope}{SEPARATOR}email{SEPARATOR}' || {address}, 'UTF8')"
    inner = f"sha256('\\x{key.inner.hex()}'::bytea || {text})"
    return f"substr(encode(sha256('\\x{key.outer.hex()}'::bytea || {inner}), 'hex'), 1, 32)"
