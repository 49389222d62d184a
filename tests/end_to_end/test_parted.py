"""Records that outlive the link to their subject are released on their day: the days are remembered with the marks."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from fixtures_mariadb import MariaDatabase
from fixtures_postgres import PostgresDatabase
from parted_estate import FIRST, PartedEstate, noon, parted_estate

from pipelines.plan.artefact import Plan
from pipelines.verify import verify

DAY = dt.timedelta(days=1)
PROOFS_LAST = dt.date(2024, 9, 30)
"""Two years after customer 1 withdrew the consent."""
PAPERS_LAST = dt.date(2025, 3, 1)
"""Five years after the contracts of those who have gone."""


@pytest.fixture
def papers(tmp_path: Path) -> PartedEstate:
    (tmp_path / "shop.sqlite").touch()
    url = f"sqlite:///{tmp_path / 'shop.sqlite'}"
    return parted_estate(tmp_path / "estate", url, url, url)


@pytest.fixture(params=["postgres", "mariadb"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> PartedEstate:
    database: PostgresDatabase | MariaDatabase = request.getfixturevalue(f"{request.param}_database")
    return parted_estate(tmp_path / "estate", database.admin, database.read, database.write)


def counted(plan: Plan, dataset: str) -> dict[str, int]:
    """How the records of a dataset stand."""
    each = next(tally for tally in plan.tallies if tally.dataset == dataset)
    states = ("kept", "due", "undetermined", "done")
    return {state: getattr(each, state) for state in states if getattr(each, state)}


def unexplained(papers: PartedEstate, plan: Plan, day: dt.date) -> list[Any]:
    return [each for each in verify(papers.estate, plan.digest, now=noon(day), today=day) if not each.passed]


def children_go_on_their_day(papers: PartedEstate) -> None:
    plan = papers.run(FIRST)
    assert {step.id: step.count for step in plan.steps} == {
        "shop.calls.anonymise.g0": 2, "shop.customers.anonymise.g0": 3,
    }  # fmt: skip
    assert unexplained(papers, plan, FIRST) == []
    assert [row["email"].endswith(".invalid") for row in papers.rows("customers")] == [True, True, False, False, True]
    assert papers.run(FIRST).steps == ()
    plan = papers.run(PROOFS_LAST)
    assert plan.steps == ()
    assert counted(plan, "consents") == {"kept": 3, "undetermined": 2}
    plan = papers.run(PROOFS_LAST + DAY)
    assert {step.id: step.count for step in plan.steps} == {"shop.consents.delete": 1}
    assert papers.ids("consents") == [2, 3, 4, 5]
    assert unexplained(papers, plan, PROOFS_LAST + DAY) == []
    plan = papers.run(PAPERS_LAST)
    assert plan.steps == ()
    assert counted(plan, "invoices") == {"kept": 4, "undetermined": 1}
    plan = papers.run(PAPERS_LAST + DAY)
    assert {step.id: step.count for step in plan.steps} == {"shop.contracts.delete": 3, "shop.invoices.delete": 3}
    assert papers.ids("contracts") == papers.ids("invoices") == [3, 4]
    assert unexplained(papers, plan, PAPERS_LAST + DAY) == []


def test_what_inherits_from_an_anonymised_record_goes_on_its_day_and_not_a_day_earlier(papers: PartedEstate) -> None:
    children_go_on_their_day(papers)


@pytest.mark.slow
def test_it_does_so_on_servers_too(served: PartedEstate) -> None:
    children_go_on_their_day(served)
