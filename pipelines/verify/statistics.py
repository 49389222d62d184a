"""Registered statistics before and after: live rows and ledger together must be what was there before the run.

Live rows are read by the reading role, as everything that is verified. What is pending in the ledger no reading role
may read: its totals are asked of the store with the writing role, and compared here. What was there before is known by
digests alone, so that no amount of anybody outlives its row.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from connectors.sql.answers import Asked
from connectors.sql.connector import SqlConnector
from connectors.sql.tally import Totals
from expectations.probes import Probe
from pipelines.apply.refresh import measures_file
from pipelines.apply.statistics import Cells, added, digested, living, read_measures, text
from pipelines.report.model import Cell, Series
from pipelines.scan.refresh import ITEM_STORES
from pipelines.statistics.answering import rules
from pipelines.statistics.questions import Registered, registered
from pipelines.statistics.settling import Partition, folded

if TYPE_CHECKING:
    import sqlalchemy as sa

    from pipelines.data_map.model import DatasetMap, Statistic
    from pipelines.estate import Estate
    from pipelines.plan.artefact import Plan

EQUAL = "registered statistics are what they were"

_DIFFERS = (
    "Compare with the application's log what it wrote to the store since the run began; verify right after a run, as "
    "the DAG does, before others write. Publish nothing before it is explained."
)
_UNKNOWN = (
    "Nothing says what it was before the run: restore the estate's state folder, or compare with a backup of the store."
)
_NONE = Totals()

Groups = frozenset[tuple[str | None, ...]]
"""Groups by their grouping values as texts."""


def statistics_probes(estate: Estate, plan: Plan) -> Iterator[Probe]:
    """How many groups of each statistic are not what they were; or that nobody can say, where nothing was measured."""
    for found in measured(estate, plan):
        yield _probe(found.store, found.dataset, found.name, sum(not cell.holds for cell in found.cells), _DIFFERS)
    for store in sorted({step.store for step in plan.steps} & {*_stores(estate)}):
        before = read_measures(measures_file(estate, plan.digest, store))
        for name, dataset in _active(estate, plan, store).items():
            for statistic in dataset.statistics:
                if statistic.name not in before.get(name, {}):
                    yield _probe(store, name, statistic.name, None, _UNKNOWN)


def _probe(store: str, dataset: str, statistic: str, seen: int | None, remedy: str) -> Probe:
    return Probe(EQUAL, store, dataset, f"groups of `{statistic}` that differ", 0, seen, remedy)


def _stores(estate: Estate) -> Iterator[str]:
    return (store for store in estate.data_maps if estate.stores[store].kind not in ITEM_STORES)


def _active(estate: Estate, plan: Plan, store: str) -> dict[str, DatasetMap]:
    active = estate.data_maps[store].active
    return {name: each for name, each in active.items() if each.controller == plan.controller}


def registrations(estate: Estate, plan: Plan) -> Iterator[tuple[str, str, str]]:
    """Every statistic that the data map registers for the controller's datasets: its store, its dataset, its name."""
    for store in _stores(estate):
        for name, dataset in _active(estate, plan, store).items():
            yield from ((store, name, each.name) for each in dataset.statistics)


def measured(estate: Estate, plan: Plan) -> Iterator[Series]:
    """Every statistic that a run of the plan measured beforehand, measured again over fresh connections."""
    for store in _stores(estate):
        before = read_measures(measures_file(estate, plan.digest, store))
        if not before:
            continue
        with estate.connected(store) as connector:
            assert isinstance(connector, SqlConnector)  # noqa: S101 - what is neither mail nor calendar is SQL
            for name in _active(estate, plan, store):
                then = before.get(name, {})
                asked = registered(connector, estate.data_maps[store], name)
                statistics = [each for each in asked if each.statistic.name in then]
                if not statistics:
                    continue
                with connector.reading() as connection:
                    live = living(connection, statistics)
                    tally = connector.journal.tally
                    released = tally.released if tally.exists(connection) else None
                    apart = {each.statistic.name: _safe(connection, each, None) for each in statistics}
                    whole = {each.statistic.name: _safe(connection, each, released) for each in statistics}
                for of, ledger in _ledgers(connector, statistics):
                    statistic = of.statistic
                    found = live[statistic.name]
                    place = (plan.digest, store, name)
                    now = digested(added(found, ledger.all), statistic, estate.key, place)
                    moved = _moved(then[statistic.name], now, ledger.merged)
                    safe = apart[statistic.name], whole[statistic.name]
                    yield _series((store, name), statistic, found, safe, ledger, moved)


