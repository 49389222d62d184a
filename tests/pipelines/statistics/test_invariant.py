"""Live rows and ledger together stay what they were, to the last digit, through everything that can happen to them.

Deletions and updates that are cut off anywhere and tried again, late runs, releases, upward merges, a restore of an
older copy of the store with the erasures done again: and no increment ever tells of fewer persons than it may.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
import sqlalchemy as sa
from counted_visits import BY_MONTH, REPLACED, CountedVisits, Killed, visits_in_a_file
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from connectors.sql.connector import SqlConnector
from connectors.sql.tally import Totals
from pipelines.data_map.model import Bucket, Statistic
from pipelines.statistics.settling import Partition, folded

MINIMUM = 5
STATISTICS = (
    Statistic(
        name="turnover", sum="cents", squares=True, by=BY_MONTH, subject=("person",), minimum=MINIMUM,
        deadline="2 months",
    ),
    Statistic(
        name="regions", by=(Bucket(column="region"), Bucket(column="at", by="year")), upward=("region", "at"),
        subject=("person",), minimum=MINIMUM, deadline="20 days",
    ),
    Statistic(name="rows", sum="cents", minimum=MINIMUM),
)  # fmt: skip
START = dt.date(2026, 6, 1)
MONTHS = [dt.date(2025, 12, 5), dt.date(2026, 1, 9), dt.date(2026, 5, 30), None]
REGIONS = ["Alsace", "Bretagne", None]
CENTS = [0, 1, 100, 100, 120, 9999, None]

Model = tuple[dict[str, dict[tuple[Any, ...], Totals]], set[int], set[tuple[int, str]]]


def cell(statistic: str, row: dict[str, Any]) -> tuple[Any, ...]:
    at, region = row["at"], row["region"]
    match statistic:
        case "turnover":
            return (at and f"{at:%Y-%m}", region)
        case "regions":
            return (region, at and f"{at:%Y}")
        case _:
            return ()


class Ledger(RuleBasedStateMachine):
    """One store, what an undisturbed observer would have counted in it, and whom the pending cells concern."""

    make: Callable[[], CountedVisits]

    def __init__(self) -> None:
        super().__init__()
        self.visits = type(self).make()
        self.today = START
        self.numbers = itertools.count()
        self.chunks = itertools.count()
        self.expected: dict[str, dict[tuple[Any, ...], Totals]] = defaultdict(lambda: defaultdict(Totals))
        self.written: set[tuple[int, str]] = set()
        self.behind: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        self.copy: Any = None

    # -- what happens

    @rule(
        visits=st.lists(
            st.tuples(st.integers(0, 3), st.sampled_from(MONTHS), st.sampled_from(REGIONS), st.sampled_from(CENTS)),
            min_size=1,
            max_size=25,
        )
    )
    def come(self, visits: list[tuple[int, Any, Any, Any]]) -> None:
        """Persons never seen before, with one visit or several."""
        newest = next(self.numbers)
        rows = [
            {"id": next(self.numbers), "person": f"p{newest}-{n // (1 + same)}", "at": at, "region": region, "cents": x}
            for n, (same, at, region, x) in enumerate(visits)
        ]
        self.visits.add(rows)
        for statistic, found in (("turnover", True), ("regions", False), ("rows", True)):
            seen = set()
            for row in rows:
                place = cell(statistic, row)
                who = row["id"] if statistic == "rows" else row["person"]
                x = Decimal(row["cents"] or 0)
                squares = x * x if statistic == "turnover" else None
                new = Totals(1, (place, who) not in seen, x if found else None, squares)
                seen.add((place, who))
                self.expected[statistic][place] += new

    @rule(part=st.integers(1, 4), kill=st.sampled_from(["", "", "mid_batch", "before_commit", "after_commit"]))
    def go(self, part: int, kill: str) -> None:
        """A part of the visits is deleted; a worker that dies is resumed."""
        due = [row for row in self.visits.rows() if row["id"] % part == 0]
        condition = self.visits.table.c.id.in_([row["id"] for row in due])
        self._twice(lambda number, point: self.visits.delete(condition, self.today, number, point), kill)
        self._concern(due, due)

    @rule(
        part=st.integers(1, 3),
        values=st.sampled_from(
            [{"region": None}, {"cents": 100}, {"at": None, "cents": None}, *({"person": each} for each in REPLACED)]
        ),
        kill=st.sampled_from(["", "", "mid_batch", "before_commit", "after_commit"]),
    )
    def change(self, part: int, values: dict[str, Any], kill: str) -> None:
        """Columns of a part of the visits are overwritten, each row's once."""
        kind = ",".join(values)
        due = [row for row in self.visits.rows() if row["id"] % part == 0 and (row["id"], kind) not in self.written]
        condition = self.visits.table.c.id.in_([row["id"] for row in due])
        self._twice(lambda number, point: self.visits.write(condition, values, self.today, number, point), kill)
        self._concern(due, [row | values for row in due])
        self.written |= {(row["id"], kind) for row in due}

    @rule(kill=st.sampled_from(["", "settled", "released"]))
    def settle(self, kill: str) -> None:
        """The end of a run."""
        known = {each.name: self._released(each.name) for each in STATISTICS}
        self._try(lambda: self.visits.settle(self.today, kill))
        self.visits.settle(self.today)
        again = self.visits.settle(self.today)
        assert not again.changed
        self._follow(known)

    @rule(days=st.sampled_from([1, 15, 31, 70]))
    def wait(self, days: int) -> None:
        """Nothing runs for some days."""
        self.today += dt.timedelta(days=days)

    @rule()
    def keep_a_copy(self) -> None:
        """A backup of the whole store."""
        with self.visits.admin.connect() as connection:
            rows = {
                each: [dict(row) for row in connection.execute(sa.select(each)).mappings()] for each in self._tables()
            }
        expected = {name: dict(cells) for name, cells in self.expected.items()}
        behind = {name: {cell: set(who) for cell, who in cells.items()} for name, cells in self.behind.items()}
        self.copy = (rows, expected, set(self.written), behind)

    @precondition(lambda self: self.copy is not None)
    @rule()
    def restore(self) -> None:
        """The copy comes back, ledger and journal with it; erasures are then done again like any others."""
        rows, expected, written, behind = self.copy
        with self.visits.admin.begin() as connection:
            for table in self._tables():
                connection.execute(table.delete())
                if rows[table]:
                    connection.execute(table.insert(), rows[table])
        self.expected = defaultdict(lambda: defaultdict(Totals))
        for name, cells in expected.items():
            self.expected[name].update(cells)
        self.written = set(written)
        self.behind = defaultdict(lambda: defaultdict(set))
        for name, concerned in behind.items():
            self.behind[name].update({cell: set(who) for cell, who in concerned.items()})

    # -- what holds

    @invariant()
    def live_and_ledger_are_what_they_were(self) -> None:
        """In exact decimals, cell by cell; what has merged upward, in the cell to which it has."""
        measured = self.visits.measures()
        for statistic in STATISTICS:
            partition, merged = Partition(statistic), self._merged(statistic.name)
            there = folded(_by_text(measured[statistic.name]), merged, partition)
            expected = folded(_texts(self.expected[statistic.name]), merged, partition)
            assert _something(there) == _something(expected), statistic.name

    # -- how

    def _tables(self) -> list[sa.Table]:
        journal = self.visits.connector.journal
        tally = journal.tally
        kept = (journal.journal, journal.marks.table, tally.pending, tally.weights, tally.merged, tally.released)
        return [self.visits.table, *kept]

    def _merged(self, statistic: str) -> frozenset[str]:
        tally = self.visits.connector.journal.tally
        with self.visits.connector.writing() as connection, connection.begin():
            return frozenset(_canonical(each) for each in tally.merged_cells(connection, "visits", statistic))

    def _twice(self, act: Callable[[int, str], Any], kill: str) -> None:
        """Once to its point, and once more as the same chunk."""
        number = next(self.chunks)
        self._try(lambda: act(number, kill))
        self.live_and_ledger_are_what_they_were()
        act(number, "")

    @staticmethod
    def _try(act: Callable[[], Any]) -> None:
        with contextlib.suppress(Killed):
            act()

    def _concern(self, before: list[dict[str, Any]], after: list[dict[str, Any]]) -> None:
        """Whom what is pending concerns from now on, cell by cell."""
        for statistic in STATISTICS:
            for old, new in zip(before, after, strict=True):
                known = statistic.name != "rows" and (old["id"], "person") not in self.written
                who = str(old["id"]) if statistic.name == "rows" else old["person"] if known else None
                for row in (old, new):
                    if who is not None:
                        self.behind[statistic.name][_text(cell(statistic.name, row))].add(who)

    def _follow(self, known: dict[str, Counter[str]]) -> None:
        """Hold what was released against the persons whom it concerns."""
        for statistic in STATISTICS:
            partition, behind = Partition(statistic), self.behind[statistic.name]
            pending = {_canonical(each.cell) for each in self.visits.pending(statistic.name)}
            released = self._released(statistic.name) - known[statistic.name]
            for level in range(partition.top + 1):
                for place in [each for each in behind if partition.level(each) == level and each not in pending]:
                    who = behind.pop(place)
                    if released[place]:
                        assert len(who) >= MINIMUM, (statistic.name, place)
                    elif level < partition.top and place in self._merged(statistic.name):
                        behind[partition.parent(place)] |= who

    def _released(self, statistic: str) -> Counter[str]:
        return Counter(_canonical(each.cell) for each in self.visits.released(statistic))

    def teardown(self) -> None:
        self.visits.run("DROP TABLE visits")
        self.visits.close()


