"""Reports of several runs of a real estate: trends, who allowed them, the files in both languages; and no value."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from small_estate import CANARY, CONTROLLER, SmallEstate

from pipelines.apply import apply
from pipelines.estate import Estate
from pipelines.plan import make_plan
from pipelines.report import write_report
from pipelines.report.document import schema
from pipelines.report.gather import gather
from pipelines.verify import verify
from retention_rules.policy_table import Language

TODAY = dt.date(2026, 6, 30)
NOW = dt.datetime(2026, 6, 30, 10, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)

pytestmark = pytest.mark.slow


def run(small: SmallEstate, as_of: dt.date, at: dt.datetime) -> str:
    """Plan, approve, apply, verify for a past date; the plan's digest."""
    estate = Estate.load(small.path)
    plan = make_plan(estate, CONTROLLER, as_of=as_of, today=TODAY, now=at, by="engineer")
    with small.engine() as engine:
        engine.approvals.approve(plan.digest, by="officer", at=at, expires=at + HOUR)
    apply(estate, plan.digest, now=at, today=TODAY, actor="engineer")
    verify(estate, plan.digest, now=at, today=TODAY)
    return plan.digest


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> SmallEstate:
    return SmallEstate.write(tmp_path_factory.mktemp("small"), TODAY)


@pytest.fixture(scope="module")
def digests(small: SmallEstate) -> tuple[str, ...]:
    """Three runs, each for a later date."""
    return tuple(run(small, TODAY - dt.timedelta(days=ago), NOW + at * HOUR) for at, ago in enumerate((20, 10, 0)))


def test_the_runs_before_are_told_the_oldest_first_and_none_that_came_later(
    small: SmallEstate, digests: tuple[str, ...]
) -> None:
    estate = Estate.load(small.path)
    runs = gather(estate, digests[1], now=NOW).runs
    assert [each.plan for each in runs] == [*digests[:2]]
    assert [each.as_of for each in runs] == [TODAY - dt.timedelta(days=20), TODAY - dt.timedelta(days=10)]
    deleted = small.deleted()
    assert [each.deleted for each in runs] == [deleted[digest] for digest in digests[:2]]
    assert all(each.deleted and each.failed == 0 and each.checked and not each.left for each in runs)


def test_lateness_is_counted_from_the_first_day_on_which_something_was_due(
    small: SmallEstate, digests: tuple[str, ...]
) -> None:
    data = gather(Estate.load(small.path), digests[0], now=NOW)
    first = min(step.first_due for step in data.plan.steps)
    assert max(each.lateness for each in data.done) == (TODAY - first).days


def test_who_approved_is_told_as_it_was_even_if_it_was_taken_back_since(
    small: SmallEstate, digests: tuple[str, ...]
) -> None:
    estate = Estate.load(small.path)
    with small.engine() as engine:
        entry = next(each for each in engine.ledger.entries("approval") if each.body["plan"] == digests[0])
        engine.approvals.revoke(entry.sequence, by="officer", at=NOW + 5 * HOUR)
    approver = gather(estate, digests[0], now=NOW + 6 * HOUR).approver
    assert approver is not None
    assert (approver.by, approver.kind, approver.entry) == ("officer", "approval", entry.sequence)
    assert approver.requester == "engineer"


def test_no_value_of_a_record_is_in_any_file_and_the_document_is_what_its_schema_says(
    small: SmallEstate, digests: tuple[str, ...]
) -> None:
    assert CANARY in small.dump()
    path = write_report(Estate.load(small.path), digests[-1], now=NOW).path
    texts = {each.name: each.read_text(encoding="utf-8") for each in path.parent.glob(f"{path.stem}*")}
    assert set(texts) == {f"{path.stem}.html", f"{path.stem}.fr.html", f"{path.stem}.json"}
    assert not [name for name, text in texts.items() if CANARY in text.lower()]
    Draft202012Validator(schema()).validate(json.loads(texts[f"{path.stem}.json"]))


def test_the_file_that_is_named_is_in_the_language_asked_for_or_the_estates(
    small: SmallEstate, digests: tuple[str, ...]
) -> None:
    estate = Estate.load(small.path)

    def languages(path: Path) -> dict[str, str]:
        files = path.parent.glob(f"{path.stem}*.html")
        return {each.name: each.read_text(encoding="utf-8").partition('lang="')[2][:2] for each in files}

    path = write_report(estate, digests[-1], now=NOW, language=Language.FRENCH).path
    assert languages(path) == {path.name: "fr", f"{path.stem}.en.html": "en"}
    assert languages(write_report(estate, digests[-1], now=NOW).path) == {path.name: "en", f"{path.stem}.fr.html": "fr"}
    file = small.path / "ardoise.toml"
    file.write_text(file.read_text(encoding="utf-8").replace('name = "Small"', 'name = "Small"\nlanguage = "fr"'))
    assert languages(write_report(Estate.load(small.path), digests[-1], now=NOW).path)[path.name] == "fr"
