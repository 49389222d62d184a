"""Rehearsing a step before anything is changed in any store: a run had better not begin than stop half-way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from connectors.sql.connector import SqlConnector
from connectors.sql.rehearsal import Rehearsal, rehearse
from pipelines.apply.assignments import assignments
from pipelines.apply.rows import RowWork
from pipelines.plan.artefact import Place


def rehearse_step(connector: SqlConnector, work: RowWork, examples: Sequence[tuple[Any, ...]]) -> None:
    """Act on a few of the step's rows in the active base, and take it back.

    Raises:
        StoreRefuses: a constraint refuses the new values, or what was there would survive in another table.
    """
    step = work.step
    if step.place is not Place.ACTIVE or not examples:
        return
    table, key = connector.table(work.source), connector.key(work.source)
    values = None if step.takes_rows else lambda opened: assignments(opened, table, work.replacements)
    with connector.writing() as connection:
        tried = Rehearsal(step.store, step.dataset, table, key, examples, step.fields, values)
        if work.renewal is not None:
            beside = tuple(each.table for each in work.renewal.pointers)
            tried = replace(tried, then=work.renewal.rehearse, beside=beside)
        rehearse(connection, tried)
