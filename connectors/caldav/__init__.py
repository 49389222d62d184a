"""Calendar stores over CalDAV."""

from __future__ import annotations

from connectors.caldav.connector import CaldavConnector

__all__ = ["CaldavConnector"]
