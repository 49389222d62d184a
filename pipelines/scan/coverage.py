"""Where the stores and the data map disagree: what nobody has declared, what is gone, what is new (R42, R45)."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from connectors.base import DatasetShape, Inventory, Kind
from pipelines.classify.verdict import ColumnVerdict, Verdict
from pipelines.data_map.model import NOT_PERSONAL, DatasetMap, StoreMap
from pipelines.scan.sources import covers, key_of


class Gap(enum.StrEnum):
    """How store and map disagree."""

    UNDECLARED = "undeclared"
    UNAPPROVED = "not approved"
    DATASET_GONE = "dataset gone"
    COLUMN_GONE = "column gone"
    COLUMN_NEW = "column new"
    PERSONAL_UNMAPPED = "personal without a category"
    PERSONAL_DENIED = "looks personal, mapped as not"
    PERSONAL_SINCE = "has come to hold other personal data"
    NO_KEY = "no key"


@dataclass(frozen=True, slots=True)
class CoverageFinding:
    """One disagreement. ``location`` is the table, mailbox or calendar; ``category`` what it seems to hold."""

    store: str
    location: str
    gap: Gap
    field: str = ""
    category: str = ""

    @property
    def remedy(self) -> str:
        """What a person does about it."""
        if self.gap is Gap.NO_KEY:
            return "Give the table a primary key; without one no record can be told from another"
        if self.gap in {Gap.DATASET_GONE, Gap.COLUMN_GONE}:
            return "Take it out of the data map, or bring it back"
        return "Look at the proposal with `ardoise review`, and accept or correct it"


def coverage(
    inventory: Inventory, store_map: StoreMap | None, verdicts: Mapping[str, Sequence[ColumnVerdict]]
) -> list[CoverageFinding]:
    """Every disagreement between what a store holds and its data map. ``verdicts`` are by location."""
    datasets = list(store_map.datasets.values()) if store_map else []
    found: list[CoverageFinding] = []
    for shape in inventory.datasets:
        if shape.kind is Kind.ROWS and not key_of(shape):
            found.append(CoverageFinding(inventory.store, shape.location, Gap.NO_KEY))
        declared = [dataset for dataset in datasets if covers(dataset, shape)]
        if not declared:
            found.append(CoverageFinding(inventory.store, shape.location, Gap.UNDECLARED))
        elif not any(dataset.approved for dataset in declared):
            found.append(CoverageFinding(inventory.store, shape.location, Gap.UNAPPROVED))
        elif shape.kind is Kind.ROWS:
            found += _columns(inventory.store, shape, declared, verdicts.get(shape.location, ()))
    found += _gone(inventory, datasets)
    return found


def _columns(
    store: str, shape: DatasetShape, declared: Sequence[DatasetMap], verdicts: Sequence[ColumnVerdict]
) -> Iterator[CoverageFinding]:
    """Several datasets may map one table (a tenant each): a column is mapped when each of them maps it."""
    said = {verdict.column: verdict for verdict in verdicts}
    known = {each.name for each in shape.fields}
    for name in dict.fromkeys(name for dataset in declared for name in dataset.fields):
        if name not in known:
            yield CoverageFinding(store, shape.location, Gap.COLUMN_GONE, name)
    for each in shape.fields:
        verdict = said.get(each.name)
        looks = verdict.category or "" if verdict and verdict.verdict is not Verdict.NOT_PERSONAL else ""
        if any(each.name not in accounted_for(dataset) for dataset in declared):
            personal = verdict is not None and verdict.personal
            gap = Gap.PERSONAL_UNMAPPED if personal else Gap.COLUMN_NEW
            yield CoverageFinding(store, shape.location, gap, each.name, looks)
        elif verdict and verdict.personal and any(_denied(dataset, each.name) for dataset in declared):
            yield CoverageFinding(store, shape.location, Gap.PERSONAL_DENIED, each.name, looks)


def accounted_for(dataset: DatasetMap) -> set[str]:
    """The columns that have a category or a role in a mapping: keys, links, events and facts."""
    named = {*dataset.fields, *dataset.key, *dataset.where}
    named |= {name for parent in dataset.inherits for name in parent.on}
    named |= {event.column for event in dataset.events.values() if event.column}
    conditions = (each for event in dataset.events.values() for each in (event.open_if, event.only_if) if each)
    named |= {each.column for each in conditions}
    named |= {fact.column for fact in dataset.facts.values() if fact.column}
    return named


def _denied(dataset: DatasetMap, column: str) -> bool:
    return column in dataset.fields and dataset.fields[column].category == NOT_PERSONAL


def _gone(inventory: Inventory, datasets: Sequence[DatasetMap]) -> Iterator[CoverageFinding]:
    for dataset in datasets:
        pattern = any(sign in dataset.source for sign in "*%?")
        if not pattern and not any(covers(dataset, shape) for shape in inventory.datasets):
            yield CoverageFinding(inventory.store, dataset.source, Gap.DATASET_GONE)
