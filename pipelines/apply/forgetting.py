"""What a run forgets at its end: what stores keep of rows that are gone, as soon as it cannot matter any more."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from connectors.base import Connector
from connectors.sql.connector import SqlConnector
from pipelines.estate import Estate
from pipelines.plan.context import Context
from pipelines.plan.gone import forget, forgettable


def forget_told(estate: Estate, connectors: Mapping[str, Connector], context: Context) -> None:
    """Delete it in every SQL store, those in which nothing else was done included.

    Raises:
        ConnectorError: a store is down or read-only; nothing is lost, the next run does it.
    """
    for store in sorted(context.maps):
        if estate.stores[store].kind != "sql":
            continue
        with contextlib.ExitStack() as stack:
            connector = connectors.get(store) or stack.enter_context(estate.connected(store))
            if isinstance(connector, SqlConnector) and _asked(connector, context):
                with connector.writing() as connection, connection.begin():
                    forget(connection, connector.journal, context)


def _asked(connector: SqlConnector, context: Context) -> bool:
    """Whether there is anything to forget: a store is not written to for nothing."""
    journal = connector.journal
    with connector.reading() as connection:
        return journal.listens(connection) and forgettable(connection, journal, context)
