"""The compilation of a policy to set operations says of every record what `decide` says of it, on every engine."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from connectors.sql.engines import open_engine
from pipelines.data_map.model import EventSource
from pipelines.plan import dialects
from pipelines.plan.compile import (
    Code,
    EventColumns,
    HoldColumns,
    Layout,
    decided,
    decision_columns,
    extended,
    group_categories,
)
from pipelines.plan.dates import day_of
from pipelines.plan.dates import given as given_in
from pipelines.plan.occurrences import Horizon, Reading, occurrence
from retention_rules.conditions import Among, And, Comparator, Compare, Condition, Is, Named, Not, Or, State
from retention_rules.decide import Facts, decide
from retention_rules.decisions import Archive, Decision, Due, Held, Keep, Undetermined
from retention_rules.events import Absent, Event, EventKind, Known, Missing, Open, observe
from retention_rules.holds import Hold
from retention_rules.periods import Period
from retention_rules.policy import Policy
from retention_rules.purposes import Basis, Branch, Choice, EndAction, Purpose, StartingPoint

EVENTS = ("contract_end", "collected", "contact")
STORED = "contact"
"""The event that the relation carries as a store holds it: a day, an instant or a text, read on the way."""
FORMS = ("day", "instant", "text")
ZONES = tuple(map(ZoneInfo, ("Europe/Paris", "UTC", "America/New_York", "Pacific/Apia")))
CATEGORIES = ("identity", "life", "invoice", "card")
BOUNDARIES = tuple(
    dt.date.fromisoformat(text)
    for text in (
        "2020-02-29", "2021-02-28", "2023-02-28", "2024-02-28", "2024-02-29", "2024-03-01", "2023-08-31", "2024-01-31",
        "2023-12-31", "2024-01-01", "2024-03-31", "2024-10-27", "2024-04-30", "2024-05-31", "2025-02-28", "2025-03-01",
        "1900-01-01", "2099-12-31",
    )
)  # fmt: skip
MARK = dt.date(2024, 2, 29)
NIGHTS = tuple(
    dt.time.fromisoformat(text)
    for text in ("00:00", "00:59:59", "01:00", "02:30", "09:59:59", "10:00", "21:59:59", "22:00",
                 "22:59:59", "23:00", "23:59:59")
)  # fmt: skip
"""Around midnight in one zone or another, and the hours in which clocks change."""
NULLS: dict[str, Event] = {"open": Open(), "missing": Missing(), "absent": Absent()}
PARTS = ("open", "missing", "first", "last")
PERIODS = (Period(years=1), Period(years=3), Period(months=6), Period(months=13), Period(days=30), Period(1, 1, 1))

leaves: st.SearchStrategy[Condition] = st.one_of(
    st.sampled_from(["client", "disputed", "derived"]).map(Named),
    st.builds(Is, st.sampled_from(EVENTS), st.sampled_from(State)),
    st.builds(Among, st.just("nature"), st.sampled_from([("invoice",), ("Invoice", "trip"), ("été",)])),
    st.builds(Compare, st.just("amount"), st.sampled_from(Comparator), st.sampled_from([Decimal(120), Decimal("9.5")])),
)
conditions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, min_size=1, max_size=3).map(lambda each: And(tuple(each))),
        st.lists(inner, min_size=1, max_size=3).map(lambda each: Or(tuple(each))),
    ),
    max_leaves=4,
)
starting_points = st.builds(
    StartingPoint,
    st.lists(st.sampled_from((*EVENTS, "never_supplied")), min_size=1, max_size=3, unique=True).map(tuple),
    st.sampled_from(Choice),
)
branches = st.one_of(
    st.just(()),
    st.sampled_from(PERIODS).map(lambda period: (Branch(period),)),
    st.builds(
        lambda condition, first, second: (Branch(first, condition), Branch(second)),
        conditions,
        st.sampled_from(PERIODS),
        st.sampled_from(PERIODS),
    ),
)
purposes = st.lists(
    st.builds(
        Purpose,
        name=st.just(""),
        basis=st.sampled_from([Basis.CONTRACT, Basis.LEGITIMATE_INTEREST, Basis.LAW, Basis.LEGAL_CLAIM]),
        source=st.just("a test"),
        keeps=st.frozensets(st.sampled_from(CATEGORIES), min_size=1, max_size=3),
        starting_point=starting_points,
        end_action=st.sampled_from(EndAction),
        periods=branches,
        when=st.none() | conditions,
    ),
    min_size=1,
    max_size=5,
)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    drawn = draw(purposes)
    return Policy(
        name="drawn",
        controller="JULIEN",
        time_zone=draw(st.sampled_from(ZONES)),
        purposes=tuple(
            Purpose(f"purpose_{number}", p.basis, p.source, p.keeps, p.starting_point, p.end_action, p.periods, p.when)
            for number, p in enumerate(drawn)
        ),
        events=dict.fromkeys(EVENTS, EventKind.POINT) | {STORED: draw(st.sampled_from(EventKind))},
        facts={"derived": draw(leaves.filter(lambda leaf: leaf != Named("derived")))},
        supplied_facts={"client": "boolean", "disputed": "boolean", "amount": "number", "nature": "text"},
        groups={},
        never_held=frozenset({"card"}),
        digest="0" * 64,
    )


@dataclass(frozen=True)
class Reader:
    """How the stored event is to be read: in which form it is stored, and what an empty one means."""

    form: str
    source: EventSource
    horizon: Horizon

    def relation(self, policy: Policy, dialect: str, *, fenced: bool) -> sa.FromClause:
        """The records with the stored event read."""
        column = table.c[f"stored_{self.form}"]
        given_and_day = {"given": given_in(column), "day": day_of(column, policy.time_zone, dialect)}
        read = extended(table, given_and_day, fenced=fenced)
        reading = Reading(read.c.given, read.c.day, sa.true(), sa.false())
        found = occurrence(reading, self.source, policy.events[STORED], self.horizon)
        columns = (found.open, found.missing, found.day, found.day)
        return extended(
            read, {f"{STORED}_{part}": each for part, each in zip(PARTS, columns, strict=True)}, fenced=fenced
        )

    def event(self, record: Record, policy: Policy) -> Event:
        """The same, by `observe`."""
        return observe(
            record.stored[self.form], policy.events[STORED], policy.time_zone, as_of=self.horizon.as_of,
            today=self.horizon.today, null=NULLS[self.source.null], overwritten=self.source.overwritten,
        )  # fmt: skip


@dataclass(frozen=True)
class Record:
    """A record as `decide` sees it, but for the event that a store holds."""

    events: dict[str, tuple[Event, ...]]
    stored: dict[str, Any]
    client: bool | None
    disputed: bool | None
    amount: Decimal | None
    nature: str | None
    holds: tuple[Hold, ...]

    def facts(self, stored: Event) -> Facts:
        values = {"client": self.client, "disputed": self.disputed, "amount": self.amount, "nature": self.nature}
        return Facts({**self.events, STORED: stored}, values)

    def row(self, number: int, as_of: dt.date) -> dict[str, Any]:
        """The same, as a relation carries it."""
        row: dict[str, Any] = {"id": number, "client": self.client, "disputed": self.disputed, "nature": self.nature}
        row["amount"] = None if self.amount is None else float(self.amount)
        row |= {f"stored_{form}": value for form, value in self.stored.items()}
        for name, found in self.events.items():
            known = [each.day for each in found if isinstance(each, Known)]
            row[f"{name}_open"] = any(isinstance(each, Open) for each in found)
            row[f"{name}_missing"] = any(isinstance(each, Missing) for each in found)
            row[f"{name}_first"] = min(known, default=None)
            row[f"{name}_last"] = max(known, default=None)
        counted = [h for h in self.holds if h.since <= as_of and (h.until is None or h.since < h.until)]
        row["held"] = any(h.until is None or as_of < h.until for h in counted)
        row["release"] = max((h.until for h in counted if h.until), default=None)
        return row


def _some_day(draw: random.Random) -> dt.date:
    """A boundary, a day close to one, or any."""
    match draw.randrange(4):
        case 0:
            return draw.choice(BOUNDARIES)
        case 1 | 2:
            return draw.choice(BOUNDARIES[:-2]) + dt.timedelta(days=draw.randint(-4, 4))
        case _:
            return dt.date(2018, 1, 1) + dt.timedelta(days=draw.randrange(3650))


def _some_instant(draw: random.Random) -> dt.datetime:
    return dt.datetime.combine(_some_day(draw), draw.choice(NIGHTS))


def _some_text(draw: random.Random) -> str:
    match draw.randrange(4):
        case 0:
            return _some_day(draw).isoformat()
        case 1:
            return draw.choice(["", "soon", "2023-02-29", "9999-12-31", "0000-00-00"])
        case _:
            return _some_instant(draw).isoformat() + draw.choice(["", "Z", "+02:00", "-0530"])


def _some_events(draw: random.Random) -> tuple[Event, ...]:
    """No occurrence (absent), one or several, in any of the other states."""
    return tuple(
        draw.choice([Known(_some_day(draw)), Known(_some_day(draw)), Open(), Missing()])
        for _ in range(draw.choice([0, 1, 1, 2, 3]))
    )


def _some_record(draw: random.Random) -> Record:
    odd_days = [_some_day(draw), _some_day(draw), dt.date(9999, 12, 31), dt.date(1899, 12, 31), None]
    return Record(
        {name: _some_events(draw) for name in EVENTS if name != STORED},
        {
            "day": draw.choice(odd_days),
            "instant": draw.choice([_some_instant(draw), _some_instant(draw), None]),
            "text": draw.choice([_some_text(draw), _some_text(draw), None]),
        },
        draw.choice([True, False, None]),
        draw.choice([True, False, None]),
        draw.choice([Decimal(119), Decimal(120), Decimal("120.01"), Decimal("9.5"), Decimal(9), None]),
        draw.choice(["invoice", "Invoice", "trip", "ete", "été", "invoice ", None]),
        tuple(_some_hold(draw) for _ in range(draw.choice([0, 0, 1, 2]))),
    )


def _some_hold(draw: random.Random) -> Hold:
    since = _some_day(draw)
    return Hold("case", since, draw.choice([None, since + dt.timedelta(days=draw.randint(0, 800))]))


def _some_records(number: int) -> list[Record]:
    draw = random.Random(number)
    return [_some_record(draw) for _ in range(25)]


# Hypothesis draws a seed and the generator the records, of which there are too many for Hypothesis to keep apart.
records = st.integers(0, 2**32).map(_some_records)

LAYOUT = Layout(
    events={name: EventColumns.named(name) for name in EVENTS},
    facts={name: name for name in ("client", "disputed", "amount", "nature")},
)
HOLDS = dict.fromkeys(CATEGORIES, HoldColumns("held", "release"))

metadata = sa.MetaData()
table = sa.Table(
    "record",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    *(
        sa.Column(f"{name}_{part}", sa.Boolean if part in {"open", "missing"} else sa.Date)
        for name in EVENTS
        if name != STORED
        for part in PARTS
    ),
    sa.Column("stored_day", sa.Date),
    sa.Column("stored_instant", sa.DateTime),
    sa.Column("stored_text", sa.Text),
    sa.Column("nature", sa.String(20)),
    sa.Column("client", sa.Boolean),
    sa.Column("disputed", sa.Boolean),
    sa.Column("amount", sa.Float),
    sa.Column("held", sa.Boolean),
    sa.Column("release", sa.Date),
    mariadb_charset="utf8mb4",  # with a collation that takes e for é and drops spaces at the end
)

Rows = Sequence[dict[str, Any]]
Evaluate = Callable[[Rows, sa.Select[Any]], list[dict[str, Any]]]


@dataclass(frozen=True)
class Engine:
    """An engine over an empty table of records."""

    name: str
    evaluate: Evaluate

    @property
    def fenced(self) -> bool:
        """As the planner compiles for it."""
        return self.name != "duckdb"


Verdicts = dict[tuple[int, str], tuple[Code, dt.date | None, tuple[bool, str] | None]]
"""By record and category: the code; for what is due, since when, whether it is deleted and which purpose was last."""


def as_code(decision: Decision) -> Code:
    match decision:
        case Keep():
            return Code.KEEP
        case Archive():
            return Code.ARCHIVE
        case Due():
            return Code.DUE
        case Held():
            return Code.HELD
        case Undetermined():
            return Code.UNDETERMINED


@pytest.fixture(params=["postgresql", "mariadb", "sqlite", "duckdb"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Each of the engines that decide."""
    if request.param == "duckdb":
        with duckdb.connect() as native:
            yield Engine("duckdb", _over_duckdb(native))
        return
    match request.param:
        case "postgresql":
            opened = sa.create_engine(request.getfixturevalue("postgres_database").admin)
        case "mariadb":
            opened = open_engine("crm", request.getfixturevalue("mariadb_database").admin, write=True)
        case _:
            opened = sa.create_engine("sqlite://")
    with opened.connect() as connection:
        yield Engine(request.param, _over(connection))
    opened.dispose()


