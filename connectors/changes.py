"""What has come, changed or gone in mailboxes and calendars since an earlier look, so that nothing is read twice.

A connector that can tell offers `changes` (`Following`); of one that cannot, everything is read again. Whoever keeps
what was seen applies the changes of every container and drops the containers that are not named: the result equals a
scan from scratch. Nothing is ever gone because an answer was cut short: then `ScanIncomplete` is raised, and none of
it counts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import pyarrow as pa

from connectors.base import Connector, Source

EVERYTHING = ""
"""The container of changes that stand for all containers of the source."""


@dataclass(frozen=True, slots=True)
class Known:
    """What an earlier look has left. ``states``: what the connector gave for each container.

    ``versions``: the items that were seen in a container, key to version; asked for only where something has changed.
    """

    states: Mapping[str, str]
    versions: Callable[[str], Mapping[str, str]]


NOTHING = Known({}, lambda _: {})
"""What is known before the first look: every container is then read whole."""


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes of one container.

    ``state``: opaque, to be handed back at the next look; as long as it is the same, so are the items. Empty where the
    store cannot tell. ``items``: what has come or changed, in `ITEM_SCHEMA`; to be used up before the next container.
    ``gone``: the keys of what is not there any more. ``whole``: the items are all that the container holds, and nothing
    of what was seen there before counts.
    """

    container: str
    state: str
    items: Iterator[pa.RecordBatch]
    gone: tuple[str, ...] = ()
    whole: bool = False


@runtime_checkable
class Following(Protocol):
    """A connector that can tell what has changed."""

    def changes(self, source: Source, known: Known, batch: int = 1000) -> Iterator[Changes]:
        """The changes of every container that the source means, in an order of its own; see the module.

        Raises:
            ScanIncomplete: the store was lost, or contradicts itself; what was not seen is unknown.
        """
        ...


def changes(connector: Connector, source: Source, known: Known, batch: int = 1000) -> Iterator[Changes]:
    """The changes of a source; of a connector that cannot tell them, everything anew as `EVERYTHING`.

    Raises:
        ScanIncomplete: as `Following.changes`.
    """
    if isinstance(connector, Following):
        yield from connector.changes(source, known, batch)
    else:
        yield Changes(EVERYTHING, "", connector.scan(source, batch=batch), whole=True)


def digest_of(parts: Iterable[str]) -> str:
    """A short text that is the same for the same parts in the same order."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
