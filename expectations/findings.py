"""What a check found: a name, a count that was expected, a count that was seen. Never a value of a record."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class Stage(enum.StrEnum):
    """When a check ran: `BEFORE` failing stops the run, `AFTER` failing is loud."""

    BEFORE = "before"
    AFTER = "after"


class Severity(enum.StrEnum):
    """What failing means: `CRITICAL` stops the run or fails verification, `WARNING` is told and no more."""

    CRITICAL = "critical"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one expectation over one dataset (or a whole store, when ``dataset`` is empty).

    ``seen`` is None where the expectation could not be evaluated; it has then not passed. ``least`` and ``most`` are
    the bounds within which ``seen`` may lie, where it need not be exactly ``expected``.
    """

    expectation: str
    store: str
    dataset: str
    measure: str
    expected: int
    seen: int | None
    remedy: str
    stage: Stage = Stage.AFTER
    severity: Severity = Severity.CRITICAL
    least: int | None = None
    most: int | None = None

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Finding:
        """The finding that was kept as JSON types, by this version or an older one."""
        stage, severity = Stage(document["stage"]), Severity(document.get("severity", Severity.CRITICAL))
        return cls(**{**document, "stage": stage, "severity": severity})

    @property
    def allowed(self) -> str:
        """What may be seen, as a person reads it: `0`, `0 to 50`."""
        if self.least is None or self.most is None:
            return f"{self.expected:,}"
        return f"{self.least:,} to {self.most:,}" if self.least < self.most else f"{self.most:,}"

    @property
    def passed(self) -> bool:
        """Whether what was seen is what was expected, or within the bounds."""
        least = self.expected if self.least is None else self.least
        most = self.expected if self.most is None else self.most
        return self.seen is not None and least <= self.seen <= most

    @property
    def blocking(self) -> bool:
        """Whether it has not passed and is no mere warning."""
        return not self.passed and self.severity is Severity.CRITICAL
