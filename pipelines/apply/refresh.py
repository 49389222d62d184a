"""What a run knows when it begins to act: the evidence of now, merged with what was known when the plan was made.

The evidence is kept in the plan's folder until the run is done. So a run that is resumed, on a later day or in another
worker, still knows the contract ends that it has itself deleted.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import operator
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from connectors.base import Inventory
from connectors.errors import ScanIncomplete, StoreDown
from connectors.sql.connector import SqlConnector
from connectors.sql.rehearsal import ROWS
from pipelines.apply.statistics import Digests, digested, measure, read_measures, write_measures
from pipelines.engine import EngineDatabase
from pipelines.engine.holds import HoldsWatch
from pipelines.errors import PlanChanged, Refused
from pipelines.estate import Estate
from pipelines.locks import locked_by_file
from pipelines.plan.archived import ArchivedSelections
from pipelines.plan.artefact import Place, Plan, Step
from pipelines.plan.awaited import hand_over
from pipelines.plan.awaiting import with_awaited
from pipelines.plan.build import EVIDENCE
from pipelines.plan.context import Context
from pipelines.plan.evidence import Evidence
from pipelines.plan.gathering import Gathered, gathered, plan_context
from pipelines.plan.item_selection import DueItem, ItemSelection
from pipelines.plan.selections import StoreSelections
from pipelines.progress import Progress
from pipelines.scan.refresh import refresh as bring_up_to_date
from pipelines.statistics.questions import refuse_changed, registered
from pipelines.verify.before import take_archive, take_items, take_rows

RUN_EVIDENCE = "run.duckdb"
"""The file in a plan's folder that keeps the evidence with which its run began."""

FRESH = dt.timedelta(minutes=5)
"""How old the last scan of a mailbox or calendar may be for a run to rely on it."""


