"""Connection strings: written out, or found in the environment, in a file, or by whoever runs the engine.

A connection string holds a password: it is never part of a message, a representation or a log.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.errors import SecretMissing

Resolve = Callable[[str], str]
"""Gives the connection string of an `airflow:` name."""

_FILE_URL = re.compile(r"^((?:sqlite|duckdb)(?:\+[a-z0-9_]+)?):///(?!/)([^?]*)(\?.*)?$")
_SCHEMES = {"postgres://": "postgresql+psycopg://", "postgresql://": "postgresql+psycopg://"}


@dataclass(frozen=True, slots=True)
class ConnectionStrings:
    """Where the estate's connection strings come from. Relative paths are to ``folder``."""

    folder: Path
    resolve: Resolve | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def find(self, text: str, where: str) -> str:
        """The connection string that a text of `ardoise.toml` stands for; ``where`` names the place in messages.

        Raises:
            SecretMissing: it is not where the text says.
        """
        scheme, _, name = text.partition(":")
        if scheme == "env":
            found = self._environment(name, where)
        elif scheme == "file":
            found = self._file(name, where)
        elif scheme == "airflow":
            found = self._airflow(name, where)
        else:
            found = text
        return self._absolute(found.strip())

    def _environment(self, name: str, where: str) -> str:
        found = self.environment.get(name, "")
        if not found:
            raise SecretMissing(
                f"the environment variable {name} is not set", where, "Set it to the connection string."
            )
        return found

    def _file(self, name: str, where: str) -> str:
        try:
            found = (self.folder / Path(name).expanduser()).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise SecretMissing(f"the file {name} cannot be read", where, "Put the connection string in it.") from None
        if not found.strip():
            raise SecretMissing(f"the file {name} is empty", where, "Put the connection string in it.")
        return found

    def _airflow(self, name: str, where: str) -> str:
        if self.resolve is None:
            raise SecretMissing(
                f"the connection {name} is known to Airflow alone",
                where,
                "Run it from a DAG, or use env:NAME or file:PATH.",
            )
        try:
            return self.resolve(name)
        except Exception as error:  # noqa: BLE001 - a resolver is foreign, and its message may quote the secret
            raise SecretMissing(
                f"the connection {name} was not given ({type(error).__name__})",
                where,
                "Add it to Airflow's Connections.",
            ) from None

    def _absolute(self, url: str) -> str:
        for scheme, full in _SCHEMES.items():
            if url.startswith(scheme):
                return full + url.removeprefix(scheme)
        match = _FILE_URL.match(url)
        if match is None or match[2] in {"", ":memory:"} or match[2].startswith("file:"):
            return url
        return f"{match[1]}:///{self.folder.resolve() / match[2]}{match[3] or ''}"
