"""The in-memory store: the reference for the protocol, and a store for tests that want no server.

A record's content is canonical JSON. For items it holds `first`, `last` (ISO 8601 instants or null), `endless`,
`automatic`, `participants` (objects with `role`, `address`, `name`) and `texts` (strings by name); for rows, the
columns.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from connectors.base import (
    ITEM_SCHEMA,
    Capabilities,
    DatasetShape,
    Document,
    FieldShape,
    Impact,
    Inventory,
    Kind,
    Outcome,
    Ref,
    Result,
    Source,
    Transform,
    utc,
)
from connectors.containers import matches, meant, sampled
from connectors.errors import StoreDown


def encode(content: Mapping[str, Any]) -> bytes:
    """Canonical JSON: sorted keys, no spaces, UTF-8."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@dataclass(slots=True)
class _Record:
    content: bytes
    version: int
    operation: str = ""


@dataclass(slots=True)
class MemoryStore:
    """The records, by container and key; several connectors may look at one."""

    kind: Kind = Kind.MESSAGES
    containers: dict[str, dict[str, _Record]] = field(default_factory=dict)
    deleted: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    up: bool = True
    _versions: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def put(self, container: str, key: str, content: Mapping[str, Any] | bytes, operation: str = "") -> str:
        """Add or replace a record; returns its new version."""
        data = content if isinstance(content, bytes) else encode(content)
        version = next(self._versions)
        self.containers.setdefault(container, {})[key] = _Record(data, version, operation)
        return str(version)

    def remove(self, container: str, key: str, operation: str = "") -> None:
        """Remove a record; remembers which operation did."""
        del self.containers[container][key]
        self.deleted.setdefault(operation, set()).add((container, key))


class MemoryConnector:
    """A `Connector` over a `MemoryStore`. A source's location is a pattern over container names."""

    def __init__(self, store: str, memory: MemoryStore | None = None) -> None:
        self.store = store
        self.memory = memory or MemoryStore()

    @property
    def capabilities(self) -> Capabilities:
        """Everything that needs no server."""
        return Capabilities(conditional_write=True, in_place_rewrite=True)

    def check(self) -> None:
        """Raise `StoreDown` if the store was switched off."""
        if not self.memory.up:
            raise StoreDown(self.store, "the store is down", "Start it and run again")

    def inspect(self) -> Inventory:
        """One dataset per container."""
        self.check()
        shapes = []
        for name, records in sorted(self.memory.containers.items()):
            names = sorted({key for record in records.values() for key in json.loads(record.content)})
            fields = tuple(FieldShape(each, "json") for each in names)
            shapes.append(DatasetShape(name, self.memory.kind, fields, estimate=len(records)))
        return Inventory(self.store, tuple(shapes))

    def count(self, source: Source) -> int:
        """How many records the source holds."""
        return sum(1 for _ in self._records(source))

    def scan(self, source: Source, columns: Sequence[str] = (), batch: int = 1000) -> Iterator[pa.RecordBatch]:
        """Stream every record in the order of container and key."""
        records = iter(list(self._records(source)))
        while chunk := list(itertools.islice(records, batch)):
            if self.memory.kind is Kind.ROWS:
                yield pa.RecordBatch.from_pylist([_row(ref, record, columns) for ref, record in chunk])
            else:
                yield pa.RecordBatch.from_pylist([_item(ref, record) for ref, record in chunk], ITEM_SCHEMA)

    def sample(self, source: Source, limit: int, seconds: float | None = None) -> Iterator[Document]:
        """At most ``limit`` records, by a stable hash of the key."""
        for ref, record in sampled(self._records(source), limit, key=lambda pair: pair[0].key):
            content = json.loads(record.content)
            texts = content if self.memory.kind is Kind.ROWS else content.get("texts", {})
            yield Document(ref, {name: str(text) for name, text in texts.items() if text is not None})

    def impact(self, source: Source) -> Impact:
        """Nothing hangs on a record here."""
        self._containers(source)
        return Impact()

    def delete(self, source: Source, refs: Sequence[Ref], operation: str) -> list[Result]:
        """Delete the records whose version is still the one that was seen."""
        results = []
        self._containers(source)
        for ref in refs:
            outcome = self._standing(ref)
            if outcome is Outcome.DONE:
                self.memory.remove(ref.container, ref.key, operation)
            results.append(Result(ref, outcome))
        return results

    def rewrite(self, source: Source, refs: Sequence[Ref], transform: Transform, operation: str) -> list[Result]:
        """Replace the content of the records whose version is still the one that was seen."""
        results = []
        self._containers(source)
        for ref in refs:
            outcome = self._standing(ref)
            version = None
            if outcome is Outcome.DONE:
                content = transform(ref, self.memory.containers[ref.container][ref.key].content)
                if content is not None:
                    version = self.memory.put(ref.container, ref.key, content, operation)
            results.append(Result(ref, outcome, version=version))
        return results

    def resolve(self, source: Source, refs: Sequence[Ref], operation: str) -> list[Result]:
        """Pending where nothing happened, done where the operation acted, conflict where somebody else did."""
        self._containers(source)
        results = []
        for ref in refs:
            record = self.memory.containers.get(ref.container, {}).get(ref.key)
            if record is None:
                ours = (ref.container, ref.key) in self.memory.deleted.get(operation, set())
                results.append(Result(ref, Outcome.DONE if ours else Outcome.ALREADY_GONE))
            elif record.operation == operation:
                results.append(Result(ref, Outcome.DONE, version=str(record.version)))
            else:
                untouched = str(record.version) == ref.version
                results.append(Result(ref, Outcome.PENDING if untouched else Outcome.CONFLICT))
        return results

    def remaining(self, source: Source, refs: Sequence[Ref]) -> int:
        """How many of the records are still there, whatever their version."""
        self._containers(source)
        return sum(ref.key in self.memory.containers.get(ref.container, {}) for ref in refs)

    def purge_residue(self, source: Source) -> tuple[str, ...]:
        """A deleted record leaves nothing behind."""
        self._containers(source)
        return ()

    def close(self) -> None:
        """Nothing is held open."""

    def _containers(self, source: Source) -> list[str]:
        self.check()
        return meant(self.store, source, sorted(self.memory.containers), matches)

    def _records(self, source: Source) -> Iterator[tuple[Ref, _Record]]:
        for container in self._containers(source):
            for key, record in sorted(self.memory.containers[container].items()):
                content = json.loads(record.content) if source.where else {}
                if all(content.get(column) in values for column, values in source.where.items()):
                    yield Ref(key, str(record.version), container), record

    def _standing(self, ref: Ref) -> Outcome:
        record = self.memory.containers.get(ref.container, {}).get(ref.key)
        if record is None:
            return Outcome.ALREADY_GONE
        return Outcome.DONE if str(record.version) == ref.version else Outcome.CONFLICT


def _row(ref: Ref, record: _Record, columns: Sequence[str]) -> dict[str, Any]:
    content = json.loads(record.content)
    return {"container": ref.container, "key": ref.key, "version": ref.version} | {
        name: content.get(name) for name in columns
    }


def _item(ref: Ref, record: _Record) -> dict[str, Any]:
    content = json.loads(record.content)
    return {
        "container": ref.container,
        "key": ref.key,
        "version": ref.version,
        "first": _instant(content.get("first")),
        "last": _instant(content.get("last")),
        "endless": bool(content.get("endless", False)),
        "automatic": bool(content.get("automatic", False)),
        "bytes": len(record.content),
        "participants": content.get("participants", []),
    }


def _instant(text: str | None) -> dt.datetime | None:
    return utc(dt.datetime.fromisoformat(text)) if text else None
