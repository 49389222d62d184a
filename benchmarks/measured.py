"""Measuring one piece of work in a process of its own: seconds, and the most memory that the process ever held."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Measured:
    """What a piece of work returned, how long it took (wall seconds, CPU seconds of its own) and its peak memory."""

    result: Any
    wall: float
    cpu: float
    peak: int

    def __str__(self) -> str:
        return f"{self.wall:8.1f} s wall, {self.cpu:8.1f} s CPU of its own, {self.peak / 2**20:7.0f} MiB at most"


def measured(work: Callable[..., Any], *arguments: Any) -> Measured:
    """Run ``work`` in a fresh interpreter; what it returns must be picklable.

    Raises:
        RuntimeError: the work failed; its traceback is on standard error.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(sender, work, arguments))
    process.start()
    sender.close()
    try:
        found: Measured = receiver.recv()
    except EOFError:
        raise RuntimeError(f"{work.__name__} failed") from None
    process.join()
    return found


def _run(sender: Any, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    begun, cpu = time.perf_counter(), time.process_time()
    result = work(*arguments)
    wall, spent = time.perf_counter() - begun, time.process_time() - cpu
    sender.send(Measured(result, wall, spent, _peak()))
    sender.close()


def _peak() -> int:
    """The most memory that this process has held since it was started; `getrusage` would count its parent's."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(each for each in status.splitlines() if each.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