@dataclass(frozen=True, slots=True)
class DueNow:
    """How many rows are due, and the keys of a few: of any step on the same rows, those that are due in this one."""

    count: int = 0
    examples: tuple[tuple[Any, ...], ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Refreshed:
    """The evidence of a run, and the queries made of it."""

    estate: Estate
    plan: Plan
    made: Context
    holds: HoldsWatch
    evidence: Evidence
    inventories: Mapping[str, Inventory]

    @property
    def context(self) -> Context:
        """The context under the holds that are known by now."""
        return self.made.under(self.holds.known)

    def selections(self, store: str, connection: sa.Connection, *, acting: bool) -> StoreSelections:
        """Hand the evidence over to a connection, and give what is due when it is evaluated there."""
        if acting:
            hand_over(self.evidence, connection)
        return StoreSelections.prepare(
            self.context, store, connection, self.inventories[store], self.evidence, acting=acting, often=not acting
        )

    def preview(self, connector: SqlConnector, steps: Sequence[Step]) -> dict[str, DueNow]:
        """What is due now for each of a store's steps, as the plan counted it; measures bystanders too.

        Both are asked of the same decisions, before anything is changed in any store.
        """
        with connector.reading() as connection:
            selections = self.selections(connector.store, connection, acting=False)
            take_rows(self.estate, self.plan, selections)
            active = [step for step in steps if step.place is Place.ACTIVE]
            found = {
                step.id: _due_now(connection, selections.selection(step.dataset).due_keys(step)) for step in active
            }
            found = {step.id: _with_those_of_others(connection, selections, step, active, found) for step in active}
        return found | self._preview_archive(connector, [step for step in steps if step.place is Place.ARCHIVE])

    def _preview_archive(self, connector: SqlConnector, steps: Sequence[Step]) -> dict[str, DueNow]:
        """The same of what leaves the archive, which its own reader counts."""
        if connector.archive is None:
            return dict.fromkeys((step.id for step in steps), DueNow())
        with connector.archive.reading() as connection:
            archived = ArchivedSelections.prepare(self.context, connector.store, connector.archive, connection)
            take_archive(self.estate, self.plan, archived)
            selections = {step.id: (step, archived.selection(step.dataset)) for step in steps}
            return {
                name: DueNow() if found is None else _due_now(connection, found.due_keys(step))
                for name, (step, found) in selections.items()
            }

    def items(self, step: Step) -> Sequence[DueItem]:
        """The items of a step. All at once: the index is not kept open while the store is acted on."""
        take_items(self.estate, self.plan, self.context, self.evidence, step.store)
        self.evidence.attach(self.estate.index_file)
        try:
            return list(ItemSelection(self.context, self.evidence, step.store, step.dataset).due(step))
        finally:
            self.evidence.detach()

    def measure(self, connector: SqlConnector) -> None:
        """Keep what the registered statistics of a store are before the run's first act, as digests."""
        path = measures_file(self.estate, self.plan.digest, connector.store)
        if read_measures(path):
            return
        store_map, key = self.estate.data_maps[connector.store], self.estate.key
        found: dict[str, dict[str, Digests]] = {}
        for name in self.context.active(connector.store):
            if statistics := registered(connector, store_map, name):
                with connector.writing() as connection, connection.begin():
                    refuse_changed(connection, connector, statistics)
                cells, place = measure(connector, statistics), (self.plan.digest, connector.store, name)
                found[name] = {
                    each.statistic.name: digested(cells[each.statistic.name], each.statistic, key, place)
                    for each in statistics
                }
        write_measures(path, found)


def _due_now(connection: sa.Connection, keys: sa.Select[Any]) -> DueNow:
    due = keys.subquery()
    found = connection.execute(sa.select(sa.func.count().over(), *due.c).limit(ROWS)).all()
    return DueNow(int(found[0][0]), tuple(tuple(row[1:]) for row in found)) if found else DueNow()


def _with_those_of_others(
    connection: sa.Connection,
    selections: StoreSelections,
    step: Step,
    steps: Sequence[Step],
    found: Mapping[str, DueNow],
) -> DueNow:
    """The examples of other steps on the same rows that are due in this one too: it is known what a row has left."""
    own = found[step.id]
    others = {key for each in steps if each.dataset == step.dataset for key in found[each.id].examples}
    others -= set(own.examples)
    if not own.count or not others:
        return own
    selection = selections.selection(step.dataset)

    def among(rows: sa.FromClause) -> sa.ColumnElement[bool]:
        columns = [rows.c[name] for name in selection.map.key]
        return sa.or_(*(sa.and_(*map(operator.eq, columns, key)) for key in sorted(others)))

    also = connection.execute(selection.due_keys(step, among))
    return replace(own, examples=(*own.examples, *(tuple(row) for row in also)))


def measures_file(estate: Estate, plan_digest: str, store: str) -> Path:
    """Where it is kept what the measures of a store were before the run of a plan, for its verification."""
    folder = estate.state / "measures" / plan_digest
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder / f"{store}-before.json"


def forget(estate: Estate, plan: Plan) -> None:
    """Remove what was kept for resuming the run."""
    shutil.rmtree(estate.plan_folder(plan.digest), ignore_errors=True)


@contextlib.contextmanager
def refresh(
    estate: Estate,
    engine: EngineDatabase,
    plan: Plan,
    *,
    begun: bool,
    acted: Mapping[tuple[str, str], dt.datetime],
    now: dt.datetime,
    today: dt.date,
    fresh: dt.timedelta,
    progress: Progress,
) -> Iterator[Refreshed]:
    """Gather the evidence anew, merge it with the plan's, keep both.

    ``begun`` says whether an earlier run of the plan has acted already, and ``acted`` when and where: of a mailbox or
    calendar in which it did, the index is out of date, however young.

    Raises:
        StoreDown, ScanIncomplete: a store that the plan relies on cannot tell what it could tell then.
        PlanChanged: a table has changed since the plan was made.
        Refused: the run had begun, and what it knew is lost.
        IndexBusy: another process keeps the index of items.
    """
    made_at = engine.plans.record(plan.digest).made_at
    holds = engine.holds.watch(made_at)
    context = plan_context(estate, engine, plan.controller, plan.as_of, today, holds.known, plan.portion, made_at)
    bring_up_to_date(estate, progress=progress, now=now, fresh=fresh, changed=acted)
    kept = estate.plan_folder(plan.digest) / RUN_EVIDENCE
    with gathered(estate, context, progress) as found:
        _complete(plan, found)
        if found.schema_digest() != plan.schema_digest:
            raise PlanChanged(
                "a table has changed since the plan was made",
                f"plan {plan.digest[:12]}",
                "Scan, review the data map, then make a new plan and have it approved.",
            )
        context = with_awaited(found)
        with locked_by_file(estate.state / "locks", "plan", plan.digest[:12], patience=60):
            _merge(estate, plan, found.evidence, begun=begun)
            found.evidence.save(kept)
        notes, inventories = list(found.evidence.notes), dict(found.inventories)
    # The reading transactions are closed by now: in SQLite they would keep the writer out.
    with Evidence.empty(context.supply, context.horizons) as evidence:
        evidence.merge(kept)
        evidence.notes.extend(notes)
        yield Refreshed(estate, plan, context, holds, evidence, inventories)


def _complete(plan: Plan, found: Gathered) -> None:
    """Whether everything that could be told when the plan was made can be told now."""
    if found.down:
        raise StoreDown(
            min(found.down), "it cannot be reached, and the run needs what it knows", "Start it and run again"
        )
    told = {(note.event, note.store, note.dataset) for note in plan.evidence if note.complete}
    for note in found.evidence.notes:
        if not note.complete and (note.event, note.store, note.dataset) in told:
            raise ScanIncomplete(
                note.store, f"{note.dataset} can no longer tell {note.event}: {note.reason}", "Scan it, then run again"
            )


def _merge(estate: Estate, plan: Plan, evidence: Evidence, *, begun: bool) -> None:
    """Add what was known when the plan was made, and when its first run began."""
    folder = estate.plan_folder(plan.digest)
    known = [folder / name for name in (EVIDENCE, RUN_EVIDENCE) if (folder / name).exists()]
    if begun and not known:
        raise Refused(
            "its run has begun, and the evidence that it began with is gone",
            f"plan {plan.digest[:12]}",
            "Restore the estate's state folder; without it nobody knows what the run has already deleted.",
        )
    for path in known:
        evidence.merge(path)
