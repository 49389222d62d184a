"""The work of each step of a run, from the plan and the data map: what is written, beside what, in which chunks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from connectors.base import Connector, Source
from connectors.sql.connector import SqlConnector
from pipelines.anonymise.new_key import NEW_KEY
from pipelines.apply.batches import Batches
from pipelines.apply.grouping import grouping
from pipelines.apply.items import ItemWork
from pipelines.apply.overwriting import marks, replacements
from pipelines.apply.receipts import Receipts
from pipelines.apply.redaction import redactor
from pipelines.apply.refresh import Refreshed
from pipelines.apply.renewing import key_renewal
from pipelines.apply.rows import RowWork
from pipelines.estate import Estate
from pipelines.plan.artefact import Plan, Step
from pipelines.scan.sources import source_of
from pipelines.statistics.questions import registered


@dataclass(frozen=True)
class Works:
    """Makes the works of a plan's steps.

    ``settled`` is how many of a step's records nothing is left to do of; ``told`` gives what is told of its progress;
    ``chunk`` is the rows of a transaction.
    """

    estate: Estate
    plan: Plan
    receipts: Receipts
    settled: Callable[[Step], int]
    told: Callable[[Step], Callable[[int], None]]
    checkpoint: Callable[[str], None]
    chunk: int

    def rows(self, known: Refreshed, connector: SqlConnector, step: Step) -> RowWork:
        """The work of a step in a SQL store.

        Raises:
            Refused: a technique of the data map does not fit its column.
        """
        store_map = self.estate.data_maps[step.store]
        dataset = store_map.datasets[step.dataset]
        source = self.source(step)
        shape = known.inventories[step.store].find(connector.location(source))
        assert shape is not None, "a reflected table is in the inventory"  # noqa: S101
        return RowWork(
            step=step,
            connector=connector,
            source=source,
            receipts=self.receipts,
            checkpoint=self.checkpoint,
            told=self.told(step),
            replacements=replacements(step, dataset, shape),
            marks=marks(step, dataset),
            statistics=tuple(each.question for each in registered(connector, store_map, step.dataset)),
            spare=self.spare(step),
            chunk=self.chunk,
            most=self.estate.stores[step.store].rewrite.bytes,
            grouping=grouping(step, dataset, connector, shape, self.plan.digest),
            holds_changed=known.holds.changed,
            renewal=key_renewal(step, known.context.active(step.store), known.inventories[step.store], connector),
            known_keys=any(each.technique == NEW_KEY for each in dataset.personal.values()),
        )

    def items(self, connector: Connector, step: Step) -> ItemWork:
        """The work of a step in a mailbox or calendar."""
        if hasattr(connector, "checkpoint"):
            connector.checkpoint = self.checkpoint
        return ItemWork(
            step=step,
            connector=connector,
            source=self.source(step),
            receipts=self.receipts,
            batches=Batches(self.estate.plan_folder(self.plan.digest) / "batches"),
            transform=redactor(self.estate, step),
            checkpoint=self.checkpoint,
            told=self.told(step),
        )

    def source(self, step: Step) -> Source:
        """Where the records of a step are."""
        return source_of(step.dataset, self.estate.data_maps[step.store].datasets[step.dataset])

    def spare(self, step: Step) -> int:
        """Rows that the plan takes as a whole and a living child holds back: they are emptied instead."""
        if step.takes_rows:
            return 0
        whole = [
            each
            for each in self.plan.steps
            if each.takes_rows and (each.store, each.dataset, each.place) == (step.store, step.dataset, step.place)
        ]
        return sum(max(0, each.count - self.settled(each)) for each in whole)
