"""A store that was restored from a backup: its finished plan is not taken for done, and the next one does it again."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from expected_estate import CANARY, TODAY, expected_estate
from running import applied, noon, planned, unexpecting

from pipelines.errors import Refused
from pipelines.verify import verify

pytestmark = pytest.mark.slow


def test_what_came_back_is_found_and_goes_again(tmp_path: Path) -> None:
    store = tmp_path / "shop.sqlite"
    store.touch()
    shop = expected_estate(tmp_path / "estate", *[f"sqlite:///{store}"] * 3)

    def back() -> int:
        return sum(CANARY in row["email"] for row in shop.rows("people"))

    there, backup = back(), store.read_bytes()
    plan = planned(shop.estate, "EXPECTED", TODAY)
    assert applied(shop.estate, plan, TODAY, expect=unexpecting).complete
    left = back()
    assert left < there
    assert applied(shop.estate, plan, TODAY, expect=unexpecting).nothing_to_do
    store.write_bytes(backup)
    with pytest.raises(Refused, match="restored from a backup"):
        applied(shop.estate, plan, TODAY, expect=unexpecting)
    assert back() == there
    assert any(not each.passed for each in verify(shop.estate, plan.digest, now=noon(TODAY), today=TODAY))
    tomorrow = TODAY + dt.timedelta(days=1)
    again = planned(shop.estate, "EXPECTED", tomorrow)
    assert applied(shop.estate, again, tomorrow, expect=unexpecting).complete
    assert back() == left
    assert [
        each for each in verify(shop.estate, again.digest, now=noon(tomorrow), today=tomorrow) if not each.passed
    ] == []
