"""A message can be held as a record: by its folder and key, of which the engine keeps a digest alone."""

from __future__ import annotations

import contextlib
import datetime as dt

import pytest
from planned_shop import NOW, TODAY, Shop, tally

from pipelines.engine import HoldScope
from pipelines.errors import UsageError
from pipelines.plan.artefact import Action, Plan
from pipelines.records import folders_of_item, item_digest, key_columns
from pipelines.simulate.why import why
from retention_rules.decisions import Due, Held

pytestmark = pytest.mark.slow

SINCE = dt.date(2026, 1, 1)


@pytest.fixture
def shop(sqlite_shop: Shop) -> Shop:
    """Three old messages: of one person, of another, and of both."""
    for name in ("anne", "bob"):
        sqlite_shop.contact(f"{name}@a.example", collected="2015-01-01")
    sqlite_shop.edit(
        "data_map/crm.yaml", "collected: {column: collected}", "collected: {column: collected, of: subject}"
    )
    people = {"1": "anne@a.example", "2": "bob@a.example", "3": ["anne@a.example", "bob@a.example"]}
    for key, sender in people.items():
        sqlite_shop.mail(key, "2016-01-01", from_=sender, to="us@shop.example")
    return sqlite_shop


def hold(shop: Shop, key: str, categories: frozenset[str] = frozenset(), until: dt.date | None = None) -> None:
    digest = item_digest(shop.estate.key, "mail", "messages", "INBOX", key)
    with contextlib.closing(shop.estate.engine()) as engine:
        scope = HoldScope("mail", "messages", digest, categories=categories)
        made = engine.holds.open("case-1", scope, since=SINCE, by="legal", at=NOW)
        for by in ("legal", "dpo") if until else ():
            engine.holds.release("case-1", until=until or SINCE, by=by, at=NOW, number=made.id)


def due(shop: Shop, plan: Plan) -> list[str]:
    return sorted(item.ref.key for item in shop.items(plan, Action.DELETE))


@pytest.mark.parametrize(("key", "left"), [("1", ["2", "3"]), ("3", ["1", "2"])])
def test_a_held_message_stays_whomever_it_concerns_and_no_other_does(shop: Shop, key: str, left: list[str]) -> None:
    hold(shop, key)
    plan = shop.plan()
    assert due(shop, plan) == left
    counted = tally(plan, "mail", "messages", "correspondence")
    assert (counted.due, counted.held) == (2, 1)
    assert tally(plan, "crm", "contacts", "user.name").due == 2, "the persons are not held"


def test_a_held_message_is_not_redacted_either(shop: Shop) -> None:
    shop.contract("bob@a.example", None, "running")
    hold(shop, "3")
    plan = shop.plan()
    assert due(shop, plan) == ["1"]
    assert [step.action for step in plan.steps if step.store == "mail"] == [Action.DELETE]


def test_a_hold_on_one_category_of_a_message_leaves_all_of_it_alone(shop: Shop) -> None:
    hold(shop, "1", frozenset({"correspondence"}))
    plan = shop.plan()
    assert due(shop, plan) == ["2", "3"]
    assert tally(plan, "mail", "messages", "user.contact.email").held == 0


def test_a_released_message_is_due_from_the_release(shop: Shop) -> None:
    hold(shop, "1", until=dt.date(2026, 4, 10))
    plan = shop.plan()
    assert due(shop, plan) == ["1", "2", "3"]
    (step,) = (each for each in plan.steps if each.store == "mail")
    assert step.last_due == dt.date(2026, 4, 10)
    assert shop.plan(SINCE + dt.timedelta(days=3)).tallies != plan.tallies, "on an earlier day it was held"


def test_the_reference_agrees_and_names_the_case(shop: Shop) -> None:
    hold(shop, "3")
    shop.scan()
    held = why(shop.estate, "SHOP", "mail", "messages", ["3"], as_of=TODAY, today=TODAY)
    free = why(shop.estate, "SHOP", "mail", "messages", ["INBOX", "1"], as_of=TODAY, today=TODAY)
    assert {type(each.decision) for person in held.people for each in person.views[0].categories} == {Held}
    assert {each.cases for person in held.people for each in person.views[0].categories} == {("case-1",)}
    assert {type(each.decision) for person in free.people for each in person.views[0].categories} == {Due}


def test_a_held_message_that_is_not_found_any_more_keeps_its_whole_store_until_it_is(shop: Shop) -> None:
    hold(shop, "1")
    moved = shop.mails.containers["INBOX"].pop("1")
    shop.mails.containers["INBOX"]["7"] = moved
    shop.indexed = False
    plan = shop.plan()
    assert not [step for step in plan.steps if step.store == "mail"]
    assert tally(plan, "mail", "messages", "correspondence").held == 3
    assert any(
        "hold 1 keeps a record of mail.messages that the last scan did not see" in each for each in plan.warnings
    )
    found = why(shop.estate, "SHOP", "mail", "messages", ["7"], as_of=TODAY, today=TODAY)
    assert {type(each.decision) for each in found.people[0].views[0].categories} == {Held}

    hold(shop, "7")
    with contextlib.closing(shop.estate.engine()) as engine:
        for by in ("legal", "dpo"):
            engine.holds.release("case-1", until=TODAY, by=by, at=NOW, number=1)
    plan = shop.plan()
    assert due(shop, plan) == ["2", "3"]
    assert not [each for each in plan.warnings if "did not see" in each]


def test_a_hold_that_is_released_keeps_nothing_where_its_message_is_gone(shop: Shop) -> None:
    hold(shop, "1", until=dt.date(2026, 4, 10))
    del shop.mails.containers["INBOX"]["1"]
    shop.indexed = False
    plan = shop.plan()
    assert due(shop, plan) == ["2", "3"]


def test_a_message_is_named_by_its_folder_and_a_hold_of_a_record_by_its_dataset(shop: Shop) -> None:
    shop.mails.containers["Old"] = {"1": shop.mails.containers["INBOX"]["1"]}
    shop.scan()
    assert folders_of_item(shop.estate, "mail", "messages", "1") == ("INBOX", "Old")
    assert folders_of_item(shop.estate, "mail", "messages", "9") == ()
    with pytest.raises(UsageError, match="no key columns"):
        key_columns(shop.estate, "mail", "messages")
    with contextlib.closing(shop.estate.engine()) as engine, pytest.raises(UsageError, match="lies in a dataset"):
        engine.holds.open("case-1", HoldScope("mail", record="a" * 32), since=SINCE, by="legal", at=NOW)
