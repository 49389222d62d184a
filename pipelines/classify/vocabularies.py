"""What short values are words of: closed vocabularies (`vocabularies.toml`) and the names that people bear.

The names are those that Faker carries, of every locale in Latin script: general lists, not one system's.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
import re
import tomllib
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from pipelines.classify.candidates import Sample

ENOUGH = 0.8
"""The share of distinct values that must be words of a vocabulary."""

MOST_WORDS = 5
"""Words beyond which a value is no name of a person."""

_TITLES = frozenset(
    {"m", "mr", "mrs", "ms", "mme", "mlle", "dr", "me", "monsieur", "madame", "miss", "pr", "prof", "maitre", "veuve"}
)
_WORD = re.compile(r"[^\W\d_]+")


def plain(text: str) -> str:
    """Lower case, without accents, single spaces."""
    bare = "".join(ch for ch in unicodedata.normalize("NFKD", text) if not unicodedata.combining(ch))
    return " ".join(bare.lower().split())


@functools.cache
def vocabulary(name: str) -> frozenset[str]:
    """A closed vocabulary by its name in `vocabularies.toml`."""
    return frozenset(plain(word) for word in _file()[name]["words"].split("|"))


@functools.cache
def _file() -> dict[str, dict[str, str]]:
    text = (Path(__file__).parent / "vocabularies.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def share_of(sample: Sample, name: str) -> float:
    """The share of distinct values that are words of a vocabulary."""
    return _share(plain(text) in vocabulary(name) for text in sample.texts)


def gendered(sample: Sample) -> bool:
    """Whether the values are genders or forms of address; of single letters, both sexes must be there."""
    said = {plain(text) for text in sample.texts}
    if not said or share_of(sample, "gender") < ENOUGH:
        return False
    letters = set(_file()["gender"]["letters"].split())
    return "f" in said and bool(said & {"m", "h"}) if said <= letters else len(said - letters) >= 1


def companies(sample: Sample) -> float:
    """The share of distinct values that are names of companies, by their legal form or a word such as `Consulting`."""
    words = vocabulary("company")
    return _share(bool(words & set(plain(text).replace(",", " ").split())) or "&" in text for text in sample.texts)


def shared_addresses(sample: Sample) -> float:
    """The share of e-mail addresses that belong to a function (`contact@`), not to a person."""
    words = vocabulary("roles")
    return _share(bool(words & set(re.split(r"[^a-z]+", plain(text).partition("@")[0]))) for text in sample.texts)


def named(sample: Sample) -> float:
    """The share of distinct values that are persons' names: a known first name, or a known surname alone."""
    return _share(_is_name(text, alone=True) for text in sample.texts)


def full_names(sample: Sample) -> float:
    """The share of distinct values that are two words or more with a known first name."""
    return _share(_is_name(text, alone=False) for text in sample.texts)


def first_named(sample: Sample) -> float:
    """The share of distinct values that are one known first name (`Jean-Pierre` counts)."""
    return _share(_is_first(text) for text in sample.texts)


def has_first_name(words: str) -> bool:
    """Whether a known first name is among some words that are written with capitals."""
    return any(word[0].isupper() and plain(word) in first_names() for word in _WORD.findall(words))


def _is_first(text: str) -> bool:
    words = _WORD.findall(text)
    return 1 <= len(words) <= 2 and " " not in text and all(plain(word) in first_names() for word in words)  # noqa: PLR2004


def _is_name(text: str, *, alone: bool) -> bool:
    if any(ch.isdigit() for ch in text) or not text[:1].isalpha():
        return False
    words = [word for word in map(plain, _WORD.findall(text)) if word not in _TITLES]
    if len(words) > MOST_WORDS or not words:
        return False
    if len(words) == 1:
        return alone and (words[0] in first_names() or words[0] in last_names())
    whole = [word for word in words if len(word) > 1]  # `Hall B` is no person, `Anna B` may be one of several
    return len(whole) > 1 and any(word in first_names() for word in whole)


def _share(said: Iterator[bool]) -> float:
    answers = list(said)
    return sum(answers) / len(answers) if answers else 0.0


@functools.cache
def first_names() -> frozenset[str]:
    """First names that people bear."""
    return frozenset(_of_faker("first_name"))


@functools.cache
def last_names() -> frozenset[str]:
    """Surnames that people bear."""
    return frozenset(_of_faker("last_name"))


def _of_faker(kind: str) -> Iterator[str]:
    import faker.providers.person as persons

    for module in pkgutil.iter_modules(persons.__path__):
        if module.ispkg:
            provider = importlib.import_module(f"faker.providers.person.{module.name}").Provider
            for attribute in dir(provider):
                listed = getattr(provider, attribute) if attribute.startswith(kind) else None
                if isinstance(listed, (tuple, list, dict, set, frozenset)):
                    for name in listed:
                        for word in _WORD.findall(plain(str(name))):
                            if len(word) > 1 and word.isascii():
                                yield word
