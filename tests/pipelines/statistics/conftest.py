"""Visits in each SQL store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from counted_visits import CountedVisits, visits_in_a_file

from connectors.sql.connector import SqlConnector


@pytest.fixture(params=["postgresql", "mariadb", "sqlite"])
def visits(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CountedVisits]:
    """An empty table of visits, on each engine, read by a role that cannot write."""
    if request.param == "sqlite":
        made = visits_in_a_file(tmp_path / "shop.sqlite")
    else:
        kind = "postgres_database" if request.param == "postgresql" else "mariadb_database"
        database = request.getfixturevalue(kind)
        made = CountedVisits(SqlConnector("shop", database.read, database.write), database.admin)
    yield made
    made.close()
