"""The compilation of a policy to set operations says of every record what `decide` says of it, on every engine."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa
from drawn_rules import BOUNDARIES, CATEGORIES, EVENTS, FORMS, MARK, NULLS, PARTS, STORED, Record, policies, records
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
from pipelines.simulate.why import code_of
from retention_rules.decide import decide
from retention_rules.decisions import Due
from retention_rules.events import Event, observe
from retention_rules.policy import Policy
from retention_rules.purposes import EndAction


@dataclass(frozen=True)
class Reader:
    """How the stored event is to be read: in which form it is stored, and what an empty one means."""

    form: str
    source: EventSource
    horizon: Horizon

    def relation(self, policy: Policy, dialect: str, *, fenced: bool) -> sa.FromClause:
        """The records with the stored event read."""
        column = table.c[f"stored_{self.form}"]
        day = day_of(column, policy.time_zone, dialect, until=self.horizon.end)
        read = extended(table, {"given": given_in(column), "day": day}, fenced=fenced)
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
            found[number, category] = (code_of(decision), since, ending)
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
@pytest.mark.timeout(900)  # a few minutes on an idle machine
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
