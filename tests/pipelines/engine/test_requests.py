"""Requests of persons: recorded and retracted, their history kept, a plan bound to those that count."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
from engine_samples import HOUR, NOON

from pipelines.engine import EngineDatabase, RequestRecord
from pipelines.errors import UsageError
from pipelines.requests import ended_purposes
from retention_rules.loading import load_policy
from retention_rules.policy import Policy
from retention_rules.purposes import Right

ANNE, BOB = "a" * 32, "b" * 32
DAY = dt.date(2026, 6, 1)


def recorded(
    engine: EngineDatabase, subject: str = ANNE, on: dt.date = DAY, controller: str = "JULIEN"
) -> RequestRecord:
    return engine.requests.record(controller, subject, Right.OBJECTION, {"objection"}, on=on, by="support", at=NOON)


def test_a_request_is_kept_and_its_retraction_too(engine: EngineDatabase) -> None:
    made = recorded(engine)
    assert engine.requests.list() == [made]
    assert engine.requests.standing("JULIEN") == (made,)

    retracted = engine.requests.retract(made.id, by="dpo", at=NOON + HOUR)

    assert engine.requests.list() == [retracted]
    assert retracted.retracted_by == "dpo"
    assert engine.requests.standing("JULIEN") == ()
    with pytest.raises(UsageError, match="no such request"):
        engine.requests.retract(made.id, by="dpo", at=NOON + HOUR)


def test_the_ledger_says_who_recorded_what_and_of_nobody_whom(engine: EngineDatabase) -> None:
    made = recorded(engine)
    engine.requests.retract(made.id, by="dpo", at=NOON)
    one, other = engine.ledger.entries()
    assert (one.kind, one.body) == (
        "request_recorded",
        {"request": made.id, "controller": "JULIEN", "right": "objection", "events": ["objection"], "on": "2026-06-01",
         "by": "support"},
    )  # fmt: skip
    assert (other.kind, other.body) == ("request_retracted", {"request": made.id, "by": "dpo"})
    assert engine.ledger.verify() == []


def test_a_controller_has_its_own_and_a_plan_what_was_recorded_before_it(light_engine: EngineDatabase) -> None:
    made = recorded(light_engine)
    recorded(light_engine, controller="OTHER")
    assert light_engine.requests.standing("JULIEN", NOON) == (made,)
    assert light_engine.requests.standing("JULIEN", NOON - HOUR) == ()


def test_the_digest_changes_with_what_counts_on_the_day_and_with_nothing_else(light_engine: EngineDatabase) -> None:
    none = light_engine.requests.digest("JULIEN", DAY)
    recorded(light_engine, controller="OTHER")
    recorded(light_engine, BOB, on=DAY + dt.timedelta(days=1))
    assert light_engine.requests.digest("JULIEN", DAY) == none
    made = recorded(light_engine)
    assert light_engine.requests.digest("JULIEN", DAY) != none
    light_engine.requests.retract(made.id, by="dpo", at=NOON)
    assert light_engine.requests.digest("JULIEN", DAY) == none


@pytest.mark.parametrize(
    ("subject", "events", "on", "what"),
    [
        ("anne@acme.example", {"objection"}, DAY, "keyed digest"),
        (ANNE, set(), DAY, "would end nothing"),
        (ANNE, {"objection"}, NOON.date() + dt.timedelta(days=2), "still to come"),
        (ANNE, {"what anne said"}, DAY, "does not admit"),
    ],
)
def test_what_makes_no_sense_is_not_recorded(
    light_engine: EngineDatabase, subject: str, events: set[str], on: dt.date, what: str
) -> None:
    with pytest.raises(UsageError, match=what):
        light_engine.requests.record("JULIEN", subject, Right.OBJECTION, events, on=on, by="support", at=NOON)
    assert light_engine.requests.list() == []


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    path = tmp_path / "p.yaml"
    path.write_text(
        "policy: p\ncontroller: C\ntime_zone: UTC\nevents: {left: end, objected: point, off: point, stop: point}\n"
        "ended_by: {legitimate_interest: objected}\npurposes:\n"
        "  follow: {basis: legitimate_interest, source: §, keeps: [user], after: left, for: P1Y, then: delete}\n"
        "  study: {basis: legitimate_interest, source: §, keeps: [user.name], after: left, then: delete}\n"
        "  letter: {basis: consent, source: §, keeps: [user], after: left, ended_by: off, then: delete}\n"
        "  poll: {basis: consent, source: §, keeps: [user.name], after: left, ended_by: off, then: delete}\n"
        "  advert: {basis: public_task, source: §, keeps: [user], after: left, ended_by: stop, then: delete}\n"
        "  run: {basis: contract, source: §, keeps: [user], after: left, then: delete}\n"
    )
    return load_policy(path)


def test_a_request_ends_what_rests_on_its_bases_and_what_ends_by_the_same_event(policy: Policy) -> None:
    def ended(right: Right, *names: str) -> list[str]:
        return [each.name for each in ended_purposes(policy, right, names)]

    assert ended(Right.OBJECTION) == ["follow", "study", "advert"]
    assert ended(Right.OBJECTION, "study", "follow") == ["follow", "study"]
    assert ended(Right.OBJECTION, "advert") == ["advert"]
    assert ended(Right.WITHDRAWAL) == ["letter", "poll"]
    assert ended(Right.WITHDRAWAL, "letter", "poll") == ["letter", "poll"]


@pytest.mark.parametrize(
    ("right", "names", "what"),
    [
        (Right.OBJECTION, ["follow"], "study would end with it"),
        (Right.OBJECTION, ["run"], "no purpose 'run' is ended by such a request"),
        (Right.OBJECTION, ["folow"], "no purpose 'folow'"),
        (Right.WITHDRAWAL, ["letter"], "poll would end with it"),
    ],
)
def test_a_request_that_would_end_something_else_is_not_understood(
    policy: Policy, right: Right, names: list[str], what: str
) -> None:
    with pytest.raises(UsageError, match=what):
        ended_purposes(policy, right, names)


def test_an_event_that_ends_what_the_request_cannot_is_no_way_to_record_it(policy: Policy) -> None:
    mixed = replace(policy, purposes=tuple(replace(each, ended_by="off") for each in policy.purposes))
    with pytest.raises(UsageError, match="letter, poll, run would end with it"):
        ended_purposes(mixed, Right.OBJECTION)


def test_a_policy_in_which_nothing_ends_by_request_takes_none() -> None:
    with pytest.raises(UsageError, match="no purpose on consent says what ends it"):
        ended_purposes(load_policy("starter"), Right.WITHDRAWAL)
