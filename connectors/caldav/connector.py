"""Calendars over CalDAV: calendars are containers, resources (one event with its overrides) are records.

A record's key is its path, its version the etag. Every write is conditional on it (If-Match).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo

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
from connectors.caldav.attendance import people
from connectors.caldav.occurrences import read, span
from connectors.caldav.web import Account, Calendar, Resource
from connectors.changes import NOTHING, Changes, Known, digest_of
from connectors.containers import matches, meant, sampled, scanned_whole
from connectors.errors import StoreDown, StoreMismatch, StoreRefuses
from connectors.lasting import Lasting

MARKER = "X-ARDOISE-OPERATION"
"""The property that a rewrite leaves on every component: the operation's token."""

_TEXTS = ("summary", "description", "location", "comment", "contact", "url", "organizer", "attendee")
_MULTIGET = 100
_OPERATION = re.compile(r"[A-Za-z0-9._-]+")
_BEGIN = re.compile(rb"^(BEGIN:(?:VEVENT|VTODO|VJOURNAL))[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_OLD_MARKER = re.compile(rb"^X-ARDOISE-OPERATION[;:].*\n(?:[ \t].*\n)*", re.IGNORECASE | re.MULTILINE)
_SCHEDULING = "calendar-auto-schedule"


class CaldavConnector:
    """A `Connector` over one account. A source's location is a calendar's name (the last segment of its path) or path.

    `*` and `?` make it a pattern. ``time_zone`` is the zone of times that name none.
    """

    def __init__(self, store: str, read_url: str, write_url: str, *, time_zone: str = "UTC") -> None:
        self.store = store
        self._read_url = read_url
        self._zone = ZoneInfo(time_zone)
        self._reader = Account(store, read_url)
        self._writer = Account(store, write_url)

    @property
    def capabilities(self) -> Capabilities:
        """Conditional writes in place; whether the server mails the participants, it says itself."""
        return Capabilities(
            conditional_write=True,
            in_place_rewrite=True,
            notifies_third_parties=_SCHEDULING in self._reader.features(),
            residue=("history and backups of the server",),
            largest_batch=_MULTIGET,
        )

    def check(self) -> None:
        """Find the calendars with the read access."""
        self._reader.calendars()

    def inspect(self) -> Inventory:
        """One dataset per calendar, declared or not, with its number of resources."""
        fields = tuple(FieldShape(name, "text") for name in _TEXTS)
        shapes = []
        for each in self._reader.calendars():
            listed = self._reader.listing(each.path)
            total, token = len(listed), _token(listed)
            shapes.append(DatasetShape(each.name, Kind.EVENTS, fields, ("href",), estimate=total, token=token))
        return Inventory(self.store, tuple(shapes))

    def count(self, source: Source) -> int:
        """How many resources the source's calendars hold."""
        return sum(len(self._reader.listing(each.path)) for each in self._calendars(source))

    def scan(self, source: Source, columns: Sequence[str] = (), batch: int = 1000) -> Iterator[pa.RecordBatch]:
        """Stream the metadata of every resource, calendar by calendar, by path."""
        for each in self.changes(source, NOTHING, batch):
            yield from each.items

    def changes(self, source: Source, known: Known, batch: int = 1000) -> Iterator[Changes]:
        """What has come, changed or gone since an earlier look, calendar by calendar, by path.

        Every listing is whole, with an etag for each resource; those whose etag is another one are read. No sync token
        is kept that could become invalid.
        """
        by_name: dict[str, list[Calendar]] = {}
        for calendar in self._calendars(source):
            by_name.setdefault(calendar.name, []).append(calendar)
        for name, calendars in by_name.items():
            with scanned_whole(self.store):
                listed = {each.path: self._reader.listing(each.path) for each in calendars}
            state = f"{self._zone.key} {_token(chain.from_iterable(listed.values()))}"
            before = known.states.get(name, "")
            if before == state:
                yield Changes(name, state, iter(()))
                continue
            whole = before.partition(" ")[0] != self._zone.key  # floating times were read in another zone
            versions = {} if whole else known.versions(name)
            read = {path: [each for each in of if versions.get(each.path) != each.etag] for path, of in listed.items()}
            gone = versions.keys() - {each.path for of in listed.values() for each in of}
            yield Changes(name, state, self._streamed(name, read, batch), tuple(sorted(gone)), whole)

    def sample(self, source: Source, limit: int, seconds: float | None = None) -> Iterator[Document]:
        """At most ``limit`` resources with the texts of all their components."""
        listed = (
            (each.path, calendar.name) for calendar in self._calendars(source)
            for each in self._reader.listing(calendar.path)
        )  # fmt: skip
        for path, name in sampled(listed, limit, key=lambda pair: pair[0]):
            found = self._reader.get(path)
            if found is not None and found.content is not None:
                yield Document(Ref(path, found.etag, name), _texts(found.content))

    def impact(self, source: Source) -> Impact:
        """A server that schedules would mail the participants: then nothing is done."""
        self._calendars(source)
        return Impact(refusals=self._refusals(self._reader))

    def delete(self, source: Source, refs: Sequence[Ref], operation: str) -> list[Result]:
        """Delete resources as they were seen.

        Raises:
            StoreRefuses: the server mails the participants of what is deleted.
        """
        return self._act(refs, self._delete)

    def rewrite(self, source: Source, refs: Sequence[Ref], transform: Transform, operation: str) -> list[Result]:
        """Replace resources as they were seen, whole, overrides included.

        Raises:
            StoreRefuses: as for `delete`.
            ValueError: the operation is no token of letters, digits, dots, dashes and underscores.
        """
        if not _OPERATION.fullmatch(operation):
            raise ValueError("an operation is a token of letters, digits, dots, dashes and underscores")
        return self._act(refs, lambda ref: self._rewrite(ref, transform, operation))

    def resolve(self, source: Source, refs: Sequence[Ref], operation: str) -> list[Result]:
        """Look for the operation's marker. A request is done whole or not at all: nothing is to be completed."""
        return [self._resolve(ref, operation) for ref in refs]

    def remaining(self, source: Source, refs: Sequence[Ref]) -> int:
        """How many of these resources are still there."""
        fresh = Account(self.store, self._read_url)
        try:
            calendars = {ref.key.rsplit("/", 1)[0] + "/" for ref in refs}
            present = {each.path for calendar in sorted(calendars) for each in fresh.listing(calendar)}
        finally:
            fresh.close()
        return sum(ref.key in present for ref in refs)

    def purge_residue(self, source: Source) -> tuple[str, ...]:
        """CalDAV has no command for it; the operator of the server has."""
        self._calendars(source)
        return (
            Lasting.HISTORY.said("CalDAV cannot purge it (Xandikos keeps a git history)"),
            Lasting.BACKUPS.said(),
        )

    def close(self) -> None:
        """Let go of connections."""
        self._reader.close()
        self._writer.close()

    # -- reading

    def _calendars(self, source: Source) -> list[Calendar]:
        if source.where:
            raise StoreMismatch(self.store, "events have no columns to filter by", "Remove `where` from the data map")
        return meant(self.store, source, self._reader.calendars(), _matches, kind="calendar")

    def _streamed(self, name: str, wanted: Mapping[str, Sequence[Resource]], batch: int) -> Iterator[pa.RecordBatch]:
        """The resources wanted of the calendars (by path) of a name."""
        size = min(batch, _MULTIGET)
        with scanned_whole(self.store):
            for calendar, resources in wanted.items():
                for start in range(0, len(resources), size):
                    rows = self._items(name, calendar, resources[start : start + size])
                    if rows:
                        yield pa.RecordBatch.from_pylist(rows, ITEM_SCHEMA)

    def _items(self, name: str, calendar: str, listed: Sequence[Resource]) -> list[dict[str, Any]]:
        found = self._reader.several(calendar, [each.path for each in listed])
        rows = []
        for each in listed:
            # not delivered: removed meanwhile, or kept silent about, which only a request for it alone can tell
            resource = found.get(each.path) or self._reader.get(each.path)
            if resource is not None:
                rows.append(_item(name, resource, self._zone))
        return rows

    # -- writing

    def _act(self, refs: Sequence[Ref], step: Callable[[Ref], Result]) -> list[Result]:
        if not refs:
            return []
        for reason in self._refusals(self._writer):
            raise StoreRefuses(self.store, reason, "Have scheduling switched off for this account, or use another way")
        results: list[Result] = []
        for ref in refs:
            try:
                results.append(step(ref))
            except StoreDown:
                if not results:
                    raise
                lost = [Result(each, Outcome.PENDING) for each in refs[len(results) + 1 :]]
                return [*results, Result(ref, Outcome.UNKNOWN), *lost]
        return results

    def _delete(self, ref: Ref) -> Result:
        answer = self._writer.request("DELETE", ref.key, headers={"If-Match": ref.version})
        return Result(ref, self._outcome(ref, answer.status_code))

    def _rewrite(self, ref: Ref, transform: Transform, operation: str) -> Result:
        found = self._writer.get(ref.key)
        if found is None or found.content is None:
            return Result(ref, Outcome.ALREADY_GONE)
        if found.etag != ref.version:
            return Result(ref, Outcome.CONFLICT)
        changed = transform(ref, found.content)
        if changed is None:
            return Result(ref, Outcome.DONE)
        body = _marked(changed, operation)
        answer = self._writer.request("PUT", ref.key, body, {"If-Match": ref.version})
        outcome = self._outcome(ref, answer.status_code)
        if outcome is not Outcome.DONE:
            return Result(ref, outcome)
        etag = answer.headers.get("ETag")  # left out by servers that store something else than what was sent
        if not etag:
            stored = self._writer.get(ref.key)
            etag = stored.etag if stored else None
        return Result(ref, Outcome.DONE, version=etag)

    def _resolve(self, ref: Ref, operation: str) -> Result:
        found = self._writer.get(ref.key)
        if found is None or found.content is None:
            return Result(ref, Outcome.ALREADY_GONE)
        if re.search(rf"^{MARKER}:{re.escape(operation)}\s*$".encode(), found.content, re.IGNORECASE | re.MULTILINE):
            return Result(ref, Outcome.DONE, version=found.etag)
        return Result(ref, Outcome.PENDING if found.etag == ref.version else Outcome.CONFLICT)

    def _outcome(self, ref: Ref, status: int) -> Outcome:
        if 200 <= status < 300:  # noqa: PLR2004 - HTTP's own numbers
            return Outcome.DONE
        if status not in {404, 410, 412, 423}:
            return Outcome.REFUSED
        # some servers answer 412 where there is nothing to match
        gone = status in {404, 410} or self._writer.get(ref.key) is None
        return Outcome.ALREADY_GONE if gone else Outcome.CONFLICT

    @staticmethod
    def _refusals(account: Account) -> tuple[str, ...]:
        if _SCHEDULING in account.features():
            return ("the server schedules (calendar-auto-schedule): it would mail the participants",)
        return ()


def _item(calendar: str, resource: Resource, zone: ZoneInfo) -> dict[str, Any]:
    content = resource.content or b""
    when = span(content, zone)
    return {
        "container": calendar,
        "key": resource.path,
        "version": resource.etag,
        "first": when.first,
        "last": when.last,
        "endless": when.endless,
        "automatic": False,
        "bytes": len(content),
        "participants": people(content),
    }


def _token(listed: Iterable[Resource]) -> str:
    """What changes when a resource comes, changes or goes."""
    return digest_of(sorted(f"{each.path} {each.etag}" for each in listed))


def _texts(content: bytes) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for component in read(content):
        for name in _TEXTS:
            values = component.get(name, [])
            for value in values if isinstance(values, list) else [values]:
                named = getattr(value, "params", {}).get("CN", "")
                text = f"{named} {value}".strip()
                if text and text not in found.setdefault(name, []):
                    found[name].append(text)
    return {name: "\n".join(texts) for name, texts in found.items() if texts}


def _marked(content: bytes, operation: str) -> bytes:
    line = f"{MARKER}:{operation}".encode()
    clean = _OLD_MARKER.sub(b"", content.replace(b"\r\n", b"\n"))
    return _BEGIN.sub(rb"\1" + b"\n" + line, clean).replace(b"\n", b"\r\n")


def _matches(calendar: Calendar, pattern: str) -> bool:
    return any(matches(each, pattern) for each in (calendar.name, calendar.path, calendar.title))
