"""docs/simulation.md, command by command, on a small estate; and nothing is written by any of them."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from command_line import Ran, inside
from documentation import blocks
from estates import SmallEstate, small_estate
from fixtures_mariadb import MariaDatabase

pytestmark = pytest.mark.slow

PAGE = "docs/simulation.md"
DIGEST = re.compile(r"[0-9a-f]{12,64}")
"""That of a plan, which is bound to the schema of its stores."""
NAMES = {"julien": "small", "42": "3"}
"""What the page calls otherwise than the estate."""


@pytest.fixture
def estate(tmp_path: Path) -> SmallEstate:
    return with_another_policy(small_estate(tmp_path / "estate"))


def with_another_policy(made: SmallEstate) -> SmallEstate:
    policy = (made.folder / "policies" / "small.yaml").read_text(encoding="utf-8")
    changed = policy.replace("policy: small", "policy: next").replace("for: 1 year", "for: 10 years")
    (made.folder / "policies" / "next.yaml").write_text(changed, encoding="utf-8")
    return made


def typed(estate: SmallEstate, line: str, expect: int | None = 0) -> Ran:
    _, *words = line.split()
    return inside(*(NAMES.get(word, word) for word in words), cwd=estate.folder, expect=expect)


def test_every_command_of_the_page_runs_and_changes_no_store(estate: SmallEstate) -> None:
    before = [dump(path) for path in sorted(estate.folder.glob("*.sqlite"))]
    ran = {line: typed(estate, line) for block in blocks(PAGE, "sh") for line in block.commands}

    assert len(ran) == 9
    assert [dump(path) for path in sorted(estate.folder.glob("*.sqlite"))] == before
    assert not any("Lastname3" in each.out or "person3@" in each.out for each in ran.values())
    assert "overdue" in ran["ardoise simulate --months 24"].out
    assert "<svg" in (estate.folder / "simulation.html").read_text(encoding="utf-8")
    outlooks = json.loads(ran["ardoise simulate --format json"].out)["outlooks"]
    assert {each["dataset"] for each in outlooks} >= {"contacts", "notes", "web_logs", "customers", "contracts"}
    assert "delete keep" in ran["ardoise policy diff julien policies/next.yaml"].words
    assert "followup" in ran["ardoise why crm contacts 42"].out


@pytest.mark.slow
def test_every_command_says_the_same_over_mariadb(
    estate: SmallEstate, tmp_path: Path, mariadb_database: MariaDatabase
) -> None:
    addresses = (mariadb_database.admin, mariadb_database.read, mariadb_database.write)
    other = with_another_policy(small_estate(tmp_path / "other", addresses))
    lines = [line for block in blocks(PAGE, "sh") for line in block.commands]

    said = {line: [DIGEST.sub("", typed(each, line).out) for each in (estate, other)] for line in lines}

    assert {line for line, (ours, theirs) in said.items() if ours != theirs} == set()
    assert all(ours for ours, _ in said.values())


def test_a_plan_for_the_future_is_refused_by_approve_and_by_apply(estate: SmallEstate) -> None:
    digest = json.loads(typed(estate, "ardoise plan --as-of 2031-01-01 --json").out)["digest"]

    for command in ("approve", "apply"):
        refused = typed(estate, f"ardoise {command} {digest[:12]}", expect=4)
        assert "as-of date 2031-01-01 lies in the future" in refused.words


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())
