"""The day on which a command runs is the controller's, wherever the estate is: they can be two days apart."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from command_line import inside
from estates import SmallEstate, small_estate

THERE = ZoneInfo("Pacific/Kiritimati")
"""The first to see a day, a day and an hour before the estate does."""


def there() -> dt.date:
    return dt.datetime.now(THERE).date()


@pytest.fixture
def far(tmp_path: Path) -> SmallEstate:
    small = small_estate(tmp_path / "estate")
    for file, old, new in (
        ("ardoise.toml", 'name = "Small"', 'name = "Small"\ntime_zone = "Pacific/Midway"'),
        ("policies/small.yaml", "Europe/Paris", THERE.key),
    ):
        path = small.folder / file
        path.write_text(path.read_text().replace(old, new))
    return small


def test_a_plan_is_for_the_day_that_it_is_for_the_controller_and_can_be_applied_on_it(far: SmallEstate) -> None:
    before = there()
    made = json.loads(inside("plan", "--json", cwd=far.folder).out)
    days = {before.isoformat(), there().isoformat()}

    assert made["as_of"] in days
    inside("approve", made["digest"], "--by", "dpo", cwd=far.folder)
    inside("apply", made["digest"], cwd=far.folder)
    assert not [row for row in far.rows("billing", "contracts") if row["status"] == "ended"]


@pytest.mark.parametrize(
    "words", [("why", "crm", "contacts", "1", "--json"), ("simulate", "--format", "json", "--months", "1")]
)
def test_what_is_explained_and_foreseen_is_so_too(far: SmallEstate, words: tuple[str, ...]) -> None:
    before = there()
    said = inside(*words, cwd=far.folder).out
    assert any(day.isoformat() in said for day in (before, there()))