def _safe(connection: sa.Connection, of: Registered, released: sa.Table | None) -> Groups:
    """The finest groups that an answer would show: of live rows and what is released, or of live rows alone."""
    finest = replace(of.question, levels=of.question.levels[:1])
    names = tuple(f"g{at}" for at in range(len(of.question.groupings)))
    asked = Asked(finest, of.dataset, names, rules(of.statistic), released)
    return frozenset(tuple(row[: len(names)]) for row in connection.execute(asked.shown()))


@dataclass(frozen=True, slots=True)
class _Ledger:
    """What the ledger holds of one statistic: released, pending, and which cells have merged upward."""

    all: Cells
    pending: Cells
    merged: Collection[str]


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
            yield each, _Ledger(added(released, pending), pending, tally.merged_cells(connection, *place))


def _moved(then: Mapping[str, str], now: Mapping[str, str], merged: Collection[str]) -> frozenset[str]:
    """The cells that are not what they were, with what is in them; of what has merged upward, a coarser one."""
    return frozenset(cell for cell in {*then, *now} if cell not in merged and then.get(cell) != now.get(cell))


def _series(
    place: tuple[str, str],
    statistic: Statistic,
    live: Cells,
    safe: tuple[Groups, Groups],
    ledger: _Ledger,
    moved: Collection[str],
) -> Series:
    partition = Partition(statistic)
    measure = f"sum of {statistic.sum}" if statistic.sum else "count"
    apart, whole = safe
    close = {cell: totals for cell, totals in live.items() if _texts(cell) not in apart}
    few = {cell: totals for cell, totals in close.items() if _texts(cell) not in whole}
    joint, small = (folded(part, ledger.merged, partition) for part in (close, few))
    parts = [folded(part, ledger.merged, partition) for part in (live, ledger.all, ledger.pending)]
    cells = []
    for name in sorted({*set().union(*parts), *_finest(moved, partition)}):
        now, kept, waits = (part.get(name, _NONE) for part in parts)
        holds, pending = name not in moved, not waits.nothing
        if name in small or pending:
            top = partition.level(name) == partition.top
            cells.append(Cell.hidden(holds=holds, pending=pending, held_back=pending and top, few=name in small))
        else:
            here, gone = (_amount(each, summed=statistic.sum is not None) for each in (now, kept))
            label = _label(name, partition)
            told = Cell(label, here, gone, holds)
            cells.append(Cell(label, None, None, holds, both=told.now) if name in joint else told)
    return Series(*place, statistic.name, measure, tuple(cells))


def _finest(cells: Collection[str], partition: Partition) -> set[str]:
    """Those in which no other of them lies: a group that is gone makes each coarser one another, which may be none."""
    return set(cells) - {above for cell in cells for above in partition.above(cell)}


def _texts(cell: str) -> tuple[str | None, ...]:
    """The grouping values of a cell as an answer tells them."""
    values = json.loads(cell, parse_int=str, parse_float=str)
    return tuple(each if each is None or isinstance(each, str) else json.dumps(each) for each in values)


def _label(name: str, partition: Partition) -> str:
    """The grouping values; in a coarser group, what was dropped is "other": it holds the rest of the finer ones."""
    values = dict(zip(partition.levels[partition.level(name)], json.loads(name), strict=True))
    found = (values.get(at, "other") for at in range(partition.top))
    return ", ".join("none" if each is None else str(each) for each in found) or "all"


def _amount(found: Totals, *, summed: bool) -> Decimal:
    return Decimal(text(found.total or Decimal(0))) if summed else Decimal(found.n)
