"""Phone numbers in free text: what the token classifier takes for one, and what a numbering plan has.

Imported only by `pipelines.classify.engine`: it loads Presidio.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

import phonenumbers

from pipelines.classify.recognizers import REGIONS
from pipelines.classify.text_found import DOUBTFUL, LIKELY, POSSIBLE, SPACES, SURE, Found
from pipelines.classify.text_words import Word

MODEL_SEES: Final = 0.5
"""The mean probability over a number's words from which the token classifier takes it for a phone, or for another."""

_BETWEEN = rf"[{SPACES}\n.\-/()\u00b7\u2022_\u2010\u2011\u2013]{{0,4}}"
_PHONE = re.compile(
    rf"(?<![\w@#])(?<!\d[.,/-])(?:\(?\+[{SPACES}]?|\()?\d(?:{_BETWEEN}\d){{5,40}}"
    rf"(?:[{SPACES}]?(?:x|ext\.?|extension|poste)[{SPACES}]?\d{{1,6}})?(?![\d@]|[^\W_])",
    re.IGNORECASE,
)
_EXTENSION = re.compile(rf"[{SPACES}]?(?:x|ext\.?|extension|poste)[{SPACES}]?\d{{1,6}}$", re.IGNORECASE)
_NO_PHONE = re.compile(
    r"(?:19|20)\d{2}[-/.](?:0?[1-9]|1[0-2])[-/.]\d{1,2}(?:\D.*)?|"
    r"\d{1,2}([/.-])\d{1,2}\1(?:19|20)?\d{2}(?:[ T,]+\d{1,2}.*)?|"
    r"\d{1,3}(?:\.\d{1,3}){3}|(?:19|20)\d{2}\s?[-/\u2013]\s?(?:19|20)\d{2}|\d+\.\d{1,3}|\d{3}-\d{2}-\d{4}",
    re.DOTALL,
)
"""Dates, addresses of machines, spans of years, decimals, social security numbers."""

_AMOUNT_AFTER = re.compile(rf"[{SPACES}]?(?:€|\$|£|%|eur\b|euros?\b|usd\b|kg\b|km\b|ht\b|ttc\b)", re.IGNORECASE)
_FRENCH = re.compile(rf"0[{SPACES}.]?[1-79](?:[{SPACES}\n.\-/_\u00b7]?\d[{SPACES}.]?\d){{4}}")
"""As phones are written in France, also those that no operator has been given."""

PARTS: Final = 2
"""Lines over which a number may stretch."""

WHOLE: Final = 8
"""Digits from which a line's part of a number is a number of its own."""

_WRITTEN_AS_PHONE = re.compile(r"[+(]|00|0\d[\s.\-/_\u00b7\u2022]?\d\d|0\d{8,10}(?!\d)|0(?:[\s.]\d){9}")
_KINDS_OF_PHONE = (
    r"phone|telephone|t[ée]l[ée]phone|t[ée]l|mobile|portable|cell|fax|gsm|whatsapp|office|home|work|bureau|domicile|"
    r"fixe|standard|call|ring|dial|text|sms"
)
_SAID_BEFORE = re.compile(rf"\b(?:{_KINDS_OF_PHONE})\b[\s.:°()\w]{{0,6}}$", re.IGNORECASE)
_SAID_AFTER = re.compile(rf"[\s(\-\u2013,]{{1,3}}(?:{_KINDS_OF_PHONE})\b", re.IGNORECASE)
"""What says right beside a number that it is a phone's."""

WEAK_CONTEXT = frozenset({"numéro", "number", "contact", "ligne", "poste", "standard"})
"""Words that stand beside many numbers: enough for the column of a table, too little in a sentence."""

_OTHER_NUMBERS = ("TAX_ID", "BANK_ACCOUNT", "ROUTING_NUMBER", "GOVERNMENT_ID", "PASSPORT", "DRIVERS_LICENSE")


class TextPhone(Found):
    """Phone numbers: what the token classifier takes for one, and what a numbering plan has, written like one.

    A bare run of digits (an order number) scores low, and needs a word of context beside it.
    """

    entity = "PHONE_NUMBER"

    def found(self, text: str, words: Sequence[Word]) -> Iterator[tuple[int, int, float]]:
        """The numbers of each line; one that only a line break cuts, whole."""
        for match in _PHONE.finditer(text):
            lines = list(_lines(text, *match.span()))
            scored = [(*span, self._score(text, *span, words)) for span in lines]
            if len(lines) == PARTS and _cut_by_line(text, lines, match[0]):
                yield match.start(), match.end(), LIKELY
            else:
                yield from (each for each in scored if each[2] > 0)

    def _score(self, text: str, start: int, end: int, words: Sequence[Word]) -> float:
        said = text[start:end]
        digits = sum(ch.isdigit() for ch in _EXTENSION.sub("", said))
        if digits < 6 or _NO_PHONE.fullmatch(said) or _AMOUNT_AFTER.match(text, end):  # noqa: PLR2004
            return 0.0
        inside = [word for word in words if start < word.end and word.start < end]
        seen = sum(word.share("PHONE") for word in inside) / max(len(inside), 1)
        other = sum(word.share(*_OTHER_NUMBERS) for word in inside) / max(len(inside), 1)
        plain = digits <= 15 and bool(_WRITTEN_AS_PHONE.match(said))  # noqa: PLR2004
        valid = digits <= 15 and _valid(said)  # noqa: PLR2004
        if seen >= MODEL_SEES:
            return SURE if valid and plain else LIKELY
        if (valid and plain) or _FRENCH.fullmatch(said):
            return POSSIBLE if other >= MODEL_SEES else LIKELY
        extended = digits >= WHOLE and _EXTENSION.search(said)
        if extended or _SAID_BEFORE.search(text, max(start - 24, 0), start) or _SAID_AFTER.match(text, end):
            return LIKELY
        if other >= MODEL_SEES:
            return 0.0
        grouped = bool(re.search(r"\d[\s.\-/)]+\d", said))
        return DOUBTFUL if digits <= 15 and (valid or plain or grouped) else 0.0  # noqa: PLR2004


def _cut_by_line(text: str, lines: Sequence[tuple[int, int]], said: str) -> bool:
    """Whether a line break cuts one number: no part could be one, and together they are."""
    if any(sum(map(str.isdigit, text[first:last])) >= WHOLE for first, last in lines):
        return False
    return bool(_FRENCH.fullmatch(said)) or (bool(_WRITTEN_AS_PHONE.match(said)) and _valid(said))


def _lines(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The parts of a candidate on each of its lines, without the space around them and a bracket that stays open."""
    for match in re.finditer(r"[^\n]+", text[start:end]):
        said = match[0]
        first = start + match.start() + len(said) - len(said.lstrip(f"{SPACES}.-/)_"))
        last = start + match.start() + len(said.rstrip(f"{SPACES}.-/(_"))
        if text[first] == "(" and ")" not in text[first:last]:
            first += 1
        if first < last:
            yield first, last


def _valid(said: str) -> bool:
    """Whether one of the countries' numbering plans has the number."""
    number = re.sub(r"\(0\)|\s", "", _EXTENSION.sub("", said))
    international = number.lstrip("(").startswith(("+", "00"))
    number = re.sub(r"^\(?00", "+", number) if international else number
    for region in (None,) if international else REGIONS:
        try:
            parsed = phonenumbers.parse(number, region)
            # who writes the country's prefix means a phone, even one that nobody has yet
            if phonenumbers.is_valid_number(parsed) or (international and phonenumbers.is_possible_number(parsed)):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False