def _text(values: tuple[Any, ...]) -> str:

    return json.dumps(list(values), ensure_ascii=False)


def _canonical(text: str) -> str:

    return json.dumps(json.loads(text), ensure_ascii=False)


def _texts(cells: dict[tuple[Any, ...], Totals]) -> dict[str, Totals]:
    return {_text(values): totals for values, totals in cells.items()}


def _by_text(cells: dict[str, Totals]) -> dict[str, Totals]:
    found: dict[str, Totals] = defaultdict(Totals)
    for text, totals in cells.items():
        found[_canonical(text)] += totals
    return dict(found)


def _something(cells: dict[str, Totals]) -> dict[str, tuple[Any, ...]]:
    return {
        cell: (each.n, each.subjects, each.total or 0, each.squares or 0)
        for cell, each in cells.items()
        if not each.nothing
    }


def _run(make: Callable[[], CountedVisits], examples: int, steps: int) -> int:
    """Let the state machine run; how many stores it has had."""
    stores = itertools.count()

    def counted() -> CountedVisits:
        next(stores)
        return make()

    machine = type("Ledger", (Ledger,), {"make": staticmethod(counted)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
    return next(stores)


def test_in_sqlite() -> None:
    with tempfile.TemporaryDirectory() as folder:
        numbers = itertools.count()
        made = _run(lambda: visits_in_a_file(Path(folder) / f"{next(numbers)}.sqlite", STATISTICS), 8, 12)
    assert made >= 8


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("kind", ["postgres_database", "mariadb_database"])
def test_in_servers(kind: str, request: pytest.FixtureRequest) -> None:
    database = request.getfixturevalue(kind)

    def fresh() -> CountedVisits:
        made = CountedVisits(SqlConnector("shop", database.read, database.write), database.admin, STATISTICS)
        journal = made.connector.journal
        with made.admin.begin() as connection:
            for table in (journal.journal, journal.marks.table, *journal.tally.closed, journal.tally.released):
                connection.execute(table.delete())
        return made

    assert _run(fresh, 4, 10) >= 4
