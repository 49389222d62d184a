"""What moves to an archive and what leaves it, month by month, as plans for the ends of these months find it."""

from __future__ import annotations

import calendar
import contextlib
import datetime as dt
import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from archive_estate import AS_OF, ENGINES, Addresses, ArchiveEstate, archive_estate, run
from command_line import inside
from running import noon

from pipelines.engine import HoldScope
from pipelines.errors import UsageError
from pipelines.plan.artefact import Place
from pipelines.plan.build import draft
from pipelines.plan.gathering import gathered, plan_context
from pipelines.plan.selections import StoreSelections
from pipelines.plan.tables import column
from pipelines.simulate.difference import State, Transition, difference
from pipelines.simulate.explained import Person
from pipelines.simulate.forecast import Forecast, Outlook, simulate
from pipelines.simulate.why import Why, why
from retention_rules.decisions import Archive, Decision, Due, Held, Keep

pytestmark = pytest.mark.slow

Where = tuple[str, str, Place]
"""Dataset, category, place."""
Moving = set[tuple[str, str, int]]
"""Dataset, category, key."""

TODAY = AS_OF + dt.timedelta(days=1)


@pytest.fixture(params=["sqlite", *(pytest.param(each, marks=pytest.mark.slow) for each in ENGINES[1:])])
def books(request: pytest.FixtureRequest, tmp_path: Path) -> ArchiveEstate:
    return archive_estate(tmp_path / "estate", Addresses.of(request.param, request, tmp_path))


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> ArchiveEstate:
    """Everything that belonged in the archive is there; only to be looked at."""
    folder = tmp_path_factory.mktemp("books")
    books = archive_estate(folder / "estate", Addresses.of_files(folder))
    run(books)
    return books


def forecast(books: ArchiveEstate, months: int) -> Forecast:
    return simulate(books.estate, "SHOP", today=TODAY, months=months)


def found(made: Forecast, dataset: str, category: str, place: Place = Place.ACTIVE) -> Outlook:
    return next(
        each for each in made.outlooks if (each.dataset, each.category, each.place) == (dataset, category, place)
    )


def released(made: Forecast, periods: int) -> dict[Where, int]:
    """What the simulation says is due at the end of so many periods."""
    return {(o.dataset, o.category, o.place): o.overdue + sum(o.released[:periods]) for o in made.outlooks}


def planned(books: ArchiveEstate, as_of: dt.date) -> dict[Where, int]:
    """What a plan for a day finds due, in the active base and in the archive."""
    with contextlib.closing(books.estate.engine()) as engine:
        tallies = draft(books.estate, engine, "SHOP", as_of=as_of, today=TODAY).tallies
    return {(each.dataset, each.category, each.place): each.due for each in tallies}


def moving(books: ArchiveEstate, as_of: dt.date) -> Moving:
    """What a plan for a day would move to the archive."""
    estate = books.estate
    with contextlib.closing(estate.engine()) as engine:
        context = plan_context(estate, engine, "SHOP", as_of, TODAY)
    with gathered(estate, context) as known:
        selections = StoreSelections.prepare(
            context, "shop", known.connections["shop"], known.inventories["shop"], known.evidence
        )
        return set(_moving(selections))


def _moving(selections: StoreSelections) -> Iterator[tuple[str, str, int]]:
    for name in selections.context.active("shop"):
        selection = selections.selection(name)
        relation = selection.relation()
        for number, group in enumerate(selection.groups(selections.context.horizons[0])):
            keys = sa.select(relation.c[column("id")]).where(relation.c[f"g{number}_moves"])
            for key in selections.connection.execute(keys).scalars():
                yield from ((name, category, key) for category in group.categories)


def month_end(period: str) -> dt.date:
    year, month = map(int, period.split("-"))
    return dt.date(year, month, calendar.monthrange(year, month)[1])


Said = dict[Any, int]


def compared(books: ArchiveEstate, made: Forecast, periods: range) -> Iterator[tuple[Said, Said]]:
    """The simulation beside what plans for the ends of the months find: what is due, what moves for the first time."""
    yield _counted(released(made, 0)), _counted(planned(books, TODAY))
    seen = moving(books, TODAY)
    active = [each for each in made.outlooks if each.place is Place.ACTIVE]
    yield _counted({(o.dataset, o.category): o.moving for o in active}), Counter(place[:2] for place in seen)
    for number in periods:
        as_of = month_end(made.periods[number])
        yield released(made, number + 1), planned(books, as_of)
        new = moving(books, as_of) - seen
        yield _counted({(o.dataset, o.category): o.moved[number] for o in active}), Counter(place[:2] for place in new)
        seen |= new


