"""Messages go in portions as rows do: the oldest first, a person's with the person's rows, all of them in the end."""

from __future__ import annotations

import datetime as dt
import itertools
import random

import pytest
from crowded_shop import crowd
from planned_shop import TODAY, Shop

from pipelines.plan.artefact import Action, Plan, Portion
from pipelines.plan.item_selection import ItemSelection
from pipelines.plan.portions import DIGITS, EVERYTHING, PARTS
from pipelines.plan.selections import StoreSelections
from pipelines.plan.tables import column
from pipelines.subjects import subject_digest

pytestmark = pytest.mark.slow

LETTERS = "  letters: {basis: consent, source: §7, keeps: [letters], after: written, for: 1 year, then: delete}"

Done = set[tuple[str, str, str, str]]
"""Store, dataset, record, and what of it goes: a category of a row, or a person of an item."""


def limited(shop: Shop, **counts: int) -> None:
    """Limits by dataset of the CRM, or `messages`."""
    stores = {"messages": "mail"}
    text = "".join(f"\n[limits.{stores.get(name, 'crm')}.{name}]\ncount = {n}" for name, n in counts.items())
    shop.edit("ardoise.toml", "share = 1.0", f"share = 1.0{text}")


def staged(shop: Shop) -> Plan:
    return shop.plan(staged=True)


def acted(shop: Shop, portion: Portion | None) -> Done:
    """Everything that a plan for this portion would change."""
    with shop.asked(TODAY, portion) as (context, found):
        done: Done = set()
        for store in ("crm", "billing"):
            selections = StoreSelections.prepare(
                context, store, found.connections[store], found.inventories[store], found.evidence
            )
            for name in context.active(store):
                selection = selections.selection(name)
                relation = selection.relation()
                key = relation.c[column(selection.map.key[0])]
                for number, group in enumerate(selection.groups(context.horizons[0])):
                    undone = ~relation.c[f"g{number}_done"]
                    query = (
                        relation.select().with_only_columns(key).where(selection.acting_on(relation, number), undone)
                    )
                    for row in selections.connection.execute(query).scalars():
                        done |= {(store, name, str(row), category) for category in group.categories}
        items = ItemSelection(context, found.evidence, "mail", "messages")
        decided = items.decided_items()
        names = [decided.c[column("key")], decided.c.subjects]
        query = decided.select().with_only_columns(*names).where(decided.c.some_due)
        return done | {("mail", "messages", key, who) for key, people in items._ask(query) for who in people}


def test_the_oldest_messages_are_planned_first(sqlite_shop: Shop) -> None:
    for year in (2016, 2014, 2018, 2015):
        sqlite_shop.contact(f"{year}@a.example", collected=f"{year}-01-01")
        sqlite_shop.mail(str(year), f"{year}-01-01", from_=f"{year}@a.example", to="us@shop.example")
    limited(sqlite_shop, messages=2)

    plan = staged(sqlite_shop)

    assert {each.ref.key for each in sqlite_shop.items(plan, Action.DELETE)} == {"2014", "2015"}
    (rows,) = (step for step in plan.steps if step.store == "crm")
    assert sqlite_shop.keys(plan, rows.id) == [2, 4]
    assert plan.refusals == ()


def test_a_day_is_divided_so_that_a_persons_messages_go_with_the_persons_row(sqlite_shop: Shop) -> None:
    for number in range(12):
        sqlite_shop.contact(f"p{number}@a.example", collected="2015-01-01")
        sqlite_shop.mail(str(number), "2015-01-01", from_=f"p{number}@a.example", to="us@shop.example")
    limited(sqlite_shop, messages=5)

    plan = staged(sqlite_shop)

    (rows,) = (step for step in plan.steps if step.store == "crm")
    messages = {int(each.ref.key) + 1 for each in sqlite_shop.items(plan, Action.DELETE)}
    assert 1 <= len(messages) <= 5
    assert sqlite_shop.keys(plan, rows.id) == sorted(messages)


