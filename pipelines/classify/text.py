"""Free text: which spans of it are personal, and the same text without them."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from pipelines.classify.language import Language, language_of

KNOWN = "KNOWN"
"""The type of a span that was on the deny list: a name or address of a known person."""

SHORTEST = 3
"""Characters below which a known name is not searched for: it would hit ordinary words."""

LONGEST = 100_000
"""Characters that the language model takes at once; longer texts are taken in pieces that end at a line's end."""

_BEFORE = " \t\r\n,;:.-\u2013(\"'«*>"
_AFTER = " \t\r\n,;:-\u2013)\"'»*"

MODELLED = frozenset({"PERSON", "LOCATION"})
"""What only the language models find; a pattern that matches there knows better."""

IGNORED = frozenset({"FR_SIREN", "FR_SIRET", "FR_VAT"})
"""Company numbers: found, so that they are taken for nothing else, and left alone."""


@dataclass(frozen=True, slots=True)
class Span:
    """A personal part of a text: where, of which Presidio type, how sure (0 to 1). It does not hold the text."""

    start: int
    end: int
    type: str
    score: float


def spans(text: str, language: Language | None = None, known: Collection[str] = ()) -> list[Span]:
    """The personal parts of a text, in order, without overlaps.

    The language is detected unless it is given; ``known`` are names and addresses of known persons (a deny list).
    """
    if not text.strip():
        return []
    found = list(_known_spans(text, known))
    for offset, piece in _pieces(text):
        found += _analysed(piece, offset, language or language_of(piece))
    return [span for span in _resolved(text, found) if span.type not in IGNORED]


def redact_text(text: str, language: Language | None = None, known: Collection[str] = ()) -> str:
    """The text with every personal part replaced by its type in brackets: `[PERSON]`, `[EMAIL_ADDRESS]`.

    ``known`` are names and addresses that must go whatever the models say, as whole words, in any case.
    """
    parts: list[str] = []
    position = 0
    for span in spans(text, language, known):
        parts += [text[position : span.start], f"[{span.type}]"]
        position = span.end
    return "".join([*parts, text[position:]])


def _analysed(piece: str, offset: int, language: Language) -> Iterator[Span]:
    from pipelines.classify.engine import text_engine

    for result in text_engine(language).analyze(piece, language=language):
        line_end = piece.find("\n", result.start, result.end) if result.entity_type in MODELLED else -1
        start, end = _trimmed(piece, result.start, result.end if line_end < 0 else line_end)
        if start < end and _plausible(result.entity_type, piece[start:end]):
            yield Span(offset + start, offset + end, result.entity_type, round(result.score, 2))


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """A span without the punctuation and the space around it."""
    words = text[start:end]
    return start + len(words) - len(words.lstrip(_BEFORE)), start + len(words.rstrip(_AFTER))


def _plausible(entity: str, words: str) -> bool:
    """Whether a span of a language model can be a name or a place: capitals, no digits, no address."""
    if entity not in MODELLED:
        return True
    return any(ch.isupper() for ch in words) and not re.search(r"[@\d]", words) and len(words) > 1


def _resolved(text: str, found: Iterable[Span]) -> list[Span]:
    """Without overlaps: known names first, then patterns, then models; by score, then by length.

    What sticks out of a surer span stays a span of its own: half a name is still one.
    """
    kept: list[Span] = []
    for span in sorted(found, key=lambda each: (each.type in MODELLED, -each.score, each.start - each.end, each.start)):
        pieces = [(span.start, span.end)]
        for other in kept:
            pieces = [part for piece in pieces for part in _without(piece, other)]
        for start, end in pieces:
            left, right = _trimmed(text, start, end)
            if sum(ch.isalnum() for ch in text[left:right]) > 1:
                kept.append(replace(span, start=left, end=right))
    return sorted(kept, key=lambda each: each.start)


def _without(piece: tuple[int, int], other: Span) -> list[tuple[int, int]]:
    start, end = piece
    if end <= other.start or start >= other.end:
        return [piece]
    return [part for part in ((start, other.start), (other.end, end)) if part[0] < part[1]]


def _known_spans(text: str, known: Collection[str]) -> Iterator[Span]:
    pattern = _deny_list(frozenset(known)) if known else None
    if pattern is not None:
        for match in pattern.finditer(text):
            yield Span(*match.span(), KNOWN if "@" not in match.group() else "EMAIL_ADDRESS", 1.1)


@functools.lru_cache(maxsize=64)
def _deny_list(known: frozenset[str]) -> re.Pattern[str] | None:
    entries = sorted({entry.strip() for entry in known if len(entry.strip()) >= SHORTEST}, key=len, reverse=True)
    if not entries:
        return None
    words = (r"\s+".join(map(re.escape, entry.split())) for entry in entries)
    return re.compile(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)", re.IGNORECASE)


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    start = 0
    while start < len(text):
        end = min(start + LONGEST, len(text))
        if end < len(text):
            line_end = text.rfind("\n", start, end)
            end = line_end + 1 if line_end > start else end
        yield start, text[start:end]
        start = end
