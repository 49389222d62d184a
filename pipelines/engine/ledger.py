"""The ledger: an append-only chain of what was planned, approved, intended and done.

Each entry carries the digest of the one before, and a seal that only the holder of the engine's key can make; the
head row says, sealed too, which entry is the last. So a changed, removed, moved, inserted or truncated entry is found
by `verify` and named. Who restores an older copy of the *whole* database, head included, is found only by a head
that was written down elsewhere (each report shows one).
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from pipelines.engine.chain import GENESIS, PAGE, Defect, Flaw, Head, Walk, digest_of, rows_of
from pipelines.engine.connection import Connections
from pipelines.engine.entries import canonical_body
from pipelines.engine.keys import EngineKeys
from pipelines.engine.tables import instant
from pipelines.engine.tables import ledger as table
from pipelines.engine.tables import ledger_head as head_table
from pipelines.errors import LedgerBroken


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, as it was appended."""

    sequence: int
    at: dt.datetime
    kind: str
    body: Mapping[str, Any]
    previous: str
    digest: str


@dataclass(frozen=True, slots=True)
class Ledger:
    """The chain in one engine database."""

    connections: Connections
    keys: EngineKeys

    @staticmethod
    def found(connection: sa.Connection, keys: EngineKeys) -> None:
        """Write the head of an empty ledger, with a new database; one that is gone later is a defect."""
        mac = keys.mac("head", f"0:{GENESIS}")
        connection.execute(head_table.insert().values(id=1, sequence=0, digest=GENESIS, mac=mac))

    def append(
        self, kind: str, body: Mapping[str, Any], *, at: dt.datetime, within: sa.Connection | None = None
    ) -> Entry:
        """Add an entry at the end; appends of several processes queue up.

        ``within`` joins a write transaction of the caller's, so that entry and change are kept together or not at all.

        Raises:
            UsageError: the kind does not admit the body.
            LedgerBroken: the head is gone or was changed; nothing is appended to a broken ledger.
            EngineDown: the database cannot be written.
        """
        text = canonical_body(kind, dict(body))
        moment = instant(at)
        with self.connections.write(within) as connection:
            last = self._head(connection, lock=True)
            if last is None:
                raise LedgerBroken(
                    "the ledger's head is missing or was changed", "ledger", "Run `ardoise ledger verify`."
                )
            sequence = last.sequence + 1
            digest = digest_of(sequence, moment, kind, text, last.digest)
            connection.execute(
                table.insert().values(
                    sequence=sequence, at=moment, kind=kind, body=text, previous=last.digest, digest=digest,
                    seal=self.keys.mac("entry", digest),
                )
            )  # fmt: skip
            mac = self.keys.mac("head", f"{sequence}:{digest}")
            connection.execute(head_table.update().values(sequence=sequence, digest=digest, mac=mac))
        return Entry(sequence, dt.datetime.fromisoformat(moment), kind, json.loads(text), last.digest, digest)

    def entries(self, *kinds: str, after: int = 0) -> Iterator[Entry]:
        """Stream the entries (of some kinds) behind a sequence, in order, page by page; seals are not checked."""
        query = sa.select(table).order_by(table.c.sequence).limit(PAGE)
        if kinds:
            query = query.where(table.c.kind.in_(kinds))
        while True:
            with self.connections.read() as connection:
                rows = connection.execute(query.where(table.c.sequence > after)).all()
            yield from (_entry(row) for row in rows)
            if len(rows) < PAGE:
                return
            after = rows[-1].sequence

    def head(self) -> Head:
        """The last entry, as the sealed head row says.

        Raises:
            LedgerBroken: the head is gone or was changed.
        """
        with self.connections.read() as connection:
            found = self._head(connection)
        if found is None:
            raise LedgerBroken("the ledger's head is missing or was changed", "ledger", "Run `ardoise ledger verify`.")
        return found

    def verify(self, head: Head | None = None) -> list[Defect]:
        """Every defect of the chain, each named by sequence; empty when the ledger is whole.

        ``head`` is one that was written down earlier: its entry must be there with that digest.
        """
        defects: list[Defect] = []
        with self.connections.read() as connection:
            walk = Walk(self.keys, connection)
            for row in rows_of(connection):
                defects += walk.step(row)
                if head is not None and row.sequence == head.sequence and row.digest != head.digest:
                    defects.append(Defect(row.sequence, Flaw.CHANGED, "is not the entry of the head given"))
            defects += walk.end(self._head(connection))
            if head is not None and head.sequence > walk.last:
                defects.append(
                    Defect(walk.last + 1, Flaw.TRUNCATED, "is missing before the head given", through=head.sequence)
                )
        return defects

    def require_whole(self) -> None:
        """Refuse to go on with a broken ledger.

        Raises:
            LedgerBroken: with the first defect.
        """
        defects = self.verify()
        if defects:
            first = defects[0]
            raise LedgerBroken(
                f"entry {first.sequence} {first.what}",
                "ledger",
                "Run `ardoise ledger verify` and restore a whole copy.",
            )

    def _head(self, connection: sa.Connection, *, lock: bool = False) -> Head | None:
        query = sa.select(head_table)
        if lock and connection.dialect.name == "postgresql":
            query = query.with_for_update()
        rows = connection.execute(query).all()
        if len(rows) != 1 or rows[0].mac != self.keys.mac("head", f"{rows[0].sequence}:{rows[0].digest}"):
            return None
        return Head(rows[0].sequence, rows[0].digest)


def _entry(row: sa.Row[Any]) -> Entry:
    return Entry(
        row.sequence, dt.datetime.fromisoformat(row.at), row.kind, json.loads(row.body), row.previous, row.digest
    )
