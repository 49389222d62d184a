"""How long a scan of a PostgreSQL store takes: by default 2,000 columns in 100 tables, one of them large.

    python -m benchmarks.scanning [--tables N] [--rows N] [--large N]

Prints the seconds and the peak memory of the first scan and of a second one, after one table has changed.
"""

from __future__ import annotations

import argparse
import datetime as dt
import tempfile
from pathlib import Path

import psycopg

from benchmarks.measured import measured
from pipelines.demo.servers.postgres import PostgresServer
from pipelines.estate import Estate
from pipelines.scan import scan

CONFIG = """
[estate]
name = "Benchmark"
[controllers.BENCH]
policy = "starter"
[stores.crm]
kind = "sql"
read = "{crm}"
"""

COLUMNS = {
    "id": "integer PRIMARY KEY, n",
    "courriel": "text, 'prenom.' || n || '@example.org'",
    "prenom": "text, (ARRAY['Anne','Luc','Zoé','Marc','Inès','Paul','Lise'])[1 + n % 7]",
    "nom": "text, (ARRAY['Dupont','Martin','Leroy','Moreau','Garnier'])[1 + n % 5] || CASE n % 3 WHEN 0 THEN '-Roux' "
    "ELSE '' END",
    "tel": "text, '06 ' || lpad((n % 100)::text, 2, '0') || ' 12 34 ' || lpad((n / 7 % 100)::text, 2, '0')",
    "ville": "text, (ARRAY['Nantes','Lyon','Lille','Brest','Paris'])[1 + n % 5]",
    "adresse": "text, n % 200 || ' rue de la République'",
    "code_postal": "text, lpad((1000 + n % 94000)::text, 5, '0')",
    "naissance": "date, date '1950-01-01' + n % 18000",
    "montant": "numeric(12,2), n * 1.17",
    "quantite": "integer, n % 12",
    "statut": "text, (ARRAY['ouvert','payé','annulé'])[1 + n % 3]",
    "reference": "text, 'REF-' || lpad(n::text, 8, '0')",
    "produit": "text, (ARRAY['Perceuse 18V','Lampe LED','Table basse','Vis inox M4'])[1 + n % 4]",
    "cree_le": "timestamptz, timestamptz '2020-01-01 00:00+00' + n * interval '1 minute'",
    "actif": "boolean, n % 2 = 0",
    "commentaire": "text, 'Le client ' || n || ' a rappelé au sujet de sa commande, à livrer mardi au plus tard si "
    "possible, sinon voir avec le dépôt.'",
    "charge": "jsonb, jsonb_build_object('sku', 'A' || n, 'client', jsonb_build_object('email', 'c' || n || "
    "'@example.org'))",
    "url": "text, '/produits/' || n % 50 || '/fiche'",
    "code": "text, chr(65 + n % 26) || n % 10",
}
"""Per column its type, and its value in the row of number n."""


def build(url: str, tables: int, rows: int, large: int) -> None:
    """Fill the store: every table has all columns; the names and a shift differ."""
    kinds = {name: each.split(", ", 1) for name, each in COLUMNS.items()}
    declared = ", ".join(f"{name} {kind}" for name, (kind, _) in kinds.items())
    values = ", ".join(value for _, value in kinds.values())
    with psycopg.connect(url, autocommit=True) as connection:
        for number in range(tables):
            count = large if number == 0 else rows
            connection.execute(f"CREATE TABLE t{number:03} ({declared})")
            connection.execute(
                f"INSERT INTO t{number:03} SELECT {values} FROM generate_series({number}, {number + count - 1}) n"
            )
        connection.execute("ANALYZE")


def once(folder: str) -> tuple[int, int, int, bool]:
    """Scan; how many datasets, personal columns, datasets not read again, and whether all was seen."""
    (found,) = scan(Estate.load(Path(folder)), now=dt.datetime.now(dt.UTC)).stores
    return found.datasets, found.personal, found.unchanged, found.complete


def main() -> None:
    """Build a store, scan it twice, print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=100, help=f"tables of {len(COLUMNS)} columns")
    parser.add_argument("--rows", type=int, default=5_000, help="rows of each table")
    parser.add_argument("--large", type=int, default=1_000_000, help="rows of the first table")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, PostgresServer(Path(folder) / "server") as server:
        server.create_database("crm")
        url = server.url("crm")
        plain = url.replace("+psycopg", "")
        build(plain, given.tables, given.rows, given.large)
        estate = Path(folder) / "estate"
        estate.mkdir()
        (estate / "ardoise.toml").write_text(CONFIG.format(crm=url), encoding="utf-8")
        first = measured(once, str(estate))
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute("UPDATE t001 SET code = 'x' WHERE id < 50")
            connection.execute("SELECT pg_stat_force_next_flush()")
        again = measured(once, str(estate))
        print(f"{given.tables * len(COLUMNS):,} columns, {given.tables} tables of {given.rows:,} rows, one of ", end="")
        print(f"{given.large:,}")
        for name, found in (("first scan", first), ("second scan", again)):
            datasets, personal, unchanged, complete = found.result
            print(f"  {name:12}{found}; {datasets} tables, {unchanged} not read again, ", end="")
            print(f"{personal} personal columns, {'complete' if complete else 'INCOMPLETE'}")


if __name__ == "__main__":
    main()
