"""Joining stores by values and by order: what would betray somebody is found, and what tells nothing is not."""

from __future__ import annotations

import random

import pandas as pd
import pytest

from benchmarks.attack.joins import PERSON, joins
from benchmarks.attack.ranks import NOBODY, ranks


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


def numbered(*, alike: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A CRM and a billing system that number the same persons in the order in which they came, or not; half are nobody.

    Days are about those on which they came; billing knows two in three.
    """
    chance = random.Random(5)
    people = list(range(900))
    days = [f"20{10 + each // 60:02}-{1 + each // 5 % 12:02}-{1 + each % 5 * 5:02}" for each in people]
    nobody = [chance.random() < 0.5 for _ in people]
    crm = pd.DataFrame({PERSON: people, NOBODY: nobody, "id": people, "since": days})
    billing = crm[[chance.random() < 0.66 for _ in people]].copy()
    billing["id"] = range(7000, 7000 + len(billing))
    if not alike:
        crm["id"] = chance.sample(range(10_000), len(crm))
        crm["since"] = chance.sample(days, len(days))
    regions = [chance.choice(["Bretagne", "Alsace", "Corse"]) for _ in people]
    return tuple(table.assign(region=table[PERSON].map(regions.__getitem__)) for table in (crm, billing))


@pytest.mark.parametrize("column", ["id", "since"])
def test_an_order_that_betrays_persons_is_found(column: str) -> None:
    found = {(each.left, each.right): each for each in ranks(*numbered(alike=True), ["region"])}
    told = found[column, "id"]
    assert told.betrays
    assert told.found / told.persons > 0.5
    assert told.chance / told.persons < 0.05


def test_orders_that_have_nothing_to_do_with_each_other_are_chance() -> None:
    found = list(ranks(*numbered(alike=False), ["region"]))
    assert len(found) == 4
    assert not [each for each in found if each.betrays]
    assert all(each.bound < 0.05 for each in found)
