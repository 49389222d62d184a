"""The statistics ledger of a dataset: what is pending is settled in one transaction, and views over it are made."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from connectors.sql.connector import SqlConnector
from connectors.sql.journal import Chunk, Counts
from pipelines.estate import Estate
from pipelines.locks import locked_by_file, locked_in_store
from pipelines.statistics.questions import Registered, refuse_changed, registered
from pipelines.statistics.settling import Partition, Settled, settled

STEP = "statistics"
"""What the settling of a dataset is called in the store's journal, after the names of the store and the dataset."""

_BY_HAND = "by hand"
"""In place of a plan's digest, where there was no run."""

Checkpoint = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one settling did: cells that were released, that merged upward, that wait, that are held at the top."""

    released: int = 0
    merged: int = 0
    pending: int = 0
    held: int = 0

    def __str__(self) -> str:
        return f"{self.released} released, {self.merged} merged, {self.pending} pending, {self.held} held at the top"

    @property
    def changed(self) -> bool:
        """Whether anything was written."""
        return bool(self.released or self.merged)


def settle(
    connection: sa.Connection,
    connector: SqlConnector,
    plan: str,
    statistics: Sequence[Registered],
    today: dt.date,
    checkpoint: Checkpoint = lambda _: None,
) -> Outcome:
    """Settle what is pending for the statistics of one dataset, all of them or none; doing so again changes nothing.

    Args:
        connection: of the writing role, outside a transaction; nobody else may contribute to the dataset meanwhile.
        connector: the store's.
        plan: the digest of the plan at whose end this is done, for the journal.
        statistics: those of one dataset.
        today: the day of the run.
        checkpoint: called at `settled` (before the commit) and `released` (after it), for tests that end there.

    Raises:
        Refused: a statistic asks something else than the ledger has kept under its name.
    """
    journal = connector.journal
    with connection.begin():
        refuse_changed(connection, connector, statistics)
        found = {each.question.name: _settled(connection, connector, each, today) for each in statistics}
        outcome = _outcome(found)
        if outcome.changed:
            dataset = statistics[0].dataset
            step = f"{connector.store}.{dataset}.{STEP}"
            number, _ = journal.progress(connection, plan, step)
            journal.record(connection, Chunk(plan, step, dataset, number), Counts(outcome.released + outcome.merged))
        checkpoint("settled")
    checkpoint("released")
    return outcome


def settle_store(estate: Estate, store: str, today: dt.date) -> Iterator[tuple[str, Outcome]]:
    """Settle every dataset of a store that has statistics, without a run; by dataset what was done.

    Raises:
        DatasetBusy: a run acts on a dataset.
        ConnectorError: the store is down or read-only.
    """
    with estate.connected(store) as connector:
        assert isinstance(connector, SqlConnector)  # noqa: S101 - callers name SQL stores
        connector.prepare()
        with connector.writing() as connection:
            for name in estate.data_maps[store].active:
                if statistics := registered(connector, estate.data_maps[store], name):
                    locks = (
                        locked_by_file(estate.state / "locks", store, name),
                        locked_in_store(connection, store, name),
                    )
                    with locks[0], locks[1]:
                        yield name, settle(connection, connector, _BY_HAND, statistics, today)


def _settled(connection: sa.Connection, connector: SqlConnector, of: Registered, today: dt.date) -> Settled:
    tally = connector.journal.tally
    pending = tally.contributions(connection, of.dataset, of.question.name)
    found = settled(pending, Partition(of.statistic), today)
    merged = [(cell, today) for cell in found.merged]
    tally.settle(connection, of.dataset, of.question.name, found.pending, found.released, merged)
    return found


def _outcome(found: Mapping[str, Settled]) -> Outcome:
    return Outcome(
        released=sum(len(each.released) for each in found.values()),
        merged=sum(len(each.merged) for each in found.values()),
        pending=sum(len({one.cell for one in each.pending}) for each in found.values()),
        held=sum(len(each.held) for each in found.values()),
    )
