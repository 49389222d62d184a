"""The plan itself: without personal values, the same for the same state, superseded by the next."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace

from planned_shop import TODAY, Shop

from connectors.sql.strategy import Strategy
from pipelines.plan.artefact import Plan
from pipelines.plan.build import EVIDENCE


def test_a_plan_holds_no_personal_value_and_evidence_holds_digests_only(shop: Shop) -> None:
    shop.contact("canary@a.example", name="Canary Quillfeather", note="Canary's birthday", seen="2020-01-01 00:00:00")
    shop.contract("canary@a.example", "2015-01-01")
    shop.mail("1", "2016-01-01", from_=("canary@a.example", "Canary Quillfeather"), to="us@shop.example")
    plan = shop.plan()
    kept = (shop.estate.plan_folder(plan.digest) / EVIDENCE).read_bytes()
    for text in (json.dumps(plan.document()).lower(), kept.decode("latin-1").lower()):
        for secret in ("canary", "quillfeather", "203.0.113.9", "birthday"):
            assert secret not in text


def test_the_same_state_gives_the_same_plan_and_a_new_one_supersedes_it(shop: Shop) -> None:
    shop.contact("a@a.example")
    first = shop.plan()
    shop.scan()
    second = shop.plan()
    assert first == second
    assert first.digest == second.digest
    shop.contact("b@a.example")
    third = shop.plan()
    with contextlib.closing(shop.estate.engine()) as engine:
        latest = engine.plans.latest("SHOP", TODAY)
        assert latest is not None
        assert latest.digest == third.digest
        assert engine.plans.record(first.digest).status == "superseded"


def test_a_step_says_its_strategy_and_why_no_other_and_older_plans_keep_their_digests(shop: Shop) -> None:
    for number in range(5):
        shop.contact(f"n{number}@a.example", collected="2019-01-01" if number else None)
    shop.scan()
    plan = shop.plan()
    (step,) = (each for each in plan.steps if each.dataset == "contacts")
    assert step.strategy is Strategy.RANGES
    assert [(each.strategy, each.reason) for each in step.declined] == [
        (Strategy.REWRITE, "it has fewer than 50,000 rows")
    ]
    assert Plan.from_document(plan.document()) == plan
    older = replace(plan, steps=tuple(replace(each, strategy=None, declined=()) for each in plan.steps))
    assert not {"strategy", "declined"} & set().union(*older.document()["steps"])
    assert Plan.from_document(older.document()).digest == older.digest != plan.digest
