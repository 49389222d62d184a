"""Progress of long work, told to whoever listens: a terminal, a log, or nobody.

A use case calls `progress(stage, done, total, detail)` now and then; none of it may hold a personal value.
"""

from __future__ import annotations

import json
import logging
import os
from typing import Protocol

CHANNEL = "ARDOISE_PROGRESS_FD"
"""Environment variable: an open file descriptor to which a child process writes its progress as JSON lines."""


class Progress(Protocol):
    """Called with a stage's name, how much of it is done, of how much (None: unknown), and a word of detail."""

    def __call__(self, stage: str, done: int, total: int | None = None, detail: str = "") -> None:
        """Take note of the progress."""


def silent(stage: str, done: int, total: int | None = None, detail: str = "") -> None:
    """Tell nobody."""


def logged(stage: str, done: int, total: int | None = None, detail: str = "") -> None:
    """Tell the log, as a scheduler's task does."""
    logging.getLogger("ardoise.progress").info("%s: %s of %s %s", stage, done, "?" if total is None else total, detail)


def from_environment() -> Progress:
    """The parent's channel where one is open, else the log."""
    descriptor = os.environ.get(CHANNEL)
    if descriptor is None:
        return logged

    def tell(stage: str, done: int, total: int | None = None, detail: str = "") -> None:
        line = json.dumps({"stage": stage, "done": done, "total": total, "detail": detail}) + "\n"
        os.write(int(descriptor), line.encode())

    return tell
