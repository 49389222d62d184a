"""A first run's backlog, released in approved portions from the command line until nothing is left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command_line import Ran, inside
from estates import SmallEstate, small_estate

pytestmark = pytest.mark.slow


@pytest.fixture
def small(tmp_path: Path) -> SmallEstate:
    return small_estate(tmp_path / "estate")


def types(small: SmallEstate, *words: str, expect: int | None = 0) -> Ran:
    return inside(*words, cwd=small.folder, expect=expect)


def planned(small: SmallEstate, *words: str, expect: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(types(small, "plan", "--json", *words, expect=expect).out)
    return found


@pytest.mark.slow
def test_a_backlog_over_every_limit_goes_in_approved_portions_the_oldest_first(small: SmallEstate) -> None:
    toml = small.folder / "ardoise.toml"
    toml.write_text(toml.read_text().replace("share = 1.0", "count = 8"))
    assert planned(small, expect=4)["refusals"]

    sizes, years = [], []
    while (plan := planned(small, "--staged"))["steps"]:
        by_dataset: dict[str, int] = {}
        for step in plan["steps"]:
            by_dataset[step["dataset"]] = max(by_dataset.get(step["dataset"], 0), step["count"])
        sizes.append(max(by_dataset.values()))
        years.append(max(step["last_due"] for step in plan["steps"]))
        assert not plan["refusals"]
        types(small, "apply", plan["digest"], expect=4)
        types(small, "approve", plan["digest"], "--by", "dpo")
        types(small, "apply", plan["digest"], "--by", "robot")
        types(small, "verify", plan["digest"])
        assert len(sizes) < 12, sizes

    assert len(sizes) > 2
    assert max(sizes) <= 8
    assert years == sorted(years)
    assert planned(small)["steps"] == []
    names = {row["last_name"] for row in small.rows("crm", "contacts") if row["tenant"] == "julien"}
    assert {"Lastname2", "Lastname4"} <= names
    assert names.isdisjoint({f"Lastname{number}" for number in (1, 3, 5, 7, 9)})


def test_a_portion_says_how_much_waits(small: SmallEstate) -> None:
    toml = small.folder / "ardoise.toml"
    toml.write_text(toml.read_text().replace("share = 1.0", "count = 8"))

    said = types(small, "plan", "--staged").words

    assert "Note: this plan is a portion, the oldest of what is due" in said
    assert "portions are needed" in said
