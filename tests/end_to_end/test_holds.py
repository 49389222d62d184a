"""A legal hold from the command line to the stores: what it covers stays, until two persons have released it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command_line import Ran, inside, unseen
from estates import SmallEstate, address, small_estate

pytestmark = pytest.mark.slow


@pytest.fixture
def small(tmp_path: Path) -> SmallEstate:
    return small_estate(tmp_path / "estate")


def plan(small: SmallEstate) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(inside("plan", "--json", cwd=small.folder).out)
    return found


def carried_out(small: SmallEstate) -> Ran:
    """Plan, approve and apply."""
    digest = str(plan(small)["digest"])
    inside("approve", digest, "--by", "dpo", cwd=small.folder)
    return inside("apply", digest, "--by", "robot", cwd=small.folder)


def held(small: SmallEstate, dataset: str = "contacts") -> dict[str, int]:
    return {each["category"]: each["held"] for each in plan(small)["tallies"] if each["dataset"] == dataset}


def names(small: SmallEstate) -> list[str]:
    return [row["last_name"] for row in small.rows("crm", "contacts")]


@pytest.mark.slow
def test_a_held_person_stays_and_goes_with_the_next_run_after_the_release(small: SmallEstate) -> None:
    words = ["hold", "open", "CASE-1", "--subject", "--since", "2026-01-01", "--by", "legal"]
    unseen(words, [address(1)], small.folder)
    carried_out(small)
    assert "Lastname1" in names(small)
    assert "Lastname3" not in names(small)
    assert held(small)["user.name.last"] == 1

    inside("hold", "release", "CASE-1", "--by", "legal", cwd=small.folder)
    assert carried_out(small).code == 0
    assert "Lastname1" in names(small)

    inside("hold", "release", "CASE-1", "--by", "dpo", cwd=small.folder)
    step = next(each for each in plan(small)["steps"] if each["dataset"] == "contacts")
    released = inside("hold", "list", "--case", "CASE-1", cwd=small.folder).words
    assert step["first_due"] in released, "due from the day of the release, not from 2022"
    carried_out(small)
    assert "Lastname1" not in names(small)


def test_a_persons_address_is_neither_shown_nor_kept_when_a_hold_is_opened(small: SmallEstate) -> None:
    secret = "zephyrine.quatremere@elsewhere.example"

    shown = unseen(["hold", "open", "CASE-1", "--subject", "--by", "legal"], [secret], small.folder)

    assert "Hold 1 opened for case CASE-1" in shown
    assert "zephyrine" not in shown
    files = [path for path in small.folder.rglob("*") if path.is_file()]
    assert any(path.name == "engine.sqlite" for path in files)
    assert [path for path in files if b"zephyrine" in path.read_bytes().lower()] == []


def test_one_record_is_held_by_its_key(small: SmallEstate) -> None:
    words = ["hold", "open", "CASE-2", "--store", "crm", "--dataset", "contacts", "--record", "--by", "legal"]
    unseen(words, ["3"], small.folder)

    assert held(small)["user.name.last"] == 1
    carried_out(small)

    assert "Lastname3" in names(small)
    assert "Lastname1" not in names(small)


def test_who_asks_for_a_release_cannot_confirm_it(small: SmallEstate) -> None:
    inside("hold", "open", "CASE-1", "--store", "crm", "--by", "legal", cwd=small.folder)
    asked = inside("hold", "release", "CASE-1", "--by", "legal", cwd=small.folder)
    again = inside("hold", "release", "CASE-1", "--by", "legal", cwd=small.folder, expect=4)

    assert "still keeps" in asked.words
    assert "another person confirms" in asked.words
    assert "may not confirm it. Ask a second person" in again.words
    assert "asked by legal" in inside("hold", "list", cwd=small.folder).words


@pytest.mark.parametrize(
    ("scope", "said"),
    [
        (["--store", "crn"], "there is no store 'crn'. Did you mean `crm`?"),
        (["--dataset", "contact"], "there is no dataset 'contact'. Did you mean `contacts`?"),
        (["--category", "user.nane"], "no dataset has the category 'user.nane'"),
        (["--record"], "Give --store and --dataset too"),
    ],
)
def test_a_hold_that_would_keep_nothing_is_a_mistake(small: SmallEstate, scope: list[str], said: str) -> None:
    refused = inside("hold", "open", "CASE-1", *scope, "--by", "legal", cwd=small.folder, expect=2)

    assert said in refused.words
    assert "CASE-1" not in inside("hold", "list", cwd=small.folder).out


def test_a_category_that_is_never_held_cannot_be(small: SmallEstate) -> None:
    policy = small.folder / "policies" / "small.yaml"
    policy.write_text(policy.read_text().replace("\nevents:", "\nnever_held: [technical]\nevents:"))

    refused = inside("hold", "open", "CASE-1", "--category", "technical.ip", cwd=small.folder, expect=2)

    assert "no hold may keep 'technical.ip'" in refused.words
    inside("hold", "open", "CASE-1", "--by", "legal", cwd=small.folder)
    assert held(small, "web_logs") == {"technical.ip": 0, "technical.url": 0}
    assert held(small)["user.name.last"] > 0
