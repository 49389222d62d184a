"""What is wrong with a policy, said so that its author can put it right."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake: the file and line (from 1; 0 when the file as a whole), what is wrong, and what to do."""

    file: str
    line: int
    what: str
    remedy: str

    def __str__(self) -> str:
        """On one line, in the form that editors recognise."""
        return f"{self.file}:{self.line}: {self.what}. {self.remedy}."


class PolicyInvalid(Exception):
    """A policy that does not load. ``problems`` holds every problem that was found, in the order of the files."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def suggestion(name: str, known: Iterable[str], otherwise: str) -> str:
    """A remedy for an unknown name: the closest known one, else all of them when they are few, else ``otherwise``."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"Did you mean `{close[0]}`? Otherwise {otherwise[0].lower()}{otherwise[1:]}"
    return otherwise


def quoted(name: str, otherwise: str = "of that name") -> str:
    """What a person wrote for a name, to be repeated: as long as it looks like one, and not like a value."""
    return f"`{name}`" if _NAME.fullmatch(name) else otherwise
