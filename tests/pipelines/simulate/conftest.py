"""A shop full of people of every kind, in PostgreSQL, SQLite and MariaDB."""

from __future__ import annotations

from pathlib import Path

import pytest
from crowded_shop import crowd
from fixtures_mariadb import MariaDatabase
from fixtures_postgres import PostgresDatabase
from planned_shop import Shop, make_shop


@pytest.fixture
def sqlite_shop(tmp_path: Path) -> Shop:
    folder = tmp_path / "an estate"
    url = "sqlite:///crm.sqlite"
    return make_shop(folder, f"sqlite:///{folder / 'crm.sqlite'}", url, url, "")


@pytest.fixture(params=["sqlite", "postgresql", pytest.param("mariadb", marks=pytest.mark.slow)])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Shop:
    """An empty shop."""
    if request.param == "sqlite":
        made: Shop = request.getfixturevalue("sqlite_shop")
        return made
    database: PostgresDatabase | MariaDatabase
    if request.param == "postgresql":
        database, schema = request.getfixturevalue("postgres_database"), "public."
    else:
        database, schema = request.getfixturevalue("mariadb_database"), ""
    return make_shop(tmp_path / "estate", database.admin, database.read, database.write, schema)


@pytest.fixture
def crowded(shop: Shop) -> Shop:
    """A full one."""
    crowd(shop, seed=7)
    return shop
