"""The destructive primitives: one chunk of due rows, acted on in one transaction of its own.

What is due of a chunk is frozen (`connectors.sql.freezing`): the chunk writes statistics, acts by a join on the frozen
keys, marks, journals, commits. A chunk that the journal knows is never repeated: its recorded counts are returned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import sqlalchemy as sa

from connectors.errors import StoreRefuses
from connectors.sql.engines import LOCK_TIMEOUT, speaking_for
from connectors.sql.freezing import Frozen, freeze, freeze_unlocked
from connectors.sql.journal import Chunk, Counts, Journal
from connectors.sql.lines import Candidates

_LOCKED, _BRIEFLY = frozenset({"55P03", "40P01", "40001"}), 100
"""What PostgreSQL says where others have locked a row, or moved it to another partition while it was waited for; and
the milliseconds to wait for them at first."""

Checkpoint = Callable[[str], None]
"""Called at `mid_batch` (the rows are changed, and at most marked; once more where they were changed in vain),
`before_commit`, `after_commit`; for tests that end there."""

Before = Callable[[sa.Connection, Chunk, Frozen], None]
"""Runs inside the transaction after the freeze and before the act: statistics contributions, closer looks."""

After = Callable[[sa.Connection, Chunk, Frozen], None]
"""Runs inside the transaction once the rows have been acted on: what they contribute as they are now."""


def delete_chunk(
    connection: sa.Connection,
    journal: Journal,
    chunk: Chunk,
    candidates: Candidates,
    first: int,
    last: int,
    before: Sequence[Before] = (),
    checkpoint: Checkpoint | None = None,
) -> Counts:
    """Delete those of the candidates number ``first`` to ``last`` (both among them) that are due.

    Raises:
        StoreRefuses: a row that is kept references one of them; nothing of the chunk is changed.
    """

    def change(frozen: Frozen) -> int:
        return connection.execute(sa.delete(candidates.rows).where(frozen.within())).rowcount

    def after(frozen: Frozen) -> None:
        journal.unmark(connection, chunk.dataset, frozen.keys, frozen.key)

    return frozen_chunk(connection, journal, chunk, candidates, (first, last), before, change, after, checkpoint)


def frozen_chunk(
    connection: sa.Connection,
    journal: Journal,
    chunk: Chunk,
    candidates: Candidates,
    span: tuple[int, int],
    before: Sequence[Before],
    change: Callable[[Frozen], int],
    after: Callable[[Frozen], None],
    checkpoint: Checkpoint | None,
    versioned: bool = False,
) -> Counts:
    """One chunk of candidates whose rows are frozen; ``versioned``: ``change`` tells if they are not what they were."""
    at = checkpoint or (lambda _: None)

    def act(frozen: Frozen) -> int:
        done = change(frozen)
        at("mid_batch")
        return done

    def freezing() -> tuple[Frozen, Counts]:
        return freeze(connection, candidates, *span)

    def unlocked() -> Frozen:
        return freeze_unlocked(connection, candidates, *span)

    trying = unlocked if versioned else None
    return run_chunk(connection, journal, chunk, freezing, before, act, after, at, trying)


def run_chunk(
    connection: sa.Connection,
    journal: Journal,
    chunk: Chunk,
    freezing: Callable[[], tuple[Frozen, Counts]],
    before: Sequence[Before],
    act: Callable[[Frozen], int],
    after: Callable[[Frozen], None],
    checkpoint: Checkpoint,
    unlocked: Callable[[], Frozen] | None = None,
) -> Counts:
    """One transaction: what is due is frozen, told of, acted on, marked or unmarked, and journalled; or none of it.

    ``unlocked`` freezes without locks, where an act tells whether all rows are what they were. That is tried first: it
    fails only if somebody else writes to one of them at the time.

    Raises:
        StoreRefuses: ``act`` has changed another number of rows than were frozen.
    """
    with speaking_for(chunk.dataset), connection.begin():
        known = journal.journalled(connection, chunk.plan, chunk.step, chunk.number)
        if known is not None:
            return known
        frozen = None if unlocked is None else _tried(connection, chunk, unlocked, before, act)
        if frozen is not None:
            counts = Counts(frozen.count)
        else:
            frozen, counts = freezing()
            if counts.done:
                done = _acted(connection, chunk, frozen, before, act)
                if done != counts.done:
                    what = f"{done} rows changed where {counts.done} were locked"
                    raise StoreRefuses(chunk.dataset, what, "Look for triggers or rules")
        if counts.done:
            after(frozen)
        if counts != Counts():
            journal.record(connection, chunk, counts)
        checkpoint("before_commit")
    checkpoint("after_commit")
    return counts


def _acted(
    connection: sa.Connection, chunk: Chunk, frozen: Frozen, before: Sequence[Before], act: Callable[[Frozen], int]
) -> int:
    for each in before:
        each(connection, chunk, frozen)
    return act(frozen)


def _tried(
    connection: sa.Connection,
    chunk: Chunk,
    unlocked: Callable[[], Frozen],
    before: Sequence[Before],
    act: Callable[[Frozen], int],
) -> Frozen | None:
    """Act on rows that nobody else has locked or written to; None where somebody has: then nothing is changed."""
    nested = connection.begin_nested()
    try:
        frozen = unlocked()
        with _brief(connection):
            done = _acted(connection, chunk, frozen, before, act)
    except sa.exc.OperationalError as error:
        if getattr(error.orig, "sqlstate", None) not in _LOCKED:
            raise
        done = None
    if done is not None and done == frozen.count:
        nested.commit()
        return frozen
    nested.rollback()
    return None


@contextmanager
def _brief(connection: sa.Connection) -> Iterator[None]:
    """Wait hardly for locks, in the transaction of a server."""
    limit = sa.text("SELECT set_config('lock_timeout', :most, true)")
    connection.execute(limit, {"most": str(_BRIEFLY)})
    yield
    connection.execute(limit, {"most": str(LOCK_TIMEOUT)})


@contextmanager
def dataset_lock(connection: sa.Connection, store: str, dataset: str) -> Iterator[None]:
    """Keep other runs off a dataset while this connection acts on it, where the store has advisory locks.

    Raises:
        StoreRefuses: another run acts on this dataset.
    """
    match connection.dialect.name:
        case "postgresql":
            number = sa.func.hashtextextended(f"ardoise:{dataset}", sa.literal(0, sa.BigInteger))
            take, release = sa.func.pg_try_advisory_lock(number), sa.func.pg_advisory_unlock(number)
        case "sqlite":
            yield
            return
        case _:  # a name of at most 64 characters, which all databases of the server share
            name = sa.func.sha1(sa.func.concat(sa.func.database(), ":ardoise:", dataset))
            take, release = sa.func.get_lock(name, 0), sa.func.release_lock(name)
    with connection.begin():
        if not connection.execute(sa.select(take)).scalar_one():
            raise StoreRefuses(store, f"another run acts on {dataset}", "Wait until it has ended")
    try:
        yield
    finally:
        if not connection.invalidated and not connection.closed and not connection.in_transaction():
            with connection.begin():
                connection.execute(sa.select(release))
