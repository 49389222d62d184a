"""The archive of a SQL store: apart from the active base, filled and emptied in one transaction with it."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fixtures_mariadb import MariaArchive, MariaDatabase
from fixtures_postgres import PostgresDatabase
from fixtures_sql import Shop, fill_shop

from connectors.base import Source
from connectors.errors import ConnectorError, StoreDown, StoreMismatch, StoreReadOnly, StoreRefuses
from connectors.sql.archive import ID, PLAN, STEP, Archive, ArchivePlace, arrival
from connectors.sql.connector import SqlConnector
from connectors.sql.freezing import Frozen
from connectors.sql.journal import Chunk, Counts
from connectors.sql.lines import NUMBER
from pipelines.demo.servers.postgres import PostgresServer

PLACE = "ardoise_archive"
CONTACTS = Source("contacts", "contacts")
CHUNK = Chunk("p" * 64, "shop.contacts.archive", "contacts", 1)
COLUMNS: dict[str, sa.types.TypeEngine[Any]] = {"id": sa.Integer(), "email": sa.String(200), "seen": sa.Date()}


@pytest.fixture
def archive_reader(postgres_server: PostgresServer, postgres_database: PostgresDatabase) -> str:
    """The URL of a role that may read nothing yet."""
    postgres_server.create_role("ardoise_archivist", "archive")
    return postgres_server.url(postgres_database.name, "ardoise_archivist", "archive")


@pytest.fixture(params=["postgresql", "sqlite", "mariadb"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    """The shop with an archive, prepared."""
    if request.param == "postgresql":
        place = ArchivePlace(PLACE, request.getfixturevalue("archive_reader"))
        database: PostgresDatabase = request.getfixturevalue("postgres_database")
        admin, connector = database.admin, SqlConnector("shop", database.read, database.write, place)
    elif request.param == "mariadb":
        maria: MariaDatabase = request.getfixturevalue("mariadb_database")
        archive: MariaArchive = request.getfixturevalue("mariadb_archive")
        admin = maria.admin
        connector = SqlConnector("shop", maria.read, maria.write, ArchivePlace(archive.name, archive.read))
    else:
        (tmp_path / "shop.sqlite").touch()
        admin = f"sqlite:///{tmp_path / 'shop.sqlite'}"
        connector = SqlConnector("shop", admin, admin, ArchivePlace(PLACE, f"sqlite:///{tmp_path / 'archive.sqlite'}"))
    engine = sa.create_engine(admin, poolclass=sa.NullPool)
    fill_shop(engine)
    connector.prepare()
    yield Shop(connector, engine)
    connector.close()


def archive_of(connector: SqlConnector) -> Archive:
    assert connector.archive is not None
    return connector.archive


@contextmanager
def frozen(connection: sa.Connection, table: sa.Table, numbers: range) -> Iterator[Frozen]:
    """The chunk that a run has locked."""
    columns = [sa.Column(NUMBER, sa.Integer), sa.Column("id", sa.Integer)]
    keys = sa.Table("ardoise_frozen_here", sa.MetaData(), *columns, prefixes=["TEMPORARY"])
    keys.create(connection)
    connection.execute(keys.insert(), [{NUMBER: n, "id": n} for n in numbers])
    yield Frozen(table, keys, ("id",), len(numbers))
    keys.drop(connection)


def move(connector: SqlConnector, numbers: range, *, lost: int = 0) -> None:
    """Bring contacts to the archive and delete them, in one transaction; ``lost`` of them do not arrive."""
    table = connector.table(CONTACTS)
    with connector.writing() as connection:
        with connection.begin():
            made = archive_of(connector).make(connection, "contacts", ("id",), COLUMNS)
        with connection.begin(), frozen(connection, table, numbers) as chunk:
            rows = sa.select(table.c.id, table.c.email, table.c.seen).where(table.c.id <= numbers[-1] - lost)
            arrival(made, lambda each: rows.where(each.within()))(connection, CHUNK, chunk)
            connection.execute(sa.delete(table).where(chunk.within()))
            connector.journal.record(connection, CHUNK, Counts(done=len(numbers)))


def archived(connector: SqlConnector) -> list[tuple[int, str]]:
    with archive_of(connector).reading() as connection:
        table = archive_of(connector).find(connection, "contacts")
        if table is None:
            return []
        return [(row.id, row.email) for row in connection.execute(sa.select(table).order_by(table.c.id))]


def test_rows_that_move_are_in_the_archive_and_nowhere_else(shop: Shop) -> None:
    shop.run("DELETE FROM visits")
    move(shop.connector, range(1, 31))
    assert archived(shop.connector) == [(n, f"p{n}@example.org") for n in range(1, 31)]
    assert shop.value("SELECT min(id) FROM contacts") == 31


def test_what_does_not_arrive_whole_stays_where_it_was(shop: Shop) -> None:
    shop.run("DELETE FROM visits")
    with pytest.raises(StoreRefuses, match="28 of 30 rows arrived"):
        move(shop.connector, range(1, 31), lost=2)
    assert archived(shop.connector) == []
    assert shop.value("SELECT count(*) FROM contacts") == 100


def test_a_step_brings_a_record_once(shop: Shop) -> None:
    shop.run("DELETE FROM visits")
    move(shop.connector, range(1, 3))
    shop.run("INSERT INTO contacts (id, email) VALUES (1, 'again@example.org')")
    with pytest.raises(ConnectorError, match="constraint"):
        move(shop.connector, range(1, 2))
    assert archived(shop.connector) == [(1, "p1@example.org"), (2, "p2@example.org")]


def test_a_table_gains_the_columns_that_are_asked_for_later(shop: Shop) -> None:
    shop.run("DELETE FROM visits")
    move(shop.connector, range(1, 3))
    with shop.connector.writing() as connection, connection.begin():
        wider = archive_of(shop.connector).make(connection, "contacts", ("id",), COLUMNS | {"city": sa.String(40)})
        rows = connection.execute(sa.select(wider).order_by(wider.c.id)).mappings().all()
    assert [(row["id"], row["city"]) for row in rows] == [(1, None), (2, None)]
    assert len({row[ID] for row in rows}) == 2
    assert {(row[PLAN], row[STEP]) for row in rows} == {(CHUNK.plan, CHUNK.step)}


def test_the_archive_is_no_part_of_the_inventory(shop: Shop) -> None:
    before = shop.connector.inspect()
    shop.run("DELETE FROM visits")
    move(shop.connector, range(1, 3))
    assert {each.location for each in shop.connector.inspect().datasets} == {each.location for each in before.datasets}


def test_an_archive_that_is_gone_is_never_made_anew(shop: Shop) -> None:
    shop.run("DELETE FROM visits")
    move(shop.connector, range(1, 3))
    with shop.connector.writing() as connection, connection.begin():
        archive_of(shop.connector).find(connection, "contacts")
        schema = archive_of(shop.connector).schema
        if connection.dialect.name == "mariadb":
            shop.run(f"DROP TABLE {schema}.contacts")
        else:
            connection.exec_driver_sql(f"DROP TABLE {schema}.contacts")
    with pytest.raises(StoreMismatch, match="gone"):
        shop.connector.prepare()
    with shop.connector.reading() as connection, pytest.raises(StoreMismatch, match="gone"):
        archive_of(shop.connector).check(connection, shop.connector.journal)


def test_nothing_was_moved_yet(shop: Shop) -> None:
    with shop.connector.reading() as connection, archive_of(shop.connector).reading() as own:
        archive_of(shop.connector).check(connection, shop.connector.journal)
        assert archive_of(shop.connector).tables(own) == ()


# -- who may read it


def test_the_ordinary_reading_role_cannot_read_the_archive(
    postgres_database: PostgresDatabase, archive_reader: str, postgres_server: PostgresServer
) -> None:
    connector = SqlConnector(
        "shop", postgres_database.read, postgres_database.write, ArchivePlace(PLACE, archive_reader)
    )
    fill_shop(sa.create_engine(postgres_database.admin, poolclass=sa.NullPool))
    postgres_server.run(
        "ALTER DEFAULT PRIVILEGES FOR ROLE ardoise_write GRANT SELECT ON TABLES TO PUBLIC", postgres_database.name
    )
    connector.prepare()
    with connector.writing() as connection, connection.begin():
        connection.exec_driver_sql("DELETE FROM visits")
    move(connector, range(1, 3))
    with pytest.raises(StoreReadOnly, match="lacks a right"), connector.reading() as connection:
        connection.exec_driver_sql(f"SELECT * FROM {PLACE}.contacts").all()
    assert len(archived(connector)) == 2
    with pytest.raises(StoreReadOnly, match="lacks a right"), archive_of(connector).reading() as connection:
        connection.exec_driver_sql("SELECT * FROM contacts").all()
    with pytest.raises(StoreReadOnly, match="lacks a right"), archive_of(connector).reading() as connection:
        connection.exec_driver_sql(f"DELETE FROM {PLACE}.contacts")


@pytest.mark.parametrize("ordinary", ["admin", "write"])
def test_an_archive_that_the_ordinary_role_could_read_is_refused(
    postgres_database: PostgresDatabase, archive_reader: str, ordinary: str
) -> None:
    url = getattr(postgres_database, ordinary)
    connector = SqlConnector("shop", url, postgres_database.write, ArchivePlace(PLACE, archive_reader))
    with pytest.raises(StoreRefuses, match="could read the archive"):
        connector.prepare()
    with connector.reading() as connection:
        assert not sa.inspect(connection).has_schema(PLACE)


def test_one_role_for_both_is_refused(postgres_database: PostgresDatabase) -> None:
    place = ArchivePlace(PLACE, postgres_database.read)
    connector = SqlConnector("shop", postgres_database.read, postgres_database.write, place)
    with pytest.raises(StoreRefuses, match="could read the archive"):
        connector.prepare()


def test_credentials_that_do_not_work_are_an_error_of_the_archive(postgres_database: PostgresDatabase) -> None:
    wrong = postgres_database.read.replace("ardoise_read", "nobody_at_all")
    archive = Archive("shop", ArchivePlace(PLACE, wrong))
    with pytest.raises(StoreDown, match="shop"), archive.reading():
        raise AssertionError("never entered")


# -- a file beside a file


@pytest.mark.parametrize("mode", ["wal", "off", "memory"])
def test_two_files_that_would_not_commit_together_are_refused(tmp_path: Path, mode: str) -> None:
    url = f"sqlite:///{tmp_path / 'shop.sqlite'}"
    (tmp_path / "shop.sqlite").touch()
    connector = SqlConnector("shop", url, url, ArchivePlace(PLACE, f"sqlite:///{tmp_path / 'archive.sqlite'}"))
    sa.event.listen(connector._write, "connect", lambda raw, _: raw.execute(f"PRAGMA main.journal_mode = {mode}"))
    with pytest.raises(StoreRefuses, match=f"journal mode {mode}"):
        connector.prepare()


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shop.sqlite'}"
    (tmp_path / "shop.sqlite").touch()
    file = tmp_path / "archive.sqlite"
    connector = SqlConnector("shop", url, url, ArchivePlace(PLACE, f"sqlite:///{file}"))
    connector.prepare()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o644)
    with pytest.raises(StoreRefuses, match="others may read"):
        connector.prepare()


def test_a_store_is_not_its_own_archive(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shop.sqlite'}"
    (tmp_path / "shop.sqlite").touch(mode=0o600)
    connector = SqlConnector("shop", url, url, ArchivePlace(PLACE, url))
    with pytest.raises(StoreRefuses, match="own file"):
        connector.prepare()
