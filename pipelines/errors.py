"""What can go wrong in a use case: each says what happened, where, and what to do, and has an exit code.

| Code | Meaning |
|---|---|
| 0 | done |
| 1 | unexpected |
| 2 | usage |
| 3 | invalid input: estate, policy, data map |
| 4 | refused: not approved, over a limit, changed since |
| 5 | a store or the engine database is down, or a scan is incomplete |
| 6 | verification failed |
| 7 | the ledger is broken |
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from retention_rules.problems import Problem


class ArdoiseError(Exception):
    """Something a person has to know of. The parts never hold a personal value or a secret."""

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, where: str = "", remedy: str = "") -> None:
        super().__init__(" ".join(part for part in (f"{where}: {what}." if where else f"{what}.", remedy) if part))
        self.what = what
        self.where = where
        self.remedy = remedy


class UsageError(ArdoiseError):
    """What was asked makes no sense: an unknown store, a date that is none."""

    exit_code = 2


class InvalidInput(ArdoiseError):
    """A file of the estate cannot be read as it is; ``problems`` lists everything that is wrong, at once."""

    exit_code = 3

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        super().__init__(
            "one problem was found" if count == 1 else f"{count} problems were found", remedy="Mend them and try again."
        )

    def __str__(self) -> str:
        """What was found, then each problem on a line of its own."""
        return "\n".join([f"{self.what}.", *(str(problem) for problem in self.problems)])


class EstateInvalid(InvalidInput):
    """`ardoise.toml`, a data map or a policy of the estate is invalid."""


class DataMapInvalid(InvalidInput):
    """A data map is invalid, or the store is not as the map says."""


class Refused(ArdoiseError):
    """The engine will not do it as things stand; nothing was written."""

    exit_code = 4


class NotApproved(Refused):
    """No approval in the ledger allows this plan to be applied."""


class PlanChanged(Refused):
    """What the plan was made from (policy, data map, holds, schema) is no longer the same."""


class LimitExceeded(Refused):
    """The plan would act on more than the estate's limits allow."""


class ExpectationsUnmet(Refused):
    """The stores are not as their data maps and the plan expect them; nothing was written."""


class Unavailable(ArdoiseError):
    """A store, the engine database or a secret cannot be reached, or what was read is incomplete."""

    exit_code = 5


class SecretMissing(Unavailable):
    """A connection string or a key cannot be found where the estate says it is."""


class EngineDown(Unavailable):
    """The engine database cannot be reached or used."""


class VerificationFailed(ArdoiseError):
    """An expectation about the outcome of a run was not met."""

    exit_code = 6


class LedgerBroken(ArdoiseError):
    """The ledger was tampered with; nothing destructive runs on top of it."""

    exit_code = 7
