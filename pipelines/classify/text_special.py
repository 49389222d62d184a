"""Special categories in free text (GDPR Art. 9 and 10): words that tell of health, religion, politics, union, offences.

They are reported, not redacted: what makes them personal is the person they are said of. Whole words and phrases of
general use, in French and English; a word that also has an innocent sense is left out.
"""

from __future__ import annotations

import functools
import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.classify.text_blocks import blocks
from pipelines.classify.verdict import Evidence, Source


@dataclass(frozen=True, slots=True)
class Special:
    """Where a text tells of a special category. It does not hold the text."""

    start: int
    end: int
    category: str


def special_categories(text: str) -> list[Special]:
    """The places of a text that tell of special categories, in order."""
    found = {Special(*match.span(), category) for category, pattern in _patterns() for match in pattern.finditer(text)}
    for block in (each for each in blocks(text) if each.coded):
        found |= {
            Special(*block.place(*match.span()), category)
            for category, pattern in _patterns()
            for match in pattern.finditer(block.text)
        }
    return sorted(found, key=lambda each: (each.start, each.end))


def special_evidence(texts: Sequence[str]) -> list[Evidence]:
    """The special categories that some texts tell of, each with the share of the texts that do."""
    told = Counter(category for text in texts for category in {each.category for each in special_categories(text)})
    return [
        Evidence(Source.VALUES, f"special category `{category}`", count / len(texts))
        for category, count in sorted(told.items())
    ]


@functools.cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple(_read())


def _read() -> Iterator[tuple[str, re.Pattern[str]]]:
    """The lists of `text_special.toml`: phrases between bars, `~` any ending; accents may be missing."""
    listed = tomllib.loads((Path(__file__).parent / "text_special.toml").read_text(encoding="utf-8"))
    for category, languages in listed.items():
        phrases = [phrase.strip() for words in languages.values() for phrase in words.split("|") if phrase.strip()]
        said = "|".join(map(_as_pattern, sorted(phrases, key=len, reverse=True)))
        yield category, re.compile(rf"(?<!\w)(?:{said})(?!\w)", re.IGNORECASE)


def _as_pattern(phrase: str) -> str:
    return r"\s+".join("".join(map(_letter, word)) for word in phrase.split())


def _letter(ch: str) -> str:
    """A character as it may be written: an accent within its letter, as a mark of its own, or left out."""
    if ch in {"~", "'"}:
        return r"\w*" if ch == "~" else "['\u2019]"
    base = unicodedata.normalize("NFD", ch)[0]
    return re.escape(ch) if base == ch else f"[{ch}{base}][\u0300-\u036f]?"
