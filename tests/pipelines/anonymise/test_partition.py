"""Safe partition and microaggregation in the stores' engines: k is reached, sums stay, later runs never lower it."""

from __future__ import annotations

import datetime as dt
import itertools
import random
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from connectors.base import DatasetShape, FieldShape, Kind
from connectors.sql.cells import cell_sizes
from connectors.sql.engines import open_engine
from connectors.sql.grouped import Grouped
from connectors.sql.lines import decided_now
from connectors.sql.partition import GROUP, JOINS, Hierarchy, Layout, same_record
from connectors.sql.placement import assign, needed, with_cells
from connectors.sql.slicing import LEAST
from connectors.sql.versions import NUMBER, VERSION, version_of
from pipelines.anonymise.partition import layout
from pipelines.anonymise.replacement import TechniqueUnfit
from pipelines.data_map.model import DatasetMap

pytestmark = pytest.mark.filterwarnings("ignore:Dialect sqlite.* does .not. support Decimal")

TABLE = """CREATE TABLE orders (number integer PRIMARY KEY, person integer, region varchar(8),
postcode varchar(5) NOT NULL, day date, cents integer,
weight decimal(8,2) NOT NULL, kind varchar(4), done integer NOT NULL)"""
SHAPE = DatasetShape(
    "orders",
    Kind.ROWS,
    (
        FieldShape("number", "INTEGER", False, True),
        FieldShape("person", "INTEGER"),
        FieldShape("region", "VARCHAR(8)", length=8),
        FieldShape("postcode", "VARCHAR(5)", False, length=5),
        FieldShape("day", "DATE"),
        FieldShape("cents", "INTEGER"),
        FieldShape("weight", "NUMERIC(8, 2)", False),
        FieldShape("kind", "VARCHAR(4)", length=4),
        FieldShape("done", "INTEGER", False),
    ),
    ("number",),
)
K = 3


def declared(**changes: Any) -> DatasetMap:
    """The dataset, with k = 3 so that examples stay small."""
    anonymity = {
        "k": K,
        "partition": [
            {"region": "value", "postcode": "value", "day": "month"},
            {"region": "value", "postcode": "department", "day": "quarter"},
            {"region": "value", "day": "year"},
            {"day": "decade"},
            {},
        ],
        "measures": ["cents", "weight"],
        "subject": "person",
        "free": ["done", "person"],  # so that whose a row was can be told afterwards
    } | changes
    return DatasetMap.model_validate(
        {"source": "orders", "controller": "TEST", "key": ["number"], "anonymity": anonymity}
    )


@dataclass
class Orders:
    """A table in one engine, and runs over it."""

    connection: sa.Connection
    table: sa.Table

    def __post_init__(self) -> None:
        self.number = 0

    def layout(self, dataset: DatasetMap) -> Layout:
        return layout(dataset, SHAPE, self.table, ("number",), sa.true(), self.connection.dialect.name)

    def insert(self, rows: Sequence[dict[str, Any]]) -> None:
        with self.connection.begin():
            for row in rows:
                self.number += 1
                self.connection.execute(self.table.insert(), {"number": self.number, "done": 0, **row})

    def run(self, dataset: DatasetMap) -> dict[int, int]:
        """Anonymise what was not; the group of every row that is in a new one."""
        made = self.layout(dataset)
        work, table = made.work("ardoise_work", None, {}), self.table
        with self.connection.begin():
            work.create(self.connection)
            for _ in range(2):  # what has a place keeps it
                assign(self.connection, made, work, table.c.done == 0, table.c.done == 1)
            values = {name: work.c[value] for name, value in made.values.items()}
            placed = sa.and_(same_record(("number",), table, work), work.c[GROUP].is_not(None))
            self.connection.execute(table.update().where(placed).values(**values, done=1))
            new = sa.select(work.c.number, work.c[GROUP]).where(work.c[GROUP].is_not(None), sa.not_(work.c[JOINS]))
            found = {row[0]: row[1] for row in self.connection.execute(new)}
            work.drop(self.connection)
            return found

    def sizes(self, dataset: DatasetMap) -> dict[int, int]:
        with self.connection.begin():
            return cell_sizes(self.connection, self.layout(dataset), self.table.c.done == 1)

    def rows(self) -> list[dict[str, Any]]:
        with self.connection.begin():
            found = self.connection.execute(sa.select(self.table).order_by(self.table.c.number))
            return [dict(row) for row in found.mappings()]

    def clear(self) -> None:
        with self.connection.begin():
            self.connection.execute(self.table.delete())
        self.number = 0


@pytest.fixture(params=["postgresql", "mariadb", "sqlite"])
def orders(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Orders]:
    with opened(request, tmp_path / "orders.sqlite") as connection:
        with connection.begin():
            connection.exec_driver_sql(TABLE)
            table = sa.Table("orders", sa.MetaData(), autoload_with=connection)
        yield Orders(connection, table)


