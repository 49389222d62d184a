"""A real CalDAV server (Radicale) for the demonstration and the tests, with a second, read-only user if wanted."""

from __future__ import annotations

import base64
import http.client
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote

from pipelines.demo.servers.child import HOST, ChildServer

_CONFIG = """\
[server]
hosts = {host}:{port}
[auth]
type = htpasswd
htpasswd_filename = {folder}/htpasswd
htpasswd_encryption = plain
delay = 0
[rights]
type = from_file
file = {folder}/rights
[storage]
filesystem_folder = {folder}/storage
strict_preconditions = True
[web]
type = none
[logging]
level = error
"""

_RIGHTS = """\
[root]
user: .+
collection:
permissions: R
{readers}
[own]
user: .+
collection: {{user}}(/.*)?
permissions: RrWw
"""

_READER = """\
[reader{number}]
user: {name}
collection: .*
permissions: Rr
"""


class CaldavServer(ChildServer):
    """Radicale with one account per user; ``readers`` may read everybody's calendars and write none."""

    def __init__(
        self,
        folder: Path,
        users: Mapping[str, str],
        readers: Mapping[str, str] | None = None,
        *,
        detached: bool = False,
    ) -> None:
        super().__init__(folder, detached=detached)
        self.users = dict(users)
        self.readers = dict(readers or {})

    def url(self, user: str, reader: str | None = None) -> str:
        """The URL of a user's calendars, with the password of the user or of a reader."""
        name = reader or user
        password = self.readers[name] if reader else self.users[name]
        return f"http://{quote(name, safe='')}:{quote(password, safe='')}@{HOST}:{self.port}/{quote(user)}/"

    def calendar(self, user: str, calendar: str) -> Path:
        """The folder of a calendar: one file per resource."""
        return self.folder / "storage" / "collection-root" / user / calendar

    def seed(self, user: str, calendar: str, objects: Iterable[bytes]) -> int:
        """Put resources (one iCalendar object each) into a calendar, on disk; returns how many."""
        folder = self.calendar(user, calendar)
        folder.mkdir(parents=True, exist_ok=True)
        properties = {"tag": "VCALENDAR", "D:displayname": calendar, "C:supported-calendar-component-set": "VEVENT"}
        (folder / ".Radicale.props").write_text(json.dumps(properties))
        # after the highest number: some of those below it may have gone, and a file is not to be written over
        start = number = max((int(path.stem.removeprefix("event-")) for path in folder.glob("event-*.ics")), default=0)
        for content in objects:
            number += 1
            scratch = folder / f".{number}.tmp"
            scratch.write_bytes(content)
            scratch.rename(folder / f"event-{number:06}.ics")
        return number - start

    def _prepare(self) -> None:
        passwords = {**self.users, **self.readers}
        secret = self.folder / "htpasswd"
        secret.touch(mode=0o600)
        secret.write_text("".join(f"{name}:{password}\n" for name, password in passwords.items()))
        readers = "".join(_READER.format(number=number, name=name) for number, name in enumerate(self.readers))
        (self.folder / "rights").write_text(_RIGHTS.format(readers=readers))
        (self.folder / "storage" / "collection-root").mkdir(parents=True, exist_ok=True)
        for user in self.users:
            self.calendar(user, "").mkdir(exist_ok=True)

    def _command(self, port: int) -> list[str]:
        config = self.folder / "config"
        config.write_text(_CONFIG.format(host=HOST, port=port, folder=self.folder))
        return [sys.executable, "-I", "-m", "radicale", "--config", str(config)]

    def _answers(self) -> bool:
        user, password = next(iter(self.users.items()))
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        connection = http.client.HTTPConnection(HOST, self.port, timeout=10)
        try:
            headers = {"Authorization": f"Basic {token}", "Depth": "0"}
            connection.request("PROPFIND", f"/{quote(user)}/", headers=headers)
            return connection.getresponse().status == http.HTTPStatus.MULTI_STATUS
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
