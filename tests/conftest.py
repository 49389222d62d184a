"""Shared by all tests: the real servers, one fixture module per kind."""

from __future__ import annotations

pytest_plugins = ["fixtures_postgres", "fixtures_sql", "fixtures_items"]
