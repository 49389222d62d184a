"""Asking every store what it knows of the subjects of one controller: the evidence of a plan, or of a run."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import sqlalchemy as sa

from connectors.base import Inventory
from connectors.errors import StoreDown
from connectors.sql.catalog import location, schema_digest
from connectors.sql.connector import SqlConnector
from connectors.sql.engines import speaking_for
from pipelines.engine.database import EngineDatabase
from pipelines.engine.holds import HoldRecord
from pipelines.errors import DataMapInvalid
from pipelines.estate import Estate
from pipelines.plan.archived import ArchivedSelections
from pipelines.plan.artefact import Portion
from pipelines.plan.carried import Datasets
from pipelines.plan.context import Context, context, horizons
from pipelines.plan.evidence import Evidence
from pipelines.plan.gone import Gone, told_by_gone
from pipelines.plan.holding import Holding
from pipelines.plan.supply import Supplier
from pipelines.progress import Progress, silent
from pipelines.scan import index
from pipelines.scan.drift import coverage_of
from pipelines.scan.participants import SubjectKeys
from pipelines.scan.sources import binding, source_of
from retention_rules.problems import Problem

DOWN = "the store cannot be reached"


@dataclass
class Gathered:
    """The evidence, and what was learnt of the stores on the way.

    ``connections``: one reading transaction per SQL store, ``archives``: one over its archive, as its own reader; both
    open as long as this is. ``down``: the stores that could not be reached. ``scans``: the latest scan of each item
    dataset. ``gone``: what stores keep of rows that are gone.
    """

    context: Context
    evidence: Evidence
    connections: dict[str, sa.Connection] = field(default_factory=dict)
    archives: dict[str, ArchivedSelections] = field(default_factory=dict)
    inventories: dict[str, Inventory] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    scans: dict[tuple[str, str], index.DatasetScan] = field(default_factory=dict)
    gone: dict[str, Gone] = field(default_factory=dict)
    _rows: dict[str, Datasets] = field(default_factory=dict)

    def rows(self, store: str) -> Datasets:
        """The rows of a SQL store, as its reading transaction sees them."""
        if store not in self._rows:
            context, connection = self.context, self.connections[store]
            self._rows[store] = Datasets(
                connection,
                context.maps[store],
                context.policy,
                context.key,
                context.horizons,
                still=True,
                told=context.of_subjects,
            )
        return self._rows[store]

    def schema_digest(self) -> str:
        """What the plan relies on in all reachable SQL stores: see `connectors.sql.catalog.schema_digest`."""
        found = {}
        for store, inventory in sorted(self.inventories.items()):
            if store in self.connections:
                default = self.connections[store].dialect.default_schema_name
                postgresql = self.connections[store].dialect.name == "postgresql"
                sources = [each.source for each in self.context.active(store).values()]
                places = [location(default if postgresql and "." not in each else None, each) for each in sources]
                found[store] = schema_digest(inventory, places)
        return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()


def plan_context(
    estate: Estate,
    engine: EngineDatabase,
    controller: str,
    as_of: dt.date,
    today: dt.date,
    holds: Sequence[HoldRecord] | None = None,
    portion: Portion | None = None,
    made_at: dt.datetime | None = None,
) -> Context:
    """The context of a plan or run, from the estate and the holds: those in the engine database, if none are given.

    ``portion``: the plan is limited to that. ``made_at``: persons' requests count as far as they were recorded by then.

    Raises:
        EstateInvalid: the policy is invalid.
    """
    made = context(
        policy=estate.policy(controller),
        controller=controller,
        maps=estate.acting(engine).data_maps,
        key=estate.key,
        holding=Holding(tuple(engine.holds.list() if holds is None else holds), horizons(as_of, today)),
        requests=engine.requests.standing(controller, made_at),
        archives=estate.archives,
    )
    return replace(made, portion=portion, coverage=coverage_of(engine))


@contextlib.contextmanager
def gathered(estate: Estate, context: Context, progress: Progress = silent) -> Iterator[Gathered]:
    """Open a reading transaction on every SQL store, hold the data maps against them, and gather the evidence.

    A store that is down is no error here: what it would have told is incomplete.

    Raises:
        DataMapInvalid: a store is not as its data map says; with every problem of all stores.
    """
    with contextlib.ExitStack() as stack:
        evidence = stack.enter_context(Evidence.empty(context.supply, context.horizons))
        found = Gathered(context, evidence)
        _connect(estate, found, stack)
        if estate.index_file.exists():
            with index.read(estate.index_file) as connection:
                found.scans = {(each.store, each.dataset): each for each in index.scans(connection)}
            evidence.attach(estate.index_file)
        for store in sorted(found.connections):
            _ask_after_gone(found, store)
        suppliers = context.supply.suppliers
        for number, supplier in enumerate(suppliers):
            progress("evidence", number, len(suppliers), f"{supplier.store}.{supplier.dataset}")
            _ask(found, supplier)
        evidence.reduce()
        progress("evidence", len(suppliers), len(suppliers), "")
        yield found


def _connect(estate: Estate, found: Gathered, stack: contextlib.ExitStack) -> None:
    problems: list[Problem] = []
    for store in estate.data_maps:
        if not any(each.controller == found.context.controller for each in found.context.maps[store].datasets.values()):
            continue
        try:
            connector = stack.enter_context(estate.connected(store))
            connector.check()
            inventory = connector.inspect()
            if isinstance(connector, SqlConnector):
                found.connections[store] = stack.enter_context(connector.reading())
                _open_archive(found, store, connector, stack)
        except StoreDown:
            found.down.add(store)
            continue
        found.inventories[store] = inventory
        try:
            estate.check_store(store, inventory)
        except DataMapInvalid as error:
            problems.extend(error.problems)
    if problems:
        raise DataMapInvalid(problems)


def _open_archive(found: Gathered, store: str, connector: SqlConnector, stack: contextlib.ExitStack) -> None:
    archive = connector.archive
    if archive is not None:
        archive.check(found.connections[store], connector.journal)
        own = stack.enter_context(archive.reading())
        found.archives[store] = ArchivedSelections.prepare(found.context, store, archive, own)


def _ask_after_gone(found: Gathered, store: str) -> None:
    """Take in what rows have told that are gone."""
    datasets = found.rows(store)
    if datasets.journal is None or not datasets.listens:
        return
    with speaking_for(store):
        gone = told_by_gone(datasets.connection, datasets.journal, found.context)
        if gone is not None:
            found.evidence.gather_gone(store, datasets.connection, gone)
            found.gone[store] = gone


def _ask(found: Gathered, supplier: Supplier) -> None:
    """Ask one supplier, or note why it could not be asked."""
    context, evidence = found.context, found.evidence
    if not supplier.approved:
        evidence.note(supplier, "the mapping is not approved")
    elif supplier.store in found.down:
        evidence.note(supplier, DOWN)
    elif supplier.items:
        scan = found.scans.get((supplier.store, supplier.dataset))
        if scan is None:
            evidence.note(supplier, "it was never scanned")
        elif not scan.complete:
            evidence.note(supplier, scan.reason or "the last scan is incomplete")
        elif scan.binding != _bound(context, supplier):
            evidence.note(supplier, "its mapping has changed since it was scanned")
        else:
            dataset = context.dataset(supplier.store, supplier.dataset)
            evidence.gather_items(supplier, dataset, context.policy)
    else:
        datasets = found.rows(supplier.store)
        with speaking_for(supplier.store):
            if supplier.store in found.archives:  # what has moved goes on telling it
                archived = found.archives[supplier.store].selection(supplier.dataset)
                if archived is not None:
                    evidence.gather(archived.connection, archived.carried())
            evidence.gather_rows(datasets, supplier)


def _bound(context: Context, supplier: Supplier) -> str:
    """What the index of a dataset must have been made for: digests of another scope would match nobody."""
    dataset = context.dataset(supplier.store, supplier.dataset)
    keys = SubjectKeys(context.key, dataset.scope, dataset.own)
    return binding(source_of(supplier.dataset, dataset), keys)
