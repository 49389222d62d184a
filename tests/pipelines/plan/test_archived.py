"""What is due in an archive is what `decide` says of the frozen facts, under law, claims and the day of arrival."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.digests import DigestKey
from connectors.sql.archive import ALTERED, ID, PLAN, STEP
from connectors.sql.engines import prepare_sqlite
from pipelines.data_map.model import DatasetMap, StoreMap
from pipelines.plan.archived import ARRIVED, ArchivedSelection, policy_of_archive
from pipelines.plan.arrivals import DAY, ArrivalShape, FrozenEvent, archivable, frozen_fact
from pipelines.plan.compile import Code
from pipelines.plan.context import Context, horizons
from pipelines.plan.holding import Holding
from pipelines.plan.supply import Supply
from retention_rules.conditions import Condition, Is, Named, Not, State
from retention_rules.decide import Facts, decide
from retention_rules.decisions import Archive, Decision, Due, Held, Keep, Undetermined
from retention_rules.events import Event, EventKind, Known, Missing, Open
from retention_rules.periods import Period
from retention_rules.policy import Policy
from retention_rules.purposes import Basis, Branch, Choice, EndAction, Purpose, StartingPoint

EVENTS = {"contract_end": EventKind.END, "debited": EventKind.POINT, "disputed": EventKind.END}
CATEGORIES = ("card.pan", "contract.evidence")
FACT = "deferred"
TODAY = dt.date(2026, 6, 30)
CODES: dict[type[Decision], Code] = {
    Keep: Code.KEEP, Archive: Code.ARCHIVE, Due: Code.DUE, Held: Code.HELD, Undetermined: Code.UNDETERMINED,
}  # fmt: skip

days = st.dates(dt.date(2019, 1, 1), dt.date(2027, 12, 31))
conditions: st.SearchStrategy[Condition | None] = st.one_of(
    st.none(),
    st.sampled_from([Named(FACT), Not(Named(FACT))]),
    st.builds(Is, st.sampled_from(sorted(EVENTS)), st.sampled_from(State)),
)
purposes = st.builds(
    lambda keeps, basis, events, choice, period, when: (
        keeps,
        basis,
        StartingPoint(tuple(events), choice),
        period,
        when,
    ),
    st.sets(st.sampled_from(CATEGORIES), min_size=1),
    st.sampled_from([Basis.LAW, Basis.LEGAL_CLAIM, Basis.CONTRACT]),
    st.lists(st.sampled_from(sorted(EVENTS)), min_size=1, max_size=2, unique=True),
    st.sampled_from(Choice),
    st.sampled_from([None, Period(years=1), Period(months=13), Period(years=5)]),
    conditions,
)


@dataclass(frozen=True, slots=True)
class Frozen:
    """What an arrival remembers: per event whether it is missing and the days; the fact; the day of arrival."""

    events: tuple[tuple[bool | None, tuple[dt.date, ...]], ...]
    fact: bool | None
    arrived: dt.date

    def facts(self, as_of: dt.date, today: dt.date) -> Facts:
        """As they are seen on a date."""
        found: dict[str, Event | Sequence[Event]] = {ARRIVED: _end(self.arrived, as_of)}
        for (name, kind), (missing, known) in zip(sorted(EVENTS.items()), self.events, strict=True):
            seen: list[Event] = [Missing()] if missing is not False else []
            for day in known:
                if kind is EventKind.END:
                    seen.append(_end(day, as_of))
                elif day > today:
                    seen.append(Missing())
                elif day <= as_of:
                    seen.append(Known(day))
            found[name] = seen
        return Facts(found, {FACT: self.fact})


def _end(day: dt.date, as_of: dt.date) -> Event:
    return Known(day) if day <= as_of else Open()


arrivals = st.builds(
    Frozen,
    st.tuples(*[st.tuples(st.sampled_from([False, False, True, None]), st.lists(days, max_size=2).map(tuple))] * 3),
    st.sampled_from([True, False, None]),
    days,
)


def policy_of(drawn: Sequence[Any]) -> Policy:
    made = tuple(
        Purpose(
            name=f"p{number}", basis=basis, source="a test", keeps=frozenset(keeps), starting_point=point,
            end_action=EndAction.DELETE, periods=() if period is None else (Branch(period),), when=when,
        )
        for number, (keeps, basis, point, period, when) in enumerate(drawn)
    )  # fmt: skip
    return Policy(
        name="test", controller="SHOP", time_zone=ZoneInfo("Europe/Paris"), purposes=made, events=EVENTS, facts={},
        supplied_facts={FACT: "boolean"}, groups={}, never_held=frozenset(["card.cvv"]), digest="0" * 64,
    )  # fmt: skip


DATASET = DatasetMap.model_validate(
    {
        "source": "payments", "controller": "SHOP", "key": ["id"],
        "fields": {"pan": {"category": "card.pan"}, "number": {"category": "contract.evidence"},
                   "cvv": {"category": "card.cvv"}},
    }
)  # fmt: skip


@pytest.fixture(scope="module")
def engine() -> Iterator[sa.Engine]:
    made = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    sa.event.listen(made, "connect", lambda raw, _: prepare_sqlite(raw))
    yield made
    made.dispose()


def selected(
    connection: sa.Connection, policy: Policy, rows: Sequence[Frozen], as_of: dt.date
) -> tuple[ArchivedSelection, list[dict[str, Any]]]:
    """Fill a table as an archive would have it, and decide on all of it."""
    source = sa.Table(
        "payments", sa.MetaData(), sa.Column("id", sa.Integer), *(sa.Column(name, sa.String) for name in DATASET.fields)
    )
    shape = ArrivalShape(DATASET, policy)
    columns = {ID: sa.String(32), PLAN: sa.String(), STEP: sa.String(), ALTERED: sa.String()}
    table = sa.Table(
        "arrived", sa.MetaData(), *(sa.Column(n, kind) for n, kind in (columns | shape.columns(source, [])).items())
    )
    connection.execute(sa.schema.DropTable(table, if_exists=True))
    table.create(connection)
    for number, row in enumerate(rows):
        values: dict[str, Any] = {ID: str(number), "id": number, "pan": "4970", "number": "K", DAY: row.arrived}
        for event, (missing, known) in zip(sorted(EVENTS), row.events, strict=True):
            names = FrozenEvent.asked(event)
            values |= {
                names.missing: missing,
                names.first: min(known, default=None),
                names.last: max(known, default=None),
            }
        values[frozen_fact(FACT)] = row.fact
        connection.execute(table.insert(), {name: value for name, value in values.items() if name in table.c})
    holding = Holding((), horizons(as_of, TODAY))
    maps = {"shop": StoreMap(store="shop", datasets={"payments": DATASET})}
    context = Context(policy, "SHOP", maps, DigestKey(b"i" * 64, b"o" * 64), holding.horizons, Supply(()), holding)
    selection = ArchivedSelection(context, "shop", "payments", connection, table)
    relation = selection.relation()
    found = connection.execute(sa.select(relation).order_by(sa.cast(relation.c[f"c_{ID}"], sa.Integer)))
    return selection, [dict(row) for row in found.mappings()]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    drawn=st.lists(purposes, min_size=1, max_size=4),
    rows=st.lists(arrivals, min_size=1, max_size=8),
    as_of=st.sampled_from([TODAY, dt.date(2026, 2, 28), dt.date(2024, 2, 29)]),
)
def test_the_archive_decides_as_the_reference(
    engine: sa.Engine, drawn: Sequence[Any], rows: Sequence[Frozen], as_of: dt.date
) -> None:
    policy = policy_of(drawn)
    with engine.begin() as connection:
        selection, found = selected(connection, policy, rows, as_of)
    reference = policy_of_archive(policy, CATEGORIES)
    for row, decided in zip(rows, found, strict=True):
        then = decide(CATEGORIES, row.facts(as_of, TODAY), reference, as_of=as_of)
        now = decide(CATEGORIES, row.facts(TODAY, TODAY), reference, as_of=TODAY)
        over = []
        for number, group in enumerate(selection.first):
            for category in group.categories:
                expected = now[category] if isinstance(then[category], Due) else then[category]
                assert decided[f"g{number}_code"] == CODES[type(expected)], (category, row)
                over.append(isinstance(expected, Due))
        assert decided["goes"] == all(over)


@given(drawn=st.lists(purposes, min_size=1, max_size=3), row=arrivals)
@settings(max_examples=15, deadline=None)
def test_an_arrival_goes_when_what_is_left_of_it_is_due(engine: sa.Engine, drawn: Sequence[Any], row: Frozen) -> None:
    policy = policy_of(drawn)
    with engine.begin() as connection:
        selection, (before,) = selected(connection, policy, [row], TODAY)
        codes = {n: before[f"g{n}_code"] for n in range(len(selection.first))}
        connection.execute(sa.update(selection.table).values(number=None))
        (after,) = connection.execute(sa.select(selection.relation())).mappings().all()
    pan = next(n for n, group in enumerate(selection.first) if "card.pan" in group.categories)
    assert after["goes"] == (codes[pan] == Code.DUE)


def test_what_was_not_frozen_is_missing_and_what_the_map_forgot_stays(engine: sa.Engine) -> None:
    policy = policy_of([({"card.pan"}, Basis.LAW, StartingPoint(("debited",)), Period(years=1), None)])
    long_ago = Frozen(((False, ()), (None, ()), (False, ())), None, dt.date(2020, 1, 1))
    gone = Frozen(((False, ()), (False, (dt.date(2020, 1, 1),)), (False, ())), None, dt.date(2020, 1, 2))
    with engine.begin() as connection:
        selection, found = selected(connection, policy, [long_ago, gone], TODAY)
        assert [row["goes"] for row in found] == [False, True]
        connection.exec_driver_sql("ALTER TABLE arrived ADD COLUMN forgotten TEXT")
        table = sa.Table("arrived", sa.MetaData(), autoload_with=connection)
        wider = ArchivedSelection(selection.context, "shop", "payments", connection, table)
        assert wider.unmapped == ("forgotten",)
        assert connection.execute(sa.select(wider.relation().c.goes)).scalars().all() == [False, False]


def test_a_cvv_has_no_column_in_any_archive() -> None:
    law = policy_of([({"card.pan"}, Basis.LAW, StartingPoint(("debited",)), Period(years=1), None)])
    assert ArrivalShape(DATASET, law).fields == {"card.pan": ("pan",), "contract.evidence": ("number",)}
    assert not archivable(law, "card.cvv")
