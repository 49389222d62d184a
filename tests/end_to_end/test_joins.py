"""Joining stores: what a join would betray is found, and after a run it betrays nobody."""

from __future__ import annotations

import random

import pandas as pd
import pytest

from benchmarks.attack.joins import PERSON, joins


def tables(*, exact: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A CRM and a billing system that share a day and an amount of each person, or only coarse ones."""
    chance = random.Random(3)
    people = list(range(400))
    days = [f"20{chance.randrange(10, 26)}-{chance.randrange(1, 13):02}-{chance.randrange(1, 28):02}" for _ in people]
    cents = [chance.randrange(1, 4000) for _ in people]
    regions = [chance.choice(["Bretagne", "Alsace"]) for _ in people]
    crm = pd.DataFrame({PERSON: people, "since": days, "region": regions, "euros": [each / 100 for each in cents]})
    billing = pd.DataFrame({PERSON: people, "paid": days, "region": regions, "cents": cents}).sample(
        frac=1, random_state=1
    )
    if not exact:
        crm["since"] = [f"{each[:4]}-01-01" for each in days]
        crm["euros"] = [round(each / 1000) * 10 for each in cents]
        billing["paid"] = [chance.choice(days) for _ in people]
        billing["cents"] = [chance.randrange(1, 4000) for _ in people]
    return crm, billing


def test_a_join_that_betrays_persons_is_found() -> None:
    crm, billing = tables(exact=True)
    found = {(each.left, each.right): each for each in joins(crm, billing, ["region"]) if each.betrays}
    assert (("since",), ("paid",)) in found
    assert (("euros",), ("cents",)) in found
    both = found[("since", "euros"), ("paid", "cents")]
    assert both.found == pytest.approx(400, rel=0.05)
    assert both.chance < 10


def test_a_coarse_cell_that_both_show_is_chance() -> None:
    crm, billing = tables(exact=False)
    assert [each for each in joins(crm, billing, ["region"]) if each.betrays] == []
