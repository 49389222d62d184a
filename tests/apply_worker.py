"""A worker of its own process that applies a plan and can be told where to die: `python apply_worker.py OPTIONS`.

At the chosen point it writes a marker file, durably, and kills itself with SIGKILL. It exits with the code that the
command line would exit with.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from running import unexpecting

from pipelines.apply import apply
from pipelines.cli.failure import exit_code
from pipelines.estate import Estate


def suicide(point: str, occurrence: int, marker: Path) -> Callable[[str], None]:
    """Kill this process when it reaches a point for the n-th time."""
    met = 0

    def checkpoint(reached: str) -> None:
        nonlocal met
        met += reached == point
        if reached == point and met == occurrence:
            with marker.open("w") as file:
                file.write(f"{point} {occurrence}")
                file.flush()
                os.fsync(file.fileno())
            os.kill(os.getpid(), signal.SIGKILL)

    return checkpoint


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("plan")
    parser.add_argument("--point", default="never")
    parser.add_argument("--occurrence", type=int, default=1)
    parser.add_argument("--marker", type=Path, default=Path("marker"))
    parser.add_argument("--now", type=dt.datetime.fromisoformat, required=True)
    parser.add_argument("--chunk", type=int, default=3)
    options = parser.parse_args()
    try:
        summary = apply(
            Estate.load(options.folder),
            options.plan,
            now=options.now,
            today=options.now.date(),
            actor="worker",
            checkpoint=suicide(options.point, options.occurrence, options.marker),
            retries=(),
            fresh=dt.timedelta(0),
            chunk=options.chunk,
            expect=unexpecting,
        )
    except Exception as error:  # noqa: BLE001 - as the command line does
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return exit_code(error)
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(f"{summary.counts} resumed={summary.resumed} nothing={summary.nothing_to_do}\n")
    return 0 if summary.complete else 5


if __name__ == "__main__":
    sys.exit(main())
