"""What a store holds for an event is read in its SQL as `retention_rules.events.observe` reads it in Python."""
# ruff: noqa: DTZ001 - what a store holds may have no zone

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
import sqlalchemy as sa
from fixtures_postgres import PostgresDatabase
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pipelines.data_map.model import EventSource
from pipelines.plan import dialects
from pipelines.plan.dates import day_of
from pipelines.plan.dates import given as is_given
from pipelines.plan.occurrences import Horizon, Reading, occurrence
from retention_rules.events import Absent, Event, EventKind, Known, Missing, Open, observe

PARIS = ZoneInfo("Europe/Paris")
ZONES = (PARIS, ZoneInfo("UTC"), ZoneInfo("America/New_York"), ZoneInfo("Pacific/Apia"))
TODAY = dt.date(2026, 6, 30)
NULLS: dict[str, Event] = {"open": Open(), "missing": Missing(), "absent": Absent()}

instants = st.one_of(
    st.datetimes(dt.datetime(1971, 1, 1), dt.datetime(2045, 1, 1)),
    st.sampled_from(
        [
            dt.datetime(2024, 10, 27, 22, 30), dt.datetime(2024, 10, 27, 0, 30), dt.datetime(2024, 3, 31, 0, 59, 59),
            dt.datetime(2024, 3, 31, 1), dt.datetime(2022, 3, 31, 22, 30), dt.datetime(2023, 12, 31, 23, 0),
            dt.datetime(2024, 2, 28, 23, 0), dt.datetime(2011, 12, 30, 9, 59),
        ]
    ),
).map(lambda each: each.replace(microsecond=0))  # fmt: skip
days = st.one_of(
    st.dates(dt.date(1890, 1, 1), dt.date(2040, 1, 1)),
    st.sampled_from([dt.date(9999, 12, 31), dt.date(1900, 1, 1), dt.date(1899, 12, 31), TODAY, dt.date(2026, 7, 1)]),
)
texts = st.one_of(
    days.map(dt.date.isoformat),
    instants.map(lambda each: each.isoformat(sep=" ")),
    instants.map(lambda each: each.isoformat() + "Z"),
    instants.map(lambda each: each.isoformat() + "+05:30"),
    st.sampled_from(["2023-02-29", "2024-02-29", "1900-02-29", "2024-02-31", "2024-13-01", "soon", "31/12/2024", "0"]),
)

metadata = sa.MetaData()
table = sa.Table(
    "moment",
    metadata,
    sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("day", sa.Date),
    sa.Column("naive", sa.DateTime),
    sa.Column("aware", sa.DateTime(timezone=True)),
    sa.Column("text", sa.Text),
)
Answer = tuple[Any, bool, bool, dt.date | None]
"""A value, and what is said of it: open, missing, the day that is known."""
Engine = tuple[str, Callable[[list[dict[str, Any]], sa.Select[Any]], list[Any]]]


@pytest.fixture(scope="module")
def sqlite_moments() -> Iterator[Engine]:
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        yield "sqlite", _over(connection)
    engine.dispose()


@pytest.fixture
def postgres_moments(postgres_database: PostgresDatabase) -> Iterator[Engine]:
    engine = sa.create_engine(postgres_database.admin)
    with engine.connect() as connection:
        connection.exec_driver_sql("SET timezone = 'Asia/Tokyo'")
        yield "postgresql", _over(connection)
    engine.dispose()


@pytest.fixture(scope="module")
def duckdb_moments() -> Iterator[Engine]:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE moment (n INTEGER, day DATE, naive TIMESTAMP)")

        def evaluate(rows: list[dict[str, Any]], query: sa.Select[Any]) -> list[Any]:
            connection.execute("DELETE FROM moment")
            connection.executemany(
                "INSERT INTO moment VALUES (?, ?, ?)", [[row["n"], row["day"], row["naive"]] for row in rows]
            )
            return dialects.run(connection, query).fetchall()

        yield "duckdb", evaluate


def _over(connection: sa.Connection) -> Callable[[list[dict[str, Any]], sa.Select[Any]], list[Any]]:
    metadata.create_all(connection)

    def evaluate(rows: list[dict[str, Any]], query: sa.Select[Any]) -> list[Any]:
        connection.execute(table.delete())
        connection.execute(table.insert(), rows)
        return [tuple(row) for row in connection.execute(query)]

    return evaluate


