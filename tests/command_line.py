"""`ardoise` as a person runs it: a process of its own, its output, its exit code."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

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


def ardoise(*words: str, cwd: Path, expect: int | None = 0, variables: Mapping[str, str] | None = None) -> Ran:
    """Run a command in a folder, and hold its exit code against the one that is expected (None: any)."""
    done = subprocess.run(
        [*ENTRY, *words], cwd=cwd, env=environment(**(variables or {})), capture_output=True, text=True, check=False,
        timeout=240,
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
