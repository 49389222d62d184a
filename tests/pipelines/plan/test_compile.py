"""The compilation of a policy to set operations says of every record what `decide` says of it, on every engine."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
import sqlalchemy as sa
from fixtures_postgres import PostgresDatabase
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pipelines.plan import dialects
from pipelines.plan.compile import (
    Code,
    EventColumns,
    HoldColumns,
    Layout,
    decided,
    decision_columns,
    group_categories,
)
from retention_rules.conditions import And, Comparator, Compare, Condition, Is, Named, Not, Or, State
from retention_rules.decide import Facts, decide
from retention_rules.decisions import Archive, Decision, Due, Held, Keep, Undetermined
from retention_rules.events import Event, EventKind, Known, Missing, Open
from retention_rules.holds import Hold
from retention_rules.periods import Period
from retention_rules.policy import Policy
from retention_rules.purposes import Basis, Branch, Choice, EndAction, Purpose, StartingPoint

EVENTS = ("contract_end", "collected", "contact")
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
PERIODS = (Period(years=1), Period(years=3), Period(months=6), Period(months=13), Period(days=30), Period(1, 1, 1))

near = st.integers(-4, 4).map(lambda days: dt.timedelta(days=days))
days = st.one_of(
    st.sampled_from(BOUNDARIES),
    st.builds(lambda day, shift: day + shift, st.sampled_from(BOUNDARIES[:-2]), near),
    st.dates(dt.date(2018, 1, 1), dt.date(2027, 12, 31)),
)
occurrence: st.SearchStrategy[Event] = st.one_of(days.map(Known), days.map(Known), st.just(Open()), st.just(Missing()))
occurrences = st.lists(occurrence, max_size=3).map(tuple)

leaves: st.SearchStrategy[Condition] = st.one_of(
    st.sampled_from(["client", "disputed", "derived"]).map(Named),
    st.builds(Is, st.sampled_from(EVENTS), st.sampled_from(State)),
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
        time_zone=ZoneInfo("Europe/Paris"),
        purposes=tuple(
            Purpose(f"purpose_{number}", p.basis, p.source, p.keeps, p.starting_point, p.end_action, p.periods, p.when)
            for number, p in enumerate(drawn)
        ),
        events=dict.fromkeys(EVENTS, EventKind.POINT),
        facts={"derived": draw(leaves.filter(lambda leaf: leaf != Named("derived")))},
        supplied_facts={"client": "boolean", "disputed": "boolean", "amount": "number"},
        groups={},
        never_held=frozenset({"card"}),
        digest="0" * 64,
    )


@st.composite
def holds(draw: st.DrawFn) -> Hold:
    since = draw(days)
    length = draw(st.none() | st.integers(0, 800))
    return Hold("case", since, None if length is None else since + dt.timedelta(days=length))


@dataclass(frozen=True)
class Record:
    """A record as `decide` sees it."""

    events: dict[str, tuple[Event, ...]]
    client: bool | None
    disputed: bool | None
    amount: Decimal | None
    holds: tuple[Hold, ...]

    @property
    def facts(self) -> Facts:
        return Facts(dict(self.events), {"client": self.client, "disputed": self.disputed, "amount": self.amount})

    def row(self, number: int, as_of: dt.date) -> dict[str, Any]:
        """The same, as a relation carries it."""
        row: dict[str, Any] = {"id": number, "client": self.client, "disputed": self.disputed}
        row["amount"] = None if self.amount is None else float(self.amount)
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


truths = st.none() | st.booleans()
records = st.lists(
    st.builds(
        Record,
        st.fixed_dictionaries(dict.fromkeys(EVENTS, occurrences)),
        truths,
        truths,
        st.none() | st.sampled_from([Decimal(119), Decimal(120), Decimal("120.01"), Decimal("9.5"), Decimal(9)]),
        st.lists(holds(), max_size=2).map(tuple),
    ),
    min_size=10,
    max_size=40,
)

LAYOUT = Layout(
    events={name: EventColumns.named(name) for name in EVENTS},
    facts={"client": "client", "disputed": "disputed", "amount": "amount"},
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
        for part in ("open", "missing", "first", "last")
    ),
    sa.Column("client", sa.Boolean),
    sa.Column("disputed", sa.Boolean),
    sa.Column("amount", sa.Float),
    sa.Column("held", sa.Boolean),
    sa.Column("release", sa.Date),
)

Rows = Sequence[dict[str, Any]]
Engine = Callable[[Rows, sa.Select[Any]], list[dict[str, Any]]]
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


@pytest.fixture(scope="module")
def sqlite_engine() -> Iterator[Engine]:
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        yield _over(connection)
    engine.dispose()


@pytest.fixture
def postgres_engine(postgres_database: PostgresDatabase) -> Iterator[Engine]:
    engine = sa.create_engine(postgres_database.admin)
    with engine.connect() as connection:
        yield _over(connection)
    engine.dispose()


@pytest.fixture(scope="module")
def duckdb_engine() -> Iterator[Engine]:
    with duckdb.connect() as connection:
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

        yield evaluate


def _over(connection: sa.Connection) -> Engine:
    metadata.create_all(connection)

    def evaluate(rows: Rows, query: sa.Select[Any]) -> list[dict[str, Any]]:
        connection.execute(table.delete())
        connection.execute(table.insert(), list(rows))
        return [dict(row) for row in connection.execute(query).mappings()]

    return evaluate


def compiled(
    engine: Engine, policy: Policy, drawn: Sequence[Record], as_of: dt.date, *, fenced: bool = False
) -> Verdicts:
    """What the compiled policy says of each record, in an engine."""
    groups = group_categories(policy, CATEGORIES, HOLDS)
    relation = decided(table, LAYOUT, policy, groups, as_of=as_of, fenced=fenced)
    rows = [record.row(number, as_of) for number, record in enumerate(drawn)]
    found: Verdicts = {}
    for row, group in itertools.product(engine(rows, sa.select(relation)), groups):
        columns = decision_columns(group)
        code, ending = Code(row[columns.code]), None
        if code is Code.DUE:
            ending = (bool(row[columns.delete]), policy.purposes[row[columns.last]].name)
        found |= {(row["id"], category): (code, row[columns.due], ending) for category in group.categories}
    return found


def reference(policy: Policy, drawn: Sequence[Record], as_of: dt.date) -> Verdicts:
    """What `decide` says of each record."""
    found: Verdicts = {}
    for number, record in enumerate(drawn):
        decisions = decide(CATEGORIES, record.facts, policy, holds=record.holds, as_of=as_of)
        for category, decision in decisions.items():
            since, ending = None, None
            if isinstance(decision, Due):
                since, ending = decision.since, (decision.action is EndAction.DELETE, decision.purposes[0])
            found[number, category] = (as_code(decision), since, ending)
    return found


as_ofs = st.one_of(st.just(MARK), st.sampled_from(BOUNDARIES[:-2]), st.dates(dt.date(2023, 1, 1), dt.date(2026, 1, 1)))
quick = settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
thorough = settings(quick, max_examples=400)


@quick
@given(policies(), records, as_ofs)
def test_postgresql_decides_as_the_reference(
    postgres_engine: Engine, policy: Policy, drawn: list[Record], as_of: dt.date
) -> None:
    assert compiled(postgres_engine, policy, drawn, as_of, fenced=True) == reference(policy, drawn, as_of)


@quick
@given(policies(), records, as_ofs)
def test_sqlite_decides_as_the_reference(
    sqlite_engine: Engine, policy: Policy, drawn: list[Record], as_of: dt.date
) -> None:
    assert compiled(sqlite_engine, policy, drawn, as_of, fenced=True) == reference(policy, drawn, as_of)


@quick
@given(policies(), records, as_ofs)
def test_duckdb_decides_as_the_reference(
    duckdb_engine: Engine, policy: Policy, drawn: list[Record], as_of: dt.date
) -> None:
    assert compiled(duckdb_engine, policy, drawn, as_of) == reference(policy, drawn, as_of)


@pytest.mark.slow
@thorough
@given(policies(), records, as_ofs)
def test_the_three_engines_decide_as_the_reference_over_many_policies(
    postgres_engine: Engine,
    sqlite_engine: Engine,
    duckdb_engine: Engine,
    policy: Policy,
    drawn: list[Record],
    as_of: dt.date,
) -> None:
    expected = reference(policy, drawn, as_of)
    for engine in (postgres_engine, sqlite_engine, duckdb_engine):
        assert compiled(engine, policy, drawn, as_of) == expected
