"""Free text: which spans of it are personal, and the same text without them."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from pipelines.classify.language import Language, language_of
from pipelines.classify.models import Models, chosen
from pipelines.classify.text_blocks import blocks
from pipelines.classify.text_processes import Readers, in_use
from pipelines.classify.wording import storable

KNOWN = "KNOWN"
"""The type of a span that was on the deny list: a name or address of a known person."""

SHORTEST = 3
"""Characters below which a known name is not searched for: it would hit ordinary words."""

AT_ONCE = 200
"""Blocks that are read together: more gains no time and costs memory."""

REMEMBERED = 8_000_000
"""Characters of blocks whose spans are remembered, so that a signature is read once in a scan."""

_BEFORE = " \t\r\n,;:.-\u2013(\"'«*>"
_AFTER = " \t\r\n,;:-\u2013)\"'»*"

MODELLED = frozenset({"PERSON", "LOCATION"})
"""What only the language models find; a pattern that matches there knows better."""

_APOSTROPHES, _HYPHENS = "['\u2019\u02bc]", "[-\u2010\u2011\u2013]"

_RANK = dict.fromkeys(MODELLED, 2) | {"STREET_ADDRESS": 1, "POSTCODE_CITY": 1}
"""Who gives way where spans overlap: checked patterns stay, addresses go before names and places."""

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

    Raises:
        ModelMissing: a model is not where it should be.
    """
    return spans_of([text], language, known)[0]


def spans_of(
    texts: Sequence[str],
    language: Language | None = None,
    known: Collection[str] = (),
    readers: Readers | None = None,
) -> list[list[Span]]:
    """The personal parts of each text, all read together.

    The language is detected for each block of a text. What the texts share (quoted mails, signatures) is read once,
    and remembered for the texts to come. ``readers``: other processes that do the reading, with the same result; those
    of `reading_with` unless they are given.

    Raises:
        ModelMissing: a model is not where it should be.
    """
    texts = [storable(text) for text in texts]
    cut = []
    for text in texts:
        main = language or language_of(text)
        cut.append([(block, language or language_of(block.text, main)) for block in blocks(text)])
    read = _read({(block.text, spoken) for pieces in cut for block, spoken in pieces}, readers or in_use())
    found = []
    for text, pieces in zip(texts, cut, strict=True):
        seen = list(_known_spans(text, known))
        for block, spoken in pieces:
            names = _known_spans(block.text, known) if block.coded else ()
            for span in (*names, *read[block.text, spoken]):
                start, end = block.place(span.start, span.end)
                seen.append(replace(span, start=start, end=end))
        found.append([span for span in _resolved(text, seen) if span.type not in IGNORED])
    return found


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


# ── reading blocks, each once ──

_Block = tuple[str, Language]


class _Memory:
    """The spans of blocks that were read, the latest ones, by the models that read them."""

    def __init__(self) -> None:
        self._spans: OrderedDict[tuple[Models, _Block], tuple[Span, ...]] = OrderedDict()
        self._characters = 0

    def get(self, block: _Block) -> tuple[Span, ...] | None:
        key = (chosen(), block)
        if key in self._spans:
            self._spans.move_to_end(key)
        return self._spans.get(key)

    def keep(self, block: _Block, found: tuple[Span, ...]) -> None:
        self._spans[chosen(), block] = found
        self._characters += len(block[0])
        while self._characters > REMEMBERED:
            (_, (text, _)), _ = self._spans.popitem(last=False)
            self._characters -= len(text)


_memory = _Memory()


def _read(wanted: Collection[_Block], readers: Readers | None) -> dict[_Block, tuple[Span, ...]]:
    read = {block: found for block in wanted if (found := _memory.get(block)) is not None}
    for language in ("fr", "en"):
        # sorted: what is read together does not depend on the order of a set
        unread = sorted(block for block in wanted if block not in read and block[1] == language)
        reading = readers.read if readers else read_blocks
        for block, found in zip(unread, reading([text for text, _ in unread], language), strict=True):
            read[block] = found
            _memory.keep(block, found)
    return read


def read_blocks(texts: Sequence[str], language: Language) -> Iterator[tuple[Span, ...]]:
    """What is found in each block, in order, in this process; nothing is remembered.

    Raises:
        ModelMissing: a model is not where it should be.
    """
    from pipelines.classify.engine import text_engine

    engine = text_engine(language)
    for start in range(0, len(texts), AT_ONCE):
        for text, artifacts in engine.nlp_engine.process_batch(texts[start : start + AT_ONCE], language):
            found = engine.analyze(text, language=language, nlp_artifacts=artifacts)
            yield tuple(Span(each.start, each.end, each.entity_type, round(each.score, 2)) for each in found)


# ── one reading of many opinions ──


def _resolved(text: str, found: Iterable[Span]) -> list[Span]:
    """Without overlaps: known names first, then patterns, addresses, models; by score, then by length.

    What sticks out of a surer span stays a span of its own: half a name is still one.
    """
    kept: list[Span] = []
    for span in sorted(found, key=_precedence):
        pieces = [(span.start, span.end)]
        for other in kept:
            if other.start < span.end and span.start < other.end:
                pieces = [part for piece in pieces for part in _without(piece, other)]
        whole = pieces == [(span.start, span.end)]
        for start, end in pieces:
            left, right = (start, end) if whole else _trimmed(text, start, end)
            if whole or sum(ch.isalnum() for ch in text[left:right]) > 1:
                kept.append(replace(span, start=left, end=right))
    return sorted(kept, key=lambda each: each.start)


def _precedence(span: Span) -> tuple[int, float, int, int]:
    return _RANK.get(span.type, 0), -span.score, span.start - span.end, span.start


def _without(piece: tuple[int, int], other: Span) -> list[tuple[int, int]]:
    start, end = piece
    if end <= other.start or start >= other.end:
        return [piece]
    return [part for part in ((start, other.start), (other.end, end)) if part[0] < part[1]]


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """A span without the punctuation and the space around it."""
    words = text[start:end]
    return start + len(words) - len(words.lstrip(_BEFORE)), start + len(words.rstrip(_AFTER))


# ── known names ──


def _known_spans(text: str, known: Collection[str]) -> Iterator[Span]:
    pattern = _deny_list(frozenset(known)) if known else None
    if pattern is not None:
        for match in pattern.finditer(text):
            yield Span(*match.span(), KNOWN if "@" not in match.group() else "EMAIL_ADDRESS", 1.1)


@functools.lru_cache(maxsize=64)
def _deny_list(known: frozenset[str]) -> re.Pattern[str] | None:
    entries = {unicodedata.normalize("NFC", entry.strip()) for entry in known if len(entry.strip()) >= SHORTEST}
    if not entries:
        return None
    words = (r"\s+".join(map(_written, entry.split())) for entry in sorted(entries, key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)", re.IGNORECASE)


def _written(word: str) -> str:
    """A pattern for a word, whatever its apostrophes and hyphens are."""
    signs = {"'": _APOSTROPHES, "\u2019": _APOSTROPHES, "-": _HYPHENS, "\u2010": _HYPHENS, "\u2011": _HYPHENS}
    return "".join(signs.get(ch) or re.escape(ch) for ch in word)
