"""Who may do what in an archive: each role is tried, nothing is changed by trying, and no two stores share one."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fixtures_mariadb import MariaArchive, MariaDatabase, MariaServer, fresh_mariadb
from fixtures_postgres import PostgresDatabase
from fixtures_sql import Shop, fill_shop
from sqlalchemy.dialects import mysql

from connectors.errors import ConnectorError, StoreDown, StoreMismatch, StoreReadOnly, StoreRefuses
from connectors.sql.archive import ArchivePlace
from connectors.sql.connector import SqlConnector
from connectors.sql.journal import Chunk, Counts
from pipelines.demo.servers.postgres import PostgresServer

PLACE = "ardoise_archive"
_numbers = itertools.count(1)


def given(kind: str, request: pytest.FixtureRequest, folder: Path) -> tuple[str, str, ArchivePlace]:
    """The addresses of a store for reading and writing, and where its archive is to be."""
    fixture = request.getfixturevalue
    if kind == "sqlite":
        (folder / "shop.sqlite").touch()
        url = f"sqlite:///{folder / 'shop.sqlite'}"
        return url, url, ArchivePlace(PLACE, f"sqlite:///{folder / 'archive.sqlite'}")
    if kind == "mariadb":
        maria: MariaDatabase = fixture("mariadb_database")
        archive: MariaArchive = fixture("mariadb_archive")
        return maria.read, maria.write, ArchivePlace(archive.name, archive.read)
    database: PostgresDatabase = fixture("postgres_database")
    server: PostgresServer = fixture("postgres_server")
    server.create_role("ardoise_archivist", "archive")
    own = server.url(database.name, "ardoise_archivist", "archive")
    return database.read, database.write, ArchivePlace(PLACE, own)


@pytest.fixture(params=["postgresql", "mariadb", "sqlite"])
def addresses(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str, ArchivePlace]:
    """Those of each kind of store."""
    return given(request.param, request, tmp_path)


def prepared(read: str, write: str, place: ArchivePlace, store: str = "shop") -> SqlConnector:
    connector = SqlConnector(store, read, write, place)
    connector.prepare()
    return connector


def tried(connector: SqlConnector) -> list[ConnectorError]:
    return list(connector.check_archive())


# -- on every engine


def test_trying_an_archive_that_is_in_order_finds_and_leaves_nothing(
    addresses: tuple[str, str, ArchivePlace], tmp_path: Path
) -> None:
    connector = SqlConnector("shop", *addresses)
    assert tried(connector) == []
    with connector.reading() as connection:
        assert not connector.journal.exists(connection)
        assert connector.dialect.name == "mariadb" or PLACE not in sa.inspect(connection).get_schema_names()
    assert not (tmp_path / "archive.sqlite").exists()
    connector.prepare()
    assert tried(connector) == []


def test_an_archive_has_one_store(addresses: tuple[str, str, ArchivePlace]) -> None:
    prepared(*addresses)
    prepared(*addresses)
    other = SqlConnector("billing", *addresses)
    with pytest.raises(StoreRefuses, match="belongs to another store"):
        other.prepare()
    assert [error.what.endswith("belongs to another store") for error in tried(other)] == [True, True]


def test_an_archive_that_lost_one_of_its_tables_is_not_filled_again(addresses: tuple[str, str, ArchivePlace]) -> None:
    connector = prepared(*addresses)
    with connector.writing() as connection, connection.begin():
        for step in ("shop.contacts.archive", "shop.visits.archive.g2", "shop.notes.archive"):
            done = Counts(done=int("notes" not in step))
            connector.journal.record(connection, Chunk("p" * 64, step, "contacts", 1), done)
        assert connector.archive is not None
        connector.archive.make(connection, "contacts", ("id",), {"id": sa.Integer()})
    with pytest.raises(StoreMismatch, match="may not see it: visits"):
        connector.prepare()


def test_without_a_writing_role_nothing_can_move(addresses: tuple[str, str, ArchivePlace]) -> None:
    read, _, place = addresses
    (error,) = tried(SqlConnector("shop", read, None, place))
    assert isinstance(error, StoreReadOnly)
    assert "no write address" in error.what


# -- PostgreSQL: rights by name


def test_a_role_that_could_become_the_archives_reader_could_read_it(
    postgres_server: PostgresServer, postgres_database: PostgresDatabase
) -> None:
    for name in ("ardoise_archivist", "ardoise_climber"):
        postgres_server.create_role(name, "archive")
    own, climber = (
        postgres_server.url(postgres_database.name, name, "archive")
        for name in ("ardoise_archivist", "ardoise_climber")
    )
    place = ArchivePlace(PLACE, own)
    assert tried(SqlConnector("shop", climber, postgres_database.write, place)) == []
    postgres_server.run("GRANT ardoise_archivist TO ardoise_climber WITH INHERIT FALSE")
    (error,) = tried(SqlConnector("shop", climber, postgres_database.write, place))
    assert "could read the archive" in error.what


def test_tables_that_a_restored_backup_gave_to_others_are_named(
    request: pytest.FixtureRequest, postgres_server: PostgresServer, postgres_database: PostgresDatabase, tmp_path: Path
) -> None:
    connector = prepared(*given("postgresql", request, tmp_path))
    postgres_server.run(
        "REVOKE SELECT ON ardoise_archive.ardoise_archive_of FROM ardoise_archivist", postgres_database.name
    )
    reading, writing = tried(connector)
    assert "do not open it" not in reading.what
    assert "lacks a right" in reading.what
    assert "may not read ardoise_archive.ardoise_archive_of" in writing.what
    assert "GRANT SELECT" in writing.remedy
    postgres_server.run("ALTER TABLE ardoise_archive.ardoise_archive_of OWNER TO postgres", postgres_database.name)
    assert any("does not own ardoise_archive.ardoise_archive_of" in error.what for error in tried(connector))


def test_the_writing_role_is_not_the_archives_reader(postgres_database: PostgresDatabase) -> None:
    place = ArchivePlace(PLACE, postgres_database.write)
    with pytest.raises(StoreRefuses, match="read by the role that writes"):
        SqlConnector("shop", postgres_database.read, postgres_database.write, place).prepare()


# -- MariaDB: each role is asked


@pytest.fixture
def role(mariadb_server: MariaServer, mariadb_database: MariaDatabase) -> tuple[str, str]:
    """A user of this test's own that may read the store, and its URL."""
    name = f"ordinary_{next(_numbers)}"
    mariadb_server.run(f"CREATE USER {name}@localhost IDENTIFIED BY 'x'")
    mariadb_server.run(f"GRANT SELECT, CREATE TEMPORARY TABLES ON {mariadb_database.name}.* TO {name}@localhost")
    return f"{name}@localhost", mariadb_server.url(mariadb_database.name, name, "x")


