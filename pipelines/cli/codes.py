"""The exit codes, once: for the help, for the documentation, and for the commands."""

from __future__ import annotations

import enum


class Exit(enum.IntEnum):
    """What the shell is told."""

    DONE = 0
    UNEXPECTED = 1
    USAGE = 2
    INVALID = 3
    REFUSED = 4
    UNAVAILABLE = 5
    UNVERIFIED = 6
    BROKEN = 7
    INTERRUPTED = 130


MEANINGS = {
    Exit.DONE: "done",
    Exit.UNEXPECTED: "unexpected: a defect of Ardoise",
    Exit.USAGE: "usage: an unknown command, option, store, plan or date",
    Exit.INVALID: "invalid input: the estate, a policy, a data map, or a store that is not as its map says",
    Exit.REFUSED: "refused: not approved, over a limit, changed since, a store that takes no writes",
    Exit.UNAVAILABLE: "a store, the engine database or a secret cannot be reached, or a scan or run is incomplete",
    Exit.UNVERIFIED: "verification failed",
    Exit.BROKEN: "the ledger is broken",
    Exit.INTERRUPTED: "interrupted with Ctrl-C; what was done has its receipts, and the same command resumes",
}

EPILOG = (
    "Exit codes: 0 done, 1 unexpected, 2 usage, 3 invalid input, 4 refused (not approved, over a limit, changed), "
    "5 a store is down or a scan incomplete, 6 verification failed, 7 the ledger is broken, 130 interrupted."
)
