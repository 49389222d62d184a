"""What a check found: a name, a count that was expected, a count that was seen. Never a value of a record."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Stage(enum.StrEnum):
    """When a check ran: `BEFORE` failing stops the run, `AFTER` failing is loud."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one expectation over one dataset (or a whole store, when ``dataset`` is empty).

    ``seen`` is None where the expectation could not be evaluated; it has then not passed.
    """

    expectation: str
    store: str
    dataset: str
    measure: str
    expected: int
    seen: int | None
    remedy: str
    stage: Stage = Stage.AFTER

    @property
    def passed(self) -> bool:
        """Whether what was seen is what was expected."""
        return self.seen == self.expected
