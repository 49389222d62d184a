"""Shared by all tests: the real servers, one fixture module per kind."""

from __future__ import annotations

import gc
import os

from hypothesis import settings

pytest_plugins = [
    "fixtures_postgres",
    "fixtures_mariadb",
    "fixtures_sql",
    "fixtures_items",
    "fixtures_browser",
    "fixtures_orders",
]

# The gate draws the same examples each time; a developer's run draws new ones. No test is about time.
settings.register_profile("gate", derandomize=True, deadline=None)
settings.register_profile("developer", deadline=None)
settings.load_profile("gate" if os.environ.get("ARDOISE_CI") else "developer")


def pytest_collection_finish() -> None:
    """Let the garbage collector look at what tests make, and not time and again at the libraries that they import.

    Those are some hundred thousand objects, which stay; to look at them took a sixth of the time of all tests.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_sessionfinish() -> None:
    """Give them back, so that they end in order; some libraries complain of what is left."""
    gc.unfreeze()
