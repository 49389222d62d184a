"""A real Airflow (`standalone`: scheduler, DAG processor, API server) over an estate, and its API as tests use it."""

from __future__ import annotations

import datetime as dt
import json
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from dags.standalone import await_healthy, serve, stop

Found = TypeVar("Found")
PAUSE = 0.5
RUN_PATIENCE = 300.0
BACKFILL_PATIENCE = 900.0
ENDED = frozenset({"success", "failed"})
NOTICED = (
    "Received executor event with state success for task instance "
    "TaskInstanceKey(dag_id='retention', task_id='approve', run_id='{}'"
)
"""What the scheduler logs when it notices that the worker which asked has ended. Until then it takes an answer for a
worker that was lost, and fails the task."""

BUSY = 503  # a locked SQLite database


class AirflowServer:
    """Airflow over ``estate``, with its own home; started on entry, stopped with every child on exit."""

    def __init__(self, home: Path, estate: Path, port: int | None = None) -> None:
        self.home = home
        self.estate = estate
        self.port = port or free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._clients: dict[str, httpx.Client] = {}

    @property
    def url(self) -> str:
        """Where the UI is."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._process = serve(self.home, self.estate, self.port)
        try:
            await_healthy(self._process, self.port)
            self.wait_for(lambda: {"scan", "retention"} <= self._dags() or None, "the DAGs are parsed")
        except BaseException:
            stop(self._process)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for client in self._clients.values():
            client.close()
        if self._process is not None:
            stop(self._process)

    # -- the API

    def token(self, user: str = "admin") -> str:
        """A JWT for a user, whose password is the name."""
        answer = httpx.post(f"{self.url}/auth/token", json={"username": user, "password": user}, timeout=30)
        answer.raise_for_status()
        return str(answer.json()["access_token"])

    def call(self, method: str, path: str, *, user: str = "admin", body: Any = None, **query: Any) -> Any:
        """Call the API as a user, again while the metadata database is locked; the answer's JSON."""
        client = self._client(user)
        for _ in range(20):
            answer = client.request(method, f"/api/v2/{path}", json=body, params=query or None)
            if answer.status_code != BUSY:
                break
            time.sleep(PAUSE)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer.json() if answer.content else None

    def _client(self, user: str) -> httpx.Client:
        if user not in self._clients:
            headers = {"Authorization": f"Bearer {self.token(user)}"}
            self._clients[user] = httpx.Client(base_url=self.url, headers=headers, timeout=60)
        return self._clients[user]

    def _dags(self) -> set[str]:
        return {each["dag_id"] for each in self.call("GET", "dags")["dags"]}

    # -- runs

    def trigger(
        self,
        dag_id: str = "retention",
        *,
        user: str = "admin",
        logical_date: dt.datetime | None = None,
        conf: Mapping[str, str] | None = None,
    ) -> str:
        """Start a run by hand; its id."""
        body = {"logical_date": logical_date and logical_date.isoformat(), "conf": dict(conf or {})}
        return str(self.call("POST", f"dags/{dag_id}/dagRuns", user=user, body=body)["dag_run_id"])

    def backfill(
        self, first: dt.datetime, last: dt.datetime, *, reprocess: str = "none", at_once: int = 1, user: str = "admin"
    ) -> int:
        """Start a backfill of the retention runs between two instants; its id."""
        body = {
            "dag_id": "retention", "from_date": first.isoformat(), "to_date": last.isoformat(),
            "max_active_runs": at_once, "reprocess_behavior": reprocess,
        }  # fmt: skip
        return int(self.call("POST", "backfills", user=user, body=body)["id"])

    def backfilled(self, number: int) -> None:
        """Wait until a backfill is complete."""
        self.wait_for(
            lambda: self.call("GET", f"backfills/{number}")["completed_at"], f"backfill {number}", BACKFILL_PATIENCE
        )

    def runs(self, dag_id: str = "retention", run_type: str | None = None) -> list[dict[str, Any]]:
        """The runs of a DAG, the oldest first."""
        found = self.call("GET", f"dags/{dag_id}/dagRuns", limit=100, order_by="run_after")["dag_runs"]
        return [each for each in found if run_type in {None, each["run_type"]}]

    def scheduled(self, dag_id: str = "retention") -> str:
        """The run of a DAG that its schedule started."""
        runs = self.wait_for(lambda: self.runs(dag_id, "scheduled") or None, f"the scheduled run of {dag_id}")
        return str(runs[0]["dag_run_id"])

    def run(self, run_id: str, dag_id: str = "retention") -> dict[str, Any]:
        """One run."""
        found: dict[str, Any] = self.call("GET", f"dags/{dag_id}/dagRuns/{run_id}")
        return found

    def ended(self, run_id: str, dag_id: str = "retention") -> str:
        """Wait until a run has ended; its state."""
        return self.wait_for(
            lambda: state if (state := self.run(run_id, dag_id)["state"]) in ENDED else None, f"{run_id} to end"
        )

    def tasks(self, run_id: str, dag_id: str = "retention") -> dict[str, str | None]:
        """The states of a run's tasks; mapped ones are named with their index."""
        return {
            each["task_id"] + (f"[{each['map_index']}]" if each["map_index"] >= 0 else ""): each["state"]
            for each in self.call("GET", f"dags/{dag_id}/dagRuns/{run_id}/taskInstances", limit=100)["task_instances"]
        }

    def parked(self, run_id: str) -> None:
        """Wait until a run asks for an approval.

        Raises:
            AssertionError: it ended without.
        """

        def asks() -> bool | None:
            state = self.tasks(run_id).get("approve")
            assert state not in {"failed", "upstream_failed", "success"}, f"{run_id} did not ask: {self.why(run_id)}"
            if state != "awaiting_input":
                return None
            log = (self.home / "standalone.log").read_text(encoding="utf-8", errors="replace")
            return NOTICED.format(run_id) in log or None

        self.wait_for(asks, f"{run_id} to ask")

    def answer(self, run_id: str, choice: str, user: str = "dpo") -> None:
        """Answer a run's question for approval, as the UI does."""
        path = f"dags/retention/dagRuns/{run_id}/taskInstances/approve/-1/hitlDetails"
        self.call("PATCH", path, user=user, body={"chosen_options": [choice]})

    def question(self, run_id: str) -> dict[str, Any]:
        """What the run asks a person."""
        path = f"dags/retention/dagRuns/{run_id}/taskInstances/approve/-1/hitlDetails"
        found: dict[str, Any] = self.call("GET", path)
        return found

    def mark(self, run_id: str, task: str, state: str) -> None:
        """Set a task's state by hand."""
        self.call("PATCH", f"dags/retention/dagRuns/{run_id}/taskInstances/{task}", body={"new_state": state})

    def clear(self, run_id: str) -> None:
        """Clear every task of a run: it runs again."""
        self.call("POST", f"dags/retention/dagRuns/{run_id}/clear", body={"dry_run": False})

    def xcom(self, run_id: str, task: str, dag_id: str = "retention", map_index: int = -1) -> Any:
        """What a task returned."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task}/xcomEntries/return_value"
        return self.call("GET", path, map_index=map_index, deserialize=True)["value"]

    def said(self, run_id: str, task: str, dag_id: str = "retention") -> str:
        """What the last attempt of a task logged, its errors with their causes."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task}"
        attempt = self.call("GET", path)["try_number"]
        return json.dumps(self.call("GET", f"{path}/logs/{attempt}", full_content=True), ensure_ascii=False)

    def why(self, run_id: str, dag_id: str = "retention") -> str:
        """The sentences with which a run's tasks ended red, or its tasks' states where none said anything."""
        said = [
            f"{log.parent.name}: {json.loads(line)['event']}"
            for log in sorted((self.home / "logs").glob(f"dag_id={dag_id}/run_id={run_id}/**/attempt=*.log"))
            for line in log.read_text(encoding="utf-8").splitlines()
            if '"ardoise.ending"' in line
        ]
        return "\n".join(said) or str(self.tasks(run_id, dag_id))

    def succeeds(self, run_id: str, dag_id: str = "retention") -> None:
        """Wait until a run has ended.

        Raises:
            AssertionError: it ended red; with its reasons.
        """
        assert self.ended(run_id, dag_id) == "success", self.why(run_id, dag_id)

    def wait_for(self, look: Callable[[], Found | None], what: str, patience: float = RUN_PATIENCE) -> Found:
        """Look again and again until there is something to see.

        Raises:
            AssertionError: there was nothing within ``patience`` seconds.
        """
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            found = look()
            if found is not None:
                return found
            time.sleep(PAUSE)
        raise AssertionError(f"waited {patience:.0f} s for {what}")


def free_port() -> int:
    """A port below the ephemeral ones that nothing listens on: a probe of an ephemeral one can connect to itself."""
    for port in range(28080, 28180):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise AssertionError("no port is free")
