"""A server that runs as a foreground child on a port of its own, so that SIGKILL and restart are what they seem."""

from __future__ import annotations

import abc
import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from pipelines.demo.servers.postgres import ServerFailed

READY_WITHIN = 60.0
"""Seconds until a server that has not answered counts as failed."""

HOST = "127.0.0.1"

_LAUNCH = Path(__file__).with_name("launch.py")
_PORTS = range(20_000, 32_000)  # below the ephemeral range: a probe of a closed ephemeral port can connect to itself
_TRIES = 8


def free_port() -> int:
    """A port of the loopback interface, below 32768, that nothing listens on just now.

    Raises:
        ServerFailed: none was found.
    """
    for _ in range(200):
        port = secrets.choice(_PORTS)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind((HOST, port))
            return port
    raise ServerFailed("no free port between 20000 and 32000")


class ChildServer(abc.ABC):
    """A server whose files live in ``folder``; the same folder finds a running one again, from any process.

    The port is chosen at the first start and kept. The server ends with the thread that started it unless
    ``detached``.
    """

    def __init__(self, folder: Path, *, detached: bool = False) -> None:
        self.folder = folder.resolve()
        self.detached = detached
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        """The port that the server listens on, or will.

        Raises:
            ServerFailed: it was never started.
        """
        state = self._state()
        if "port" not in state:
            raise ServerFailed(f"{type(self).__name__} was never started; start it first")
        return state["port"]

    @property
    def log(self) -> Path:
        """What the server printed."""
        return self.folder / "server.log"

    @property
    def running(self) -> bool:
        """Whether the server answers in its protocol."""
        state = self._state()
        return "port" in state and self._alive() and self._answers()

    def start(self) -> Self:
        """Start, and return once the server answers. One that already runs is left as it is.

        Raises:
            ServerFailed: it did not answer within `READY_WITHIN` seconds.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.running:
            return self
        self._prepare()
        deadline = time.monotonic() + READY_WITHIN
        for _ in range(_TRIES):
            self._spawn(self._state().get("port") or free_port())
            if self._becomes_ready(deadline):
                return self
            if time.monotonic() > deadline:
                break
            (self.folder / "server.json").unlink(missing_ok=True)  # the port was taken between choice and use
        self.kill()
        raise ServerFailed(f"{type(self).__name__} did not answer within {READY_WITHIN:.0f} s: {self._log_tail()}")

    def stop(self) -> None:
        """Shut down in order. Does nothing when it does not run."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would (SIGKILL)."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop and start again, on the same port."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @abc.abstractmethod
    def _prepare(self) -> None:
        """Write what the server reads at its start; clear what a killed one left behind."""

    @abc.abstractmethod
    def _command(self, port: int) -> Sequence[str]:
        """The program and its arguments."""

    @abc.abstractmethod
    def _answers(self) -> bool:
        """Whether a request of the protocol, with credentials, is answered."""

    # -- starting and ending

    def _spawn(self, port: int) -> None:
        bound = [str(each) for each in (-1, -1, int(not self.detached), 0, os.getpid())]
        scratch = self.folder / "scratch"
        scratch.mkdir(exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-I", str(_LAUNCH), *bound, *self._command(port)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                # scratch files are renamed into place, which needs one file system
                env={"PATH": os.environ.get("PATH", os.defpath), "TZ": "UTC", "TMPDIR": str(scratch), "FQDN": HOST},
                start_new_session=True,  # Ctrl-C is for the client, which then stops the server in order
            )
        state = {"port": port, "process": self._process.pid}
        (self.folder / "server.json").write_text(json.dumps(state))

    def _becomes_ready(self, deadline: float) -> bool:
        assert self._process is not None  # noqa: S101 - for the type checker
        while time.monotonic() < deadline:
            if self._answers():
                return self._process.poll() is None  # else another server answered on a port that ours did not get
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.05)
                return False
        return False

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            if process.poll() is None:
                process.send_signal(how)
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait(10)
            return
        if not self.running:  # nothing runs, or the process number belongs to somebody else by now
            return
        number = self._state()["process"]
        os.kill(number, how)
        deadline = time.monotonic() + 10
        while self._alive():
            if time.monotonic() > deadline:
                os.kill(number, signal.SIGKILL)
            time.sleep(0.02)

    def _alive(self) -> bool:
        if self._process is not None:
            return self._process.poll() is None
        try:
            os.kill(self._state()["process"], 0)
        except (KeyError, ProcessLookupError, PermissionError):
            return False
        return True

    def _state(self) -> dict[str, int]:
        try:
            found: dict[str, int] = json.loads((self.folder / "server.json").read_text())
        except (OSError, ValueError):
            return {}
        return found

    def _log_tail(self) -> str:
        return self.log.read_text(errors="replace")[-400:].strip() if self.log.exists() else "no log"
