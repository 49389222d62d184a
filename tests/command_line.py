"""`ardoise` as a person runs it: a process of its own, its output, its exit code."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import shlex
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ENTRY = (sys.executable, "-c", "from pipelines.cli import main; main()")
ROOT = Path(__file__).parent.parent
ERASED = ("ARDOISE_ESTATE", "ARDOISE_DEBUG", "NO_COLOR", "FORCE_COLOR", "TERM", "COLUMNS")


@dataclass(frozen=True)
class Ran:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def words(self) -> str:
        """Standard output and error with every run of spaces as one: tables and wrapped lines read as sentences."""
        return " ".join(f"{self.out} {self.err}".split())


def environment(**more: str) -> dict[str, str]:
    """That of the tests, without what would change how the command speaks."""
    kept = {name: value for name, value in os.environ.items() if name not in ERASED}
    return {**kept, "PYTHONPATH": str(ROOT), "COLUMNS": "80", **more}


def ardoise(
    *words: str, cwd: Path, expect: int | None = 0, variables: Mapping[str, str] | None = None, within: float = 240
) -> Ran:
    """Run a command in a folder, and hold its exit code against the one that is expected (None: any).

    ``within`` gives it so many seconds.
    """
    done = subprocess.run(
        [*ENTRY, *words], cwd=cwd, env=environment(**(variables or {})), capture_output=True, text=True, check=False,
        timeout=within,
    )  # fmt: skip
    ran = Ran(done.returncode, done.stdout, done.stderr)
    assert expect is None or ran.code == expect, (words, ran.code, ran.out, ran.err)
    assert "Traceback" not in ran.err, ran.err
    return ran


def typed(line: str, cwd: Path, expect: int | None = 0) -> Ran:
    """Run a line of the documentation: `ardoise …`."""
    program, *words = shlex.split(line)
    assert program == "ardoise", line
    return ardoise(*words, cwd=cwd, expect=expect)


def inside(*words: str, cwd: Path, expect: int | None = 0) -> Ran:
    """Run a command in this process, for tests of many commands: the same entry, without its start-up time."""
    from pipelines.cli import main

    out, err = io.StringIO(), io.StringIO()
    with contextlib.ExitStack() as stack:
        stack.enter_context(_restored(sys, "argv", ["ardoise", *words]))
        for holder, name in ((sys, "unraisablehook"), (threading, "excepthook")):
            stack.enter_context(_restored(holder, name, getattr(holder, name)))
        stack.enter_context(_surrounded(environment()))
        stack.enter_context(contextlib.chdir(cwd))
        stack.enter_context(warnings.catch_warnings())
        stack.enter_context(contextlib.redirect_stdout(out))
        stack.enter_context(contextlib.redirect_stderr(err))
        code: object = 0
        try:
            main()
        except SystemExit as leaving:
            code = leaving.code or 0
    ran = Ran(int(str(code)), out.getvalue(), err.getvalue())
    assert expect is None or ran.code == expect, (words, ran.code, ran.out, ran.err)
    return ran


def unseen(words: Sequence[str], answers: Sequence[str], cwd: Path, expect: int = 0) -> str:
    """Run a command that asks, type the answers, and return all that the terminal showed."""
    leader, follower = pty.openpty()
    running = subprocess.Popen(
        [*ENTRY, *words], cwd=cwd, env=environment(), stdin=follower, stdout=follower, stderr=follower,
        start_new_session=True,
    )  # fmt: skip
    os.close(follower)
    shown, asked = b"", list(answers)
    while chunk := _read(leader):
        shown += chunk
        if asked and shown.endswith(b": "):
            os.write(leader, f"{asked.pop(0)}\n".encode())
            shown += b"<typed>"
    os.close(leader)
    said = shown.decode()
    assert running.wait(timeout=60) == expect, said
    return said


def _read(leader: int) -> bytes:
    try:
        return os.read(leader, 1000)
    except OSError:  # the other side is closed
        return b""


@contextlib.contextmanager
def _restored(holder: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(holder, name)
    setattr(holder, name, value)
    try:
        yield
    finally:
        setattr(holder, name, before)


@contextlib.contextmanager
def _surrounded(variables: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
