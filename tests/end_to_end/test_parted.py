"""Records that outlive the link to their subject are released on their day: the days are remembered with the marks."""

from __future__ import annotations

import contextlib
import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from parted_estate import FIRST, PartedEstate, noon, parted

from pipelines.engine.holds import HoldScope
from pipelines.plan.artefact import Plan
from pipelines.subjects import subject_digest
from pipelines.verify import verify

pytestmark = pytest.mark.slow

DAY = dt.timedelta(days=1)
PROOFS_LAST = dt.date(2027, 9, 30)
"""Two years after customer 1 withdrew the consent."""
ACCOUNTS_LAST = dt.date(2027, 6, 15)
"""Four years after the last call of customer 1."""
PAPERS_LAST = dt.date(2028, 3, 1)
"""Five years after the contracts of those who have gone."""


@pytest.fixture
def papers(request: pytest.FixtureRequest, tmp_path: Path) -> PartedEstate:
    """The estate in SQLite, or in the engine that a test names."""
    return parted(getattr(request, "param", "sqlite"), request, tmp_path)


def counted(plan: Plan, dataset: str) -> dict[str, int]:
    """How the records of a dataset stand."""
    each = next(tally for tally in plan.tallies if tally.dataset == dataset)
    states = ("kept", "due", "undetermined", "done")
    return {state: getattr(each, state) for state in states if getattr(each, state)}


def unexplained(papers: PartedEstate, plan: Plan, day: dt.date) -> list[Any]:
    return [each for each in verify(papers.estate, plan.digest, now=noon(day), today=day) if not each.passed]


@pytest.mark.parametrize("papers", ["sqlite", "postgres", "mariadb"], indirect=True)
def test_what_inherits_from_an_anonymised_record_goes_on_its_day_and_not_a_day_earlier(papers: PartedEstate) -> None:
    """Plans and runs on the days around those of release; verification agrees with each run."""

    def steps(plan: Plan) -> dict[str, int]:
        return {step.id.removeprefix("shop."): step.count for step in plan.steps}

    plan = papers.run(FIRST)
    assert steps(plan) == {"customers.anonymise.g0": 3}
    assert unexplained(papers, plan, FIRST) == []
    assert [row["email"].endswith(".invalid") for row in papers.rows("customers")] == [True, True, False, False, True]
    plan = papers.plan(ACCOUNTS_LAST)
    assert steps(plan) == {"invoices.delete": 1}, "that of customer 5, who did not call"
    assert counted(plan, "invoices") == {"kept": 3, "due": 1, "undetermined": 1}
    plan = papers.run(ACCOUNTS_LAST + DAY)
    assert steps(plan) == {"invoices.delete": 2}
    assert papers.ids("invoices") == [2, 3, 4]
    plan = papers.plan(PROOFS_LAST)
    assert steps(plan) == {"invoices.delete": 1}
    assert counted(plan, "consents") == {"kept": 3, "undetermined": 2}
    plan = papers.run(PROOFS_LAST + DAY)
    assert steps(plan) == {"consents.delete": 1, "invoices.delete": 1}
    assert unexplained(papers, plan, PROOFS_LAST + DAY) == []
    assert papers.ids("consents") == [2, 3, 4, 5]
    assert steps(papers.plan(PAPERS_LAST)) == {}
    plan = papers.run(PAPERS_LAST + DAY)
    assert steps(plan) == {"contracts.delete": 3}
    assert unexplained(papers, plan, PAPERS_LAST + DAY) == []
    assert papers.ids("contracts") == papers.ids("invoices") == [3, 4]
    kept = {(row["record"], row["event"]) for row in papers.rows(papers.own("remembered"))}
    assert kept == {("[2]", "consent_end"), ("[5]", "consent_end")}, "days on which nothing depends are forgotten"


