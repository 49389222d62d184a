"""Who stands in a message by a name alone may keep it, and never asks for its deletion."""

from __future__ import annotations

from planned_shop import Shop, tally

from pipelines.plan.artefact import Action


def test_a_name_that_a_store_knows_keeps_the_message_and_a_strangers_does_not(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    for name in ("old", "older"):
        shop.contact(f"{name}@a.example")
    shop.mail("1", "2019-01-01", from_="old@a.example", to=("", "DUPONT Anne"))
    shop.mail("2", "2019-01-01", from_="older@a.example", to=("", "Nobody Known"))
    shop.mail("3", "2019-01-01", from_="us@shop.example", to=("", "Anne Dupont"))
    shop.mail("4", "2025-01-01", from_=("anne@a.example", "Anne Dupont"), to="us@shop.example")
    plan = shop.plan()
    assert [item.ref.key for item in shop.items(plan, Action.DELETE)] == ["2"]
    assert [item.ref.key for item in shop.items(plan, Action.REDACT)] == ["1"]
    found = tally(plan, "mail", "messages", "correspondence")
    assert (found.found, found.due, found.undetermined) == (4, 1, 2)


def test_a_contact_of_several_addresses_in_one_cell_is_never_due(sqlite_shop: Shop) -> None:
    sqlite_shop.contact("anne@a.example; anne@b.example")
    sqlite_shop.contact("Anne <anne@a.example>")
    sqlite_shop.contact("due@a.example")
    plan = sqlite_shop.plan()
    assert sqlite_shop.keys(plan, "crm.contacts.anonymise.g1") == [3]
