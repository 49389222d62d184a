"""A text as blocks: paragraphs without the marks of quoting, each of which is read once however often it occurs.

A mail that is answered comes back quoted, and a signature stands under every mail: read as blocks, they are the same
block. A character that is written as a reference of HTML (`&eacute;`, `&nbsp;`), or as a letter and its accent, is read
as what it stands for; one that shows nothing (a soft hyphen), not at all. A block knows where its characters stood.
"""

from __future__ import annotations

import bisect
import html
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

ENOUGH = 300
"""Characters after which a blank line ends a block; shorter paragraphs stay together, for they explain each other."""

LONGEST = 2_000
"""Characters after which any line ends a block."""

OVERLAP = 200
"""Characters of a line of great length that are read with what comes before them, and again with what follows."""

_QUOTED = re.compile(r"[ \t]{0,3}(?:[>|][ \t]?)+")
_SIGNATURE = re.compile(r"--[ \t]?|_{5,}|[-=*~#]{5,}.*")
_INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff"
_OTHERWISE = re.compile(
    rf"&(?:#\d{{1,8}}|#[xX][\da-fA-F]{{1,8}}|[A-Za-z][A-Za-z\d]{{1,30}});|[{_INVISIBLE}]+|[^\W\d_][\u0300-\u036f]+"
)
"""What is not read as it stands."""
_ATTRIBUTION = re.compile(r"(?:Le|On)\b.{6,120}(?:a écrit|wrote)[ \u00a0]?:\s*$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """Part of a text as it reads.

    ``runs``: where each run of characters begins, in it and in the text, and how long it is there if it is one
    character that is not read as it stands (else 0). ``coded``: whether there is any such character.
    """

    text: str
    runs: tuple[tuple[int, int, int], ...]
    coded: bool = False

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Where a span of the block stands in the text."""
        first, _ = self._at(start)
        _, last = self._at(end - 1)
        return first, last

    def _at(self, position: int) -> tuple[int, int]:
        """Where a character begins and ends."""
        begins, stands, width = self.runs[bisect.bisect_right(self.runs, position, key=lambda run: run[0]) - 1]
        start = stands + position - begins
        return start, start + (width or 1)


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
    """One block of these lines, those of great length in pieces."""
    said: list[str] = []
    runs: list[tuple[int, int, int]] = []
    length = 0
    coded = False
    for line, start in lines:
        for piece, offset in _pieces(line):
            if length and length + len(piece) > LONGEST:
                yield from _made(said, runs, coded=coded)
                said, runs, length, coded = [], [], 0, False
            read = ""
            for run, stands, width in _decoded(piece):
                runs.append((length + len(read), start + offset + stands, width))
                read += run
            said.append(read)
            coded |= read != piece
            length += len(read) + 1
    yield from _made(said, runs, coded=coded)


def _pieces(line: str) -> Iterator[tuple[str, int]]:
    """A line as a whole, or in pieces that overlap, each with where it begins: what one cuts in two, another has."""
    start = 0
    while len(line) - start > LONGEST:
        space = line.rfind(" ", start + LONGEST - OVERLAP // 2, start + LONGEST)
        end = start + LONGEST if space < 0 else space
        yield line[start:end], start
        space = line.find(" ", end - OVERLAP, end - OVERLAP // 2)
        start = end - OVERLAP if space < 0 else space + 1
    yield line[start:], start


def _decoded(piece: str) -> Iterator[tuple[str, int, int]]:
    """The runs of a piece of a line as they read, where each begins in it, and how long one character stands there."""
    position = 0
    for match in _OTHERWISE.finditer(piece):
        meant = unicodedata.normalize("NFC", html.unescape(match[0]))
        invisible = not meant.strip(_INVISIBLE)
        if len(meant) != 1 and not invisible:
            continue
        yield piece[position : match.start()], position, 0
        if not invisible:
            yield meant if meant.isprintable() else " ", match.start(), len(match[0])
        position = match.end()
    yield piece[position:], position, 0


def _made(said: list[str], runs: list[tuple[int, int, int]], *, coded: bool) -> Iterator[Block]:
    text = "\n".join(said)
    if any(ch.isalnum() for ch in text):
        yield Block(text, tuple(runs), coded)
