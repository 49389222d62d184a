"""The compilation of a policy to set operations says of every record what `decide` says of it, on every engine."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest
import sqlalchemy as sa
from drawn_rules import (
    BOUNDARIES,
    CATEGORIES,
    EVENTS,
    FORMS,
    MARK,
    NULLS,
    PARTS,
    SOME,
    STORED,
    Record,
    policies,
    some_records,
)
from engine_tables import ENGINES, EngineTable, engine_table
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from pipelines.data_map.model import EventSource
from pipelines.plan import fiscal
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
from pipelines.simulate.explained import code_of
from retention_rules.decide import decide
from retention_rules.decisions import Due
from retention_rules.events import Event, EventKind, Known, end_of_fiscal_year, observe
from retention_rules.policy import Policy
from retention_rules.purposes import EndAction


@dataclass(frozen=True)
class Reader:
    """How the stored event is to be read: in which form it is stored, and what an empty one means."""

    form: str
    source: EventSource
    horizon: Horizon

    @property
    def rolls(self) -> int | None:
        """The month to whose end the day is moved."""
        return self.source.rolls_to_end_of

    def relation(self, policy: Policy, dialect: str, *, fenced: bool) -> sa.FromClause:
        """The records with the stored event read."""
        column = table.c[f"stored_{self.form}"]
        day = day_of(column, policy.time_zone, dialect, until=self.horizon.end)
        read = extended(table, {"given": given_in(column), "day": day}, fenced=fenced)
        rolled = read.c.day if self.rolls is None else fiscal.end_of_fiscal_year(read.c.day, self.rolls)
        reading = Reading(read.c.given, rolled, sa.true(), sa.false())
        found = occurrence(reading, self.source, policy.events[STORED], self.horizon)
        columns = (found.open, found.missing, found.day, found.day)
        return extended(
            read, {f"{STORED}_{part}": each for part, each in zip(PARTS, columns, strict=True)}, fenced=fenced
        )

    def event(self, record: Record, policy: Policy) -> Event:
        """The same, by `observe`."""
        value = record.stored[self.form]
        if self.rolls is not None:
            read = observe(value, EventKind.POINT, policy.time_zone, as_of=dt.date.max, today=dt.date.max)
            value = end_of_fiscal_year(read.day, self.rolls) if isinstance(read, Known) else value
        return observe(
            value, policy.events[STORED], policy.time_zone, as_of=self.horizon.as_of,
            today=self.horizon.today, null=NULLS[self.source.null], overwritten=self.source.overwritten,
        )  # fmt: skip


LAYOUT = Layout(
    events={name: EventColumns.named(name) for name in EVENTS},
    facts={name: name for name in ("client", "disputed", "amount", "nature")},
)
HOLDS = {
    category: HoldColumns("some_held", "some_release") if category in SOME else HoldColumns("held", "release")
    for category in CATEGORIES
}

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
    *(sa.Column(f"{some}held", sa.Boolean) for some in ("", "some_")),
    *(sa.Column(f"{some}release", sa.Date) for some in ("", "some_")),
    mariadb_charset="utf8mb4",  # with a collation that takes e for é and drops spaces at the end
)

Verdicts = dict[tuple[int, str], tuple[Code, dt.date | None, tuple[bool, str] | None]]
"""By record and category: the code; for what is due, since when, whether it is deleted and which purpose was last."""


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Iterator[EngineTable]:
    """An empty table of records in each of the engines that decide."""
    with engine_table(request.param, table, request) as made:
        yield made


def compiled(engine: EngineTable, policy: Policy, drawn: Sequence[Record], reader: Reader) -> Verdicts:
    """What the compiled policy says of each record, in an engine: one statement."""
    as_of = reader.horizon.as_of
    groups = group_categories(policy, CATEGORIES, HOLDS)
    relation = reader.relation(policy, engine.engine, fenced=engine.fenced)
    relation = decided(relation, LAYOUT, policy, groups, as_of=as_of, fenced=engine.fenced)
    names = [name for group in groups for name in dataclasses.astuple(decision_columns(group))]
    query = sa.select(relation.c.id, *(relation.c[name] for name in names))
    rows = [record.row(number, as_of) for number, record in enumerate(drawn)]
    found: Verdicts = {}
    answers = [dict(zip(query.selected_columns.keys(), row, strict=True)) for row in engine.ask(rows, query)]
    for row, group in itertools.product(answers, groups):
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
        EventSource,
        column=st.just("x"),
        null=st.sampled_from(["open", "missing", "absent"]),
        overwritten=st.booleans(),
        rolls_to_end_of=st.sampled_from([None, None, None, 2, 6, 12]),
    ),
    as_ofs,
    st.sampled_from([dt.timedelta(), dt.timedelta(days=400)]),
)
numbers = st.integers(0, 2**32)


@quick
@given(policies(), numbers, readers)
def test_every_engine_decides_as_the_reference(
    engine: EngineTable, policy: Policy, number: int, reader: Reader
) -> None:
    drawn = some_records(policy, reader.horizon.as_of, number)
    assert compiled(engine, policy, drawn, reader) == reference(policy, drawn, reader)


@pytest.mark.slow
@pytest.mark.timeout(900)  # a few minutes on an idle machine
def test_every_engine_decides_as_the_reference_over_many_policies(engine: EngineTable) -> None:
    policies_seen: set[str] = set()
    records_seen: set[str] = set()
    decisions: Counter[Code] = Counter()
    on_edges = 0

    @thorough
    @given(policies(), numbers, readers)
    def over_many(policy: Policy, number: int, reader: Reader) -> None:
        nonlocal on_edges
        drawn = some_records(policy, reader.horizon.as_of, number)
        expected = reference(policy, drawn, reader)
        assert compiled(engine, policy, drawn, reader) == expected
        policies_seen.add(repr(policy))
        records_seen.update(map(repr, drawn))
        decisions.update(code for code, _, _ in expected.values())
        on_edges += sum(since == reader.horizon.as_of for _, since, _ in expected.values())

    def missing() -> list[str]:
        counts = {"policies": len(policies_seen), "records": len(records_seen), "due since the very day": on_edges}
        counts |= {code.name: decisions[code] for code in Code}
        wanted = {
            "policies": 500,
            "records": 10_000,
            "due since the very day": 500,
            **{code.name: 1_000 for code in Code},
        }
        return [f"{name}: {counts[name]} of {least}" for name, least in wanted.items() if counts[name] < least]

    for number in range(4):  # Hypothesis draws some policies more than once, and others with each change of the code
        if missing():
            seed(number)(over_many)()
    assert missing() == []
