"""Postal addresses and places in a text, from what the models say of its words.

The words become parts (a street, a flat, a postcode, a town, a country), and parts that stand together an address. In
a sentence, or behind a colon, an address is one span whatever its lines; in a block of lines each part is one.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipelines.classify.text_words import HEADS, Word, places_of_words
from pipelines.classify.vocabularies import plain
from pipelines.classify.wording import alternatives

KINDS = ("BUILDING_NUMBER", "STREET_NAME", "SECONDARY_ADDRESS", "CITY", "STATE", "ZIP_CODE")

THRESHOLD = 0.22
"""The evidence from which a word is part of an address: the model is shy with towns that it never saw."""

LIKELY = 0.55
"""The score of what is written like an address and was not seen by the model."""

DOUBTFUL = 0.1
"""The score of what is written like a flat or a box, and counts only beside other parts."""

PLACE, ORGANISATION, PERSON = 0.35, 0.3, 0.15
"""How much spaCy moves the evidence: it sees a place too; an organisation; a person."""

LOWER_CASE = 0.4
"""How much evidence a word in lower case loses in a text that has capitals."""

_MOVES = {"ORG": -ORGANISATION, "PERSON": -PERSON, "PER": -PERSON} | dict.fromkeys(("GPE", "LOC", "FAC"), PLACE)

_FLAT = re.compile(
    r"\b(?:apt|apartment|studio|suite|ste|unit|flat|appt|appartement|b[âa]t|b[âa]timent|[ée]tage|escalier|esc|room|floor)\b"
    r"\.?\s?[#n]?[°o]?\s?(?:\d+[a-z]?|[a-z]\d*)\b"
    r"|\b(?:p\.?\s?o\.?\s?box|postbox|postboks|postfach|box|bp|b\.p\.|cs)\s?\d+\b",
    re.IGNORECASE,
)
_MILITARY = re.compile(
    r"\b(?:(?:PSC|CMR|Unit)\s?\d{1,5},?\s+Box\s+\d{1,5}|US(?:NS|S|CGC|NV|MC)\s+\w[\w'\u2019-]*)\s*,?\s+"
    r"[AFD]PO,?\s(?:AA|AE|AP)\s+\d{5}(?:-\d{4})?",
    re.IGNORECASE,
)
"""Mail of the armed forces of the United States (USPS Publication 28, section 225)."""

_CORNER = re.compile(r"\b(?:the corner of|l['\u2019]angle (?:de la |de l['\u2019]|du |des |de )?)\s?$", re.IGNORECASE)
_DECIMAL = re.compile(r"(?<=\d)[.,]\d|(?<=\d)\s?(?:€|\$|£|%)")
_OF_DECIMAL = re.compile(r"(?:\d[.,]|[€$£]\s?)$")
_YEAR = re.compile(r"(?:19|20)\d\d")
_LED = re.compile(r"(\d+[a-z]?),? (?=\D.* (?!(?:19|20)\d\d$)\d+[a-z]?$)", re.IGNORECASE)
"""A number before a street that has one behind: `49 Billeveien 122`, and not `45 rue du 8 mai 1945`."""

_SHORTENED = re.compile(r"\b(?:str|st|ave|av|rd|blvd|bd|ln|dr|ct|pl|hwy|pkwy|sq)$", re.IGNORECASE)
_INSIDE = re.compile(
    r"[ -](?:(?:de|da|do|du|des|del|della|di|la|le|les|el|los|las|u|sur|sous|lès|upon)[ -])+(?:[dl]['\u2019])?"
)
"""What stands within the name of a town: `Chiclana de la Frontera`."""

_STATE = re.compile(r"[A-Z]{2}(?=[.,;)]?(?:\s*$|\s*\n|,?\s+\d))", re.MULTILINE)
"""The letters of a state or a province behind a town: at the end of a line, or before a number."""

_HEADS = re.compile(r"[ \u00a0]?:")
"""Behind a word that heads a line (`E-mail:`): spaCy takes such words for places."""

_STREET_PARTS = frozenset({"STREET", "FLAT", "WHOLE", "NUMBER"})
_BESIDE = re.compile(r"[ \t\u00a0]|, ")
_TOGETHER = re.compile(r"[\s,>?|*]*")
_AND = re.compile(r" (?:and|&|et) (?:de la |de l['\u2019]|du |des |de )?")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an address: `STREET`, `NUMBER`, `FLAT`, `CITY`, `STATE`, `ZIP`, `COUNTRY`, or a `WHOLE` address."""

    start: int
    end: int
    kind: str
    score: float


