"""A person's request from the command line: what it ends, what is kept of it, and what the next plan says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command_line import inside, unseen
from estates import SmallEstate, address, small_estate

pytestmark = pytest.mark.slow


@pytest.fixture
def small(tmp_path: Path) -> SmallEstate:
    made = small_estate(tmp_path / "estate")
    policy = made.folder / "policies" / "small.yaml"
    text = policy.read_text().replace("created: point,", "created: point, objection: point,")
    policy.write_text(text.replace("source: Test, 2\n", "source: Test, 2\n    ended_by: objection\n"))
    made.execute("billing", "UPDATE contracts SET status = 'ended', ended_on = '2026-01-31' WHERE id = 2")
    return made


def due(small: SmallEstate) -> int:
    plan: dict[str, Any] = json.loads(inside("plan", "--json", cwd=small.folder).out)
    return next(each["due"] for each in plan["tallies"] if each["category"] == "user.name.last")


@pytest.mark.slow
def test_an_objection_is_recorded_by_a_digest_counts_in_the_next_plan_and_can_be_retracted(small: SmallEstate) -> None:
    before = due(small)

    said = unseen(["request", "objection", "--on", "2026-02-01", "--by", "support"], [address(2)], small.folder)

    assert "Request 1 recorded, objection from 2026-02-01 on: it ends followup." in " ".join(said.split())
    assert address(2) not in said
    assert due(small) == before + 1
    listed = inside("request", "list", cwd=small.folder).words
    assert "objection" in listed
    assert "support" in listed
    inside("request", "retract", "1", "--by", "dpo", cwd=small.folder)
    assert due(small) == before
    assert "retracted" in inside("request", "list", cwd=small.folder).words
    state = [path for path in (small.folder / ".ardoise").iterdir() if path.name.startswith("engine.sqlite")]
    assert state
    assert [path.name for path in state if address(2).encode() in path.read_bytes()] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["withdrawal"], "no purpose on consent says what ends it"),
        (["objection", "--purpose", "folowup"], "Did you mean `followup`?"),
        (["objection", "--purpose", "logs"], "no purpose 'logs' is ended by such a request"),
        (["objection", "--on", "soon"], "'soon' is no date"),
        (["retract", "9"], "there is no such request"),
    ],
)
def test_a_request_that_would_end_nothing_is_a_mistake(small: SmallEstate, words: list[str], said: str) -> None:
    refused = inside("request", *words, "--by", "support", cwd=small.folder, expect=2)

    assert said in refused.words