def opened(request: pytest.FixtureRequest, file: Path) -> sa.Connection:
    if request.param == "sqlite":
        file.touch()
        url = f"sqlite:///{file}"
    elif request.param == "mariadb":
        url = request.getfixturevalue("mariadb_database").admin
    else:
        url = request.getfixturevalue("postgres_database").admin
    return open_engine("orders", url, write=True).connect()


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


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("bigint", (0, (1 << 32) + 1, -1 << 32)),
        ("timestamp", ("2000-01-01", "2000-01-01 01:11:34.967297")),
    ],
)
@pytest.mark.parametrize("orders", ["postgresql"], indirect=True)
def test_values_of_which_postgresql_makes_the_same_hash_are_different_cells(
    orders: Orders, kind: str, values: tuple[Any, ...]
) -> None:
    with orders.connection.begin() as transaction:
        orders.connection.exec_driver_sql(f"CREATE TABLE kinds (number integer PRIMARY KEY, kind {kind})")
        table = sa.Table("kinds", sa.MetaData(), autoload_with=orders.connection)
        count = len(values) * K
        for number in range(count):
            kept = sa.cast(sa.literal(str(values[number % len(values)])), table.c.kind.type)
            orders.connection.execute(table.insert().values(number=number, kind=kept))
        hashed = sa.func.hash_record_extended(sa.func.row(table.c.kind), 0)
        assert orders.connection.execute(sa.select(sa.func.count(hashed.distinct()))).scalar_one() == 1
        stays = Hierarchy("kind", table.c.kind, (lambda value: value,), written=False)
        made = Layout(table, ("number",), (stays,), (), K, sa.true())
        work = made.work("ardoise_work", None, {}, keyed=False)
        assign(orders.connection, made, work, sa.true(), sa.false(), anew=True)
        groups: dict[Any, set[int]] = defaultdict(set)
        for number, group in orders.connection.execute(sa.select(work.c.number, work.c[GROUP])):
            groups[group].add(number)
        wanted = [list(range(first, count, len(values))) for first in range(len(values))]
        assert sorted(map(sorted, groups.values())) == wanted
        transaction.rollback()


@pytest.mark.parametrize("orders", ["postgresql"], indirect=True)
@pytest.mark.parametrize("kind", ["json", "point"])
def test_a_column_that_stays_and_cannot_be_compared_is_refused(orders: Orders, kind: str) -> None:
    with orders.connection.begin() as transaction:
        orders.connection.exec_driver_sql(f"ALTER TABLE orders ALTER kind TYPE {kind} USING NULL")
        with warnings.catch_warnings(action="ignore"):
            orders.table = sa.Table("orders", sa.MetaData(), autoload_with=orders.connection)
        with pytest.raises(TechniqueUnfit, match=r"column kind .* put it among `free`"):
            orders.layout(declared())
        orders.layout(declared(free=["done", "person", "kind"]))
        transaction.rollback()


@pytest.mark.parametrize("orders", ["postgresql"], indirect=True)
@pytest.mark.parametrize("key", [("number",), ("text",), ("text", "number")])
def test_rows_that_were_selected_for_it_are_placed_by_any_key(orders: Orders, key: tuple[str, ...]) -> None:
    """Some get groups of their own, and some join one that stands."""
    with orders.connection.begin() as transaction:
        for statement in (
            "CREATE SCHEMA ardoise",
            "CREATE TABLE kept (number integer, text varchar(9), kind integer, done integer)",
            f"ALTER TABLE kept ADD PRIMARY KEY ({', '.join(key)})",
            f"INSERT INTO kept SELECT n, n, 7, CAST(n < {K} AS integer) FROM generate_series(0, {K}) AS n",
            f"INSERT INTO kept SELECT n, n, 8, 0 FROM generate_series(90, {89 + K}) AS n",
        ):
            orders.connection.exec_driver_sql(statement)
        table = sa.Table("kept", sa.MetaData(), autoload_with=orders.connection)
        made = Layout(table, key, (Hierarchy("kind", table.c.kind, (lambda value: value,)),), (), K, sa.true())
        work = made.work("ardoise_work", None, {}, keyed=False, numbered=True)
        known = {name: table.c[name] for name in (*key, *needed(made, work)) if name != VERSION}
        query = sa.select(*known.values(), version_of(table).label(VERSION)).where(table.c.done == 0)
        with decided_now(orders.connection, table, key, with_cells(made, query)) as rows:
            assign(orders.connection, made, work, sa.true(), table.c.done == 1, anew=True, rows=rows)
        found = orders.connection.execute(sa.select(work.c[JOINS], work.c[NUMBER]).order_by(work.c[NUMBER])).all()
        assert [tuple(each) for each in found] == [*((False, n) for n in range(1, K + 1)), (True, K + 1)]
        transaction.rollback()


