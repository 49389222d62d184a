"""Copies after a run: whether a history, a view, a full-text table still holds what was acted on (A8).

Found anew in the store's catalogue, and held against the tables themselves, by key and in the store's engine: neither
what was there nor a digest of it is kept for that. What the engine or the data map answers for fails; what nobody has
mapped is a warning, as the plan's remark was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa

from connectors.sql.copies import Copy, CopyKind, find_copies
from connectors.sql.journal import Journal
from connectors.sql.lingering import Marked, Original, held, never, outdated
from expectations.findings import Severity
from expectations.probes import Probe
from pipelines.expect.outcome import by_category
from pipelines.plan.renewals import pointing, renewed
from pipelines.scan.sources import covers
from pipelines.verify.bystanders import reflected

if TYPE_CHECKING:
    from connectors.base import Inventory
    from pipelines.data_map.model import DatasetMap
    from pipelines.plan.artefact import Step

NOWHERE_ELSE = "no copy in the store holds what was acted on"

_REMOVED = {
    CopyKind.VIEW: "Refresh {place}, or let our role do it; then verify again.",
    CopyKind.VERSIONS: "DELETE HISTORY FROM {place}, then verify again.",
    CopyKind.TEXT: "Rebuild {place}, then verify again.",
}
_FOLLOWS = "{place} inherits from {dataset} in the data map and kept what is gone there: give it the same purposes."
_MAPPED = "Its own rules keep it, or leave it undetermined: look at them, or let {place} inherit from {dataset}."
_UNMAPPED = "Map {place}, or empty it by hand."


def copy_probes(
    connection: sa.Connection,
    inventory: Inventory,
    datasets: Mapping[str, DatasetMap],
    maps: Mapping[str, DatasetMap],
    steps: Sequence[Step],
) -> Iterator[Probe]:
    """For every copy of a dataset: how many of its rows hold what the dataset has lost.

    ``datasets`` are those of the plan's controller, ``maps`` all of the store's; ``steps`` the plan's in this store.
    """
    at = {shape.location: [name for name, each in maps.items() if covers(each, shape)] for shape in inventory.datasets}
    for copy in find_copies(connection, inventory):
        own = [] if copy.kind in _REMOVED else at[copy.place]
        if copy.kind is CopyKind.FILLED and own:
            continue  # a mapped table to which triggers write, and that is no history of it, is a table of its own
        for name in (each for each in at[copy.of] if each in datasets):
            mine = [step for step in steps if step.dataset == name]
            if copy.kind is CopyKind.VIEW and not mine:
                continue  # what its owner has not refreshed since others wrote is none of the run's business
            follows = any(parent.dataset == name for each in own for parent in maps[each].inherits)
            said = _REMOVED.get(copy.kind) or (_FOLLOWS if follows else _MAPPED if own else _UNMAPPED)
            remedy = said.format(place=copy.place, dataset=name)
            severity = Severity.CRITICAL if follows or copy.kind in _REMOVED else Severity.WARNING
            for measure, seen in _measured(connection, inventory, copy, name, own, maps, mine):
                yield Probe(NOWHERE_ELSE, inventory.store, name, measure, 0, seen, remedy, severity=severity)


def _measured(
    connection: sa.Connection,
    inventory: Inventory,
    copy: Copy,
    name: str,
    own: Sequence[str],
    maps: Mapping[str, DatasetMap],
    steps: Sequence[Step],
) -> Iterator[tuple[str, int | None]]:
    """What is counted of a copy of a dataset, and how much of it; ``own`` are the copy's names in the data map."""
    place, dataset = copy.place, maps[name]
    try:
        with connection.begin_nested():
            if copy.kind is CopyKind.VIEW:
                old = outdated(connection, place, sorted(dataset.personal))
                yield f"rows of {place} that its definition does not give any more", old
                return
            of, replaced = _original(connection, inventory, name, maps), _marked(connection, inventory, maps, own)
            found = held(connection, inventory, copy, of, replaced)
    except sa.exc.DBAPIError as error:
        if error.connection_invalidated:
            raise
        yield f"rows of {place}, which the reading role may not look at", None
        return
    if found.unmatched is not None:
        yield f"rows of {place} of which nothing tells whose they are", found.unmatched
    if found.former is not None:
        yield f"rows of {place} with former values of anonymised records", found.former
    if found.gone is not None and any(step.takes_rows or renewed(step, dataset) for step in steps):
        yield f"rows of {place} with values of records that are gone", found.gone


def _original(connection: sa.Connection, inventory: Inventory, name: str, maps: Mapping[str, DatasetMap]) -> Original:
    dataset = maps[name]
    shape = inventory.find(dataset.source)
    assert shape is not None  # noqa: S101 - a copy is of a table that the inventory has
    key = dataset.key or shape.key
    present = {each.name for each in shape.fields}
    columns = tuple(field for field in sorted(dataset.personal) if field in present and field not in key)
    pointers = {each: sorted({own for _, own in pointing(dataset.source, {each}, maps, inventory)}) for each in key}
    marked = _marked(connection, inventory, maps, [name])
    return Original(reflected(connection, dataset.source), shape, key, columns, marked, pointers)


def _marked(
    connection: sa.Connection, inventory: Inventory, maps: Mapping[str, DatasetMap], names: Sequence[str]
) -> Marked:
    """Which columns of rows are what a run has made of them, of a table that has these names in the data map."""
    journal = Journal(connection.dialect)
    if not names or not journal.exists(connection):
        return never

    def of(name: str, row: sa.FromClause, field: str) -> sa.ColumnElement[bool]:
        mapped, shape = maps[name], inventory.find(maps[name].source)
        if shape is None or field not in mapped.personal:
            return sa.false()
        category = mapped.fields[field].category
        columns = by_category(mapped, shape)[category]
        return journal.marks.standing(row, mapped.key or shape.key, name, category, columns)

    return lambda row, field: sa.or_(sa.false(), *(of(name, row, field) for name in names))
