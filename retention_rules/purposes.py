"""Purposes: why a field is kept, from which event, for how long, and what happens at the end."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from retention_rules.conditions import Condition
from retention_rules.periods import Period


class Basis(enum.StrEnum):
    """The legal basis (GDPR Art. 6(1); `legal_claim` is Art. 17(3)(e), evidence for a claim)."""

    CONSENT = "consent"
    CONTRACT = "contract"
    LAW = "law"
    LEGAL_CLAIM = "legal_claim"
    LEGITIMATE_INTEREST = "legitimate_interest"
    PUBLIC_TASK = "public_task"
    VITAL_INTEREST = "vital_interest"

    @property
    def archives(self) -> bool:
        """Whether a field that only such purposes keep belongs in the intermediate archive."""
        return self in {Basis.LAW, Basis.LEGAL_CLAIM}


class Right(enum.StrEnum):
    """A person's request that ends purposes: an objection (GDPR Art. 21), the withdrawal of a consent (Art. 7(3))."""

    OBJECTION = "objection"
    WITHDRAWAL = "withdrawal"

    @property
    def bases(self) -> frozenset[Basis]:
        """The bases of the purposes that it can end."""
        match self:
            case Right.OBJECTION:
                return frozenset({Basis.LEGITIMATE_INTEREST, Basis.PUBLIC_TASK})
            case Right.WITHDRAWAL:
                return frozenset({Basis.CONSENT})


class EndAction(enum.StrEnum):
    """What happens when no purpose keeps a field any more. `DELETE` is stricter than `ANONYMISE`."""

    ANONYMISE = "anonymise"
    DELETE = "delete"


class Choice(enum.StrEnum):
    """Which of several events starts the period."""

    LATEST = "latest"
    EARLIEST = "earliest"


@dataclass(frozen=True, slots=True)
class StartingPoint:
    """The event, or the latest or earliest of several, from which a purpose's period runs."""

    events: tuple[str, ...]
    choice: Choice = Choice.LATEST


@dataclass(frozen=True, slots=True)
class Branch:
    """One retention period, and the condition under which it applies (`None`: always).

    ``term`` names the term whose figure the period is, where it is one.
    """

    period: Period
    when: Condition | None = None
    term: str = ""


@dataclass(frozen=True, slots=True)
class Purpose:
    """One purpose of one controller.

    ``keeps`` holds category keys and group names; a key covers its descendants (`user.contact` covers
    `user.contact.email`). ``periods`` is empty when the purpose ends with its event; otherwise the first branch
    whose condition holds applies, and one whose condition is unknown makes the purpose's date missing. ``ended_by`` is
    the event of a person's request: from its day on the purpose keeps nothing; empty where no request ends it.
    """

    name: str
    basis: Basis
    source: str
    keeps: frozenset[str]
    starting_point: StartingPoint
    end_action: EndAction
    periods: tuple[Branch, ...] = ()
    when: Condition | None = None
    ended_by: str = ""
    line: int = 0
    file: str = ""
