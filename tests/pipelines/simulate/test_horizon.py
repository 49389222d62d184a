"""Row by row, the month in which `release` lets a record go is the one in which `decide` first says that it is due."""

from __future__ import annotations

import calendar
import dataclasses
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from connectors.digests import DigestKey
from pipelines.plan.compile import EventColumns, Group, HoldColumns, Layout, WeakColumns, decided, group_categories
from pipelines.plan.context import Context, oldest_that_matters
from pipelines.plan.holding import Holding
from pipelines.plan.occurrences import Horizon
from pipelines.plan.supply import Supply
from pipelines.simulate.horizon import Standing, horizons, month_of, release
from retention_rules.conditions import Condition, Is, Named, Not, State
from retention_rules.decide import Facts, decide
from retention_rules.decisions import Due
from retention_rules.events import Event, EventKind, Known, Missing, Open
from retention_rules.holds import Hold
from retention_rules.periods import Period
from retention_rules.policy import Policy
from retention_rules.purposes import Basis, Branch, Choice, EndAction, Purpose, StartingPoint

pytestmark = pytest.mark.slow

TODAY = dt.date(2024, 2, 29)
FAR, NOW = horizons(TODAY)
MONTHS = 30
OBJECTION = "objection"
KINDS = {
    "contract_end": EventKind.END, "service_end": EventKind.END, "contact": EventKind.POINT, OBJECTION: EventKind.POINT
}  # fmt: skip
WEAK = "contact"
CATEGORIES = ("identity", "life", "card")
PARTS = {"open": sa.Boolean, "missing": sa.Boolean, "first": sa.Date, "last": sa.Date}

past = st.one_of(
    st.dates(dt.date(2020, 1, 1), TODAY),
    st.sampled_from([TODAY, dt.date(2023, 2, 28), dt.date(2023, 8, 31), dt.date(2021, 2, 28), dt.date(2020, 2, 29)]),
)
later = st.dates(dt.date(2024, 3, 1), dt.date(2026, 8, 31))
periods = st.sampled_from([Period(years=1), Period(years=3), Period(months=6), Period(days=30), Period(1, 1, 1)])
conditions: st.SearchStrategy[Condition] = st.one_of(
    st.builds(Is, st.sampled_from(sorted(KINDS)), st.sampled_from(State)), st.just(Named("client"))
).flatmap(lambda leaf: st.sampled_from([leaf, Not(leaf)]))


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    purposes = [
        Purpose(
            name=f"purpose_{number}",
            basis=draw(st.sampled_from([Basis.CONTRACT, Basis.LEGITIMATE_INTEREST, Basis.LAW])),
            source="a test",
            keeps=draw(st.frozensets(st.sampled_from(CATEGORIES), min_size=1)),
            starting_point=StartingPoint(
                tuple(draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=2, unique=True))),
                draw(st.sampled_from(Choice)),
            ),
            end_action=draw(st.sampled_from(EndAction)),
            periods=draw(st.just(()) | periods.map(lambda each: (Branch(each),))),
            when=draw(st.none() | conditions),
            ended_by=draw(st.sampled_from(["", "", OBJECTION])),
        )
        for number in range(draw(st.integers(1, 4)))
    ]
    return Policy(
        name="drawn",
        controller="SHOP",
        time_zone=ZoneInfo("Europe/Paris"),
        purposes=tuple(purposes),
        events=KINDS,
        facts={"client": Is("contract_end", State.OPEN)},
        supplied_facts={},
        groups={},
        never_held=frozenset({"card"}),
        digest="0" * 64,
    )


