"""Airflow's scheduler, API server and UI over an estate: `python -m dags.standalone`, with `--estate FOLDER` your own.

For one machine and for trying out: a SQLite metadata database, Airflow's simple users, everything on the loopback
interface. Without an estate it starts the demonstration's stores in `./demo` and serves theirs. Production deployments
bring their own Airflow, point its DAG folder here and set ARDOISE_ESTATE.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

DAGS = Path(__file__).resolve().parent
USERS = {"admin": "admin", "dpo": "user", "guest": "viewer"}
"""Users of the UI and their roles; each one's password is its name, on loopback only."""

PORT = 8080
PATIENCE = 180.0
"""Seconds until Airflow must be healthy."""


class AirflowFailed(RuntimeError):
    """Airflow did not come up."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m dags.standalone", description=__doc__)
    parser.add_argument("--estate", type=Path, help="folder of ardoise.toml; the demonstration's by default")
    parser.add_argument("--demo", type=Path, default=Path("demo"), help="folder of the demonstration's stores")
    parser.add_argument("--home", type=Path, default=Path("airflow_home"), help="folder of Airflow's own database")
    parser.add_argument("--port", type=int, default=PORT, help=f"port of the UI; {PORT} by default")
    asked = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stop the children as Ctrl-C does
    try:
        with contextlib.ExitStack() as stack:
            estate = (asked.estate or stack.enter_context(_demo(asked.demo))).resolve()
            process = serve(asked.home.resolve(), estate, asked.port)
            stack.callback(stop, process)
            _say(f"Starting Airflow over {estate} …")
            await_healthy(process, asked.port)
            _say(f"Airflow is at http://127.0.0.1:{asked.port} - log in as admin/admin, dpo/dpo or guest/guest.")
            _say("DAGs `scan` and `retention` are on. A run that nobody attends ends red without a standing approval.")
            _say("Ctrl-C stops everything.")
            return process.wait()
    except KeyboardInterrupt:
        _say("Stopped.")
        return 0
    except AirflowFailed as error:
        print(f"Error: {error}", file=sys.stderr)  # noqa: T201 - a command line
        return 1


@contextlib.contextmanager
def _demo(folder: Path) -> Iterator[Path]:
    """The estate of the demonstration, while its stores run."""
    from pipelines.demo.stores import DemoStores

    stores = DemoStores(folder)
    _say(f"Starting the demonstration's stores in {stores.folder} …")
    with stores:
        yield stores.estate


def environment(home: Path, estate: Path, port: int) -> dict[str, str]:
    """The variables under which Airflow serves these DAGs over an estate, from a home folder of its own."""
    passwords = home / "passwords.json"
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    passwords.write_text(json.dumps({name: name for name in USERS}), encoding="utf-8")
    passwords.chmod(0o600)
    commands = Path(sys.executable).parent  # standalone starts its parts by name
    return os.environ | {
        "PATH": f"{commands}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:{role}" for name, role in USERS.items()),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__SCHEDULER__ENABLE_TRACEMALLOC": "False",
        "ARDOISE_ESTATE": str(estate),
    }


def serve(home: Path, estate: Path, port: int) -> subprocess.Popen[bytes]:
    """Start Airflow in a process group of its own; stop it with `stop`, since its children outlive a bare SIGTERM."""
    variables = environment(home, estate, port)
    with (home / "standalone.log").open("ab") as log:
        return subprocess.Popen(
            [Path(sys.executable).with_name("airflow"), "standalone"],
            env=variables,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def await_healthy(process: subprocess.Popen[bytes], port: int, patience: float = PATIENCE) -> None:
    """Return once the API server, the scheduler and the DAG processor all answer.

    Raises:
        AirflowFailed: it ended, or took longer than ``patience`` seconds.
    """
    deadline = time.monotonic() + patience
    while not _healthy(port):
        if process.poll() is not None:
            raise AirflowFailed(f"Airflow ended with code {process.returncode}; standalone.log in its home says why")
        if time.monotonic() > deadline:
            raise AirflowFailed(f"Airflow was not healthy after {patience:.0f} s; standalone.log in its home says why")
        time.sleep(0.5)


def _healthy(port: int) -> bool:
    address = f"http://127.0.0.1:{port}/api/v2/monitor/health"
    with contextlib.suppress(OSError, ValueError), urllib.request.urlopen(address, timeout=5) as answer:
        parts = json.load(answer)
        return all(parts[name]["status"] == "healthy" for name in ("metadatabase", "scheduler", "dag_processor"))
    return False


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


def _say(sentence: str) -> None:
    print(sentence, flush=True)  # noqa: T201 - a command line


if __name__ == "__main__":
    sys.exit(main())
