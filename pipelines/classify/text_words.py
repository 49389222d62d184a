"""A text as words, each with what the models say of it: the ground on which names and addresses are told."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pipelines.classify.wording import words

if TYPE_CHECKING:
    from pipelines.classify.token_classifier import TokenReading

_WORD = re.compile(r"[^\W_](?:[^\W_]|[-\u2010'\u2019.&](?=[^\W_])|(?<=\b[^\W\d_])\.)*")
_POSSESSIVE = re.compile(r"\\?['\u2019]s$", re.IGNORECASE)
_ELISION = re.compile(r"(?:[dljcmnst]|qu)['\u2019](?=[^\W\d_])", re.IGNORECASE)

HEADS = words(
    "tél tel téléphone phone telephone mobile portable fax gsm cb carte card iban rib bic swift e-mail email mail "
    "courriel site web siret siren objet subject"
)
"""What stands before numbers and addresses, and is itself neither a name nor a place."""

UNSURE, SURE = 0.03, 0.97
"""Between these probabilities a second opinion is worth its time."""

NOTHING: Mapping[str, float] = {}


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text: its place, its letters, and what the models say.

    ``said``: the token classifier's probability by label, those under one in a hundred left out. ``entity``: the label
    of the spaCy entity that it is part of, or nothing.
    """

    start: int
    end: int
    text: str
    said: Mapping[str, float] = field(default_factory=dict)
    entity: str = ""

    def moved(self, by: int) -> Word:
        """The same word, further on in a longer text."""
        return replace(self, start=self.start + by, end=self.end + by) if by else self

    @property
    def plain(self) -> str:
        """Its letters in lower case, without the full stop of an abbreviation."""
        return self.text.lower().rstrip(".")

    @property
    def capital(self) -> bool:
        """Whether it begins with a capital (or belongs to a script that has none)."""
        return not self.text[0].islower()

    def share(self, *labels: str) -> float:
        """The probability that it is of one of these labels."""
        return sum(self.said.get(label, 0.0) for label in labels)


def places_of_words(text: str) -> list[tuple[int, int]]:
    """Where the words are: hyphens, apostrophes and points within are part of them, `'s` and `d'` are not."""
    places = []
    for match in _WORD.finditer(text):
        start, end = match.span()
        if elided := _ELISION.match(match[0]):
            start += elided.end()
        if possessive := _POSSESSIVE.search(match[0]):
            end = match.start() + possessive.start()
        if start < end:
            places.append((start, end))
    return places


def read_words(text: str, reading: TokenReading, labels: Sequence[str]) -> list[Word]:
    """The words of a text with what the token classifier says of them: that of a word's tokens, averaged."""
    places = places_of_words(text)
    said = _averaged(places, reading, labels)
    return [Word(start, end, text[start:end], each) for (start, end), each in zip(places, said, strict=True)]


def with_entities(words: Sequence[Word], entities: Sequence[tuple[int, int, str]]) -> list[Word]:
    """The words with what spaCy says of them; its entities are in order and apart."""
    told = []
    at = 0
    for word in words:
        while at < len(entities) and entities[at][1] <= word.start:
            at += 1
        inside = at < len(entities) and entities[at][0] < word.end
        told.append(replace(word, entity=entities[at][2]) if inside else word)
    return told


def doubtful(word: Word) -> bool:
    """Whether what the token classifier says of a word is neither a name, a place nor nothing for sure."""
    return bool(word.said) and sum(word.said.values()) > UNSURE and max(word.said.values()) < SURE


def _averaged(
    places: Sequence[tuple[int, int]], reading: TokenReading, labels: Sequence[str]
) -> list[Mapping[str, float]]:
    import numpy as np

    if not places or not len(reading.starts):
        return [NOTHING] * len(places)
    bounds: Any = np.array(places)
    # Tokens are in order and apart: those of a word are the ones that end after it starts and start before it ends.
    first = np.searchsorted(reading.ends, bounds[:, 0], side="right")
    last = np.searchsorted(reading.starts, bounds[:, 1], side="left")
    sums = np.vstack([np.zeros((1, reading.rows.shape[1])), np.cumsum(reading.rows, axis=0)])
    means = (sums[last] - sums[first]) / np.maximum(last - first, 1)[:, None]
    said: list[Mapping[str, float]] = []
    for row, (low, high) in zip(means, zip(first, last, strict=True), strict=True):
        # the columns after the first are the labels; a word that is outside of all of them is the common case
        seen = np.flatnonzero(row[1:] > 0.01) + 1 if low < high else ()  # noqa: PLR2004
        said.append({labels[int(column)]: float(row[column]) for column in seen} if len(seen) else NOTHING)
    return said
