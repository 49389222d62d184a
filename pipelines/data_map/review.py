"""From a proposal to the approved map: what differs, and accepting it, dataset by dataset."""

from __future__ import annotations

import contextlib
import datetime as dt
import enum
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.data_map.loading import dataset_digest, digest_of_maps, load_map
from pipelines.data_map.model import Approval, DatasetMap, StoreMap
from pipelines.data_map.writing import write_map
from pipelines.errors import UsageError
from retention_rules.problems import suggestion

if TYPE_CHECKING:
    from pipelines.engine.database import EngineDatabase
    from pipelines.estate import Estate


class Change(enum.StrEnum):
    """What a proposal would change."""

    NEW_DATASET = "new dataset"
    NEW_FIELD = "new field"
    CATEGORY = "category changed"
    BINDING = "binding changed"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing for a person to look at. ``before`` and ``after`` are categories, where those changed."""

    store: str
    dataset: str
    change: Change
    field: str = ""
    before: str = ""
    after: str = ""


def differences(approved: StoreMap | None, proposal: StoreMap) -> list[Difference]:
    """What the proposal says that the approved map does not, and the other way round."""
    known = approved.active if approved else {}
    found: list[Difference] = []
    for name, dataset in proposal.datasets.items():
        if name in known:
            found += _within(proposal.store, name, known[name], dataset)
        else:
            found.append(Difference(proposal.store, name, Change.NEW_DATASET))
    gone = (name for name in known if name not in proposal.datasets)
    found += (Difference(proposal.store, name, Change.GONE) for name in gone)
    return found


def _within(store: str, name: str, known: DatasetMap, proposed: DatasetMap) -> Iterator[Difference]:
    for field, mapped in proposed.fields.items():
        if field not in known.fields:
            yield Difference(store, name, Change.NEW_FIELD, field, after=mapped.category)
        elif known.fields[field].category != mapped.category:
            before = known.fields[field].category
            yield Difference(store, name, Change.CATEGORY, field, before, mapped.category)
    for field, mapped in known.fields.items():
        if field not in proposed.fields:
            yield Difference(store, name, Change.GONE, field, before=mapped.category)
    loose = {"approved", "fields"}
    if known.model_dump(exclude=loose) != proposed.model_dump(exclude=loose):
        yield Difference(store, name, Change.BINDING)


def proposal(estate: Estate, store: str) -> StoreMap | None:
    """The scan's proposal for a store; None where there is none.

    Raises:
        DataMapInvalid: the proposal was edited and is no longer valid.
    """
    path = estate.folder / "proposals" / f"{store}.yaml"
    return load_map(path).map if path.is_file() else None


def accept(
    estate: Estate,
    store: str,
    datasets: Collection[str] = (),
    *,
    by: str,
    at: dt.datetime,
    engine: EngineDatabase | None = None,
) -> StoreMap:
    """Approve datasets of a store's proposal (all of it when none is named): they act from now on.

    Copies them into the store's data map with the approval, leaves its other datasets as they are, and appends a
    `map_approved` entry to the ledger. The estate in hand does not change: load it again.

    Raises:
        UsageError: there is no proposal, or it has no such dataset.
        DataMapInvalid: the proposal is invalid.
    """
    proposed = proposal(estate, store)
    if proposed is None:
        raise UsageError(f"there is no proposal for the store {store!r}", "proposals", "Make one with `ardoise scan`.")
    wanted = list(datasets) or list(proposed.datasets)
    for name in wanted:
        if name not in proposed.datasets:
            remedy = suggestion(name, proposed.datasets, "Look at the proposal with `ardoise review`")
            raise UsageError(f"the proposal has no dataset {name!r}", f"proposals/{store}.yaml", f"{remedy}.")
    day = at.astimezone(estate.time_zone).date()
    approval = Approval(by=by, on=day)
    known = estate.map_files.get(store)
    kept = dict(known.map.datasets) if known else {}
    kept |= {name: proposed.datasets[name].model_copy(update={"approved": approval}) for name in wanted}
    approved = StoreMap(store=store, datasets=kept)
    with _database(estate, engine) as database:
        enter(database, approved, wanted, by=by, at=at, day=day)
        write_map(known.source.path if known else estate.folder / "data_map" / f"{store}.yaml", approved)
    return approved


def confirm(
    estate: Estate,
    store: str,
    datasets: Collection[str] = (),
    *,
    by: str,
    at: dt.datetime,
    engine: EngineDatabase | None = None,
) -> StoreMap:
    """Approve datasets of a store's data map as its file has them: what was written or corrected there by hand.

    Without names, all that carry an approval in the file. The file is written only where one of them carries none. The
    estate in hand does not change: load it again.

    Raises:
        UsageError: the store has no data map, or it has no such dataset.
    """
    known = estate.map_files.get(store)
    if known is None:
        raise UsageError(f"the store {store!r} has no data map", "data_map", "Accept its proposal: `ardoise review`.")
    wanted = list(datasets) or list(known.map.active)
    for name in wanted:
        if name not in known.map.datasets:
            remedy = suggestion(name, known.map.datasets, "Name one that it has")
            raise UsageError(f"the data map has no dataset {name!r}", known.name, f"{remedy}.")
    day = at.astimezone(estate.time_zone).date()
    missing = [name for name in wanted if name not in known.map.active]
    approval = Approval(by=by, on=day)
    changed = {name: known.map.datasets[name].model_copy(update={"approved": approval}) for name in missing}
    approved = StoreMap(store=store, datasets=known.map.datasets | changed)
    with _database(estate, engine) as database:
        enter(database, approved, wanted, by=by, at=at, day=day)
        if missing:
            write_map(known.source.path, approved)
    return approved


@contextlib.contextmanager
def _database(estate: Estate, engine: EngineDatabase | None) -> Iterator[EngineDatabase]:
    """The engine database given, or the estate's own for as long as the block lasts."""
    if engine is not None:
        yield engine
        return
    with contextlib.closing(estate.engine()) as own:
        yield own


def enter(
    engine: EngineDatabase, approved: StoreMap, names: Sequence[str], *, by: str, at: dt.datetime, day: dt.date,
    confidence: float | None = None,
) -> None:  # fmt: skip
    """Write down in the ledger who approved which datasets, and what they said; ``confidence``: above which of."""
    body: dict[str, Any] = {
        "store": approved.store, "datasets": list(names), "digest": digest_of_maps([approved]), "by": by,
        "on": day.isoformat(), "digests": {name: dataset_digest(approved.datasets[name]) for name in names},
    }  # fmt: skip
    if confidence is not None:
        body["confidence"] = confidence
    engine.ledger.append("map_approved", body, at=at)
