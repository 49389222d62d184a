"""Registered statistics before and after: live rows and ledger together must be what was there before the run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

from connectors.sql.connector import SqlConnector
from pipelines.apply.refresh import measures_file
from pipelines.apply.statistics import Cells, contributed, living, read_measures
from pipelines.report.model import Cell, Series
from pipelines.scan.refresh import ITEM_STORES
from pipelines.scan.sources import source_of

if TYPE_CHECKING:
    from pipelines.data_map.model import Statistic
    from pipelines.estate import Estate
    from pipelines.plan.artefact import Plan


def measured(estate: Estate, plan: Plan) -> Iterator[Series]:
    """Every statistic that a run of the plan measured beforehand, measured again over fresh connections."""
    for store, store_map in estate.data_maps.items():
        before = read_measures(measures_file(estate, plan.digest, store, "before"))
        if not before or estate.stores[store].kind in ITEM_STORES:
            continue
        with estate.connected(store) as connector:
            assert isinstance(connector, SqlConnector)  # noqa: S101 - what is neither mail nor calendar is SQL
            with connector.reading() as connection:
                for name, dataset in store_map.active.items():
                    source = source_of(name, dataset)
                    for statistic in dataset.statistics:
                        then = before.get(name, {}).get(statistic.name)
                        if then is None:
                            continue
                        rows = (connector.table(source), connector.where(source))
                        live = living(connection, rows, statistic)
                        gone = contributed(connection, connector.journal, name, statistic)
                        yield _series((store, name), statistic, then, live, gone)


def differing(found: Series) -> int:
    """How many groups are not what they were."""
    return sum(not cell.holds for cell in found.cells)


def _series(place: tuple[str, str], statistic: Statistic, *parts: Cells) -> Series:
    measure = f"sum of {statistic.sum}" if statistic.sum else "count"
    names = sorted(set().union(*parts))
    amounts = {name: [_amount(part.get(name), statistic) for part in parts] for name in names}
    cells = tuple(Cell(_label(name), before, live, kept) for name, (before, live, kept) in amounts.items())
    return Series(*place, statistic.name, measure, cells)


def _label(name: str) -> str:
    return ", ".join("none" if each is None else str(each) for each in json.loads(name)) or "all"


def _amount(found: tuple[int, str] | None, statistic: Statistic) -> Decimal:
    if found is None:
        return Decimal(0)
    count, total = found
    return Decimal(total or 0) if statistic.sum else Decimal(count)
