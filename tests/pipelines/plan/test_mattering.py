"""Until when what a row told of a person can matter to records elsewhere."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from pipelines.plan.mattering import matters_after
from retention_rules.loading import load_policy
from retention_rules.policy import Policy

AS_OF = dt.date(2026, 6, 30)

POLICY = """
policy: shop
controller: SHOP
time_zone: Europe/Paris
events: {ended: end, left: end, lost: end, joined: end, called: point, objected: point, idle: point, won: point}
facts: {client: ended is open, member: joined is not absent, known: member or client}
purposes:
  running: {basis: contract, source: A, keeps: [user.name], after: ended, then: delete}
  short: {basis: legitimate_interest, source: B, keeps: [user.name], after: {latest: [ended, called]}, for: 2 years,
          then: delete}
  first: {basis: legitimate_interest, source: E, keeps: [user.name], after: {earliest: [called, won]}, for: 1 year,
          then: delete}
  long: {basis: legitimate_interest, source: C, keeps: [user.contact], when: not client, after: {latest: [lost, left]},
         for: 5 years, ended_by: objected, then: delete}
  unless: {basis: legitimate_interest, source: D, keeps: [user.contact], when: not known, after: left, for: 1 year,
           then: delete}
"""


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    (tmp_path / "shop.yaml").write_text(POLICY)
    return load_policy(tmp_path / "shop.yaml")


@pytest.mark.parametrize(
    ("event", "day"),
    [
        ("ended", dt.date(2024, 6, 29)),  # what asks whether it is open cannot tell its end from nothing
        ("lost", dt.date(2021, 6, 29)),
        ("won", dt.date.min),  # without it the period would begin with a call
        ("left", dt.date(2021, 6, 29)),
        ("joined", dt.date.min),
        ("objected", dt.date.min),
        ("idle", None),
    ],
)
def test_a_day_matters_as_long_as_the_longest_purpose_that_asks_for_it(
    policy: Policy, event: str, day: dt.date | None
) -> None:
    assert matters_after(policy, policy.purposes, event, AS_OF) == day


def test_what_the_purposes_of_no_other_record_ask_for_does_not_matter(policy: Policy) -> None:
    others = [each for each in policy.purposes if each.name in {"running", "short"}]
    assert matters_after(policy, others, "joined", AS_OF) is None
    assert matters_after(policy, others, "called", AS_OF) == dt.date(2024, 6, 29)