def test_what_was_open_or_unknown_when_its_link_went_or_came_later_is_undetermined_for_ever(
    papers: PartedEstate,
) -> None:
    papers.run(FIRST)
    kept = {(row["record"], row["event"]): row for row in papers.rows(papers.own("remembered"))}
    assert kept["[2]", "consent_end"]["open"]
    assert kept["[5]", "consent_end"]["missing"]
    papers.execute(
        "UPDATE consents SET withdrawn_on = '2026-09-01' WHERE id IN (2, 5)",
        "INSERT INTO contracts VALUES (6, 1, 'K-6', '2026-08-01', 'ended')",
        "INSERT INTO contracts VALUES (7, 1, 'K-7', NULL, 'running')",
        "INSERT INTO invoices VALUES (7, 7, 'F-7')",
    )
    plan = papers.run(dt.date(2040, 1, 1))
    assert papers.ids("consents") == [2, 3, 4, 5], "whose consent ended on that day nobody knows any more"
    assert counted(plan, "consents")["undetermined"] == 2
    assert papers.ids("contracts") == [3, 4, 6, 7], "a contract that an anonymised customer gets is nobody's"
    assert papers.ids("invoices") == [3, 4, 7]


def test_a_row_that_is_used_anew_is_somebody_elses_and_what_was_remembered_does_not_count(papers: PartedEstate) -> None:
    papers.run(FIRST)
    papers.execute(
        "UPDATE customers SET email = 'new@acme.example', last_name = 'New' WHERE id = 1",
        "INSERT INTO contracts VALUES (6, 1, 'K-6', NULL, 'running')",
        "INSERT INTO consents VALUES (6, 1, 'form 6', NULL)",
        "UPDATE customers SET last_name = 'Somebody' WHERE id = 2",
    )
    papers.run(PROOFS_LAST + DAY)
    assert papers.ids("consents") == [1, 2, 3, 4, 5, 6], "the consent of the new customer 1 is in force"
    plan = papers.run(PAPERS_LAST + DAY)
    assert papers.ids("contracts") == [1, 2, 3, 4, 6], "that of the new customer 1 runs, and who 2 is now nobody knows"
    assert counted(plan, "contracts") == {"kept": 3, "due": 1, "undetermined": 2}
    papers.execute(
        "UPDATE consents SET withdrawn_on = '2028-01-31' WHERE id = 6",
        "UPDATE contracts SET status = 'ended', ended_on = '2028-01-31' WHERE id = 6",
    )
    papers.run(dt.date(2031, 2, 1))
    assert papers.rows("customers")[0]["email"].endswith(".invalid")
    assert papers.ids("consents") == [2, 3, 4, 5]
    papers.run(dt.date(2033, 1, 31))
    assert papers.ids("contracts") == [1, 2, 3, 4, 6], "the row was anonymised again, and remembers the new days"
    papers.run(dt.date(2033, 2, 1))
    assert papers.ids("contracts") == [2, 3, 4]


def test_a_hold_on_a_person_keeps_what_leads_to_what_it_covers(papers: PartedEstate) -> None:
    person = subject_digest(papers.estate.key, "SHOP", "email", "person1@acme.example")
    scope = HoldScope(subject=person, dataset="invoices", categories=frozenset({"contract"}))
    with contextlib.closing(papers.estate.engine()) as engine:
        engine.holds.open("C-1", scope, since=FIRST, by="dpo", at=noon(FIRST))
    papers.run(FIRST)
    assert [row["email"].endswith(".invalid") for row in papers.rows("customers")] == [False, True, False, False, True]
    papers.run(PAPERS_LAST + DAY)
    assert papers.ids("invoices") == [1, 3, 4], "without the address nobody could find what is held"
    released = dt.date(2028, 6, 1)
    with contextlib.closing(papers.estate.engine()) as engine:
        for by in ("dpo", "legal"):
            engine.holds.release("C-1", until=released, by=by, at=noon(released))
    papers.run(released)
    assert papers.ids("invoices") == papers.ids("contracts") == [3, 4]
    assert papers.rows("customers")[0]["email"].endswith(".invalid")


def test_what_is_remembered_is_days_and_states_and_leads_to_nobody(papers: PartedEstate) -> None:
    papers.run(FIRST)
    rows = papers.rows(papers.own("remembered"))
    assert {row["event"] for row in rows} == {"call", "consent_end", "contract_end"}
    assert len(rows) == 3 * 3
    allowed = {
        "dataset",
        "record",
        "event",
        "open",
        "missing",
        "first_day",
        "last_day",
        "doubt_open",
        "doubt_day",
        "plan",
    }
    assert {name for row in rows for name in row} == allowed
    assert {row["record"] for row in rows} == {"[1]", "[2]", "[5]"}
