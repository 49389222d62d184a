"""Random policies, and records whose days lie on the edges of a policy and of the calendar, for properties."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass, replace
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
FORMS = ("instant", "text", "day")
ZONES = tuple(map(ZoneInfo, ("Europe/Paris", "UTC", "America/New_York", "Pacific/Apia")))
CHANGES = {
    "Europe/Paris": ("2024-03-31", "2023-10-29", "2021-10-31"),
    "America/New_York": ("2024-03-10", "2023-11-05", "2021-11-07"),
    "Pacific/Apia": ("2021-04-04", "2020-09-27", "2011-12-31"),
}
"""Days that begin or end with another offset than the one before; Apia had no 30 December in 2011."""
CATEGORIES = ("identity", "life", "invoice", "card")
SOME = frozenset({"identity", "card"})
"""What a hold covers that does not cover everything."""
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
        keeps=st.frozensets(st.sampled_from(CATEGORIES), min_size=1, max_size=4),
        starting_point=starting_points,
        end_action=st.sampled_from(EndAction),
        periods=branches,
        when=st.none() | conditions,
        ended_by=st.sampled_from(["", "", *EVENTS, "never_supplied"]),
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
        purposes=tuple(replace(p, name=f"purpose_{number}") for number, p in enumerate(drawn)),
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
        for columns, category in (("", "life"), ("some_", "identity")):
            counted = [h for h in self.holds if h.since <= as_of and (h.until is None or h.since < h.until)]
            counted = [h for h in counted if not h.categories or category in h.categories]
            row[f"{columns}held"] = any(h.until is None or as_of < h.until for h in counted)
            row[f"{columns}release"] = max((h.until for h in counted if h.until), default=None)
        return row


class _Drawing:
    """Records for one policy on one as-of date."""

    def __init__(self, policy: Policy, as_of: dt.date, seed: str) -> None:
        self._draw = random.Random(seed)
        self._zone = policy.time_zone
        periods = [branch.period for purpose in policy.purposes for branch in purpose.periods]
        self._edges = [as_of, *(period.cutoff(as_of) for period in periods)]
        """The last starts of which some purpose is over."""

    def record(self) -> Record:
        draw = self._draw
        return Record(
            {name: self._events() for name in EVENTS if name != STORED},
            {
                "day": draw.choice([*(self._day() for _ in range(6)), dt.date.max, dt.date(1899, 12, 31), None]),
                "instant": draw.choice([*(self._instant() for _ in range(6)), None]),
                "text": draw.choice([*(self._text() for _ in range(6)), None]),
            },
            draw.choice([True, True, False, False, None]),
            draw.choice([True, True, False, False, None]),
            draw.choice([Decimal(119), Decimal(120), Decimal("120.01"), Decimal("9.5"), Decimal(9), None]),
            draw.choice(["invoice", "Invoice", "trip", "ete", "été", "invoice ", None]),
            tuple(self._hold() for _ in range(draw.choice([0, 0, 0, 1, 2]))),
        )

    def _day(self) -> dt.date:
        """An edge of the policy or a boundary of the calendar, a day close to one, or any."""
        draw = self._draw
        match draw.randrange(6):
            case 0:
                return draw.choice(BOUNDARIES)
            case 1:
                return draw.choice(BOUNDARIES[:-2]) + dt.timedelta(days=draw.randint(-4, 4))
            case 2 | 3 | 4:
                return draw.choice(self._edges) + dt.timedelta(days=draw.choice([-1, 0, 0, 1, 1, 2]))
            case _:
                return dt.date(2018, 1, 1) + dt.timedelta(days=draw.randrange(3650))

    def _instant(self) -> dt.datetime:
        """Around a midnight of the zone, in a night in which its clocks change, or at an odd hour in UTC."""
        draw = self._draw
        day = self._day()
        if draw.randrange(3) == 0:
            return dt.datetime.combine(day, draw.choice(NIGHTS))
        if draw.randrange(3) == 0 and self._zone.key in CHANGES:
            day = dt.date.fromisoformat(draw.choice(CHANGES[self._zone.key])) + dt.timedelta(days=draw.choice([0, 1]))
        midnight = dt.datetime.combine(day, dt.time(), self._zone).astimezone(dt.UTC).replace(tzinfo=None)
        return midnight + dt.timedelta(seconds=draw.choice([-3600, -3599, -1800, -1, 0, 1, 1800, 3600]))

    def _text(self) -> str:
        draw = self._draw
        match draw.randrange(4):
            case 0:
                return self._day().isoformat()
            case 1:
                return draw.choice(["", "soon", "2023-02-29", "9999-12-31", "0000-00-00"])
            case _:
                return self._instant().isoformat() + draw.choice(["", "Z", "+02:00", "-0530"])

    def _events(self) -> tuple[Event, ...]:
        """No occurrence (absent), one or several, in any of the other states."""
        draw = self._draw
        known = [Known(self._day()) for _ in range(5)]
        return tuple(draw.choice([*known, Open(), Missing()]) for _ in range(draw.choice([0, 1, 1, 2, 3])))

    def _hold(self) -> Hold:
        draw = self._draw
        since = self._day()
        until = draw.choice([None, since + dt.timedelta(days=draw.randint(0, 800)), max(since, self._day())])
        return Hold("case", since, until, draw.choice([frozenset(), SOME]))


def some_records(policy: Policy, as_of: dt.date, number: int) -> list[Record]:
    """Records for a policy and a date, the same for the same three.

    Hypothesis keeps too few of so many parts apart, and draws a number again and again: it is the policy that makes
    the records others.
    """
    drawing = _Drawing(policy, as_of, f"{number} {as_of} {policy!r}")
    return [drawing.record() for _ in range(25)]
