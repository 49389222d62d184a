"""What a contribution says of the persons behind it, held against a plain count in Python."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest
from counted_visits import CountedVisits

from connectors.sql.tally import Weight

DAY = dt.date(2026, 6, 30)
Row = dict[str, Any]


def cell(row: Row, level: int) -> tuple[Any, ...]:
    return (row["at"] and f"{row['at']:%Y-%m}", row["region"])[: 2 - level]


def counted(gone: list[Row], left: list[Row]) -> dict[tuple[Any, ...], tuple[int, int, int, Decimal, list[Weight]]]:
    """By finest cell: rows, subjects who left it, sum, weight, and the weights by level."""
    found = {}
    for place in {cell(row, 0) for row in gone}:
        mine = [row for row in gone if cell(row, 0) == place]
        people = {row["person"] for row in mine} - {None}
        stay = {row["person"] for row in left if cell(row, 0) == place}
        sums = [abs(sum(row["cents"] or 0 for row in mine if row["person"] == each)) for each in people]
        weights = []
        for level in range(3):
            within = [row for row in gone if cell(row, level) == place[: 2 - level]]
            size: dict[str, Decimal] = defaultdict(Decimal)
            for fine in {cell(row, 0) for row in within}:
                for person in people:
                    amounts = [row["cents"] or 0 for row in within if (cell(row, 0), row["person"]) == (fine, person)]
                    size[person] += abs(sum(amounts))
            staying = {row["person"] for row in left if cell(row, level) == place[: 2 - level]}
            leave = sorted((size[each] for each in people - staying), reverse=True)
            remain = sorted((size[each] for each in people & staying), reverse=True)
            weights.append(Weight(len(people - staying), *(*leave, 0, 0)[:2], *(*remain, 0, 0)[:2]))
        found[place] = (len(mine), len(people - stay), sum(row["cents"] or 0 for row in mine), sum(sums), weights)
    return found


@pytest.mark.parametrize("seed", range(3))
def test_subjects_and_weights_are_those_of_a_plain_count(visits: CountedVisits, seed: int) -> None:
    drawn = random.Random(seed)
    visits.add(
        {
            "id": number,
            "person": drawn.choice([f"p{n}" for n in range(25)] + [None]),
            "at": drawn.choice([dt.date(2025, 1 + number % 3, 9), None]),
            "region": drawn.choice(["Alsace", "Bretagne", "bretagne", "Île-de-France", None]),
            "cents": drawn.choice([None, 0, 7, -7, 1999, 10**8]),
        }
        for number in range(160)
    )
    before = visits.rows()
    visits.delete(visits.table.c.id % 3 == 0, DAY)
    left = visits.rows()
    gone = [row for row in before if row not in left]
    expected = counted(gone, left)
    found = {}
    for each in visits.pending():
        place = tuple(json.loads(each.cell))
        total = each.totals
        found[place] = (total.n, total.subjects, total.total, each.weight)
        reference = expected[place][4]
        assert each.weights[0] == reference[0]
        for level in (1, 2):
            ours, theirs = each.weights[level], reference[level]
            assert (ours.left_1, ours.left_2) == (theirs.left_1, theirs.left_2)
            assert (ours.stayed_1, ours.stayed_2) == (theirs.stayed_1, theirs.stayed_2)
    assert found == {place: each[:4] for place, each in expected.items()}
    for level in (1, 2):
        for coarse in {cell(row, level) for row in gone}:
            people = {row["person"] for row in gone if cell(row, level) == coarse} - {None}
            people -= {row["person"] for row in left if cell(row, level) == coarse}
            said = [
                each.weights[level].persons if level in each.weights else 0
                for each in visits.pending()
                if tuple(json.loads(each.cell))[: 2 - level] == coarse
            ]
            assert sum(said) == len(people), "each person is counted once in a coarser cell"


def test_a_person_who_goes_bit_by_bit_is_one_person(visits: CountedVisits) -> None:
    """Eleven visits of one person, deleted one a day, never look like eleven persons."""
    rows = [{"id": n, "person": "anne", "at": dt.date(2025, 1, 9), "region": "Alsace", "cents": 5} for n in range(11)]
    visits.add(rows)
    for number in range(11):
        visits.delete(visits.table.c.id == number, DAY + dt.timedelta(days=number))
        visits.settle(DAY + dt.timedelta(days=number))
    (kept,) = visits.pending()
    assert (kept.totals.n, kept.totals.subjects, kept.weights[0].persons) == (11, 1, 1)
    assert visits.released() == []