def test_a_message_of_two_persons_is_redacted_of_the_older_one_first(sqlite_shop: Shop) -> None:
    for name, year in (("old", 2014), ("new", 2016)):
        sqlite_shop.contact(f"{name}@a.example", collected=f"{year}-01-01")
        sqlite_shop.mail(name, f"{year}-01-01", from_=f"{name}@a.example", to="us@shop.example")
    sqlite_shop.mail("both", "2014-01-01", from_="old@a.example", to=["new@a.example", "us@shop.example"])
    limited(sqlite_shop, messages=2)

    plan = staged(sqlite_shop)

    assert [each.ref.key for each in sqlite_shop.items(plan, Action.DELETE)] == ["old"]
    (redacted,) = sqlite_shop.items(plan, Action.REDACT)
    assert (redacted.ref.key, len(redacted.subjects)) == ("both", 1)
    assert {each.ref.key for each in sqlite_shop.items(sqlite_shop.plan(), Action.DELETE)} == {"old", "new", "both"}


def test_a_divided_day_counts_a_message_where_its_first_person_falls(sqlite_shop: Shop) -> None:
    """Each message is of somebody of the first day and of somebody of a later one, whose part may be smaller."""
    for number in range(8):
        first, later = f"p{number}@a.example", f"q{number}@a.example"
        sqlite_shop.contact(first, collected="2014-01-01")
        sqlite_shop.contact(later, collected="2018-01-01")
        sqlite_shop.mail(str(number), "2014-01-01", from_=first, to=[later, "us@shop.example"])
    limited(sqlite_shop, messages=3)

    plan = staged(sqlite_shop)

    key = sqlite_shop.estate.key
    parts = [int(subject_digest(key, "shop", "email", f"p{number}@a.example")[:DIGITS], 16) for number in range(8)]
    assert plan.portion is not None
    assert len(sqlite_shop.items(plan, Action.REDACT)) == sum(part < plan.portion.part for part in parts) <= 3
    assert sum(part <= plan.portion.part for part in parts) > 3


def test_a_name_alone_is_no_backlog(sqlite_shop: Shop) -> None:
    """Nobody is named by an address, so nothing is acted on, however old it is: a portion of it would be empty."""
    sqlite_shop.edit("policies/shop.yaml", "categories: {", "categories: {letters: Letters, ")
    sqlite_shop.edit("policies/shop.yaml", "events: {", "events: {written: point, ")
    sqlite_shop.edit("policies/shop.yaml", "purposes:", f"purposes:\n{LETTERS}")
    sqlite_shop.edit("data_map/mail.yaml", "of: subject}", "of: subject}, written: {at: last}")
    fields = "{category: correspondence}, from: {category: user.contact.email}"
    sqlite_shop.edit("data_map/mail.yaml", fields, "{category: letters}")
    sqlite_shop.contact("a@a.example", name="Some One", collected="2020-01-01")
    sqlite_shop.mail("1", "2015-01-01", from_=("", "Some One"), to="us@shop.example")
    sqlite_shop.mail("2", "2016-01-01", from_="a@a.example", to="us@shop.example")
    sqlite_shop.mail("3", "2016-01-01", from_="b@a.example", to="us@shop.example")
    limited(sqlite_shop, messages=1)

    plan = staged(sqlite_shop)

    assert [step.count for step in plan.steps if step.store == "mail"] == [1]


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
def test_portions_grow_to_exactly_what_is_due(sqlite_shop: Shop, seed: int) -> None:
    crowd(sqlite_shop, seed, people=20)
    drawn = random.Random(seed)
    days = sorted(dt.date(2021, 1, 1) + dt.timedelta(days=drawn.randrange(2000)) for _ in range(2))
    portions = [Portion(day, part) for day in days for part in (drawn.randrange(1, PARTS), PARTS)]

    found = [acted(sqlite_shop, each) for each in (*portions, EVERYTHING)]

    assert all(smaller <= larger for smaller, larger in itertools.pairwise(found))
    assert found[-1] == acted(sqlite_shop, None)
    assert len(set(map(len, found))) > 1, "some portion is less than all"
