"""One run at a time per dataset: locks that die with their holder, so that a killed worker leaves none behind.

Every run holds a lock of the operating system's on a file of the estate's state folder. In a store with advisory
locks it holds one there too, on the very connection that acts: so it is granted again only when the store itself
has noticed that a killed worker is gone, and whatever that had sent last is committed or undone.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from connectors.errors import StoreRefuses
from connectors.sql.act import dataset_lock
from pipelines.errors import Refused

PATIENCE = 5.0
"""Seconds to wait for a lock: long enough for a killed worker to be noticed, not for another run to end."""

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
def locked_by_file(folder: Path, store: str, dataset: str, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the dataset's lock file.

    Raises:
        DatasetBusy: another run holds it.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(folder / f"{store}.{dataset}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        for _ in _attempts(patience):
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
        else:
            raise DatasetBusy(store, dataset)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked_in_store(connection: sa.Connection, store: str, dataset: str, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the dataset's advisory lock on the connection that acts, where the store has such locks.

    Raises:
        DatasetBusy: another run holds it.
    """
    with contextlib.ExitStack() as stack:
        for _ in _attempts(patience):
            with contextlib.suppress(StoreRefuses):
                stack.enter_context(dataset_lock(connection, store, dataset))
                break
        else:
            raise DatasetBusy(store, dataset)
        yield


def _attempts(patience: float) -> Iterator[None]:
    deadline = time.monotonic() + patience
    yield
    while time.monotonic() < deadline:
        time.sleep(_PAUSE)
        yield
