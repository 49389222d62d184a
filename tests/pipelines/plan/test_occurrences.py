"""What a store holds for an event is read in its SQL as `retention_rules.events.observe` reads it in Python."""
# ruff: noqa: DTZ001 - what a store holds may have no zone

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from engine_tables import ENGINES, EngineTable, engine_table
from fixtures_mariadb import MariaDatabase
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import mysql

from connectors.sql.engines import open_engine
from pipelines.data_map.model import EventSource
from pipelines.plan.dates import day_of
from pipelines.plan.dates import given as is_given
from pipelines.plan.expressions import layer
from pipelines.plan.occurrences import Horizon, Reading, occurrence
from retention_rules.events import Absent, Event, EventKind, Known, Missing, Open, observe

PARIS = ZoneInfo("Europe/Paris")
ZONES = (PARIS, *map(ZoneInfo, ("UTC", "America/New_York", "Pacific/Apia", "America/St_Johns", "Africa/Casablanca")))
TODAY = dt.date(2026, 6, 30)
NULLS: dict[str, Event] = {"open": Open(), "missing": Missing(), "absent": Absent()}

nights = st.builds(  # in one of the zones; nearly every year has a change of clocks somewhere
    lambda year, zone, day, minutes: (
        dt.datetime(year, 1, 1, tzinfo=zone).astimezone(dt.UTC).replace(tzinfo=None)
        + dt.timedelta(days=day, minutes=minutes)
    ),
    st.integers(1900, 2095),
    st.sampled_from(ZONES),
    st.integers(0, 365),
    st.sampled_from([-61, -60, -59, -31, -1, 0, 1, 29, 59, 60]),
)
instants = st.one_of(
    st.datetimes(dt.datetime(1890, 1, 1), dt.datetime(2105, 1, 1)),
    nights,
    st.sampled_from(
        [
            dt.datetime(2024, 10, 27, 22, 30), dt.datetime(2024, 10, 27, 0, 30), dt.datetime(2024, 3, 31, 0, 59, 59),
            dt.datetime(2024, 3, 31, 1), dt.datetime(2022, 3, 31, 22, 30), dt.datetime(2023, 12, 31, 23, 0),
            dt.datetime(2024, 2, 28, 23, 0), dt.datetime(2011, 12, 30, 9, 59), dt.datetime(2024, 2, 29, 22, 59, 59),
            dt.datetime(2024, 3, 30, 23, 0), dt.datetime(2024, 12, 31, 23, 59, 59, 999_999), dt.datetime(1969, 7, 20),
            dt.datetime(2026, 6, 30, 21, 59, 59, 999_999), dt.datetime(2026, 6, 30, 22),
            dt.datetime(2024, 11, 3, 5, 30),
        ]
    ),
)  # fmt: skip
ends = st.sampled_from(
    [
        dt.datetime(9999, 12, 31), dt.datetime(9999, 12, 31, 23, 59, 59), dt.datetime(9999, 12, 30, 23, 30),
        dt.datetime(1900, 1, 1), dt.datetime(1899, 12, 31, 23, 59), dt.datetime(1000, 1, 1), dt.datetime(1753, 1, 1),
    ]
)  # fmt: skip
days = st.one_of(
    st.dates(dt.date(1890, 1, 1), dt.date(2040, 1, 1)),
    st.sampled_from([dt.date(9999, 12, 31), dt.date(1900, 1, 1), dt.date(1899, 12, 31), TODAY, dt.date(2026, 7, 1)]),
)
offsets = st.sampled_from(["", "Z", "+05:30", "-09:30", "+0530", "-03", "+00", "+14:00", "+00:00", "-1200"])
absurd = [
    "2023-02-29", "2024-02-29", "1900-02-29", "2000-02-29", "2024-02-31", "2024-04-31", "2024-13-01", "2024-00-10",
    "soon", "31/12/2024", "0", "", " ", "now", "2460000.5", "20240229", "2024-W09-4", "2024-060", "2024-2-9",
    "24-02-29", "0000-00-00", "0000-02-29", "0999-01-01", "12024-01-01", "2024-02-29T24:00", "2024-02-29T10",
    "2024-02-29t10:00", "2024-02-29T10:00z", "2024-02-29T10:60", "2024-02-29T10:00:60", "2024-02-29T10:00:00,5",
    "2024-02-29T10:00:00.1234567", "2024-02-29  10:00", "2024-02-29T10:00+15:00", "2024-02-29T10:00+05:60",
    "2024-02-29T10:00+5", "2024-02-29Z", "2024-02-29+01:00", "2024-02-29\n", "2024-02-29T10:00\n", "\t2024-02-29",
    "\u0662024-02-29", "2024-02-29 10:00 Europe/Paris", "9999-12-31", "9999-12-31T23:59:59Z",
    "9999-12-31 23:30:00-05:00", "1000-01-01T00:00+14:00", "2024-02-29 BC", "infinity",
]  # fmt: skip
texts = st.one_of(
    days.map(dt.date.isoformat),
    st.builds(lambda day, before, after: f"{before}{day}{after}", days, *[st.sampled_from(["", " ", "  "])] * 2),
    st.builds(lambda each, mark, zone: each.isoformat(sep=mark) + zone, instants, st.sampled_from("T "), offsets),
    st.builds(lambda each, zone: each.strftime("%Y-%m-%dT%H:%M") + zone, instants, offsets),
    st.sampled_from(absurd),
)

