"""The end of the fiscal year is the same day in every engine as in Python."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator

import duckdb
import pytest
import sqlalchemy as sa

from connectors.sql.engines import open_engine
from pipelines.plan.dialects import run
from pipelines.plan.fiscal import end_of_fiscal_year as rolled
from retention_rules.events import end_of_fiscal_year

DAYS = [
    dt.date(year, month, day)
    for year in (1900, 2000, 2023, 2024, 2100, 9998, 9999)
    for month in (1, 2, 3, 6, 12)
    for day in (1, 28)
] + [dt.date(2024, 2, 29), dt.date(2024, 12, 31), dt.date(9999, 12, 31), dt.date(2025, 6, 30), dt.date(2025, 7, 1)]

Ask = Callable[[sa.Select[tuple[int, dt.date]]], list[tuple[int, dt.date]]]
table = sa.table("moment", sa.column("n", sa.Integer()), sa.column("day", sa.Date()))


@pytest.fixture(params=["postgresql", "mariadb", "sqlite", "duckdb"])
def ask(request: pytest.FixtureRequest) -> Iterator[Ask]:
    """A table of the days, numbered, and one without a day, in each engine."""
    rows = list(enumerate([*DAYS, None]))
    if request.param == "duckdb":
        with duckdb.connect() as native:
            native.execute("CREATE TABLE moment (n INTEGER, day DATE)")
            native.executemany("INSERT INTO moment VALUES (?, ?)", rows)
            yield lambda query: run(native, query).fetchall()
        return
    match request.param:
        case "postgresql":
            engine = sa.create_engine(request.getfixturevalue("postgres_database").admin)
        case "mariadb":
            engine = open_engine("crm", request.getfixturevalue("mariadb_database").admin, write=True)
        case _:
            engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        connection.execute(sa.text("CREATE TEMPORARY TABLE moment (n INTEGER, day DATE)"))
        connection.execute(sa.insert(table), [{"n": n, "day": day} for n, day in rows])
        yield lambda query: [(row[0], row[1]) for row in connection.execute(query)]
    engine.dispose()


def test_every_engine_rolls_every_day_as_python_does(ask: Ask) -> None:
    for month in (1, 2, 6, 12):
        found = dict(ask(sa.select(table.c.n, rolled(table.c.day, month))))

        assert found == {**{n: end_of_fiscal_year(day, month) for n, day in enumerate(DAYS)}, len(DAYS): None}
