"""Whether a dataset's mapping is what a person approved: its file is held against the ledger (R45).

The line `approved:` in a file says who approved it; the ledger says what was approved. A mapping that was changed by
hand since, or was never entered in the ledger, does not act until somebody approves it as it stands.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.data_map.loading import dataset_digest
from pipelines.data_map.model import StoreMap
from pipelines.engine.ledger import Ledger


@dataclass(frozen=True, order=True, slots=True)
class Unconfirmed:
    """A dataset whose file says that it is approved, and whose content the ledger does not know as approved.

    ``before``: whether another content of it was approved.
    """

    store: str
    dataset: str
    before: bool

    @property
    def what(self) -> str:
        """What is wrong with it."""
        what = "has changed since it was approved" if self.before else "is not in the ledger as approved"
        return f"the mapping of {self.store}.{self.dataset} {what}: it does not act"

    @property
    def remedy(self) -> str:
        """What to do."""
        return f"Look at data_map/{self.store}.yaml, then `ardoise review {self.store} --confirm {self.dataset}`"


def approved_digests(ledger: Ledger) -> dict[tuple[str, str], str]:
    """What was approved last of each dataset, by store and dataset: see `dataset_digest`."""
    found: dict[tuple[str, str], str] = {}
    for entry in ledger.entries("map_approved"):
        found |= {(entry.body["store"], name): digest for name, digest in entry.body["digests"].items()}
    return found


def approval_times(ledger: Ledger) -> dict[tuple[str, str], dt.datetime]:
    """When each dataset was approved last, by store and dataset."""
    found: dict[tuple[str, str], dt.datetime] = {}
    for entry in ledger.entries("map_approved"):
        found |= {(entry.body["store"], name): entry.at for name in entry.body["digests"]}
    return found


def unconfirmed(maps: Mapping[str, StoreMap], digests: Mapping[tuple[str, str], str]) -> tuple[Unconfirmed, ...]:
    """The datasets that carry an approval which the ledger does not bear out."""
    return tuple(
        sorted(
            Unconfirmed(store, name, (store, name) in digests)
            for store, each in maps.items()
            for name, dataset in each.active.items()
            if digests.get((store, name)) != dataset_digest(dataset)
        )
    )


def without_approval(store_map: StoreMap, names: frozenset[str]) -> StoreMap:
    """The map with these datasets not approved."""
    datasets = {
        name: each.model_copy(update={"approved": None}) if name in names else each
        for name, each in store_map.datasets.items()
    }
    return store_map.model_copy(update={"datasets": datasets})
