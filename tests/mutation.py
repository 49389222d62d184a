"""Mutation testing of the reference: no change of `decide` or of the periods goes unnoticed, or it is explained.

`make mutation` runs it. mutmut works on a copy, in which Hypothesis draws the same examples each time. What its mutants
survive must stand in `tests/retention_rules/mutation.md`, with the reason why it changes nothing; nothing else may.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXPLAINED = ROOT / "tests" / "retention_rules" / "mutation.md"
MUTATED = ("decide", "periods")
TESTS = ("decide", "periods", "golden")
SETTINGS = f"""
[tool.pytest.ini_options]
addopts = ["--import-mode=importlib", "-p", "no:cacheprovider"]
pythonpath = ["."]
[tool.mutmut]
source_paths = ["retention_rules"]
only_mutate = {[f"retention_rules/{name}.py" for name in MUTATED]}
pytest_add_cli_args_test_selection = {[f"tests/retention_rules/test_{name}.py" for name in TESTS]}
"""
PROFILE = """
from hypothesis import HealthCheck, settings

# The suite runs many times in one process.
settings.register_profile(
    "mutation", derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
settings.load_profile("mutation")
"""
SURVIVED, NO_TESTS = 0, 33
"""Exit codes of mutmut's workers for a mutant; none at all is a mutant that was not run."""


def main() -> int:
    """Run every mutant; 1 when one survives unexplained, or an explanation explains nothing."""
    with tempfile.TemporaryDirectory(prefix="ardoise-mutation-") as name:
        folder = Path(name)
        for place in ("retention_rules", "tests/retention_rules"):
            shutil.copytree(ROOT / place, folder / place, ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "pyproject.toml").write_text(SETTINGS)
        (folder / "tests" / "conftest.py").write_text(PROFILE)
        subprocess.run([sys.executable, "-m", "mutmut", "run", "--max-children", "2"], cwd=folder, check=True)
        outcomes: dict[str, int | None] = {}
        for module in MUTATED:
            kept = folder / "mutants" / "retention_rules" / f"{module}.py.meta"
            outcomes |= json.loads(kept.read_text())["exit_code_by_key"]
        survivors = {
            mutant: _change(folder, mutant)
            for mutant, code in outcomes.items()
            if code is None or code in {SURVIVED, NO_TESTS}
        }
    blocks = set(re.findall(r"```diff\n(.*?)\n```", EXPLAINED.read_text(encoding="utf-8"), re.DOTALL))
    unexplained = {mutant: change for mutant, change in survivors.items() if change not in blocks}
    idle = blocks - set(survivors.values())
    lines = [f"survived, unexplained: {mutant}\n{change}" for mutant, change in unexplained.items()]
    lines += [f"explained, and does not survive:\n{change}" for change in sorted(idle)]
    lines.append(f"{len(outcomes)} mutants, {len(survivors)} survivors, {len(unexplained)} of them unexplained")
    sys.stdout.write("\n\n".join(lines) + "\n")
    return 1 if unexplained or idle else 0


def _change(folder: Path, mutant: str) -> str:
    """The lines that a mutant takes away and puts in their place, as a diff shows them."""
    shown = subprocess.run(
        [sys.executable, "-m", "mutmut", "show", mutant], cwd=folder, check=True, capture_output=True, text=True
    )
    lines = [line for line in shown.stdout.splitlines() if re.match(r"[-+](?![-+]{2})", line)]
    return "\n".join(f"{line[0]} {line[1:].strip()}" for line in lines)


if __name__ == "__main__":
    raise SystemExit(main())
