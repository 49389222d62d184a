"""The report: one file without requests, whose first page answers what went, why, what stayed, and who approved."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from expectations.findings import Finding
from pipelines.plan.artefact import Action, EvidenceNote, Plan, Step, Tally
from pipelines.report.model import Approver, Cell, Done, ReportData, Residue, Series
from pipelines.report.render import render_html, render_json

NOW = dt.datetime(2026, 6, 30, 12, 0, tzinfo=dt.UTC)


def data() -> ReportData:
    day = dt.date(2025, 3, 16)
    step = Step(
        "s1", "crm", "contacts", Action.ANONYMISE, ("user.name",), ("name",), (("prospecting", 12),), 12, day, day, 1
    )
    plan = Plan(
        as_of=dt.date(2026, 6, 30),
        controller="JULIEN",
        policy="julien",
        policy_digest="a" * 64,
        data_map_digest="b" * 64,
        schema_digest="c" * 64,
        holds_digest="d" * 64,
        tallies=(Tally("crm", "contacts", "user.name", 100, 60, 8, 12, 1, 4, 15),),
        steps=(step,),
        evidence=(EvidenceNote("last_inbound_contact", "mail", "messages", 80, complete=True),),
    )
    months = tuple(
        Cell(f"2025-{month:02}", Decimal(month * 3), Decimal(month), Decimal(month * 2)) for month in range(1, 13)
    )
    return ReportData(
        estate="Demo",
        made_at=NOW,
        plan=plan,
        plan_digest=plan.digest,
        approver=Approver("demo-dpo", "standing_approval", NOW, NOW),
        done=(Done("crm", "contacts", anonymised=12, lateness=471),),
        findings=(Finding("nothing due is left", "crm", "contacts", "due", 0, 0, "run it again"),),
        statistics=(Series("crm", "web_logs", "visits per month", "count", months),),
        residue=(Residue("crm", "WAL", "PostgreSQL keeps it until it is recycled"),),
        ledger_head="e" * 64,
        kept_exactly=("billing.invoices.total_cents",),
        sources={"prospecting": "JULIEN policy §9"},
    )


class Requests(HTMLParser):
    """Collects whatever a browser would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"script", "link", "iframe", "object", "img"}:
            self.found.append(tag)
        self.found += [
            value or ""
            for name, value in attrs
            if name in {"src", "href", "xlink:href"} and not (value or "").startswith("#")
        ]


def test_the_report_makes_no_request_and_runs_nothing() -> None:
    parser = Requests()
    parser.feed(render_html(data()))
    assert parser.found == []


def test_the_first_page_answers_the_six_questions() -> None:
    page = render_html(data())
    for answer in (
        "12 anonymised",
        "prospecting",
        "JULIEN policy §9",
        "60 kept",
        "4 undetermined",
        "Yes, exactly",
        "demo-dpo",
    ):
        assert answer in page.replace("\N{NO-BREAK SPACE}", " ").replace("</b>", ""), answer


def test_while_exact_amounts_stay_the_report_says_so_and_claims_no_anonymity() -> None:
    page = render_html(data())
    assert "no anonymity in the sense of WP29" in page
    assert "billing.invoices.total_cents" in page


@pytest.mark.parametrize("seen", [3, None])
def test_a_failed_expectation_is_loud_and_names_its_remedy(seen: int | None) -> None:
    broken = Finding("nothing due is left", "mail", "messages", "due", 0, seen, "run `ardoise apply` again")
    page = render_html(replace(data(), findings=(*data().findings, broken)))
    assert "1 of 2 expectations failed" in page
    assert "run `ardoise apply` again" in page


def test_a_run_without_expectations_has_proved_nothing() -> None:
    assert "Not verified" in render_html(replace(data(), findings=()))


def test_a_statistic_that_moved_is_said() -> None:
    moved = Series("crm", "web_logs", "visits", "count", (Cell("2025-01", Decimal(5), Decimal(1), Decimal(3)),))
    page = render_html(replace(data(), statistics=(moved,)))
    assert "does not hold" in page


def test_the_json_says_the_same() -> None:
    document = json.loads(render_json(data()))
    assert document["passed"]
    assert document["plan"]["steps"][0]["count"] == 12
