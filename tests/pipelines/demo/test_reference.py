"""The reference: what must become of every record, told from the stories that were generated."""

from __future__ import annotations

import datetime as dt

import pytest

from expectations.canaries import Canaries
from pipelines.demo.canaries import plant
from pipelines.demo.company import Company, generate
from pipelines.demo.moments import AS_OF
from pipelines.demo.people import Story
from pipelines.demo.reference import Expected, Reference
from pipelines.demo.truth import Identity, records
from retention_rules.decisions import Due, Held, Keep, Undetermined

_DECISIONS = {
    Story.CLIENT_RUNNING: Keep,
    Story.CLIENT_ENDED: Keep,
    Story.CLIENT_DUE: Due,
    Story.CLIENT_LONG_GONE: Due,
    Story.CLIENT_END_MISSING: Undetermined,
    Story.CLIENT_HELD: Held,
    Story.PROSPECT_FRESH: Keep,
    Story.PROSPECT_CALLED: Keep,
    Story.PROSPECT_DUE: Due,
    Story.PROSPECT_OUTBOUND: Due,
    Story.PROSPECT_MAILED: Keep,
    Story.PROSPECT_MET: Keep,
    Story.PROSPECT_INVITED: Keep,
    Story.PROSPECT_PLUS: Undetermined,
    Story.PROSPECT_NAMESAKE: Undetermined,
    Story.PROSPECT_AUTOMATIC: Due,
    Story.PROSPECT_UNDATED: Undetermined,
    Story.MEMBER_RUNNING: Keep,
    Story.MEMBER_ENDED: Keep,
    Story.MEMBER_DUE: Due,
    Story.MEMBER_END_MISSING: Undetermined,
}


@pytest.fixture(scope="module")
def planted() -> tuple[Company, Canaries]:
    company = generate(scale=0.02)
    return company, plant(company, 1)


@pytest.fixture(scope="module")
def reference(planted: tuple[Company, Canaries]) -> Reference:
    return Reference(planted[0])


@pytest.fixture(scope="module")
def expected(reference: Reference) -> Expected:
    return reference.expected_rows()


def test_each_story_comes_to_its_decision(reference: Reference) -> None:
    stories = {person.email: person.story for person in reference.company.people}
    seen = set()
    for truth, decisions in reference.decisions():
        if truth.identity.dataset != "contacts":
            continue
        ((email, decided),) = decisions.items()
        story = stories.get(email)
        if story in _DECISIONS:
            seen.add(story)
            assert isinstance(decided["user.contact.email"], _DECISIONS[story]), story
    assert seen == set(_DECISIONS)


def test_the_day_in_paris_decides_at_the_edge(reference: Reference) -> None:
    """Collected at 23:30 in Paris of the last day, and half an hour after midnight: one is due, the other not."""
    edge = dt.datetime(2023, 6, 28, 22, tzinfo=dt.UTC), dt.datetime(2023, 6, 29, 23, tzinfo=dt.UTC)
    days = {
        truth.identity.key: decided["user.preferences"]
        for truth, decisions in reference.decisions()
        for decided in decisions.values()
        if truth.identity.dataset == "prospects"
    }
    near = [
        row for row in reference.company.crm.prospects if row.collected_at and edge[0] <= row.collected_at <= edge[1]
    ]
    kinds = {row.collected_at: type(days[str(row.id)]) for row in near if str(row.id) in days}
    assert kinds[dt.datetime(2023, 6, 29, 21, 30, tzinfo=dt.UTC)] is Due
    assert kinds[dt.datetime(2023, 6, 29, 22, 30, tzinfo=dt.UTC)] is Keep


def test_every_record_has_exactly_one_fate(reference: Reference, expected: Expected) -> None:
    parts = [expected.deleted, expected.anonymised.keys(), expected.redacted.keys(), expected.kept]
    everything = [truth.identity for truth in records(reference.company)]
    assert sum(map(len, parts)) == len(everything) == len(set(everything))
    assert set().union(*parts) == set(everything)


def test_there_is_work_of_every_kind_in_every_store(expected: Expected) -> None:
    assert {each.store for each in expected.acted} == {"crm", "billing", "mail", "calendar"}
    assert {each.store for each in expected.redacted} == {"mail", "calendar"}
    assert {each.dataset for each in expected.deleted} >= {"web_logs", "consents", "invoices", "payments", "messages"}


def test_a_contract_stays_while_an_invoice_points_at_it(expected: Expected, reference: Reference) -> None:
    blocked = [each for each in expected.anonymised if each.dataset == "contracts"]
    assert blocked
    invoices = reference.company.billing.invoices
    for each in blocked:
        children = {str(row.id) for row in invoices if str(row.contract_id) == each.key}
        assert any(Identity("billing", "invoices", child) not in expected.deleted for child in children)


def test_whoever_bears_a_canary_is_due_everywhere(planted: tuple[Company, Canaries], expected: Expected) -> None:
    company, canaries = planted
    bearers = {str(each.id) for each in company.crm.contacts if canaries.in_text(each.last_name)}
    assert len(bearers) == 3
    assert all(len(expected.anonymised[Identity("crm", "contacts", each)]) > 5 for each in bearers)
    letters = [each for each in company.mails if canaries.in_text(each.body)]
    assert letters
    assert all(Identity("mail", "messages", each.message_id) in expected.deleted for each in letters)
    invoices = [each for each in company.billing.invoices if canaries.in_text(each.billed_to or "")]
    assert invoices
    assert all(Identity("billing", "invoices", str(each.id)) in expected.deleted for each in invoices)


def test_without_the_case_the_held_are_due(planted: tuple[Company, Canaries]) -> None:
    free = Reference(planted[0], with_case=False)
    held = {person.email for person in planted[0].people if person.story is Story.CLIENT_HELD}
    decided = {
        email: each["user.contact.email"]
        for truth, decisions in free.decisions()
        for email, each in decisions.items()
        if truth.identity.dataset == "contacts" and email in held
    }
    assert len(decided) == len(held) > 0
    assert all(isinstance(each, Due) for each in decided.values())


@pytest.mark.parametrize("as_of", [dt.date(2024, 3, 1), dt.date(2025, 9, 15)])
def test_a_run_for_the_past_finds_less_and_something(reference: Reference, expected: Expected, as_of: dt.date) -> None:
    past = reference.expected_rows(as_of, AS_OF)
    assert past.acted
    assert past.deleted <= expected.deleted
    assert past.acted < expected.acted
