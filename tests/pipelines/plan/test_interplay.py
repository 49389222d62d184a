"""Where two parts of the planner meet: what one leaves out, the other must not take for nothing."""

from __future__ import annotations

import contextlib

import pytest
from approving import confirm_maps
from planned_shop import NOW, TODAY, Shop, identity, tally

from pipelines.engine import HoldScope
from pipelines.simulate.why import why
from pipelines.subjects import subject_digest
from retention_rules.decisions import Held, Undetermined
from retention_rules.purposes import Right

pytestmark = pytest.mark.slow

WITHDRAWALS = """\
  withdrawals:
    source: withdrawals
    controller: SHOP
    tenant: shop
    key: [id]
    subjects: [{kind: customer, columns: [customer]}]
    events: {gone: {column: day, of: subject}}
    fields: {customer: {category: none}}
    approved: {by: dpo, on: 2026-01-01}
"""


def by_customer(shop: Shop) -> None:
    """Contacts are known by their number as customers, and by an address that may be somebody else's too."""
    shop.edit(
        "data_map/crm.yaml",
        "[{kind: email, columns: [email]}, {kind: name, columns: [name], strength: name}]",
        "[{kind: customer, columns: [name]}, {kind: email, columns: [email], strength: alias}]",
    )
    shop.edit(
        "data_map/billing.yaml",
        "subjects: [{kind: email, columns: [email]}]",
        "subjects: [{kind: customer, columns: [email]}]\n    "
        "events: {contact: {column: called, null: absent, of: subject}}",
    )
    shop.bill("ALTER TABLE customers ADD COLUMN called DATE")


def test_a_doubt_by_one_of_several_addresses_in_a_cell_is_no_less_a_doubt(shop: Shop) -> None:
    by_customer(shop)
    shop.contact("anne@a.example", name="C-1", collected="2015-01-01")
    shop.contact("bob@a.example; bob@b.example", name="C-2", collected="2015-01-01")
    shop.contact("eve@a.example", name="C-3", collected="2015-01-01")
    for number in (1, 2, 3):
        shop.contract(f"C-{number}", "2016-01-01")
    shop.mail("1", "2026-05-01", from_="anne@a.example", to="us@shop.example")
    shop.mail("2", "2026-05-01", from_="bob@a.example", to="us@shop.example")

    found = identity(shop.plan())

    assert (found.due, found.undetermined) == (1, 2)


def test_kinds_of_key_have_the_names_that_people_give_them(shop: Shop) -> None:
    by_customer(shop)
    for file in ("crm", "billing"):
        shop.edit(f"data_map/{file}.yaml", "kind: customer,", "kind: Customer-No,")
    shop.contact(None, name="C-1", collected="2015-01-01")
    shop.contract("C-1", "2016-01-01")
    assert identity(shop.plan()).due == 1


def test_what_a_stranger_asks_for_makes_nobody_else_reachable(sqlite_shop: Shop) -> None:
    """Withdrawals are told by number of customer alone: of a contact with an address, nobody knows."""
    shop = sqlite_shop
    path = shop.folder / "policies" / "shop.yaml"
    text = path.read_text().replace("closed: end}", "closed: end, gone: point}")
    path.write_text(text.replace("\npurposes:", "\nended_by: {consent: gone}\npurposes:"))
    shop.bill("CREATE TABLE withdrawals (id INTEGER PRIMARY KEY, customer TEXT, day DATE)")
    with (shop.folder / "data_map" / "billing.yaml").open("a") as file:
        file.write(WITHDRAWALS)
    confirm_maps(shop.folder)
    shop.contact("anne@a.example", collected="2026-01-01")
    assert identity(shop.plan()).undetermined == 1
    digest = subject_digest(shop.estate.key, "shop", "email", "somebody@else.example")
    with contextlib.closing(shop.estate.engine()) as engine:
        engine.requests.record("SHOP", digest, Right.WITHDRAWAL, {"gone"}, on=TODAY, by="support", at=NOW)
    assert identity(shop.plan()).undetermined == 1


def test_a_role_that_no_link_has_tells_nothing(sqlite_shop: Shop) -> None:
    """Names count for those to whom a message goes; a contact is who writes."""
    shop = sqlite_shop
    shop.edit(
        "data_map/mail.yaml",
        "{kind: name, roles: [from, to], strength: name}",
        "{kind: name, roles: [to], strength: name}",
    )
    shop.contact("anne@a.example", name="Anne Dupont", collected="2015-01-01")
    shop.mail("1", "2026-05-01", from_=("other@a.example", "Anne Dupont"), to="us@shop.example")
    assert identity(shop.plan()).due == 1


def test_a_name_in_a_header_is_a_doubt_however_its_link_is_declared(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    shop.edit(
        "data_map/mail.yaml", "{kind: name, roles: [from, to], strength: name}", "{kind: name, roles: [from, to]}"
    )
    shop.contact("anne@a.example", name="Anne Dupont", collected="2015-01-01")
    shop.contact("bob@a.example", name="Bob Martin", collected="2015-01-01")
    shop.mail("1", "2026-05-01", from_=("other@a.example", "Anne Dupont"), to="us@shop.example")
    found = identity(shop.plan())
    assert (found.due, found.undetermined) == (1, 1)


def test_a_hold_on_a_person_keeps_a_record_that_may_be_hers(shop: Shop) -> None:
    """Several addresses in a cell, and a period of the record's own: nothing but the hold would keep it."""
    shop.contact("anne@a.example; bob@b.example", seen="2020-01-01 10:00:00")
    shop.contact("eve@a.example", seen="2020-01-01 10:00:00")
    shop.contact(None, seen="2020-01-01 10:00:00")
    shop.hold("anne@a.example", "2021-01-01")
    found = tally(shop.plan(), "crm", "contacts", "technical.ip")
    assert (found.held, found.due) == (1, 2)
    explained = why(shop.estate, "SHOP", "crm", "contacts", ["1"], as_of=TODAY, today=TODAY)
    assert {type(each.decision) for each in explained.people[0].views[0].categories} == {Held, Undetermined}


def test_a_hold_that_was_released_or_is_on_no_person_says_nothing_of_who_cannot_be_read(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    shop.contact("anne@a.example; bob@b.example", seen="2020-01-01 10:00:00")
    shop.hold("anne@a.example", "2021-01-01", "2026-04-10")
    shop.hold("anne@a.example", "2021-01-01", categories=frozenset({"user"}))
    record = HoldScope(store="crm", dataset="contacts", record="ab" * 16)
    with contextlib.closing(shop.estate.engine()) as engine:
        engine.holds.open("case-2", record, since=TODAY, by="legal", at=NOW)
    assert tally(shop.plan(), "crm", "contacts", "technical.ip").due == 1