quick = settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
sources = st.builds(
    EventSource, column=st.just("x"), null=st.sampled_from(["open", "missing", "absent"]), overwritten=st.booleans()
)
moment_lists = st.lists(instants, min_size=5, max_size=20)
day_lists = st.lists(days, min_size=5, max_size=20)
text_lists = st.lists(texts, min_size=5, max_size=20)
horizons = st.builds(Horizon, st.just("a"), st.dates(dt.date(2019, 1, 1), dt.date(2028, 1, 1)), st.just(TODAY))


@dataclass(frozen=True)
class Question:
    """How a column is to be understood."""

    zone: ZoneInfo
    source: EventSource
    kind: EventKind
    at: Horizon

    def asked(self, engine: Engine, column: str, values: list[Any]) -> list[Answer]:
        """What an engine reads in a column that holds these values, and in an empty one."""
        name, evaluate = engine
        empty = {"day": None, "naive": None, "aware": None, "text": None}
        rows = [{"n": number, **empty, column: value} for number, value in enumerate([*values, None])]
        raw = table.c[column]
        reading = Reading(is_given(raw), day_of(raw, self.zone, name), sa.true(), sa.false())
        found = occurrence(reading, self.source, self.kind, self.at)
        answers = evaluate(rows, sa.select(found.open, found.missing, found.day).order_by(table.c.n))
        return [
            (value, bool(is_open), bool(missing), _day(day))
            for value, (is_open, missing, day) in zip([*values, None], answers, strict=True)
        ]

    def observed(self, values: list[Any]) -> list[Answer]:
        """What `observe` says of them."""
        answers = []
        for value in [*values, None]:
            event = observe(
                value, self.kind, self.zone, as_of=self.at.as_of, today=self.at.today, null=NULLS[self.source.null],
                overwritten=self.source.overwritten,
            )  # fmt: skip
            day = event.day if isinstance(event, Known) else None
            answers.append((value, isinstance(event, Open), isinstance(event, Missing), day))
        return answers


def _day(value: Any) -> dt.date | None:
    return dt.date.fromisoformat(value) if isinstance(value, str) else value


questions = st.builds(Question, st.sampled_from(ZONES), sources, st.sampled_from(EventKind), horizons)


@quick
@given(moment_lists, day_lists, questions)
def test_duckdb_reads_days_and_instants(
    duckdb_moments: Engine, moments: list[dt.datetime], some_days: list[dt.date], question: Question
) -> None:
    assert question.asked(duckdb_moments, "naive", moments) == question.observed(moments)
    assert question.asked(duckdb_moments, "day", some_days) == question.observed(some_days)


@quick
@given(moment_lists, day_lists, text_lists, questions)
def test_postgresql_reads_days_instants_and_texts_whatever_its_time_zone(
    postgres_moments: Engine, moments: list[dt.datetime], some_days: list[dt.date], some_texts: list[str],
    question: Question,
) -> None:  # fmt: skip
    aware = [each.replace(tzinfo=dt.UTC) for each in moments]
    assert question.asked(postgres_moments, "naive", moments) == question.observed(moments)
    assert question.asked(postgres_moments, "aware", aware) == question.observed(aware)
    assert question.asked(postgres_moments, "day", some_days) == question.observed(some_days)
    assert question.asked(postgres_moments, "text", some_texts) == question.observed(some_texts)


@quick
@given(moment_lists, day_lists, text_lists, questions)
def test_sqlite_reads_days_instants_and_texts(
    sqlite_moments: Engine, moments: list[dt.datetime], some_days: list[dt.date], some_texts: list[str],
    question: Question,
) -> None:  # fmt: skip
    assert question.asked(sqlite_moments, "naive", moments) == question.observed(moments)
    assert question.asked(sqlite_moments, "day", some_days) == question.observed(some_days)
    assert question.asked(sqlite_moments, "text", some_texts) == question.observed(some_texts)


def test_an_empty_text_is_nothing(sqlite_moments: Engine) -> None:
    name, evaluate = sqlite_moments
    raw = table.c.text
    rows = [{"n": 1, "day": None, "naive": None, "aware": None, "text": " "}]
    assert evaluate(rows, sa.select(is_given(raw))) == [(False,)]
    assert name == "sqlite"
