"""The people that items concern, as keyed digests; each distinct address and name is digested once."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from connectors.digests import DigestKey
from pipelines import subjects

EMAIL = "email"
NAME = "name"

T = TypeVar("T")

REMEMBERED = 100_000
"""Distinct addresses and names whose digests are remembered between batches; then the memory starts afresh."""


@dataclass(frozen=True, slots=True)
class SubjectKeys:
    """How addresses become subject digests: the key, the scope, and the controller's own address patterns."""

    key: DigestKey
    scope: str
    own: tuple[str, ...] = ()

    def is_own(self, address: str) -> bool:
        """Whether an address belongs to the controller itself, and is no data subject."""
        canonical = subjects.canonical_email(address)
        return any(fnmatch.fnmatchcase(canonical, pattern.lower()) for pattern in self.own)


class Participants:
    """Turns the participants of scan batches into rows of digests."""

    def __init__(self, keys: SubjectKeys) -> None:
        self._keys = keys
        self._addresses: dict[str, tuple[str | None, str | None, bool]] = {}
        self._names: dict[str, str | None] = {}

    def digested(self, batch: pa.RecordBatch) -> pa.Table:
        """One row for each participant of each item: container, key, role, digest, loose, name_digest, own, contact."""
        people = batch.column("participants")
        item = pc.list_parent_indices(people)
        each = pc.list_flatten(people)
        addresses = each.field("address").dictionary_encode()
        names = each.field("name").dictionary_encode()
        known = [self._address(address) for address in addresses.dictionary.to_pylist()]
        named = [self._name(name) for name in names.dictionary.to_pylist()]
        own = pc.fill_null(_taken([entry[2] for entry in known], addresses.indices, pa.bool_()), False)
        name_digest = _taken(named, names.indices, pa.string())
        return pa.table(
            {
                "container": pc.take(batch.column("container"), item),
                "key": pc.take(batch.column("key"), item),
                "role": each.field("role"),
                "digest": _taken([entry[0] for entry in known], addresses.indices, pa.string()),
                "loose": _taken([entry[1] for entry in known], addresses.indices, pa.string()),
                # The display name beside an own address is the controller's: no subject either.
                "name_digest": pc.if_else(own, pa.scalar(None, pa.string()), name_digest),
                "own": own,
                "contact": each.field("contact"),
            }
        )

    def _address(self, text: str | None) -> tuple[str | None, str | None, bool]:
        if not text or not text.strip():
            return None, None, False
        return _remembered(self._addresses, text, self._digest_address)

    def _digest_address(self, text: str) -> tuple[str | None, str | None, bool]:
        keys = self._keys
        if keys.is_own(text):
            return None, None, True
        canonical = subjects.canonical_email(text)
        loose = subjects.loose_email(text)
        return (
            subjects.subject_digest(keys.key, keys.scope, EMAIL, canonical),
            subjects.subject_digest(keys.key, keys.scope, EMAIL, loose),
            False,
        )

    def _name(self, text: str | None) -> str | None:
        if not text or not text.strip():
            return None
        return _remembered(self._names, text, self._digest_name)

    def _digest_name(self, text: str) -> str | None:
        canonical = subjects.canonical_name(text)
        return subjects.subject_digest(self._keys.key, self._keys.scope, NAME, canonical) if canonical else None


def _remembered(memory: dict[str, T], text: str, compute: Callable[[str], T]) -> T:
    if text not in memory:
        if len(memory) >= REMEMBERED:
            memory.clear()
        memory[text] = compute(text)
    return memory[text]


def _taken(values: Sequence[object], indices: pa.Array, kind: pa.DataType) -> pa.Array:
    return pc.take(pa.array(values, type=kind), indices)
