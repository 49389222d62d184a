"""The two places of a SQL store while a run acts: its active base and its archive, seen over one writing connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from connectors.errors import StoreMismatch
from connectors.sql.act import Before
from connectors.sql.archive import ALTERED, ID, arrival
from connectors.sql.connector import SqlConnector
from connectors.sql.lines import Look, LookWith, Restriction
from pipelines.apply.refresh import Refreshed
from pipelines.apply.rows import RowWork
from pipelines.plan.archived import ArchivedSelection, ArchivedSelections
from pipelines.plan.artefact import Action, Place, Step
from pipelines.plan.context import Context
from pipelines.plan.remembering import kept_days
from pipelines.plan.selections import StoreSelections
from pipelines.plan.telling import kept_telling, kept_telling_of_archive


@dataclass(frozen=True)
class StorePlaces:
    """What is due in a store, and where; ``archived`` is None where the store has no archive."""

    connection: sa.Connection
    active: StoreSelections
    archived: ArchivedSelections | None

    @classmethod
    def prepare(cls, known: Refreshed, connector: SqlConnector, connection: sa.Connection) -> StorePlaces:
        """Hand the evidence and the holds over to the connection that will act."""
        active = known.selections(connector.store, connection, acting=True)
        archive = connector.archive
        archived = None
        if archive is not None:
            archived = ArchivedSelections(known.context, connector.store, archive, connection)
        return cls(connection, active, archived)

    def under(self, context: Context) -> StorePlaces:
        """The same under the holds of another context."""
        archived = None if self.archived is None else replace(self.archived, context=context)
        return replace(self, active=self.active.under(context), archived=archived)

    def begin(self, step: Step, marked: frozenset[str]) -> None:
        """A step begins to act, under the lock of its dataset, which has marks of these categories."""
        if step.place is Place.ACTIVE:
            self.active.begin(step.dataset, marked)

    def candidates(self, step: Step) -> sa.Select[Any]:
        """The keys of the rows on which a step may act."""
        if step.place is Place.ARCHIVE:
            return self._there(step).due_keys(step)
        return self.active.selection(step.dataset).candidates(step)

    def due(self, step: Step) -> Look:
        """Which of them are due when it is asked."""

        def look(restriction: Restriction) -> sa.Select[Any]:
            if step.place is Place.ARCHIVE:
                return self._there(step).due_keys(step, restriction)
            return self.active.selection(step.dataset).due_keys(step, restriction)

        return look

    def due_with(self, step: Step) -> LookWith:
        """All of them in the active base, with other columns of theirs."""

        def look(columns: Sequence[str]) -> sa.Select[Any]:
            return self.active.selection(step.dataset).due_with(step, columns)

        return look

    def fitted(self, work: RowWork) -> RowWork:
        """The work of a step, told where its rows are, and what it brings or empties there."""
        step = work.step
        if step.place is Place.ARCHIVE:
            table = self._there(step).table
            told = kept_telling_of_archive(self._there(step), self.active.datasets, step)
            return replace(
                work, table=table, key=(ID,), values=_emptied(step, table, work.receipts.digest), before=told
            )
        selection = self.active.selection(step.dataset)
        keeps = (*kept_telling(selection, step, work.marks), *kept_days(selection, work.marks))
        arrives = (self._arrival(step),) if step.action is Action.ARCHIVE else ()
        return replace(work, before=(*arrives, *keeps))

    def _arrival(self, step: Step) -> Before:
        """The table in the archive is made here, in a transaction before those of the chunks."""
        if self.archived is None:
            raise StoreMismatch(step.store, "the plan moves records to its archive, and it has none", "Plan again")
        moving = self.active.selection(step.dataset).moving
        key = moving.selection.map.key
        table = self.archived.archive.make(self.connection, step.dataset, key, moving.table_columns())
        return arrival(table, moving.arriving(step))

    def _there(self, step: Step) -> ArchivedSelection:
        found = None if self.archived is None else self.archived.selection(step.dataset)
        if found is None:
            raise StoreMismatch(step.store, f"its archive holds nothing of {step.dataset} any more", "Plan again")
        return found


def _emptied(step: Step, table: sa.Table, plan: str) -> Mapping[str, Any]:
    """What a step writes into arrivals that stay."""
    if step.takes_rows:
        return {}
    return {name: sa.null() for name in step.fields if name in table.c} | {ALTERED: plan}
