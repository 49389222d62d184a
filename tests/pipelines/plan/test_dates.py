"""Plans for another day than today."""

from __future__ import annotations

import datetime as dt

from planned_shop import Shop, tally


def test_a_past_plan_acts_on_what_was_due_then_and_still_is(shop: Shop) -> None:
    shop.contact("both@a.example", collected="2020-01-01")
    shop.contact("not_yet@a.example", collected="2022-06-01")
    shop.contact("not_any_more@a.example", collected="2020-01-01")
    shop.mail("1", "2025-01-01", from_="not_any_more@a.example", to="us@shop.example")
    plan = shop.plan(dt.date(2024, 6, 30))
    assert shop.keys(plan, "crm.contacts.anonymise.g1") == [1]


def test_what_an_overwriting_store_forgot_makes_a_past_plan_abstain(shop: Shop) -> None:
    shop.contact("a@a.example", seen="2024-09-01 10:00:00")
    shop.edit("data_map/crm.yaml", "null: absent}", "null: absent, overwritten: true}")
    plan = shop.plan(dt.date(2024, 6, 30))
    assert tally(plan, "crm", "contacts", "technical.ip").undetermined == 1
    assert any("keeps only the latest `created`" in each for each in plan.warnings)


def test_a_future_plan_only_plans(sqlite_shop: Shop) -> None:
    sqlite_shop.contact("a@a.example", collected="2024-01-01")
    plan = sqlite_shop.plan(dt.date(2027, 6, 30))
    assert [step.count for step in plan.steps] == [1]
    assert "lies in the future" in plan.refusals[0].reason