@pytest.mark.parametrize(
    "grants",
    [
        ("GRANT SELECT ON {archive}.* TO {role}",),
        ("GRANT SELECT ON *.* TO {role}",),
        ("GRANT SELECT ON {archive}.ardoise_archive_of TO {role}",),
        ("GRANT SELECT (store) ON {archive}.ardoise_archive_of TO {role}",),
        ("CREATE ROLE IF NOT EXISTS clerks", "GRANT SELECT ON {archive}.* TO clerks", "GRANT clerks TO {role}"),
    ],
)
def test_an_archive_that_the_ordinary_role_of_mariadb_could_read_is_refused(
    mariadb_server: MariaServer,
    mariadb_database: MariaDatabase,
    mariadb_archive: MariaArchive,
    role: tuple[str, str],
    grants: tuple[str, ...],
) -> None:
    name, url = role
    place = ArchivePlace(mariadb_archive.name, mariadb_archive.read)
    connector = prepared(url, mariadb_database.write, place)
    with pytest.raises(StoreReadOnly, match="lacks a right"), connector.reading() as connection:
        connection.exec_driver_sql(f"SELECT * FROM {mariadb_archive.name}.ardoise_archive_of").all()
    for grant in grants:
        mariadb_server.run(grant.format(archive=mariadb_archive.name, role=name))
    with pytest.raises(StoreRefuses, match="could read the archive"):
        connector.prepare()
    assert ["could read the archive" in error.what for error in tried(connector)] == [True]


def test_the_archives_reader_can_change_nothing_and_sees_nothing_else(
    mariadb_database: MariaDatabase, mariadb_archive: MariaArchive
) -> None:
    place = ArchivePlace(mariadb_archive.name, mariadb_archive.read)
    archive = prepared(mariadb_database.read, mariadb_database.write, place).archive
    assert archive is not None
    owners = f"{mariadb_archive.name}.ardoise_archive_of"
    for statement in (f"DELETE FROM {owners}", f"SELECT * FROM {mariadb_database.name}.ardoise_journal"):
        with pytest.raises(StoreReadOnly, match="lacks a right"), archive.reading() as connection:
            connection.exec_driver_sql(statement)


def test_what_an_administrator_has_to_do_is_said(
    mariadb_server: MariaServer, mariadb_database: MariaDatabase, mariadb_archive: MariaArchive, role: tuple[str, str]
) -> None:
    connector = SqlConnector(
        "shop", mariadb_database.read, role[1], ArchivePlace(mariadb_archive.name, mariadb_archive.read)
    )
    (error,) = tried(connector)
    assert isinstance(error, StoreMismatch)
    assert f"CREATE DATABASE {mariadb_archive.name}" in error.remedy
    mariadb_server.run(f"GRANT SELECT, INSERT, CREATE ON {mariadb_archive.name}.* TO {role[0]}")
    (error,) = tried(connector)
    assert isinstance(error, StoreReadOnly)
    assert "may not UPDATE, DELETE, ALTER" in error.what
    mariadb_server.run(f"{error.remedy.partition(';')[0].replace('the writing role', role[0])}")
    assert tried(connector) == []


