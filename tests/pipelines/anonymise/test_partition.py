"""Safe partition and microaggregation in the stores' engines: k is reached, sums stay, later runs never lower it."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from fixtures_orders import K, Orders, declared
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from connectors.sql.cells import cell_sizes
from connectors.sql.grouped import Grouped
from connectors.sql.partition import Layout
from connectors.sql.placement import assign

pytestmark = pytest.mark.filterwarnings("ignore:Dialect sqlite.* does .not. support Decimal")


DAYS = st.dates(dt.date(2019, 1, 1), dt.date(2021, 12, 31))
ROW = st.fixed_dictionaries(
    {
        "person": st.none() | st.integers(1, 12),
        "region": st.sampled_from([None, "IDF", "idf", "ÎDF", "*"]),
        "postcode": st.sampled_from(["75011", "75012", "97400", "x", "*"]),
        "day": st.none() | DAYS,
        "cents": st.none() | st.integers(-50, 100_000),
        "weight": st.decimals(0, 999, places=2),
        "kind": st.sampled_from([None, "a"]),
    }
)
NO_SHRINK = [Phase.explicit, Phase.generate]
RUNS = st.lists(st.lists(ROW, min_size=1, max_size=40), min_size=1, max_size=3)


def crowd(count: int) -> list[dict[str, Any]]:
    """Orders of so many that cells have several groups."""
    draw = random.Random(count)
    return [
        {
            "person": draw.randrange(count // 2) or None,
            "region": draw.choice([None, "IDF"]),
            "postcode": "75011",
            "day": dt.date(2020, draw.choice([1, 3, 7]), 5),
            "cents": draw.choice([None, *range(1, 1000)]),
            "weight": Decimal(draw.randrange(1000)) / 100,
            "kind": None,
        }
        for _ in range(count)
    ]


KEPT = ("region", "postcode", "day", "kind", "cents", "weight")


def cells(rows: Sequence[dict[str, Any]], persons: Sequence[Any]) -> dict[tuple[Any, ...], set[Any]]:
    """Whom each combination of kept values hides; who is not known is nobody."""
    found: dict[tuple[Any, ...], set[Any]] = defaultdict(set)
    for row, person in zip(rows, persons, strict=True):
        if row["done"]:
            found[tuple(row[name] for name in KEPT)] |= {person} - {None}
    return found


quick = settings(max_examples=5, deadline=None, phases=NO_SHRINK, suppress_health_check=list(HealthCheck))
thorough = settings(quick, max_examples=30)


@quick
@given(runs=RUNS, alone=st.booleans(), measured=st.booleans())
@example(runs=[crowd(90), crowd(15)], alone=True, measured=True)
@example(runs=[crowd(90), crowd(15)], alone=False, measured=True)
def test_no_run_leaves_a_cell_that_hides_fewer_than_k(
    orders: Orders, runs: list[list[dict[str, Any]]], alone: bool, measured: bool
) -> None:
    assert_hidden_by_every_run(orders, runs, alone, measured)


@pytest.mark.slow
@thorough
@given(runs=RUNS, alone=st.booleans(), measured=st.booleans())
def test_no_run_of_many_leaves_a_cell_that_hides_fewer_than_k(
    orders: Orders, runs: list[list[dict[str, Any]]], alone: bool, measured: bool
) -> None:
    assert_hidden_by_every_run(orders, runs, alone, measured)


def assert_hidden_by_every_run(orders: Orders, runs: list[list[dict[str, Any]]], alone: bool, measured: bool) -> None:
    changes: dict[str, Any] = {"subject": None} if alone else {}
    if not measured:
        changes |= {"measures": [], "free": ["done", "person", "cents", "weight"]}
    dataset = declared(**changes)
    orders.clear()
    known: dict[int, dict[str, Any]] = {}
    for rows in runs:
        orders.insert(rows)
        before = orders.rows()
        for row in before:
            known.setdefault(row["number"], row)
        groups = orders.run(dataset)
        after = orders.rows()
        assert [row["number"] for row in before] == [row["number"] for row in after]
        for then, now in zip(before, after, strict=True):
            if not now["done"] or then["done"]:
                assert then == now, "who was done stays as he is, who is held back too"
            assert [then[name] for name in ("person", "kind")] == [now[name] for name in ("person", "kind")]
            assert (then["cents"] is None) == (now["cents"] is None)
        persons = [row["number"] if alone else row["person"] for row in after]
        kept = [{**row, **({} if measured else {"cents": None, "weight": None})} for row in after]
        sizes = Counter(len(subjects) for subjects in cells(kept, persons).values())
        assert all(size >= K for size in sizes)
        assert orders.sizes(dataset) == sizes, "k is measured as it is"
        assert_held_back_rightly(before, after, persons)
        if measured:
            assert_means(known, after)
            assert_groups(before, after, persons, groups)


def assert_held_back_rightly(
    before: Sequence[dict[str, Any]], rows: Sequence[dict[str, Any]], persons: Sequence[Any]
) -> None:
    """Only who finds no company at the top is held back; columns that stay, and measures that are NULL, divide it."""
    held: dict[tuple[Any, ...], set[Any]] = defaultdict(set)
    done = set()
    for then, row, person in zip(before, rows, persons, strict=True):
        top = row["kind"], row["cents"] is None
        if not row["done"]:
            held[top] |= {person} - {None}
        elif not then["done"]:
            done.add(top)
    assert all(len(subjects) < K for subjects in held.values())
    if len({row["region"] for row in before}) == 1:  # else cells of two levels can be the same
        assert not done & set(held)


def assert_means(known: dict[int, dict[str, Any]], rows: Sequence[dict[str, Any]]) -> None:
    """Sums move by no more than rounding where a first run made all groups."""
    if any(row["done"] == 0 for row in rows) or len(known) != len(rows):
        return
    for name, unit in (("cents", 1), ("weight", Decimal("0.01"))):
        before = [row[name] for row in known.values() if row[name] is not None]
        after = [row[name] for row in rows if row[name] is not None]
        low, high = min(before, default=0), max(before, default=0)
        assert all(low - unit <= value <= high + unit for value in after)


def assert_groups(
    before: Sequence[dict[str, Any]],
    after: Sequence[dict[str, Any]],
    persons: Sequence[Any],
    groups: dict[int, int],
) -> None:
    """New groups have k to 2k-1 persons each, divide a cell by order of what its persons have, and get their means."""
    of_cell: dict[tuple[Any, ...], dict[Any, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    group_of: dict[tuple[Any, ...], set[int]] = defaultdict(set)
    of_group: dict[int, list[tuple[dict[str, Any], dict[str, Any], Any]]] = defaultdict(list)
    for then, now, person in zip(before, after, persons, strict=True):
        if then["number"] in groups:
            cell = (*(now[name] for name in ("region", "postcode", "day", "kind")), now["cents"] is None)
            of_cell[cell][person].append(then)
            group_of[(*cell, person)].add(groups[then["number"]])
            of_group[groups[then["number"]]].append((then, now, person))
    for rows in of_group.values():
        assert K <= len({person for *_, person in rows} - {None}) < 2 * K
        for name, half in (("cents", Decimal("0.5")), ("weight", Decimal("0.005"))):
            values = [then[name] for then, *_ in rows]
            if values[0] is not None:
                assert all(abs(now[name] - Decimal(sum(values)) / len(values)) <= half for _, now, _ in rows)
    for cell, whose in of_cell.items():
        spans: dict[int, list[Decimal]] = defaultdict(list)
        for person, rows in whose.items():
            (group,) = group_of[(*cell, person)]
            if rows[0]["cents"] is not None:
                spans[group].append(Decimal(sum(row["cents"] for row in rows)) / len(rows))
        ordered = sorted((min(each), max(each)) for each in spans.values())
        assert all(high <= low for (_, high), (low, _) in itertools.pairwise(ordered))


@pytest.mark.parametrize("subject", [None, "person"])
def test_rows_that_keep_nothing_are_one_cell(orders: Orders, subject: str | None) -> None:
    made = Layout(orders.table, ("number",), (), (), K, sa.true(), subject)
    with orders.connection.begin():
        assert cell_sizes(orders.connection, made, sa.true()) == {}
    row = {"postcode": "75011", "weight": 1}
    orders.insert([{"person": person, **row} for person in (1, 1, 2, None)])
    with orders.connection.begin():
        assert cell_sizes(orders.connection, made, sa.true()) == {4 if subject is None else 2: 1}


def test_a_row_in_which_what_stays_has_moved_is_set_aside(orders: Orders) -> None:
    orders.insert([{"person": None, "postcode": "75011", "weight": 1, "kind": "é"} for _ in range(5)])
    made, table = orders.layout(declared(subject=None)), orders.table
    work = made.work("ardoise_work", None, {})
    key = sa.Column("number", sa.Integer)
    frozen, held = (sa.Table(name, sa.MetaData(), key._copy(), prefixes=["TEMPORARY"]) for name in ("frozen", "held"))
    with orders.connection.begin() as transaction:
        if orders.connection.dialect.name == "mariadb":  # the work table has other characters, and these take É for é
            orders.connection.exec_driver_sql("ALTER TABLE orders MODIFY kind varchar(4) CHARACTER SET latin1")
        for each in (work, frozen, held):
            each.create(orders.connection)
        assign(orders.connection, made, work, sa.true(), sa.false())
        orders.connection.execute(frozen.insert().from_select(["number"], sa.select(table.c.number)))
        grouped = Grouped(made, work, sa.true())
        assert grouped.set_aside(orders.connection, frozen, held) == 0
        orders.connection.execute(table.update().where(table.c.number == 2).values(kind="É"))
        assert grouped.set_aside(orders.connection, frozen, held) == 1
        assert orders.connection.execute(sa.select(held)).scalars().all() == [2]
        orders.connection.execute(table.update().where(table.c.number == 4).values(kind=None))
        orders.connection.execute(table.update().where(table.c.number == 5).values(kind=None))
        assert grouped.set_aside(orders.connection, frozen, held) == 4, "what is left is too small"
        transaction.rollback()
