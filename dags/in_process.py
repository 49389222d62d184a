"""Run DAGs in this process, one after the other: `python -m dags.in_process scan retention --as-of 2026-06-30`.

They are the real DAGs, run by `dag.test()` on a throwaway metadata database: no scheduler, no web server, nobody who
could answer a question. Used by `ardoise demo`; the estate is the one that ARDOISE_ESTATE names. Progress goes to the
parent's channel (`pipelines.progress`), task logs to `run.log` in the home folder. The exit code is 0 when every run
succeeded; otherwise it is 1, and standard error says in a sentence per task why. On `--standby` it gets ready first and
waits for a line on standard input, so that the stores can be started meanwhile.
"""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

DAGS = Path(__file__).resolve().parent
BUNDLE = "dags-folder"
HEAVY = ("duckdb", "great_expectations", "presidio_analyzer", "spacy")
SAID = "ardoise.ending"
"""The logger to which a task tells why it ends red; see `dags.endings`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the named DAGs in turn, up to the first that fails."""
    parser = argparse.ArgumentParser(prog="python -m dags.in_process", description=__doc__)
    parser.add_argument("dags", nargs="+", metavar="DAG", choices=["scan", "retention"])
    parser.add_argument("--as-of", help="as-of date of the retention run, YYYY-MM-DD")
    parser.add_argument("--controller", help="controller of the retention run; the estate's only one by default")
    parser.add_argument("--conf", type=json.loads, default={}, help="configuration of the retention run, as JSON")
    parser.add_argument(
        "--home", type=Path, help="folder of the metadata database and the log; a temporary one by default"
    )
    parser.add_argument(
        "--standby",
        action="store_true",
        help="get ready, then wait for a line on standard input; without one, run nothing",
    )
    asked = parser.parse_args(arguments)
    conf = asked.conf | {name: value for name in ("as_of", "controller") if (value := getattr(asked, name))}
    with tempfile.TemporaryDirectory(prefix="ardoise-airflow-") as temporary:
        home = (asked.home or Path(temporary)).resolve()
        configure(home)
        with _quiet(home / "run.log"):
            failures = _run(asked.dags, conf, standby=asked.standby)
    for failure in failures:
        print(failure, file=sys.stderr)  # noqa: T201 - a command line
    return 1 if failures else 0


def configure(home: Path) -> None:
    """Set what Airflow reads on import."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.environ.update(
        AIRFLOW_HOME=str(home),
        AIRFLOW__CORE__DAGS_FOLDER=str(DAGS),
        AIRFLOW__CORE__LOAD_EXAMPLES="False",
        AIRFLOW__CORE__UNIT_TEST_MODE="False",
        AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{home / 'airflow.db'}",
        AIRFLOW__LOGGING__BASE_LOG_FOLDER=str(home / "logs"),
        AIRFLOW__LOGGING__COLORED_CONSOLE_LOG="False",
    )


def _prepared() -> DagBag:
    """Airflow's metadata database and the DAGs in it."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    from airflow.utils.db import initdb

    initdb()
    DagBundlesManager().sync_bundles_to_db()  # type: ignore[no-untyped-call]
    bag = DagBag(dag_folder=str(DAGS), bundle_name=BUNDLE)
    if not bag.import_errors:
        sync_bag_to_db(bag, BUNDLE, None)
    return bag


def _run(dag_ids: Sequence[str], conf: dict[str, str], *, standby: bool) -> list[str]:
    """Run the DAGs up to the first that fails; why it did."""
    bag = _prepared()
    if bag.import_errors:
        return [f"{Path(file).name}: {error.splitlines()[-1]}" for file, error in bag.import_errors.items()]
    if standby:
        _warm_up()
        if not sys.stdin.readline():
            return ["There was nothing to wait for: standard input has ended."]
    for dag_id in dag_ids:
        said = _Said()
        logging.getLogger(SAID).addHandler(said)
        run = bag.dags[dag_id].test(run_conf=conf if dag_id == "retention" else {})
        logging.getLogger(SAID).removeHandler(said)
        if run.state != "success":
            return said.sentences or [f"The run of {dag_id} ended as {run.state}."]
    return []


def _warm_up() -> None:
    """Import what the tasks will need: seconds in which nobody has to wait."""
    for name in ("pipelines.scan.looking", "pipelines.apply", "pipelines.verify.run", "pipelines.report", *HEAVY):
        importlib.import_module(name)


class _Said(logging.Handler):
    """Collects the sentences with which tasks ended."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.sentences: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        sentence = record.getMessage()
        if sentence not in self.sentences:
            self.sentences.append(sentence)


@contextmanager
def _quiet(log: Path) -> Iterator[None]:
    """Send what this process and its children print to a file; Airflow keeps hold of the streams that it finds."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, descriptor in enumerate(kept, start=1):
            os.dup2(descriptor, number)
            os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main())
