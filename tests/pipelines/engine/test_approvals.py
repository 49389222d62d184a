"""Approvals: nothing destructive runs without one in the ledger that is about exactly this."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from engine_samples import AS_OF, HOUR, NOON, POLICY, refused_plan, sample_plan, sample_step

from pipelines.engine import EngineDatabase, EngineKeys
from pipelines.engine.approvals import Extent, extent_of
from pipelines.engine.tables import ledger
from pipelines.errors import LedgerBroken, NotApproved, UsageError
from pipelines.plan.artefact import Place, Plan, Tally

DAY = dt.timedelta(days=1)


@pytest.fixture
def two_persons(tmp_path: Path, engine_keys: EngineKeys) -> EngineDatabase:
    """An estate where who requests a plan may not approve it."""
    return EngineDatabase.open(f"sqlite:///{tmp_path / 'two.sqlite'}", engine_keys, two_persons=True)


def stored(engine: EngineDatabase, plan: Plan, by: str | None = None) -> Plan:
    engine.plans.store(plan, at=NOON, by=by)
    return plan


def approve(engine: EngineDatabase, plan: Plan, by: str = "dpo", expires: dt.datetime = NOON + DAY) -> int:
    return engine.approvals.approve(plan.digest, by=by, at=NOON, expires=expires).sequence


def grant(engine: EngineDatabase, **changes: Any) -> int:
    values: dict[str, Any] = {
        "controller": "JULIEN", "policy_digest": POLICY, "by": "dpo", "at": NOON, "expires": NOON + 30 * DAY,
        "max_count": 100, "max_share": 0.5,
    }  # fmt: skip
    return engine.approvals.grant_standing(**(values | changes)).sequence


def refusal(engine: EngineDatabase, plan: Plan, now: dt.datetime = NOON + HOUR, **more: Any) -> NotApproved:
    with pytest.raises(NotApproved) as caught:
        engine.approvals.authorise(plan, now=now, **more)
    assert caught.value.exit_code == 4
    assert caught.value.remedy
    return caught.value


def test_an_approved_plan_is_authorised_by_that_entry(engine: EngineDatabase) -> None:
    plan = stored(engine, sample_plan())
    sequence = approve(engine, plan)
    found = engine.approvals.authorise(plan, now=NOON + HOUR)
    assert (found.plan, found.entry, found.by, found.expires) == (plan.digest, sequence, "dpo", NOON + DAY)
    assert not found.standing


def test_an_unapproved_plan_is_refused_and_the_remedy_names_the_command(engine: EngineDatabase) -> None:
    plan = stored(engine, sample_plan())
    assert f"ardoise approve {plan.digest[:12]}" in refusal(engine, plan).remedy


def test_an_approval_is_for_exactly_one_plan(light_engine: EngineDatabase) -> None:
    approve(light_engine, stored(light_engine, sample_plan(as_of=AS_OF - DAY)))
    other = stored(light_engine, sample_plan())
    assert f"ardoise approve {other.digest[:12]}" in refusal(light_engine, other).remedy


def test_a_plan_that_was_never_stored_is_refused(light_engine: EngineDatabase) -> None:
    assert "not a plan of this engine database" in refusal(light_engine, sample_plan()).what
    with pytest.raises(UsageError, match="no such plan"):
        approve(light_engine, sample_plan())


def test_an_approval_ends_at_its_expiry_and_begins_when_it_is_given(light_engine: EngineDatabase) -> None:
    plan = stored(light_engine, sample_plan())
    approve(light_engine, plan)
    light_engine.approvals.authorise(plan, now=NOON + DAY - dt.timedelta(seconds=1))
    assert "has expired" in refusal(light_engine, plan, NOON + DAY).what
    assert "later than now" in refusal(light_engine, plan, NOON - HOUR).what


def test_an_approval_that_would_have_expired_is_not_given(light_engine: EngineDatabase) -> None:
    plan = stored(light_engine, sample_plan())
    with pytest.raises(UsageError, match="expired already"):
        approve(light_engine, plan, expires=NOON)
    with pytest.raises(UsageError, match="expired already"):
        grant(light_engine, expires=NOON)


def test_a_revoked_approval_no_longer_counts_and_another_still_does(light_engine: EngineDatabase) -> None:
    plan = stored(light_engine, sample_plan())
    first = approve(light_engine, plan)
    light_engine.approvals.revoke(first, by="dpo", at=NOON)
    assert "was revoked" in refusal(light_engine, plan).what
    second = approve(light_engine, plan)
    assert light_engine.approvals.authorise(plan, now=NOON + HOUR).entry == second


@pytest.mark.parametrize("sequence", [1, 99])
def test_only_approvals_are_revoked(light_engine: EngineDatabase, sequence: int) -> None:
    approve(light_engine, stored(light_engine, sample_plan()))
    with pytest.raises(UsageError, match="is no approval"):
        light_engine.approvals.revoke(sequence, by="dpo", at=NOON)


def test_a_superseded_plan_is_neither_approved_nor_applied(light_engine: EngineDatabase) -> None:
    older = stored(light_engine, sample_plan(10))
    approve(light_engine, older)
    stored(light_engine, sample_plan(11))
    assert "superseded" in refusal(light_engine, older).what
    with pytest.raises(NotApproved, match="superseded"):
        approve(light_engine, older)


def test_a_plan_with_refusals_is_allowed_by_nothing(light_engine: EngineDatabase) -> None:
    plan = stored(light_engine, refused_plan())
    grant(light_engine)
    with pytest.raises(NotApproved, match="suddenly empty"):
        approve(light_engine, plan)
    assert "suddenly empty" in refusal(light_engine, plan).what


def test_a_forged_approval_stops_everything(engine: EngineDatabase) -> None:
    plan = stored(engine, sample_plan())
    other = stored(engine, sample_plan(as_of=AS_OF - DAY))
    approve(engine, other)
    with engine.connections.write() as connection:
        body = ledger.c.body
        row = connection.execute(ledger.select().where(ledger.c.kind == "approval")).one()
        forged = row.body.replace(other.digest, plan.digest)
        connection.execute(ledger.update().where(ledger.c.sequence == row.sequence).values({body: forged}))
    with pytest.raises(LedgerBroken):
        engine.approvals.authorise(plan, now=NOON + HOUR)


# ── two persons ──


def test_who_requested_a_plan_may_not_approve_it_where_two_persons_are_required(two_persons: EngineDatabase) -> None:
    plan = stored(two_persons, sample_plan(), by="anne")
    with pytest.raises(NotApproved, match="may not approve"):
        approve(two_persons, plan, by="anne")
    sequence = approve(two_persons, plan, by="dpo")
    assert two_persons.approvals.authorise(plan, now=NOON + HOUR).entry == sequence
    assert "who requested it" in refusal(two_persons, plan, requested_by="dpo").what


def test_where_nobody_knows_who_requested_it_two_persons_are_not_shown(two_persons: EngineDatabase) -> None:
    plan = stored(two_persons, sample_plan())
    approve(two_persons, plan)
    assert "is not known" in refusal(two_persons, plan).what
    assert two_persons.approvals.authorise(plan, now=NOON + HOUR, requested_by="anne").by == "dpo"


def test_a_standing_approval_needs_two_persons_too(two_persons: EngineDatabase) -> None:
    for requester in (None, "dpo"):
        with pytest.raises(NotApproved, match="two persons"):
            grant(two_persons, requester=requester)
    plan = stored(two_persons, sample_plan())
    sequence = grant(two_persons, requester="anne")
    assert two_persons.approvals.authorise(plan, now=NOON + HOUR).entry == sequence


def test_one_person_is_enough_where_the_estate_says_so(light_engine: EngineDatabase) -> None:
    plan = stored(light_engine, sample_plan(), by="anne")
    approve(light_engine, plan, by="anne")
    assert light_engine.approvals.authorise(plan, now=NOON + HOUR, requested_by="anne").by == "anne"


def test_a_standing_approval_from_before_the_rule_of_two_does_not_count_under_it(
    two_persons: EngineDatabase, engine_keys: EngineKeys
) -> None:
    lax = EngineDatabase.open(str(two_persons.connections.engine.url), engine_keys)
    grant(lax)
    lax.close()
    assert "is not known" in refusal(two_persons, stored(two_persons, sample_plan())).what


# ── standing approvals ──


def test_a_standing_approval_allows_plans_within_its_limits(engine: EngineDatabase) -> None:
    sequence = grant(engine, max_count=10, max_share=0.1)
    plan = stored(engine, sample_plan(10, found=100))
    found = engine.approvals.authorise(plan, now=NOON + HOUR)
    assert found.standing
    assert found.entry == sequence


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"max_count": 9}, "allows 9 records, the plan has 10"),
        ({"max_share": 0.09}, "allows 9% of a dataset, the plan takes 10%"),
        ({"policy_digest": "f" * 64}, "another version of the policy"),
        ({"expires": NOON + HOUR}, "has expired"),
    ],
)
def test_beyond_a_standing_approval_a_person_is_needed(
    light_engine: EngineDatabase, limits: dict[str, Any], reason: str
) -> None:
    grant(light_engine, **limits)
    plan = stored(light_engine, sample_plan(10, found=100))
    assert reason in refusal(light_engine, plan).what
    approve(light_engine, plan)
    assert not light_engine.approvals.authorise(plan, now=NOON + HOUR).standing


def test_a_standing_approval_is_for_one_controller(light_engine: EngineDatabase) -> None:
    plan = stored(light_engine, sample_plan())
    grant(light_engine, controller="OTHER")
    assert "no approval" in refusal(light_engine, plan).what
    sequence = grant(light_engine)
    assert light_engine.approvals.authorise(plan, now=NOON + HOUR).entry == sequence


def test_a_standing_approval_can_be_revoked(light_engine: EngineDatabase) -> None:
    sequence = grant(light_engine)
    light_engine.approvals.revoke(sequence, by="dpo", at=NOON)
    assert "was revoked" in refusal(light_engine, stored(light_engine, sample_plan())).what


@pytest.mark.parametrize("limits", [{"max_share": 1.5}, {"max_count": -1}, {"by": "dpo@acme.example"}])
def test_a_standing_approval_without_sense_is_not_given(light_engine: EngineDatabase, limits: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        grant(light_engine, **limits)


def test_the_extent_of_a_plan_is_its_largest_share_and_all_of_its_records() -> None:
    steps = (sample_step(10), sample_step(30), sample_step(5, "notes"), sample_step(0, "logs"))
    plan = sample_plan(steps=steps, found=160)
    assert extent_of(plan) == Extent(45, 1.0)  # nothing says how many notes there are
    assert extent_of(sample_plan(steps=steps[:2], found=160)) == Extent(40, 0.25)
    assert extent_of(sample_plan(steps=())) == Extent(0, 0.0)


def test_a_share_is_of_the_records_in_both_places_each_counted_once() -> None:
    emptied, whole = "contract.evidence", "user.contact.email"
    tallies = (
        Tally("crm", "contacts", whole, found=30, kept=30),
        Tally("crm", "contacts", emptied, found=10, kept=10),
        Tally("crm", "contacts", emptied, found=30, due=10, archived=20, place=Place.ARCHIVE),
    )
    assert extent_of(sample_plan(tallies=tallies, steps=(sample_step(10),))) == Extent(10, 0.25)
