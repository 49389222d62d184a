"""The run of a plan: checks, evidence, steps in order, residue, receipts. Killed anywhere, it is resumed by itself.

A run that has begun stays *running* until every step is complete, so that no newer plan supersedes the one plan which
knows what the run has already changed.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import sqlalchemy as sa

from connectors.base import Connector
from connectors.errors import ConnectorError, StoreDown
from connectors.sql.connector import SqlConnector
from connectors.sql.questions import Question
from connectors.sql.strategy import Unfit
from pipelines.apply.buckets import turn_to_buckets
from pipelines.apply.expected import Expect, expect_before
from pipelines.apply.forgetting import forget_days, forget_told
from pipelines.apply.gate import check_plan, check_stores, refuse_restored
from pipelines.apply.places import StorePlaces
from pipelines.apply.receipts import Receipts, StepRecord, running_clock
from pipelines.apply.refresh import FRESH, Refreshed, forget, refresh
from pipelines.apply.rehearsing import rehearse_partitions, rehearse_step
from pipelines.apply.relied import Relied
from pipelines.apply.remaining import ledger_names, remaining
from pipelines.apply.renewing import renews
from pipelines.apply.rows import CHUNK, HoldsChanged, RowWork, refuse_more
from pipelines.apply.stores import descends, opened, wanted
from pipelines.apply.summary import Residue, RunSummary, StepSummary, summed
from pipelines.apply.unheld import Unheld, as_seen
from pipelines.apply.works import Works
from pipelines.engine import EngineDatabase, RunState
from pipelines.errors import ArdoiseError
from pipelines.estate import Estate
from pipelines.locks import locked_by_file, locked_in_store
from pipelines.plan.artefact import Place, Plan, Step
from pipelines.progress import Progress, silent
from pipelines.statistics.ledger import settle
from pipelines.statistics.questions import registered

RETRIES = (1.0, 4.0, 15.0)
"""Seconds to wait before each new attempt at a store that went down; after the last the run stops."""

Checkpoint = Callable[[str], None]

T = TypeVar("T")


def apply(
    estate: Estate,
    plan_digest: str,
    *,
    now: dt.datetime,
    today: dt.date,
    actor: str,
    stores: Sequence[str] | None = None,
    progress: Progress = silent,
    checkpoint: Checkpoint | None = None,
    retries: Sequence[float] = RETRIES,
    fresh: dt.timedelta = FRESH,
    chunk: int = CHUNK,
    expect: Expect = expect_before,
) -> RunSummary:
    """Carry out an approved plan, or resume it; a finished one is left alone, and the summary says so.

    Args:
        estate: the estate whose plan it is.
        plan_digest: the plan's digest, or the beginning of it.
        now: the time; later entries of the ledger follow it by the time that passes.
        today: the calendar day in the estate's zone.
        actor: who runs it (a role or an id), for the ledger.
        stores: only the steps in these stores.
        progress: told of each step's records.
        checkpoint: called at named points, for tests that end a worker there.
        retries: seconds to wait before each new attempt at a store that went down.
        fresh: how old a scan of a mailbox or calendar may be to be relied on.
        chunk: rows per transaction.
        expect: what looks at the stores before the first act, and refuses where they are not as expected.

    Raises:
        Refused: the plan may not be applied, or more is due than it says; see `pipelines.apply.gate`.
        ConnectorError: a store is down, read-only, or not as the data map says. What was done has its receipts.
    """
    with contextlib.closing(estate.engine()) as engine:
        estate = estate.acting(engine)
        plan = engine.plans.load(plan_digest)
        clock = running_clock(now)
        receipts = Receipts(engine.ledger, plan, plan.digest, actor, clock)
        run = _Run(
            estate=estate,
            engine=engine,
            plan=plan,
            receipts=receipts,
            steps=wanted(estate, plan, stores),
            now=now,
            today=today,
            progress=progress,
            checkpoint=checkpoint or (lambda _: None),
            retries=tuple(retries),
            fresh=fresh,
            chunk=chunk,
            expect=expect,
        )
        return run.go()


@dataclass
class _Run:
    estate: Estate
    engine: EngineDatabase
    plan: Plan
    receipts: Receipts
    steps: tuple[Step, ...]
    now: dt.datetime
    today: dt.date
    progress: Progress
    checkpoint: Checkpoint
    retries: tuple[float, ...]
    fresh: dt.timedelta
    chunk: int
    expect: Expect
    resumed: int = 0
    run: int = 0
    records: dict[str, StepRecord] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)
    residue: list[Residue] = field(default_factory=list)

    def go(self) -> RunSummary:
        """Check, act, close."""
        if not self._open():
            refuse_restored(self.estate, self.plan, [(step, self.records[step.id].settled) for step in self.steps])
            self._finish()
            return self._summary(nothing_to_do=True)
        try:
            check_plan(self.estate, self.engine, self.plan, self.now, self.today, begun=self._begun())
            with self._locked(), opened(self.estate, dict.fromkeys(step.store for step in self.steps)) as connectors:
                steps = self._open()  # another run may have acted while this one waited for the locks
                self.expect(
                    self.estate,
                    self.engine,
                    self.plan,
                    now=self.now,
                    today=self.today,
                    begun=self._begun,
                    progress=self.progress,
                )
                check_stores(self.estate, self.plan, connectors)
                self.run = self.engine.runs.start(self.plan.digest, at=self.receipts.clock()).id
                self._act(connectors, steps)
        except (ArdoiseError, ConnectorError) as error:
            self._stopped(error)
            raise
        self._finish()
        return self._summary()

    # -- acting

    @functools.cached_property
    def _works(self) -> Works:
        return Works(
            estate=self.estate,
            plan=self.plan,
            receipts=self.receipts,
            settled=lambda step: self.records[step.id].settled,
            told=self._told,
            checkpoint=self.checkpoint,
            chunk=self.chunk,
        )

    def _act(self, connectors: dict[str, Connector], steps: Sequence[Step]) -> None:
        for step in steps:
            connector = connectors[step.store]
            if self.records[step.id].open and not isinstance(connector, SqlConnector):
                self._patiently([step], functools.partial(self._resolve_items, connector, step))
        with refresh(
            self.estate,
            self.engine,
            self.plan,
            begun=self._begun(),
            acted=self.receipts.acted_at(),
            now=self.now,
            today=self.today,
            fresh=self.fresh,
            progress=self.progress,
        ) as known:
            self._preview(known, connectors, steps)
            for store, connector in connectors.items():
                mine = [step for step in steps if step.store == store]
                if isinstance(connector, SqlConnector):
                    known.measure(connector)
                    self._patiently(mine, functools.partial(self._rows, known, connector, mine))
                    self._patiently(mine, functools.partial(self._settle, known, connector))
                    self._patiently(mine, functools.partial(forget_days, connector, known.context, mine))
                else:
                    for step in mine:
                        self._patiently([step], functools.partial(self._items, known, connector, step))
                self._close(connector, mine)
            forget_told(self.estate, connectors, known.context, known.evidence)

    def _preview(self, known: Refreshed, connectors: dict[str, Connector], steps: Sequence[Step]) -> None:
        """Before anything is changed: more than planned must not be due anywhere, and every technique must fit.

        A run that stops half-way leaves evidence behind that only it knows; so it had better not begin.
        """
        for store, connector in connectors.items():
            mine = [step for step in steps if step.store == store]
            if isinstance(connector, SqlConnector):
                found = known.preview(connector, mine)
                inventory, datasets = known.inventories[store], dict(known.context.active(store))
                relied = Relied.on(connector, inventory, datasets)
                tried = [(self._works.rows(known, connector, step), found[step.id].examples) for step in mine]
                for work, examples in tried:
                    self._patiently([work.step], functools.partial(rehearse_step, connector, work, examples, relied))
                hiding = functools.partial(rehearse_partitions, connector, inventory, datasets, tried, relied)
                self._patiently(mine, hiding)
                due = {name: each.count for name, each in found.items()}
            else:
                due = {step.id: len(known.items(step)) for step in mine}
            for step in mine:
                refuse_more(step, due[step.id], self._allowed(step))

    def _allowed(self, step: Step) -> int:
        return step.count + self._works.spare(step) - self.records[step.id].settled

    def _unfinished(self, step: Step) -> bool:
        """Whether a step has left something in this run: what its rows inherit must stay until that is settled."""
        return bool(self.left.get(step.id) or self.records[step.id].unsettled.total())

    def _rows(self, known: Refreshed, connector: SqlConnector, steps: Sequence[Step]) -> None:
        """The steps of a SQL store, in order, on one connection that has the evidence."""
        with connector.writing() as connection:
            with connection.begin():
                places = StorePlaces.prepare(known, connector, connection)
            for step in steps:
                if step.id in self.left and not self.left[step.id]:
                    continue  # done before the store went down
                if any(self._unfinished(each) and descends(self.estate, each, step) for each in steps):
                    self.left[step.id] = step.count - self.records[step.id].settled
                    continue
                record = self.records[step.id]
                work = self._works.rows(known, connector, step)
                with locked_in_store(connection, step.store, step.dataset):
                    self.resumed += work.resolve(connection, record)
                    places = self._act_on_rows(known, work, connection, places)
            self._hide(known, connector, connection, steps)

    def _hide(
        self, known: Refreshed, connector: SqlConnector, connection: sa.Connection, steps: Sequence[Step]
    ) -> None:
        """Turn rows whose parents are anonymous by now to bucket parents; the steps of their dataset say how many."""
        inventory = known.inventories[connector.store]
        datasets = dict(known.context.active(connector.store))
        holding = known.context.holding

        def held(dataset: str) -> bool:
            return holding.of_records(connector.store, dataset, self.plan.as_of)

        def questions(dataset: str) -> tuple[Question, ...]:
            store_map = self.estate.data_maps[connector.store]
            return tuple(each.question for each in registered(connector, store_map, dataset))

        digest, size, at, day = self.plan.digest, self.chunk, self.checkpoint, self.receipts.clock().date()
        turned = turn_to_buckets(connection, connector, inventory, datasets, digest, size, held, at, questions, day)
        for step in steps:
            self.records[step.id].hidden = turned.pop(step.dataset, 0)

    def _act_on_rows(
        self, known: Refreshed, work: RowWork, connection: sa.Connection, places: StorePlaces
    ) -> StorePlaces:
        """One step over rows; begun anew when a hold is opened meanwhile, or its strategy does not fit any more.

        Returns the places as they count by then.
        """
        step = work.step
        while True:
            with connection.begin():  # only now: what references the rows has been acted on
                marks = work.connector.journal.marks
                marks.index(connection, step.dataset)
                marked = marks.categories_of(connection, step.dataset)
                places.begin(step, marked)
                fitted = replace(places.fitted(work), marked=marked)
            found = functools.partial(places.candidates, step)
            try:
                record, with_columns = self.records[step.id], places.due_with(step)
                self.left[step.id] = fitted.act(connection, record, found, places.due(step), with_columns)
            except (HoldsChanged, Unfit):  # what was looked at in that transaction is gone with it
                with connection.begin():
                    places = places.under(known.context)
            else:
                return places

    def _settle(self, known: Refreshed, connector: SqlConnector) -> None:
        """Release what may be released of the statistics ledger, before the steps are closed: a resumed run does it."""
        with connector.writing() as connection:
            for name in known.context.active(connector.store):
                if statistics := registered(connector, self.estate.data_maps[connector.store], name):
                    with locked_in_store(connection, connector.store, name):
                        settle(connection, connector, self.plan.digest, statistics, self.today, self.checkpoint)

    def _items(self, known: Refreshed, connector: Connector, step: Step) -> None:
        record = self.records[step.id]
        items = replace(self._works.items(connector, step), still=Unheld(known, step))
        self.resumed += items.resolve(record)
        record.unsettled.clear()
        found = known.items(step)
        refuse_more(step, len(found), self._allowed(step))
        items.act(record, map(as_seen, found))
        self.left[step.id] = 0

    def _resolve_items(self, connector: Connector, step: Step) -> None:
        self.resumed += self._works.items(connector, step).resolve(self.records[step.id])

    def _open(self) -> list[Step]:
        """Read the ledger; the steps that are not complete yet."""
        self.records = self.receipts.read()
        return [step for step in self.steps if not self.records[step.id].finished]

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the locks of all datasets, in one order for all runs."""
        with contextlib.ExitStack() as stack:
            for store, dataset in sorted({(step.store, step.dataset) for step in self.steps}):
                stack.enter_context(locked_by_file(self.estate.state / "locks", store, dataset))
            yield

    def _begun(self) -> bool:
        """Whether any run of the plan has begun to act, in any store."""
        return any(record.chunks for record in self.receipts.read().values())

    def _told(self, step: Step) -> Callable[[int], None]:
        return lambda done: self.progress(f"apply {step.store}", done, step.count, f"{step.dataset}: {step.action}")

    def _patiently(self, steps: Sequence[Step], act: Callable[[], T]) -> T:
        """Try again when the store went down; nothing else is ever tried again."""
        for pause in self.retries:
            try:
                return act()
            except StoreDown:
                self.progress(f"apply {steps[0].store}", 0, None, "waiting for the store")
                time.sleep(pause)
                known = self.receipts.read()
                self.records.update({step.id: known[step.id] for step in steps})
        return act()

    # -- the end

    def _close(self, connector: Connector, steps: Sequence[Step]) -> None:
        """Purge what deletion leaves behind, then write each step's closing receipt."""
        left: dict[tuple[Place, str], tuple[Residue, ...]] = {}
        for step in steps:
            where = step.place, step.dataset
            if where not in left:
                declared = self.estate.stores[step.store].residue
                day = self.receipts.clock().date()
                left[where] = remaining(step.store, step.dataset, self._purged(connector, step), declared, day)
                self.residue += left[where]
            record = self.records[step.id]
            if record.finished:
                continue
            pending = self.left[step.id]
            stale = max(0, step.count - record.settled - record.unsettled.total() - record.held_back - pending)
            outcomes = dict(record.unsettled)
            outcomes["pending"] = outcomes.get("pending", 0) + pending
            outcomes["held_back"] = record.held_back
            outcomes["hidden"] = record.hidden
            outcomes["stale"] = stale
            complete = not pending and not record.unsettled.total()
            self.receipts.close(step, outcomes, ledger_names(left[where]), complete=complete)
            self.checkpoint("closed")
            record.finished = complete
            record.closing = outcomes
            self._progress(step, RunState.DONE if complete else RunState.INCOMPLETE)

    def _purged(self, connector: Connector, step: Step) -> tuple[str, ...]:
        if isinstance(connector, SqlConnector):
            if step.place is Place.ARCHIVE:
                return connector.purge_archive(step.dataset)
            if renews(step, self.estate.data_maps[step.store].datasets):
                connector.scatter(self._works.source(step))
            return connector.purge_residue(self._works.source(step), fresh=self._fresh(step))
        return connector.purge_residue(self._works.source(step))

    def _fresh(self, step: Step) -> bool:
        """Whether the last thing that was done to a step's table in this run was to write it anew."""
        acted = [
            self.records[each.id].rewritten
            for each in self.steps
            if (each.store, each.dataset, each.place) == (step.store, step.dataset, step.place)
            and self.records[each.id].acted
        ]
        return bool(acted) and acted[-1]

    def _progress(self, step: Step, state: RunState) -> None:
        record = self.records[step.id]
        counters = {**record.outcomes, **record.closing}
        self.engine.runs.progress(self.run, step.id, counters, state=state, at=self.receipts.clock())

    def _finish(self) -> None:
        """Once every step of the plan, in whatever store, is complete, the run's evidence is not needed any more."""
        if not all(record.finished for record in self.receipts.read().values()):
            return
        for each in self.engine.runs.of(self.plan.digest):
            if each.state is RunState.RUNNING:
                self.engine.runs.finish(each.id, RunState.DONE, at=self.receipts.clock())
        self.engine.plans.applied(self.plan.digest)
        forget(self.estate, self.plan)

    def _stopped(self, error: ArdoiseError | ConnectorError) -> None:
        """Write down why the run ended; one that has changed nothing is over, any other is resumed."""
        store = error.store if isinstance(error, ConnectorError) else None
        with contextlib.suppress(ArdoiseError):  # the engine database may be what failed
            self.receipts.refuse(type(error).__name__, store)
            if self.run and not self._begun():
                self.engine.runs.finish(self.run, RunState.FAILED, at=self.receipts.clock())

    def _summary(self, *, nothing_to_do: bool = False) -> RunSummary:
        return RunSummary(
            plan=self.plan.digest,
            controller=self.plan.controller,
            as_of=self.plan.as_of,
            steps=tuple(self._step_summary(step) for step in self.steps),
            residue=tuple(self.residue),
            resumed=self.resumed,
            nothing_to_do=nothing_to_do,
        )

    def _step_summary(self, step: Step) -> StepSummary:
        record = self.records[step.id]
        unfit = tuple(f"{strategy}: {obstacle.what}" for strategy, obstacle in record.unfit.items())
        return summed(step, {**record.outcomes, **record.closing}, complete=record.finished, unfit=unfit)
