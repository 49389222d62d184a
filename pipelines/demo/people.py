"""The invented persons of the demonstration: who they are, and the story of each with the company.

Everything is drawn from Faker's pools by a seeded generator, so that two runs agree. Addresses end in `.example` or
`.test`, telephone numbers come from the ranges that ARCEP and Ofcom keep for fiction: none belongs to anybody.
"""

from __future__ import annotations

import datetime as dt
import enum
import random
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.demo.moments import random_day


class Story(enum.StrEnum):
    """What a person has lived with the company up to the as-of date; each is a case of the policy."""

    CLIENT_RUNNING = "client_running"
    CLIENT_ENDED = "client_ended"  # less than three years ago
    CLIENT_DUE = "client_due"
    CLIENT_LONG_GONE = "client_long_gone"  # contract evidence and invoices are over as well
    CLIENT_END_MISSING = "client_end_missing"
    CLIENT_HELD = "client_held"  # due, but for a case
    PROSPECT_FRESH = "prospect_fresh"
    PROSPECT_CALLED = "prospect_called"  # old, with a recent call of theirs in the CRM
    PROSPECT_DUE = "prospect_due"
    PROSPECT_OUTBOUND = "prospect_outbound"  # old; we wrote, they never answered: due
    PROSPECT_MAILED = "prospect_mailed"  # old, with a recent mail of theirs
    PROSPECT_MET = "prospect_met"  # old, with a recent meeting
    PROSPECT_INVITED = "prospect_invited"  # old, in a series of meetings without end
    PROSPECT_PLUS = "prospect_plus"  # old; a recent mail came from a variant of the address
    PROSPECT_NAMESAKE = "prospect_namesake"  # old; a recent mail bears the name with an unknown address
    PROSPECT_AUTOMATIC = "prospect_automatic"  # old; only an auto-reply came since: due
    PROSPECT_UNDATED = "prospect_undated"  # the day of collection is absurd
    MEMBER_RUNNING = "member_running"
    MEMBER_ENDED = "member_ended"
    MEMBER_DUE = "member_due"
    MEMBER_END_MISSING = "member_end_missing"
    UNKNOWN = "unknown"  # in the CRM without any reason on record


WEIGHTS: dict[Story, int] = {
    Story.CLIENT_RUNNING: 60,
    Story.CLIENT_ENDED: 25,
    Story.CLIENT_DUE: 20,
    Story.CLIENT_LONG_GONE: 12,
    Story.CLIENT_END_MISSING: 5,
    Story.PROSPECT_FRESH: 375,
    Story.PROSPECT_CALLED: 50,
    Story.PROSPECT_DUE: 210,
    Story.PROSPECT_OUTBOUND: 30,
    Story.PROSPECT_UNDATED: 3,
    Story.MEMBER_RUNNING: 75,
    Story.MEMBER_ENDED: 45,
    Story.MEMBER_DUE: 45,
    Story.MEMBER_END_MISSING: 4,
    Story.UNKNOWN: 19,
    Story.PROSPECT_MAILED: 3,
    Story.PROSPECT_MET: 1,
}
"""How often each story is drawn, besides the cast that every scale has."""

CAST = 4
"""How many persons every story has at the least, whatever the scale."""

CLIENTS = frozenset(story for story in Story if story.name.startswith("CLIENT"))
PROSPECTS = frozenset(story for story in Story if story.name.startswith("PROSPECT"))
MEMBERS = frozenset(story for story in Story if story.name.startswith("MEMBER"))
DUE = frozenset(
    {
        Story.CLIENT_DUE,
        Story.CLIENT_LONG_GONE,
        Story.PROSPECT_DUE,
        Story.PROSPECT_OUTBOUND,
        Story.PROSPECT_AUTOMATIC,
        Story.MEMBER_DUE,
    }
)
"""Stories of persons whose identity is meant to be due; the reference decides, this only steers what is drawn."""


@dataclass(frozen=True, slots=True)
class Person:
    """One invented person. ``language`` is `fr` or `en`; no two persons share a name or a variant of an address."""

    number: int
    story: Story
    language: str
    first_name: str
    last_name: str
    email: str
    phone: str
    birth_date: dt.date
    street: str
    postcode: str
    city: str
    region: str
    job_title: str

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}"


