"""A real IMAP server (pymap over a maildir) for the demonstration and the tests.

pymap keeps keywords only if `dovecot-keywords` names them, and knows the internal date as the file's modification
time. Appending rewrites the mailbox's list of UIDs for each message, so mailboxes are seeded on disk.
"""

from __future__ import annotations

import datetime as dt
import imaplib
import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote

from pipelines.demo.servers.child import HOST, ChildServer

Message = tuple[bytes, dt.datetime, Iterable[str]]
r"""A message, its internal date, and its flags (``\Seen``) and keywords (``$Forwarded``)."""

_FLAGS = {"\\Seen": "S", "\\Flagged": "F", "\\Deleted": "T", "\\Draft": "D", "\\Answered": "R"}
_MAIN = Path(__file__).with_name("pymap_main.py")


class ImapServer(ChildServer):
    """pymap with one maildir per user; users are given with their passwords."""

    def __init__(self, folder: Path, users: Mapping[str, str], *, detached: bool = False) -> None:
        super().__init__(folder, detached=detached)
        self.users = dict(users)

    def url(self, user: str) -> str:
        """The URL of a user's account, password included."""
        return f"imap://{quote(user, safe='')}:{quote(self.users[user], safe='')}@{HOST}:{self.port}"

    def mailbox(self, user: str, mailbox: str) -> Path:
        """The maildir of a mailbox; `/` separates levels of its name."""
        home = self.folder / "mail" / user
        return home if mailbox == "INBOX" else home / ("." + mailbox.replace("/", "."))

    def seed(self, user: str, mailbox: str, messages: Iterable[Message]) -> int:
        """Put messages into a mailbox, on disk; returns how many. A running server sees them at the next SELECT."""
        folder = self.mailbox(user, mailbox)
        self._make_maildir(self.mailbox(user, "INBOX"))
        self._make_maildir(folder)
        if mailbox != "INBOX":
            (folder / "maildirfolder").touch()
        keywords = _Keywords(folder / "dovecot-keywords")
        number = len(os.listdir(folder / "cur")) + len(os.listdir(folder / "new"))  # noqa: PTH208 - names are enough
        start = number
        for content, moment, flags in messages:
            number += 1
            instant = moment.timestamp()
            letters = "".join(sorted(_FLAGS.get(flag) or keywords.letter(flag) for flag in flags))
            name = f"{int(instant)}.M{number:07}.ardoise"
            (folder / "tmp" / name).write_bytes(content)
            os.utime(folder / "tmp" / name, (instant, instant))
            (folder / "tmp" / name).rename(folder / "cur" / f"{name}:2,{letters}")
        keywords.write()
        return number - start

    def _prepare(self) -> None:
        home = self.folder / "mail"
        home.mkdir(exist_ok=True)
        for stale in home.rglob("*.lock"):  # a killed server's lock would block every SELECT for 600 s
            stale.unlink()
        shutil.rmtree(self.folder / "scratch", ignore_errors=True)
        passwd = "".join(f"{user}:x:1000:1000::{user}:\r\n" for user in self.users)
        shadow = "".join(f"{user}:{_hashed(password)}:::::::\r\n" for user, password in self.users.items())
        (home / "pymap-etc-passwd").write_text(passwd, newline="")
        (home / "pymap-etc-group").write_text("")
        secret = home / "pymap-etc-shadow"
        secret.touch(mode=0o600)
        secret.write_text(shadow, newline="")
        for user in self.users:
            self._make_maildir(self.mailbox(user, "INBOX"))

    def _command(self, port: int) -> list[str]:
        options = ["--host", HOST, "--port", str(port), "--no-tls"]
        return [sys.executable, "-I", str(_MAIN), *options, "maildir", str(self.folder / "mail")]

    def _answers(self) -> bool:
        user, password = next(iter(self.users.items()))
        try:
            with imaplib.IMAP4(HOST, self.port, timeout=10) as client:
                client.login(user, password)
        except (OSError, imaplib.IMAP4.error):
            return False
        return True

    @staticmethod
    def _make_maildir(folder: Path) -> None:
        for part in ("cur", "new", "tmp"):
            (folder / part).mkdir(parents=True, exist_ok=True)


class _Keywords:
    """The keywords of one mailbox: at most 26, each a letter in the file names."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._names = [line.split()[1] for line in path.read_text().splitlines()] if path.exists() else []

    def letter(self, keyword: str) -> str:
        if keyword not in self._names:
            self._names.append(keyword)
        return chr(ord("a") + self._names.index(keyword))

    def write(self) -> None:
        if self._names:
            self._path.write_text("".join(f"{number} {name}\n" for number, name in enumerate(self._names)))


def _hashed(password: str) -> str:
    from pysasl.hashing import BuiltinHash

    return BuiltinHash(rounds=1000).hash(password).replace(":", "\\:")
