"""Shared by all tests: the real servers, one fixture module per kind."""

from __future__ import annotations

import os

from hypothesis import settings

pytest_plugins = ["fixtures_postgres", "fixtures_mariadb", "fixtures_sql", "fixtures_items", "fixtures_browser"]

# The gate draws the same examples each time; a developer's run draws new ones.
settings.register_profile("gate", derandomize=True, deadline=None)
if os.environ.get("ARDOISE_CI"):
    settings.load_profile("gate")