@pytest.mark.parametrize("orders", ["postgresql"], indirect=True)
@pytest.mark.parametrize(("kind", "mean"), [("numeric", "0.35"), ("numeric(8,1)", "0.4"), ("numeric(8)", "1")])
def test_a_mean_has_the_scale_of_its_column(orders: Orders, kind: str, mean: str) -> None:
    """A column of type numeric without a scale keeps its fractions."""
    with orders.connection.begin() as transaction:
        orders.connection.exec_driver_sql(f"CREATE TABLE paid (number integer PRIMARY KEY, amount {kind})")
        table = sa.Table("paid", sa.MetaData(), autoload_with=orders.connection)
        paid = ["0.1", "0.3", "0.65"] if mean != "1" else ["0", "1", "1"]
        rows = [{"number": number, "amount": Decimal(amount)} for number, amount in enumerate(paid)]
        orders.connection.execute(table.insert(), rows)
        made = Layout(table, ("number",), (), ("amount",), K, sa.true())
        work = made.work("ardoise_work", None, {}, keyed=False)
        assign(orders.connection, made, work, sa.true(), sa.false(), anew=True)
        means = orders.connection.execute(sa.select(work.c[made.values["amount"]])).scalars().all()
        assert means == [Decimal(mean)] * K
        transaction.rollback()


@pytest.mark.parametrize("orders", ["postgresql"], indirect=True)
@pytest.mark.parametrize("subject", [None, "person"])
def test_groups_are_made_in_slices_of_the_table(orders: Orders, subject: str | None) -> None:
    """Of kind `a` every slice has many, of `b` only one has, and two rows elsewhere; of `c` none has enough."""
    parts, count = 4, 4 * (LEAST + 60)
    draw = random.Random(parts)
    with orders.connection.begin() as transaction:
        columns = "number integer PRIMARY KEY, person integer, kind varchar(1), cents integer"
        orders.connection.exec_driver_sql(f"CREATE TABLE paid ({columns})")
        table = sa.Table("paid", sa.MetaData(), autoload_with=orders.connection)
        spread = {5 * number: "a" for number in range(count)}
        spread |= {5 * number + 1: "b" for number in (0, *range(count // 2, count // 2 + LEAST), count - 1)}
        spread |= {5 * number + 2: "c" for number in draw.sample(range(count), LEAST)}
        paid = {number: draw.randrange(10_000) for number in spread}
        rows = [{"number": n, "person": n, "kind": kind, "cents": paid[n]} for n, kind in spread.items()]
        orders.connection.execute(table.insert(), rows)
        stays = Hierarchy("kind", table.c.kind, (lambda value: value,), written=False)
        made = Layout(table, ("number",), (stays,), ("cents",), K, sa.true(), subject)
        work = made.work("ardoise_work", None, {}, keyed=False, numbered=True)
        ends = assign(orders.connection, made, work, sa.true(), sa.false(), anew=True, parts=parts)
        least, width = min(spread), -(-(max(spread) - min(spread) + 1) // parts)
        placed = orders.connection.execute(sa.select(work).order_by(work.c.ardoise_number)).all()
        versions = dict(orders.connection.execute(sa.select(table.c.number, sa.text("xmin"))).all())
        transaction.rollback()
    assert [row.ardoise_number for row in placed] == list(range(1, len(spread) + 1))
    assert {row.number: row.ardoise_version for row in placed} == versions
    groups: dict[int, list[Any]] = defaultdict(list)
    for row in placed:
        groups[row[1]].append(row)
    assert len(list(itertools.groupby(placed, lambda row: row[1]))) == len(groups), "a group stands together"
    reach: dict[str, set[int]] = defaultdict(set)
    for each in groups.values():
        assert K <= len(each) < 2 * K
        assert len({row.s0 for row in each}) == 1
        assert {row.v0 for row in each} == {round(Decimal(sum(paid[row.number] for row in each)) / len(each))}
        reach[each[0].s0].add(len({(row.number - least) // width for row in each}))
    if subject is not None:
        assert ends == (), "whose rows may be anywhere"
        return
    assert reach["a"] == {1}
    assert max(reach["b"]) > 1 and max(reach["c"]) > 1  # noqa: PT018
    slices = [
        {(row.number - least) // width for row in placed[first:last]} for first, last in itertools.pairwise((0, *ends))
    ]
    assert slices[:parts] == [{0}, {1}, {2}, {3}] and ends[-1] == len(spread)  # noqa: PT018
    assert {row.s0 for row in placed[ends[parts - 1] :]} == {"b", "c"}


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
