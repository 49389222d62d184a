"""The CRM: contacts and what hangs on them, as rows for PostgreSQL."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pipelines.demo import texts
from pipelines.demo.moments import AS_OF, at_paris, random_day, random_instant, years_before
from pipelines.demo.people import CLIENTS, DUE, MEMBERS, PROSPECTS, Person, Registry, Story, ip

JULIEN, OTHER = "julien", "other"
_THREE_YEARS = years_before(3)
_LONG_AGO = dt.date(2014, 1, 1)
_YESTERDAY = AS_OF - dt.timedelta(days=1)
INBOUND = ("call in", "form", "visit")
_OUTBOUND = ("call out", "mailing", "opened")


class CompanyRow(NamedTuple):
    """A row of `companies`."""

    id: int
    tenant: str
    name: str
    vat: str
    city: str


class Contact(NamedTuple):
    """A row of `contacts`."""

    id: int
    tenant: str
    company_id: int | None
    email: str
    first_name: str
    last_name: str
    phone: str | None
    job_title: str | None
    birth_date: dt.date | None
    street: str | None
    postcode: str | None
    city: str | None
    region: str
    segment: str
    locale: str
    created_at: dt.datetime
    last_ip: str | None
    last_ip_at: dt.datetime | None


class Prospect(NamedTuple):
    """A row of `prospects`."""

    id: int
    tenant: str
    contact_id: int
    source: str
    collected_at: dt.datetime | None
    score: int | None


class Membership(NamedTuple):
    """A row of `memberships`; `last_intervention` keeps only the latest."""

    id: int
    tenant: str
    contact_id: int
    ended: bool
    service_end: dt.date | None
    last_intervention: dt.datetime | None


class Interaction(NamedTuple):
    """A row of `interactions`; `INBOUND` kinds come from the person."""

    id: int
    tenant: str
    contact_id: int
    kind: str
    occurred_at: dt.datetime
    channel: str
    summary: str | None


class Note(NamedTuple):
    """A row of `notes`."""

    id: int
    tenant: str
    contact_id: int
    author: str
    body: str | None
    created_at: dt.datetime


class Consent(NamedTuple):
    """A row of `consents`."""

    id: int
    tenant: str
    contact_id: int
    purpose: str
    proof: str | None
    given_at: dt.datetime
    withdrawn_at: dt.datetime | None


class WebLog(NamedTuple):
    """A row of `web_logs`."""

    id: int
    tenant: str
    contact_id: int | None
    ip: str | None
    user_agent: str | None
    url: str | None
    referrer: str | None
    at: dt.datetime


@dataclass(slots=True)
class Crm:
    """Every row of the CRM, parents before children."""

    companies: list[CompanyRow] = field(default_factory=list)
    contacts: list[Contact] = field(default_factory=list)
    prospects: list[Prospect] = field(default_factory=list)
    memberships: list[Membership] = field(default_factory=list)
    interactions: list[Interaction] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    consents: list[Consent] = field(default_factory=list)
    web_logs: list[WebLog] = field(default_factory=list)

    def tables(self) -> Iterator[tuple[str, tuple[str, ...], Sequence[tuple[object, ...]]]]:
        """Name, columns and rows of each table, in an order that foreign keys accept."""
        yield "companies", CompanyRow._fields, self.companies
        yield "contacts", Contact._fields, self.contacts
        yield "prospects", Prospect._fields, self.prospects
        yield "memberships", Membership._fields, self.memberships
        yield "interactions", Interaction._fields, self.interactions
        yield "notes", Note._fields, self.notes
        yield "consents", Consent._fields, self.consents
        yield "web_logs", WebLog._fields, self.web_logs


def last_contact(person: Person) -> dt.date:
    """The last day on which somebody with this story may have been in touch, so that the story stays true."""
    return years_before(4) if person.story in DUE or person.story in _OLD else _YESTERDAY


_OLD = (PROSPECTS - {Story.PROSPECT_FRESH}) | {Story.CLIENT_HELD, Story.CLIENT_END_MISSING}


class CrmBuilder:
    """Fills a `Crm` from persons and their stories."""

    def __init__(self, registry: Registry, rng: random.Random) -> None:
        self.crm = Crm()
        self._registry = registry
        self._rng = rng
        self._edges = {Story.PROSPECT_DUE: at_paris(_THREE_YEARS, 0) - dt.timedelta(minutes=30)}
        self._edges[Story.PROSPECT_FRESH] = at_paris(_THREE_YEARS, 0) + dt.timedelta(minutes=30)

    def add_companies(self, count: int) -> None:
        """Business customers, one in seven with the other tenant."""
        rng, pools = self._rng, self._registry.pools
        for number in range(1, count + 1):
            language = "fr" if rng.random() < 0.7 else "en"  # noqa: PLR2004 - two in three
            tenant = OTHER if number % 7 == 0 else JULIEN
            vat = f"FR{rng.randrange(100):02d}{900_000_000 + number}"
            name = f"{rng.choice(pools.companies[language])} {number}"
            self.crm.companies.append(CompanyRow(number, tenant, name, vat, rng.choice(pools.cities[language])))

    def add_contact(self, person: Person, tenant: str = JULIEN) -> Contact:
        """One contact with prospect, membership, interactions, notes and consents as its story has it."""
        rng, crm = self._rng, self.crm
        created = random_instant(rng, _LONG_AGO, years_before(5))
        company = rng.choice(crm.companies) if crm.companies and rng.random() < 0.2 else None  # noqa: PLR2004 - a fifth
        contact = Contact(
            id=len(crm.contacts) + 1,
            tenant=tenant,
            company_id=company.id if company and company.tenant == tenant else None,
            email=person.email,
            first_name=person.first_name,
            last_name=person.last_name,
            phone=person.phone,
            job_title=person.job_title,
            birth_date=person.birth_date,
            street=person.street,
            postcode=person.postcode,
            city=person.city,
            region=person.region,
            segment=rng.choices(("retail", "trade", "public"), (70, 25, 5))[0],
            locale=person.language,
            created_at=created,
            last_ip=ip(rng),
            last_ip_at=random_instant(rng, years_before(3), _YESTERDAY),
        )
        crm.contacts.append(contact)
        self._add_prospect(person, contact)
        self._add_membership(person, contact)
        self._add_interactions(person, contact)
        self._add_notes(person, contact)
        self._add_consent(person, contact)
        return contact

    def _add_prospect(self, person: Person, contact: Contact) -> None:
        rng, story = self._rng, person.story
        was_prospect = story in CLIENTS and story is not Story.CLIENT_END_MISSING and rng.random() < 0.5  # noqa: PLR2004
        if story not in PROSPECTS and not was_prospect:
            return
        collected: dt.datetime | None = random_instant(rng, _LONG_AGO, years_before(4))
        if story is Story.PROSPECT_FRESH:
            collected = random_instant(rng, _THREE_YEARS + dt.timedelta(days=1), _YESTERDAY)
        elif story is Story.PROSPECT_UNDATED:
            collected = rng.choice((None, dt.datetime(2093, 1, 1, tzinfo=dt.UTC)))
        collected = self._edges.pop(story, collected)
        source = rng.choice(("form", "fair", "bought list", "referral"))
        row = Prospect(len(self.crm.prospects) + 1, contact.tenant, contact.id, source, collected, rng.randrange(101))
        self.crm.prospects.append(row)

    def _add_membership(self, person: Person, contact: Contact) -> None:
        rng, story = self._rng, person.story
        if story not in MEMBERS:
            return
        ended, end = True, None
        touched = random_instant(rng, dt.date(2018, 1, 1), years_before(2))
        if story is Story.MEMBER_RUNNING:
            ended = False
        elif story is Story.MEMBER_ENDED:
            end = random_day(rng, years_before(1) + dt.timedelta(days=1), _YESTERDAY)
        elif story is Story.MEMBER_DUE:
            end = random_day(rng, dt.date(2018, 1, 1), years_before(2))
        intervention = None if rng.random() < 0.2 else touched  # noqa: PLR2004 - a fifth never had one
        row = Membership(len(self.crm.memberships) + 1, contact.tenant, contact.id, ended, end, intervention)
        self.crm.memberships.append(row)

    def _add_interactions(self, person: Person, contact: Contact) -> None:
        rng = self._rng
        for _ in range(rng.choice((0, 1, 1, 2))):
            inbound = rng.random() < 0.5 and person.story is not Story.UNKNOWN  # noqa: PLR2004 - every other one
            until = last_contact(person) if inbound else _YESTERDAY
            self._interact(person, contact, rng.choice(INBOUND if inbound else _OUTBOUND), _LONG_AGO, until)
        if person.story is Story.PROSPECT_CALLED:
            self._interact(person, contact, "call in", _THREE_YEARS + dt.timedelta(days=1), _YESTERDAY)

    def _interact(self, person: Person, contact: Contact, kind: str, first: dt.date, last: dt.date) -> None:
        rng = self._rng
        when = random_instant(rng, first, last)
        channel = {"call in": "phone", "call out": "phone", "visit": "shop"}.get(kind, "web")
        number = len(self.crm.interactions) + 1
        text = texts.summary(rng, person)
        self.crm.interactions.append(Interaction(number, contact.tenant, contact.id, kind, when, channel, text))

    def _add_notes(self, person: Person, contact: Contact) -> None:
        rng = self._rng
        for _ in range(rng.choice((0, 0, 0, 1, 1))):
            author = rng.choice(("claire", "hugo", "emma", "oliver"))
            written = random_instant(rng, _LONG_AGO, _YESTERDAY)
            body = texts.note(rng, person)
            number = len(self.crm.notes) + 1
            self.crm.notes.append(Note(number, contact.tenant, contact.id, author, body, written))

    def _add_consent(self, person: Person, contact: Contact) -> None:
        rng = self._rng
        if rng.random() > 0.45:  # noqa: PLR2004 - fewer than half consented to anything
            return
        given = random_instant(rng, _LONG_AGO, years_before(2))
        withdrawn = random_instant(rng, given.date() + dt.timedelta(days=2), _YESTERDAY)
        row = Consent(
            id=len(self.crm.consents) + 1,
            tenant=contact.tenant,
            contact_id=contact.id,
            purpose=rng.choice(("newsletter", "profiling")),
            proof=f"{person.email} clicked accept from {ip(rng)}",
            given_at=given,
            withdrawn_at=withdrawn if rng.random() < 0.4 else None,  # noqa: PLR2004 - two in five
        )
        self.crm.consents.append(row)

    def add_web_logs(self, count: int) -> None:
        """Visits over three years; half of them signed in."""
        rng, pools, contacts = self._rng, self._registry.pools, self.crm.contacts
        start, pages = years_before(3), ("/", "/ardoises", "/slates", "/panier", "/basket", "/contact")
        for number in range(1, count + 1):
            contact = rng.choice(contacts) if rng.random() < 0.5 else None  # noqa: PLR2004 - every other one
            tenant = contact.tenant if contact else (OTHER if rng.random() < 0.15 else JULIEN)  # noqa: PLR2004
            self.crm.web_logs.append(
                WebLog(
                    id=number,
                    tenant=tenant,
                    contact_id=contact.id if contact else None,
                    ip=ip(rng),
                    user_agent=rng.choice(pools.agents),
                    url=f"https://www.julien-commerce.example{rng.choice(pages)}?visit={rng.randrange(10**9)}",
                    referrer=rng.choice((None, "https://search.example/", "https://news.example/")),
                    at=random_instant(rng, start, _YESTERDAY),
                )
            )
