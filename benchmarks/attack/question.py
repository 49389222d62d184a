"""What is asked of the attacker about a release, and what speaks against one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.attack.environment import ask
from benchmarks.attack.hidden import smallest_cell

MOST, KNOWN_BAD = 0.05, 0.5
LEAST_ATTACKS = 2_000
FEWEST = 100
"""Attempts below which an interval says nothing; how many there are to make depends on the release."""

Risks = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Question:
    """Persons as they were, others of whom no release has seen anything, and what an attacker knows and wants to know.

    ``halves``: the columns of two tables of which the attacker wants to find rows of the same person by the release.
    """

    original: pd.DataFrame
    control: pd.DataFrame
    secret: str
    known: Sequence[str]
    halves: Sequence[Sequence[str]]

    def attacked(self, released: pd.DataFrame, python: Path, folder: Path, attacks: int) -> tuple[Risks, int]:
        """The risks of a release, and its k; the files between here and the attacker lie in ``folder``."""
        files: dict[str, Any] = {}
        for name, frame in (("original", self.original), ("control", self.control), ("released", released)):
            files[name] = str(folder / f"{name}.csv")
            frame.to_csv(files[name], index=False)
        question = {**files, "attacks": attacks, "secret": self.secret, "known": self.known, "halves": self.halves}
        risks: Risks = ask(python, question)
        return risks, smallest_cell(released)


def lines(risks: Risks, k: int) -> Iterator[str]:
    """What was found, in lines."""
    yield f"  k = {k}"
    for kind, risk in risks.items():
        interval = f"[{risk['lower']:.3f}, {risk['upper']:.3f}]"
        yield f"  {kind:28} {risk['risk']:.3f} {interval} of {risk['attacks']:.0f}"


def judged(risks: Risks, bad: Risks) -> list[str]:
    """What speaks against a release; that the attack works at all is shown by the bad one."""
    told = {name: risk for name, risk in risks.items() if risk["attacks"] >= FEWEST}
    wrong = [f"{name}: upper bound {risk['upper']:.3f}" for name, risk in told.items() if risk["upper"] > MOST]
    return wrong + [f"{name}: the bad variant resists" for name, risk in bad.items() if risk["risk"] <= KNOWN_BAD]


def attempts(risks: Risks) -> float:
    """The fewest attacks of a kind; there are two ways to single out."""
    singled = sum(risk["attacks"] for name, risk in risks.items() if name.startswith("singling"))
    return min(singled, risks["linkability"]["attacks"], risks["inference"]["attacks"])
