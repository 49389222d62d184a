"""The DAGs import, are thin, and load nothing heavy when they are parsed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

DAGS = Path(__file__).resolve().parents[2] / "dags"
LONGEST = 50

PROBE = """
import json, sys
import airflow.sdk, airflow.providers.standard.operators.hitl
before = set(sys.modules)
from airflow.dag_processing.dagbag import DagBag
known = set(sys.modules)
bag = DagBag(dag_folder=sys.argv[1], bundle_name="ardoise")
print(json.dumps({
    "errors": list(bag.import_errors.values()),
    "loaded": sorted({name.partition(".")[0] for name in set(sys.modules) - known}),
    "dags": {dag.dag_id: {
        "tasks": sorted(dag.task_ids), "catchup": dag.catchup, "tags": sorted(dag.tags), "start": dag.start_date.year,
        "active": dag.max_active_runs, "doc": bool(dag.doc_md),
        "retries": {task.task_id: task.retries for task in dag.tasks},
    } for dag in bag.dags.values()},
}))
"""


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, dict[str, object]]]:
    home = tmp_path_factory.mktemp("airflow")
    environment = {"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(DAGS)], capture_output=True, text=True, check=True, env=environment
    )
    result: dict[str, dict[str, dict[str, object]]] = json.loads(done.stdout.splitlines()[-1])
    return result


def test_both_dags_import_and_nothing_else_is_taken_for_one(parsed: dict[str, dict[str, dict[str, object]]]) -> None:
    assert parsed["errors"] == []
    assert set(parsed["dags"]) == {"retention", "scan"}


def test_the_retention_run_has_its_stages(parsed: dict[str, dict[str, dict[str, object]]]) -> None:
    tasks = set(parsed["dags"]["retention"]["tasks"])  # type: ignore[call-overload]
    assert {"refresh", "plan", "approve", "apply", "apply_anchor", "verify", "report"} <= tasks


@pytest.mark.parametrize("dag", ["retention", "scan"])
def test_each_dag_obeys_the_house_rules(parsed: dict[str, dict[str, dict[str, object]]], dag: str) -> None:
    rules = parsed["dags"][dag]
    assert rules["catchup"] is False
    assert rules["start"] == 2015  # a manual run dated before it would end green with nothing done
    assert rules["doc"]
    assert "ardoise" in rules["tags"]  # type: ignore[operator]
    assert rules["retries"].pop("approve", 0) == 0  # type: ignore[attr-defined]
    assert set(rules["retries"].values()) == {3}  # type: ignore[attr-defined] # which errors: see test_endings


def test_parsing_loads_no_heavy_library(parsed: dict[str, dict[str, dict[str, object]]]) -> None:
    heavy = {"pandas", "numpy", "presidio_analyzer", "spacy", "great_expectations", "duckdb", "pyarrow", "matplotlib"}
    assert not heavy & set(parsed["loaded"])
    assert "pipelines" not in parsed["loaded"]


@pytest.mark.parametrize("name", ["retention", "scan"])
def test_a_dag_file_is_thin(name: str) -> None:
    assert len((DAGS / f"{name}.py").read_text(encoding="utf-8").splitlines()) <= LONGEST
