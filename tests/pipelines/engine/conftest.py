"""The engine database of each test: on SQLite and on PostgreSQL alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.engine import EngineDatabase, EngineKeys


@pytest.fixture
def engine_keys() -> EngineKeys:
    return EngineKeys.generate()


@pytest.fixture(params=["sqlite", "postgresql"])
def engine_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state of it' / 'engine.sqlite'}"
    url: str = request.getfixturevalue("postgres_database").admin
    return url


@pytest.fixture
def engine(engine_url: str, engine_keys: EngineKeys) -> Iterator[EngineDatabase]:
    database = EngineDatabase.open(engine_url, engine_keys)
    yield database
    database.close()


@pytest.fixture
def light_engine(tmp_path: Path, engine_keys: EngineKeys) -> Iterator[EngineDatabase]:
    """On SQLite alone, where the kind of database makes no difference."""
    database = EngineDatabase.open(f"sqlite:///{tmp_path / 'engine.sqlite'}", engine_keys)
    yield database
    database.close()
