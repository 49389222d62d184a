"""A text as blocks: paragraphs without the marks of quoting, each of which is read once however often it occurs.

A mail that is answered comes back quoted, and a signature stands under every mail: read as blocks, they are the same
block. A block knows where its characters stood.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator
from dataclasses import dataclass

ENOUGH = 300
"""Characters after which a blank line ends a block; shorter paragraphs stay together, for they explain each other."""

LONGEST = 2_000
"""Characters after which any line ends a block."""

_QUOTED = re.compile(r"[ \t]{0,3}(?:[>|][ \t]?)+")
_SIGNATURE = re.compile(r"--[ \t]?|_{5,}|[-=*~#]{5,}.*")
_ATTRIBUTION = re.compile(r"(?:Le|On)\b.{6,120}(?:a écrit|wrote)[ \u00a0]?:\s*$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """Part of a text as it reads. ``lines``: where each of its lines begins, in it and in the text."""

    text: str
    lines: tuple[tuple[int, int], ...]

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Where a span of the block stands in the text."""
        return self._at(start), self._at(end - 1) + 1

    def _at(self, position: int) -> int:
        line = bisect.bisect_right(self.lines, (position, float("inf"))) - 1
        begins, stands = self.lines[line]
        return stands + position - begins


def blocks(text: str) -> Iterator[Block]:
    """The blocks of a text that hold a letter or a digit."""
    lines: list[tuple[str, int]] = []
    length = 0
    depth = 0
    for line, start, level in _lines(text):
        blank = not line.strip()
        ends = level != depth or _SIGNATURE.fullmatch(line.strip()) or (blank and length >= ENOUGH) or length >= LONGEST
        if lines and ends:
            yield from _block(lines)
            lines, length = [], 0
        depth = level
        lines.append((line, start))
        length += len(line) + 1
        if _ATTRIBUTION.match(line):
            yield from _block(lines)
            lines, length = [], 0
    yield from _block(lines)


def _lines(text: str) -> Iterator[tuple[str, int, int]]:
    """Lines without their quoting: what they say, where it stands, how deep it is quoted."""
    start = 0
    for whole in text.splitlines(keepends=True):
        line = whole.rstrip("\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029")
        quoted = _QUOTED.match(line)
        if quoted:
            yield line[quoted.end() :], start + quoted.end(), quoted[0].count(">") + quoted[0].count("|")
        else:
            yield line, start, 0
        start += len(whole)


def _block(lines: list[tuple[str, int]]) -> Iterator[Block]:
    """One block of these lines, those of great length in pieces that end at a space."""
    said: list[str] = []
    places: list[tuple[int, int]] = []
    length = 0
    for line, start in lines:
        for offset in range(0, max(len(line), 1), LONGEST):
            piece = line[offset : offset + LONGEST]
            if length and length + len(piece) > LONGEST:
                yield from _made(said, places)
                said, places, length = [], [], 0
            places.append((length, start + offset))
            said.append(piece)
            length += len(piece) + 1
    yield from _made(said, places)


def _made(said: list[str], places: list[tuple[int, int]]) -> Iterator[Block]:
    text = "\n".join(said)
    if any(ch.isalnum() for ch in text):
        yield Block(text, tuple(places))
