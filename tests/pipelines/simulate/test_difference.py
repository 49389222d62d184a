"""A change of policy, counted before anyone adopts it."""

from __future__ import annotations

import contextlib
from collections import Counter
from pathlib import Path

import pytest
from planned_shop import TODAY, Shop

from pipelines.errors import UsageError
from pipelines.plan.build import draft
from pipelines.simulate.difference import PolicyDiff, State, difference

pytestmark = pytest.mark.slow

Standing = dict[tuple[str, str, str], Counter[str]]

TALLIED = {
    State.KEEP: "kept", State.ARCHIVE: "archived", State.ANONYMISE: "due", State.DELETE: "due", State.DUE: "due",
    State.HELD: "held", State.UNDETERMINED: "undetermined", State.DONE: "done",
}  # fmt: skip


def changed(shop: Shop, *replacements: tuple[str, str], name: str = "next") -> Path:
    """Another policy: the shop's with some words replaced."""
    text = (shop.folder / "policies" / "shop.yaml").read_text(encoding="utf-8")
    for old, new in (("policy: shop", f"policy: {name}"), *replacements):
        assert old in text
        text = text.replace(old, new)
    path = shop.folder / "policies" / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def compared(shop: Shop, old: str = "shop", new: str = "next") -> PolicyDiff:
    if not shop.indexed:
        shop.scan()
    return difference(shop.estate, "SHOP", old, new, today=TODAY)


def said(found: PolicyDiff, side: str) -> Standing:
    standing: Standing = {}
    for each in found.transitions:
        state = TALLIED[each.old if side == "old" else each.new]
        standing.setdefault((each.store, each.dataset, each.category), Counter())[state] += each.records
    return standing


def planned(shop: Shop) -> Standing:
    """What a plan says under the policy that is in force."""
    estate = shop.estate
    with contextlib.closing(estate.engine()) as engine:
        tallies = draft(estate, engine, "SHOP", as_of=TODAY, today=TODAY).tallies
    return {
        (each.store, each.dataset, each.category): +Counter({name: getattr(each, name) for name in TALLIED.values()})
        for each in tallies
    }


def test_both_sides_are_what_plans_say_under_each_policy(crowded: Shop) -> None:
    changed(crowded, ("for: 3 years", "for: 30 months"), ("for: 1 year,", "for: 5 years,"), ("not client", "client"))
    found = compared(crowded)
    assert said(found, "old") == planned(crowded)
    crowded.edit("ardoise.toml", 'policy = "shop"', 'policy = "next"')
    assert said(found, "new") == planned(crowded)
    assert {(State.KEEP, State.ANONYMISE), (State.DELETE, State.KEEP)} <= {(e.old, e.new) for e in found.changes}


def test_a_shorter_period_makes_due_and_another_action_is_told(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    shop.contact("a@a.example", collected="2024-01-01")
    shop.contact("b@a.example", collected="2020-01-01")
    changed(shop, ("for: 3 years, then: anonymise}\n  traces", "for: 2 years, then: delete}\n  traces"))
    found = compared(shop)
    moved = {(each.old, each.new): each.records for each in found.changes if each.category == "user.name"}
    assert moved == {(State.KEEP, State.DELETE): 1, (State.ANONYMISE, State.DELETE): 1}


def test_a_policy_against_itself_changes_nothing_and_a_file_will_do(sqlite_shop: Shop) -> None:
    sqlite_shop.contact("a@a.example")
    found = compared(sqlite_shop, new=str(changed(sqlite_shop)))
    assert found.changes == ()
    assert sum(each.records for each in found.transitions if each.category == "user.name") == 1


def test_nothing_is_written_and_what_would_not_fit_is_said(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    shop.contact("a@a.example")
    changed(shop, ("keeps: [technical]", "keeps: [card]"))
    found = compared(shop)
    with contextlib.closing(shop.estate.engine()) as engine:
        assert list(engine.plans.list()) == []
    assert any("technical.ip" in each for each in found.problems)
    assert {each.new for each in found.transitions if each.category == "technical.ip"} == {State.UNDETERMINED}


def test_policies_that_read_the_same_date_differently_cannot_be_compared(sqlite_shop: Shop) -> None:
    changed(sqlite_shop, ("contact: point", "contact: end"))
    with pytest.raises(UsageError, match=r"`contact` is an? point for the one, an? end for the other"):
        compared(sqlite_shop)
