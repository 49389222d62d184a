"""Bringing the index of mail and calendars up to date: all that a scan, a plan, a run and its verification ask for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from connectors.base import Connector
from connectors.errors import ConnectorError
from pipelines.data_map.model import DatasetMap
from pipelines.errors import SecretMissing
from pipelines.progress import Progress, silent
from pipelines.scan.filling import fill
from pipelines.scan.index import DatasetScan, IndexAbsent, forget, mark_incomplete, read, scans
from pipelines.scan.participants import SubjectKeys
from pipelines.scan.sources import binding, source_of

if TYPE_CHECKING:
    from pipelines.estate import Estate

ITEM_STORES = frozenset({"imap", "caldav"})


def refresh(
    estate: Estate,
    stores: Collection[str] | None = None,
    progress: Progress = silent,
    *,
    now: dt.datetime,
    fresh: dt.timedelta = dt.timedelta(),
    changed: Mapping[tuple[str, str], dt.datetime] | None = None,
) -> tuple[DatasetScan, ...]:
    """Index the mapped datasets of the item stores named, or of all.

    What was scanned whole within ``fresh`` before ``now``, under the same data map, is left as it is, unless it is
    known to have ``changed`` since: the time by store and dataset. A store that is down is in the result as incomplete,
    and the others go on.

    Raises:
        IndexBusy: another process kept the index locked.
        UsageError: there is no such store.
    """
    for name in stores or ():
        estate.store(name)
    known = {
        place: each
        for place, each in _known(estate, since=now - fresh).items()
        if changed is None or place not in changed or changed[place] < each.at
    }
    found: list[DatasetScan] = []
    for name, store_map in estate.data_maps.items():
        if estate.stores[name].kind in ITEM_STORES and (stores is None or name in stores):
            forget(estate.index_file, name, tuple(store_map.datasets))
            found += _store(estate, name, known, progress, now)
    return tuple(found)


def index_datasets(
    estate: Estate, connector: Connector, datasets: Mapping[str, DatasetMap], progress: Progress, now: dt.datetime
) -> Iterator[DatasetScan]:
    """Scan datasets of a store that is connected, one by one."""
    stage = f"index {connector.store}"
    for name, dataset in datasets.items():

        def told(done: int, name: str = name) -> None:
            progress(stage, done, None, name)

        keys, source = SubjectKeys(estate.key, dataset.scope, dataset.own), source_of(name, dataset)
        yield fill(estate.index_file, connector, name, source, subjects=keys, now=now, progress=told)


def _known(estate: Estate, since: dt.datetime) -> dict[tuple[str, str], DatasetScan]:
    """The complete scans since a time."""
    try:
        with read(estate.index_file) as connection:
            return {(each.store, each.dataset): each for each in scans(connection) if each.complete and each.at > since}
    except IndexAbsent:
        return {}


def _store(
    estate: Estate, store: str, known: Mapping[tuple[str, str], DatasetScan], progress: Progress, now: dt.datetime
) -> list[DatasetScan]:
    found: list[DatasetScan] = []
    wanted: dict[str, DatasetMap] = {}
    for name, dataset in estate.data_maps[store].datasets.items():
        keys = SubjectKeys(estate.key, dataset.scope, dataset.own)
        before = known.get((store, name))
        if before and before.binding == binding(source_of(name, dataset), keys):
            found.append(before)
        else:
            wanted[name] = dataset
    return found + _filled(estate, store, wanted, progress, now) if wanted else found


def _filled(
    estate: Estate, store: str, wanted: Mapping[str, DatasetMap], progress: Progress, now: dt.datetime
) -> list[DatasetScan]:
    found: list[DatasetScan] = []
    try:
        with estate.connected(store) as connector:
            connector.check()
            for each in index_datasets(estate, connector, wanted, progress, now):
                found.append(each)  # noqa: PERF402 - what was found before an error counts
    except (ConnectorError, SecretMissing) as error:
        unseen = [name for name in wanted if name not in {each.dataset for each in found}]
        mark_incomplete(estate.index_file, store, unseen, f"the store could not be scanned ({type(error).__name__})")
        found += [DatasetScan(store, name, complete=False, at=now, items=0, reason=str(error)) for name in unseen]
    return found
