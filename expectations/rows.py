"""Checks that run inside a SQL store, over a read-only connection that Great Expectations opens itself."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from expectations.context import ephemeral_context
from expectations.findings import Finding, Stage


@dataclass(frozen=True, slots=True)
class RowCheck:
    """A query that counts offending records: one row, one column, as in `SELECT count(*) AS offenders …`.

    Its text and its result hold no value of a record.
    """

    expectation: str
    dataset: str
    measure: str
    query: str
    remedy: str
    stage: Stage = Stage.AFTER


def check_rows(store: str, url: str, checks: Sequence[RowCheck]) -> list[Finding]:
    """Run the checks in one store, one finding each, in order.

    Args:
        store: the store's name.
        url: SQLAlchemy URL of a read-only credential.
        checks: what to look for; a query that cannot be evaluated gives a finding that has not passed.
    """
    if not checks:
        return []
    from great_expectations.datasource.fluent import GxDatasourceWarning

    with warnings.catch_warnings():
        # The specific sources refuse what the generic one takes: socket URLs (PostgreSQL) and spaces (SQLite).
        warnings.simplefilter("ignore", GxDatasourceWarning)
        source = ephemeral_context().data_sources.add_sql(f"{store}-verification", connection_string=url)
        try:
            return [_check(source, store, position, check) for position, check in enumerate(checks)]
        finally:
            source.get_execution_engine().close()  # else its connections stay open until something collects them
            source.get_engine().dispose()


def _check(source: object, store: str, position: int, check: RowCheck) -> Finding:
    import great_expectations as gx
    from great_expectations.datasource.fluent import SQLDatasource
    from great_expectations.exceptions import GreatExpectationsError

    assert isinstance(source, SQLDatasource)  # noqa: S101 - narrows the type without importing at the top
    none_offend = gx.expectations.ExpectColumnSumToBeBetween(column="offenders", min_value=0, max_value=0)
    try:
        asset = source.add_query_asset(f"check-{position}", query=check.query)
        batch = asset.add_batch_definition_whole_table("all").get_batch()
        result = batch.validate(none_offend, result_format="BASIC")  # observes the count, which is all there is
        seen = None if result.exception_info.get("raised_exception") else int(result.result["observed_value"])
    except (GreatExpectationsError, KeyError, TypeError):
        seen = None
    return Finding(check.expectation, store, check.dataset, check.measure, 0, seen, check.remedy, check.stage)