metadata = sa.MetaData()
table = sa.Table(
    "moment",
    metadata,
    sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("day", sa.Date),
    sa.Column("naive", sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mariadb")),
    sa.Column("aware", sa.DateTime(timezone=True).with_variant(mysql.TIMESTAMP(fsp=6), "mariadb")),
    sa.Column("text", sa.Text),
    mariadb_charset="utf8mb4",  # with a collation that takes small letters for capitals
)
Answer = tuple[Any, bool, bool, dt.date | None]
"""A value, and what is said of it: open, missing, the day that is known."""


@pytest.fixture(params=ENGINES)
def moments_in(request: pytest.FixtureRequest) -> Iterator[EngineTable]:
    """A table of moments in each engine."""
    with engine_table(request.param, table, request) as made:
        yield made


quick = settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
sources = st.builds(
    EventSource, column=st.just("x"), null=st.sampled_from(["open", "missing", "absent"]), overwritten=st.booleans()
)
thorough = settings(quick, max_examples=150)
moment_lists = st.lists(instants | ends, min_size=5, max_size=20)
day_lists = st.lists(days, min_size=5, max_size=20)
text_lists = st.lists(texts, min_size=5, max_size=20)
as_ofs = st.dates(dt.date(2019, 1, 1), dt.date(2028, 1, 1))
far = st.sampled_from([Horizon("a", dt.date(2099, 1, 1), TODAY), Horizon("a", TODAY, dt.date(2098, 3, 29))])
horizons = st.builds(Horizon, st.just("a"), as_ofs, st.just(TODAY)) | far


@dataclass(frozen=True)
class Question:
    """How a column is to be understood."""

    zone: ZoneInfo
    source: EventSource
    kind: EventKind
    at: Horizon

    def asked(self, engine: EngineTable, column: str, values: list[Any]) -> list[Answer]:
        """What an engine reads in a column that holds these values, and in an empty one."""
        empty = {"day": None, "naive": None, "aware": None, "text": None}
        rows = [{"n": number, **empty, column: value} for number, value in enumerate([*values, None])]
        raw = table.c[column]
        day = day_of(raw, self.zone, engine.engine, until=self.at.end)
        read = layer(sa.select(table.c.n, is_given(raw).label("given"), day.label("day")), fenced=engine.fenced)
        reading = Reading(read.c.given, read.c.day, sa.true(), sa.false())
        found = occurrence(reading, self.source, self.kind, self.at)
        answers = engine.ask(rows, sa.select(found.open, found.missing, found.day).order_by(read.c.n))
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


def _aware(moments: list[dt.datetime]) -> list[dt.datetime]:
    """What a column of instants can hold in every engine: MariaDB's ends in 2038, SQLite has none."""
    return [each.replace(tzinfo=dt.UTC) for each in moments if dt.datetime(1970, 1, 2) < each < dt.datetime(2038, 1, 1)]


@pytest.mark.slow
@quick
@given(moment_lists, day_lists, text_lists, questions)
def test_every_engine_reads_what_a_store_holds_as_the_reference(
    moments_in: EngineTable, moments: list[dt.datetime], some_days: list[dt.date], some_texts: list[str],
    question: Question,
) -> None:  # fmt: skip
    aware = _aware(moments)
    assert question.asked(moments_in, "naive", moments) == question.observed(moments)
    assert question.asked(moments_in, "day", some_days) == question.observed(some_days)
    assert question.asked(moments_in, "text", some_texts) == question.observed(some_texts)
    if moments_in.engine != "sqlite":
        assert question.asked(moments_in, "aware", aware) == question.observed(aware)


@pytest.mark.slow
@thorough
@given(moment_lists, day_lists, text_lists, questions)
def test_every_engine_reads_many_things_that_a_store_holds_as_the_reference(
    moments_in: EngineTable, moments: list[dt.datetime], some_days: list[dt.date], some_texts: list[str],
    question: Question,
) -> None:  # fmt: skip
    everything = [*some_texts, *absurd]
    assert question.asked(moments_in, "naive", moments) == question.observed(moments)
    assert question.asked(moments_in, "day", some_days) == question.observed(some_days)
    assert question.asked(moments_in, "text", everything) == question.observed(everything)


def around_changes(zone: ZoneInfo) -> list[dt.datetime]:
    """Instants about the midnights on both sides of every change of the zone's offset, in UTC."""
    found: set[dt.datetime] = set()
    noon = dt.datetime(1899, 12, 31, 12, tzinfo=dt.UTC)
    while noon.year < 2100:
        later = noon + dt.timedelta(days=1)
        if noon.astimezone(zone).utcoffset() != later.astimezone(zone).utcoffset():
            for day in (noon.date(), later.date(), later.date() + dt.timedelta(days=1)):
                midnight = dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC).replace(tzinfo=None)
                found |= {midnight + dt.timedelta(seconds=each) for each in (-3600, -61, -1, 0, 1, 59, 3599)}
        noon = later
    return sorted(found)


