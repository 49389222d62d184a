"""`airflow:NAME` in `ardoise.toml`: a real Airflow gives the connection string, and with it the store opens."""

from __future__ import annotations

import datetime as dt
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest
from fixtures_items import CalendarAccount, MailAccount
from fixtures_postgres import PostgresDatabase
from small_estate import ZONE, SmallEstate

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
ESTATE = """
[estate]
name = "Connected"
[controllers.SMALL]
policy = "small"
"""
STORE = """
[stores.{name}]
kind = "{kind}"
read = "airflow:{name}_read"
"""
PROBE = """
import datetime as dt
import json
from dags.estate import load_estate
from connectors.errors import ConnectorError
from pipelines.errors import SecretMissing
estate, found = load_estate(), {}
for name in estate.stores:
    try:
        with estate.connected(name) as connector:
            connector.check()
            found[name] = sorted(shape.location for shape in connector.inspect().datasets)
    except (ConnectorError, SecretMissing) as error:
        found[name] = str(error)
print(json.dumps(found))
"""
Stores = Mapping[str, tuple[str, str | None]]
"""By name: the kind, and the URL that Airflow's environment holds, if it holds one."""


def opened(folder: Path, stores: Stores) -> dict[str, object]:
    """What the DAGs' estate finds in each store: the datasets' locations, or the sentence of the error."""
    folder.mkdir(exist_ok=True)
    (folder / "ardoise.toml").write_text(ESTATE + "".join(STORE.format(name=n, kind=k) for n, (k, _) in stores.items()))
    given = {f"AIRFLOW_CONN_{name.upper()}_READ": url for name, (_, url) in stores.items() if url is not None}
    done = subprocess.run(
        [sys.executable, "-c", PROBE], cwd=ROOT, capture_output=True, text=True, check=True,
        env={
            **given, "AIRFLOW_HOME": str(folder / "airflow"), "ARDOISE_ESTATE": str(folder),
            "PATH": os.environ["PATH"],
        },
    )  # fmt: skip
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def filled(path: Path) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE people (id INTEGER PRIMARY KEY)")
    return path


def test_the_environments_connections_open_the_stores_and_a_missing_one_is_named(
    tmp_path: Path, postgres_database: PostgresDatabase, mail_account: MailAccount
) -> None:
    filled(tmp_path / "shop.sqlite")
    stores: Stores = {
        "crm": ("sql", postgres_database.read.replace("postgresql+psycopg://", "postgresql://")),
        "mail": ("imap", mail_account.url),
        "shop": ("sql", "sqlite:///shop.sqlite"),
        "forgotten": ("sql", None),
    }
    found = opened(tmp_path, stores)
    assert found["crm"] == []
    assert found["mail"] == ["INBOX"]
    assert found["shop"] == ["people"]
    assert "the connection forgotten_read was not given" in str(found["forgotten"])
    assert "Add it to Airflow's Connections." in str(found["forgotten"])


def test_a_connections_path_keeps_its_slashes(tmp_path: Path, calendar_account: CalendarAccount) -> None:
    path = filled(tmp_path / "far away.sqlite")
    calendar_account.server.seed(calendar_account.user, "work", [])
    stores: Stores = {"shop": ("sql", f"sqlite:///{path}"), "dates": ("caldav", calendar_account.read_url)}
    found = opened(tmp_path / "estate", stores)
    assert found["shop"] == ["people"]
    assert found["dates"] == ["work"]


@pytest.mark.slow
def test_the_scan_dag_reads_through_a_connection_that_airflow_holds(tmp_path: Path) -> None:
    estate = SmallEstate.write(tmp_path / "small", dt.datetime.now(ZONE).date())
    toml = (estate.path / "ardoise.toml").read_text()
    (estate.path / "ardoise.toml").write_text(
        toml.replace('read = "sqlite:///../crm.sqlite"', 'read = "airflow:crm_read"')
    )
    command = [sys.executable, "-m", "dags.in_process", "scan", "--home", str(tmp_path / "home")]
    environment = {"ARDOISE_ESTATE": str(estate.path), "PATH": os.environ["PATH"]}
    refused = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "the connection crm_read was not given" in refused.stderr
    held = environment | {"AIRFLOW_CONN_CRM_READ": "sqlite:///../crm.sqlite"}
    done = subprocess.run(command, env=held, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert (estate.path / "proposals" / "crm.yaml").exists()
