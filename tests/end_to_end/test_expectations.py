"""What a person sees of expectations: the command refuses with a remedy, and shows what it would look at."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import inside
from expected_estate import ExpectedEstate, expected_estate

pytestmark = pytest.mark.slow


@pytest.fixture
def expected(tmp_path: Path) -> ExpectedEstate:
    (tmp_path / "shop.sqlite").touch()
    url = f"sqlite:///{tmp_path / 'shop.sqlite'}"
    return expected_estate(tmp_path / "estate", url, url, url)


def test_apply_refuses_with_what_was_found_and_what_to_do_and_goes_on_once_it_is_mended(
    expected: ExpectedEstate,
) -> None:
    at = expected.folder
    digest = json.loads(inside("plan", "--json", "--as-of", "2026-06-30", cwd=at).out)["digest"]
    inside("approve", digest, "--by", "dpo", cwd=at)
    store = at.parent / "shop.sqlite"
    whole = store.read_bytes()
    expected.run("DELETE FROM visits")

    refused = inside("apply", digest, cwd=at, expect=4).words
    assert "one expectation is not met, so nothing was changed: shop.visits: 0 rows, where 60 to 180 may be" in refused
    assert "then make a new plan" in refused

    store.write_bytes(whole)
    inside("apply", digest, cwd=at)
    assert not any(row["at"] < "2025" for row in expected.rows("visits"))


def test_a_suite_that_does_not_fit_stops_the_run_and_check_says_why(expected: ExpectedEstate) -> None:
    at = expected.folder
    digest = json.loads(inside("plan", "--json", "--as-of", "2026-06-30", cwd=at).out)["digest"]
    inside("approve", digest, "--by", "dpo", cwd=at)
    expected.own("suite: s\nstore: shop\ndataset: people\nexpectations: [{type: expect_column_to_exit, column: id}]\n")
    before = expected.rows("people")
    said = inside("apply", digest, cwd=at, expect=3).words
    assert "expectations/own.yaml:4: `expect_column_to_exit` is no kind of expectation" in said
    assert said.replace("Error: ", "") == inside("check", cwd=at, expect=3).words.replace("Error: ", "")
    assert expected.rows("people") == before
