"""What persons ask for ends purposes in every store: rows, messages, and the reference say the same."""

from __future__ import annotations

import contextlib
import datetime as dt

import pytest
from planned_shop import NOW, TODAY, Shop, identity, tally

from pipelines.plan.artefact import Action, Tally
from pipelines.simulate.why import why
from pipelines.subjects import subject_digest
from retention_rules.explain import Stand
from retention_rules.purposes import Right

DAY = dt.timedelta(days=1)


def ended(shop: Shop) -> Shop:
    """A shop whose policy says what ends a consent."""
    path = shop.folder / "policies" / "shop.yaml"
    text = path.read_text().replace("closed: end}", "closed: end, gone: point}")
    path.write_text(text.replace("\npurposes:", "\nended_by: {consent: gone}\npurposes:"))
    return shop


def asks(shop: Shop, email: str, on: dt.date = TODAY) -> None:
    digest = subject_digest(shop.estate.key, "shop", "email", email)
    with contextlib.closing(shop.estate.engine()) as engine:
        engine.requests.record("SHOP", digest, Right.WITHDRAWAL, {"gone"}, on=on, by="support", at=NOW)


def test_a_request_ends_the_purpose_for_its_person_alone_in_rows_and_their_children(shop: Shop) -> None:
    ended(shop)
    for name in ("anne", "bob"):
        shop.contact(f"{name}@a.example", collected="2026-01-01", note="kept")
    shop.contact(None, collected="2026-01-01")
    asks(shop, "ANNE@a.example", TODAY - 3 * DAY)

    plan = shop.plan()

    assert identity(plan) == Tally("crm", "contacts", "user.name", found=3, kept=1, due=1, undetermined=1)
    assert tally(plan, "crm", "notes", "correspondence").due == 1
    step = next(each for each in plan.steps if each.dataset == "contacts")
    assert shop.keys(plan, step.id) == [1]
    assert (step.first_due, step.last_due) == (TODAY - 3 * DAY, TODAY - 3 * DAY)


def test_a_request_is_invisible_to_an_earlier_day(sqlite_shop: Shop) -> None:
    shop = ended(sqlite_shop)
    shop.contact("anne@a.example", collected="2026-01-01")
    asks(shop, "anne@a.example")
    assert identity(shop.plan(TODAY - DAY)).kept == 1
    assert identity(shop.plan(TODAY)).due == 1


def test_a_message_goes_when_nothing_keeps_it_for_any_of_its_persons(sqlite_shop: Shop) -> None:
    shop = ended(sqlite_shop)
    shop.edit("data_map/crm.yaml", "collected: {column: collected}", "collected: {column: collected, of: subject}")
    for name in ("anne", "bob"):
        shop.contact(f"{name}@a.example", collected="2026-01-01")
    shop.mail("1", "2026-02-01", from_="anne@a.example", to="us@shop.example")
    shop.mail("2", "2026-02-01", from_="anne@a.example", to="bob@a.example")
    asks(shop, "anne@a.example")

    plan = shop.plan()

    assert [item.ref.key for item in shop.items(plan, Action.DELETE)] == ["1"]
    (redacted,) = shop.items(plan, Action.REDACT)
    assert redacted.subjects == {subject_digest(shop.estate.key, "shop", "email", "anne@a.example")}


@pytest.mark.parametrize("place", [("crm", "contacts", "1"), ("mail", "messages", "1")])
def test_the_reference_says_so_too_and_names_the_request_as_the_reason(
    sqlite_shop: Shop, place: tuple[str, str, str]
) -> None:
    shop = ended(sqlite_shop)
    shop.edit("data_map/crm.yaml", "collected: {column: collected}", "collected: {column: collected, of: subject}")
    shop.contact("anne@a.example", collected="2026-01-01")
    shop.mail("1", "2026-02-01", from_="anne@a.example", to="us@shop.example")
    asks(shop, "anne@a.example")
    shop.scan()

    found = why(shop.estate, "SHOP", *place[:2], place[2:], as_of=TODAY, today=TODAY)

    reasons = {each.purpose.name: each.stand for one in found.people[0].views[0].categories for each in one.reasons}
    assert reasons["prospecting"] is Stand.ENDED_BY_RIGHT


def test_a_new_request_makes_another_plan_and_a_retracted_one_the_same_again(sqlite_shop: Shop) -> None:
    shop = ended(sqlite_shop)
    shop.contact("anne@a.example", collected="2026-01-01")
    before = shop.plan()
    asks(shop, "somebody@else.example")
    after = shop.plan()
    assert after.digest != before.digest
    assert after.tallies == before.tallies
    with contextlib.closing(shop.estate.engine()) as engine:
        engine.requests.retract(1, by="support", at=NOW)
    assert shop.plan().digest == before.digest


def test_what_a_store_tells_and_what_was_recorded_count_alike(sqlite_shop: Shop) -> None:
    """The store's column is missing for one: her period has not ended, so nobody can tell; the record of it can."""
    shop = ended(sqlite_shop)
    shop.edit(
        "data_map/crm.yaml",
        "created: {column: seen_at",
        "gone: {column: seen_at, null: absent, of: subject}, created: {column: seen_at",
    )
    shop.contact("told@a.example", collected="2026-01-01", seen="2026-05-01 08:00:00")
    shop.contact("silent@a.example", collected="2026-01-01")
    shop.contact("later@a.example", collected="2026-01-01", seen="2030-05-01 08:00:00")
    plan = shop.plan()
    assert identity(plan) == Tally("crm", "contacts", "user.name", found=3, kept=1, due=1, undetermined=1)
    asks(shop, "later@a.example")
    assert identity(shop.plan()).due == 2