def _counted(found: Mapping[Any, int]) -> Said:
    return {place: n for place, n in found.items() if n}


def pay(books: ArchiveEstate, number: int, *, debited: str, disputed: str | None, settled: str | None) -> None:
    values = ", ".join("NULL" if each is None else f"'{each}'" for each in (debited, disputed, settled))
    books.execute(
        "INSERT INTO payments (id, contract_id, pan, expiry, cvv, cents, debited_on, disputed_on, settled_on, "
        f"deferred) VALUES ({number}, 4, '4970', '12/29', '1', 5, {values}, FALSE)"
    )


def end(books: ArchiveEstate, number: int, day: str) -> None:
    """A person with a contract that ends on a day."""
    books.execute(f"INSERT INTO customers VALUES ({number}, 'p{number}@b.example', 'Name', 'R-{number}')")
    books.execute(
        f"INSERT INTO contracts VALUES ({number}, {number}, 'K-{number}', 'Terms', 'Alsace', '{day}', 'ended')"
    )


def test_what_will_move_is_counted_in_its_month_and_what_is_due_by_then_is_not(books: ArchiveEstate) -> None:
    pay(books, 5, debited="2026-06-01", disputed="2026-06-15", settled="2026-09-20")
    pay(books, 6, debited="2026-06-01", disputed=None, settled="2026-09-20")
    end(books, 7, "2026-10-31")

    made = forecast(books, 12)

    pans, evidence = found(made, "payments", "card.pan"), found(made, "contracts", "contract.evidence")
    at = made.periods.index
    assert pans.moved[at("2026-09")] == 1
    assert (pans.released[at("2026-09")], pans.moving) == (1, 2)
    assert (evidence.moving, evidence.moved[at("2026-10")], evidence.moved_later) == (2, 1, 0)
    assert sum(found(made, "payments", "card.cvv").moved) == 0


def test_what_is_in_the_archive_leaves_it_when_nothing_keeps_it_any_more(moved: ArchiveEstate) -> None:
    made = forecast(moved, 24)

    pans = found(made, "payments", "card.pan", Place.ARCHIVE)
    assert (pans.records, pans.overdue, pans.moving) == (2, 0, 0)
    assert pans.released[made.periods.index("2027-01")] == 1
    assert pans.released[made.periods.index("2027-03")] == 1
    evidence = found(made, "contracts", "contract.evidence", Place.ARCHIVE)
    assert (evidence.records, evidence.later) == (2, 2)
    assert found(made, "payments", "card.pan").moving == 0


def test_an_overdue_departure_is_overdue(moved: ArchiveEstate) -> None:
    made = simulate(moved.estate, "SHOP", today=dt.date(2027, 2, 1), months=3)

    pans = found(made, "payments", "card.pan", Place.ARCHIVE)
    assert (pans.overdue, pans.released) == (1, (0, 1, 0))


def test_the_months_are_what_plans_for_their_ends_find(books: ArchiveEstate) -> None:
    pay(books, 5, debited="2026-06-01", disputed="2026-06-15", settled="2026-07-20")
    run(books)
    end(books, 7, "2026-07-31")
    pay(books, 8, debited="2026-06-01", disputed="2026-06-15", settled="2026-07-02")

    pairs = list(compared(books, forecast(books, 2), range(1)))
    assert [simulated for simulated, _ in pairs] == [plans for _, plans in pairs]


@pytest.mark.slow
def test_many_months_are_what_plans_for_their_ends_find(books: ArchiveEstate) -> None:
    drawn = random.Random(1)

    def day(first: str, days: int) -> str:
        return (dt.date.fromisoformat(first) + dt.timedelta(days=drawn.randrange(days))).isoformat()

    for number in range(10, 25):
        end(books, number, day("2024-01-01", 1100))
        disputed, settled = drawn.choice([None, day("2026-05-01", 60)]), drawn.choice([None, day("2026-05-01", 270)])
        pay(books, number, debited=day("2026-03-01", 60), disputed=disputed, settled=settled)
    run(books)
    for number in range(25, 35):
        end(books, number, day("2021-01-01", 2400))
        pay(books, number, debited="2026-05-01", disputed="2026-05-02", settled=day("2026-06-01", 270))

    made = forecast(books, 64)

    for simulated, plans in compared(books, made, range(10)):
        assert simulated == plans
    assert sum(sum(each.moved) for each in made.outlooks) > 20
    assert sum(sum(each.released) for each in made.outlooks if each.place is Place.ARCHIVE) > 20


# -- a change of policy


