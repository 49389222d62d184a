"""One Airflow for the whole session, over an estate that each test lays out anew."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from airflow_server import AirflowServer
from small_estate import SmallEstate, Stage


@pytest.fixture(scope="session")
def airflow_stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(tmp_path_factory.mktemp("stage"))


@pytest.fixture(scope="session")
def airflow_server(tmp_path_factory: pytest.TempPathFactory, airflow_stage: Stage) -> Iterator[AirflowServer]:
    """Airflow, once the ticks that it missed before it started have run their course."""
    airflow_stage.fresh()
    with AirflowServer(tmp_path_factory.mktemp("airflow"), airflow_stage.link) as server:
        for dag_id in ("scan", "retention"):
            server.ended(server.scheduled(dag_id), dag_id)
        yield server


@pytest.fixture
def small_estate(airflow_server: AirflowServer, airflow_stage: Stage) -> SmallEstate:
    return airflow_stage.fresh()
