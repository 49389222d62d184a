"""The worked examples of the model, decided by the shipped policies."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from retention_rules.decide import Facts, decide
from retention_rules.decisions import Archive, Decision, Due, Held, Keep, Undetermined
from retention_rules.events import Event, Missing, Open, occurrences
from retention_rules.holds import Hold
from retention_rules.loading import PACKS, load_policy
from retention_rules.policy import Policy

CASES: list[dict[str, Any]] = YAML(typ="safe", pure=True).load(
    Path(__file__).with_name("golden").joinpath("due_dates.yaml").read_text(encoding="utf-8")
)
FAR = dt.date(2099, 1, 1)
DAY = dt.timedelta(days=1)


@pytest.fixture(params=CASES, ids=lambda case: str(case["id"]))
def case(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = request.param
    policy = found.get("policy", "julien")
    if not (PACKS / f"{policy}.yaml").exists():
        pytest.skip(f"the policy {policy} is not shipped yet")
    return found


@pytest.fixture(scope="module")
def julien() -> Policy:
    return load_policy("julien")


def decided(case: dict[str, Any], policy: Policy, as_of: dt.date) -> dict[str, Decision]:
    """The case's decisions, each value observed on that day."""
    given = dict(case["given"])
    hold = given.pop("hold", None)
    holds = [Hold("case", hold["from"], hold.get("to"))] if hold else []
    agreement = given.pop("agreement", None)
    if agreement:
        given |= {"agreement_start": agreement["from"], "agreement_end": agreement.get("to", "open")}
    values: dict[str, bool | Decimal | None] = {
        name: given.pop(name) for name in policy.supplied_facts if name in given
    }
    events = {name: observed(value, name, policy, as_of) for name, value in given.items()}
    rights = case.get("rights", ())
    return decide(case["fields"], Facts(events, values), policy, rights=rights, holds=holds, as_of=as_of)


def observed(value: Any, name: str, policy: Policy, as_of: dt.date) -> tuple[Event, ...]:
    states: dict[Any, Event] = {"open": Open(), "missing": Missing()}
    return tuple(
        state
        for each in (value if isinstance(value, list) else [value])
        for state in (
            [states[each]]
            if each in states
            else occurrences(each, policy.events[name], policy.time_zone, as_of=as_of, today=as_of)
        )
    )


def test_the_decision_is_the_worked_one(case: dict[str, Any], julien: Policy) -> None:
    decisions = decided(case, julien, case.get("as_of", FAR))
    for category, decision in decisions.items():
        match case:
            case {"due": due}:
                assert isinstance(decision, Due)
                assert decision.since == (due[category] if isinstance(due, dict) else due)
                assert decision.action == case.get("then", decision.action)
            case {"keep": "open"}:
                assert isinstance(decision, Keep)
                assert decision.until is None
            case {"undetermined": event}:
                assert decision == Undetermined((event,))
            case _:
                pytest.fail("a case without an answer")


def test_it_is_due_from_that_day_on_and_not_a_day_earlier(case: dict[str, Any], julien: Policy) -> None:
    dues = case.get("due", {})
    for category in case["fields"] if dues else ():
        due = dues[category] if isinstance(dues, dict) else dues
        assert isinstance(decided(case, julien, due)[category], Due)
        assert not isinstance(decided(case, julien, due - DAY)[category], Due)


def test_the_archive_begins_on_the_worked_day(case: dict[str, Any], julien: Policy) -> None:
    begins: dt.date | None = case.get("archive_from")
    if begins is None:
        return
    for category in case["fields"]:
        assert isinstance(decided(case, julien, begins - DAY)[category], Keep)
        decision = decided(case, julien, begins)[category]
        assert isinstance(decision, Archive | Held)
        assert decision.since == begins
