"""Mailboxes and calendars: which of them a source means, and what is read of them.

What every connector of containers says in the same words: a pattern knows `*` and `?` alone, a container that is named
and not there is a mistake, a sample is the same tomorrow, and a scan that breaks off is incomplete.
"""

from __future__ import annotations

import contextlib
import hashlib
import heapq
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from connectors.base import Source
from connectors.errors import ConnectorError, ScanIncomplete, StoreMismatch

Container = TypeVar("Container")
Candidate = TypeVar("Candidate")


def matches(name: str, pattern: str) -> bool:
    """Whether a name matches a pattern: `*` is any text, `?` one character, everything else itself."""
    wild = "".join({"*": ".*", "?": "."}.get(each, re.escape(each)) for each in pattern)
    return re.fullmatch(wild, name, re.DOTALL) is not None


def meant(
    store: str,
    source: Source,
    containers: Iterable[Container],
    match: Callable[[Container, str], bool],
    *,
    kind: str = "container",
) -> list[Container]:
    """The containers that match a source's location, less those that it excludes, in the order given.

    Args:
        store: for the message.
        source: a name or a pattern, and what it leaves out.
        containers: all that there are.
        match: whether a container matches a pattern.
        kind: what the store calls a container.

    Raises:
        StoreMismatch: a container is named that is not there; a pattern may match nothing.
    """
    found = [each for each in containers if match(each, source.location)]
    if not found and not any(each in source.location for each in "*?"):
        raise StoreMismatch(store, f"there is no {kind} {source.location}", "Correct the data map's source")
    return [each for each in found if not any(match(each, pattern) for pattern in source.exclude)]


def sampled(candidates: Iterable[Candidate], limit: int, key: Callable[[Candidate], str]) -> list[Candidate]:
    """At most ``limit`` of the candidates, spread evenly and the same each time: those whose keys' hashes are least."""
    return heapq.nsmallest(limit, candidates, key=lambda each: hashlib.sha256(key(each).encode()).digest())


@contextlib.contextmanager
def scanned_whole(store: str) -> Iterator[None]:
    """Around the reading of one container.

    Raises:
        ScanIncomplete: whatever the store failed with, so that nobody takes what was not seen for gone.
    """
    try:
        yield
    except ScanIncomplete:
        raise
    except ConnectorError as error:
        raise ScanIncomplete(store, f"a scan ended early: {error.what}", error.remedy) from None
