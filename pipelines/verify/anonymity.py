"""Whether anonymised records hide among each other, measured over reading connections in the stores' own engines."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from connectors.sql.cells import cell_sizes, in_ranges
from connectors.sql.connector import SqlConnector
from expectations.probes import Probe
from pipelines.apply.buckets import hidden_rows, linked
from pipelines.apply.grouping import laid_out
from pipelines.data_map.anonymity import LEAST
from pipelines.plan.context import horizons
from pipelines.plan.hiding import held_back
from pipelines.plan.holding import Holding
from pipelines.report.model import Anonymity
from pipelines.scan.refresh import ITEM_STORES
from pipelines.scan.sources import source_of
from pipelines.verify.unturned import Unturned, unturned

if TYPE_CHECKING:
    from pipelines.data_map.model import DatasetMap
    from pipelines.estate import Estate
    from pipelines.plan.artefact import Plan

HIDDEN = "every group of anonymised records has at least k subjects"
TURNED = "records of nobody lead to nobody of their own"


def measured(estate: Estate, plan: Plan) -> Iterator[Anonymity]:
    """Of every dataset of the plan's controller that declares `anonymity`: k, cells and their sizes, what is held back.

    Raises:
        ConnectorError: a store cannot be reached.
    """
    with contextlib.closing(estate.engine()) as engine:
        held = held_back(engine.ledger.entries("receipt"), plan.digest)
        made_at = engine.plans.record(plan.digest).made_at
        holding = Holding(tuple(engine.holds.unreleased_since(made_at)), horizons(plan.as_of, plan.as_of))
    for store, store_map in estate.data_maps.items():
        active = {name: each for name, each in store_map.active.items() if each.controller == plan.controller}
        asking = {name: each for name, each in active.items() if each.anonymity is not None}
        if asking and estate.stores[store].kind not in ITEM_STORES:
            kept = frozenset(name for name in active if holding.of_records(store, name, plan.as_of))
            acted = any(step.store == store for step in plan.steps)
            for each in _measured(estate, store, asking, active, held, kept):
                waits = each.unturned if not acted else 0  # for a run that acts in the store: it turns them
                yield replace(each, held_back=each.held_back + waits, unturned=each.unturned - waits)


def _measured(
    estate: Estate,
    store: str,
    asking: dict[str, DatasetMap],
    datasets: dict[str, DatasetMap],
    held: Counter[tuple[str, str]],
    kept: frozenset[str],
) -> Iterator[Anonymity]:
    """``held``: how many rows receipts say that were held back. ``kept``: the datasets of which a hold keeps rows."""
    with estate.connected(store) as connector:
        assert isinstance(connector, SqlConnector)  # noqa: S101 - what is neither mail nor calendar is SQL
        inventory = connector.inspect()
        with connector.reading() as connection:
            marks = connector.journal.exists(connection)
            waiting: dict[str, Unturned] = {}
            for name, _, parent in linked(datasets) if marks else ():
                if not {name, parent.dataset} & kept:
                    found = unturned(connection, connector, inventory, datasets, name, parent)
                    waiting[name] = waiting.get(name, Unturned()) + found
            for name, dataset in asking.items():
                source = source_of(name, dataset)
                shape = inventory.find(connector.location(source))
                assert shape is not None  # noqa: S101 - a table that is reflected is in the inventory
                assert dataset.anonymity is not None  # noqa: S101 - the caller has seen to it
                made = laid_out(connector, name, dataset, shape)
                rows = hidden_rows(connector, made, name, dataset)
                sizes = cell_sizes(connection, made, rows) if marks else {}
                yield Anonymity(
                    store=store,
                    dataset=name,
                    k=min(sizes, default=None),
                    required=made.k,
                    cells=sum(sizes.values()),
                    sizes=in_ranges(sizes, made.k),
                    held_back=held[store, name] + waiting.get(name, Unturned()).few,
                    unturned=waiting.get(name, Unturned()).enough,
                )


_TURNED = (
    "A run turns them once it acts in this store: look what has kept the last one from it (a constraint that refuses a "
    "value, a lock), mend that, and plan again."
)


_SMALL = (
    "Something wrote to anonymised records, or they were anonymised before `anonymity` was declared as it is, with a "
    "smaller `k` perhaps. No run makes groups larger that stand: look at them, and delete those that tell of somebody"
)


def anonymity_probes(estate: Estate, plan: Plan) -> Iterator[Probe]:
    """Whether any cell hides too few, per dataset."""
    for each in measured(estate, plan):
        small = sum(count for name, count in each.sizes if _below(name, each.required))
        if each.k is not None and each.k >= LEAST:
            remedy = f"{_SMALL}; if `k` was raised since, put it back to {each.k}, which all of them reach."
        else:
            remedy = f"{_SMALL}."
        measure = f"cells that hide fewer than {each.required} subjects"
        yield Probe(HIDDEN, each.store, each.dataset, measure, 0, small, remedy)
        yield Probe(TURNED, each.store, each.dataset, "rows that still lead to one", 0, each.unturned, _TURNED)


def _below(sizes: str, k: int) -> bool:
    return int(sizes.partition("-")[0].split()[0]) < k