def slug(text: str) -> str:
    """A name as it stands in an address: ASCII letters in lower case."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return "".join(letter for letter in plain if letter.isalnum())


_DOMAINS = {
    "fr": ("courriel.example", "messagerie.example", "boite-aux-lettres.test", "famille.example", "atelier.example"),
    "en": ("post.example", "mailbox.test", "webpost.example", "letters.example", "workshop.example"),
}
_REGIONS = {
    "fr": ("Île-de-France", "Bretagne", "Occitanie", "Auvergne-Rhône-Alpes", "Grand Est", "Normandie"),
    "en": ("London", "Scotland", "Wales", "North West"),
}
_PHONES = {
    "fr": ("+33 1 99 00", "+33 2 61 91", "+33 3 53 01", "+33 4 65 71", "+33 5 36 49", "+33 6 39 98"),
    "en": ("+44 20 7946", "+44 113 496", "+44 161 496", "+44 29 2018", "+44 131 496"),
}


class Pools:
    """Pools of plausible values, drawn once from Faker for both languages."""

    def __init__(self, seed: int, size: int = 400) -> None:
        from faker import Faker

        self.first: dict[str, list[str]] = {}
        self.last: dict[str, list[str]] = {}
        self.streets: dict[str, list[str]] = {}
        self.postcodes: dict[str, list[str]] = {}
        self.cities: dict[str, list[str]] = {}
        self.jobs: dict[str, list[str]] = {}
        self.companies: dict[str, list[str]] = {}
        for language, locale in (("fr", "fr_FR"), ("en", "en_GB")):
            fake = Faker(locale)
            fake.seed_instance(seed)
            self.first[language] = _distinct(fake.first_name() for _ in range(8 * size))
            self.last[language] = _distinct(fake.last_name() for _ in range(8 * size))
            self.streets[language] = [fake.street_address().replace("\n", ", ") for _ in range(size)]
            self.postcodes[language] = [fake.postcode() for _ in range(size)]
            self.cities[language] = [fake.city() for _ in range(size)]
            self.jobs[language] = [fake.job()[:80] for _ in range(size)]
            self.companies[language] = [fake.company() for _ in range(size)]
        agents = Faker("en_GB")
        agents.seed_instance(seed)
        self.agents = [agents.user_agent() for _ in range(size // 4)]


def _distinct(values: Iterator[str]) -> list[str]:
    return list(dict.fromkeys(values))


class Registry:
    """Invents persons of whom no two share a name or a variant of an address: weak matches happen on purpose only."""

    def __init__(self, pools: Pools, rng: random.Random) -> None:
        self.pools = pools
        self._rng = rng
        self._names: set[str] = set()
        self._next = 1

    def invent(self, story: Story, language: str | None = None) -> Person:
        """One more person, two in three French."""
        rng, pools = self._rng, self.pools
        spoken = language or ("fr" if rng.random() < 0.66 else "en")  # noqa: PLR2004 - two thirds
        while True:
            first, last = rng.choice(pools.first[spoken]), rng.choice(pools.last[spoken])
            local = f"{slug(first)}.{slug(last)}"
            if local.replace(".", "") not in self._names:
                break
        self._names.add(local.replace(".", ""))
        number, self._next = self._next, self._next + 1
        return Person(
            number=number,
            story=story,
            language=spoken,
            first_name=first,
            last_name=last,
            email=f"{local}@{rng.choice(_DOMAINS[spoken])}",
            phone=phone(rng, spoken),
            birth_date=random_day(rng, dt.date(1941, 1, 1), dt.date(2004, 12, 31)),
            street=rng.choice(pools.streets[spoken]),
            postcode=rng.choice(pools.postcodes[spoken]),
            city=rng.choice(pools.cities[spoken]),
            region=rng.choice(_REGIONS[spoken]),
            job_title=rng.choice(pools.jobs[spoken]),
        )

    def client_story(self) -> Story:
        """The story of one more client, as often as `WEIGHTS` says."""
        weights = {story: weight for story, weight in WEIGHTS.items() if story in CLIENTS}
        return self._rng.choices(list(weights), list(weights.values()))[0]

    def cast(self, count: int) -> list[Person]:
        """The company's contacts: `CAST` persons of every story, the rest by `WEIGHTS`."""
        stories = [story for story in Story for _ in range(CAST)]
        missing = max(0, count - len(stories))
        stories += self._rng.choices(list(WEIGHTS), list(WEIGHTS.values()), k=missing)
        self._rng.shuffle(stories)
        return [self.invent(story) for story in stories]


def phone(rng: random.Random, language: str) -> str:
    """A number of a range that is kept for fiction."""
    digits = f"{rng.randrange(10_000):04d}"
    start = rng.choice(_PHONES[language])
    return f"{start} {digits[:2]} {digits[2:]}" if language == "fr" else f"{start} {digits}"


def ip(rng: random.Random) -> str:
    """An address of the networks that are kept for documentation."""
    if rng.random() < 0.1:  # noqa: PLR2004 - a tenth speaks IPv6
        return f"2001:db8:{rng.randrange(65536):x}:{rng.randrange(65536):x}::{rng.randrange(1, 65536):x}"
    return f"{rng.choice(('192.0.2', '198.51.100', '203.0.113'))}.{rng.randrange(1, 255)}"


def card_number(rng: random.Random) -> str:
    """A test card number that passes Luhn's check."""
    digits = [4, 0, 0, 0, 0, 0, *(rng.randrange(10) for _ in range(9))]
    total = sum(sum(divmod(digit * 2, 10)) if place % 2 == 0 else digit for place, digit in enumerate(digits))
    return "".join(str(digit) for digit in (*digits, (10 - total % 10) % 10))
