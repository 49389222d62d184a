"""The real DAGs by `dag.test()`, as the demonstration runs them: no scheduler, nobody to ask."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from small_estate import CANARY, ZONE, SmallEstate

from pipelines.progress import CHANNEL

ROOT = Path(__file__).resolve().parents[2]
AGE = dt.timedelta(days=3)


@pytest.fixture
def lone_estate(tmp_path: Path) -> SmallEstate:
    return SmallEstate.write(tmp_path / "small", dt.datetime.now(ZONE).date())


def run(
    estate: SmallEstate, *dags: str, home: Path, as_of: dt.date | None = None, **options: Any
) -> tuple[subprocess.CompletedProcess[str], list[dict[str, object]]]:
    """Run DAGs in a process of their own; how it ended, and the progress that it told."""
    command = [sys.executable, "-m", "dags.in_process", *dags, "--home", str(home)]
    told = home.with_suffix(".progress")
    with told.open("wb") as channel:
        ended = subprocess.run(
            [*command, *(["--as-of", as_of.isoformat()] if as_of else [])],
            env={"ARDOISE_ESTATE": str(estate.path), CHANNEL: str(channel.fileno()), "PATH": os.environ["PATH"]},
            pass_fds=[channel.fileno()], cwd=ROOT, capture_output=True, text=True, check=False, **options,
        )  # fmt: skip
    return ended, [json.loads(line) for line in told.read_text().splitlines()]


@pytest.mark.slow
def test_both_dags_run_in_one_process_under_a_standing_approval(lone_estate: SmallEstate, tmp_path: Path) -> None:
    lone_estate.grant()
    day = lone_estate.today - AGE
    ended, told = run(lone_estate, "scan", "retention", home=tmp_path / "home", as_of=day)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert lone_estate.gone() == lone_estate.reference(day) != set()
    assert {"scan crm", "plan", "apply shop", "verify"} <= {line["stage"] for line in told}
    kept = [each for each in (tmp_path / "home").rglob("*") if each.is_file()]
    assert {"run.log", "airflow.db"} <= {each.name for each in kept}
    assert not [each.name for each in kept if CANARY.encode() in each.read_bytes().lower()]


@pytest.mark.slow
def test_without_an_approval_it_ends_with_the_sentence_that_says_what_is_missing(
    lone_estate: SmallEstate, tmp_path: Path
) -> None:
    before = lone_estate.dump()
    ended, _ = run(lone_estate, "retention", home=tmp_path / "home")
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert "no approval in the ledger allows it" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert lone_estate.dump() == before


@pytest.mark.slow
def test_on_standby_nothing_is_run_until_it_is_told_to(lone_estate: SmallEstate, tmp_path: Path) -> None:
    lone_estate.grant()
    before = lone_estate.dump()
    day = lone_estate.today - AGE
    ended, told = run(
        lone_estate, "scan", "retention", "--standby", home=tmp_path / "never", as_of=day, stdin=subprocess.DEVNULL
    )
    assert (ended.returncode, told) == (1, [])
    assert "standard input has ended" in ended.stderr
    assert lone_estate.dump() == before
    ended, _ = run(lone_estate, "scan", "retention", "--standby", home=tmp_path / "home", as_of=day, input="run\n")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert lone_estate.gone() == lone_estate.reference(day) != set()
