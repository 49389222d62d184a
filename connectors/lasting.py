"""What no command of a store removes: copies that go by a schedule which only the estate's owner knows."""

from __future__ import annotations

import enum


class Lasting(enum.StrEnum):
    """A kind of residue that expires by itself; `said` is how a purge names it."""

    WAL = "write-ahead log"
    BINARY_LOG = "binary log"
    UNDO_LOG = "undo log"
    REPLICAS = "replicas"
    BACKUPS = "backups"
    CACHES = "caches of the server"
    HISTORY = "history of the server"

    def said(self, why: str = "until the store's own schedule removes them") -> str:
        """The kind with the reason why it remains."""
        return f"{self}: {why}"


def kind_of(remains: str) -> str:
    """The kind of what a purge says remains: what comes before the reason."""
    return remains.partition(":")[0]
