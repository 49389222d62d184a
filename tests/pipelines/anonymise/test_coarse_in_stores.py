"""Generalisation in the stores' own engines says what it says of a single text."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa
from fixtures_postgres import PostgresDatabase

from connectors.base import FieldShape
from pipelines.anonymise.replacement import Coarse
from pipelines.anonymise.techniques import technique_for

TEXTS = ["75011", "97400", " 69001 ", "SW1A 1AA", "7501", "", None, "1987-03-09", "1987-03-09T10:00:00Z", "yesterday"]


def coarse(engine: sa.Engine, declared: str, technique: str, values: list[object]) -> list[object]:
    """What the engine makes of the values in a column of this type."""
    replacement = technique_for("x", FieldShape("v", declared), technique)
    assert isinstance(replacement.assignment, Coarse)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE IF EXISTS coarse"))
        connection.execute(sa.text(f"CREATE TABLE coarse (n integer, v {declared})"))
        for number, value in enumerate(values):
            connection.execute(sa.text("INSERT INTO coarse VALUES (:n, :v)"), {"n": number, "v": value})
        column: sa.ColumnClause[object] = sa.column("v")
        table = sa.table("coarse", sa.column("n"), column)
        connection.execute(table.update().values(v=replacement.assignment.build(column, engine.dialect.name)))
        found = list(connection.execute(sa.text("SELECT v FROM coarse ORDER BY n")).scalars())
    assert all(replacement.valid(value) for value in found)
    return found


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> sa.Engine:
    if request.param == "sqlite":
        return sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    database: PostgresDatabase = request.getfixturevalue("postgres_database")
    return sa.create_engine(database.admin, poolclass=sa.NullPool)


@pytest.mark.parametrize("technique", ["department", "year", "decade"])
def test_texts(engine: sa.Engine, technique: str) -> None:
    one = technique_for("x", FieldShape("v", "text"), technique).item
    assert coarse(engine, "text", technique, list(TEXTS)) == [None if text is None else one(text) for text in TEXTS]


def test_postcodes_kept_as_numbers(engine: sa.Engine) -> None:
    assert coarse(engine, "integer", "department", [75011, 1000, None]) == [75, 1, None]


@pytest.mark.parametrize(("technique", "expected"), [("year", "1987-01-01"), ("decade", "1980-01-01")])
def test_dates(engine: sa.Engine, technique: str, expected: str) -> None:
    days: list[object] = [dt.date(1987, 3, 9), None]
    if engine.dialect.name == "sqlite":
        days[0] = "1987-03-09"
    assert [each and str(each) for each in coarse(engine, "date", technique, days)] == [expected, None]


def test_instants(engine: sa.Engine) -> None:
    found = coarse(engine, "timestamp", "year", ["1987-03-09 10:11:12", None])
    assert [each and str(each)[:10] for each in found] == ["1987-01-01", None]
