"""Walking the ledger's chain: which entries are not what was appended, and what is wrong with each."""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import rfc8785
import sqlalchemy as sa

from pipelines.engine.keys import EngineKeys
from pipelines.engine.tables import ledger as table

GENESIS = "0" * 64
"""What the first entry has in place of a predecessor's digest."""

PAGE = 500


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry's sequence and digest; written down elsewhere, it proves later what the ledger was."""

    sequence: int
    digest: str


class Flaw(enum.StrEnum):
    """What can be wrong with the chain."""

    CHANGED = "changed"
    REMOVED = "removed"
    MOVED = "moved"
    INSERTED = "inserted"
    UNLINKED = "unlinked"
    TRUNCATED = "truncated"
    HEAD = "head"


@dataclass(frozen=True, slots=True)
class Defect:
    """One flaw, at the entry it concerns; ``through`` is the last entry of a gap or of a cut-off tail."""

    sequence: int
    flaw: Flaw
    what: str
    through: int | None = None


def digest_of(sequence: int, at: str, kind: str, body: str, previous: str) -> str:
    """SHA-256 over the canonical JSON of an entry; ``body`` is canonical JSON itself.

    Raises:
        ValueError: the body is no JSON, or has no canonical form.
    """
    document = {"at": at, "body": json.loads(body), "kind": kind, "previous": previous, "sequence": sequence}
    return hashlib.sha256(rfc8785.dumps(document)).hexdigest()


def rows_of(connection: sa.Connection) -> Iterator[sa.Row[Any]]:
    """Every row of the chain in order, a page in memory at a time."""
    query = sa.select(table).order_by(table.c.sequence).limit(PAGE)
    after: int | None = None
    while True:
        rows = connection.execute(query if after is None else query.where(table.c.sequence > after)).all()
        yield from rows
        if len(rows) < PAGE:
            return
        after = rows[-1].sequence


class Walk:
    """One pass over the chain, row by row; nothing but the row before is remembered."""

    def __init__(self, keys: EngineKeys, connection: sa.Connection) -> None:
        self._keys = keys
        self._connection = connection
        self.last = 0
        self._digest = GENESIS
        self._sound = True

    def step(self, row: sa.Row[Any]) -> list[Defect]:
        """The defects between the row before and this one, and of this one."""
        defects = []
        gap = row.sequence > self.last + 1
        if gap:
            defects.append(Defect(self.last + 1, Flaw.REMOVED, "was removed", through=row.sequence - 1))
        own = self._own(row)
        if own is None and self._sound and not gap and row.previous != self._digest:
            own = Defect(row.sequence, Flaw.UNLINKED, "does not follow the entry before it")
        if own is not None:
            defects.append(own)
        self.last, self._digest, self._sound = row.sequence, row.digest, own is None
        return defects

    def end(self, head: Head | None) -> list[Defect]:
        """The defects between the last row and the head; ``None`` is a head that is gone or was changed."""
        if head is None:
            return [Defect(self.last, Flaw.HEAD, "is the last found, but the ledger's head is gone or was changed")]
        if head.sequence > self.last:
            return [Defect(self.last + 1, Flaw.TRUNCATED, "was cut off the end", through=head.sequence)]
        if head.sequence < self.last:
            return [Defect(head.sequence + 1, Flaw.INSERTED, "lies behind the ledger's head", through=self.last)]
        if self._sound and head.digest != self._digest:
            return [Defect(self.last, Flaw.CHANGED, "is not the entry that the ledger's head names")]
        return []

    def _own(self, row: sa.Row[Any]) -> Defect | None:
        if row.sequence < 1:
            return Defect(row.sequence, Flaw.INSERTED, "stands before the first entry")
        if row.seal != self._keys.mac("entry", row.digest):
            if _matches(row, row.sequence):
                return Defect(row.sequence, Flaw.INSERTED, "was not written by this engine")
            return Defect(row.sequence, Flaw.CHANGED, "was changed")
        if _matches(row, row.sequence):
            return None
        origin = next((each for each in self._candidates(row) if _matches(row, each)), None)
        if origin is not None:
            return Defect(row.sequence, Flaw.MOVED, f"was moved here from {origin}")
        return Defect(row.sequence, Flaw.CHANGED, "was changed")

    def _candidates(self, row: sa.Row[Any]) -> Iterator[int]:
        """Where the row may have stood: behind the entry that it names as its previous one, or nearby."""
        query = sa.select(table.c.sequence).where(table.c.digest == row.previous).limit(1)
        found = self._connection.execute(query).scalar_one_or_none()
        if found is not None:
            yield found + 1
        if row.previous == GENESIS:
            yield 1
        for distance in range(1, 9):
            yield row.sequence - distance
            yield row.sequence + distance


def _matches(row: sa.Row[Any], sequence: int) -> bool:
    try:
        return bool(row.digest == digest_of(sequence, row.at, row.kind, row.body, row.previous))
    except ValueError:
        return False
