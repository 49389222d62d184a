"""One run at a time per dataset, also after its worker was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fixtures_postgres import PostgresDatabase

from connectors.sql.connector import SqlConnector
from pipelines.locks import DatasetBusy, locked_by_file, locked_in_store


def test_a_lock_file_admits_one_run(tmp_path: Path) -> None:
    with locked_by_file(tmp_path / "locks", "crm", "contacts", 0.1):
        with (
            pytest.raises(DatasetBusy, match=r"crm\.contacts"),
            locked_by_file(tmp_path / "locks", "crm", "contacts", 0.1),
        ):
            pass
        with locked_by_file(tmp_path / "locks", "crm", "notes", 0.1):
            pass
    with locked_by_file(tmp_path / "locks", "crm", "contacts", 0.1):
        pass


def test_a_killed_worker_leaves_no_lock_behind(tmp_path: Path) -> None:
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom pipelines.locks import locked_by_file\n"
        "with locked_by_file(Path(sys.argv[1]), 'crm', 'contacts'):\n"
        "    print('held', flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "held\n"
        with pytest.raises(DatasetBusy), locked_by_file(tmp_path, "crm", "contacts", 0.1):
            pass
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
    with locked_by_file(tmp_path, "crm", "contacts", 1):
        pass


def test_a_lock_in_postgresql_admits_one_run_of_any_estate(postgres_database: PostgresDatabase) -> None:
    connector = SqlConnector("crm", postgres_database.read, postgres_database.write)
    with connector.writing() as first, connector.writing() as second:
        with locked_in_store(first, "crm", "contacts", 0.1):
            with pytest.raises(DatasetBusy), locked_in_store(second, "crm", "contacts", 0.1):
                pass
            with locked_in_store(second, "crm", "notes", 0.1):
                pass
        with locked_in_store(second, "crm", "contacts", 0.1):
            pass
