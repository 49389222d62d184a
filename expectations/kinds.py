"""The kinds of expectations that Ardoise adds to Great Expectations'. Importing this module imports all of that.

Each is a number that the store's engine computes: no row and no value leaves it. Conditions are aggregates, which Great
Expectations bundles: those of a table share one statement. Conditions and queries are SQL of the store's dialect, made
from names of the data map and constants of the rules.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any, ClassVar

import sqlalchemy as sa
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.core.metric_function_types import MetricPartialFunctionTypes
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.metrics.metric_provider import metric_partial, metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

EVERY_ROW = "1 = 1"
"""The condition that each row fulfils."""

_AGGREGATE: Any = {
    "engine": SqlAlchemyExecutionEngine,
    "partial_fn_type": MetricPartialFunctionTypes.AGGREGATE_FN,
    "domain_type": MetricDomainTypes.TABLE,
}


def tolerated(among: int, share: float) -> int:
    """How many of ``among`` rows may be as they should not: none; or a share of them, which is at least one."""
    return max(1, math.floor(share * among)) if share else 0


class RowsWhere(TableMetricProvider):
    """How many rows fulfil a condition."""

    metric_name = "ardoise.rows_where"
    value_keys = ("condition",)

    @metric_partial(**_AGGREGATE)
    def _sqlalchemy(cls, metric_domain_kwargs: Any, metric_value_kwargs: Any, **_: Any) -> Any:  # noqa: N805
        return _counted(metric_value_kwargs["condition"]), metric_domain_kwargs, {}


class RowsAmong(TableMetricProvider):
    """How many rows an expectation is about."""

    metric_name = "ardoise.rows_among"
    value_keys = ("among",)

    @metric_partial(**_AGGREGATE)
    def _sqlalchemy(cls, metric_domain_kwargs: Any, metric_value_kwargs: Any, **_: Any) -> Any:  # noqa: N805
        return _counted(metric_value_kwargs["among"]), metric_domain_kwargs, {}


class Counted(TableMetricProvider):
    """The number that a query gives: one row, one column."""

    metric_name = "ardoise.counted"
    value_keys = ("query",)

    @metric_value(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(cls, execution_engine: Any, metric_value_kwargs: Any, **_: Any) -> Any:  # noqa: N805
        query = sa.text(metric_value_kwargs["query"].replace(":", r"\:"))  # its colons are no parameters
        return int(execution_engine.execute_query(query).scalar_one())


def _counted(condition: str) -> Any:
    return sa.func.count(sa.case((sa.literal_column(f"({condition})"), 1)))


class ExpectNoRowsWhere(BatchExpectation):
    """No row fulfils a condition; or at most a share of those that fulfil another one, and a single one at least."""

    condition: str
    among: str = EVERY_ROW
    share: float = 0.0

    metric_dependencies: ClassVar[tuple[str, ...]] = ("ardoise.rows_where", "ardoise.rows_among")
    success_keys: ClassVar[tuple[str, ...]] = ("condition", "among", "share")

    def _validate(self, metrics: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
        return _result(metrics["ardoise.rows_where"], 0, tolerated(metrics["ardoise.rows_among"], self.share))


class ExpectNoOffenders(BatchExpectation):
    """A query that counts offenders gives none; or at most a share of the rows that fulfil a condition.

    The number that it gives is told: whoever makes the query sees to it that it is a count.
    """

    query: str
    among: str = EVERY_ROW
    share: float = 0.0

    metric_dependencies: ClassVar[tuple[str, ...]] = ("ardoise.counted", "ardoise.rows_among")
    success_keys: ClassVar[tuple[str, ...]] = ("query", "among", "share")

    def _validate(self, metrics: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
        return _result(metrics["ardoise.counted"], 0, tolerated(metrics["ardoise.rows_among"], self.share))


class ExpectQueryToCountNone(ExpectNoOffenders):
    """The same of anybody's query, which may give a number out of a record: whether it is none is told, not which."""

    def _validate(self, metrics: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
        most = tolerated(metrics["ardoise.rows_among"], self.share)
        return _result(int(not 0 <= metrics["ardoise.counted"] <= most), 0, 0)


class ExpectRowsWhereToBeBetween(BatchExpectation):
    """As many rows fulfil a condition as bounds allow: numbers, or shares of the rows that fulfil another one.

    ``slack``: so many rows more or less than the shares say are no matter.
    """

    condition: str = EVERY_ROW
    among: str = EVERY_ROW
    least: int | None = None
    most: int | None = None
    least_share: float | None = None
    most_share: float | None = None
    slack: int = 0

    metric_dependencies: ClassVar[tuple[str, ...]] = ("ardoise.rows_where", "ardoise.rows_among")
    success_keys: ClassVar[tuple[str, ...]] = (
        "condition", "among", "least", "most", "least_share", "most_share", "slack",
    )  # fmt: skip

    def _validate(self, metrics: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
        seen, among = metrics["ardoise.rows_where"], metrics["ardoise.rows_among"]
        least, most = self.least or 0, max(seen, among) if self.most is None else self.most
        if self.least_share is not None:
            least = max(least, math.floor(self.least_share * among) - self.slack)
        if self.most_share is not None:
            most = min(most, math.ceil(self.most_share * among) + self.slack)
        return _result(seen, least, most)


class ExpectColumnsToExist(BatchExpectation):
    """The table has these columns."""

    columns: list[str]

    metric_dependencies: ClassVar[tuple[str, ...]] = ("table.columns",)
    success_keys: ClassVar[tuple[str, ...]] = ("columns",)

    def _validate(self, metrics: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
        there = set(map(str, metrics["table.columns"]))
        return _named(each for each in self.columns if each not in there)


class ExpectColumnTypesToMatch(BatchExpectation):
    """The type that the store declares for each column matches a regular expression in full, whatever its case."""

    patterns: dict[str, str]

    metric_dependencies: ClassVar[tuple[str, ...]] = ("table.column_types",)
    success_keys: ClassVar[tuple[str, ...]] = ("patterns",)

    def _validate(self, metrics: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
        types = {str(each["name"]): str(each["type"]) for each in metrics["table.column_types"]}
        return _named(
            column
            for column, pattern in self.patterns.items()
            if column not in types or not re.fullmatch(pattern, types[column], re.IGNORECASE)
        )


def _named(offending: Iterable[str]) -> dict[str, Any]:
    """The result of what is to be said of columns: how many offend, and which."""
    names = list(offending)
    result = _result(len(names), 0, 0)
    result["result"]["details"]["names"] = names
    return result


def _result(seen: int, least: int, most: int) -> dict[str, Any]:
    details = {"least": least, "most": most}
    return {"success": least <= seen <= most, "result": {"observed_value": seen, "details": details}}
