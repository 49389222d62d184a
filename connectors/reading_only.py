"""A store that was given no write address: everything can be read, and every act is refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NoReturn

import pyarrow as pa

from connectors.base import Capabilities, Connector, Document, Impact, Inventory, Ref, Result, Source, Transform
from connectors.changes import Changes, Known, changes
from connectors.errors import StoreReadOnly


class ReadingOnly:
    """Stands before a connector and lets reading through."""

    def __init__(self, connector: Connector) -> None:
        self.store = connector.store
        self._connector = connector

    @property
    def capabilities(self) -> Capabilities:
        """Those of the store; a write address is what is missing."""
        return self._connector.capabilities

    def check(self) -> None:
        """Reach the store."""
        self._connector.check()

    def inspect(self) -> Inventory:
        """Every dataset of the store."""
        return self._connector.inspect()

    def count(self, source: Source) -> int:
        """Exactly how many records the source holds."""
        return self._connector.count(source)

    def scan(self, source: Source, columns: Sequence[str] = (), batch: int = 1000) -> Iterator[pa.RecordBatch]:
        """Stream every record."""
        return self._connector.scan(source, columns, batch)

    def changes(self, source: Source, known: Known, batch: int = 1000) -> Iterator[Changes]:
        """What has come, changed or gone since an earlier look, or everything where the store cannot tell."""
        return changes(self._connector, source, known, batch)

    def sample(self, source: Source, limit: int, seconds: float | None = None) -> Iterator[Document]:
        """At most ``limit`` records with their texts."""
        return self._connector.sample(source, limit, seconds)

    def impact(self, source: Source) -> Impact:
        """What deleting from this source would also do."""
        return self._connector.impact(source)

    def remaining(self, source: Source, refs: Sequence[Ref]) -> int:
        """How many of these records are still there."""
        return self._connector.remaining(source, refs)

    def delete(self, source: Source, refs: Sequence[Ref], operation: str) -> list[Result]:
        """Refuse."""
        self._refuse()

    def rewrite(self, source: Source, refs: Sequence[Ref], transform: Transform, operation: str) -> list[Result]:
        """Refuse."""
        self._refuse()

    def resolve(self, source: Source, refs: Sequence[Ref], operation: str) -> list[Result]:
        """Refuse, since resolving may have to finish what was begun."""
        self._refuse()

    def purge_residue(self, source: Source) -> tuple[str, ...]:
        """Refuse."""
        self._refuse()

    def close(self) -> None:
        """Let go of connections."""
        self._connector.close()

    def _refuse(self) -> NoReturn:
        raise StoreReadOnly(self.store, "it has no write address", "Give one in the estate's store")