@dataclass(frozen=True)
class Record:
    """Days and gaps by event; ``weak``: the day of a match that is not certain."""

    days: dict[str, tuple[dt.date, ...]]
    endless: frozenset[str]
    gaps: frozenset[str]
    weak: dt.date | None
    hold: Hold | None

    def strong(self, event: str, as_of: dt.date) -> tuple[Event, ...]:
        """The occurrences as they are seen on a day: an end that is announced for a later one is open."""
        found: list[Event] = [Known(day) if day <= as_of else Open() for day in self.days[event]]
        found += [Open()] if event in self.endless else []
        return (*found, *([Missing()] if event in self.gaps else []))

    def events(self, policy: Policy, as_of: dt.date) -> dict[str, tuple[Event, ...]]:
        """What the weak match would prolong is missing for as long as it could matter."""
        found = {event: self.strong(event, as_of) for event in KINDS}
        seen = found[WEAK]
        last = max((each.day for each in seen if isinstance(each, Known)), default=dt.date.min)
        if self.weak and self.weak > max(last, oldest_that_matters(policy, WEAK, as_of)) and Open() not in seen:
            found[WEAK] = (*seen, Missing())
        return found

    @property
    def announced(self) -> bool:
        return any(day > TODAY for found in self.days.values() for day in found)

    def row(self, number: int, policy: Policy) -> dict[str, Any]:
        """The record as a relation carries it for both dates."""
        row: dict[str, Any] = {"id": number}
        for horizon in (FAR, NOW):
            for event, found in self.events(policy, horizon.as_of).items():
                known = [each.day for each in found if isinstance(each, Known)]
                values = (Open() in found, Missing() in found, min(known, default=None), max(known, default=None))
                row |= {f"{horizon.name}{event}_{part}": each for part, each in zip(PARTS, values, strict=True)}
            weak = WeakColumns.named(f"{horizon.name}{WEAK}")
            matters = self.weak and self.weak > oldest_that_matters(policy, WEAK, horizon.as_of)
            row |= {weak.open: False, weak.last: self.weak if matters else None}
            hold = self.hold
            row[f"{horizon.name}held"] = hold is not None and (hold.until is None or horizon.as_of < hold.until)
            row[f"{horizon.name}release"] = None if hold is None else hold.until
        return row


records = st.lists(
    st.builds(
        Record,
        st.fixed_dictionaries(
            {
                event: st.lists(past | later if kind is EventKind.END else past, max_size=2).map(tuple)
                for event, kind in KINDS.items()
            }
        ),
        st.frozensets(st.sampled_from(["contract_end", "service_end"]), max_size=1),
        st.frozensets(st.sampled_from(sorted(KINDS)), max_size=1),
        st.none() | past,
        st.none() | st.builds(Hold, st.just("case"), st.just(dt.date(2020, 1, 1)), st.none() | past | later),
    ),
    min_size=6,
    max_size=10,
)