def test_a_reader_without_its_rights_is_told_apart_from_one_without_credentials(
    mariadb_server: MariaServer, mariadb_database: MariaDatabase, mariadb_archive: MariaArchive, role: tuple[str, str]
) -> None:
    def errors(read: str) -> list[ConnectorError]:
        place = ArchivePlace(mariadb_archive.name, read)
        return tried(SqlConnector("shop", mariadb_database.read, mariadb_database.write, place))

    reading, writing = errors(mariadb_archive.read.replace(":archive@", ":wrong@"))
    assert "it refuses the credentials" in reading.what
    assert isinstance(reading, StoreRefuses)
    assert isinstance(writing, StoreDown)
    (error,) = errors(role[1])
    assert "reading role may not read" in error.what
    mariadb_server.run(f"GRANT SELECT ON {mariadb_archive.name}.* TO {role[0]}")
    (error,) = errors(mariadb_server.url(mariadb_archive.name, role[0].partition("@")[0], "x"))
    assert "may not make temporary tables" in error.what


def test_two_databases_of_a_server_do_not_share_an_archive(
    mariadb_server: MariaServer, mariadb_database: MariaDatabase, mariadb_archive: MariaArchive
) -> None:
    place = ArchivePlace(mariadb_archive.name, mariadb_archive.read)
    prepared(mariadb_database.read, mariadb_database.write, place)
    with fresh_mariadb(mariadb_server) as other, pytest.raises(StoreRefuses, match="belongs to another store"):
        prepared(other.read, other.write, place)


def test_tables_that_take_nothing_back_are_refused(
    mariadb_server: MariaServer, mariadb_database: MariaDatabase, mariadb_archive: MariaArchive
) -> None:
    fill_shop(sa.create_engine(mariadb_database.admin, poolclass=sa.NullPool))
    place = ArchivePlace(mariadb_archive.name, mariadb_archive.read)
    connector = prepared(mariadb_database.read, mariadb_database.write, place)
    connector.check_writable([Shop.contacts])
    mariadb_server.run(f"ALTER TABLE {mariadb_archive.name}.ardoise_archive_of ENGINE = MyISAM")
    with pytest.raises(StoreRefuses, match="ardoise_archive_of takes part in no transaction"):
        connector.prepare()
    mariadb_server.run(f"DROP TABLE {mariadb_database.name}.notes, {mariadb_database.name}.visits")
    mariadb_server.run(f"ALTER TABLE {mariadb_database.name}.contacts DROP FOREIGN KEY contacts_ibfk_1")
    mariadb_server.run(f"ALTER TABLE {mariadb_database.name}.contacts ENGINE = Aria")
    with pytest.raises(StoreRefuses, match="contacts takes part in no transaction: its engine is Aria"):
        connector.check_writable([Shop.contacts])


def test_wide_rows_of_another_encoding_fit(mariadb_database: MariaDatabase, mariadb_archive: MariaArchive) -> None:
    admin = sa.create_engine(mariadb_database.admin, poolclass=sa.NullPool)
    wide: dict[str, Any] = dict.fromkeys(("a", "b", "c"), "é" * 15_000)
    with admin.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE letters (id VARCHAR(600) PRIMARY KEY, a VARCHAR(15000), b VARCHAR(15000), c TEXT, "
            "d ENUM('yes', 'no')) CHARACTER SET latin1"
        )
        connection.execute(sa.text("INSERT INTO letters VALUES ('L', :a, :b, :c, 'no')"), wide)
        letters = sa.Table("letters", sa.MetaData(), autoload_with=connection)
    connector = prepared(
        mariadb_database.read, mariadb_database.write, ArchivePlace(mariadb_archive.name, mariadb_archive.read)
    )
    assert connector.archive is not None
    with connector.writing() as connection, connection.begin():
        made = connector.archive.make(connection, "letters", ("id",), {each.name: each.type for each in letters.c})
        rows = sa.select(sa.literal("x"), sa.literal("p"), sa.literal("s"), *letters.c)
        names = ["ardoise_arrival", "ardoise_plan", "ardoise_step", *letters.c.keys()]
        connection.execute(made.insert().from_select(names, rows))
        (row,) = connection.execute(sa.select(made)).mappings()
    assert {name: row[name] for name in letters.c.keys()} == {"id": "L", **wide, "d": "no"}  # noqa: SIM118
    assert isinstance(made.c.a.type, mysql.LONGTEXT)
