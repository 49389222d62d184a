"""The first line of a report is green only where nothing on the page says otherwise, and the document says the same."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from command_line import inside
from expected_estate import TODAY, ExpectedEstate, expected_estate
from report_samples import bare, hostile, not_applied, ordinary
from running import applied, noon, planned, unexpecting

from expectations.findings import Finding
from pipelines.errors import ExpectationsUnmet
from pipelines.plan.artefact import Plan
from pipelines.report import write_report
from pipelines.report.document import render_json
from pipelines.report.gather import gather
from pipelines.report.model import Anonymity, Cell, ReportData, Series
from pipelines.report.render import render_html
from pipelines.verify import verify
from pipelines.verify.statistics import EQUAL
from retention_rules.policy_table import Language

MOVED = Series("crm", "web_logs", "visits", "count", (Cell("2025-01", Decimal(1), Decimal(3), holds=False),))
SMALL = Anonymity("crm", "contacts", 2, 11, 9, (("1-10", 3), ("11-21", 6)))
LEADING = Anonymity("crm", "contacts", 11, 11, 9, (("11-21", 9),), unturned=3)
BACK = Anonymity("crm", "contacts", 11, 11, 9, (("11-21", 9),), 4)


def looked_at(seen: int | None, statistic: str = "visits") -> Finding:
    return Finding(EQUAL, "crm", "web_logs", f"groups of `{statistic}` that differ", 0, seen, "look")


def a_run(**changes: object) -> Callable[[], ReportData]:
    return lambda: replace(bare(), **changes)  # type: ignore[arg-type]


def found(*findings: Finding) -> tuple[Finding, ...]:
    return (*bare().findings, *findings)


def nothing_due() -> ReportData:
    """A day like most: there was nothing to do, and somebody has looked."""
    return replace(not_applied(), plan=replace(not_applied().plan, steps=()), findings=bare().findings)


RUNS = [
    (ordinary, "verified", "hold", "good"),
    (a_run(anonymity=(BACK,)), "verified", "unmeasured", "good"),
    (a_run(statistics=(MOVED,), findings=found(looked_at(0))), "since_changed", "held", "warn"),
    (a_run(statistics=(MOVED,), findings=found(looked_at(0, "other"))), "contradicted", "differ", "bad"),
    (a_run(statistics=(MOVED,)), "contradicted", "differ", "bad"),
    (a_run(statistics=(MOVED,), findings=found(looked_at(None))), "failed", "differ", "bad"),
    (a_run(anonymity=(SMALL,)), "contradicted", "unmeasured", "bad"),
    (a_run(anonymity=(LEADING,)), "contradicted", "unmeasured", "bad"),
    (a_run(approver=None), "contradicted", "unmeasured", "bad"),
    (a_run(unreached=("crm",)), "incomplete", "unmeasured", "warn"),
    (a_run(unreached=("crm",), anonymity=(SMALL,)), "contradicted", "unmeasured", "bad"),
    (a_run(findings=()), "not_verified", "unmeasured", "bad"),
    (a_run(done=tuple(replace(each, left=1) for each in bare().done)), "unfinished", "unmeasured", "bad"),
    (nothing_due, "verified", "unmeasured", "good"),
    (not_applied, "not_applied", "unmeasured", "bad"),
    (hostile, "failed", "differ", "bad"),
]


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize(("make", "verdict", "numbers", "colour"), RUNS)
def test_the_first_line_is_green_where_nothing_below_is_red(
    make: Callable[[], ReportData], verdict: str, numbers: str, colour: str, language: Language
) -> None:
    document = json.loads(render_json(make()))
    assert (document["verdict"], document["numbers"]) == (verdict, numbers)
    assert document["passed"] == (verdict in {"verified", "since_changed", "incomplete", "unfinished"})
    line, _, below = render_html(make(), language).partition('<div class="answers">')
    assert re.findall(r'class="verdict (\w+)"', line) == [colour]
    front = below.partition("<nav")[0]
    if colour != "bad":
        assert not re.search(r'class="[^"]*\bbad\b', front)
    if verdict == "contradicted":
        assert re.search(r'class="[^"]*\bbad\b', front), "it says that something is red"


def page(data: ReportData, language: Language = Language.ENGLISH) -> str:
    return re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", render_html(data, language)))


def test_what_held_when_verified_and_differs_by_now_is_both_said() -> None:
    said = page(a_run(statistics=(MOVED,), findings=found(looked_at(0)))())
    assert "the stores have been written to since" in said
    assert "They did when verified" in said
    assert "held when verified, differs by now" in said
    assert "does not hold" not in said


def test_groups_of_a_store_that_did_not_answer_are_not_said_to_be_large_enough() -> None:
    said = page(a_run(unreached=("billing",), anonymity=(BACK,))())
    assert "not everything could be measured for this report" in said
    assert "Every group of anonymised records that could be measured is large enough" in said
    assert "Every group of anonymised records is large enough" not in said


def test_rows_that_lead_to_one_person_are_counted_where_there_are_any() -> None:
    assert "Held back Lead to one person" in page(a_run(anonymity=(LEADING,))())
    assert "3 records of nobody still lead to the rows of single persons" in page(a_run(anonymity=(LEADING,))())
    assert "Lead to one person" not in page(a_run(anonymity=(BACK,))())


def test_what_is_not_there_is_not_said_to_be_large_enough_and_one_is_no_plural() -> None:
    nobody = Anonymity("crm", "contacts", None, 11, 0)
    said = page(replace(not_applied(), anonymity=(nobody,)))
    assert "is large enough" not in said
    assert "No record is anonymised in the datasets that must hide it in a group" in said
    assert "registered statistic over 1 group:" in page(a_run(statistics=(MOVED,))())


@pytest.fixture
def made(tmp_path: Path) -> ExpectedEstate:
    (tmp_path / "shop.sqlite").touch()
    url = f"sqlite:///{tmp_path / 'shop.sqlite'}"
    return expected_estate(tmp_path / "estate", url, url, url)


@pytest.mark.slow
def test_who_approved_and_what_stopped_the_run_is_told_of_one_that_never_began(made: ExpectedEstate) -> None:
    plan = planned(made.estate, "EXPECTED", TODAY)

    def shown(language: Language = Language.ENGLISH, days: int = 0) -> str:
        return page(gather(made.estate, plan.digest, now=noon(TODAY + dt.timedelta(days))), language)

    assert "dpo This very plan, on 30 June 2026" in shown()
    assert "The plan has not been applied." in shown()
    told = "Nothing has been applied yet, so there is nothing to compare. "
    assert f"{told}Registered: shop.visits: takings, shop.visits: tariffs." in shown()
    made.run("UPDATE people SET joined = '1203-04-05' WHERE id <= 9")
    with pytest.raises(ExpectationsUnmet):
        applied(made.estate, plan, TODAY)
    for told in ("Not applied: a failed expectation stopped the run before it began", "dpo This very plan, on 30 June"):
        assert told in shown()
    assert "Not applied: stopped before it began, on 30 June 2026, 12:00 UTC" in shown()
    assert "une attente non satisfaite a arrêté" in shown(Language.FRENCH)
    assert "Nobody The plan has not been applied, and no approval in force" in shown(days=9)


@pytest.fixture
def verified(made: ExpectedEstate) -> tuple[ExpectedEstate, Plan]:
    plan = planned(made.estate, "EXPECTED", TODAY)
    applied(made.estate, plan, TODAY, expect=unexpecting)
    verify(made.estate, plan.digest, now=noon(TODAY), today=TODAY)
    return made, plan


def reported(made: ExpectedEstate, plan: Plan) -> tuple[Path, str]:
    path, _ = write_report(made.estate, plan.digest, now=noon(TODAY))
    return path, json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["verdict"]


def test_a_visit_after_the_run_makes_nothing_wrong(verified: tuple[ExpectedEstate, Plan]) -> None:
    made, plan = verified
    assert reported(made, plan)[1] == "verified"
    made.run("INSERT INTO visits (id, person_id, place, cents, at) VALUES (5000, 1, 'x', 10, '2026-06-30 12:00:00')")
    assert reported(made, plan)[1] == "since_changed"


@pytest.mark.slow
def test_a_whole_report_stays_where_a_store_does_not_answer(
    verified: tuple[ExpectedEstate, Plan], tmp_path: Path
) -> None:
    made, plan = verified
    whole, _ = reported(made, plan)
    before = whole.read_text(encoding="utf-8")
    (tmp_path / "shop.sqlite").rename(tmp_path / "away")
    lesser, verdict = reported(made, plan)
    assert verdict == "incomplete"
    assert "Registered: shop.visits: takings, shop.visits: tariffs." in lesser.read_text(encoding="utf-8")
    assert lesser.name == f"{whole.stem}-incomplete.html"
    assert whole.read_text(encoding="utf-8") == before
    ran = inside("report", plan.digest, cwd=made.estate.folder, expect=5)
    assert lesser.name in "".join(ran.out.split())
    assert "shop: it did not answer, and nothing of it was measured" in ran.words
    (tmp_path / "away").rename(tmp_path / "shop.sqlite")
    assert reported(made, plan) == (whole, "verified")
    assert {each.name for each in whole.parent.iterdir()} == {
        f"{whole.stem}.html", f"{whole.stem}.fr.html", f"{whole.stem}.json",
    }  # fmt: skip
