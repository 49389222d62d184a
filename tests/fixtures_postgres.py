"""Fixtures: a real PostgreSQL server, started once per session."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from databases import Database, fresh_name

from pipelines.demo.servers.postgres import PostgresServer


class PostgresDatabase(Database):
    """A database on PostgreSQL.

    The reading role may SELECT and create temporary tables, on tables made later too; the writing role may change
    every table and create the engine's schema.
    """


_TEMPLATE = "test_template"
_PREPARED = (
    "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO ardoise_read",
    "ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ardoise_write",
    "ALTER DEFAULT PRIVILEGES GRANT MAINTAIN ON TABLES TO ardoise_write",
    "GRANT USAGE ON SCHEMA public TO ardoise_read, ardoise_write",
)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A server of this session's own; in a path with a space, because users have such paths.

    It does not wait for the disk: tests kill the server, and never the machine under it.
    """
    with PostgresServer(tmp_path_factory.mktemp("postgres server")) as server:
        server.run("ALTER SYSTEM SET fsync = off")
        server.run("SELECT pg_reload_conf()")
        server.create_role("ardoise_read", "read-only")
        server.create_role("ardoise_write", "read-write")
        server.create_database(_TEMPLATE)
        server.run("; ".join(_PREPARED), _TEMPLATE)
        yield server


@pytest.fixture
def postgres_database(postgres_server: PostgresServer) -> Iterator[PostgresDatabase]:
    """A fresh database, dropped afterwards."""
    with fresh_database(postgres_server) as database:
        yield database


@contextlib.contextmanager
def fresh_database(postgres_server: PostgresServer) -> Iterator[PostgresDatabase]:
    """A fresh database, dropped afterwards."""
    name = fresh_name()
    postgres_server.start()  # a test may have killed it
    postgres_server.create_database(name, _TEMPLATE)
    postgres_server.run(
        "DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO ardoise_write', current_database()); END $$", name
    )
    yield PostgresDatabase(
        name,
        admin=postgres_server.url(name),
        read=postgres_server.url(name, "ardoise_read", "read-only"),
        write=postgres_server.url(name, "ardoise_write", "read-write"),
    )
    postgres_server.drop_database(name)