def places_in(
    text: str,
    said: Sequence[Word],
    names: Sequence[tuple[int, int, float]],
    shapes: Sequence[tuple[int, int, str]] = (),
) -> list[Part]:
    """Addresses and places, apart from each other and from the names.

    ``shapes``: what is written like a street (`STREET_ADDRESS`) or like a postcode with its town (`POSTCODE_CITY`).
    """
    parts = _streets(text, _towns(text, _parts(text, said, _labels(text, said, names, shapes))))
    runs: list[list[Part]] = []
    for part in parts:
        if runs and _TOGETHER.fullmatch(_gap(text, runs[-1][-1].end, part.start)):
            runs[-1].append(part)
        else:
            runs.append([part])
    found: list[Part] = []
    for run in runs:
        found += _address(text, run, names)
    return _corners(text, found)


def _parts(text: str, said: Sequence[Word], labels: Sequence[tuple[str, float]]) -> list[Part]:
    """The words that are part of an address, those of one kind side by side put together."""
    parts: list[Part] = []
    at = 0
    while at < len(said):
        kind, score = labels[at]
        last = at
        while kind and last + 1 < len(said) and labels[last + 1][0] == kind and _same(text, said, last, kind):
            last += 1
        if kind == "STREET" and not any(ch.isalpha() for ch in text[said[at].start : said[last].end]):
            kind = "NUMBER"
        if kind:
            end = said[last].end
            shortened = kind == "STREET" and text[end : end + 1] == "." and _SHORTENED.search(said[last].text)
            parts.append(Part(said[at].start, end + 1 if shortened else end, kind, score))
        at = last + 1
    return parts


def _gap(text: str, start: int, end: int) -> str:
    """What stands between two parts; the point behind a number at the end of a line is nothing (`utca 76.`)."""
    gap = text[start:end]
    numbered = start > 0 and text[start - 1].isdigit() and re.match(r"\.\s*\n", gap)
    return gap[1:] if numbered else gap


def _towns(text: str, parts: list[Part]) -> list[Part]:
    """Towns whole, where small words stand within their name."""
    found: list[Part] = []
    for part in parts:
        before = found[-1] if found else None
        if before and before.kind == part.kind == "CITY" and _INSIDE.fullmatch(text[before.end : part.start]):
            found[-1] = Part(before.start, part.end, "CITY", max(before.score, part.score))
        else:
            found.append(part)
    return found


def _same(text: str, said: Sequence[Word], place: int, kind: str) -> bool:
    gap = text[said[place].end : said[place + 1].start]
    if kind == "WHOLE":
        return True
    return kind != "NUMBER" and len(gap) <= 3 and "\n" not in gap and "," not in gap  # noqa: PLR2004


_KIND = {
    "BUILDING_NUMBER": "NUMBER",
    "STREET_NAME": "STREET",
    "SECONDARY_ADDRESS": "FLAT",
    "CITY": "CITY",
    "STATE": "STATE",
    "ZIP_CODE": "ZIP",
}


def _labels(
    text: str,
    said: Sequence[Word],
    names: Sequence[tuple[int, int, float]],
    shapes: Sequence[tuple[int, int, str]],
) -> list[tuple[str, float]]:
    """The kind of part that each word is, or none, and the evidence."""
    mixed = any(word.text[0].islower() for word in said) and any(word.text[0].isupper() for word in said)
    flats = [match.span() for match in _FLAT.finditer(text)]
    whole = [match.span() for match in _MILITARY.finditer(text)]
    labels = []
    for word in said:
        if _within(word, whole):
            labels.append(("WHOLE", 0.9))
        elif _within(word, flats):
            labels.append(("FLAT", max(word.share(*KINDS), DOUBTFUL)))
        elif (
            any(start <= word.start < end for start, end, _ in names)
            or _DECIMAL.match(text, word.end)
            or _OF_DECIMAL.search(text, max(word.start - 3, 0), word.start)
        ):
            labels.append(("", 0.0))
        else:
            heard = replace(word, entity="") if _HEADS.match(text, word.end) else word
            labels.append(_label(heard, mixed=mixed) if not shapes else _shaped(heard, shapes, mixed=mixed))
    for first, last in countries_in(text, said):
        named = any(start <= said[first].start < end for start, end, _ in names)
        article = said[first].plain in {"la", "le", "les", "the"}
        written = not mixed or said[first + 1 if article and last > first else first].capital
        if not named and labels[first][0] not in {"STREET", "WHOLE"} and written:
            labels[first : last + 1] = [("COUNTRY", 0.7)] * (last + 1 - first)
    for at, word in enumerate(said[1:], 1):
        kind, score = labels[at - 1]
        if kind == "CITY" and not labels[at][0] and _state(text, said[at - 1], word):
            labels[at] = ("STATE", score)
    return labels


