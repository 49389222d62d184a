"""A text as blocks: paragraphs without the marks of quoting, each of which is read once however often it occurs.

A mail that is answered comes back quoted, and a signature stands under every mail: read as blocks, they are the same
block. A character that is written as a reference of HTML (`&eacute;`, `&nbsp;`) is read as what it stands for. A block
knows where its characters stood.
"""

from __future__ import annotations

import bisect
import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

ENOUGH = 300
"""Characters after which a blank line ends a block; shorter paragraphs stay together, for they explain each other."""

LONGEST = 2_000
"""Characters after which any line ends a block."""

_QUOTED = re.compile(r"[ \t]{0,3}(?:[>|][ \t]?)+")
_SIGNATURE = re.compile(r"--[ \t]?|_{5,}|[-=*~#]{5,}.*")
_REFERENCE = re.compile(r"&(?:#\d{2,6}|#[xX][\da-fA-F]{2,5}|(?!lt;|gt;|amp;)[A-Za-z][A-Za-z\d]{1,30});")
"""But those that would make a mark of HTML of what is none."""
_ATTRIBUTION = re.compile(r"(?:Le|On)\b.{6,120}(?:a écrit|wrote)[ \u00a0]?:\s*$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """Part of a text as it reads.

    ``runs``: where each run of characters begins, in it and in the text, and how long it is there if it is one
    character that stood as a reference (else 0).
    """

    text: str
    runs: tuple[tuple[int, int, int], ...]

    @property
    def coded(self) -> bool:
        """Whether a character of it stood as a reference."""
        return any(width for _, _, width in self.runs)

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
    """One block of these lines, those of great length in pieces that end at a space."""
    said: list[str] = []
    runs: list[tuple[int, int, int]] = []
    length = 0
    for line, start in lines:
        for offset in range(0, max(len(line), 1), LONGEST):
            piece = line[offset : offset + LONGEST]
            if length and length + len(piece) > LONGEST:
                yield from _made(said, runs)
                said, runs, length = [], [], 0
            read = ""
            for run, stands, width in _decoded(piece):
                runs.append((length + len(read), start + offset + stands, width))
                read += run
            said.append(read)
            length += len(read) + 1
    yield from _made(said, runs)


def _decoded(piece: str) -> Iterator[tuple[str, int, int]]:
    """The runs of a piece of a line as they read, where each begins in it, and the length of a reference."""
    position = 0
    for match in _REFERENCE.finditer(piece):
        character = html.unescape(match[0])
        if len(character) != 1:
            continue
        yield piece[position : match.start()], position, 0
        yield character if character.isprintable() else " ", match.start(), len(match[0])
        position = match.end()
    yield piece[position:], position, 0


def _made(said: list[str], runs: list[tuple[int, int, int]]) -> Iterator[Block]:
    text = "\n".join(said)
    if any(ch.isalnum() for ch in text):
        yield Block(text, tuple(runs))