def _over_duckdb(connection: duckdb.DuckDBPyConnection) -> Evaluate:
    connection.execute(str(sa.schema.CreateTable(table).compile(dialect=dialects.DuckDBDialect())))

    def evaluate(rows: Rows, query: sa.Select[Any]) -> list[dict[str, Any]]:
        dialects.run(connection, table.delete())
        connection.executemany(
            f"INSERT INTO record ({', '.join(rows[0])}) VALUES ({', '.join('?' for _ in rows[0])})",
            [[row[name] for name in rows[0]] for row in rows],
        )
        found = dialects.run(connection, query)
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    return evaluate


def _over(connection: sa.Connection) -> Evaluate:
    metadata.create_all(connection)

    def evaluate(rows: Rows, query: sa.Select[Any]) -> list[dict[str, Any]]:
        connection.execute(table.delete())
        connection.execute(table.insert(), list(rows))
        return [dict(row) for row in connection.execute(query).mappings()]

    return evaluate


def compiled(engine: Engine, policy: Policy, drawn: Sequence[Record], reader: Reader) -> Verdicts:
    """What the compiled policy says of each record, in an engine: one statement."""
    as_of = reader.horizon.as_of
    groups = group_categories(policy, CATEGORIES, HOLDS)
    relation = reader.relation(policy, engine.name, fenced=engine.fenced)
    relation = decided(relation, LAYOUT, policy, groups, as_of=as_of, fenced=engine.fenced)
    names = [name for group in groups for name in dataclasses.astuple(decision_columns(group))]
    query = sa.select(relation.c.id, *(relation.c[name] for name in names))
    rows = [record.row(number, as_of) for number, record in enumerate(drawn)]
    found: Verdicts = {}
    for row, group in itertools.product(engine.evaluate(rows, query), groups):
        columns = decision_columns(group)
        code, ending = Code(row[columns.code]), None
        if code is Code.DUE:
            ending = (bool(row[columns.delete]), policy.purposes[row[columns.last]].name)
        due = row[columns.due]
        due = dt.date.fromisoformat(due) if isinstance(due, str) else due  # as SQLite has it
        found |= {(row["id"], category): (code, due, ending) for category in group.categories}
    return found


