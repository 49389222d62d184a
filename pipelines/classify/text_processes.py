"""Reading free text in several processes: each with its own models, loaded once, and one thread.

What is read of a text depends on that text alone, so that the number of processes changes nothing but the time.

    with Readers(2) as readers:
        found = spans_of(mails, readers=readers)

or, for all that this process reads until then, `with reading_with(2): ...`.
"""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import repeat
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from pipelines.classify.language import Language
from pipelines.classify.models import Models, choose, chosen
from pipelines.errors import Unavailable

if TYPE_CHECKING:
    from pipelines.classify.text import Span

SHARE: Final = 3_000
"""Characters that a process is given at a time, at most: few enough that all are done at about the same time."""


class ReaderLost(Unavailable):
    """A process that reads free text has ended."""

    def __init__(self) -> None:
        remedy = "Memory may not suffice for so many: scan with fewer `--processes`."
        super().__init__("a process that reads free text has ended before its time", "ardoise scan", remedy)


class Readers:
    """Processes that read blocks of text, each in the memory that the models take.

    They are started afresh (`spawn`): a script that uses them wants `if __name__ == "__main__":`.
    """

    def __init__(self, processes: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._processes = processes
        self._pool = ProcessPoolExecutor(
            processes, context, initializer=_start, initargs=(chosen(), context.Barrier(processes))
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._pool.shutdown(cancel_futures=True)

    def ready(self) -> list[int]:
        """Wait until all of them have their models; the most bytes of memory that each has held."""
        return list(self._pool.map(_arrive, range(self._processes)))

    def read(self, texts: Sequence[str], language: Language) -> Iterator[tuple[Span, ...]]:
        """What is found in each text, in order.

        Raises:
            ModelMissing: a model is not where it should be.
            ReaderLost: a process has ended before it was done.
        """
        try:
            for found in self._pool.map(_read, _shares(texts, self._processes), repeat(language), repeat(chosen())):
                yield from found
        except BrokenProcessPool:
            raise ReaderLost from None


_in_use: list[Readers] = []


@contextlib.contextmanager
def reading_with(processes: int) -> Iterator[None]:
    """Let this process share out what it reads among so many others; one is itself. They start at the first text."""
    if processes == 1:
        yield
        return
    with Readers(processes) as readers:
        _in_use.append(readers)
        try:
            yield
        finally:
            _in_use.remove(readers)


def in_use() -> Readers | None:
    """The processes among which this one shares out what it reads."""
    return _in_use[-1] if _in_use else None


def _shares(texts: Sequence[str], processes: int) -> Iterator[list[str]]:
    """The texts in parts, at least one for each process where there is enough to share."""
    most = min(SHARE, math.ceil(sum(map(len, texts)) / processes))
    share: list[str] = []
    length = 0
    for text in texts:
        share.append(text)
        length += len(text)
        if length >= most:
            yield share
            share, length = [], 0
    if share:
        yield share


# ── in the processes ──

_here: list[Any] = []
"""Where the processes meet."""


def _start(models: Models, meeting: Any) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from pipelines.classify.engine import text_engine

    choose(models)
    with contextlib.suppress(Unavailable):  # the first text says so
        for language in ("fr", "en"):
            text_engine(language)
    _here.append(meeting)


def _end_with_parent() -> None:
    """Leave when the process that started this one is gone: killed, it could tell nobody."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _arrive(_: int) -> int:
    import resource

    _here[0].wait()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _read(texts: list[str], language: Language, models: Models) -> list[tuple[Span, ...]]:
    from pipelines.classify.text import read_blocks

    choose(models)
    return list(read_blocks(texts, language))
