"""The columns of a store's tables on which decisions and groups rely, whatever a step writes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from connectors.base import Inventory
from connectors.sql.connector import SqlConnector
from pipelines.anonymise.partition import stays
from pipelines.data_map.model import DatasetMap
from pipelines.scan.sources import source_of


@dataclass(frozen=True)
class Relied:
    """By the location of a table: its columns, each with what it supplies to any of the datasets over it."""

    columns: Mapping[str, Mapping[str, str]]

    @classmethod
    def on(cls, connector: SqlConnector, inventory: Inventory, datasets: Mapping[str, DatasetMap]) -> Relied:
        """What the active datasets of a store rely on."""
        places = {name: connector.location(source_of(name, each)) for name, each in datasets.items()}
        found: dict[str, dict[str, str]] = defaultdict(dict)
        for name, dataset in datasets.items():
            for column, supplied in _own(name, dataset, places[name], inventory):
                found[places[name]].setdefault(column, supplied)
            for parent in dataset.inherits:
                for column in parent.on.values() if parent.dataset in places else ():
                    found[places[parent.dataset]].setdefault(column, f"the link of {name}")
        return cls(found)

    def of(self, place: str, written: Collection[str]) -> dict[str, str]:
        """Those of a table that a statement does not write."""
        return {name: each for name, each in self.columns.get(place, {}).items() if name not in written}


def _own(name: str, dataset: DatasetMap, place: str, inventory: Inventory) -> Iterator[tuple[str, str]]:
    for event, source in dataset.events.items():
        conditions = (each.column for each in (source.open_if, source.only_if) if each is not None)
        yield from ((column, f"the event {event}") for column in (source.column, *conditions) if column)
    yield from ((each.column, f"the fact {fact}") for fact, each in dataset.facts.items() if each.column)
    yield from ((column, f"what {name} is limited to") for column in dataset.where)
    yield from ((column, f"the link of {name}") for parent in dataset.inherits for column in parent.on)
    yield from ((column, f"whom {name} concerns") for link in dataset.subjects for column in link.columns)
    if dataset.anonymity is not None:
        shape = inventory.find(place)
        assert shape is not None, "a reflected table is in the inventory"  # noqa: S101
        subject = (dataset.anonymity.subject,) if dataset.anonymity.subject else ()
        columns = (*dataset.anonymity.changed, *subject, *(each.name for each in stays(dataset, shape)))
        yield from ((column, f"the partition of {name}") for column in columns)
