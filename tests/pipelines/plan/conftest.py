"""The planned shop: where the kind of CRM makes a difference, in each."""

from __future__ import annotations

from pathlib import Path

import pytest
from fixtures_mariadb import MariaDatabase
from fixtures_postgres import PostgresDatabase
from planned_shop import Shop, make_shop


@pytest.fixture
def sqlite_shop(tmp_path: Path) -> Shop:
    folder = tmp_path / "an estate"
    url = "sqlite:///crm.sqlite"
    return make_shop(folder, f"sqlite:///{folder / 'crm.sqlite'}", url, url, "")


@pytest.fixture
def postgres_shop(tmp_path: Path, postgres_database: PostgresDatabase) -> Shop:
    return make_shop(
        tmp_path / "estate", postgres_database.admin, postgres_database.read, postgres_database.write, "public."
    )


@pytest.fixture
def mariadb_shop(tmp_path: Path, mariadb_database: MariaDatabase) -> Shop:
    return make_shop(
        tmp_path / "estate", mariadb_database.admin, mariadb_database.read, mariadb_database.write, schema=""
    )


@pytest.fixture(params=["sqlite", "postgres", pytest.param("mariadb", marks=pytest.mark.slow)])
def shop(request: pytest.FixtureRequest) -> Shop:
    made: Shop = request.getfixturevalue(f"{request.param}_shop")
    return made
