"""The IMAP and CalDAV servers start, are found again, and end with those who started them."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from pathlib import Path

import pytest
from imapclient import IMAPClient

from pipelines.demo.servers.caldav import CaldavServer
from pipelines.demo.servers.child import ChildServer
from pipelines.demo.servers.imap import ImapServer

USERS = {"julien": "pass:word@1"}
ARRIVED = dt.datetime(2021, 6, 30, 23, 30, tzinfo=dt.UTC)


@pytest.fixture(params=[ImapServer, CaldavServer])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> ChildServer:
    made: ChildServer = request.param(tmp_path / "with spaces", USERS)
    return made


def test_a_server_keeps_its_port_through_kill_and_restart(server: ChildServer) -> None:
    with server:
        port = server.port
        assert port < 32_768
        server.kill()
        assert not server.running
        server.start()
        server.restart()
        assert server.running
        assert server.port == port
    assert not server.running


def test_a_detached_server_is_found_again_and_stopped_by_another_process(server: ChildServer) -> None:
    kind = type(server)
    code = (
        f"from pathlib import Path; from {kind.__module__} import {kind.__name__};"
        f"{kind.__name__}(Path({str(server.folder)!r}), {USERS!r}, detached=True).start()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3], env=os.environ.copy())
    assert server.running, "it outlives the process that started it"
    assert server.start() is server, "one that runs is left as it is"
    server.stop()
    assert not server.running


def test_a_server_that_is_not_detached_ends_with_its_starter(server: ChildServer) -> None:
    kind = type(server)
    code = (
        f"import os; from pathlib import Path; from {kind.__module__} import {kind.__name__};"
        f"s = {kind.__name__}(Path({str(server.folder)!r}), {USERS!r}).start(); print(s._process.pid, flush=True);"
        "os.kill(os.getpid(), 9)"
    )
    command = [sys.executable, "-c", code]
    # the pipe closes once the server, which does not hold it, and its starter are gone
    done = subprocess.run(command, check=False, cwd=Path(__file__).parents[3], stdout=subprocess.PIPE, text=True)
    descriptor = os.pidfd_open(int(done.stdout)) if _exists(int(done.stdout)) else None
    if descriptor is not None:
        import select

        assert select.select([descriptor], [], [], 20)[0], "the server ends"
        os.close(descriptor)
    assert not server.running


def _exists(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_seeded_messages_have_their_dates_and_flags(tmp_path: Path) -> None:
    server = ImapServer(tmp_path, USERS)
    server.seed("julien", "Archive/2021 été", [(b"Subject: x\r\n\r\nhello\r\n", ARRIVED, ["\\Seen", "$Later"])])
    with server, IMAPClient("127.0.0.1", server.port, ssl=False) as client:
        client.normalise_times = False
        client.login("julien", USERS["julien"])
        client.select_folder("Archive/2021 été", readonly=True)
        parts = client.fetch([1], ["INTERNALDATE", "FLAGS"])[1]
    assert parts[b"INTERNALDATE"].astimezone(dt.UTC) == ARRIVED
    assert {b"\\Seen", b"$Later"} <= set(parts[b"FLAGS"])


def test_a_stale_lock_of_a_killed_server_blocks_nobody(tmp_path: Path) -> None:
    server = ImapServer(tmp_path, USERS)
    server.seed("julien", "INBOX", [(b"Subject: x\r\n\r\nhello\r\n", ARRIVED, [])])
    (server.mailbox("julien", "INBOX") / "dovecot-uidlist.lock").touch()
    with server, IMAPClient("127.0.0.1", server.port, ssl=False, timeout=10) as client:
        client.login("julien", USERS["julien"])
        assert client.select_folder("INBOX")[b"EXISTS"] == 1
