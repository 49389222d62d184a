"""The invented company: the same from one seed, whole at every scale, and nobody real."""

from __future__ import annotations

import datetime as dt
import email
import email.policy
from collections import Counter

import icalendar
import pytest
from stdnum import luhn

from pipelines.demo import calendar, mail
from pipelines.demo.company import Company, generate
from pipelines.demo.moments import AS_OF
from pipelines.demo.people import CAST, Story
from pipelines.subjects import loose_email


@pytest.fixture(scope="module")
def small_company() -> Company:
    return generate(scale=0.02)


def test_one_seed_gives_one_company(small_company: Company) -> None:
    assert generate(scale=0.02) == small_company


def test_another_seed_gives_other_people(small_company: Company) -> None:
    other = generate(seed=7, scale=0.02)
    assert {each.email for each in other.people} != {each.email for each in small_company.people}


def test_every_story_has_its_cast_at_the_smallest_scale(small_company: Company) -> None:
    told = Counter(person.story for person in small_company.people)
    assert all(told[story] >= CAST for story in Story)


def test_nobody_shares_a_name_or_a_variant_of_an_address(small_company: Company) -> None:
    people = small_company.people
    assert len({person.name.lower() for person in people}) == len(people)
    assert len({loose_email(person.email) for person in people}) == len(people)


def test_addresses_and_numbers_belong_to_nobody(small_company: Company) -> None:
    for person in small_company.people:
        assert person.email.endswith((".example", ".test"))
        assert person.phone.startswith(("+33 ", "+44 "))


def test_cards_are_test_cards_that_pass_luhn(small_company: Company) -> None:
    numbers = [payment.card_pan for payment in small_company.billing.payments]
    assert numbers
    assert all(number and number.startswith("400000") and luhn.is_valid(number) for number in numbers)


def test_nothing_was_recorded_on_or_after_the_as_of_date_but_one_absurd_collection(small_company: Company) -> None:
    crm = small_company.crm
    end = dt.datetime.combine(AS_OF, dt.time(), dt.UTC)
    moments = [each.at for each in crm.web_logs] + [each.occurred_at for each in crm.interactions]
    moments += [each.created_at for each in crm.notes] + [each.at for each in small_company.mails]
    moments += [each.given_at for each in crm.consents]
    assert max(moments) < end
    assert max(each.issued_on for each in small_company.billing.invoices) < AS_OF
    late = [each.collected_at for each in crm.prospects if each.collected_at and each.collected_at >= end]
    assert {each.year for each in late} <= {2093}


def test_rows_point_at_rows_that_are_there(small_company: Company) -> None:
    crm, billing = small_company.crm, small_company.billing
    tenants = {contact.id: contact.tenant for contact in crm.contacts}
    for rows in (crm.prospects, crm.memberships, crm.interactions, crm.notes, crm.consents):
        assert all(tenants[row.contact_id] == row.tenant for row in rows)
    invoices = {invoice.id for invoice in billing.invoices}
    assert all(payment.invoice_id in invoices for payment in billing.payments)


def test_the_same_persons_occur_in_all_four_stores(small_company: Company) -> None:
    contacts = {each.email for each in small_company.crm.contacts}
    customers = {each.email.lower() for each in small_company.billing.customers}
    writers = {address for each in small_company.mails for _, address in each.people}
    guests = {address for each in small_company.meetings for _, address in each.attendees}
    assert contacts & customers & writers & guests


def test_some_persons_are_with_the_other_tenant_too(small_company: Company) -> None:
    ours = {each.email for each in small_company.crm.contacts if each.tenant == "julien"}
    theirs = {each.email for each in small_company.crm.contacts if each.tenant == "other"}
    assert ours & theirs
    assert theirs - ours


def test_messages_read_back_as_they_were_meant(small_company: Company) -> None:
    for each in small_company.mails:
        read = email.message_from_bytes(mail.render(each), policy=email.policy.default)
        assert read["Message-ID"] == each.message_id
        assert [one.addr_spec for one in read["From"].addresses] == [each.sender[1]]
        assert [one.addr_spec for one in read["To"].addresses] == [address for _, address in each.to]
        assert len(list(read.iter_attachments())) == len(each.attachments)


def test_meetings_read_back_as_they_were_meant(small_company: Company) -> None:
    for each in small_company.meetings:
        read = icalendar.Calendar.from_ical(calendar.render(each))
        events = read.walk("VEVENT")
        assert len(events) == (2 if each.moved else 1)
        start = events[0]["DTSTART"].dt
        assert start.astimezone(dt.UTC) == each.start
        assert ("RRULE" in events[0]) == each.recurring
        assert str(events[0]["SUMMARY"]) == each.summary
