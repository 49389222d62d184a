"""What a command imports when it runs can be imported first: in a test others have done so before."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
OURS = ("connectors", "dags", "expectations", "pipelines", "retention_rules")

FORKED = """
import importlib, os, sys, warnings
ours, modules = sys.argv[1].split(), sys.argv[2:]
for name in modules:  # what others have made is loaded once
    importlib.import_module(name)
for name in modules:
    if not os.fork():
        for own in [each for each in sys.modules if each.partition(".")[0] in ours]:
            del sys.modules[own]
        with warnings.catch_warnings(action="ignore"):  # functions are registered once more
            try:
                importlib.import_module(name)
            except Exception as error:
                print(f"{name}: {type(error).__name__} {error}", flush=True)
        os._exit(0)
    os.wait()
"""


def imported_late(path: Path) -> Iterator[str]:
    """The modules of ours that functions of a file import."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    for each in (inner for node in functions for inner in ast.walk(node)):
        if isinstance(each, ast.ImportFrom) and each.module and each.module.partition(".")[0] in OURS:
            yield each.module


@pytest.mark.slow
def test_every_command_can_be_the_first_to_import_what_it_needs() -> None:
    files = (path for place in ("pipelines/cli", "dags") for path in (ROOT / place).rglob("*.py"))
    modules = sorted({module for path in files for module in imported_late(path)})
    assert "pipelines.statistics.ledger" in modules
    command = [sys.executable, "-c", FORKED, " ".join(OURS), *modules]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
