"""Generalisation in the stores' own engines says what it says of a single text."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa
from fixtures_mariadb import MariaDatabase
from fixtures_postgres import PostgresDatabase

from connectors.base import FieldShape
from connectors.sql.engines import open_engine, prepare_sqlite
from pipelines.anonymise.replacement import Coarse
from pipelines.anonymise.techniques import Options, technique_for
from pipelines.apply.assignments import assignments

TEXTS = ["75011", "97400", " 69001 ", "SW1A 1AA", "7501", "", None, "1987-03-09", "1987-03-09T10:00:00Z", "yesterday",
         "09/03/1987", "Zoé7-Li-Ma", "1987-13-09", "1987-3-9"]  # fmt: skip

REQUIRED = " NOT NULL"


def coarse(
    engine: sa.Engine, declared: str, technique: str, values: list[object], options: Options | None = None
) -> list[object]:
    """What the engine makes of the values in a column of this type: once, and the same once more."""
    nullable = not declared.endswith(REQUIRED)
    shape = FieldShape("v", declared.removesuffix(REQUIRED), nullable=nullable, dialect=engine.dialect.name)
    replacement = technique_for("x", shape, technique, options)
    assert isinstance(replacement.assignment, Coarse)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE IF EXISTS coarse"))
        connection.execute(sa.text(f"CREATE TABLE coarse (n integer, v {declared})"))
        for number, value in enumerate(values):
            connection.execute(sa.text("INSERT INTO coarse VALUES (:n, :v)"), {"n": number, "v": value})
        column: sa.ColumnClause[object] = sa.column("v")
        table = sa.table("coarse", sa.column("n"), column)
        once, twice = (_overwritten(connection, table, replacement.assignment) for _ in range(2))
    assert all(replacement.valid(value) for value in once)
    assert twice == once
    return once


def _overwritten(connection: sa.Connection, table: sa.TableClause, assignment: Coarse) -> list[object]:
    connection.execute(table.update().values(v=assignment.build(table.c.v, connection.dialect.name)))
    return list(connection.execute(sa.text("SELECT v FROM coarse ORDER BY n")).scalars())


def _sqlite() -> sa.Engine:
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    sa.event.listen(engine, "connect", lambda connection, _: prepare_sqlite(connection))
    return engine


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def engine(request: pytest.FixtureRequest) -> sa.Engine:
    if request.param == "sqlite":
        return _sqlite()
    if request.param == "mariadb":
        maria: MariaDatabase = request.getfixturevalue("mariadb_database")
        return open_engine("coarse", maria.admin, write=True)
    database: PostgresDatabase = request.getfixturevalue("postgres_database")
    return sa.create_engine(database.admin, poolclass=sa.NullPool)


@pytest.mark.parametrize("technique", ["department", "region", "year", "decade", "month", "quarter"])
def test_texts(engine: sa.Engine, technique: str) -> None:
    one = technique_for("x", FieldShape("v", "text"), technique).item
    assert coarse(engine, "text", technique, list(TEXTS)) == [None if text is None else one(text) for text in TEXTS]


def test_postcodes_kept_as_numbers(engine: sa.Engine) -> None:
    numbers: list[object] = [75011, 1000, None, 75, 150, -75011, 612345678]
    assert coarse(engine, "integer", "department", numbers) == [75, 1, None, 75, 0, 0, 0]


@pytest.mark.parametrize(
    ("technique", "expected"),
    [("month", "1987-03-01"), ("quarter", "1987-01-01"), ("year", "1987-01-01"), ("decade", "1980-01-01")],
)
def test_dates(engine: sa.Engine, technique: str, expected: str) -> None:
    days: list[object] = [dt.date(1987, 3, 9), None]
    if engine.dialect.name == "sqlite":
        days[0] = "1987-03-09"
    assert [each and str(each) for each in coarse(engine, "date", technique, days)] == [expected, None]


@pytest.mark.parametrize("technique", ["month", "quarter", "year", "decade"])
@pytest.mark.parametrize("declared", ["date", "timestamp", "date NOT NULL"])
def test_what_sqlite_takes_for_a_date_and_is_none_leaves_nothing_of_itself(technique: str, declared: str) -> None:
    texts: list[object] = ["09/03/1950", 1577836800, "1950-3-9", "19500309", "", "1950-13-09", 18330.5]
    nothing = "1900-01-01" if declared.endswith(REQUIRED) else None
    assert coarse(_sqlite(), declared, technique, texts) == [nothing] * len(texts)


@pytest.mark.parametrize("technique", ["month", "quarter", "year", "decade"])
def test_days_of_no_calendar(engine: sa.Engine, technique: str) -> None:
    days: list[object] = ["infinity", "-infinity"]
    if engine.dialect.name == "postgresql":
        days.append("0044-03-15 BC")
    if engine.dialect.name == "mariadb":
        days = ["0000-00-00", "1950-00-00"]
        sa.event.listen(engine, "begin", lambda opened: opened.exec_driver_sql("SET sql_mode = 'ANSI_QUOTES'"))
    assert coarse(engine, "date", technique, days) == [None] * len(days)


@pytest.mark.parametrize("declared", ["date", "date NOT NULL", "text NOT NULL"])
def test_a_decade_that_no_calendar_has_is_none(engine: sa.Engine, declared: str) -> None:
    found = coarse(engine, declared, "decade", ["0001-01-01", "0009-12-31", "0010-01-01", "9999-12-31"])
    nothing = {"date": None, "date NOT NULL": "1900-01-01", "text NOT NULL": "*"}[declared]
    assert [each and str(each) for each in found] == [nothing, nothing, "0010-01-01", "9990-01-01"]


def test_the_last_instant_is_of_the_last_year(engine: sa.Engine) -> None:
    declared = "datetime" if engine.dialect.name == "mariadb" else "timestamp"
    found = coarse(engine, declared, "month", ["9999-12-31 23:59:59", None])
    assert [each and str(each)[:10] for each in found] == ["9999-12-01", None]


@pytest.mark.parametrize("technique", ["month", "year", "decade"])
@pytest.mark.parametrize("null", ["NULL", REQUIRED.strip()])
def test_the_first_period_of_a_timestamp_begins_with_its_first_day(
    mariadb_database: MariaDatabase, technique: str, null: str
) -> None:
    engine = open_engine("coarse", mariadb_database.admin, write=True)
    found = coarse(engine, f"timestamp {null}", technique, ["1970-01-02 00:00:00", "1970-01-31 23:59:59"])
    assert [str(each) for each in found] == ["1970-01-02 00:00:00"] * 2


def test_instants(engine: sa.Engine) -> None:
    found = coarse(engine, "timestamp", "year", ["1987-03-09 10:11:12", None])
    assert [each and str(each)[:10] for each in found] == ["1987-01-01", None]


NUMBERS: list[object] = [-1500, -7, -1, 0, 1, 9, 10, 37, 89, 90, 91, 499, 500, 999, 1000, 12_345, 199_999, None]
NUMERIC: list[tuple[str, Options]] = [
    ("rounded", {"step": 1}),
    ("rounded", {"step": 10}),
    ("rounded", {"step": 500}),
    ("rounded", {"step": 2000}),
    ("top_code", {"at_most": 0}),
    ("top_code", {"at_most": 500}),
    ("top_code", {"at_most": 1099}),
    ("age_band", {}),
    ("age_band", {"width": 5}),
]


@pytest.mark.parametrize("declared", ["integer", "numeric(12, 2)", "double precision"])
def test_numbers(engine: sa.Engine, declared: str) -> None:
    values = [*NUMBERS, *([] if declared == "integer" else [-0.25, 99.99, 500.5, 1099.5])]
    for technique, options in NUMERIC:
        one = technique_for("x", FieldShape("v", declared), technique, options).item
        found = coarse(engine, declared, technique, values, options)
        expected = [None if value is None else float(one(str(value))) for value in values]
        assert [each if each is None else float(str(each)) for each in found] == expected, (technique, options)


@pytest.mark.parametrize("technique", ["replace_iban", "replace_phone", "replace_name"])
def test_values_of_unique_columns_do_not_meet(engine: sa.Engine, technique: str) -> None:
    replacement = technique_for("x", FieldShape("v", "varchar(60)", False, True, 60), technique)
    table = sa.Table(
        "apart", sa.MetaData(), sa.Column("n", sa.Integer, primary_key=True), sa.Column("v", sa.String(60))
    )
    with engine.begin() as connection:
        table.create(connection)
        connection.execute(table.insert(), [{"n": n, "v": "Jeanne"} for n in range(1, 2001)])
        connection.execute(table.update().values(assignments(connection, table, {"v": replacement})))
        found = list(connection.execute(sa.select(table.c.v)).scalars())
        table.drop(connection)
    assert len(set(found)) == 2000
    assert all(replacement.valid(value) for value in found)
