"""Fixtures: a real MariaDB server from Debian's package, started once per session in a folder of its own."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pymysql
import pytest
from databases import Database, fresh_name
from sqlalchemy import URL

READY_WITHIN = 60.0
"""Seconds until a server that has not answered counts as failed."""


class MariaDatabase(Database):
    """A database on MariaDB.

    The reading role may SELECT and create temporary tables; the writing role may change every table and create the
    engine's own. The administrator speaks ANSI SQL (`||`, double quotes) in UTC, so that tests can.
    """


class MariaServer:
    """One server in a folder of its own, reached through a Unix socket only; a child that ends with its parent.

    The folder's name is short and has no space: a socket's path is limited to 107 bytes, and the program that makes
    a data directory does not quote. Its temporary files are there too: a server that starts removes those
    it finds in the usual place. The server's own time zone is far from UTC and its sessions are lenient by default,
    as a stranger's may be.
    """

    def __init__(self, program: str) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="ardoise-maria-"))
        self._data, self._log, self._socket = (self._folder / name for name in ("data", "server.log", "socket"))
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        made = subprocess.run(
            ["mariadb-install-db", "--no-defaults", f"--datadir={self._data}", f"--user={getpass.getuser()}",
             "--auth-root-authentication-method=normal", "--skip-test-db"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if made.returncode != 0:
            pytest.fail(f"mariadb-install-db failed: {made.stdout[-300:]}{made.stderr[-300:]}")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", self._program, "--no-defaults", f"--datadir={self._data}",
                 f"--tmpdir={self._folder}", f"--socket={self._socket}", f"--user={getpass.getuser()}",
                 "--skip-networking", "--skip-log-bin",
                 "--default-time-zone=+09:00", "--sql-mode=", "--innodb-buffer-pool-size=64M",
                 "--innodb-flush-method=nosync", "--innodb-flush-log-at-trx-commit=0", "--sync-frm=0",
                 "--debug-no-sync", "--skip-name-resolve"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self._wait()
        for role, password in (("ardoise_read", "read-only"), ("ardoise_write", "read-write")):
            self.run(f"CREATE USER {role}@localhost IDENTIFIED BY '{password}'")
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(READY_WITHIN)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _wait(self) -> None:
        deadline = time.monotonic() + READY_WITHIN
        ping = ["mariadb-admin", "--no-defaults", f"--socket={self._socket}", "--user=root", "ping"]
        while subprocess.run(ping, capture_output=True, check=False).returncode != 0:
            assert self._process is not None
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.1)
            if self._process.returncode is not None or time.monotonic() > deadline:
                pytest.fail(f"mariadbd did not answer: {self._log.read_text(errors='replace')[-600:]}")

    def run(self, statement: str) -> None:
        """Run a statement as the administrator."""
        connection = pymysql.connect(unix_socket=str(self._socket), user="root", autocommit=True, ssl_disabled=True)
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)

    def url(self, database: str, user: str = "root", password: str = "", **query: str) -> str:
        """The SQLAlchemy URL of a database, through the socket.

        Without TLS, which the server does not speak: else each connection reads the certificates of the machine first,
        which takes longer than most of what it is opened for.
        """
        there = {"unix_socket": str(self._socket), "ssl_disabled": "true", **query}
        address = URL.create("mariadb+pymysql", user, password, database=database, query=there)
        return address.render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariaServer]:
    """A server of this session's own. Skipped where Debian's package is not, but in the gate."""
    found = shutil.which("mariadbd", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if found is None:
        missing = pytest.fail if os.environ.get("ARDOISE_CI") else pytest.skip
        missing("MariaDB is not installed; on Debian: apt-get install mariadb-server")
    assert found is not None
    with MariaServer(found) as server:
        yield server


@pytest.fixture
def mariadb_database(mariadb_server: MariaServer) -> Iterator[MariaDatabase]:
    """A fresh database, dropped afterwards."""
    with fresh_mariadb(mariadb_server) as database:
        yield database


@contextlib.contextmanager
def fresh_mariadb(server: MariaServer) -> Iterator[MariaDatabase]:
    """A fresh database, dropped afterwards."""
    name = fresh_name()
    server.run(f"CREATE DATABASE {name}")
    server.run(f"GRANT SELECT, CREATE TEMPORARY TABLES, TRIGGER ON {name}.* TO ardoise_read@localhost")
    server.run(
        f"GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, CREATE TEMPORARY TABLES, TRIGGER ON {name}.* "
        "TO ardoise_write@localhost"
    )
    yield MariaDatabase(
        name,
        admin=server.url(name, sql_mode="ANSI,STRICT_ALL_TABLES", init_command="SET time_zone = '+00:00'"),
        read=server.url(name, "ardoise_read", "read-only"),
        write=server.url(name, "ardoise_write", "read-write"),
    )
    server.run(f"DROP DATABASE {name}")


@dataclass(frozen=True, slots=True)
class MariaArchive:
    """A database for the archive of another one, as an administrator makes it, and the URL that may read it."""

    name: str
    read: str


@pytest.fixture
def mariadb_archive(mariadb_server: MariaServer, mariadb_database: MariaDatabase) -> Iterator[MariaArchive]:
    """The archive of the test's database, dropped afterwards."""
    with fresh_archive(mariadb_server, mariadb_database) as archive:
        yield archive


@contextlib.contextmanager
def fresh_archive(server: MariaServer, database: MariaDatabase) -> Iterator[MariaArchive]:
    """A database for an archive, dropped afterwards."""
    name = f"ardoise_{database.name}"
    server.run(f"CREATE DATABASE {name}")
    server.run("CREATE USER IF NOT EXISTS ardoise_archivist@localhost IDENTIFIED BY 'archive'")
    server.run(f"GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER ON {name}.* TO ardoise_write@localhost")
    server.run(f"GRANT SELECT, CREATE TEMPORARY TABLES ON {name}.* TO ardoise_archivist@localhost")
    yield MariaArchive(name, server.url(name, "ardoise_archivist", "archive"))
    server.run(f"DROP DATABASE {name}")
