"""What a person reviews: for each field, what the scan proposes and why, beside what was approved."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.classify.verdict import Verdict
from pipelines.data_map.model import DatasetMap, EventSource, StoreMap
from pipelines.data_map.review import proposal
from pipelines.scan.evidence import DatasetEvidence, FieldEvidence, evidence_file, read_evidence

if TYPE_CHECKING:
    from pipelines.estate import Estate


class State(enum.StrEnum):
    """How a field's proposal stands to what was approved."""

    NEW = "new"
    APPROVED = "approved"
    CHANGED = "changed"
    GONE = "gone"
    OPEN = "to decide"


@dataclass(frozen=True, slots=True)
class ReviewPath:
    """One path inside a field of JSON."""

    path: str
    verdict: str
    category: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """One field. ``proposed`` and ``approved`` are categories, empty where there is none."""

    store: str
    dataset: str
    field: str
    proposed: str
    verdict: str
    evidence: tuple[str, ...]
    approved: str
    state: State
    paths: tuple[ReviewPath, ...] = ()


@dataclass(frozen=True, slots=True)
class ReviewDataset:
    """One dataset of a proposal: its fields, and what else a person should settle; ``dates`` supply no event."""

    store: str
    dataset: str
    location: str
    approved: bool
    rows: tuple[ReviewRow, ...]
    notes: tuple[str, ...]
    events: tuple[str, ...]
    dates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReviewTable:
    """Everything that is proposed, by store and dataset."""

    datasets: tuple[ReviewDataset, ...]

    @property
    def rows(self) -> tuple[ReviewRow, ...]:
        """All fields."""
        return tuple(row for each in self.datasets for row in each.rows)

    @property
    def open(self) -> tuple[ReviewRow, ...]:
        """The fields that differ from what was approved, or on which a person has to decide."""
        return tuple(row for row in self.rows if row.state is not State.APPROVED)


def review(estate: Estate, store: str | None = None) -> ReviewTable:
    """The proposals of one store or of all, beside the approved maps.

    Raises:
        UsageError: there is no such store.
        DataMapInvalid: a proposal was edited and is no longer valid.
    """
    stores = list(estate.stores) if store is None else [store]
    found: list[ReviewDataset] = []
    for name in stores:
        estate.store(name)
        proposed = proposal(estate, name)
        if proposed:
            evidence = read_evidence(evidence_file(estate.folder / "proposals", name))
            found += _datasets(proposed, estate.data_maps.get(name), evidence)
    return ReviewTable(tuple(found))


def _datasets(
    proposed: StoreMap, known: StoreMap | None, evidence: dict[str, DatasetEvidence]
) -> Iterator[ReviewDataset]:
    active = known.active if known else {}
    for name, dataset in proposed.datasets.items():
        said = evidence.get(name, DatasetEvidence(dataset.source))
        rows = tuple(_rows(proposed.store, name, dataset, active.get(name), said))
        events = tuple(_spoken(event, each) for event, each in dataset.events.items())
        yield ReviewDataset(proposed.store, name, dataset.source, name in active, rows, said.notes, events, said.dates)


def _spoken(event: str, source: EventSource) -> str:
    """`contract_end ← ended_on, of the person; NULL: open`."""
    of = "of the person" if source.of == "subject" else "of this record"
    if source.column is None:
        return f"{event} ← the {source.at} item {', '.join(source.roles)}".rstrip() + f", {of}"
    return f"{event} ← {source.column}, {of}; NULL: {source.null}"


def _rows(
    store: str, name: str, dataset: DatasetMap, known: DatasetMap | None, said: DatasetEvidence
) -> Iterator[ReviewRow]:
    approved = known.fields if known else {}
    nothing = FieldEvidence("", "", ())
    for field in dict.fromkeys([*said.fields, *dataset.fields, *approved]):
        why = said.fields.get(field, nothing)
        proposed = dataset.fields[field].category if field in dataset.fields else ""
        before = approved[field].category if field in approved else ""
        here = field in said.fields or not said.fields
        state = State.APPROVED if not proposed and _settled(why, field, known) else _state(proposed, before, here=here)
        paths = tuple(ReviewPath(path, each.verdict, each.category, each.because) for path, each in why.paths.items())
        yield ReviewRow(store, name, field, proposed, why.verdict, why.because, before, state, paths)


def _settled(why: FieldEvidence, field: str, known: DatasetMap | None) -> bool:
    """Keys and the like need no category once a person has approved the dataset."""
    return known is not None and field not in known.fields and why.verdict == Verdict.NOT_PERSONAL.value


def _state(proposed: str, before: str, *, here: bool) -> State:
    if not here and before:
        return State.GONE
    if not proposed and not before:
        return State.OPEN
    if not before:
        return State.NEW
    return State.APPROVED if proposed in {before, ""} else State.CHANGED
