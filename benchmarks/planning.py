"""Planning against the query that somebody would write by hand for the same answer, in the same engines.

The contacts are in PostgreSQL; their last contact comes from the index of mails and meetings in DuckDB. Both sides
compute the same keyed digests, the same days in the controller's zone, the same counts, first and last due dates.

Run `python -m benchmarks.planning --help`.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import duckdb
import psycopg

from benchmarks.company import AS_OF, PERSON, SCANNED, Company, Sizes, digest_sql
from benchmarks.measured import Measured, measured
from pipelines.estate import Estate
from pipelines.plan import make_plan

Answer = tuple[int, int, int, int, str, str]
"""How many contacts there are, kept, undetermined and due, the first and the last day on which one became due."""


def ours(estate: str) -> Answer:
    """The plan that Ardoise makes."""
    plan = make_plan(Estate.load(Path(estate)), "BENCH", as_of=AS_OF, today=AS_OF, now=SCANNED)
    (step,), (tally,) = plan.steps, (each for each in plan.tallies if each.store == "crm")
    found = (tally.found, tally.kept, tally.undetermined, tally.due)
    return *found, str(step.first_due), str(step.last_due)


def by_hand(estate: str, crm: str) -> Answer:
    """The same from a reduction in DuckDB, a COPY of its rows and two joins on digests in PostgreSQL."""
    loaded = Estate.load(Path(estate))
    address = "lower(trim(c.email))"
    loose = f"replace(split_part({address}, '@', 1), '.', '') || '@' || split_part({address}, '@', 2)"
    with psycopg.connect(crm) as connection:
        if not loaded.index_file.exists():
            return _counted(connection, "contacts c", "NULL::date", "NULL::date")
        _copy_last_contacts(loaded, connection)
        source = f"""contacts c LEFT JOIN last_contact l ON l.digest = {digest_sql(loaded, address)}
            LEFT JOIN last_loose w ON w.digest = {digest_sql(loaded, loose)}"""
        return _counted(connection, source, "l.day", "w.day")


def _copy_last_contacts(estate: Estate, connection: psycopg.Connection) -> None:
    """The last contact of each address, and of each loose form of one: what would be a doubt."""
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(str(estate.index_file), read_only=True) as db:
        db.execute("SET threads = 2; SET memory_limit = '512MB'")
        db.execute("""
            CREATE TEMP TABLE met AS
            SELECT digest, loose, max((i.last AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/Paris')::DATE) AS day
            FROM items i JOIN participants p USING (store, dataset, container, key)
            WHERE NOT i.automatic AND p.role IN ('from', 'organizer', 'attendee') AND digest IS NOT NULL
            GROUP BY digest, loose
        """)
        for table, digest in (("last_contact", "digest"), ("last_loose", "loose")):
            file = Path(folder) / f"{table}.csv"
            db.execute(f"COPY (SELECT {digest}, max(day) FROM met GROUP BY ALL) TO '{file}' (HEADER false)")
            connection.execute(f"CREATE TEMP TABLE {table} (digest text, day date)")
            statement = f"COPY {table} FROM STDIN (FORMAT csv)"
            with file.open("rb") as rows, connection.cursor() as cursor, cursor.copy(statement) as copy:
                while block := rows.read(1 << 20):
                    copy.write(block)
            connection.execute(f"ANALYZE {table}")


def _counted(connection: psycopg.Connection, source: str, last: str, doubt: str) -> Answer:
    collected = "(c.collected_at AT TIME ZONE 'Europe/Paris')::date"
    row = connection.execute(
        f"""
        SELECT count(*), count(*) FILTER (WHERE NOT doubtful AND due > %(as_of)s),
            count(*) FILTER (WHERE doubtful OR due IS NULL),
            count(*) FILTER (WHERE NOT doubtful AND due <= %(as_of)s),
            min(due) FILTER (WHERE NOT doubtful AND due <= %(as_of)s),
            max(due) FILTER (WHERE NOT doubtful AND due <= %(as_of)s)
        FROM (
            SELECT (greatest({collected}, {last}) + interval '3 years' + interval '1 day')::date AS due,
                coalesce({doubt} > coalesce({last}, '-infinity'), false) AS doubtful
            FROM {source}
        ) d
        """,
        {"as_of": AS_OF},
    ).fetchone()
    assert row is not None
    return *row[:4], str(row[4]), str(row[5])


def plain(estate: str, crm: str) -> Answer:
    """For comparison: as if the last contacts lay in PostgreSQL already, under plain addresses."""
    del estate
    with psycopg.connect(crm) as connection:
        source = "contacts c LEFT JOIN plain_contacts l ON l.address = lower(trim(c.email))"
        return _counted(connection, source, "l.day", "NULL::date")


def _plain_contacts(company: Company) -> None:
    """The same last contacts under plain addresses, made beside the measurements."""
    estate = Estate.load(company.estate)
    with company.connect() as connection:
        _copy_last_contacts(estate, connection)
        connection.execute(f"""
            CREATE TABLE plain_contacts AS
            SELECT address, day FROM (SELECT {PERSON} AS address FROM people) p
            JOIN last_contact l ON l.digest = {digest_sql(estate, "address")}
        """)
        connection.commit()
        connection.autocommit = True
        connection.execute("ANALYZE plain_contacts")


def compare(title: str, sizes: Sizes, *, plainly: bool) -> Measured:
    """Generate a company, measure both ways on it, print the ratios; returns the measure of the plan."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        company = Company.start(Path(folder), sizes)
        try:
            estate, crm = str(company.estate), company.crm.replace("+psycopg", "")
            floor = measured(by_hand, estate, crm)
            plan = measured(ours, estate)
            again = measured(by_hand, estate, crm)
            floor = min(floor, again, key=lambda each: each.wall)
            print(f"\n{title}: {sizes.contacts:,} contacts, {sizes.mails:,} mails, {sizes.events:,} meetings")
            print(f"  Ardoise       {plan}")
            print(f"  by hand       {floor}")
            print(f"  ratio to the query by hand      {plan.wall / floor.wall:.2f}")
            if plainly:
                _plain_contacts(company)
                text = measured(plain, estate, crm)
                print(f"  ratio to a join over plain text {plan.wall / text.wall:.2f}")
            if plan.result != floor.result:
                raise SystemExit(f"the answers differ: {plan.result} and {floor.result}")
            found, kept, undetermined, due, first, last = plan.result
            print(f"  both: {found:,} found, {kept:,} kept, {undetermined:,} undetermined, ", end="")
            print(f"{due:,} due from {first} to {last}")
            return plan
        finally:
            company.server.stop()


def main() -> None:
    """Run the comparisons at the sizes that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=2_000_000)
    parser.add_argument("--mails", type=int, default=5_000_000)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument(
        "--rows", type=int, default=10_000_000, help="rows of the plan over a single store; 0: leave out"
    )
    parser.add_argument("--twice", action="store_true", help="again at twice the size, for the memory")
    given = parser.parse_args()
    sizes = Sizes(given.contacts, given.mails, given.events)
    once = compare("Contacts, mails and meetings", sizes, plainly=True)
    if given.twice:
        double = replace(sizes, contacts=2 * sizes.contacts, mails=2 * sizes.mails, events=2 * sizes.events)
        twice = compare("Twice the size", double, plainly=False)
        print(f"  peak memory at twice the size   {twice.peak / once.peak:.2f}")
    if given.rows:
        compare("One store", Sizes(given.rows), plainly=False)


if __name__ == "__main__":
    main()
