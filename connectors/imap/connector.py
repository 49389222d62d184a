"""Mail over IMAP4rev1: mailboxes are containers, messages are records.

A message's content never changes under its UID: what rewrites it appends a copy and expunges the original. Reading
opens mailboxes with EXAMINE and looks with BODY.PEEK, so that not even a flag changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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
)
from connectors.changes import NOTHING, Changes, Known
from connectors.containers import matches, meant, sampled, scanned_whole
from connectors.errors import ScanIncomplete, StoreDown, StoreMismatch, StoreRefuses
from connectors.imap import content
from connectors.imap.acting import Acting
from connectors.imap.envelope import FETCHED, envelope
from connectors.imap.following import differences
from connectors.imap.mailbox import Seen, key_of, look, place
from connectors.imap.session import Session
from connectors.lasting import Lasting

_FIELDS = ("from", "to", "cc", "bcc", "reply_to", "subject", "body", "attachments")
_BATCH = 500
_SAMPLED_AT_ONCE = 20
_HEADERS = f"BODY.PEEK[HEADER.FIELDS ({FETCHED})]"


class ImapConnector:
    """A `Connector` over one account. A source's location is a mailbox name or pattern (`*`, `?`; `*` crosses levels).

    ``checkpoint`` is called at `after_append` and `after_store` of every write, for tests that interrupt there.
    """

    def __init__(self, store: str, read_url: str, write_url: str) -> None:
        self.store = store
        self.checkpoint: Callable[[str], None] | None = None
        self._read_url = read_url
        self._reader = Session(store, read_url)
        self._writer = Session(store, write_url)

    @property
    def capabilities(self) -> Capabilities:
        """As the server advertises them."""
        return Capabilities(
            conditional_write="CONDSTORE" in self._reader.features,
            residue=("caches and backups of the server",),
            largest_batch=_BATCH,
        )

    def check(self) -> None:
        """Log in with the read access and list the mailboxes."""
        self._reader.folders()

    def inspect(self) -> Inventory:
        """One dataset per mailbox, declared or not, with its number of messages."""
        fields, key = tuple(FieldShape(name, "text") for name in _FIELDS), ("uidvalidity", "uid")
        shapes = []
        for name in self._reader.folders():
            total, token = self._reader.state(name)
            shapes.append(DatasetShape(name, Kind.MESSAGES, fields, key, estimate=total, token=token))
        return Inventory(self.store, tuple(shapes))

    def count(self, source: Source) -> int:
        """How many messages the source's mailboxes hold."""
        return sum(self._reader.total(mailbox) for mailbox in self._mailboxes(source))

    def scan(self, source: Source, columns: Sequence[str] = (), batch: int = 1000) -> Iterator[pa.RecordBatch]:
        """Stream the metadata of every message, mailbox by mailbox, oldest UID first."""
        for each in self.changes(source, NOTHING, batch):
            yield from each.items

    def changes(self, source: Source, known: Known, batch: int = 1000) -> Iterator[Changes]:
        """What has come, changed or gone since an earlier look, mailbox by mailbox, oldest UID first."""
        try:
            for mailbox in self._mailboxes(source):
                with scanned_whole(self.store):
                    found = differences(self._reader, mailbox, known)
                items = self._streamed(mailbox, found.validity, found.read, batch)
                yield Changes(mailbox, found.state, items, found.gone, found.whole)
        finally:
            self._reader.leave()

    def sample(self, source: Source, limit: int, seconds: float | None = None) -> Iterator[Document]:
        """At most ``limit`` messages with their decoded texts and the names of their attachments."""
        by_mailbox: dict[str, list[str]] = {}
        for key, mailbox in sampled(self._keys(source), limit, key=lambda pair: pair[0]):
            by_mailbox.setdefault(mailbox, []).append(key)
        try:
            for mailbox, keys in by_mailbox.items():
                validity = self._reader.open(mailbox)
                for start in range(0, len(keys), _SAMPLED_AT_ONCE):
                    uids = [place(Ref(key, ""))[1] for key in keys[start : start + _SAMPLED_AT_ONCE]]
                    for seen, message in look(self._reader, uids, "BODY.PEEK[]"):
                        yield Document(
                            Ref(key_of(mailbox, validity, seen.uid), seen.version, mailbox), content.texts(message)
                        )
        finally:
            self._reader.leave()

    def impact(self, source: Source) -> Impact:
        """Nothing hangs on a message; what would be refused is named."""
        self._mailboxes(source)
        refusals = tuple(reason for reason, _ in self._refusals(self._reader))
        return Impact(refusals=refusals, warnings=("copies in undeclared mailboxes stay",))

    def delete(self, source: Source, refs: Sequence[Ref], operation: str) -> list[Result]:
        r"""Mark as \Deleted and expunge exactly these messages.

        Raises:
            StoreRefuses: the server lacks UIDPLUS, so that a deletion would take other clients' messages along.
        """
        return self._act(refs, lambda acting, mailbox, group: acting.delete(mailbox, group))

    def rewrite(self, source: Source, refs: Sequence[Ref], transform: Transform, operation: str) -> list[Result]:
        """Append the transformed copy with date, flags and keywords, then expunge the original; its key changes.

        Raises:
            StoreRefuses: as for `delete`.
        """
        return self._act(refs, lambda acting, mailbox, group: acting.rewrite(mailbox, group, transform, operation))

    def resolve(self, source: Source, refs: Sequence[Ref], operation: str) -> list[Result]:
        """Look for the operation's marker; where a copy is there, its original goes. Order of the refs is free."""
        return self._act(refs, lambda acting, mailbox, group: acting.resolve(mailbox, group, operation))

    def remaining(self, source: Source, refs: Sequence[Ref]) -> int:
        """How many of these messages are still there; those of a rebuilt mailbox count, for nobody can tell."""
        total = 0
        fresh = Session(self.store, self._read_url)
        try:
            mailboxes = set(fresh.folders())
            for mailbox, group in _grouped(refs):
                if mailbox not in mailboxes:
                    continue
                validity = fresh.open(mailbox)
                places = [place(ref) for _, ref in group]
                total += len(fresh.present([uid for its, uid in places if its == validity]))
                total += sum(its != validity for its, _ in places)
        finally:
            fresh.close()
        return total

    def purge_residue(self, source: Source) -> tuple[str, ...]:
        """IMAP has no command for it; the operator of the server has."""
        self._mailboxes(source)
        return (
            Lasting.CACHES.said("IMAP cannot purge them (Dovecot: `doveadm purge`, `doveadm mailbox cache purge`)"),
            Lasting.BACKUPS.said(),
        )

    def close(self) -> None:
        """Log out."""
        self._reader.close()
        self._writer.close()

    # -- reading

    def _mailboxes(self, source: Source) -> list[str]:
        if source.where:
            raise StoreMismatch(self.store, "mail has no columns to filter by", "Remove `where` from the data map")
        return meant(self.store, source, self._reader.folders(), _matches, kind="mailbox")

    def _keys(self, source: Source) -> Iterator[tuple[str, str]]:
        for mailbox in self._mailboxes(source):
            validity = self._reader.open(mailbox)
            for uid in self._reader.search(["ALL"]):
                yield key_of(mailbox, validity, uid), mailbox

    def _streamed(self, mailbox: str, validity: int, uids: Sequence[int], batch: int) -> Iterator[pa.RecordBatch]:
        with scanned_whole(self.store):
            for start in range(0, len(uids), batch):
                rows = self._items(mailbox, validity, uids[start : start + batch])
                if rows:
                    yield pa.RecordBatch.from_pylist(rows, ITEM_SCHEMA)

    def _items(self, mailbox: str, validity: int, uids: Sequence[int]) -> list[dict[str, Any]]:
        rows = [
            _item(mailbox, key_of(mailbox, validity, seen.uid), seen, block)
            for seen, block in look(self._reader, uids, _HEADERS)
        ]
        if len(rows) < len(uids):  # expunged meanwhile, or the server keeps silent about a message that it has
            got = {place(Ref(row["key"], ""))[1] for row in rows}
            if self._reader.present([uid for uid in uids if uid not in got]):
                what = "the server lists messages that it does not deliver"
                raise ScanIncomplete(self.store, what, "Have the mailbox repaired on the server, then scan again")
        return rows

    # -- writing

    def _act(self, refs: Sequence[Ref], step: Callable[[Acting, str, list[Ref]], list[Result]]) -> list[Result]:
        if not refs:
            return []
        self._permit()
        acting = Acting(self._writer, self.checkpoint)
        mailboxes = set(self._writer.folders())
        results: dict[int, Result] = {}
        for mailbox, group in _grouped(refs):
            chunk = [ref for _, ref in group]
            if mailbox not in mailboxes:
                done = [Result(ref, Outcome.ALREADY_GONE) for ref in chunk]
            else:
                try:
                    done = step(acting, mailbox, chunk)
                except StoreDown:
                    if not results and not acting.writing:
                        raise
                    lost = Outcome.UNKNOWN if acting.writing else Outcome.PENDING
                    results |= {number: Result(ref, lost) for number, ref in group}
                    break
            results |= {number: result for (number, _), result in zip(group, done, strict=True)}
        return [results.get(number, Result(ref, Outcome.PENDING)) for number, ref in enumerate(refs)]

    def _permit(self) -> None:
        for reason, remedy in self._refusals(self._writer):
            raise StoreRefuses(self.store, reason, remedy)

    @staticmethod
    def _refusals(session: Session) -> list[tuple[str, str]]:
        refusals = []
        if "UIDPLUS" not in session.features:
            why = "the server cannot expunge single messages (UIDPLUS), a deletion would take others along"
            refusals.append((why, "Use a server with UIDPLUS"))
        if "X-GM-EXT-1" in session.features:
            refusals.append(("Gmail's EXPUNGE strips a label and keeps the message", "Use the Gmail API"))
        return refusals


def _item(mailbox: str, key: str, seen: Seen, block: bytes) -> dict[str, Any]:
    told = envelope(block, seen.arrived)
    return {
        "container": mailbox,
        "key": key,
        "version": seen.version,
        "first": told.first,
        "last": told.last,
        "endless": False,
        "automatic": told.automatic,
        "bytes": seen.size,
        "participants": told.participants,
    }


def _grouped(refs: Sequence[Ref]) -> Iterator[tuple[str, list[tuple[int, Ref]]]]:
    """The records with their positions, by mailbox, in chunks that one command can name."""
    by_mailbox: dict[str, list[tuple[int, Ref]]] = {}
    for number, ref in enumerate(refs):
        by_mailbox.setdefault(ref.container, []).append((number, ref))
    for mailbox, group in by_mailbox.items():
        for start in range(0, len(group), _BATCH):
            yield mailbox, group[start : start + _BATCH]


def _matches(name: str, pattern: str) -> bool:
    """Whether a mailbox name matches; `[Gmail]` is a name, so brackets mean nothing. INBOX has no case (RFC 3501)."""
    return name.upper() == pattern.upper() == "INBOX" or matches(name, pattern)
