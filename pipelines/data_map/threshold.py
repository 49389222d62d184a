"""Approval without a person: new columns of approved datasets, of the kinds and with the confidence that are allowed.

What a dataset is, whom it concerns and when its clocks start is always a person's decision: a new dataset, store or
event is never approved here (R45). Nor is anything that the scan is not sure of, or that a person has already settled.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pipelines.classify.verdict import Verdict
from pipelines.data_map.model import DatasetMap, FieldMap, StoreMap
from pipelines.data_map.review import enter, proposal
from pipelines.data_map.writing import write_map
from pipelines.errors import UsageError
from pipelines.scan.coverage import accounted_for

if TYPE_CHECKING:
    from pipelines.engine.database import EngineDatabase
    from pipelines.engine.verdicts import Said
    from pipelines.estate import Estate

BY = "threshold"
"""Who approves, as the ledger names it."""


def accept_sure(estate: Estate, engine: EngineDatabase, store: str, *, at: dt.datetime) -> dict[str, tuple[str, ...]]:
    """Take over the new columns of a store's approved datasets that need no person; those taken, by dataset.

    The ledger's entry names the confidence that was asked for. The estate in hand does not change: load it again.

    Raises:
        UsageError: the estate allows no kinds to be approved without a person.
        DataMapInvalid: the proposal was edited and is no longer valid.
    """
    rule = estate.config.review
    if not rule.accept:
        what = "the estate lets no kind of column be approved without a person"
        raise UsageError(what, "[review] accept", 'Name the kinds: accept = ["user.contact.email"].')
    known, proposed = estate.map_files.get(store), proposal(estate, store)
    if known is None or proposed is None:
        return {}
    history = engine.verdicts.history(store)
    acting = estate.acting(engine).data_maps[store].active
    found: dict[str, dict[str, FieldMap]] = {}
    for name, dataset in acting.items():
        if name in proposed.datasets:
            said = history.get((store, dataset.source), {})
            fields = dict(_sure(dataset, proposed.datasets[name], said, rule.accept, rule.confidence))
            if fields:
                found[name] = fields
    if found:
        _write(estate, engine, store, found, at)
    return {name: tuple(fields) for name, fields in found.items()}


def _sure(
    dataset: DatasetMap,
    proposed: DatasetMap,
    said: Mapping[str, tuple[Said, ...]],
    kinds: tuple[str, ...],
    confidence: float,
) -> Iterator[tuple[str, FieldMap]]:
    settled = accounted_for(dataset)
    for name, mapped in proposed.fields.items():
        if name in settled or name not in said:
            continue
        now = said[name][-1].judged
        allowed = any(now.category == kind or now.category.startswith(f"{kind}.") for kind in kinds)
        sure = now.share is not None and now.share >= confidence
        if now.verdict == Verdict.PERSONAL.value and allowed and sure:
            yield name, mapped


def _write(
    estate: Estate, engine: EngineDatabase, store: str, found: Mapping[str, Mapping[str, FieldMap]], at: dt.datetime
) -> None:
    known = estate.map_files[store]
    datasets = {
        name: each.model_copy(update={"fields": {**each.fields, **found.get(name, {})}})
        for name, each in known.map.datasets.items()
    }
    approved = StoreMap(store=store, datasets=datasets)
    day = at.astimezone(estate.time_zone).date()
    enter(engine, approved, list(found), by=BY, at=at, day=day, confidence=estate.config.review.confidence)
    write_map(known.source.path, approved)
