"""Which parts of a text the models have to read: those that can hold a name or an address.

In a text that is written with capitals, a sentence without one inside, and without a digit, names nobody. Links,
headers and scripts that the models do not know are passed over.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator, Sequence

from pipelines.classify.language import SMALL_WORDS

_SENTENCE = re.compile(r"[^\n]+?(?:(?<![\s.][^\W\d_])(?<![\s.]\w\w)(?<![\s.]\w\w\w)[.!?]+[\"'\u00bb)]*(?=\s)|(?=\n)|$)")
_PASSED_OVER = re.compile(
    r"(?:https?|ftp)://\S+|www\.\S+|\S+@\S+|</?(?:[a-z][a-z\d:-]*|[A-Z][A-Z\d:-]*)(?:\s[^<>\n]{0,300}=[^<>\n]{0,300})?\s*/?>|<![^>\n]{0,300}>|[\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef]+"
)
_WORDS = re.compile(r"[^\W\d_]+")
FEWEST = 4
"""Digits that make a line without words worth reading: a postcode, the rest of a phone."""

NEAR = 60
"""Characters between two parts that are read with them."""

SHORT = 200
"""Characters of a text that is read whole or not at all."""


def for_models(text: str) -> str:
    """The text as the models see it: links, addresses, marks and other scripts are so many spaces."""
    return _PASSED_OVER.sub(lambda match: " " * len(match[0]), text)


def parts_to_read(text: str) -> list[tuple[int, int]]:
    """Where the parts of such a text are, in order and apart; what stands close together is one part."""
    capitals = any(ch.isupper() for ch in text)
    parts: list[tuple[int, int]] = []
    for start, end in _sentences(text):
        if _can_name(text[start:end], capitals=capitals):
            near = bool(parts) and start - parts[-1][1] <= NEAR
            parts[-1:] = [(parts[-1][0], end)] if near else [*parts[-1:], (start, end)]
    if len(text) <= SHORT and parts:
        return [(0, len(text))]
    return parts


def sentences_around(text: str, places: Sequence[int]) -> list[tuple[int, int]]:
    """The sentences of a text in which these places are, each with the one before and the one behind; in order, apart.

    A short text is one: whole, or none of it.
    """
    if len(text) <= SHORT or not places:
        return [(0, len(text))] if places else []
    sentences = list(_sentences(text))
    starts = [start for start, _ in sentences]
    held = {max(bisect.bisect_right(starts, place) - 1, 0) for place in places}
    near = {each for at in held for each in (at - 1, at, at + 1) if 0 <= each < len(sentences)}
    found: list[tuple[int, int]] = []
    for at in sorted(near):
        start, end = sentences[at]
        joins = found and at - 1 in near
        found[-1:] = [(found[-1][0], end)] if joins else [*found[-1:], (start, end)]
    return found


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    for match in _SENTENCE.finditer(text):
        if not match[0].isspace():
            yield match.span()


def _can_name(sentence: str, *, capitals: bool) -> bool:
    words = _WORDS.findall(sentence)
    if any(ch.isdigit() for ch in sentence):
        return bool(words) or sum(map(str.isdigit, sentence)) >= FEWEST
    if not words or not capitals:
        return bool(words)
    return any(_capital(word) for word in words[1:]) or (_capital(words[0]) and words[0].lower() not in SMALL_WORDS)


def _capital(word: str) -> bool:
    """Whether a word begins with a capital, or belongs to a script that has none."""
    return not word[0].islower()
