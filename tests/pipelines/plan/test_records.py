"""Which records a plan takes: of whom, whole or emptied, and not twice."""

from __future__ import annotations

import contextlib

import sqlalchemy as sa
from planned_shop import Shop, identity, tally

from connectors.sql.connector import SqlConnector
from connectors.sql.journal import Chunk
from pipelines.plan.artefact import Action, Tally
from pipelines.scan.sources import source_of
from pipelines.subjects import subject_digest


def test_a_contact_without_an_address_is_never_due(shop: Shop) -> None:
    shop.contact(None)
    shop.contact("  ")
    assert identity(shop.plan()) == Tally("crm", "contacts", "user.name", found=2, undetermined=2)


def test_another_tenant_is_neither_found_nor_touched(shop: Shop) -> None:
    shop.contact("a@a.example", note="mine")
    shop.contact("b@a.example", tenant="other", note="theirs")
    plan = shop.plan()
    found = {(t.dataset, t.found) for t in plan.tallies if t.store == "crm"}
    assert found == {("contacts", 1), ("notes", 1)}
    assert shop.keys(plan, "crm.notes.anonymise.g0") == [1]


def test_an_item_goes_when_it_is_due_for_all_and_is_redacted_while_it_stays_for_another(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    for name in ("old", "older", "client"):
        shop.contact(f"{name}@a.example", collected="2015-01-01")
    shop.contract("client@a.example", None, "running")
    shop.mail("all", "2016-01-01", from_="us@shop.example", to=["old@a.example", "older@a.example"])
    shop.mail("some", "2016-01-01", from_="us@shop.example", to=["old@a.example", "client@a.example"])
    shop.mail("none", "2016-01-01", from_="us@shop.example", to="client@a.example")
    shop.mail("ours", "2016-01-01", from_="us@shop.example", to="them@shop.example")
    shop.edit("data_map/crm.yaml", "collected: {column: collected}", "collected: {column: collected, of: subject}")
    plan = shop.plan()
    assert [(item.ref.key, item.subjects) for item in shop.items(plan, Action.DELETE)] == [("all", frozenset())]
    ((key, subjects),) = [(item.ref.key, item.subjects) for item in shop.items(plan, Action.REDACT)]
    assert key == "some"
    assert subjects == {subject_digest(shop.estate.key, "shop", "email", "old@a.example")}
    counted = tally(plan, "mail", "messages", "correspondence")
    assert (counted.found, counted.kept, counted.due) == (4, 3, 1)


def test_what_is_marked_is_done_until_the_record_is_used_anew(shop: Shop) -> None:
    contact = shop.contact("a@a.example")
    shop.plan()
    estate = shop.estate
    with contextlib.closing(estate.connector("crm")) as connector:
        assert isinstance(connector, SqlConnector)
        connector.prepare()
        table = connector.table(source_of("contacts", estate.data_maps["crm"].datasets["contacts"]))
        with connector.writing() as connection, connection.begin():
            chunk = Chunk("plan", "step", "contacts", 1)
            for category, column in (("user.contact.email", "email"), ("user.name", "name")):
                connector.journal.marks.mark(connection, chunk, table, ("id",), [(category, [column], sa.true())])
    plan = shop.plan()
    assert not plan.steps
    assert identity(plan) == Tally("crm", "contacts", "user.name", found=1, done=1)
    with shop.crm.begin() as connection:
        connection.execute(sa.text("UPDATE contacts SET name = 'New' WHERE id = :id"), {"id": contact})
    plan = shop.plan()
    assert not plan.steps, "whose name it is nobody knows, while the address is an invented one"
    assert identity(plan).undetermined == 1
    with shop.crm.begin() as connection:
        connection.execute(sa.text("UPDATE contacts SET email = 'new@a.example' WHERE id = :id"), {"id": contact})
    assert [step.count for step in shop.plan().steps] == [1]


def test_a_parent_with_a_living_child_is_emptied_and_the_plan_names_the_child(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    shop.keep_books()
    shop.bill(
        "INSERT INTO invoices VALUES (1, 'F-1', '2010-12-31'), (2, 'F-2', '2010-12-31'), (3, 'F-3', '2010-12-31')"
    )
    shop.bill("INSERT INTO payments VALUES (1, 1, '4111', '123', NULL), (2, 2, '4222', '456', '2011-01-01')")
    plan = shop.plan()
    steps = {step.id: step for step in plan.steps}
    assert steps["billing.invoices.delete"].count == 2
    emptied = steps["billing.invoices.suppress.g0"]
    assert (emptied.count, emptied.blocked, emptied.suppress) == (1, (("payments", 1),), True)
    assert steps["billing.payments.delete"].order < steps["billing.invoices.delete"].order
    assert shop.keys(plan, "billing.invoices.delete") == [3]  # until the payment of the second has gone
    shop.bill("DELETE FROM payments WHERE id = 2")
    assert shop.keys(plan, "billing.invoices.delete") == [2, 3]
    assert shop.keys(plan, emptied.id) == [1]
