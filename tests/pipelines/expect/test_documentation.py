"""docs/expectations.md is executed: its file, its tolerances, its command; and it lists every kind that may be used."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from command_line import inside
from documentation import ROOT, blocks
from expected_estate import ExpectedEstate, expected_estate

from expectations.findings import Severity
from pipelines.expect.kinds import REACH
from pipelines.expect.own import OwnExpectation, own_suites

PAGE = "docs/expectations.md"


@pytest.fixture
def estate(tmp_path: Path) -> ExpectedEstate:
    """An estate with the page's own suite and its tolerances."""
    (tmp_path / "shop.sqlite").touch()
    url = f"sqlite:///{tmp_path / 'shop.sqlite'}"
    made = expected_estate(tmp_path / "estate", url, url, url)
    (suite,), (tolerances,) = blocks(PAGE, "yaml"), blocks(PAGE, "toml")
    made.own(suite.text)
    config = made.folder / "ardoise.toml"
    config.write_text(config.read_text(encoding="utf-8") + tolerances.text, encoding="utf-8")
    return made


def test_the_page_shows_a_suite_that_is_valid_and_the_tolerances_that_there_are(estate: ExpectedEstate) -> None:
    (suite,) = own_suites(estate.estate)
    assert [each.severity for each in suite.expectations] == [Severity.CRITICAL, Severity.CRITICAL, Severity.WARNING]
    tolerances = estate.estate.config.expectations
    assert tolerances.model_dump(exclude={"shop"}) == type(tolerances)().model_dump()
    assert (tolerances.of("shop", "visits").orphans, tolerances.of("shop", "people").orphans) == (0.1, 0)
    assert "Suites of your own: members." in inside("check", cwd=estate.folder).words


def test_the_pages_command_shows_the_suites_and_writes_them(estate: ExpectedEstate) -> None:
    (block,) = blocks(PAGE, "sh")
    (command,) = block.commands
    words = shlex.split(command)[1:]
    shown = inside(*words, cwd=estate.folder).words
    assert "every row has a key of its own" in shown
    assert "members: people have addresses" in shown

    inside(*words, "--write", cwd=estate.folder)
    files = sorted((estate.folder / "expectations" / "generated").iterdir())
    assert [each.name for each in files] == [
        "members.after.json", "members.before.json", "shop.people.before.json", "shop.visits.before.json",
    ]  # fmt: skip
    printed = json.loads(inside(*words, "--json", cwd=estate.folder).out)
    assert {each["name"] for each in printed} == {each.name.removesuffix(".json") for each in files}


def test_the_page_lists_every_kind_and_key() -> None:
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    named = set(re.findall(r"`(expect_\w+)`", text))
    assert named == set(REACH)
    for key in OwnExpectation.model_fields:
        assert f"`{key}`" in text
