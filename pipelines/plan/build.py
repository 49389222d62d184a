"""Making a plan: gather the evidence, count what is due in every dataset, hold it against the limits, store it."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from connectors.base import Inventory, Reference
from connectors.sql.catalog import deletion_order
from connectors.sql.copies import find_copies
from connectors.sql.engines import speaking_for
from connectors.sql.implied import watchers
from pipelines.counted import counted
from pipelines.engine.database import EngineDatabase
from pipelines.engine.holds import HoldRecord
from pipelines.errors import EstateInvalid, Refused
from pipelines.estate import Estate
from pipelines.plan.artefact import Plan, Portion, Refusal, Step, Tally
from pipelines.plan.blurred import blurred
from pipelines.plan.context import Context
from pipelines.plan.copies import Copies
from pipelines.plan.emptied import emptied
from pipelines.plan.gathering import DOWN, Gathered, gathered, plan_context
from pipelines.plan.hiding import unspoken, waiting
from pipelines.plan.item_selection import ItemSelection
from pipelines.plan.leading import will_lead
from pipelines.plan.limits import in_the_future, outdated_holds, over_limits
from pipelines.plan.outlived import outlived
from pipelines.plan.portions import EVERYTHING, Backlog, allowed, choose, staging
from pipelines.plan.renewals import renewed
from pipelines.plan.selections import StoreSelections
from pipelines.plan.staying import undecided
from pipelines.plan.strategies import Choice
from pipelines.plan.supply import of_items
from pipelines.plan.tallying import Counted, count_archived, count_rows
from pipelines.progress import Progress, silent
from retention_rules.policy import Policy

EVIDENCE = "evidence.duckdb"
"""The file in a plan's folder that keeps its evidence until its run is done."""

PER_STORE = 1000
"""Numbers of order that each store has for its datasets."""


def make_plan(
    estate: Estate,
    controller: str,
    *,
    as_of: dt.date,
    today: dt.date,
    now: dt.datetime,
    by: str | None = None,
    staged: bool = False,
    progress: Progress = silent,
) -> Plan:
    """Say what is due for a controller on a date; no store is changed.

    The plan is stored in the engine database, where it supersedes older ones of the same date, and its evidence beside
    it. A plan that must not be applied says so in its refusals.

    Args:
        estate: the estate.
        controller: the controller whose policy is applied.
        as_of: the date for which is planned; in a past one only what is due today as well is acted on.
        today: the current day in the controller's time zone.
        now: the current instant, for the records of the engine.
        by: who asks for the plan (a role or an id).
        staged: where more is due than the limits allow, plan only the oldest of it, within them.
        progress: told of each dataset.

    Raises:
        EstateInvalid: the policy does not fit the estate.
        DataMapInvalid: a store is not as its data map says.
        Refused: the policy has no purposes, or the estate no approved dataset of this controller.
    """
    with contextlib.closing(estate.engine()) as engine:
        estate = estate.acting(engine)
        _sensible(estate, estate.policy(controller), controller)
        context = plan_context(estate, engine, controller, as_of, today)
        if not any(context.active(store) for store in context.maps):
            raise Refused(f"no approved dataset belongs to {controller}", "data_map", "Approve one: `ardoise review`.")
        with gathered(estate, context, progress) as found:
            builder = _Builder(estate, replace(context, portion=EVERYTHING if staged else None), found, engine, today)
            plan = builder.build(progress)
            portion = builder.portion()
            if portion is not None:
                waiting = builder.backlogs
                builder = _Builder(estate, replace(context, portion=portion), found, engine, today, waiting)
                plan = builder.build(progress)
            plan = replace(plan, warnings=(*plan.warnings, *builder.leading()))
            engine.plans.store(plan, at=now, by=by)
            engine.volumes.record(builder.volumes, at=now)
            found.evidence.save(estate.plan_folder(plan.digest) / EVIDENCE)
    return plan


