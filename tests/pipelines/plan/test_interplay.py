"""Where two parts of the planner meet: what one leaves out, the other must not take for nothing."""

from __future__ import annotations

from planned_shop import Shop, identity


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
