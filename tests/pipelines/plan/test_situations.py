"""Rows that decide by themselves are counted by situation, and the count is that of the rows."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

import sqlalchemy as sa
from approving import confirm_maps
from planned_shop import TODAY, Shop, tally

from pipelines.plan.selection import Selection
from pipelines.plan.selections import StoreSelections

VISITS = """\
  visits:
    source: public.visits
    controller: SHOP
    tenant: shop
    key: [id]
    where: {tenant: [shop]}
    events:
      created: {column: at, null: missing}
      closed: {column: closed, null: open, only_if: {column: kind, values: [b]}}
    fields: {ip: {category: technical.ip}, number: {category: invoice}}
    approved: {by: dpo, on: 2026-01-01}
"""
ROWS = 400


def with_visits(shop: Shop) -> None:
    """Visits of two tenants on edges: no date, an absurd one, the last night of summer time, the day of the rule."""
    with (shop.folder / "data_map" / "crm.yaml").open("a") as file:
        file.write(VISITS)
    confirm_maps(shop.folder)
    moments = (
        "NULL", "'0003-01-01 00:00Z'", "'2025-06-29 21:59:59Z'", "'2025-06-29 22:00:00Z'", "'2024-10-27 00:30:00Z'",
        "'2026-06-30 12:00Z'", "'2030-01-01 00:00Z'",
    )  # fmt: skip
    with shop.crm.begin() as connection:
        connection.exec_driver_sql(f"""
            CREATE TABLE visits AS
            SELECT n AS id, CASE WHEN n %% 5 = 0 THEN 'other' ELSE 'shop' END AS tenant, '203.0.113.' || n %% 9 AS ip,
                'F-' || n AS number, CASE WHEN n %% 3 = 0 THEN 'a' ELSE 'b' END AS kind,
                (ARRAY[{", ".join(moments)}]::timestamptz[])[1 + n %% {len(moments)}] AS at,
                CASE WHEN n %% 4 > 0 THEN date '2016-06-25' + n %% 11 END AS closed
            FROM generate_series(1, {ROWS}) AS g(n)
        """)
        connection.exec_driver_sql("ALTER TABLE visits ADD PRIMARY KEY (id)")
        connection.exec_driver_sql("GRANT SELECT ON visits TO PUBLIC")


def standings(selection: Selection, connection: sa.Connection, relation: sa.FromClause) -> Counter[tuple[Any, ...]]:
    """How many records have each decision on each of their categories."""
    weight = relation.c.get("weight", sa.literal_column("1"))
    groups = len(selection.groups(selection.store.context.horizons[0]))
    names = [f"g{n}_{part}" for n in range(groups) for part in ("code", "due", "delete", "last", "done")]
    query = sa.select(*(relation.c[name] for name in (*names, "goes", "row_due")), weight)
    found: Counter[tuple[Any, ...]] = Counter()
    for *standing, count in connection.execute(query):
        found[tuple(standing)] += count
    return found


def test_each_situation_counts_for_all_its_rows(postgres_shop: Shop) -> None:
    shop = postgres_shop
    with_visits(shop)
    for as_of in (TODAY, TODAY - dt.timedelta(days=1), dt.date(2020, 2, 29)):
        with shop.asked(as_of) as (context, found):
            connection = found.connections["crm"]
            inventory = found.inventories["crm"]
            selections = StoreSelections.prepare(context, "crm", connection, inventory, found.evidence)
            selection = selections.selection("visits")
            by_situation = standings(selection, connection, selection.counted())
            assert by_situation == standings(selection, connection, selection.relation())
            assert sum(by_situation.values()) == ROWS * 4 // 5
            situations = connection.scalar(sa.select(sa.func.count()).select_from(selection.counted()))
            assert situations is not None
            assert situations < ROWS // 2


def test_a_plan_says_what_situations_add_up_to(postgres_shop: Shop) -> None:
    shop = postgres_shop
    with_visits(shop)
    counted = tally(shop.plan(), "crm", "visits", "technical.ip")
    due = ROWS * 4 // 5 * 2 / 7
    assert counted.found == ROWS * 4 // 5
    assert abs(counted.due - due) <= 1, "two of seven moments are more than a year ago on the day"
    assert counted.kept + counted.due + counted.undetermined == counted.found
