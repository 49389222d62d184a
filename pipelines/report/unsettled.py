"""What no person has settled yet, as the last scans know it: unmapped datasets, columns in doubt, holds in force."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from pipelines.classify.verdict import Verdict
from pipelines.engine.verdicts import GONE, Judged, Said
from pipelines.report.model import HoldInForce, Unclassified
from pipelines.scan.coverage import accounted_for
from pipelines.scan.drift import coverage_of
from pipelines.scan.refresh import ITEM_STORES

if TYPE_CHECKING:
    from pipelines.data_map.model import DatasetMap
    from pipelines.engine.database import EngineDatabase
    from pipelines.estate import Estate
    from pipelines.plan.artefact import Plan


def unclassified(estate: Estate, engine: EngineDatabase) -> Iterator[Unclassified]:
    """What the scans have seen in every store of the estate and nobody has settled.

    Of undeclared mailboxes and calendars only the number is told: their names may be those of persons.
    """
    coverage = coverage_of(engine)
    maps = estate.acting(engine).data_maps
    folders: dict[str, int] = {}
    for (store, location), said in sorted(coverage.history.items()):
        if store not in estate.stores:
            continue
        active = maps[store].active if store in maps else {}
        mapped = {name: each for name, each in active.items() if _speaks_of(each, location)}
        now = {name: each for name, each in _now(said).items() if each.verdict != GONE}
        if mapped:
            for name, dataset in mapped.items():
                if dataset.controller in estate.controllers:
                    policy = estate.policy(dataset.controller)
                    for drifted in coverage.drifted(store, name, dataset, policy, location=location):
                        yield Unclassified(store, name, drifted.field, drifted.category, personal=1)
                yield from _doubtful(store, name, dataset, now)
        elif estate.stores[store].kind in ITEM_STORES:
            folders[store] = folders.get(store, 0) + 1
        elif (counts := _counts(now)) != (0, 0):
            yield Unclassified(store, location, personal=counts[0], review=counts[1])
    for store, count in folders.items():
        yield Unclassified(store, "", personal=count)


def holds_in_force(engine: EngineDatabase, plan: Plan) -> Iterator[HoldInForce]:
    """The holds that keep on the plan's date, by number; neither case nor person is told."""
    for hold in engine.holds.list():
        if hold.since <= plan.as_of and hold.active(plan.as_of):
            yield HoldInForce(
                number=hold.id,
                store=hold.scope.store or "",
                dataset=hold.scope.dataset or "",
                categories=tuple(sorted(hold.scope.categories)),
                narrow=bool(hold.scope.subject or hold.scope.record),
                since=hold.since,
                asked=hold.asked_by is not None and hold.until is None,
            )


def _speaks_of(dataset: DatasetMap, location: str) -> bool:
    """Whether a mapping is of a location: a table by its name, mailboxes and calendars by patterns."""
    if dataset.key:
        return dataset.source == location
    patterns = (dataset.source, *dataset.exclude)
    return any(fnmatch.fnmatchcase(location, pattern.replace("%", "*")) for pattern in patterns)


def _now(said: Mapping[str, Sequence[Said]]) -> dict[str, Judged]:
    return {name: each[-1].judged for name, each in said.items()}


def _doubtful(store: str, name: str, dataset: DatasetMap, now: Mapping[str, Judged]) -> Iterator[Unclassified]:
    known = accounted_for(dataset)
    for field, judged in sorted(now.items()):
        if dataset.key and judged.verdict == Verdict.REVIEW.value and field not in known:
            yield Unclassified(store, name, field, judged.category, review=1)


def _counts(now: Mapping[str, Judged]) -> tuple[int, int]:
    verdicts = [each.verdict for each in now.values()]
    return verdicts.count(Verdict.PERSONAL.value), verdicts.count(Verdict.REVIEW.value)
