"""Fixtures: real IMAP and CalDAV servers, started once per session."""
