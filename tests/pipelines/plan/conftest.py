"""The planned shop: where the kind of CRM makes a difference, in each."""

from __future__ import annotations

from pathlib import Path

import pytest
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


@pytest.fixture(params=["sqlite", "postgresql"])
def shop(request: pytest.FixtureRequest) -> Shop:
    name = "sqlite_shop" if request.param == "sqlite" else "postgres_shop"
    made: Shop = request.getfixturevalue(name)
    return made
