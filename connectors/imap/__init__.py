"""Mail stores over IMAP."""

from __future__ import annotations

from connectors.imap.connector import ImapConnector

__all__ = ["ImapConnector"]
