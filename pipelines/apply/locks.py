"""One run at a time per dataset: a lock that dies with its holder, so that a killed worker leaves none behind.

PostgreSQL and MariaDB lock in the store itself, which every worker reaches. Elsewhere the lock is the operating
system's, on a file of the estate's state folder: workers on several machines then need that folder in common.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from connectors.errors import StoreDown
from pipelines.errors import Refused

PATIENCE = 5.0
"""Seconds to wait for the lock: long enough for a killed worker's connection to be noticed, not for a run to end."""

_PAUSE = 0.05


class DatasetBusy(Refused):
    """Another run acts on the dataset."""

    def __init__(self, store: str, dataset: str) -> None:
        super().__init__(
            "another run acts on this dataset",
            f"{store}.{dataset}",
            "Wait until it has ended; then the same plan can be applied again, and does what is left.",
        )


@contextlib.contextmanager
def locked_in_store(engine: sa.Engine, store: str, dataset: str, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the dataset's advisory lock on a connection of its own.

    Raises:
        DatasetBusy: another run holds it.
        StoreDown: the store cannot be reached.
    """
    name = f"ardoise:{store}:{dataset}"
    try:
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    except SQLAlchemyError as error:
        raise StoreDown(store, f"no connection ({type(error).__name__})", "Start it and run again") from None
    with connection:
        if not _waited(lambda: _take(connection, store, name), patience):
            raise DatasetBusy(store, dataset)
        yield  # closing the connection lets go


@contextlib.contextmanager
def locked_by_file(folder: Path, store: str, dataset: str, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the dataset's lock file.

    Raises:
        DatasetBusy: another run holds it.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(folder / f"{store}.{dataset}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _waited(lambda: _flock(descriptor), patience):
            raise DatasetBusy(store, dataset)
        yield
    finally:
        os.close(descriptor)


def _take(connection: sa.Connection, store: str, name: str) -> bool:
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
    query = (
        sa.select(sa.func.pg_try_advisory_lock(sa.cast(number, sa.BigInteger)))
        if connection.dialect.name == "postgresql"
        else sa.select(sa.func.get_lock(hashlib.sha256(name.encode()).hexdigest()[:60], 0))
    )
    try:
        return bool(connection.execute(query).scalar_one())
    except SQLAlchemyError as error:
        raise StoreDown(store, f"the lock was not answered ({type(error).__name__})", "Run again") from None


def _flock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _waited(take: Callable[[], bool], patience: float) -> bool:
    deadline = time.monotonic() + patience
    while not take():
        if time.monotonic() >= deadline:
            return False
        time.sleep(_PAUSE)
    return True
