"""The scan: look into each store with its read-only access, propose data maps, fill the index, report the gaps."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.base import Connector, Inventory, Kind
from connectors.errors import ConnectorError, ScanIncomplete, StoreDown
from pipelines.classify.special import special_of
from pipelines.classify.text_processes import reading_with
from pipelines.data_map.model import DatasetMap, StoreMap
from pipelines.data_map.writing import write_map
from pipelines.engine.verdicts import LastLook
from pipelines.errors import SecretMissing
from pipelines.progress import Progress, silent
from pipelines.scan.candidates import comments, said_so_far
from pipelines.scan.coverage import CoverageFinding, Gap, coverage
from pipelines.scan.drift import Drift, Drifted, coverage_of, judged
from pipelines.scan.evidence import evidence_file, write_evidence
from pipelines.scan.index import DatasetScan, forget, mark_incomplete
from pipelines.scan.refresh import index_datasets
from pipelines.scan.sampling import kept, remembered, signs
from pipelines.scan.sources import covers, source_of

if TYPE_CHECKING:
    from pipelines.estate import Estate
    from pipelines.scan.looking import Look

COUNTED = 100_000
"""Rows up to which a table is counted, by the engine's estimate; of larger ones that estimate is told."""

UNNAMED = "CONTROLLER"
"""The controller in a proposal while the estate has none."""


