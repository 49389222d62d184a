"""The documentation's own examples, for the tests that run them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: its language, its text, and the headline that it stands under."""

    language: str
    text: str
    section: str

    @property
    def commands(self) -> list[str]:
        """Its lines, without comments and empty ones."""
        lines = (line.split("    #")[0].strip() for line in self.text.splitlines())
        return [line for line in lines if line and not line.startswith("#")]


def blocks(page: str, language: str) -> Iterator[Block]:
    """The blocks of a page (relative to the repository) in a language."""
    section, inside, lines = "", None, list[str]()
    for line in (ROOT / page).read_text(encoding="utf-8").splitlines():
        fence = re.match(r"```(\w*)$", line)
        if fence and inside is None:
            inside, lines = fence[1], []
        elif fence:
            if inside == language:
                yield Block(inside, "\n".join(lines) + "\n", section)
            inside = None
        elif inside is not None:
            lines.append(line)
        elif line.startswith("## "):
            section = line.removeprefix("## ")
