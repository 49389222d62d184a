"""`ardoise statistics`: the questions, their answers, and what the page on them says."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import shlex
from pathlib import Path

import pytest
from apply_states import planned
from command_line import inside
from documentation import blocks
from estates import NOW, SmallEstate, small_estate

from pipelines.apply import apply
from pipelines.data_map.loading import load_map
from pipelines.errors import UsageError
from pipelines.statistics.answering import Listed, answer, make_views, questions, view_name
from pipelines.statistics.ledger import settle_store

PAGE = "docs/statistics.md"


@pytest.fixture
def small(tmp_path: Path) -> SmallEstate:
    return small_estate(tmp_path / "estate")


def commands() -> list[str]:
    return [line for block in blocks(PAGE, "sh") for line in block.commands]


def test_the_questions_are_listed_with_what_they_count(small: SmallEstate) -> None:
    found = {each.statistic.name: each for each in questions(small.estate)}
    assert set(found) == {"contacts", "visits"}
    assert (found["contacts"].counts, found["visits"].counts) == ("email", "rows")
    shown = inside("statistics", cwd=small.folder)
    assert "crm.web_logs visits" in shown.words
    assert "sum of cents" in shown.words


def test_a_statistic_that_is_not_registered_is_refused(small: SmallEstate) -> None:
    with pytest.raises(UsageError, match=r"no statistic turnover of crm\.web_logs"):
        answer(small.estate, "crm.web_logs", "turnover")
    refused = inside("statistics", "crm.web_logs", cwd=small.folder, expect=2)
    assert "a dataset and a name" in refused.words
    refused = inside("statistics", "--views", "mail", cwd=small.folder, expect=2)
    assert "no SQL store mail" in refused.words


def test_names_of_views_tell_statistics_apart(small: SmallEstate) -> None:
    listed = next(iter(questions(small.estate)))

    def named(name: str) -> str:
        of = listed.statistic.model_copy(update={"name": name})
        return view_name(dataclasses.replace(listed, statistic=of))

    names = [named(each) for each in ("visits", "Visits", "per month", "per_month", "x" * 90, "x" * 91, "été")]
    assert names[0] == "statistic_contacts_visits"
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= 54


@pytest.mark.slow
def test_the_page_on_statistics_is_true(small: SmallEstate) -> None:
    plan = planned(small)
    before = answer(small.estate, "crm.web_logs", "visits")
    assert apply(small.estate, plan.digest, now=NOW, today=NOW.date(), actor="tests", retries=()).complete
    shown = {}
    for line in commands():
        words = shlex.split(line)
        assert words[0] == "ardoise"
        shown[line] = inside(*words[1:], cwd=small.folder)
    document = json.loads(shown["ardoise statistics crm.web_logs visits --json"].out)
    assert sum(each.n for each in before.cells) == 38
    assert document["held_back"] is False
    assert sum(each["n"] for each in document["cells"]) == 19, "the others are pending, a few of each month"
    assert "reading role can read what is pending" in shown["ardoise statistics crm.web_logs visits"].words
    assert "ardoise_statistic_web_logs_visits" in shown["ardoise statistics --views crm"].words
    rows = small.rows("crm", "ardoise_statistic_web_logs_visits")
    assert {row["n"] for row in rows} == {each["n"] for each in document["cells"]}
    dict(settle_store(small.estate, "crm", NOW.date() + dt.timedelta(days=400)))
    after = answer(small.estate, "crm.web_logs", "visits")
    assert sum(each.n for each in after.cells) == 38
    assert sum(int(each.total or 0) for each in after.cells) == sum(range(1, 39))


def test_the_data_map_of_the_page_loads(tmp_path: Path) -> None:
    for block in blocks(PAGE, "yaml"):
        (tmp_path / "billing.yaml").write_text(block.text)
        (statistic,) = load_map(tmp_path / "billing.yaml").map.datasets["invoices"].statistics
        assert statistic.upward == ("region", "issued_on")


def test_views_are_made_anew(small: SmallEstate) -> None:
    assert make_views(small.estate, "crm") == make_views(small.estate, "crm")
    assert isinstance(next(iter(questions(small.estate))), Listed)
