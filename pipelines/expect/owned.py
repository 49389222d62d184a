"""A person's own suites placed over the tables of a store, for one stage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import sqlalchemy as sa

from expectations.findings import Stage
from expectations.suites import Check, Suite
from pipelines.expect.kinds import WHETHER
from pipelines.expect.statements import text_of
from pipelines.scan.sources import source_of

if TYPE_CHECKING:
    from connectors.sql.connector import SqlConnector
    from pipelines.data_map.model import DatasetMap
    from pipelines.expect.own import OwnExpectation, OwnSuite

_REFUSED = (
    "The store's engine refused what the suite asks of it: try the condition, pattern or query there, and mend it."
)


def placed(
    own: Iterable[OwnSuite], connector: SqlConnector, datasets: Mapping[str, DatasetMap], stage: Stage
) -> Iterator[Suite]:
    """The suites of a store's datasets, each over the rows of its dataset alone."""
    for each in own:
        checks = tuple(_check(each, one) for one in each.expectations if one.at(stage))
        if each.store != connector.store or each.dataset not in datasets or not checks:
            continue
        source = source_of(each.dataset, datasets[each.dataset])
        table = connector.table(source)
        query = ""
        if source.where:
            query = text_of(sa.select(table).where(connector.where(source)), connector.dialect)
        name = f"{each.suite}.{stage}"
        yield Suite(name, each.store, stage, table.schema or "", "" if query else table.name, checks, query)


def _check(suite: OwnSuite, one: OwnExpectation) -> Check:
    of = f" of {', '.join(one.columns)}" if one.columns else ""
    expectation = f"{suite.suite}: {one.meaning or one.type}"
    counted = "queries that find offenders" if one.type in WHETHER else f"offenders{of}"
    return Check(
        expectation, suite.dataset, f"{counted} ({one.type})", one.remedy, one.type, one.arguments, one.severity,
        refused=_REFUSED,
    )  # fmt: skip
