"""Which steps give rows new keys, and which columns follow. They go last: what acts on a row knows it by its key."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from connectors.base import Inventory
from connectors.sql.catalog import children
from pipelines.anonymise.new_key import NEW_KEY
from pipelines.data_map.model import DatasetMap
from pipelines.plan.artefact import Place, Step


def renewed(step: Step, dataset: DatasetMap) -> list[str]:
    """The key columns that a step renews."""
    if step.takes_rows or step.place is not Place.ACTIVE:
        return []
    mapped = dataset.personal
    return [name for name in step.fields if name in mapped and mapped[name].technique == NEW_KEY]


def following(
    steps: Iterable[Step], datasets: Mapping[str, DatasetMap], inventory: Inventory
) -> defaultdict[str, frozenset[str]]:
    """By location, the columns that hold keys which the steps of a store renew, in whatever rows.

    ``datasets`` are those of the store; a location is the source as its data map names it, or as the inventory does.
    """
    found: defaultdict[str, frozenset[str]] = defaultdict(frozenset)
    for step in steps:
        names = set(renewed(step, datasets[step.dataset])) if step.dataset in datasets else set()
        for child, column in pointing(datasets[step.dataset].source, names, datasets, inventory) if names else ():
            found[child] |= {column}
    return found


def pointing(
    source: str, names: set[str], datasets: Mapping[str, DatasetMap], inventory: Inventory
) -> Iterable[tuple[str, str]]:
    """Every column that points at columns of a source: by a foreign key, or by what the data map says of parents."""
    for child, reference in children(inventory, source):
        for own, theirs in zip(reference.columns, reference.target, strict=True):
            if theirs in names:
                yield child.location, own
    for each in datasets.values():
        for parent in each.inherits:
            if parent.dataset in datasets and datasets[parent.dataset].source == source:
                yield from ((each.source, own) for own, theirs in parent.on.items() if theirs in names)