@dataclass(frozen=True, slots=True)
class StoreScan:
    """What the scan of one store found. Incomplete means that what it did not see is unknown, not absent.

    ``records`` are those of the mapped datasets (of the proposed ones where nothing is mapped); ``personal`` and
    ``review`` count fields; ``changed`` those on which the scan says something else than the one before.
    ``undecided`` are columns with personal data that have come since their dataset was approved: with any of them, the
    store fails the expectation that every such column is in the data map. ``unchanged`` counts the datasets that were
    not read again, ``cut`` names those whose sample ran into a bound, and which. ``about``: some counts of records are
    the engine's own estimates. ``special``: location, field, special category (GDPR Art. 9, 10) and the share of the
    sampled texts that tell of it.
    """

    store: str
    complete: bool
    reason: str = ""
    datasets: int = 0
    records: int = 0
    personal: int = 0
    review: int = 0
    findings: tuple[CoverageFinding, ...] = ()
    undecided: tuple[tuple[str, Drifted], ...] = ()
    changed: int = 0
    about: bool = False
    unchanged: int = 0
    cut: tuple[tuple[str, str], ...] = ()
    special: tuple[tuple[str, str, str, float], ...] = ()
    indexed: tuple[DatasetScan, ...] = ()
    proposal: Path | None = None


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What the scan of an estate found."""

    stores: tuple[StoreScan, ...]

    @property
    def complete(self) -> bool:
        """Whether every store was seen whole; anything less is not green."""
        return all(each.complete for each in self.stores)

    @property
    def covered(self) -> bool:
        """Whether every column with personal data of the approved datasets has been decided about."""
        return not any(each.undecided for each in self.stores)

    @property
    def findings(self) -> tuple[CoverageFinding, ...]:
        """The gaps between stores and data maps."""
        return tuple(finding for each in self.stores for finding in each.findings)


def scan(
    estate: Estate,
    stores: Collection[str] | None = None,
    progress: Progress = silent,
    *,
    now: dt.datetime,
    processes: int | None = None,
) -> ScanResult:
    """Scan the stores named, or all: inspect, sample, classify, propose, index, count.

    A store that is down is in the result as incomplete, and the others go on. Nothing is ever written to a store.
    ``processes`` read free text, as many as the estate says by default; what is found does not depend on it.

    Raises:
        UsageError: there is no such store.
        EstateInvalid: the controller's policy is invalid: what to propose cannot be known.
        Unavailable: the index or the engine database cannot be used, a language model is missing, or a process is lost.
    """
    names = list(estate.stores) if stores is None else [name for name in estate.stores if name in set(stores)]
    for name in stores or ():
        estate.store(name)
    estate.choose_models()
    with reading_with(processes or estate.config.scan.processes):
        return ScanResult(tuple(_store(estate, name, progress, now) for name in names))


def _store(estate: Estate, store: str, progress: Progress, now: dt.datetime) -> StoreScan:
    progress(f"scan {store}", 0, None, "reaching")
    try:
        with estate.connected(store) as connector:
            connector.check()
            return _connected(estate, connector, progress, now)
    except SecretMissing as error:
        reason = str(error)
    except ScanIncomplete:
        reason = "the scan ended early"
    except StoreDown as error:
        reason = f"the store cannot be reached: {error.what}"
    except ConnectorError as error:
        reason = f"{error.what}. {error.remedy}"
    known = estate.data_maps.get(store)
    mark_incomplete(estate.index_file, store, known.datasets if known else (), "the store could not be scanned")
    return StoreScan(store, complete=False, reason=reason)


def _connected(estate: Estate, connector: Connector, progress: Progress, now: dt.datetime) -> StoreScan:
    from pipelines.scan.looking import look

    with contextlib.closing(estate.engine()) as engine:
        before = {place: remembered(each) for place, each in engine.verdicts.looks(connector.store).items()}
    seen = look(connector, progress, before)
    known = estate.data_maps.get(connector.store)
    proposed, path = _propose(estate, seen, known)
    items = {shape.location for shape in seen.inventory.datasets if shape.kind is not Kind.ROWS}
    acting = (known or proposed).datasets
    indexed: tuple[DatasetScan, ...] = ()
    if items:
        forget(estate.index_file, connector.store, acting)
        indexed = tuple(index_datasets(estate, connector, acting, progress, now))
    estimated = _estimated(seen.inventory, acting)
    exact = {name: each for name, each in acting.items() if name not in estimated}
    counts, uncounted = _counts(connector, exact, indexed)
    if known:
        _record(estate, connector.store, counts, now)  # limits are held against counts, never against estimates
    changed, undecided = _judged(estate, seen, now)
    gaps = [*coverage(seen.inventory, known, seen.verdicts), *_since(estate, connector.store, undecided)]
    incomplete = [each.reason for each in indexed if not each.complete] + uncounted
    verdicts = [verdict for each in seen.verdicts.values() for verdict in each]
    return StoreScan(
        store=connector.store,
        complete=not incomplete,
        reason="; ".join(dict.fromkeys(incomplete)),
        datasets=len(seen.inventory.datasets),
        records=sum(counts.values()) + sum(estimated.values()),
        personal=sum(verdict.personal for verdict in verdicts),
        review=sum(verdict.verdict.value == "for review" for verdict in verdicts),
        findings=tuple(gaps),
        undecided=undecided,
        changed=changed,
        unchanged=len(seen.unchanged),
        cut=tuple((place, each.cut) for place, each in sorted(seen.samples.items()) if each.cut),
        special=tuple(_special(seen)),
        about=bool(estimated),
        indexed=indexed,
        proposal=path,
    )


def _special(seen: Look) -> Iterator[tuple[str, str, str, float]]:
    for place, verdicts in sorted(seen.verdicts.items()):
        for verdict in verdicts:
            for category, share in special_of(verdict).items():
                yield place, verdict.column, category, share


def _propose(estate: Estate, seen: Look, known: StoreMap | None) -> tuple[StoreMap, Path]:
    from pipelines.scan.proposal import propose

    store = seen.inventory.store
    controller = _controller(estate, known)
    policy = estate.policy(controller) if controller in estate.controllers else None
    proposal = propose(seen, said_so_far(estate, store), controller, policy)
    path = estate.proposals / f"{store}.yaml"
    write_map(path, proposal.map, comments(proposal, policy))
    write_evidence(evidence_file(estate.proposals, store), proposal.evidence, path)
    return proposal.map, path


def _controller(estate: Estate, known: StoreMap | None) -> str:
    named = [dataset.controller for dataset in known.datasets.values()] if known else []
    return next(iter([*named, *estate.controllers]), UNNAMED)


def _estimated(inventory: Inventory, datasets: Mapping[str, DatasetMap]) -> dict[str, int]:
    """About how many records the large datasets hold: the engine knows, and counting them would read them all."""
    found = {name: (inventory.find(each.source), each) for name, each in datasets.items()}
    return {
        name: shape.estimate
        for name, (shape, each) in found.items()
        if shape and shape.kind is Kind.ROWS and not each.where and shape.estimate and shape.estimate > COUNTED
    }


def _counts(
    connector: Connector, datasets: Mapping[str, DatasetMap], indexed: Collection[DatasetScan]
) -> tuple[dict[str, int], list[str]]:
    """How many records each dataset holds, and why some could not be counted."""
    by_index = {each.dataset: each.items for each in indexed if each.complete}
    broken = {each.dataset for each in indexed if not each.complete}
    counts: dict[str, int] = {}
    uncounted: list[str] = []
    for name, dataset in datasets.items():
        if name in by_index:
            counts[name] = by_index[name]
        elif name not in broken:
            try:
                counts[name] = connector.count(source_of(name, dataset))
            except StoreDown:
                raise
            except ConnectorError as error:
                uncounted.append(f"{name} could not be counted ({type(error).__name__})")
    return counts, uncounted


def _judged(estate: Estate, seen: Look, now: dt.datetime) -> tuple[int, tuple[tuple[str, Drifted], ...]]:
    """Add to the history what the verdicts are now; how many have changed, and what nobody has decided about."""
    store = seen.inventory.store
    with contextlib.closing(estate.engine()) as engine:
        changed = engine.verdicts.record(
            store,
            {place: {each.column: judged(each) for each in verdicts} for place, verdicts in seen.verdicts.items()},
            at=now,
        )
        shapes_by = {each.location: each for each in seen.inventory.datasets}
        looks = {
            place: LastLook(now, signs(shapes_by[place]), kept(verdicts, seen.samples[place]))
            for place, verdicts in seen.verdicts.items()
            if place in seen.samples
        }
        engine.verdicts.remember(store, looks)
        known, found = coverage_of(engine), []
        active = estate.acting(engine).data_maps[store].active if store in estate.data_maps else {}
    for name, dataset in active.items():
        shapes = [each for each in seen.inventory.datasets if each.kind is Kind.ROWS and covers(dataset, each)]
        if dataset.controller in estate.controllers:
            policy = estate.policy(dataset.controller)
            found += [(name, each) for s in shapes for each in known.drifted(store, name, dataset, policy, s)]
    return changed, tuple(found)


def _since(estate: Estate, store: str, undecided: Collection[tuple[str, Drifted]]) -> Iterator[CoverageFinding]:
    """The columns that were mapped and have changed since; those that are not mapped are findings anyway."""
    for name, each in undecided:
        if each.drift is Drift.CHANGED:
            location = estate.data_maps[store].datasets[name].source
            yield CoverageFinding(store, location, Gap.PERSONAL_SINCE, each.field, each.category)


def _record(estate: Estate, store: str, counts: Mapping[str, int], now: dt.datetime) -> None:
    engine = estate.engine()
    try:
        engine.volumes.record({(store, name): count for name, count in counts.items()}, at=now)
    finally:
        engine.close()
