"""Bringing the index of mail and calendars up to date before a plan, without looking at or proposing anything."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import TYPE_CHECKING

from connectors.errors import ConnectorError
from pipelines.errors import SecretMissing
from pipelines.progress import Progress, silent
from pipelines.scan.index import DatasetScan, fill, forget, mark_incomplete
from pipelines.scan.participants import SubjectKeys
from pipelines.scan.sources import source_of

if TYPE_CHECKING:
    from pipelines.estate import Estate

ITEM_STORES = frozenset({"imap", "caldav"})


def refresh(
    estate: Estate, stores: Collection[str] | None = None, progress: Progress = silent, *, now: dt.datetime
) -> tuple[DatasetScan, ...]:
    """Index the mapped datasets of the item stores named, or of all.

    A store that is down is in the result as incomplete, and the others go on.

    Raises:
        IndexBusy: another process kept the index locked.
        UsageError: there is no such store.
    """
    for name in stores or ():
        estate.store(name)
    found: list[DatasetScan] = []
    for name, store_map in estate.data_maps.items():
        if estate.stores[name].kind in ITEM_STORES and (stores is None or name in stores):
            found += _store(estate, name, tuple(store_map.datasets), progress, now)
    return tuple(found)


def _store(
    estate: Estate, store: str, datasets: Collection[str], progress: Progress, now: dt.datetime
) -> list[DatasetScan]:
    stage = f"index {store}"
    forget(estate.index_file, store, datasets)
    found: list[DatasetScan] = []
    try:
        with estate.connected(store) as connector:
            connector.check()
            for name in datasets:
                dataset = estate.data_maps[store].datasets[name]

                def told(done: int, name: str = name) -> None:
                    progress(stage, done, None, name)

                keys = SubjectKeys(estate.key, dataset.scope, dataset.own)
                source = source_of(name, dataset)
                found.append(fill(estate.index_file, connector, name, source, subjects=keys, now=now, progress=told))
    except (ConnectorError, SecretMissing) as error:
        left = [name for name in datasets if name not in {each.dataset for each in found}]
        mark_incomplete(estate.index_file, store, left, f"the store could not be scanned ({type(error).__name__})")
        found += [DatasetScan(store, name, complete=False, at=now, items=0, reason=str(error)) for name in left]
    return found
