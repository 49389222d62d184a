"""Lumière & Fils, Slate & Sons: an invented French-English company, generated from a seed.

The same persons occur in the CRM, in billing, in the mailbox and in the calendars. Two generations from one seed and
scale are equal. What is due on the as-of date is decided by nobody here: see `reference`.
"""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass

from pipelines.demo.billing import Billing, BillingBuilder
from pipelines.demo.calendar import CalendarBuilder, Meeting
from pipelines.demo.crm import OTHER, Crm, CrmBuilder
from pipelines.demo.mail import Mail, MailBuilder
from pipelines.demo.moments import seeded
from pipelines.demo.people import CLIENTS, Person, Pools, Registry, Story

SEED = 20260630


@dataclass(frozen=True, slots=True)
class Case:
    """A legal hold that the demonstration opens: a dispute that covers everything of these persons."""

    name: str
    since: dt.date
    emails: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Company:
    """Everything that the four stores hold, before it is written to them."""

    people: tuple[Person, ...]
    crm: Crm
    billing: Billing
    mails: list[Mail]
    meetings: list[Meeting]

    @property
    def case(self) -> Case:
        """The hold over the clients whose story has one."""
        held = tuple(person.email for person in self.people if person.story is Story.CLIENT_HELD)
        return Case("demo-litigation", dt.date(2026, 1, 15), held)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much there is of everything."""

    contacts: int = 17_000
    others: int = 3_000
    shared: int = 600
    billing_only: int = 600
    companies: int = 1_500
    web_logs: int = 30_000
    mails: int = 2_000
    meetings: int = 500

    @classmethod
    def at(cls, scale: float) -> Sizes:
        """The full demonstration's sizes times ``scale``, and never none."""
        full = cls()
        names = ("contacts", "others", "shared", "billing_only", "companies", "web_logs", "mails", "meetings")
        return cls(*(max(8, round(getattr(full, name) * scale)) for name in names))


def generate(seed: int = SEED, scale: float = 1.0) -> Company:
    """The company of a seed; ``scale`` 1 is the full demonstration, 0.02 is enough for a quick test."""
    sizes = Sizes.at(scale)
    registry = Registry(Pools(seed), seeded(seed, "people"))
    people = registry.cast(sizes.contacts)
    payers = [registry.invent(registry.client_story()) for _ in range(sizes.billing_only)]
    return Company(
        people=(*people, *payers),
        crm=_crm(registry, people, sizes, seeded(seed, "crm")),
        billing=_billing([*people, *payers], seeded(seed, "billing")),
        mails=_mails(people, sizes, seeded(seed, "mail")),
        meetings=_meetings(people, sizes, seeded(seed, "calendar")),
    )


def _crm(registry: Registry, people: list[Person], sizes: Sizes, rng: random.Random) -> Crm:
    builder = CrmBuilder(registry, rng)
    builder.add_companies(sizes.companies)
    for person in people:
        builder.add_contact(person)
    for person in rng.sample(people, min(sizes.shared, len(people))):
        builder.add_contact(person, OTHER)
    for _ in range(max(0, sizes.others - sizes.shared)):
        builder.add_contact(registry.invent(Story.PROSPECT_DUE), OTHER)
    builder.add_web_logs(sizes.web_logs)
    return builder.crm


def _billing(people: list[Person], rng: random.Random) -> Billing:
    builder = BillingBuilder(rng)
    for person in people:
        if person.story in CLIENTS:
            builder.add_customer(person)
    return builder.billing


def _mails(people: list[Person], sizes: Sizes, rng: random.Random) -> list[Mail]:
    builder = MailBuilder(rng)
    cast = _first_of_each(people)
    for person in cast:
        builder.add_story(person)
    due = [each for each in cast if each.story is Story.CLIENT_DUE]
    living = [each for each in cast if each.story is Story.CLIENT_RUNNING]
    for first, second in zip(due, living, strict=False):
        builder.add_shared(first, second)
        builder.add_shared(second, first)
    for first, second in zip(due, reversed(due), strict=True):
        if first is not second:
            builder.add_shared(first, second)
    builder.fill(people, sizes.mails)
    return builder.mails


def _meetings(people: list[Person], sizes: Sizes, rng: random.Random) -> list[Meeting]:
    builder = CalendarBuilder(rng)
    cast = _first_of_each(people)
    for person in cast:
        builder.add_story(person)
    due = [each for each in cast if each.story is Story.CLIENT_DUE]
    living = [each for each in cast if each.story is Story.CLIENT_RUNNING]
    for first, second in zip(due, living, strict=False):
        builder.add_shared(first, second)
    builder.fill(people, sizes.meetings)
    return builder.meetings


def _first_of_each(people: list[Person], most: int = 12) -> list[Person]:
    """Of every story the first persons: those for whom mails and meetings are written on purpose."""
    seen: dict[Story, int] = {}
    chosen = []
    for person in people:
        seen[person.story] = seen.get(person.story, 0) + 1
        if seen[person.story] <= most or person.story in _NEEDS_MAIL:
            chosen.append(person)
    return chosen


_NEEDS_MAIL = frozenset(story for story in Story if story.name.startswith("PROSPECT_")) - {
    Story.PROSPECT_FRESH,
    Story.PROSPECT_CALLED,
    Story.PROSPECT_DUE,
    Story.PROSPECT_OUTBOUND,
    Story.PROSPECT_UNDATED,
}
"""Stories that are only true with their mail or meeting."""
