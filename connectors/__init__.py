"""Stores behind one interface: SQL, IMAP, CalDAV, and an in-memory reference."""
