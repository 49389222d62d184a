"""Which strategy carries out a step over rows: chosen when the plan is made, part of it, with why not another.

The catalogue is asked what stands in the way, as the reading role; the run asks again in the transaction that acts,
and falls back to ranges when something has come in the way since, which its receipt says.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from connectors.sql import partitions, rewrite
from connectors.sql.strategy import Obstacle, Strategy
from pipelines.plan.artefact import Declined, Place, Step
from pipelines.plan.renewals import renewed

if TYPE_CHECKING:
    from pipelines.plan.selection import Selection

SHARE = 4
"""From one in so many rows of a table on, writing it anew is faster than changing it in place."""

NO_WRITER = "the store has no write address"
RENEWED = "its keys are renewed, and what points at them has to follow"


@dataclass(frozen=True, slots=True)
class Choice:
    """What decides beside the catalogue.

    ``writes``: whether the store has a write address, ``role`` the role in it, if it names one; ``most``: bytes that a
    table with its indexes may take to be written anew, ``least``: the rows from which on that is worth it.
    """

    writes: bool
    role: str | None
    most: int
    least: int

    def of(self, step: Step, selection: Selection, found: int) -> Step:
        """The step with its strategy. ``found``: how many rows the dataset has in the active base."""
        if step.place is Place.ARCHIVE:
            return replace(step, strategy=Strategy.RANGES)
        declined: list[Declined] = []
        for strategy, reason in self._reasons(step, selection, found):
            if not reason:
                return replace(step, strategy=strategy, declined=tuple(declined))
            declined.append(Declined(strategy, reason))
        return replace(step, strategy=Strategy.RANGES, declined=tuple(declined))

    def _reasons(self, step: Step, selection: Selection, found: int) -> Iterable[tuple[Strategy, str]]:
        """For each strategy before ranges, why it is not chosen; empty where it is."""
        if step.takes_rows:
            reason = self._partitions(step, selection)
            if reason != partitions.NO_PARTITIONS.what:
                yield Strategy.DROP_PARTITION, reason
        yield Strategy.REWRITE, self._rewrite(step, selection, found)

    def _partitions(self, step: Step, selection: Selection) -> str:
        connection, table = selection.store.connection, selection.table
        found = partitions.obstacles(connection, table, self.role)
        if found or not self.writes:
            return _said(found) or NO_WRITER
        if partitions.whole(connection, table, selection.map.key, selection.due_keys(step)):
            return ""
        return "no partition is due as a whole"

    def _rewrite(self, step: Step, selection: Selection, found: int) -> str:
        connection, table = selection.store.connection, selection.table
        if renewed(step, selection.map):
            return RENEWED
        rows = found
        if selection.map.where and step.count * SHARE >= found:
            rows = connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
        if step.count * SHARE < rows:
            return "less than a quarter of its rows are due"
        if rows < self.least:
            return f"it has fewer than {self.least:,} rows"
        return _said(rewrite.obstacles(connection, table, self.role, self.most)) or ("" if self.writes else NO_WRITER)


def _said(found: Iterable[Obstacle]) -> str:
    return "; ".join(each.what for each in found)
