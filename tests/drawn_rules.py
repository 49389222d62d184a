"""Random policies, and records whose days lie on the boundaries of the calendar, for properties over both."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from retention_rules.conditions import Among, And, Comparator, Compare, Condition, Is, Named, Not, Or, State
from retention_rules.decide import Facts
from retention_rules.events import Absent, Event, EventKind, Known, Missing, Open
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
