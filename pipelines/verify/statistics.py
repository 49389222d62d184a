"""Registered statistics before and after: live rows and ledger together must be what was there before the run.

Live rows are read by the reading role, as everything that is verified. What is pending in the ledger no reading role
may read: its totals are asked of the store with the writing role, and compared here.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

from connectors.sql.connector import SqlConnector
from connectors.sql.tally import Totals
from pipelines.apply.refresh import measures_file
from pipelines.apply.statistics import Cells, added, living, read_measures
from pipelines.report.model import Cell, Series
from pipelines.scan.refresh import ITEM_STORES
from pipelines.statistics.questions import Registered, registered
from pipelines.statistics.settling import Partition, folded

if TYPE_CHECKING:
    from pipelines.estate import Estate
    from pipelines.plan.artefact import Plan

EQUAL = "registered statistics are what they were"

_NONE = Totals()


def measured(estate: Estate, plan: Plan) -> Iterator[Series]:
    """Every statistic that a run of the plan measured beforehand, measured again over fresh connections."""
    for store, store_map in estate.data_maps.items():
        before = read_measures(measures_file(estate, plan.digest, store, "before"))
        if not before or estate.stores[store].kind in ITEM_STORES:
            continue
        with estate.connected(store) as connector:
            assert isinstance(connector, SqlConnector)  # noqa: S101 - what is neither mail nor calendar is SQL
            for name in store_map.active:
                then = before.get(name, {})
                statistics = [each for each in registered(connector, store_map, name) if each.statistic.name in then]
                if not statistics:
                    continue
                live = living(connector, statistics)
                for of, ledger in _ledgers(connector, statistics):
                    of_then = then[of.statistic.name]
                    yield _series((store, name), of, of_then, live[of.statistic.name], ledger)


class _Ledger:
    """What the ledger holds of one statistic: released, pending, and which cells have merged upward."""

    def __init__(self, released: Cells, pending: Cells, merged: Collection[str]) -> None:
        self.all, self.pending, self.merged = added(released, pending), pending, merged


def _ledgers(connector: SqlConnector, statistics: Collection[Registered]) -> Iterator[tuple[Registered, _Ledger]]:
    tally = connector.journal.tally
    with connector.writing() as connection, connection.begin():
        there = tally.exists(connection)
        for each in statistics:
            if not there:
                yield each, _Ledger({}, {}, ())
                continue
            place = (each.dataset, each.question.name)
            released = tally.totals(connection, *place, pending=False)
            pending = tally.totals(connection, *place, released=False)
            yield each, _Ledger(released, pending, tally.merged_cells(connection, *place))


def differing(found: Series) -> int:
    """How many groups are not what they were."""
    return sum(not cell.holds for cell in found.cells)


def _series(place: tuple[str, str], of: Registered, before: Cells, live: Cells, ledger: _Ledger) -> Series:
    statistic, partition = of.statistic, Partition(of.statistic)
    measure = f"sum of {statistic.sum}" if statistic.sum else "count"
    parts = [folded(part, ledger.merged, partition) for part in (before, live, ledger.all, ledger.pending)]
    cells = tuple(_cell(name, partition, *(part.get(name, _NONE) for part in parts)) for name in _names(parts))
    return Series(*place, statistic.name, measure, cells)


def _names(parts: Collection[Cells]) -> list[str]:
    return sorted(set().union(*parts))


def _cell(name: str, partition: Partition, before: Totals, live: Totals, ledger: Totals, pending: Totals) -> Cell:
    statistic = partition.statistic
    both = live + ledger
    others = (both.n, both.subjects, both.squares or 0) == (before.n, before.subjects, before.squares or 0)
    then, now, kept = (_amount(each, summed=statistic.sum is not None) for each in (before, live, ledger))
    waits = not pending.nothing
    top = partition.level(name) == partition.top
    label = _label(name, partition)
    return Cell(label, then, now, kept, others_hold=others, pending=waits, held_back=waits and top)


def _label(name: str, partition: Partition) -> str:
    """The grouping values; in a coarser group, what was dropped is "other": it holds the rest of the finer ones."""
    values = dict(zip(partition.levels[partition.level(name)], json.loads(name), strict=True))
    found = (values.get(at, "other") for at in range(partition.top))
    return ", ".join("none" if each is None else str(each) for each in found) or "all"


def _amount(found: Totals, *, summed: bool) -> Decimal:
    return (found.total or Decimal(0)) if summed else Decimal(found.n)