def _state(text: str, town: Word, word: Word) -> bool:
    return bool(_BESIDE.fullmatch(text[town.end : word.start]) and _STATE.match(text, word.start))


def _label(word: Word, *, mixed: bool) -> tuple[str, float]:
    if word.plain in HEADS:
        return "", 0.0
    evidence = word.share(*KINDS) + _MOVES.get(word.entity, 0.0)
    if mixed and not word.capital:
        evidence -= LOWER_CASE if word.share("STREET_NAME") > word.share("CITY", "STATE") else 1.0
    if evidence < THRESHOLD:
        return "", 0.0
    kind = max(KINDS, key=lambda each: word.said.get(each, 0.0)) if word.share(*KINDS) > 0 else "CITY"
    if kind in {"CITY", "STATE"} and any(map(str.isdigit, word.text)):
        if not word.text.isdigit():
            return "", 0.0  # `CMD-9491` is an order
        kind = "ZIP_CODE"
    return _KIND[kind], min(evidence, 1.0)


def _shaped(word: Word, shapes: Sequence[tuple[int, int, str]], *, mixed: bool) -> tuple[str, float]:
    """What the models say of a word; where they say nothing, what it is written like."""
    said = _label(word, mixed=mixed)
    shape = next((kind for start, end, kind in shapes if start <= word.start < end), "")
    if said[0] or not shape:
        return said
    number = word.text[0].isdigit()
    if shape == "STREET_ADDRESS":
        return ("NUMBER" if number else "STREET"), LIKELY
    return ("ZIP" if number else "CITY"), LIKELY


def countries_in(text: str, said: Sequence[Word]) -> list[tuple[int, int]]:
    """Where countries are named: the first and the last word of each."""
    found = []
    starts = _countries_by_start()
    at = 0
    while at < len(said):
        last = at
        for name, length in starts.get(_plain(said[at].text), ()):
            end = at + length - 1
            if end < len(said) and _plain(text[said[at].start : said[end].end]) == name:
                found.append((at, end))
                last = end
                break
        at = last + 1
    return found


@functools.cache
def _countries_by_start() -> dict[str, list[tuple[str, int]]]:
    """The countries by their first word, the longest names first, with their number of words."""
    starts: dict[str, list[tuple[str, int]]] = {}
    for name in sorted(countries(), key=len, reverse=True):
        places = places_of_words(name)
        if places:
            starts.setdefault(name[slice(*places[0])], []).append((name, len(places)))
    return starts


@functools.lru_cache(maxsize=20_000)
def _plain(text: str) -> str:
    return plain(text.replace("\u2019", "'"))


_OTHERWISE = alternatives(
    "usa|u.s.a|the u.s|uk|u.k|great britain|england|scotland|wales|northern ireland|republic of ireland|holland|"
    "czech republic|slovak republic|macedonia|burma|swaziland|cape verde|ivory coast|east timor|kingdom of the "
    "netherlands|people's republic of china|republic of korea|republic of the congo|democratic republic of the congo|"
    "palestine|vatican city|russian federation|turkey|grande-bretagne|angleterre|écosse|pays de galles|hollande|"
    "birmanie|tchéquie|république tchèque|macédoine|birmanie|union soviétique|états-unis d'amérique"
)
"""Countries as people call them beside the name that Unicode prefers."""


