"""What PostgreSQL alone has when rows are placed: hashes, slices of the table, rows that were selected for it."""

from __future__ import annotations

import itertools
import random
import warnings
from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from fixtures_orders import K, Orders, declared

from connectors.sql.lines import decided_now
from connectors.sql.partition import GROUP, JOINS, Hierarchy, Layout
from connectors.sql.placement import assign, needed, with_cells
from connectors.sql.slicing import LEAST
from connectors.sql.versions import NUMBER, VERSION, version_of
from pipelines.anonymise.replacement import TechniqueUnfit

pytestmark = pytest.mark.parametrize("orders", ["postgresql"], indirect=True)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("bigint", (0, (1 << 32) + 1, -1 << 32)),
        ("timestamp", ("2000-01-01", "2000-01-01 01:11:34.967297")),
    ],
)
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
