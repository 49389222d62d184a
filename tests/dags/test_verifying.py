"""The task that verifies a run fails where an expectation is not met, and its report says which."""

from __future__ import annotations

from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowFailException
from expected_estate import TODAY, expected_estate
from running import applied, planned, unexpecting

from dags.estate import ESTATE
from dags.tasks import verify

pytestmark = pytest.mark.slow


def test_a_run_that_does_not_hold_fails_loudly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = tmp_path / "shop.sqlite"
    store.touch()
    shop = expected_estate(tmp_path / "estate", *[f"sqlite:///{store}"] * 3)
    monkeypatch.setenv(ESTATE, str(shop.estate.folder))
    backup = store.read_bytes()
    plan = planned(shop.estate, "EXPECTED", TODAY)
    assert applied(shop.estate, plan, TODAY, expect=unexpecting).complete
    assert verify(plan.digest)["failed"] == 0
    store.write_bytes(backup)
    with pytest.raises(AirflowFailException, match=r"expectations were not met; \S+\.html") as caught:
        verify(plan.digest)
    name = next(word for word in str(caught.value).split() if word.endswith(".html"))
    assert list(shop.estate.folder.rglob(name))
