"""Which connector speaks for which kind of store.

Third parties add kinds by entry points of the group `ardoise.connectors`: each names a callable that takes
`(store, read, write, **options)` and returns a `Connector`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

from connectors.base import Connector
from connectors.errors import StoreMismatch
from connectors.reading_only import ReadingOnly

GROUP = "ardoise.connectors"

Opener = Callable[..., Connector]


def _sql(store: str, read: str, write: str | None, **options: Any) -> Connector:
    from connectors.sql.connector import SqlConnector

    return SqlConnector(store, read, write, **options)


def _imap(store: str, read: str, write: str | None, **options: Any) -> Connector:
    from connectors.imap.connector import ImapConnector

    connector = ImapConnector(store, read, write or read, **options)
    return connector if write else ReadingOnly(connector)


def _caldav(store: str, read: str, write: str | None, **options: Any) -> Connector:
    from connectors.caldav.connector import CaldavConnector

    connector = CaldavConnector(store, read, write or read, **options)
    return connector if write else ReadingOnly(connector)


def _memory(store: str, _read: str, _write: str | None, **options: Any) -> Connector:
    from connectors.memory import MemoryConnector

    return MemoryConnector(store, **options)


BUILT_IN: dict[str, Opener] = {"sql": _sql, "imap": _imap, "caldav": _caldav, "memory": _memory}
"""The kinds that ship with Ardoise; each is imported when the first store of its kind is opened."""


def kinds() -> tuple[str, ...]:
    """Every kind of store that can be opened."""
    return tuple(sorted({*BUILT_IN, *(each.name for each in entry_points(group=GROUP))}))


def open_connector(kind: str, store: str, read: str, write: str | None = None, **options: Any) -> Connector:
    """The connector for a store; nothing is connected yet. A built-in kind cannot be replaced.

    Raises:
        StoreMismatch: no connector is installed for this kind, or it does not know an option.
    """
    opener = BUILT_IN.get(kind)
    if opener is None:
        found = next(iter(entry_points(group=GROUP, name=kind)), None)
        if found is None:
            raise StoreMismatch(store, f"no connector for kind {kind}", f"Use one of {', '.join(kinds())}")
        opener = found.load()
    try:
        return opener(store, read, write, **options)
    except TypeError:
        names = ", ".join(sorted(options)) or "none"
        raise StoreMismatch(store, f"kind {kind} does not take these options: {names}", "Remove them") from None