metadata = sa.MetaData()
table = sa.Table(
    "record",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    *(
        sa.Column(f"{horizon.name}{event}_{part}", kind)
        for horizon in (FAR, NOW)
        for event in KINDS
        for part, kind in PARTS.items()
    ),
    *(
        sa.Column(f"{horizon.name}{name}", kind)
        for horizon in (FAR, NOW)
        for name, kind in {f"{WEAK}_weakopen": sa.Boolean, f"{WEAK}_weaklast": sa.Date, "held": sa.Boolean,
                           "release": sa.Date}.items()
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Drawn:
    """The decisions over the table."""

    policy: Policy

    @property
    def context(self) -> Context:
        key = DigestKey(b"0" * 32, b"1" * 32)
        return Context(self.policy, "SHOP", {}, key, (FAR, NOW), Supply(()), Holding((), (FAR, NOW)))

    def groups(self, horizon: Horizon) -> tuple[Group, ...]:
        holds = dict.fromkeys(CATEGORIES, HoldColumns(f"{horizon.name}held", f"{horizon.name}release"))
        return group_categories(self.policy, CATEGORIES, holds, prefix=horizon.name)

    def event_columns(self, horizon: Horizon, event: str) -> tuple[EventColumns, WeakColumns]:
        return EventColumns.named(f"{horizon.name}{event}"), WeakColumns.named(f"{horizon.name}{event}")

    def released(self, connection: sa.Connection) -> Iterator[tuple[int, str, int]]:
        """Record, category, and the number that `release` gives."""
        relation: sa.FromClause = table
        for horizon in (FAR, NOW):
            layout = Layout({event: self.event_columns(horizon, event)[0] for event in KINDS})
            groups = self.groups(horizon)
            relation = decided(
                relation, layout, self.policy, groups, as_of=horizon.as_of, prefix=horizon.name, fenced=True
            )
        for number, group in enumerate(self.groups(FAR)):
            query = sa.select(relation.c.id, release(self.context, self, relation, number))
            for record, value in connection.execute(query):
                for category in group.categories:
                    yield record, category, value


def month_ends() -> Iterator[dt.date]:
    for number in range(month_of(TODAY), month_of(TODAY) + MONTHS):
        year, month = divmod(number, 12)
        yield dt.date(year, month + 1, calendar.monthrange(year, month + 1)[1])


@pytest.fixture(scope="module")
def connection() -> Iterator[sa.Connection]:
    engine = sa.create_engine("sqlite://")
    with engine.connect() as opened:
        metadata.create_all(opened)
        yield opened
    engine.dispose()


quick = settings(
    max_examples=20,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@quick
@given(policies(), records)
def test_a_record_is_released_in_the_month_in_which_the_reference_first_finds_it_due(
    connection: sa.Connection, policy: Policy, drawn: list[Record]
) -> None:
    assert set(released(connection, policy, drawn)) == set(range(len(drawn)))


@pytest.mark.slow
@settings(quick, max_examples=300)
@given(policies(), records)
def test_many_records_are_released_as_the_reference_says(
    connection: sa.Connection, policy: Policy, drawn: list[Record]
) -> None:
    assert set(released(connection, policy, drawn)) == set(range(len(drawn)))


def released(connection: sa.Connection, policy: Policy, drawn: list[Record]) -> Iterator[int]:
    """The records that were released when they should be."""
    connection.execute(table.delete())
    connection.execute(table.insert(), [record.row(number, policy) for number, record in enumerate(drawn)])
    dates = [TODAY, *month_ends()]
    due = {
        (number, category): [isinstance(decision[category], Due) for decision in decisions]
        for number, record in enumerate(drawn)
        for decisions in [[
            decide(CATEGORIES, Facts(record.events(policy, each)), policy, as_of=each,
                   holds=() if record.hold is None else (record.hold,))
            for each in dates
        ]]
        for category in CATEGORIES
    }  # fmt: skip

    found = list(Drawn(policy).released(connection))

    assert len(found) == len(due)
    for number, category, value in found:
        if value == Standing.CONDITIONAL:
            assert drawn[number].announced
            yield number
            continue
        said = [value == Standing.OVERDUE] + [Standing.OVERDUE <= value <= month_of(each) for each in dates[1:]]
        assert first(said) == first(due[number, category]), (drawn[number], category, value, policy)
        yield number


def first(dates: list[bool]) -> int | None:
    """A record that is due is gone: what would have become of it later does not count."""
    return dates.index(True) if True in dates else None


def test_what_an_objection_has_ended_no_uncertain_match_prolongs(connection: sa.Connection) -> None:
    prospecting = Purpose(
        name="prospecting", basis=Basis.LEGITIMATE_INTEREST, source="a test", keeps=frozenset({"identity"}),
        starting_point=StartingPoint((WEAK,)), end_action=EndAction.DELETE, periods=(Branch(Period(years=3)),),
        ended_by=OBJECTION,
    )  # fmt: skip
    followup = dataclasses.replace(
        prospecting, name="followup", basis=Basis.CONTRACT, starting_point=StartingPoint(("contract_end",)),
        periods=(Branch(Period(years=1)),), ended_by="",
    )  # fmt: skip
    policy = Policy(
        name="drawn", controller="SHOP", time_zone=ZoneInfo("Europe/Paris"), purposes=(prospecting, followup),
        events=KINDS, facts={}, supplied_facts={}, groups={}, never_held=frozenset(), digest="0" * 64,
    )  # fmt: skip
    days = {"contract_end": (dt.date(2023, 5, 1),), WEAK: (dt.date(2022, 1, 1),), OBJECTION: (dt.date(2023, 1, 1),)}
    record = Record(
        {event: days.get(event, ()) for event in KINDS}, frozenset(), frozenset(), dt.date(2023, 2, 1), None
    )

    assert set(released(connection, policy, [record])) == {0}
