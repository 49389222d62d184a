"""After its link has gone, a record is decided on as the reference does from the days that were known when it went."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from parted_estate import ABSURD, FIRST, PEOPLE, PartedEstate, Person, parted_estate

from connectors.sql.connector import SqlConnector
from pipelines.plan.compile import Code
from pipelines.plan.gathering import gathered, plan_context
from pipelines.plan.selections import StoreSelections
from retention_rules.decide import Facts, decide
from retention_rules.decisions import Archive, Decision, Due, Held, Keep, Undetermined
from retention_rules.events import EARLIEST_DAY, Absent, Event, Known, Missing, Open
from retention_rules.periods import Period

MANY = 30
CATEGORIES = {"contracts": "contract.number", "invoices": "contract.invoice", "consents": "proof"}
CODES: dict[type[Decision], Code] = {
    Keep: Code.KEEP, Archive: Code.ARCHIVE, Due: Code.DUE, Held: Code.HELD, Undetermined: Code.UNDETERMINED,
}  # fmt: skip
LONGEST = {"call": Period(years=4)}
"""The longest period that starts with a call: what is doubtful and older prolongs nothing."""

days = st.one_of(
    st.none(), st.sampled_from([ABSURD, FIRST - dt.timedelta(days=1), FIRST, FIRST + dt.timedelta(days=1)]),
    st.dates(dt.date(2018, 1, 1), dt.date(2027, 12, 31)), st.dates(dt.date(2021, 1, 1), dt.date(2023, 12, 31)),
)  # fmt: skip
persons = st.builds(
    Person, ended=days, running=st.sampled_from([False, False, False, True]), withdrawn=days, called=days, namesake=days
)


def seen(person: Person, on: dt.date) -> dict[str, Event]:
    """What is known of a customer with a link, by strong matches."""
    return {
        "contract_end": Open() if person.running else _end(person.ended, on, Missing()),
        "consent_end": _end(person.withdrawn, on, Open()),
        "call": _point(person.called, on),
    }


def doubted(events: Mapping[str, Event], namesake: Event, on: dt.date) -> dict[str, Event]:
    """The same, where somebody of her name may have called later: only what could prolong matters."""
    call = events["call"]
    later = isinstance(namesake, Missing) or (
        isinstance(namesake, Known)
        and LONGEST["call"].after(namesake.day) >= on
        and not (isinstance(call, Known) and namesake.day <= call.day)
    )
    return {**events, "call": Missing() if later else call}


def remembered(person: Person, on: dt.date) -> dict[str, Event]:
    """What is known later of a customer whose link has gone on the day of the first run."""
    then = seen(person, FIRST)
    kept = {event: Missing() if isinstance(state, Open) else state for event, state in then.items()}
    return doubted(kept, _point(person.namesake, FIRST), on)


def _end(day: dt.date | None, on: dt.date, nothing: Event) -> Event:
    if day is None:
        return nothing
    return Missing() if day < EARLIEST_DAY else Open() if day > on else Known(day)


def _point(day: dt.date | None, on: dt.date) -> Event:
    if day is None:
        return Absent()
    return Missing() if day < EARLIEST_DAY or day > on else Known(day)


def codes(papers: PartedEstate, dataset: str, on: dt.date) -> dict[int, Code]:
    """The decision on every row of a dataset."""
    estate = papers.estate
    with contextlib.closing(estate.engine()) as engine:
        context = plan_context(estate, engine, "SHOP", on, on)
    with gathered(estate, context) as found:
        connection, inventory = found.connections["shop"], found.inventories["shop"]
        selections = StoreSelections.prepare(context, "shop", connection, inventory, found.evidence)
        relation = selections.selection(dataset).decisions()
        rows = connection.execute(sa.select(relation.c.c_id, relation.c.g0_code))
        return {key: Code(code) for key, code in rows}


def expected(
    papers: PartedEstate, dataset: str, people: Sequence[Person], on: dt.date, *, ran: bool
) -> dict[int, Code]:
    """What the reference says, of children of anonymised customers from what was known in the first run."""
    policy = papers.estate.policy("SHOP")
    found = {}
    for number, person in enumerate(people, 1):
        then = doubted(seen(person, FIRST), _point(person.namesake, FIRST), FIRST)
        (gone,) = decide(["user"], Facts(then), policy, as_of=FIRST).values()
        now = doubted(seen(person, on), _point(person.namesake, on), on)
        facts = remembered(person, on) if ran and isinstance(gone, Due) else now
        (decision,) = decide([CATEGORIES[dataset]], Facts(facts), policy, as_of=on).values()
        found[number] = CODES[type(decision)]
    return found


@pytest.mark.slow
@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.generate],
)
@given(
    people=st.lists(persons, min_size=MANY, max_size=MANY),
    on=st.sampled_from([FIRST, dt.date(2027, 6, 30), dt.date(2028, 2, 29)]) | st.dates(FIRST, dt.date(2032, 12, 31)),
)
def test_children_of_anonymised_records_are_decided_as_the_reference(people: list[Person], on: dt.date) -> None:
    with TemporaryDirectory() as folder:
        shop = Path(folder) / "shop.sqlite"
        shop.touch()
        papers = parted_estate(Path(folder) / "estate", *[f"sqlite:///{shop}"] * 3, people)
        before = {dataset: expected(papers, dataset, people, FIRST, ran=False) for dataset in CATEGORIES}
        assert {dataset: codes(papers, dataset, FIRST) for dataset in CATEGORIES} == before
        papers.run(FIRST)
        for dataset in CATEGORIES:
            there = set(papers.ids(dataset))
            wanted = expected(papers, dataset, people, on, ran=True)
            assert codes(papers, dataset, on) == {key: code for key, code in wanted.items() if key in there}


def test_where_no_link_was_ever_overwritten_nothing_is_asked_about_it(tmp_path: Path) -> None:
    (tmp_path / "shop.sqlite").touch()
    papers = parted_estate(tmp_path / "estate", *[f"sqlite:///{tmp_path / 'shop.sqlite'}"] * 3, PEOPLE)
    with papers.estate.connected("shop") as connector:
        assert isinstance(connector, SqlConnector)
        connector.prepare()
    assert asked_about(papers) == {"customers": [], "invoices": []}
    papers.run(FIRST)
    assert asked_about(papers) == {
        "customers": ["call", "consent_end", "contract_end"], "invoices": ["call", "contract_end"],
    }  # fmt: skip


def asked_about(papers: PartedEstate) -> dict[str, list[str]]:
    """The remembered events that a plan's queries read of some datasets."""
    estate = papers.estate
    with contextlib.closing(estate.engine()) as engine:
        context = plan_context(estate, engine, "SHOP", FIRST, FIRST)
    with gathered(estate, context) as found:
        rows = found.rows("shop")
        events = {"customers": None, "invoices": frozenset({"call", "contract_end"})}
        return {name: sorted(rows.carried(name, events=asked).remembered) for name, asked in events.items()}
