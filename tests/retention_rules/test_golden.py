"""The worked examples of the model, decided by the shipped policies."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from retention_rules.decide import Facts, decide
from retention_rules.decisions import Archive, Decision, Due, Held, Keep, Undetermined
from retention_rules.events import Event, Missing, Open, occurrences
from retention_rules.holds import Hold
from retention_rules.loading import PolicyInvalid, load_policy
from retention_rules.periods import Period
from retention_rules.policy import Policy
from retention_rules.terms import Figure, Figures, TenantTerms

CASES: list[dict[str, Any]] = YAML(typ="safe", pure=True).load(
    Path(__file__).with_name("golden").joinpath("due_dates.yaml").read_text(encoding="utf-8")
)
FAR = dt.date(2099, 1, 1)
DAY = dt.timedelta(days=1)
TENANT = "acme"


DUE = [case for case in CASES if "due" in case]
DECIDED = [case for case in CASES if "load_error" not in case]
REFUSED = [case for case in CASES if "load_error" in case]


def named(case: dict[str, Any]) -> str:
    return str(case["id"])


def policy_of(case: dict[str, Any]) -> Policy:
    """The case's policy, with its terms given by a tenant."""
    return loaded(case.get("policy", "julien"), tuple(sorted(case.get("terms", {}).items())), tuple(case["fields"]))


@cache
def loaded(name: str, given: tuple[tuple[str, str], ...], fields: tuple[str, ...]) -> Policy:
    mine = {
        branch.term
        for purpose in load_policy(name, figures=None).purposes_for(fields[0])
        for branch in purpose.periods
        if branch.term
    }
    others = {term: "3 years" for term in load_policy(name, figures=None).terms if term not in mine}
    figures = {term: Figure(Period.parse(text)) for term, text in {**others, **dict(given)}.items()}
    return load_policy(name, figures=Figures((TenantTerms(TENANT, figures),), frozenset({TENANT})))


def decided(case: dict[str, Any], policy: Policy, as_of: dt.date) -> dict[str, Decision]:
    """The case's decisions, each value observed on that day."""
    given = dict(case["given"])
    hold = given.pop("hold", None)
    holds = [Hold("case", hold["from"], hold.get("to"))] if hold else []
    agreement = given.pop("agreement", None)
    if agreement:
        given |= {"agreement_start": agreement["from"], "agreement_end": agreement.get("to", "open")}
    values: dict[str, bool | Decimal | str | None] = {
        name: given.pop(name) for name in policy.supplied_facts if name in given
    }
    values["tenant"] = TENANT
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


@pytest.mark.parametrize("case", DECIDED, ids=named)
def test_the_decision_is_the_worked_one(case: dict[str, Any]) -> None:
    decisions = decided(case, policy_of(case), case.get("as_of", FAR))
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


@pytest.mark.parametrize("case", DUE, ids=named)
def test_it_is_due_from_that_day_on_and_not_a_day_earlier(case: dict[str, Any]) -> None:
    policy, dues = policy_of(case), case["due"]
    for category in case["fields"]:
        due = dues[category] if isinstance(dues, dict) else dues
        assert isinstance(decided(case, policy, due)[category], Due)
        assert not isinstance(decided(case, policy, due - DAY)[category], Due)


@pytest.mark.parametrize("case", [case for case in CASES if "archive_from" in case], ids=named)
def test_the_archive_begins_on_the_worked_day(case: dict[str, Any]) -> None:
    policy, begins = policy_of(case), case["archive_from"]
    for category in case["fields"]:
        assert isinstance(decided(case, policy, begins - DAY)[category], Keep)
        decision = decided(case, policy, begins)[category]
        assert isinstance(decision, Archive | Held)
        assert decision.since == begins


@pytest.mark.parametrize("case", REFUSED, ids=named)
def test_a_term_without_a_figure_or_beyond_its_bounds_does_not_load(case: dict[str, Any]) -> None:
    with pytest.raises(PolicyInvalid) as caught:
        policy_of(case)
    (problem,) = caught.value.problems
    assert f"`{case['load_error']}`" in problem.what


def test_no_case_is_left_out() -> None:
    assert len(DECIDED) + len(REFUSED) == len(CASES) == 25
