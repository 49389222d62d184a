"""The one interface behind which every store stands.

Terminology
-----------
A *store* is a connected system, a *dataset* one of its tables, mailboxes or calendars, a *record* one row, message
or event. A record has a *key*, opaque outside its connector and stable for the record's life, and a *version* that
changes whenever the record does. A *source* is what a connector needs to know of a dataset; it knows neither
categories nor purposes nor plans.

Reading never changes a store and uses read-only access. Destroying takes a record *as it was seen*: a key with its
version. The *operation* is a random token of the caller's, by which an interrupted act is found again from what the
store carries of it: never retry blindly, resolve first. The caller forgets it when it knows the outcome.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import pyarrow as pa


class Outcome(enum.StrEnum):
    """What became of one record."""

    DONE = "done"
    ALREADY_GONE = "already_gone"
    CONFLICT = "conflict"
    REFUSED = "refused"
    HELD = "held"
    PENDING = "pending"
    UNKNOWN = "unknown"


class Kind(enum.StrEnum):
    """What a dataset's records are."""

    ROWS = "rows"
    MESSAGES = "messages"
    EVENTS = "events"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a dataset's records live.

    ``location`` is a table (`schema.table`), a mailbox pattern or a calendar; ``key`` the key columns of a table;
    ``where`` restricts to rows whose column holds one of the values (a tenant); ``exclude`` leaves out containers.
    """

    name: str
    location: str
    key: tuple[str, ...] = ()
    where: Mapping[str, tuple[str | int, ...]] = field(default_factory=dict)
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ref:
    """A record as it was seen: its key, the version it had, and the container (mailbox, calendar) that holds it."""

    key: str
    version: str
    container: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome for one record; ``version`` is the new one after a rewrite, ``key`` the new key if it changed."""

    ref: Ref
    outcome: Outcome
    key: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class FieldShape:
    """A column or property as the store declares it; ``dialect`` is the name of a SQL store's dialect."""

    name: str
    type: str
    nullable: bool = True
    unique: bool = False
    length: int | None = None
    dialect: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign key: these columns point at that location's columns. ``on_delete`` as the catalog says."""

    columns: tuple[str, ...]
    location: str
    target: tuple[str, ...]
    on_delete: str = "no action"
    indexed: bool = True


@dataclass(frozen=True, slots=True)
class DatasetShape:
    """What inspection finds of one table, mailbox or calendar. ``estimate`` is the store's own row estimate.

    ``token``: while it stays the same, no record has changed (but a mail's flags); empty where the store cannot tell.
    """

    location: str
    kind: Kind
    fields: tuple[FieldShape, ...]
    key: tuple[str, ...] = ()
    references: tuple[Reference, ...] = ()
    estimate: int | None = None
    triggers: tuple[str, ...] = ()
    token: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Inventory:
    """Every dataset that a store holds, mapped or not."""

    store: str
    datasets: tuple[DatasetShape, ...]

    def find(self, location: str) -> DatasetShape | None:
        """The dataset at a location, or None."""
        return next((shape for shape in self.datasets if shape.location == location), None)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a store can do; callers gate on it and never guess."""

    set_based: bool = False
    transactional: bool = False
    conditional_write: bool = False
    in_place_rewrite: bool = False
    notifies_third_parties: bool = False
    residue: tuple[str, ...] = ()
    largest_batch: int = 500


@dataclass(frozen=True, slots=True)
class Impact:
    """What acting on a dataset would also do, counted before anything is done."""

    cascades: Mapping[str, int] = field(default_factory=dict)
    triggers: tuple[str, ...] = ()
    notifications: int = 0
    refusals: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


PARTICIPANT = pa.struct([(name, pa.string()) for name in ("role", "address", "name", "contact")])
"""One person that an item concerns: role is from, sender, to, cc, bcc, reply_to, organizer or attendee; contact is one
of `connectors.participants.Contact`, and null means strong."""

ITEM_SCHEMA = pa.schema(
    [
        ("container", pa.string()),
        ("key", pa.string()),
        ("version", pa.string()),
        ("first", pa.timestamp("us", tz="UTC")),  # message date; start of the first occurrence; null if absurd or none
        ("last", pa.timestamp("us", tz="UTC")),  # message date; end of the last occurrence; null if endless or absurd
        ("endless", pa.bool_()),  # a series without end
        ("automatic", pa.bool_()),  # auto-reply, bounce, newsletter, list traffic: no contact
        ("bytes", pa.int64()),
        ("participants", pa.list_(PARTICIPANT)),
    ]
)
"""The batches that `scan` of an item store (mail, calendar) yields: metadata only, no subject and no body."""

Transform = Callable[[Ref, bytes], bytes | None]
"""Rewrites the content of one record (RFC 5322 message, iCalendar object); None when nothing has to change."""


@dataclass(frozen=True, slots=True)
class Document:
    """One record's content, for classification and redaction. ``fields`` are texts by name (subject, body, …).

    ``by_hash``: whether it was chosen by a stable hash of the key; else it came first when the time was up.
    """

    ref: Ref
    fields: Mapping[str, str]
    by_hash: bool = True


@runtime_checkable
class Connector(Protocol):
    """A store, as the engine uses it. See the module's terminology.

    Every method may raise `StoreDown`; writing methods also `StoreReadOnly` and `StoreRefuses`.
    """

    store: str

    @property
    def capabilities(self) -> Capabilities:
        """What this store can do."""
        ...

    def check(self) -> None:
        """Reach the store with the read-only access, or raise."""
        ...

    def inspect(self) -> Inventory:
        """Every dataset of the store with its shape; no values."""
        ...

    def count(self, source: Source) -> int:
        """Exactly how many records the source holds."""
        ...

    def scan(self, source: Source, columns: Sequence[str] = (), batch: int = 1000) -> Iterator[pa.RecordBatch]:
        """Stream every record: `ITEM_SCHEMA` for items; `key`, `version` and the columns for rows.

        Raises:
            ScanIncomplete: the stream ended early; what was not seen is unknown.
        """
        ...

    def sample(self, source: Source, limit: int, seconds: float | None = None) -> Iterator[Document]:
        """At most ``limit`` records with their texts, chosen by a stable hash of the key; for classification.

        ``seconds`` bounds what the choice may cost the store, as far as it can be told to stop.
        """
        ...

    def impact(self, source: Source) -> Impact:
        """What deleting from this source would also do."""
        ...

    def delete(self, source: Source, refs: Sequence[Ref], operation: str) -> list[Result]:
        """Delete exactly these records as they were seen; one result each, in order."""
        ...

    def rewrite(self, source: Source, refs: Sequence[Ref], transform: Transform, operation: str) -> list[Result]:
        """Replace the content of exactly these records as they were seen; one result each, in order."""
        ...

    def resolve(self, source: Source, refs: Sequence[Ref], operation: str) -> list[Result]:
        """After an unknown result: finish or undo what the operation began, and say what became of each record.

        A half-done rewrite (the copy is there, the original too) is completed; nothing is ever duplicated.
        """
        ...

    def remaining(self, source: Source, refs: Sequence[Ref]) -> int:
        """How many of these records are still there, seen over a fresh read-only connection."""
        ...

    def purge_residue(self, source: Source) -> tuple[str, ...]:
        """Remove what deletion leaves behind (dead rows, caches); returns the kinds that remain, with why."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


def utc(moment: dt.datetime | None) -> dt.datetime | None:
    """An instant in UTC; a naive one is taken to be UTC. None stays None."""
    if moment is None:
        return None
    return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)
