"""What the values' patterns say: Presidio's pattern recognizers over distinct values, behind cheap gates."""

from __future__ import annotations

import functools
import re
from collections import Counter
from dataclasses import dataclass

from pipelines.classify.candidates import Sample

COVERED = 0.8
"""The share of a cell that a match must cover for the cell to be of its type."""

STRAY = 0.05
"""The share of distinct values from which a type that leaves no doubt makes a column of something else personal."""

CERTAIN = frozenset({"EMAIL_ADDRESS", "FR_NIR", "IBAN_CODE"})
"""Types that a value is not by chance."""

SHORT = 6
"""Words up to which an e-mail address in a value makes the value one: `Jean Dupont <jean@exemple.fr>`."""

LOWEST = 0.4
"""The score that a doubtful pattern does not reach without a word of context: such matches are no evidence alone."""

_FRENCH_ID = re.compile(r"^[\s\dAB.-]{9,24}$", re.IGNORECASE)
_PHONE = re.compile(r"^[+(\d][\d\s().\-/+x]{5,24}$")
_IP = re.compile(r"^[\da-f:.]{3,45}(/\d+)?$", re.IGNORECASE)
_STREET = re.compile(r"\d+.*[^\W\d_]{3}|[^\W\d_]{3}.*\d")


_SHAPES = {
    "POSTCODE": re.compile(r"[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}|[A-Z]\d[A-Z] \d[A-Z]\d"),
    "SOCIAL_PAGE": re.compile(
        r"(https?://)?([a-z]+\.)?(linkedin|facebook|twitter|x|instagram|tiktok|viadeo)\.com/[^/]*.*"
    ),
    "USER_AGENT": re.compile(r"(Mozilla|Opera|Dalvik|okhttp|curl|python-requests)/\d.*"),
}
"""Types that need no recognizer: British and Canadian postcodes, user agents."""


@dataclass(frozen=True, slots=True)
class PatternShare:
    """A type, and the share of distinct values that are of it."""

    entity: str
    share: float


def shares(sample: Sample) -> tuple[PatternShare, ...]:
    """The types of the values, the most common first."""
    if not sample.texts:
        return ()
    counted = Counter(entity for text in sample.texts for entity in value_types(text))
    return tuple(PatternShare(entity, count / len(sample.texts)) for entity, count in counted.most_common())


@functools.lru_cache(maxsize=50_000)
def value_types(text: str) -> frozenset[str]:
    """The types that cover a single value; the same value is never analysed twice."""
    shaped = frozenset(entity for entity, shape in _SHAPES.items() if shape.fullmatch(text))
    wanted = _gates(text)
    if shaped or not wanted:
        return shaped
    from pipelines.classify.engine import pattern_engine

    results = pattern_engine().analyze(text, language="fr", entities=wanted)
    return frozenset(
        result.entity_type
        for result in results
        if (result.end - result.start >= COVERED * len(text) or _with_its_name(result.entity_type, text))
        and (result.score >= LOWEST or result.entity_type == "FR_PLATE")
    )


def _with_its_name(entity: str, text: str) -> bool:
    return entity == "EMAIL_ADDRESS" and len(text.split()) <= SHORT


def _gates(text: str) -> list[str]:
    """The types that a value can be of at all, by its characters."""
    digits = sum(ch.isdigit() for ch in text)
    wanted: list[str] = []
    if "@" in text:
        wanted.append("EMAIL_ADDRESS")
    if _PHONE.match(text) and 7 <= digits <= 15 and _grouped(text):  # noqa: PLR2004
        wanted.append("PHONE_NUMBER")
    if 12 <= digits <= 19 and digits >= COVERED * len(text.replace(" ", "").replace("-", "")):  # noqa: PLR2004
        wanted.append("CREDIT_CARD")
    if _FRENCH_ID.match(text):
        wanted += ["FR_NIR", "FR_SIRET"]
    if re.match(r"[A-Za-z]{2}\d{2}", text) and len(text) >= 15:  # noqa: PLR2004
        wanted.append("IBAN_CODE")
    if re.match(r"FR\s?[0-9A-Z]{2}\s?\d", text):
        wanted.append("FR_VAT")
    if re.match(r"^[A-Z]{2}[- ]\d{3}[- ][A-Z]{2}$", text):
        wanted.append("FR_PLATE")
    if _IP.match(text) and (text.count(".") == 3 or text.count(":") >= 2):  # noqa: PLR2004
        wanted += ["IP_ADDRESS", "MAC_ADDRESS"]
    if _STREET.search(text) and len(text.split()) >= 3:  # noqa: PLR2004
        wanted += ["STREET_ADDRESS", "POSTCODE_CITY"]
    return wanted


def _grouped(text: str) -> bool:
    """Whether digits are written as a phone number is: with a prefix or in groups; bare runs are ids and amounts."""
    return bool(re.match(r"^(\+|00|0[1-9]|\()", text)) or bool(re.search(r"\d[\s.\-/)]+\d", text))