@pytest.mark.parametrize(
    "zone",
    [
        pytest.param("America/St_Johns", id="clocks that changed a minute after midnight"),
        pytest.param("Pacific/Apia", id="a day left out"),
        *(pytest.param(each, marks=pytest.mark.slow) for each in ("Europe/Paris", "Asia/Gaza", "Africa/Casablanca")),
    ],
)
def test_every_engine_knows_every_change_of_offset_in_two_centuries(moments_in: EngineTable, zone: str) -> None:
    last = dt.date(2099, 12, 31)
    question = Question(
        ZoneInfo(zone), EventSource(column="x", null="absent"), EventKind.POINT, Horizon("a", last, last)
    )
    moments = around_changes(question.zone)
    assert question.asked(moments_in, "naive", moments) == question.observed(moments)


@pytest.mark.parametrize("kind", EventKind)
@pytest.mark.parametrize("form", ["day", "naive"])
def test_what_mariadb_stores_and_no_calendar_has_is_absurd_also_in_a_statement_that_writes(
    mariadb_database: MariaDatabase, form: str, kind: EventKind
) -> None:
    stored = ["0000-00-00", "2024-00-00", "2024-00-10", "2024-05-00", "2024-02-31", "2023-02-29", "2024-02-29"]
    raw = table.c[form]
    reading = Reading(is_given(raw), day_of(raw, PARIS, "mariadb", until=TODAY), sa.true(), sa.false())
    found = occurrence(reading, EventSource(column="x", null="absent"), kind, Horizon("a", TODAY, TODAY))
    asked = sa.select(found.open, found.missing, found.day).order_by(table.c.n)
    kept = sa.table("kept", *map(sa.column, ("open", "missing", "day")))
    engine = open_engine("crm", mariadb_database.admin, write=True)
    with engine.connect() as connection:
        metadata.create_all(connection)
        connection.exec_driver_sql("CREATE TEMPORARY TABLE kept (open BOOLEAN, missing BOOLEAN, day DATE)")
        connection.exec_driver_sql("SET @strict = @@sql_mode, sql_mode = 'ALLOW_INVALID_DATES'")
        connection.execute(sa.insert(table), [{"n": number, form: each} for number, each in enumerate(stored)])
        connection.exec_driver_sql("SET sql_mode = @strict")
        read = [tuple(row) for row in connection.execute(asked)]
        connection.execute(sa.insert(kept).from_select(["open", "missing", "day"], asked))
        written = [tuple(row) for row in connection.execute(sa.select(kept.c.open, kept.c.missing, kept.c.day))]
    engine.dispose()
    assert read == written == [*[(0, 1, None)] * 6, (0, 0, dt.date(2024, 2, 29))]


def test_an_empty_text_is_nothing(moments_in: EngineTable) -> None:
    rows = [{"n": 1, "day": None, "naive": None, "aware": None, "text": " "}]
    assert [tuple(map(bool, row)) for row in moments_in.ask(rows, sa.select(is_given(table.c.text)))] == [(False,)]