def draft(
    estate: Estate,
    engine: EngineDatabase,
    controller: str,
    *,
    as_of: dt.date,
    today: dt.date,
    holds: Sequence[HoldRecord] | None = None,
    portion: Portion | None = None,
    made_at: dt.datetime | None = None,
    progress: Progress = silent,
) -> Plan:
    """What `make_plan` would say now; nothing is kept. Verification asks it what is still due after a run.

    ``holds``: under these, instead of those in the engine database. ``portion``: of what is due, only that.
    ``made_at``: with the requests of persons that were recorded by then.
    """
    estate = estate.acting(engine)
    context = plan_context(estate, engine, controller, as_of, today, holds, portion, made_at)
    with gathered(estate, context, progress) as found:
        return _Builder(estate, context, found, engine, today).build(progress)


def _sensible(estate: Estate, policy: Policy, controller: str) -> None:
    """Refuse a policy without purposes, or one that leaves categories or events of the estate hanging."""
    if not policy.purposes:
        raise Refused(
            "the policy has no purposes: everything would be undetermined", f"policy {policy.name}", "Restore it."
        )
    problems = estate.misfits(policy, controller)
    if problems:
        raise EstateInvalid(problems)


@dataclass
class _Builder:
    estate: Estate
    context: Context
    found: Gathered
    engine: EngineDatabase
    today: dt.date
    measured: Mapping[tuple[str, str], Backlog] = field(default_factory=dict)
    backlogs: dict[tuple[str, str], Backlog] = field(default_factory=dict)
    volumes: dict[tuple[str, str], int] = field(default_factory=dict)
    tallies: list[Tally] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    untraced: dict[int, HoldRecord] = field(default_factory=dict)
    uncovered: list[str] = field(default_factory=list)
    copies: dict[str, Copies] = field(default_factory=dict)
    selections: dict[str, StoreSelections] = field(default_factory=dict)

    def leading(self) -> Iterator[str]:
        """What will lead to anonymised records in the stores that were counted; nobody else than a plan asks."""
        for store, selections in self.selections.items():
            with speaking_for(store):
                yield from will_lead(selections, self.steps, self.tallies)

    def portion(self) -> Portion | None:
        """The oldest of the backlog that was measured, within the limits; None where it need not be divided."""
        return choose(self.backlogs, self._bounds()) if self.backlogs else None

    def _bounds(self) -> dict[tuple[str, str], int | None]:
        return {place: allowed(self.estate.limit(*place), self.volumes[place]) for place in self.volumes}

    def build(self, progress: Progress = silent) -> Plan:
        """Count every dataset of every reachable store."""
        self.refusals.extend(in_the_future(self.context.as_of, self.today))
        self.refusals.extend(outdated_holds(self.context.holding.holds, self.context.as_of))
        self.refusals.extend(blurred(self.context))
        places = list(self._places())
        for number, (store, dataset, count) in enumerate(places):
            progress("plan", number, len(places), f"{store}.{dataset}")
            counts = count()
            self.tallies.extend(counts.tallies)
            self.steps.extend(counts.steps)
            self.volumes[store, dataset] = counts.found
            if counts.backlog is not None:
                self.backlogs[store, dataset] = counts.backlog
            self.refusals.extend(
                over_limits(
                    store,
                    dataset,
                    found=counts.found,
                    acted_on=counts.acted_on,
                    limit=self.estate.limit(store, dataset),
                    volumes=self.engine.volumes,
                )
            )
        progress("plan", len(places), len(places), "")
        return self._plan()

    def _places(self) -> Iterator[tuple[str, str, Callable[[], Counted]]]:
        """Every dataset in the order in which it is acted on, with how it is counted."""
        for position, store in enumerate(self.estate.stores):
            active = {name: each for name, each in self.context.active(store).items() if each.personal}
            if not active:
                continue
            base = position * PER_STORE
            items = [name for name, each in active.items() if of_items(each)]
            if store in self.found.down:
                self._refuse(store, "", f"{DOWN}: nothing of it could be planned", "Bring it back, then plan again.")
            elif items:
                yield from self._items(store, items, base)
            else:
                yield from self._rows(store, list(active), base)

    def _items(self, store: str, names: list[str], base: int) -> Iterator[tuple[str, str, Callable[[], Counted]]]:
        for number, name in enumerate(sorted(names)):
            scan = self.found.scans.get((store, name))
            if scan is None or not scan.complete:
                reason = "it was never scanned" if scan is None else f"its last scan is incomplete: {scan.reason}"
                self._refuse(store, name, reason, "Run `ardoise scan` until it is complete, then plan again.")
            if scan is not None:
                selection = ItemSelection(self.context, self.found.evidence, store, name)
                self.untraced |= {each.id: each for each in selection.persons.untraced}
                yield store, name, functools.partial(selection.count, base + number)

    def _rows(self, store: str, names: list[str], base: int) -> Iterator[tuple[str, str, Callable[[], Counted]]]:
        inventory = self.found.inventories[store]
        with speaking_for(store):
            connection, rows = self.found.connections[store], self.found.rows(store)
            selections = StoreSelections.prepare(
                self.context, store, connection, inventory, self.found.evidence, rows=rows
            )
        self.selections[store] = selections
        order, _ = deletion_order(_with_heirs(inventory, selections, names))
        sources = {name: selections.location(self.context.dataset(store, name).source) for name in names}
        with speaking_for(store):
            found = tuple(find_copies(connection, inventory))

        def watching(location: str) -> tuple[str, ...] | None:
            with speaking_for(store):
                return watchers(connection, selections.datasets.table(location))

        self.copies[store] = Copies(store, sources, found, inventory, connection.dialect.name, watching)
        for name in sorted(names, key=lambda name: (order.index(sources[name]), name)):
            yield store, name, functools.partial(self._counted, selections, name, base + order.index(sources[name]))

    def _counted(self, selections: StoreSelections, name: str, order: int) -> Counted:
        store = selections.store
        with speaking_for(store):
            selection = selections.selection(name)
            self.uncovered.extend(undecided(selection))
            archives = self.found.archives.get(store)
            choice = self._choice(store)
            archived = None if archives is None else replace(archives, context=self.context).selection(name)
            if archived is None:
                return count_rows(selection, order).carried_out(choice, selection)
            there = count_archived(archived, order - order % PER_STORE + PER_STORE - 1)
            here = count_rows(selection, order, emptied(selection, archived))
            return here.carried_out(choice, selection).beside(there.carried_out(choice, selection))

    def _choice(self, store: str) -> Choice:
        config = self.estate.stores[store]
        most, least = config.rewrite.bytes, config.rewrite.least
        return Choice(config.write is not None, self.estate.writer(store), most, least)

    def _refuse(self, store: str, dataset: str, reason: str, remedy: str) -> None:
        self.refusals.append(Refusal(store, dataset, reason, remedy))

    def _plan(self) -> Plan:
        context, policy = self.context, self.context.policy
        self.refusals.extend(refusal for copies in self.copies.values() for refusal in copies.refused(self.steps))
        return Plan(
            as_of=context.as_of,
            controller=context.controller,
            policy=policy.name,
            policy_digest=policy.digest,
            data_map_digest=self.estate.data_map_digest,
            schema_digest=self.found.schema_digest(),
            holds_digest=self.engine.holds.digest(context.as_of),
            requests_digest=self.engine.requests.digest(context.controller, context.as_of),
            tallies=tuple(self.tallies),
            steps=tuple(sorted(self.steps, key=self._turn)),
            evidence=tuple(sorted(self.found.evidence.notes, key=lambda note: (note.event, note.store, note.dataset))),
            refusals=tuple(sorted(self.refusals, key=lambda each: (each.store, each.dataset, each.reason))),
            warnings=tuple(self._warnings()),
            portion=None if context.portion == EVERYTHING else context.portion,
        )

    def _turn(self, step: Step) -> tuple[int, bool, bool, str]:
        """When it is a step's turn: children before parents, rows that go before rows that stay, keys at last."""
        keys = bool(renewed(step, self.context.dataset(step.store, step.dataset)))
        return step.order, not step.takes_rows, keys, step.id

    def _warnings(self) -> Iterator[str]:
        if self.measured:
            yield staging(self.measured, self._bounds(), self.context.portion)
        for each in self.estate.unconfirmed:
            yield f"{each.what}. {each.remedy}."
        for remark in self.estate.lint(self.context.policy, self.context.controller):
            yield f"{remark.what}. {remark.remedy}"
        yield from outlived(self.context)
        for note in self.found.evidence.notes:
            if not note.complete:
                yield (
                    f"{note.store}.{note.dataset} could not tell `{note.event}` ({note.reason}): "
                    "what depends on it is undetermined"
                )
        for hold in self.untraced.values():
            yield (
                f"hold {hold.id} keeps a record of {hold.scope.store}.{hold.scope.dataset} that the last scan did not "
                "see: it may be anywhere now, so everything in that store is held; hold it anew where it is, or release"
            )
        yield from self._left_open()
        yield from self.uncovered
        for copies in self.copies.values():
            yield from copies.remarks(self.steps)
            yield from copies.uncompared(self.steps)
        yield from unspoken(self.context, self.found.inventories)
        yield from waiting(self.engine.ledger.entries("receipt"))
        yield from self._unarchived()
        for archive in self.found.archives.values():
            yield from archive.remarks()
        if self.context.as_of < self.today:
            yield from self._overwritten()

    def _left_open(self) -> Iterator[str]:
        """Of whom rows that are gone left unknown when something ended."""
        for store, gone in self.found.gone.items():
            for (dataset, event), count in sorted(gone.missing.items()):
                said = f"rows of {store}.{dataset} that are gone left open or unknown when `{event}` was, of"
                then = "what depends on it elsewhere stays undetermined"
                yield counted(count, f"{said} {{n}} person: {then}", f"{said} {{n}} persons: {then}")

    def _unarchived(self) -> Iterator[str]:
        """What belongs in an archive, and has none to go to."""
        for store in self.context.maps:
            count = sum(each.archived for each in self.tallies if each.store == store)
            if count and store not in self.context.archives:
                sql = self.estate.stores[store].kind == "sql"
                remedy = f"give it one ([stores.{store}.archive])" if sql else "messages and events are counted only"
                yield counted(
                    count,
                    f"{store} has no archive: {{n}} field that law and claims alone keep stays in place; {remedy}",
                    f"{store} has no archive: {{n}} fields that law and claims alone keep stay in place; {remedy}",
                )

    def _overwritten(self) -> Iterator[str]:
        """What a plan for the past cannot know."""
        for store in self.context.maps:
            for name, dataset in self.context.active(store).items():
                for event, source in sorted(dataset.events.items()):
                    if source.overwritten and event in self.context.policy.events:
                        yield (
                            f"{store}.{name} keeps only the latest `{event}`: where it is later than "
                            f"{self.context.as_of}, what came before is not known, and the record is left alone"
                        )


def _with_heirs(inventory: Inventory, selections: StoreSelections, names: Iterable[str]) -> Inventory:
    """The inventory with what the data map says of parents as if it were foreign keys: heirs are acted on first."""
    extra: dict[str, list[Reference]] = {}
    for name in names:
        for heir in selections.selection(name).below.heirs:
            extra.setdefault(heir.location, []).append(heir.reference)
    shapes = (
        replace(each, references=(*each.references, *extra.get(each.location, ()))) for each in inventory.datasets
    )
    return replace(inventory, datasets=tuple(shapes))
