"""Airflow's scheduler, API server and UI over an estate: `python -m dags.standalone --estate FOLDER`.

For one machine and for trying out: a SQLite metadata database, Airflow's simple users, everything on the loopback
interface. Production deployments bring their own Airflow, point its DAG folder here and set ARDOISE_ESTATE.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

DAGS = Path(__file__).resolve().parent
USERS = {"admin": "admin", "dpo": "user", "guest": "viewer"}
"""Users of the demonstration's UI and their roles; each one's password is its name, on loopback only."""


def environment(home: Path, estate: Path, port: int) -> dict[str, str]:
    """The variables under which Airflow serves these DAGs over an estate, from a home folder of its own."""
    passwords = home / "passwords.json"
    home.mkdir(parents=True, exist_ok=True)
    passwords.write_text(json.dumps({name: name for name in USERS}), encoding="utf-8")
    passwords.chmod(0o600)
    commands = Path(sys.executable).parent  # standalone starts its parts by name
    return os.environ | {
        "PATH": f"{commands}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:{role}" for name, role in USERS.items()),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__SCHEDULER__ENABLE_TRACEMALLOC": "False",
        "ARDOISE_ESTATE": str(estate),
    }


def serve(home: Path, estate: Path, port: int) -> subprocess.Popen[bytes]:
    """Start Airflow in a process group of its own; stop it with `stop`, since its children outlive a bare SIGTERM."""
    log = (home / "standalone.log").open("ab") if home.exists() else subprocess.DEVNULL
    return subprocess.Popen(
        [Path(sys.executable).with_name("airflow"), "standalone"],
        env=environment(home, estate, port),
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def stop(process: subprocess.Popen[bytes], patience: float = 20) -> None:
    """End Airflow and every child of it."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
        except ProcessLookupError:
            break
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue
    process.wait()
