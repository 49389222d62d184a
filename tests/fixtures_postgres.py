"""Fixtures: a real PostgreSQL server, started once per session."""
