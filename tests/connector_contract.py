"""What every connector owes the engine, shown on its real store. Inherit `ConnectorContract`, give it a `world`.

    class TestMine(ConnectorContract):
        @pytest.fixture
        def world(self, my_server) -> Iterator[World]: ...

A `World` is one connector over one source that holds at least six records, and a way to see and change the store
that does not go through the connector, as another client would:

- `connector`, `source`: what is under test; two connectors over one store must not share a cache.
- `snapshot()`: every record of the store by (container, key), byte for byte as the store gives it, seen by another
  client; the keys are those of `Ref`. A byte that the store cannot help changing (a timestamp of its own) stays out.
- `touch(ref)`: another client changes the record, so that its version must change. Only called where the connector
  declares `conditional_write`.
- `remove(ref)`: another client deletes the record.
- `redact(content)`: a `Transform` that changes every record's content; `redacted(content)` says whether this happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

import pyarrow as pa
import pytest

from connectors.base import ITEM_SCHEMA, Connector, Kind, Outcome, Ref, Result, Source


class World(Protocol):
    """One connector under test and another client of its store; see the module."""

    connector: Connector
    source: Source

    def snapshot(self) -> Mapping[tuple[str, str], bytes]: ...
    def touch(self, ref: Ref) -> None: ...
    def remove(self, ref: Ref) -> None: ...
    def redact(self, _ref: Ref, content: bytes) -> bytes | None: ...
    def redacted(self, content: bytes) -> bool: ...


def refs_of(batches: Iterable[pa.RecordBatch]) -> list[Ref]:
    """The records of a scan, in its order."""
    return [
        Ref(row["key"], row["version"], row.get("container") or "") for batch in batches for row in batch.to_pylist()
    ]


def seen(world: World) -> list[Ref]:
    """Every record as a scan sees it now, ordered by container and key."""
    return sorted(refs_of(world.connector.scan(world.source)), key=lambda ref: (ref.container, ref.key))


def outcomes(results: Iterable[Result]) -> list[Outcome]:
    return [result.outcome for result in results]


def located(refs: Iterable[Ref]) -> set[tuple[str, str]]:
    return {(ref.container, ref.key) for ref in refs}


def without(snapshot: Mapping[tuple[str, str], bytes], refs: Iterable[Ref]) -> dict[tuple[str, str], bytes]:
    """The bystanders: everything but these records."""
    gone = located(refs)
    return {place: content for place, content in snapshot.items() if place not in gone}


class ConnectorContract:
    """The behaviours; one test each."""

    # -- seeing

    def test_a_scan_sees_every_record_once(self, world: World) -> None:
        refs = seen(world)
        assert len(refs) >= 6, "the world must hold at least six records"
        assert len(located(refs)) == len(refs)
        assert located(refs) <= set(world.snapshot())
        assert all(ref.version for ref in refs)

    def test_a_scan_in_small_batches_sees_the_same(self, world: World) -> None:
        batches = list(world.connector.scan(world.source, batch=2))
        assert all(batch.num_rows <= 2 for batch in batches)
        assert sorted(refs_of(batches), key=lambda ref: (ref.container, ref.key)) == seen(world)

    def test_items_are_scanned_in_the_common_schema(self, world: World) -> None:
        shapes = [shape.kind for shape in world.connector.inspect().datasets]
        if Kind.ROWS in shapes:
            pytest.skip("rows have their own columns")
        assert all(batch.schema.equals(ITEM_SCHEMA) for batch in world.connector.scan(world.source))

    def test_reading_changes_nothing(self, world: World) -> None:
        before, versions = world.snapshot(), seen(world)
        world.connector.check()
        world.connector.inspect()
        world.connector.count(world.source)
        list(world.connector.sample(world.source, 3))
        world.connector.impact(world.source)
        world.connector.remaining(world.source, versions)
        assert world.snapshot() == before
        assert seen(world) == versions

    def test_inspection_count_and_scan_agree(self, world: World) -> None:
        assert world.connector.inspect().datasets
        assert world.connector.count(world.source) == len(seen(world))

    def test_a_sample_is_small_stable_and_of_this_source(self, world: World) -> None:
        sample = list(world.connector.sample(world.source, 3))
        assert len(sample) == 3
        assert located(document.ref for document in sample) <= located(seen(world))
        assert [document.ref for document in world.connector.sample(world.source, 3)] == [d.ref for d in sample]
        assert any(document.fields for document in sample)

    # -- deleting

    def test_deleting_takes_exactly_the_named_records(self, world: World) -> None:
        refs, before = seen(world), world.snapshot()
        chosen = [refs[0], refs[3]]
        results = world.connector.delete(world.source, chosen, "op-delete")
        assert [result.ref for result in results] == chosen
        assert outcomes(results) == [Outcome.DONE] * 2
        assert world.snapshot() == without(before, chosen), "bystanders must stay byte-identical"
        assert world.connector.remaining(world.source, chosen) == 0
        assert world.connector.remaining(world.source, refs) == len(refs) - 2
        assert world.connector.count(world.source) == len(refs) - 2

    def test_deleting_twice_finds_it_already_gone(self, world: World) -> None:
        chosen = seen(world)[:2]
        world.connector.delete(world.source, chosen, "op-first")
        before = world.snapshot()
        assert outcomes(world.connector.delete(world.source, chosen, "op-again")) == [Outcome.ALREADY_GONE] * 2
        assert world.snapshot() == before

    def test_a_record_that_another_client_removed_is_already_gone(self, world: World) -> None:
        refs = seen(world)
        world.remove(refs[1])
        assert world.connector.remaining(world.source, refs) == len(refs) - 1
        results = world.connector.delete(world.source, refs[:3], "op-delete")
        assert outcomes(results) == [Outcome.DONE, Outcome.ALREADY_GONE, Outcome.DONE]

    def test_a_record_that_changed_since_the_scan_is_not_deleted(self, world: World) -> None:
        refs = self._touched(world)
        before = world.snapshot()
        results = world.connector.delete(world.source, [refs[0], refs[1]], "op-delete")
        assert outcomes(results) == [Outcome.CONFLICT, Outcome.DONE]
        assert world.snapshot() == without(before, [refs[1]])

    def test_deleting_nothing_does_nothing(self, world: World) -> None:
        before = world.snapshot()
        assert world.connector.delete(world.source, [], "op-nothing") == []
        assert world.snapshot() == before

    # -- rewriting

    def test_rewriting_changes_exactly_the_named_records(self, world: World) -> None:
        refs, before = seen(world), world.snapshot()
        chosen = [refs[1], refs[4]]
        results = world.connector.rewrite(world.source, chosen, world.redact, "op-rewrite")
        assert outcomes(results) == [Outcome.DONE] * 2
        after = world.snapshot()
        rewritten = self._successors(results)
        assert without(after, rewritten) == without(before, chosen), "bystanders must stay byte-identical"
        assert all(world.redacted(after[ref.container, ref.key]) for ref in rewritten)
        assert world.connector.count(world.source) == len(refs), "a rewrite neither loses nor doubles a record"
        assert set(rewritten) <= set(seen(world)), "the result names the key and version that a scan now sees"

    def test_a_record_with_nothing_to_change_is_left_as_it_is(self, world: World) -> None:
        refs, before = seen(world), world.snapshot()
        results = world.connector.rewrite(world.source, refs[:2], lambda *_: None, "op-rewrite")
        assert outcomes(results) == [Outcome.DONE] * 2
        assert world.snapshot() == before
        assert seen(world) == refs

    def test_a_record_that_changed_since_the_scan_is_not_rewritten(self, world: World) -> None:
        refs = self._touched(world)
        before = world.snapshot()
        assert outcomes(world.connector.rewrite(world.source, refs[:1], world.redact, "op")) == [Outcome.CONFLICT]
        assert world.snapshot() == before

    def test_a_record_that_is_gone_cannot_be_rewritten(self, world: World) -> None:
        refs = seen(world)
        world.remove(refs[0])
        before = world.snapshot()
        assert outcomes(world.connector.rewrite(world.source, refs[:1], world.redact, "op")) == [Outcome.ALREADY_GONE]
        assert world.snapshot() == before

    def test_a_rewritten_record_can_be_rewritten_and_deleted_under_its_new_version(self, world: World) -> None:
        first = seen(world)[0]
        once = self._successors(world.connector.rewrite(world.source, [first], world.redact, "op-1"))
        twice = world.connector.rewrite(world.source, once, lambda _, content: content, "op-2")
        assert outcomes(twice) == [Outcome.DONE]
        assert outcomes(world.connector.delete(world.source, self._successors(twice), "op-3")) == [Outcome.DONE]

    # -- after an unknown result

    def test_resolving_what_never_happened_says_pending_and_changes_nothing(self, world: World) -> None:
        refs, before = seen(world), world.snapshot()
        assert outcomes(world.connector.resolve(world.source, refs[:2], "op-lost")) == [Outcome.PENDING] * 2
        assert world.snapshot() == before

    def test_resolving_a_finished_deletion_finds_the_records_gone(self, world: World) -> None:
        refs = seen(world)
        world.connector.delete(world.source, refs[:2], "op-delete")
        before = world.snapshot()
        resolved = outcomes(world.connector.resolve(world.source, refs[:2], "op-delete"))
        assert set(resolved) <= {Outcome.DONE, Outcome.ALREADY_GONE}
        assert world.snapshot() == before

    def test_resolving_a_finished_rewrite_finds_it_done_and_doubles_nothing(self, world: World) -> None:
        refs = seen(world)
        done = world.connector.rewrite(world.source, refs[:2], world.redact, "op-rewrite")
        before = world.snapshot()
        resolved = world.connector.resolve(world.source, refs[:2], "op-rewrite")
        assert outcomes(resolved) == [Outcome.DONE] * 2
        assert self._successors(resolved) == self._successors(done)
        assert world.snapshot() == before
        assert world.connector.count(world.source) == len(refs)

    # -- what deletion leaves behind

    def test_purging_residue_changes_no_record_and_says_what_remains(self, world: World) -> None:
        world.connector.delete(world.source, seen(world)[:2], "op-delete")
        before = world.snapshot()
        assert all(isinstance(kind, str) and kind for kind in world.connector.purge_residue(world.source))
        assert world.snapshot() == before

    # -- of the suite itself

    @staticmethod
    def _touched(world: World) -> list[Ref]:
        """Every record as seen before another client changed the first."""
        if not world.connector.capabilities.conditional_write:
            pytest.skip("the store has no conditional writes, and the connector says so")
        refs = seen(world)
        world.touch(refs[0])
        assert refs[0] not in seen(world), "a change must show in the version"
        return refs

    @staticmethod
    def _successors(results: Iterable[Result]) -> list[Ref]:
        """What the results say the records are now."""
        return [Ref(r.key or r.ref.key, r.version or r.ref.version, r.ref.container) for r in results]
