"""Run one DAG in this process, on a throwaway metadata database: `python -m dags.in_process retention --as-of DATE`.

It is the real DAG, run by `dag.test()`: no scheduler, no web server. Used by `ardoise demo`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

DAGS = Path(__file__).resolve().parent
BUNDLE = "dags-folder"


def main() -> int:
    """Run the named DAG with a configuration; the exit code says whether the run succeeded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dag")
    parser.add_argument("--conf", type=json.loads, default={}, help="the run's configuration, as JSON")
    parser.add_argument("--home", type=Path, help="folder of the metadata database; a temporary one by default")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ardoise-airflow-") as temporary:
        _configure(arguments.home or Path(temporary))
        return 0 if _run(arguments.dag, arguments.conf) else 1


def _configure(home: Path) -> None:
    """Set what Airflow reads on import."""
    home.mkdir(parents=True, exist_ok=True)
    os.environ.update(
        AIRFLOW_HOME=str(home),
        AIRFLOW__CORE__DAGS_FOLDER=str(DAGS),
        AIRFLOW__CORE__LOAD_EXAMPLES="False",
        AIRFLOW__CORE__UNIT_TEST_MODE="False",
        AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{home / 'airflow.db'}",
        AIRFLOW__LOGGING__BASE_LOG_FOLDER=str(home / "logs"),
    )


def _run(dag_id: str, conf: dict[str, str]) -> bool:
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    from airflow.sdk import DagRunState
    from airflow.utils.db import initdb

    initdb()
    DagBundlesManager().sync_bundles_to_db()
    bag = DagBag(dag_folder=str(DAGS / f"{dag_id}.py"), bundle_name=BUNDLE)
    if bag.import_errors:
        print(*bag.import_errors.values(), sep="\n", file=sys.stderr)  # noqa: T201 - a command line
        return False
    sync_bag_to_db(bag, BUNDLE, None)
    run = bag.dags[dag_id].test(run_conf=conf)
    return bool(run.state == DagRunState.SUCCESS)


if __name__ == "__main__":
    sys.exit(main())
