"""Fixtures: real IMAP and CalDAV servers, started once per session."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipelines.demo.servers.caldav import CaldavServer
from pipelines.demo.servers.imap import ImapServer

_NUMBERS = itertools.count(1)
_ACCOUNTS = 300


@dataclass(frozen=True)
class MailAccount:
    """An account of its own on the session's IMAP server, empty at first."""

    server: ImapServer
    user: str

    @property
    def url(self) -> str:
        return self.server.url(self.user)


@dataclass(frozen=True)
class CalendarAccount:
    """An account of its own on the session's CalDAV server, empty at first."""

    server: CaldavServer
    user: str

    @property
    def read_url(self) -> str:
        return self.server.url(self.user, "reader")

    @property
    def write_url(self) -> str:
        return self.server.url(self.user)


@pytest.fixture(scope="session")
def imap_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImapServer]:
    users = {f"account{number}": "pass:word@1" for number in range(_ACCOUNTS)}
    with ImapServer(tmp_path_factory.mktemp("imap server"), users) as server:
        yield server


@pytest.fixture(scope="session")
def caldav_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CaldavServer]:
    users = {f"account{number}": "pass:word@1" for number in range(_ACCOUNTS)}
    with CaldavServer(tmp_path_factory.mktemp("caldav server"), users, {"reader": "read:only@1"}) as server:
        yield server


@pytest.fixture
def mail_account(imap_server: ImapServer) -> MailAccount:
    imap_server.start()  # a test may have killed it
    return MailAccount(imap_server, f"account{next(_NUMBERS)}")


@pytest.fixture
def calendar_account(caldav_server: CaldavServer) -> CalendarAccount:
    caldav_server.start()  # a test may have killed it
    return CalendarAccount(caldav_server, f"account{next(_NUMBERS)}")


@pytest.fixture(scope="session")
def foreign_data() -> Path:
    """The folder of data that no one here wrote, named by ARDOISE_DATA."""
    folder = os.environ.get("ARDOISE_DATA")
    if not folder:
        pytest.skip("ARDOISE_DATA is not set: it names the folder of foreign mail and calendar files")
    return Path(folder)