def reference(policy: Policy, drawn: Sequence[Record], reader: Reader) -> Verdicts:
    """What `decide` says of each record."""
    found: Verdicts = {}
    for number, record in enumerate(drawn):
        facts = record.facts(reader.event(record, policy))
        decisions = decide(CATEGORIES, facts, policy, holds=record.holds, as_of=reader.horizon.as_of)
        for category, decision in decisions.items():
            since, ending = None, None
            if isinstance(decision, Due):
                since, ending = decision.since, (decision.action is EndAction.DELETE, decision.purposes[0])
            found[number, category] = (as_code(decision), since, ending)
    return found


as_ofs = st.one_of(st.just(MARK), st.sampled_from(BOUNDARIES[:-2]), st.dates(dt.date(2023, 1, 1), dt.date(2026, 1, 1)))
quick = settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
thorough = settings(quick, max_examples=540, derandomize=False)


readers = st.builds(
    lambda form, source, as_of, later: Reader(form, source, Horizon("a", as_of, max(as_of, MARK) + later)),
    st.sampled_from(FORMS),
    st.builds(
        EventSource, column=st.just("x"), null=st.sampled_from(["open", "missing", "absent"]), overwritten=st.booleans()
    ),
    as_ofs,
    st.sampled_from([dt.timedelta(), dt.timedelta(days=400)]),
)


@quick
@given(policies(), records, readers)
def test_every_engine_decides_as_the_reference(
    engine: Engine, policy: Policy, drawn: list[Record], reader: Reader
) -> None:
    assert compiled(engine, policy, drawn, reader) == reference(policy, drawn, reader)


@pytest.mark.slow
def test_every_engine_decides_as_the_reference_over_many_policies(engine: Engine) -> None:
    policies_seen: set[str] = set()
    records_seen = 0

    @thorough
    @given(policies(), records, readers)
    def over_many(policy: Policy, drawn: list[Record], reader: Reader) -> None:
        nonlocal records_seen
        assert compiled(engine, policy, drawn, reader) == reference(policy, drawn, reader)
        policies_seen.add(repr(policy))
        records_seen += len(drawn)

    for number in range(3):  # Hypothesis draws some policies more than once
        if len(policies_seen) < 500:
            seed(number)(over_many)()
    assert len(policies_seen) >= 500
    assert records_seen >= 10_000
