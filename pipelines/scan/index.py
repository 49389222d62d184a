"""The index of items: what is known of every mail and meeting without its content, in one DuckDB file.

Addresses and names enter as keyed digests (`pipelines.subjects`) before DuckDB sees them, so that neither the file nor
its temporary files ever hold a plaintext. `pipelines.scan.filling` fills it.

Tables, all times as naive UTC:

* ``items(store, dataset, container, key, version, first, last, endless, automatic, bytes)``
* ``participants(store, dataset, container, key, role, digest, loose, name_digest, own, contact)``: ``digest`` is the
  subject digest of the canonical address; ``loose`` that of its loose form, under the same kind; ``name_digest`` that
  of the canonical display name, under the kind `name`. An own address of the controller has ``own`` and no digest.
  ``contact`` is one of `connectors.participants.Contact`; NULL means strong.
* ``scans(store, dataset, complete, scanned_at, items, reason, binding)``: the latest scan of each dataset; `binding`
  is `pipelines.scan.sources.binding` of what it was made for: where the map has changed since, it does not answer.
* ``containers(store, dataset, container, state, made)``: the mailboxes and calendars that the items are from, each with
  the connector's word for its state then (`connectors.changes`), and with a digest of what the items were made by.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.errors import Unavailable

if TYPE_CHECKING:
    import duckdb

ITEMS = """items(store VARCHAR, dataset VARCHAR, container VARCHAR, key VARCHAR, version VARCHAR,
  first TIMESTAMP, last TIMESTAMP, endless BOOLEAN, automatic BOOLEAN, bytes BIGINT)"""
PARTICIPANTS = """participants(store VARCHAR, dataset VARCHAR, container VARCHAR, key VARCHAR, role VARCHAR,
  digest VARCHAR, loose VARCHAR, name_digest VARCHAR, own BOOLEAN, contact VARCHAR)"""
SCANS = """scans(store VARCHAR, dataset VARCHAR, complete BOOLEAN, scanned_at TIMESTAMP, items BIGINT, reason VARCHAR,
  binding VARCHAR)"""

CONTAINERS = """containers(store VARCHAR, dataset VARCHAR, container VARCHAR, state VARCHAR, made VARCHAR)"""

MEMORY = "512MB"
"""The most that DuckDB keeps in memory; the rest goes to its temporary files, which hold digests only."""

PATIENCE = 20.0
"""Seconds for which a connection waits while another process holds the file."""


class IndexProblem(Unavailable):
    """The index cannot be used."""


class IndexBusy(IndexProblem):
    """Another process holds the index."""


class IndexAbsent(IndexProblem):
    """No scan has filled the index yet."""


@dataclass(frozen=True, slots=True)
class DatasetScan:
    """The latest scan of one dataset. ``at`` is in UTC; ``items`` counts what there is, or what a broken scan read."""

    store: str
    dataset: str
    complete: bool
    at: dt.datetime
    items: int
    reason: str = ""
    binding: str = ""


@contextlib.contextmanager
def read(path: Path, patience: float = PATIENCE) -> Iterator[duckdb.DuckDBPyConnection]:
    """The index, read-only.

    Raises:
        IndexAbsent: there is no index yet.
        IndexBusy: another process kept it locked for ``patience`` seconds.
    """
    if not path.exists():
        raise IndexAbsent("no mail or calendar has been scanned yet", path.name, "Run `ardoise scan` first.")
    with opened(path, read_only=True, patience=patience) as connection:
        yield connection


def scans(connection: duckdb.DuckDBPyConnection, store: str | None = None) -> list[DatasetScan]:
    """The latest scan of every dataset, of one store or of all."""
    rows = connection.execute(
        "SELECT store, dataset, complete, scanned_at, items, reason, binding FROM scans "
        "WHERE ?1 IS NULL OR store = ?1 ORDER BY ALL",
        [store],
    ).fetchall()
    return [
        DatasetScan(name, dataset, complete, at.replace(tzinfo=dt.UTC), items, reason, bound)
        for name, dataset, complete, at, items, reason, bound in rows
    ]


def forget(path: Path, store: str, keep: Iterable[str], patience: float = PATIENCE) -> None:
    """Drop the datasets of a store that its data map no longer has; the index holds nothing that nobody asked for."""
    if not path.exists():
        return
    with opened(path, read_only=False, patience=patience) as connection, transaction(connection):
        for table in ("items", "participants", "scans", "containers"):
            connection.execute(
                f"DELETE FROM {table} WHERE store = ? AND NOT list_contains(?, dataset)",  # noqa: S608 - our own names
                [store, list(keep)],
            )


def mark_incomplete(path: Path, store: str, datasets: Iterable[str], reason: str, patience: float = PATIENCE) -> None:
    """Say that these datasets of a store could not be looked at again: what the index knows of them may be outdated."""
    if not path.exists():
        return
    with opened(path, read_only=False, patience=patience) as connection, transaction(connection):
        connection.execute(
            "UPDATE scans SET complete = false, reason = ? WHERE store = ? AND list_contains(?, dataset)",
            [reason, store, list(datasets)],
        )


@contextlib.contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Everything or nothing."""
    connection.begin()
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


@contextlib.contextmanager
def opened(path: Path, *, read_only: bool, patience: float) -> Iterator[duckdb.DuckDBPyConnection]:
    """An index file with its tables, which are made where they are missing unless it is only read.

    Raises:
        IndexProblem: it cannot be opened; `IndexBusy`: another process kept it locked for ``patience`` seconds.
    """
    connection = _open(path, read_only=read_only, patience=patience)
    try:
        if not read_only:
            path.chmod(0o600)
            for table in (ITEMS, PARTICIPANTS, SCANS, CONTAINERS):
                connection.execute(f"CREATE TABLE IF NOT EXISTS {table}")
            # an index of an earlier version; its scans do not answer any more (`sources.binding`)
            connection.execute("ALTER TABLE participants ADD COLUMN IF NOT EXISTS contact VARCHAR")
        yield connection
    finally:
        connection.close()


def _open(path: Path, *, read_only: bool, patience: float) -> duckdb.DuckDBPyConnection:
    """Connect, waiting while another process holds the file: DuckDB has one writer or several readers."""
    import duckdb

    deadline = time.monotonic() + patience
    pause = 0.02
    while True:
        try:
            return duckdb.connect(
                str(path),
                read_only=read_only,
                config={
                    "memory_limit": MEMORY,
                    "threads": 2,
                    "autoinstall_known_extensions": False,
                    "autoload_known_extensions": False,
                },
            )
        except (duckdb.IOException, duckdb.ConnectionException) as error:
            if not _is_lock(error):
                raise IndexProblem(
                    f"the index cannot be opened ({type(error).__name__})",
                    path.name,
                    "See that it can be written; if it is damaged, delete it and run `ardoise scan` again.",
                ) from None
            if time.monotonic() >= deadline:
                raise IndexBusy(
                    "another process is using the index",
                    path.name,
                    "Wait until its scan or plan has ended, then try again.",
                ) from None
        time.sleep(pause)
        pause = min(pause * 2, 0.5)


def _is_lock(error: Exception) -> bool:
    return "lock" in str(error).lower() or "different configuration" in str(error)
