"""A purpose that depends on what others tell longer than they keep it is named in every plan."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from approving import confirm_maps
from parted_estate import FIRST, PartedEstate, parted
from planned_shop import Shop

pytestmark = pytest.mark.slow

LETTERS = """\
  letters:
    source: letters
    controller: SHOP
    key: [id]
    subjects: [{kind: email, columns: [email]}]
    events: {collected: {column: collected}}
    fields: {email: {category: user.contact.email}, body: {category: contract.letter}}
    approved: {by: dpo, on: 2026-01-01}
"""
PURPOSES = """\
  recent:
    {basis: consent, source: Test 6, keeps: [user, contract.letter], after: collected, for: 3 years, then: anonymise}
  letters:
    {basis: law, source: Test 7, keeps: [contract.letter], after: contract_end, for: 10 years, then: delete}
"""


def outliving(plan: object) -> list[str]:
    warnings: tuple[str, ...] = getattr(plan, "warnings")  # noqa: B009
    return [each for each in warnings if "as if it had never happened" in each]


@pytest.fixture
def papers(request: pytest.FixtureRequest, tmp_path: Path) -> PartedEstate:
    """Letters of persons, to be kept for ten years after contracts whose address goes after three."""
    made = parted("sqlite", request, tmp_path)
    policy, mapped = made.folder / "policies" / "papers.yaml", made.folder / "data_map" / "shop.yaml"
    policy.write_text(policy.read_text().replace("call: point}", "call: point, collected: point}") + PURPOSES)
    mapped.write_text(mapped.read_text() + LETTERS)
    confirm_maps(made.folder)
    made.execute(
        "CREATE TABLE letters (id INTEGER PRIMARY KEY, email TEXT, body TEXT, collected DATE)",
        "INSERT INTO letters VALUES (1, 'person1@acme.example', 'Dear Sir', '2025-01-01')",
    )
    return made


def test_what_a_row_told_is_kept_for_a_purpose_that_outlives_its_address(papers: PartedEstate) -> None:
    assert outliving(papers.run(FIRST)) == []
    letters = next(each for each in papers.plan(dt.date(2033, 3, 1)).tallies if each.category == "contract.letter")
    assert letters.due == 0
    letters = next(each for each in papers.plan(dt.date(2033, 3, 2)).tallies if each.category == "contract.letter")
    assert letters.due == 1, "ten years after the contract whose person nobody knows by its row"


def test_nothing_is_named_where_whatever_depends_on_an_event_keeps_what_tells_it(sqlite_shop: Shop) -> None:
    assert outliving(sqlite_shop.plan()) == []


def test_a_message_that_goes_before_what_depends_on_its_day_is_named(sqlite_shop: Shop) -> None:
    path = sqlite_shop.folder / "policies" / "shop.yaml"
    text = path.read_text().replace("§3, keeps: [user, correspondence], when", "§3, keeps: [user.name], when")
    sqlite_shop.edit("data_map/mail.yaml", "fields: {body: {category: correspondence}, from", "fields: {from")
    path.write_text(text)
    assert outliving(sqlite_shop.plan()) == [], "the contact's address goes with the message, and the day is remembered"
    fresh = (
        "fresh: {basis: consent, source: §7, keeps: [user.contact], after: collected, for: 5 years, then: anonymise}"
    )
    path.write_text(f"{text}  {fresh}\n")
    (warning,) = outliving(sqlite_shop.plan())
    assert "purpose prospecting depends on `contact` of mail.messages" in warning
