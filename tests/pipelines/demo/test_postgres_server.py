"""The embedded PostgreSQL server: awkward paths, crashes, and no leak."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import sqlalchemy as sa
from fixtures_postgres import PostgresDatabase

from pipelines.demo.servers.postgres import PostgresServer


def test_roles_log_in_with_their_password_only(postgres_server: PostgresServer) -> None:
    for url, works in (
        (postgres_server.url("postgres", "ardoise_read", "read-only"), True),
        (postgres_server.url("postgres", "ardoise_read", "wrong"), False),
        (postgres_server.url("postgres", "ardoise_read"), False),
    ):
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        if works:
            engine.connect().close()
        else:
            with pytest.raises(sa.exc.OperationalError):
                engine.connect()


def test_the_reading_role_makes_temporary_tables_and_changes_nothing(postgres_database: PostgresDatabase) -> None:
    admin = sa.create_engine(postgres_database.admin, poolclass=sa.NullPool)
    with admin.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (id int)")
    reader = sa.create_engine(postgres_database.read, poolclass=sa.NullPool)
    with reader.begin() as connection:
        connection.exec_driver_sql("CREATE TEMP TABLE mine AS SELECT * FROM t")
    with reader.connect() as connection, pytest.raises(sa.exc.ProgrammingError):
        connection.exec_driver_sql("DELETE FROM t")


@pytest.mark.slow
def test_committed_rows_survive_a_kill(tmp_path: Path) -> None:
    with PostgresServer(tmp_path / "a folder with spaces") as server:
        server.run("CREATE TABLE t AS SELECT 1 AS id")
        server.kill()
        assert not server.running
        server.start()
        with sa.create_engine(server.url(), poolclass=sa.NullPool).connect() as connection:
            assert connection.exec_driver_sql("SELECT id FROM t").scalar_one() == 1
        found_by_another_process = PostgresServer(server.folder)
        assert found_by_another_process.start().url() == server.url()


@pytest.mark.slow
def test_the_server_ends_with_a_killed_parent_unless_detached(tmp_path: Path) -> None:
    program = textwrap.dedent("""
        import sys
        from pathlib import Path
        from pipelines.demo.servers.postgres import PostgresServer
        PostgresServer(Path(sys.argv[1]), detached=sys.argv[2] == "detached").start()
        print("up", flush=True)
        sys.stdin.read()
    """)
    for how in ("bound", "detached"):
        folder = tmp_path / how
        with subprocess.Popen(
            [sys.executable, "-c", program, str(folder), how],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3],
        ) as parent:  # fmt: skip
            assert parent.stdout is not None
            assert parent.stdout.readline() == b"up\n"
            parent.send_signal(signal.SIGKILL)
            parent.wait(10)
        server = PostgresServer(folder)
        if how == "detached":
            assert server.running
            server.stop()
        else:
            with subprocess.Popen(["tail", "-F", "-n", "+1", str(server.log)], stdout=subprocess.PIPE) as tail:
                assert tail.stdout is not None
                assert any(b"database system is shut down" in line for line in tail.stdout)
                tail.kill()
        assert not server.running
