"""Answers over live rows and ledger together: exact, in cells that do not overlap and are safe to see."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from counted_visits import REPLACED, TURNOVER, CountedVisits, visits_of

from connectors.errors import ConnectorError
from connectors.sql.answers import FOLDED, Asked, Rules
from connectors.sql.tally import Increment
from pipelines.data_map.model import StoreMap
from pipelines.errors import Refused
from pipelines.statistics.questions import registered
from pipelines.statistics.settling import LARGEST_SHARE, PROTECTION, undominated

DAY = dt.date(2026, 6, 30)
JANUARY, MARCH = dt.date(2026, 1, 5), dt.date(2026, 3, 5)
NAMES = ("at_month", "region")
Cell = tuple[str | None, ...]


def asked(visits: CountedVisits) -> Asked:
    rules = Rules(TURNOVER.minimum, str(LARGEST_SHARE), str(PROTECTION))
    question = visits.registered[0].question
    return Asked(question, "visits", NAMES, rules, visits.connector.journal.tally.released)


def shown(visits: CountedVisits) -> dict[Cell, tuple[int, int, int, Decimal]]:
    """Cell: how often folded, rows, subjects, sum."""
    with visits.connector.reading() as connection:
        rows = connection.execute(asked(visits).shown()).mappings().all()
    return {
        tuple(row[name] for name in NAMES): (
            row[FOLDED], int(row["n"]), int(row["subjects"]), Decimal(str(row["total"]))
        )
        for row in rows
    }  # fmt: skip


def hidden(visits: CountedVisits) -> bool:
    with visits.connector.reading() as connection:
        return connection.execute(asked(visits).hidden()).first() is not None


def people(name: str, count: int) -> Iterator[str]:
    return (f"{name}{number}" for number in range(count))


@dataclass(frozen=True)
class Said:
    """What one person, or a released crowd, has said in a cell."""

    cell: Cell
    person: str | None
    n: int
    subjects: int
    total: Decimal
    weight: Decimal
    crowd: int = 0


def said(rows: list[dict[str, Any]]) -> list[Said]:
    """What live rows say."""
    amounts: dict[tuple[Cell, str | None], list[Decimal]] = defaultdict(list)
    for row in rows:
        amounts[(row["at"] and f"{row['at']:%Y-%m}", row["region"]), row["person"]].append(Decimal(row["cents"] or 0))
    return [
        Said(cell, person, len(each), person is not None, sum(each), abs(sum(each)))  # type: ignore[arg-type]
        for (cell, person), each in amounts.items()
    ]


def safe(mine: list[Said]) -> bool:
    sizes: dict[str, Decimal] = defaultdict(Decimal)
    for each in mine:
        if each.person is not None:
            sizes[each.person] += each.weight
    first, second = (*sorted(sizes.values(), reverse=True), Decimal(0), Decimal(0))[:2]
    crowd = max(each.crowd for each in mine)
    counted = (each.weight for each in mine if each.person is not None or crowd >= TURNOVER.minimum)
    whole = sum(counted, Decimal(0))
    return max(len(sizes), crowd) >= TURNOVER.minimum and undominated(first, second, whole)


def reference(rows: list[dict[str, Any]], released: list[Increment]) -> dict[Cell, tuple[int, int, int, Decimal]]:
    """The same in plain Python: level by level, what is not safe goes on to the next."""
    crowds = []
    for each in released:
        total = each.totals.total or Decimal(0)
        place = tuple(json.loads(each.cell))
        crowds.append(Said(place, None, each.totals.n, each.totals.subjects, total, abs(total), each.persons))
    left, found = said(rows), {}
    for level in range(3):
        cells: dict[Cell, list[Said]] = defaultdict(list)
        for one in (*left, *(crowd for crowd in crowds if len(crowd.cell) == 2 - level)):
            cells[one.cell[: 2 - level]].append(one)
        left = []
        for place, mine in cells.items():
            if safe(mine):
                sums = (sum(one.n for one in mine), sum(one.subjects for one in mine), sum(one.total for one in mine))
                found[(*place, *["*"] * level)] = (level, *sums)
            else:
                left += [replace(one, cell=place) for one in mine]
    return found  # type: ignore[return-value]


def test_live_and_released_are_answered_together(visits: CountedVisits) -> None:
    visits.add(visits_of(people("a", 30), JANUARY, "Alsace"))
    visits.add(visits_of(people("b", 12), JANUARY, "Bretagne", first=100))
    before = shown(visits)
    assert before == {
        ("2026-01", "Alsace"): (0, 30, 30, Decimal(3000)),
        ("2026-01", "Bretagne"): (0, 12, 12, Decimal(1200)),
    }
    visits.delete(visits.table.c.id < 15, DAY)
    assert shown(visits)["2026-01", "Alsace"] == (0, 15, 15, Decimal(1500)), "what is pending is not told"
    visits.settle(DAY)
    assert shown(visits) == before
    assert not hidden(visits)
    visits.delete(visits.table.c.id < 100, DAY)
    visits.settle(DAY)
    assert shown(visits) == before, "though no row of it is left"


def test_small_cells_fold_upward_or_are_held_back(visits: CountedVisits) -> None:
    visits.add(visits_of(people("a", 11), JANUARY, "Alsace"))
    visits.add(visits_of(people("b", 6), JANUARY, "Bretagne", first=20))
    visits.add(visits_of(people("c", 6), JANUARY, None, first=40))
    visits.add(visits_of(people("d", 3), MARCH, "Alsace", first=60))
    assert shown(visits) == {
        ("2026-01", "Alsace"): (0, 11, 11, Decimal(1100)),
        ("2026-01", "*"): (1, 12, 12, Decimal(1200)),
    }
    assert hidden(visits)
    visits.add(visits_of(people("b", 11), MARCH, "Bretagne", cents=1, first=80))
    visits.run("UPDATE visits SET cents = 1000000 WHERE id = 80")
    assert ("2026-03", "Bretagne") not in shown(visits), "one person dominates it"


def test_one_person_in_many_rows_is_one(visits: CountedVisits) -> None:
    visits.add(visits_of(["anne"] * 40, JANUARY, "Alsace"))
    visits.add(visits_of([None] * 40, JANUARY, "Bretagne", first=50))  # type: ignore[list-item]
    assert shown(visits) == {}
    assert hidden(visits)


@pytest.mark.parametrize("value", REPLACED)
def test_what_is_put_in_the_place_of_persons_is_nobody(visits: CountedVisits, value: str) -> None:
    """Neither are a few with many rows as many, nor are many whom one name stands for one."""
    visits.add(visits_of([*people("a", 12)] * 3, JANUARY, "Alsace"))
    visits.add(visits_of([*people("b", 4)] * 3, JANUARY, "Bretagne", first=100))
    before = shown(visits)
    assert before == {("2026-01", "Alsace"): (0, 36, 12, Decimal(3600))}
    visits.write(sa.true(), {"person": REPLACED[value]}, DAY)
    visits.settle(DAY)
    assert shown(visits) == before
    visits.add(visits_of(["anne"], JANUARY, "Alsace", first=200))
    assert shown(visits) == {("2026-01", "Alsace"): (0, 37, 13, Decimal(3700))}, "she hides among those who were there"
    visits.delete(visits.table.c.region == "Bretagne", DAY)
    visits.settle(DAY + dt.timedelta(days=900))
    assert [(json.loads(each.cell), each.persons) for each in visits.released()] == [(["2026-01", "Alsace"], 12)]


@pytest.mark.parametrize("seed", range(2))
def test_answers_are_those_of_a_plain_count(visits: CountedVisits, seed: int) -> None:
    drawn = random.Random(seed)
    visits.add(
        {
            "id": number,
            "person": drawn.choice([f"p{n}" for n in range(180)] + [None]),
            "at": drawn.choice([dt.date(2025, 1 + number % 4, 9), None]),
            "region": drawn.choice(["Alsace", "Alsace", "Bretagne", "bretagne", 'd\'Île "1", 100 %', None]),
            "cents": drawn.choice([None, 0, 7, -7, 50, 60, 70, 1999]),
        }
        for number in range(400)
    )
    visits.delete(visits.table.c.id % 3 == 0, DAY - dt.timedelta(days=500))
    visits.settle(DAY)
    visits.delete(visits.table.c.id % 5 == 0, DAY)
    visits.settle(DAY)
    assert visits.released()
    assert shown(visits) == reference(visits.rows(), visits.released())


def test_a_view_shows_the_same(visits: CountedVisits) -> None:
    visits.add(visits_of(people("a", 20), JANUARY, "Alsace 100 %"))
    visits.add(visits_of(people("b", 6), JANUARY, "Bretagne", first=20))
    visits.add(visits_of(people("c", 6), JANUARY, "Corse", first=30))
    visits.delete(visits.table.c.id < 12, DAY)
    visits.write(visits.table.c.id < 15, {"person": "nobody"}, DAY)
    visits.settle(DAY)
    if visits.admin.dialect.name not in {"sqlite", "postgresql"}:
        visits.run(f"GRANT CREATE VIEW, DROP ON {visits.admin.url.database}.* TO ardoise_write@localhost")
    question = registered(visits.connector, visits.map, "visits", plain=True)[0].question
    for _ in range(2):
        with visits.connector.writing() as connection, connection.begin():
            shows = replace(asked(visits), question=question).shown()
            name = visits.connector.make_view(connection, "statistic_visits_turnover", shows)
    columns = ", ".join((*NAMES, FOLDED, "n", "total"))
    with visits.admin.connect() as connection:  # of a client that knows nothing of the engine
        found = connection.execute(sa.text(f"SELECT {columns} FROM {name} ORDER BY n")).all()
    assert [tuple(map(str, row)) for row in found] == [
        ("2026-01", "*", "1", "12", str(found[0].total)),
        ("2026-01", "Alsace 100 %", "0", "20", str(found[1].total)),
    ]
    assert [Decimal(row.total) for row in found] == [1200, 2000]


@pytest.mark.parametrize("visits", ["postgresql"], indirect=True)
def test_what_is_pending_is_for_nobody_to_read(visits: CountedVisits) -> None:
    visits.add(visits_of(people("a", 20), JANUARY, "Alsace"))
    visits.delete(visits.table.c.id < 3, DAY)
    tally = visits.connector.journal.tally
    for table in tally.closed:
        with pytest.raises(ConnectorError, match="right"), visits.connector.reading() as connection:
            connection.execute(sa.select(table))
    assert visits.released() == []
    visits.delete(visits.table.c.id < 15, DAY)
    visits.settle(DAY)
    assert [each.totals.n for each in visits.released()] == [15]


@pytest.mark.parametrize("visits", ["sqlite"], indirect=True)
def test_a_statistic_that_asks_something_else_needs_a_new_name(visits: CountedVisits) -> None:
    visits.settle(DAY)
    dataset = visits.map.datasets["visits"]

    def changed(**changes: Any) -> None:
        other = dataset.model_copy(update={"statistics": (TURNOVER.model_copy(update=changes),)})
        visits.registered = registered(visits.connector, StoreMap(store="shop", datasets={"visits": other}), "visits")
        visits.settle(DAY)

    changed(minimum=20, deadline="2 years")
    for changes in ({"by": TURNOVER.by[:1]}, {"upward": ("at", "region")}, {"subject": ("id",)}, {"squares": False}):
        with pytest.raises(Refused, match="turnover asks something else"):
            changed(**changes)
    changed(name="turnover_2", by=TURNOVER.by[:1])
