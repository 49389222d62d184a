"""What can go wrong between the engine and a store, each with what happened, where, and what to do.

A driver's own exception never leaves a connector: its text may quote bound parameters or a record.
"""

from __future__ import annotations


class ConnectorError(Exception):
    """A store could not do what was asked. ``remedy`` says what a person can do about it."""

    def __init__(self, store: str, what: str, remedy: str) -> None:
        super().__init__(f"{store}: {what}. {remedy}")
        self.store = store
        self.what = what
        self.remedy = remedy


class StoreDown(ConnectorError):
    """The store cannot be reached, or the connection was lost. The only error that a retry may mend."""


class StoreReadOnly(ConnectorError):
    """The store refuses writes: a replica, a read-only file, a role without the right."""


class StoreMismatch(ConnectorError):
    """The store is not as the data map says: a table, column, folder or calendar is not there."""


class StoreRefuses(ConnectorError):
    """Acting here would have effects that nobody planned (notifications, cascades); nothing was written."""


class ScanIncomplete(ConnectorError):
    """A scan ended early. What it did not see is unknown, never gone."""
