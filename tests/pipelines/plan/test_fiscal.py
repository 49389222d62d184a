"""The end of the fiscal year is the same day in every engine as in Python."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from engine_tables import ENGINES, EngineTable, engine_table

from pipelines.plan.fiscal import end_of_fiscal_year as rolled
from retention_rules.events import end_of_fiscal_year

DAYS = [
    dt.date(year, month, day)
    for year in (1899, 1900, 2000, 2023, 2024, 2100, 9998, 9999)
    for month in (1, 2, 3, 6, 12)
    for day in (1, 28)
] + [dt.date(2024, 2, 29), dt.date(2024, 12, 31), dt.date(9999, 12, 31), dt.date(2025, 6, 30), dt.date(2025, 7, 1)]

table = sa.Table("moment", sa.MetaData(), sa.Column("n", sa.Integer), sa.Column("day", sa.Date))


@pytest.fixture(params=ENGINES)
def moments(request: pytest.FixtureRequest) -> Iterator[EngineTable]:
    with engine_table(request.param, table, request) as made:
        yield made


@pytest.mark.parametrize("month", [1, 2, 6, 12])
def test_every_engine_rolls_every_day_as_python_does(moments: EngineTable, month: int) -> None:
    rows = [{"n": n, "day": day} for n, day in enumerate([*DAYS, None])]

    found = dict(moments.ask(rows, sa.select(table.c.n, rolled(table.c.day, month))))

    assert found == {**{n: end_of_fiscal_year(day, month) for n, day in enumerate(DAYS)}, len(DAYS): None}
