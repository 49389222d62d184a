"""The words of column and table names, French and English, read from `lexicon.toml`."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pipelines.classify.wording import words

PERSON: Final = "person"
"""What any word of a person's role stands for in a rule."""

FEWEST: Final = 4
"""Letters of a word without its vowels by which it is known."""

SHORTEST: Final = 3
"""Letters that a word must have to be found inside a longer one."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Words (or concepts) that must all be in a name, the category they speak for, and whether it needs support."""

    needed: frozenset[str]
    category: str
    weak: bool


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The word lists; `rules` are in order of precedence among those with equally many words."""

    meanings: Mapping[str, frozenset[str]]
    rules: tuple[Rule, ...]
    persons: frozenset[str]
    companies: frozenset[str]
    bodies: frozenset[str]
    things: frozenset[str]
    transactions: frozenset[str]
    vetoes: frozenset[str]
    neutral: frozenset[str]
    texts: frozenset[str]
    usages: frozenset[str]
    glued: Mapping[str, tuple[str, ...]]
    known: frozenset[str]
    """Every word that says something."""
    parts: frozenset[str]
    """The words that are found inside longer ones."""
    without_vowels: Mapping[str, str]
    """Longer words by what is left of them without vowels, where it is left of none with another meaning: `mrtl`."""

    def singular(self, word: str) -> str:
        """The word as the lexicon has it: not in the plural where only the singular is known, and with its vowels."""
        if word in self.known or len(word) <= SHORTEST:
            return word
        endings = ((word.removesuffix("s"), word.endswith("s")), (word[:-3] + "y", word.endswith("ies")))
        singular = next((each for each, plural in endings if plural and each in self.known), word)
        return self.without_vowels.get(singular, singular)


@functools.cache
def lexicon() -> Lexicon:
    """The lexicon, read once."""
    text = (Path(__file__).parent / "lexicon.toml").read_text(encoding="utf-8")
    return _read(tomllib.loads(text))


def _read(said: Mapping[str, Any]) -> Lexicon:
    meanings: dict[str, set[str]] = {}
    for concept, listed in said["concepts"].items():
        for word in words(listed):
            meanings.setdefault(word, set()).add(concept)
    persons = words(said["persons"]["words"])
    for word in persons:
        meanings.setdefault(word, set()).add(PERSON)
    lists = {name: words(said[name]["words"]) for name in _LISTS}
    rules = (*_rules(said["strong"], weak=False), *_rules(said["weak"], weak=True))
    single = {word for rule in rules for word in rule.needed} - {PERSON}
    every = single.union(meanings, *lists.values(), persons)
    parts = {word for word in every if len(word) >= SHORTEST} - words(said["glue"]["never"])
    concepts = {word: frozenset(meanings.get(word, {word})) for word in every}
    return Lexicon(
        meanings={word: frozenset(found) for word, found in meanings.items()},
        without_vowels=_without_vowels(concepts),
        rules=rules,
        persons=persons,
        known=frozenset(every),
        glued={glued: tuple(apart.split()) for glued, apart in said["glued"].items()},
        parts=frozenset(parts | words(said["glue"]["short"])),
        **lists,
    )


def _without_vowels(concepts: Mapping[str, frozenset[str]]) -> dict[str, str]:
    """What is left of words without vowels, but the one with which they begin."""
    found: dict[str, list[str]] = {}
    for word in sorted(concepts):
        left = word[0] + re.sub("[aeiou]", "", word[1:])
        plural = word.removesuffix("s") != word and word.removesuffix("s") in concepts
        if FEWEST <= len(left) < len(word) and left not in concepts and not plural:
            found.setdefault(left, []).append(word)
    plainest = {left: min(said, key=lambda word: len(concepts[word])) for left, said in found.items()}
    return {
        left: word for left, word in plainest.items() if all(concepts[word] <= concepts[other] for other in found[left])
    }


_LISTS = ("companies", "bodies", "things", "transactions", "vetoes", "neutral", "texts", "usages")


def _rules(said: Mapping[str, str], *, weak: bool) -> Iterator[Rule]:
    for category, alternatives in said.items():
        for alternative in alternatives.split("|"):
            yield Rule(words(alternative), category, weak)
