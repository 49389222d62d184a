"""What a run forgets at its end: what stores keep of rows and links that are gone, as soon as it cannot matter."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

from connectors.base import Connector
from connectors.sql.connector import SqlConnector
from pipelines.estate import Estate
from pipelines.plan.artefact import Place, Step
from pipelines.plan.awaited import hand_over
from pipelines.plan.carried import Datasets
from pipelines.plan.context import Context
from pipelines.plan.evidence import Evidence
from pipelines.plan.gone import forget, forgettable
from pipelines.plan.remembered import below
from pipelines.plan.settled import settled_days


def forget_told(estate: Estate, connectors: Mapping[str, Connector], context: Context, evidence: Evidence) -> None:
    """Delete it in every SQL store, those in which nothing else was done included.

    Raises:
        ConnectorError: a store is down or read-only; nothing is lost, the next run does it.
    """
    for store in sorted(context.maps):
        if estate.stores[store].kind != "sql":
            continue
        with contextlib.ExitStack() as stack:
            connector = connectors.get(store) or stack.enter_context(estate.connected(store))
            if isinstance(connector, SqlConnector) and _asked(connector, context, evidence):
                with connector.writing() as connection, connection.begin():
                    hand_over(evidence, connection)
                    forget(connection, connector.journal, context)


def forget_days(connector: SqlConnector, context: Context, steps: Sequence[Step]) -> None:
    """Delete the days that a store remembers of rows on which nothing depends any more, once its steps are done.

    Where there is an archive, records in it may depend on them: they stay.
    """
    if connector.archive is not None:
        return
    store_map, active = context.maps[connector.store], context.active(connector.store)
    acted = {step.dataset for step in steps if step.place is Place.ACTIVE}
    touched = [name for name in sorted(active) if below(store_map, name) & acted]
    with connector.writing() as connection, connection.begin():
        datasets = Datasets(connection, store_map, context.policy, context.key, context.horizons)
        for name in touched:
            for statement in settled_days(datasets, name, frozenset(store_map.datasets) - frozenset(active)):
                connection.execute(statement)


def _asked(connector: SqlConnector, context: Context, evidence: Evidence) -> bool:
    """Whether there is anything to forget: a store is not written to for nothing."""
    journal = connector.journal
    with connector.reading() as connection:
        if not journal.listens(connection):
            return False
        hand_over(evidence, connection)
        return forgettable(connection, journal, context)
