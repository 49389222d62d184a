"""One run at a time per dataset, also after its worker was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from fixtures_postgres import PostgresDatabase

from connectors.errors import StoreDown
from pipelines.apply.locks import DatasetBusy, locked_by_file, locked_in_store


def test_a_lock_file_admits_one_run(tmp_path: Path) -> None:
    with locked_by_file(tmp_path / "locks", "crm", "contacts", 0.1):
        with pytest.raises(DatasetBusy, match="crm.contacts"), locked_by_file(tmp_path / "locks", "crm", "contacts", 0.1):
            pass
        with locked_by_file(tmp_path / "locks", "crm", "notes", 0.1):
            pass
    with locked_by_file(tmp_path / "locks", "crm", "contacts", 0.1):
        pass


def test_a_killed_worker_leaves_no_lock_behind(tmp_path: Path) -> None:
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom pipelines.apply.locks import locked_by_file\n"
        "with locked_by_file(Path(sys.argv[1]), 'crm', 'contacts'):\n    print('held', flush=True)\n    time.sleep(60)\n"
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


def test_a_lock_in_postgresql_admits_one_run(postgres_database: PostgresDatabase) -> None:
    first, second = (sa.create_engine(postgres_database.write, poolclass=sa.NullPool) for _ in range(2))
    with locked_in_store(first, "crm", "contacts", 0.1):
        with pytest.raises(DatasetBusy), locked_in_store(second, "crm", "contacts", 0.1):
            pass
        with locked_in_store(second, "crm", "notes", 0.1):
            pass
    with locked_in_store(second, "crm", "contacts", 5):
        pass


def test_a_store_that_is_down_is_named_and_nothing_else_is_said() -> None:
    engine = sa.create_engine("postgresql+psycopg://jane:secret@127.0.0.1:9/none", poolclass=sa.NullPool)
    with pytest.raises(StoreDown) as error, locked_in_store(engine, "crm", "contacts", 0.1):
        pass
    assert "secret" not in str(error.value)
    assert error.value.__cause__ is None
