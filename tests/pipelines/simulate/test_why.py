"""`why` decides with the reference on one record, and finds that the compiled selection says the same."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa
from planned_shop import TODAY, Shop

from pipelines.errors import UsageError
from pipelines.simulate.why import Why, why
from retention_rules.decisions import Decision, Due, Held, Keep, Undetermined
from retention_rules.explain import Stand
from retention_rules.purposes import EndAction

PAST = dt.date(2024, 6, 30)


def asked(shop: Shop, *place: str, as_of: dt.date = TODAY) -> Why:
    if not shop.indexed:
        shop.scan()
    store, dataset, *key = place
    return why(shop.estate, "SHOP", store, dataset, key, as_of=as_of, today=TODAY)


def decision(found: Why, category: str, person: int = 0) -> Decision:
    view = found.people[person].views[0]
    return next(each.decision for each in view.categories if each.category == category)


def stands(found: Why, category: str) -> dict[str, Stand]:
    view = found.people[0].views[0]
    reasons = next(each.reasons for each in view.categories if each.category == category)
    return {each.purpose.name: each.stand for each in reasons}


@pytest.mark.slow
def test_every_record_of_a_crowd_is_explained_and_no_disagreement_found(crowded: Shop) -> None:
    with crowded.crm.connect() as connection:
        rows = connection.execute(sa.text("SELECT id FROM contacts WHERE tenant = 'shop' ORDER BY id")).scalars().all()
    kinds = set()
    for number in rows[::3]:
        found = asked(crowded, "crm", "contacts", str(number), as_of=PAST)
        kinds |= {type(each.decision) for view in found.people[0].views for each in view.categories}
    for key in list(crowded.mails.containers["INBOX"])[:10]:
        if not key.endswith("own"):
            assert asked(crowded, "mail", "messages", key).people
    assert kinds == {Due, Held, Keep, Undetermined}


def test_a_client_is_kept_by_the_contract_and_due_three_years_after(shop: Shop) -> None:
    shop.contact("a@a.example", collected="2020-01-01")
    shop.contract("a@a.example", "2024-03-31")
    found = asked(shop, "crm", "contacts", "1")
    assert decision(found, "user.name") == Keep(dt.date(2027, 3, 31), ("followup",))
    assert stands(found, "user.name") == {
        "contract": Stand.ENDED, "followup": Stand.KEEPS, "prospecting": Stand.ENDED
    }  # fmt: skip
    assert stands(found, "technical.ip") == {"traces": Stand.UNMATCHED}


def test_a_prospect_is_due_and_the_past_says_so_too(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    shop.contact("a@a.example", collected="2020-01-01")
    found = asked(shop, "crm", "contacts", "1", as_of=PAST)
    assert [view.as_of for view in found.people[0].views] == [PAST, TODAY]
    assert decision(found, "user.name") == Due(dt.date(2023, 1, 2), ("prospecting",), EndAction.ANONYMISE)
    assert found.whole.startswith("the row stays")


def test_what_happened_later_is_invisible_to_the_past(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    shop.contact("a@a.example", collected="2020-01-01")
    shop.mail("1", "2025-01-01", from_="a@a.example", to="us@shop.example")
    then, today = asked(shop, "crm", "contacts", "1", as_of=PAST).people[0].views
    assert {type(each.decision) for each in then.categories if each.category == "user.name"} == {Due}
    assert {type(each.decision) for each in today.categories if each.category == "user.name"} == {Keep}


def test_an_announced_end_is_open_today_and_known_to_the_future(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    shop.contact("a@a.example", collected="2020-01-01")
    shop.contract("a@a.example", "2027-03-01")
    today, future = (asked(shop, "crm", "contacts", "1", as_of=day) for day in (TODAY, dt.date(2031, 1, 1)))
    assert decision(today, "user.name") == Keep(None, ("contract", "followup"))
    assert decision(future, "user.name") == Due(dt.date(2030, 3, 2), ("followup",), EndAction.ANONYMISE)


def test_a_hold_is_named_by_its_case_and_a_weak_match_by_its_event(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    shop.contact("held@a.example", collected="2020-01-01")
    shop.contact("weak@a.example", collected="2020-01-01", name="Weak One")
    shop.hold("held@a.example", "2022-01-01")
    shop.mail("1", "2025-01-01", from_=("else@b.example", "Weak One"), to="us@shop.example")
    held, weak = asked(shop, "crm", "contacts", "1"), asked(shop, "crm", "contacts", "2")
    assert decision(held, "user.name") == Held(dt.date(2023, 1, 2), ("case-1",))
    assert decision(weak, "user.name") == Undetermined(("contact",))
    assert weak.people[0].views[0].doubtful == ("contact",)


def test_a_message_is_explained_for_each_of_its_persons(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    shop.contact("old@a.example", collected="2018-01-01")
    shop.contact("new@a.example", collected="2025-01-01")
    shop.mail("1", "2018-01-01", from_="old@a.example", to=["new@a.example", "us@shop.example"])
    found = asked(shop, "mail", "messages", "INBOX", "1")
    kinds = {type(decision(found, "correspondence", number)) for number in range(len(found.people))}
    assert len(found.people) == 2
    assert kinds == {Due, Undetermined}


def test_what_keeps_a_row_from_deletion_is_named(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    shop.keep_books()
    shop.bill("INSERT INTO invoices (number, closed) VALUES ('F', '2010-01-01')")
    shop.bill("INSERT INTO payments (invoice_id, pan, cvv, settled) VALUES (1, '4', '1', NULL)")
    found = asked(shop, "billing", "invoices", "1")
    assert found.blockers == ("payments",)
    assert "still needed" in found.whole


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        (("crm", "contacts", "9"), "there is no such record"),
        (("crm", "contacts", "2"), "another tenant"),
        (("crm", "contacts", "1", "2"), "the key has 1 columns"),
        (("crm", "nothing", "1"), "no approved dataset"),
        (("mail", "messages", "9"), "no such record"),
    ],
)
def test_a_record_that_is_not_there_is_a_mistake_of_usage(
    sqlite_shop: Shop, place: tuple[str, ...], problem: str
) -> None:
    sqlite_shop.contact("a@a.example")
    sqlite_shop.contact("b@a.example", tenant="other")
    with pytest.raises(UsageError, match=problem):
        asked(sqlite_shop, *place)
