"""After a purge a canary is in no file of a store but its logs: heap, indexes, TOAST, samples, views, full text."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from fixtures_postgres import PostgresDatabase
from fixtures_sql import Shop

from connectors.base import Source
from connectors.lasting import Lasting, kind_of
from connectors.sql.connector import SqlConnector

CANARY = "zephyrinecanary"
PEOPLE = Source("people", "people", key=("id",))

SCHEMA = f"""
CREATE TABLE people (id integer PRIMARY KEY, email text, life text, words tsvector
  GENERATED ALWAYS AS (to_tsvector('simple', email)) STORED, keep integer);
ALTER TABLE people ALTER life SET STORAGE EXTERNAL;
CREATE INDEX people_email ON people (email);
CREATE INDEX people_upper ON people (upper(email));
CREATE INDEX people_words ON people USING gin (words);
CREATE STATISTICS people_together (mcv) ON email, keep FROM people;
CREATE VIEW seen AS SELECT * FROM people;
CREATE MATERIALIZED VIEW copied AS SELECT email FROM seen;
INSERT INTO people (id, email, life, keep)
  SELECT n, CASE WHEN n % 2 = 0 THEN '{CANARY}' ELSE 'somebody' END, repeat(
    CASE WHEN n % 2 = 0 THEN '{CANARY} ' ELSE 'somebody ' END, 500), n % 2 FROM generate_series(1, 600) AS n;
REFRESH MATERIALIZED VIEW copied;
ANALYZE
"""


@pytest.fixture
def people(postgres_database: PostgresDatabase) -> Iterator[tuple[SqlConnector, sa.Engine]]:
    """The table in the hands of its owner, who also purges it."""
    engine = sa.create_engine(postgres_database.admin, poolclass=sa.NullPool)
    with engine.begin() as connection:
        for statement in SCHEMA.split(";\n"):
            connection.exec_driver_sql(statement.replace("%", "%%"))
    connector = SqlConnector("shop", postgres_database.read, postgres_database.admin)
    yield connector, engine
    connector.close()


def found(engine: sa.Engine) -> set[str]:
    """The relations in whose files the canary is, and whether the planner's statistics have it."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("CHECKPOINT")
        folder = Path(str(connection.exec_driver_sql("SELECT current_setting('data_directory')").scalar_one()))
        oid = connection.exec_driver_sql("SELECT oid FROM pg_database WHERE datname = current_database()").scalar_one()
        files = dict(
            connection.exec_driver_sql(
                "SELECT pg_relation_filenode(oid)::text, relname FROM pg_class "
                "WHERE pg_relation_filenode(oid) IS NOT NULL"
            ).all()  # type: ignore[arg-type]
        )
    # also files of relations that are gone, until the server removes them at a checkpoint
    places = [each for each in (folder / "base" / str(oid)).iterdir() if each.is_file()]
    return {
        files.get(each.name.partition(".")[0].partition("_")[0], each.name)
        for each in places
        if CANARY.encode() in each.read_bytes().lower()
    }


def test_what_was_overwritten_is_in_no_file_of_the_database(people: tuple[SqlConnector, sa.Engine]) -> None:
    connector, engine = people
    before = found(engine)
    assert {"people", "people_email", "people_upper", "copied", "pg_statistic"} <= before
    assert any(name.startswith("pg_toast") for name in before)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE people SET email = NULL, life = NULL WHERE keep = 0")
    assert {"people", "copied"} <= found(engine)
    remains = connector.purge_residue(PEOPLE)
    samples = "dead rows of pg_statistic"
    assert {kind_of(each) for each in remains} == {samples, Lasting.WAL, Lasting.REPLICAS, Lasting.BACKUPS}
    assert found(engine) - {"pg_statistic", "pg_statistic_ext_data"} == set()
    with engine.connect() as connection:
        assert _sampled(connection) == 0


def test_what_was_deleted_to_the_last_row_is_not_sampled_any_more(people: tuple[SqlConnector, sa.Engine]) -> None:
    connector, engine = people
    with engine.connect() as connection:
        assert _sampled(connection) > 0
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM people")
    remains = connector.purge_residue(PEOPLE)
    with engine.connect() as connection:
        assert _sampled(connection) == 0
    assert any("statistics objects of people (people_together)" in each for each in remains)


def _sampled(connection: sa.Connection) -> int:
    query = f"SELECT count(*) FROM pg_stats WHERE concat(most_common_vals, histogram_bounds) ~ '{CANARY}'"
    return int(connection.exec_driver_sql(query).scalar_one())


def test_what_a_role_may_not_refresh_and_what_triggers_copy_is_said(
    people: tuple[SqlConnector, sa.Engine], postgres_database: PostgresDatabase
) -> None:
    _, engine = people
    with engine.begin() as connection:
        connection.exec_driver_sql("GRANT ALL ON people TO ardoise_write; REVOKE MAINTAIN ON copied FROM ardoise_write")
        connection.exec_driver_sql("ALTER TABLE people ADD COLUMN old_words tsvector")
    other = SqlConnector("shop", postgres_database.read, postgres_database.write)
    remains = other.purge_residue(PEOPLE)
    assert any("materialised view public.copied" in each for each in remains)
    assert any("full-text columns of people (old_words)" in each for each in remains)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER watch AFTER UPDATE ON people FOR EACH ROW "
            "EXECUTE FUNCTION suppress_redundant_updates_trigger()"
        )
    assert any("triggers of people have made (watch)" in each for each in other.purge_residue(PEOPLE))
    other.close()


@pytest.mark.parametrize("content", ["", ", content='people', content_rowid='id'"])
def test_words_of_deleted_rows_leave_the_files_of_sqlite(tmp_path: Path, content: str) -> None:
    path = tmp_path / "shop.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(
            f"PRAGMA journal_mode = WAL; CREATE TABLE people (id INTEGER PRIMARY KEY, life TEXT);"
            f"CREATE VIRTUAL TABLE words USING fts5(life{content});"
        )
        connection.executemany("INSERT INTO people VALUES (?, ?)", [(n, f"{CANARY} {n}") for n in range(200)])
        connection.execute("INSERT INTO words (rowid, life) SELECT id, life FROM people")
    with sqlite3.connect(path) as connection:
        if content:
            connection.execute("INSERT INTO words (words, rowid, life) SELECT 'delete', id, life FROM people")
        else:
            connection.execute("DELETE FROM words")
        connection.execute("DELETE FROM people")
    connection.close()
    connector = SqlConnector("shop", f"sqlite:///{path}", f"sqlite:///{path}")
    connector.purge_residue(PEOPLE)
    connector.close()
    assert not [each for each in tmp_path.iterdir() if CANARY.encode() in each.read_bytes()]


@pytest.mark.parametrize("shop", ["mariadb"], indirect=True)
def test_words_of_deleted_rows_leave_the_full_text_index_of_mariadb(shop: Shop) -> None:
    shop.run("CREATE TABLE lives (id integer PRIMARY KEY, life text, FULLTEXT (life)) WITH SYSTEM VERSIONING")
    shop.run(f"INSERT INTO lives VALUES (1, '{CANARY} lived'), (2, 'somebody lived')")
    shop.run("DELETE FROM lives WHERE id = 1")
    remains = shop.connector.purge_residue(Source("lives", "lives"))
    assert any("DELETE HISTORY FROM lives" in each for each in remains)
    assert {Lasting.BINARY_LOG, Lasting.UNDO_LOG} <= {kind_of(each) for each in remains}
