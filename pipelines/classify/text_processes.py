"""Reading free text in several processes: each with its own models, loaded once, and one thread.

What is read of a text depends on that text alone, so that the number of processes changes nothing but the time.

    with Readers(2) as readers:
        found = spans_of(mails, readers=readers)
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from pipelines.classify.language import Language
from pipelines.classify.models import Models, choose, chosen

if TYPE_CHECKING:
    from pipelines.classify.text import Span

SHARE: Final = 3_000
"""Characters that a process is given at a time: few enough that all are done at about the same time."""


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
        """What is found in each text, in order."""
        for found in self._pool.map(_read, _shares(texts), repeat(language), repeat(chosen())):
            yield from found


def _shares(texts: Sequence[str]) -> Iterator[list[str]]:
    share: list[str] = []
    length = 0
    for text in texts:
        share.append(text)
        length += len(text)
        if length >= SHARE:
            yield share
            share, length = [], 0
    if share:
        yield share


# ── in the processes ──

_here: list[Any] = []
"""Where the processes meet."""


def _start(models: Models, meeting: Any) -> None:
    from pipelines.classify.engine import text_engine

    choose(models)
    for language in ("fr", "en"):
        text_engine(language)
    _here.append(meeting)


def _arrive(_: int) -> int:
    import resource

    _here[0].wait()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _read(texts: list[str], language: Language, models: Models) -> list[tuple[Span, ...]]:
    from pipelines.classify.text import read_blocks

    choose(models)
    return list(read_blocks(texts, language))
