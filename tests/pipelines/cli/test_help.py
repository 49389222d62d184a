"""`--help` is instant and complete, and docs/cli.md is what it says.

The reference is written anew with `ARDOISE_UPDATE=1 pytest tests/pipelines/cli/test_help.py`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from command_line import ROOT, environment
from typer.main import get_command

from pipelines.cli.codes import MEANINGS, Exit
from pipelines.cli.main import app

HEAVY = frozenset(
    [
        "airflow",
        "alembic",
        "caldav",
        "connectors",
        "duckdb",
        "expectations",
        "faker",
        "great_expectations",
        "httpx",
        "icalendar",
        "imapclient",
        "jinja2",
        "matplotlib",
        "numpy",
        "pandas",
        "presidio_analyzer",
        "psycopg",
        "pyarrow",
        "pymysql",
        "retention_rules",
        "rfc8785",
        "rich",
        "ruamel",
        "spacy",
        "sqlalchemy",
        "stdnum",
    ]
)
"""Pydantic is not among them: Typer itself reads options with it (25 ms)."""

PAGE = ROOT / "docs" / "cli.md"
PROBE = """
import json, sys
from pipelines.cli import main
sys.argv = ["ardoise", *{words!r}]
try:
    main()
except SystemExit as leaving:
    print(json.dumps([leaving.code, sorted(sys.modules)]), file=sys.stderr)
"""


def commands(group: Any = None, before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command and group with the words that call it."""
    group = group or get_command(app)
    yield before, group
    for name, each in getattr(group, "commands", {}).items():
        yield from commands(each, (*before, name)) if hasattr(each, "commands") else [((*before, name), each)]


ALL = [" ".join(words) for words, _ in commands()]


@pytest.mark.parametrize("words", ["", "plan", "review", "ledger", "hold open", "demo"])
def test_help_loads_nothing_but_the_entry(words: str) -> None:
    code = PROBE.format(words=[*words.split(), "--help"])
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), cwd=ROOT, capture_output=True, text=True, check=True
    )

    status, modules = json.loads(done.stderr)

    assert status in {0, None}
    assert "Usage: ardoise" in done.stdout
    assert {name.partition(".")[0] for name in modules} & HEAVY == set()
    ours = {name for name in modules if name.partition(".")[0] == "pipelines"}
    assert {name for name in ours if not name.startswith("pipelines.cli")} == {"pipelines"}


@pytest.mark.parametrize("words", ALL)
def test_every_command_says_what_it_does_and_what_its_options_mean(words: str) -> None:
    command = dict(commands())[tuple(words.split())]

    assert (command.help or "").strip().endswith(".")
    for option in command.params:
        assert (getattr(option, "help", "") or "").strip(), (words, option.name)


@pytest.mark.parametrize("words", ALL)
def test_help_fits_80_columns(words: str) -> None:
    assert max(map(len, shown(words).splitlines())) <= 80


def test_every_exit_code_has_a_meaning_and_stands_in_the_help() -> None:
    assert set(MEANINGS) == set(Exit)
    told = " ".join(shown("").split())
    assert all(f"{code.value} " in told for code in Exit)


def test_the_reference_is_what_the_commands_say() -> None:
    text = reference()
    if os.environ.get("ARDOISE_UPDATE"):
        PAGE.write_text(text, encoding="utf-8")

    assert PAGE.read_text(encoding="utf-8") == text, "ARDOISE_UPDATE=1 writes it anew"


def shown(words: str) -> str:
    """The help of a command, at 80 columns."""
    names = words.split()
    command: Any = get_command(app)
    context = typer.Context(command, info_name="ardoise", terminal_width=80, max_content_width=80)
    for name in names:
        command = command.commands[name]
        context = typer.Context(command, info_name=name, parent=context, terminal_width=80, max_content_width=80)
    return str(command.get_help(context)).rstrip() + "\n"


INTRODUCTION = (
    "Written by a test from what `ardoise --help` says. Results go to standard output, errors to standard error, each "
    "with what\nhappened, where, and what to do. Progress is shown on a terminal only."
)
VARIABLES = {
    "`ARDOISE_ESTATE`": "the estate's folder, as `--estate`",
    "`ARDOISE_DEBUG`": "where an unexpected error was raised (files and lines, no values), and libraries' warnings",
    "`NO_COLOR`, `COLUMNS`": "no colours; the width of tables",
}


def table(head: str, rows: dict[str, str]) -> str:
    lines = [f"| {head} | Meaning |", "|---|---|", *(f"| {name} | {meaning} |" for name, meaning in rows.items())]
    return "\n".join(lines)


def reference() -> str:
    """The whole page."""
    parts = [
        "# The command line",
        INTRODUCTION,
        table("Exit code", {str(code.value): meaning for code, meaning in MEANINGS.items()}),
        table("Environment", VARIABLES),
    ]
    parts += [f"## {' '.join(('ardoise', *words))}\n\n```text\n{shown(' '.join(words))}```" for words, _ in commands()]
    return "\n\n".join(parts) + "\n"
