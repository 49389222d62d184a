"""Pools of invented values. Each run draws its own, seeded by the system's secure generator, and keeps none."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipelines.anonymise.nobody import NUMBERS

if TYPE_CHECKING:
    from faker import Faker

LANGUAGES = {"fr": "fr_FR", "en": "en_GB"}
"""Languages that have pools of their own, with Faker's locale."""

SIZE = 1000
"""Values per pool."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Plausible invented values of one kind; ``language`` is empty when they are mixed. No value occurs twice."""

    kind: str
    language: str
    values: tuple[str, ...] = field(repr=False)


def pool(kind: str, language: str, longest: int | None = None, size: int = SIZE) -> Pool:
    """A new pool of one kind; the empty language mixes all of `LANGUAGES`.

    ``longest`` limits the length of values, in characters.

    Raises:
        KeyError: no such kind or language.
    """
    make = KINDS[kind]
    languages = [language] if language else list(LANGUAGES)
    values: set[str] = set()
    for each in languages:
        faker = _faker(LANGUAGES[each])
        drawn = (make(faker, each) for _ in range(size // len(languages)))
        values.update(value if longest is None else value[:longest].strip() for value in drawn)
    ordered = sorted(values - {""})
    secrets.SystemRandom().shuffle(ordered)
    return Pool(kind, language, tuple(ordered))


def _faker(locale: str) -> Faker:
    from faker import Faker

    faker = Faker(locale)
    faker.seed_instance(secrets.randbits(128))
    return faker


def _number(kind: str) -> Callable[[Faker, str], str]:
    return lambda _, language: NUMBERS[kind](language)


KINDS: dict[str, Callable[[Faker, str], str]] = {
    "first_name": lambda faker, _: str(faker.first_name()),
    "last_name": lambda faker, _: str(faker.last_name()),
    "name": lambda faker, _: f"{faker.first_name()} {faker.last_name()}",
    "company": lambda faker, _: str(faker.company()),
    "job": lambda faker, _: str(faker.job()),
    "street": lambda faker, _: str(faker.street_address()).replace("\n", ", "),
    "city": lambda faker, _: str(faker.city()),
    **{kind: _number(kind) for kind in NUMBERS},
}
"""What can be invented: one value for a Faker and a language."""