def test_a_change_of_policy_counts_what_is_archived_too(moved: ArchiveEstate) -> None:
    next_ = moved.folder / "policies" / "next.yaml"
    text = (moved.folder / "policies" / "books.yaml").read_text(encoding="utf-8")
    assert text.count("- 13 months") == text.count("for: 5 years") == 1
    text = text.replace("policy: books", "policy: next").replace("- 13 months", "- 6 months")
    next_.write_text(text.replace("for: 5 years", "for: 10 years"), encoding="utf-8")

    made = difference(moved.estate, "SHOP", "books", "next", today=TODAY)

    archived = [each for each in made.transitions if each.place is Place.ARCHIVE]
    kept, goes = (State.ARCHIVE, State.ARCHIVE), (State.ARCHIVE, State.DELETE)
    assert said(archived, "payments", "card.pan") == {kept: 1, goes: 1}
    assert said(archived, "contracts", "contract.evidence") == {kept: 2}
    with contextlib.closing(moved.estate.engine()) as engine:
        tallies = draft(moved.estate, engine, "SHOP", as_of=TODAY, today=TODAY).tallies
    assert {(t.dataset, t.category, t.place): t.found for t in tallies if t.found} == +Counter(
        {
            (t.dataset, t.category, t.place): sum(
                e.records
                for e in made.transitions
                if (e.dataset, e.category, e.place) == (t.dataset, t.category, t.place)
            )
            for t in tallies
        }
    )


def said(found: list[Transition], dataset: str, category: str) -> dict[tuple[State, State], int]:
    place = (dataset, category)
    return {(each.old, each.new): each.records for each in found if (each.dataset, each.category) == place}


# -- one record


def asked(books: ArchiveEstate, dataset: str, key: int, day: dt.date = TODAY) -> Why:
    return why(books.estate, "SHOP", "shop", dataset, [str(key)], as_of=day, today=day)


def decisions(person: Person, view: int = 0) -> dict[str, Decision]:
    return {each.category: each.decision for each in person.views[view].categories}


def test_what_law_alone_keeps_is_said_to_move(books: ArchiveEstate) -> None:
    assert asked(books, "contracts", 1).whole == "the row moves to the archive"
    assert "moves to the archive" in asked(books, "customers", 1).whole
    assert "the archive" not in asked(books, "customers", 4).whole


def test_what_is_in_the_archive_is_explained_by_law_and_the_day_on_which_it_arrived(moved: ArchiveEstate) -> None:
    found = asked(moved, "contracts", 1)

    (arrival,) = found.arrivals
    assert (found.people, found.whole, arrival.since) == ((), "it is in the archive", AS_OF)
    assert decisions(arrival.person) == {"contract.evidence": Archive(AS_OF, dt.date(2030, 2, 1), ("limitation",))}
    assert arrival.whole == "it stays in the archive"
    (later,) = asked(moved, "contracts", 1, dt.date(2030, 2, 2)).arrivals
    assert isinstance(decisions(later.person)["contract.evidence"], Due)
    assert later.whole == "it leaves the archive"


def test_a_record_in_both_places_is_explained_in_both(moved: ArchiveEstate) -> None:
    found = asked(moved, "customers", 1)

    (person,), (arrival,) = found.people, found.arrivals
    assert isinstance(decisions(person)["user.name.last"], Keep)
    assert found.done == ("contract.evidence",)
    assert set(decisions(arrival.person)) == {"contract.evidence"}


def test_a_hold_is_named_in_the_archive_too(moved: ArchiveEstate) -> None:
    day = dt.date(2030, 2, 2)
    scope = HoldScope(store="shop", dataset="payments", categories=frozenset({"card.pan"}))
    with contextlib.closing(moved.estate.engine()) as engine:
        held = engine.holds.open("case-1", scope, since=TODAY, by="legal", at=noon(TODAY))

    (arrival,) = asked(moved, "payments", 1, day).arrivals

    assert decisions(arrival.person)["card.pan"] == Held(dt.date(2027, 1, 11), ("case-1",))
    with contextlib.closing(moved.estate.engine()) as engine:
        for by in ("legal", "dpo"):
            engine.holds.release("case-1", until=TODAY, by=by, at=noon(TODAY), number=held.id)


def test_a_record_that_is_nowhere_is_a_mistake_of_usage(moved: ArchiveEstate) -> None:
    with pytest.raises(UsageError, match="there is no such record"):
        asked(moved, "contracts", 99)


def test_the_command_says_where_a_record_is(moved: ArchiveEstate) -> None:
    assert "in the archive since 2026-06-30" in inside("why", "shop", "contracts", "1", cwd=moved.folder).words
    said = json.loads(inside("why", "shop", "contracts", "1", "--json", cwd=moved.folder).out)
    assert (said["people"], [each["since"] for each in said["arrivals"]]) == ([], ["2026-06-30"])
