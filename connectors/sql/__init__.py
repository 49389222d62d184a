"""SQL stores: the connector, and the expressions and primitives that set-based planning and apply are made of."""

from connectors.sql.connector import SqlConnector

__all__ = ["SqlConnector"]