@functools.cache
def countries() -> frozenset[str]:
    """The countries' names in French and English, plain, from Unicode's locale data."""
    from babel import Locale

    names = {
        plain(part.replace("\u2019", "'"))
        for language in ("fr", "en")
        for code, name in Locale(language).territories.items()
        if len(code) == 2  # noqa: PLR2004 - the others are continents
        for part in (name, name.partition(" - ")[0], name.partition(" (")[0])
    }
    spelled = {name.replace("&", word) for name in names for word in ("and", "et")}
    return frozenset(spelled | set(map(plain, _OTHERWISE)))


def _streets(text: str, parts: list[Part]) -> list[Part]:
    """Streets with their number. A street has one: of two, the other belongs to a building of its own."""
    parts = [each for part in parts for each in _led(text, part, parts)]
    found: list[Part] = []
    at = 0
    while at < len(parts):
        part = parts[at]
        after = parts[at + 1] if at + 1 < len(parts) else None
        behind = parts[at + 2] if at + 2 < len(parts) else None
        if after is not None and {part.kind, after.kind} == {"STREET", "NUMBER"} and _beside(text, part, after):
            street_first = part.kind == "STREET"
            own = any(ch.isdigit() for ch in text[after.start : after.end]) and not street_first
            numbered = behind is not None and behind.kind == "NUMBER" and _beside(text, after, behind)
            if street_first or not (own or numbered):
                found.append(Part(part.start, after.end, "STREET", max(part.score, after.score)))
                at += 2
                continue
        found.append(part)
        at += 1
    return found


def _led(text: str, part: Part, parts: Sequence[Part]) -> list[Part]:
    """A street without the number before it, where it has another behind."""
    if part.kind != "STREET":
        return [part]
    behind = next((each for each in parts if each.kind == "NUMBER" and _beside(text, part, each)), None)
    led = _LED.match(text[part.start : behind.end if behind else part.end])
    if not led:
        return [part]
    first = part.start + led.end(1)
    return [Part(part.start, first, "NUMBER", part.score), Part(part.start + led.end(), part.end, "STREET", part.score)]


def _address(text: str, run: list[Part], names: Sequence[tuple[int, int, float]]) -> list[Part]:
    streets = any(part.kind in _STREET_PARTS for part in run)
    if len(run) == 1 and run[0].kind == "ZIP" and _YEAR.fullmatch(text[run[0].start : run[0].end]):
        return []
    if {part.kind for part in run} <= {"NUMBER", "STATE"} or (len(run) == 1 and run[0].score <= DOUBTFUL):
        return []  # numbers, two letters, `box 3`: alone they are of anything
    surest = max(part.score for part in run)
    start, end = run[0].start, run[-1].end
    if streets and len(run) > 1 and ("\n" not in text[start:end] or _introduced(text, start, names)):
        return [Part(start, end, "WHOLE", surest)]
    return [replace(part, score=surest) for part in run] if streets else run


def _introduced(text: str, start: int, names: Sequence[tuple[int, int, float]]) -> bool:
    """Whether a sentence or a label leads to the address, beyond the name of who lives there."""
    line = text.rfind("\n", 0, start) + 1
    lead = text[line:start]
    for first, last, _ in reversed(names):
        if first >= line and last <= start:
            lead = lead[: first - line] + lead[last - line :]
    lead = re.sub(r"(?i)\b(?:m|mr|mrs|ms|miss|dr|mme|mlle|madame|monsieur)\b\.?", "", lead)
    return bool(re.search(r"\w", lead)) or text[:line].rstrip().endswith(":")


def _corners(text: str, parts: list[Part]) -> list[Part]:
    """`The corner of` two streets is one place."""
    found: list[Part] = []
    for part in parts:
        before = found[-1] if found else None
        lead = _CORNER.search(text[max(part.start - 30, 0) : part.start])
        if part.kind in {"STREET", "WHOLE"} and lead:
            start = max(part.start - 30, 0) + lead.start()
            found.append(Part(start, part.end, "CORNER", part.score))
        elif before and before.kind == "CORNER" and _AND.fullmatch(text[before.end : part.start]):
            found[-1] = Part(before.start, part.end, "WHOLE", before.score)
        else:
            found.append(part)
    return found


def _beside(text: str, part: Part, other: Part) -> bool:
    return bool(_BESIDE.fullmatch(text[part.end : other.start]))


def _within(word: Word, spans: Sequence[tuple[int, int]]) -> bool:
    return any(start <= word.start < end for start, end in spans)
