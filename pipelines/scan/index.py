"""The index of items: what is known of every mail and meeting without its content, in one DuckDB file.

Addresses and names enter as keyed digests (`pipelines.subjects`) before DuckDB sees them, so that neither the file nor
its temporary files ever hold a plaintext. A dataset is scanned into a file of its own and swapped in by one short
transaction: several stores can be scanned at once, and a scan that breaks leaves what was known before in
place and marked as incomplete; what it did not see is unknown, never gone.

Tables, all times as naive UTC:

* ``items(store, dataset, container, key, version, first, last, endless, automatic, bytes)``
* ``participants(store, dataset, container, key, role, digest, loose, name_digest, own, contact)``: ``digest`` is the
  subject digest of the canonical address; ``loose`` that of its loose form, under the same kind; ``name_digest`` that
  of the canonical display name, under the kind `name`. An own address of the controller has ``own`` and no digest.
  ``contact`` is one of `connectors.participants.Contact`; NULL means strong.
* ``scans(store, dataset, complete, scanned_at, items, reason, binding)``: the latest scan of each dataset; `binding`
  is `pipelines.scan.sources.binding` of what it was made for: where the map has changed since, it does not answer.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from connectors.base import Connector, Source
from connectors.errors import ConnectorError, ScanIncomplete, StoreDown
from pipelines.errors import Unavailable
from pipelines.scan.participants import Participants, SubjectKeys
from pipelines.scan.sources import binding

if TYPE_CHECKING:
    import duckdb

ITEMS = """items(store VARCHAR, dataset VARCHAR, container VARCHAR, key VARCHAR, version VARCHAR,
  first TIMESTAMP, last TIMESTAMP, endless BOOLEAN, automatic BOOLEAN, bytes BIGINT)"""
PARTICIPANTS = """participants(store VARCHAR, dataset VARCHAR, container VARCHAR, key VARCHAR, role VARCHAR,
  digest VARCHAR, loose VARCHAR, name_digest VARCHAR, own BOOLEAN, contact VARCHAR)"""
SCANS = """scans(store VARCHAR, dataset VARCHAR, complete BOOLEAN, scanned_at TIMESTAMP, items BIGINT, reason VARCHAR,
  binding VARCHAR)"""

MEMORY = "512MB"
"""The most that DuckDB keeps in memory; the rest goes to its temporary files, which hold digests only."""

PATIENCE = 20.0
"""Seconds for which a connection waits while another process holds the file."""

UNFINISHED = "the scan has not ended"
SAID_BY_ERROR = {ScanIncomplete: "the scan ended early", StoreDown: "the store went down"}


class IndexProblem(Unavailable):
    """The index cannot be used."""


class IndexBusy(IndexProblem):
    """Another process holds the index."""


class IndexAbsent(IndexProblem):
    """No scan has filled the index yet."""


@dataclass(frozen=True, slots=True)
class DatasetScan:
    """The latest scan of one dataset. ``at`` is in UTC; ``items`` counts what the scan saw, complete or not."""

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
    with _connection(path, read_only=True, patience=patience) as connection:
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


def fill(
    path: Path,
    connector: Connector,
    dataset: str,
    source: Source,
    *,
    subjects: SubjectKeys,
    now: dt.datetime,
    progress: Callable[[int], None] | None = None,
    patience: float = PATIENCE,
) -> DatasetScan:
    """Scan one dataset and replace what the index knows of it, wholly or not at all.

    A scan that the store cuts short is no exception here: it is recorded as incomplete and returned as such, and what
    the index knew before stays. ``progress`` is told the number of items after each batch.

    Raises:
        IndexBusy: another process kept the index locked.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    begun = DatasetScan(
        connector.store, dataset, complete=False, at=now, items=0, reason=UNFINISHED, binding=binding(source, subjects)
    )
    _record(path, begun, patience)
    with tempfile.TemporaryDirectory(prefix="scan-", dir=path.parent) as folder:
        staging = Path(folder) / "staging.duckdb"
        seen, reason = _stage(staging, connector, dataset, source, subjects=subjects, progress=progress)
        outcome = replace(begun, complete=not reason, items=seen, reason=reason)
        _record(path, outcome, patience, staging if outcome.complete else None)
    return outcome


def forget(path: Path, store: str, keep: Iterable[str], patience: float = PATIENCE) -> None:
    """Drop the datasets of a store that its data map no longer has; the index holds nothing that nobody asked for."""
    if not path.exists():
        return
    with _connection(path, read_only=False, patience=patience) as connection, _transaction(connection):
        for table in ("items", "participants", "scans"):
            connection.execute(
                f"DELETE FROM {table} WHERE store = ? AND NOT list_contains(?, dataset)",  # noqa: S608 - our own names
                [store, list(keep)],
            )


def mark_incomplete(path: Path, store: str, datasets: Iterable[str], reason: str, patience: float = PATIENCE) -> None:
    """Say that these datasets of a store could not be looked at again: what the index knows of them may be outdated."""
    if not path.exists():
        return
    with _connection(path, read_only=False, patience=patience) as connection, _transaction(connection):
        connection.execute(
            "UPDATE scans SET complete = false, reason = ? WHERE store = ? AND list_contains(?, dataset)",
            [reason, store, list(datasets)],
        )


def _stage(
    staging: Path,
    connector: Connector,
    dataset: str,
    source: Source,
    *,
    subjects: SubjectKeys,
    progress: Callable[[int], None] | None,
) -> tuple[int, str]:
    """Stream the scan into a file of its own; how many items, and why it is incomplete (empty when it is not)."""
    participants = Participants(subjects)
    seen = 0
    with _connection(staging, read_only=False, patience=0) as connection:
        try:
            for batch in connector.scan(source):
                _insert(connection, "items", _labelled(_items(batch), connector.store, dataset))
                _insert(connection, "participants", _labelled(participants.digested(batch), connector.store, dataset))
                seen += batch.num_rows
                if progress:
                    progress(seen)
        except ConnectorError as error:
            return seen, SAID_BY_ERROR.get(type(error), f"the store refused the scan ({type(error).__name__})")
    return seen, ""


def _items(batch: pa.RecordBatch) -> pa.Table:
    columns = ["container", "key", "version", "first", "last", "endless", "automatic", "bytes"]
    table = pa.Table.from_batches([batch]).select(columns)
    for name in ("first", "last"):  # naive UTC: comparisons then need no time zone functions
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, pc.cast(table[name], pa.timestamp("us")))
    return table


def _labelled(table: pa.Table, store: str, dataset: str) -> pa.Table:
    for name, value in (("dataset", dataset), ("store", store)):
        table = table.add_column(0, name, pa.repeat(pa.scalar(value, pa.string()), table.num_rows))
    return table


def _insert(connection: duckdb.DuckDBPyConnection, target: str, table: pa.Table) -> None:
    connection.register("batch", table)
    connection.execute(f"INSERT INTO {target} BY NAME SELECT * FROM batch")  # noqa: S608 - our own names
    connection.unregister("batch")


def _record(path: Path, scan: DatasetScan, patience: float, staging: Path | None = None) -> None:
    """Write the state of a scan and, when it is complete, swap in what it found, in one transaction."""
    which = [scan.store, scan.dataset]
    with _connection(path, read_only=False, patience=patience) as connection:
        if staging:
            connection.execute(f"ATTACH '{_quoted(staging)}' AS staging (READ_ONLY)")
        with _transaction(connection):
            if staging:
                for table in ("items", "participants"):
                    connection.execute(f"DELETE FROM {table} WHERE store = ? AND dataset = ?", which)  # noqa: S608
                    connection.execute(f"INSERT INTO {table} SELECT * FROM staging.{table}")  # noqa: S608
            connection.execute("DELETE FROM scans WHERE store = ? AND dataset = ?", which)
            at = scan.at.astimezone(dt.UTC).replace(tzinfo=None)
            connection.execute(
                "INSERT INTO scans VALUES (?, ?, ?, ?, ?, ?, ?)",
                [*which, scan.complete, at, scan.items, scan.reason, scan.binding],
            )


@contextlib.contextmanager
def _transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    connection.begin()
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


@contextlib.contextmanager
def _connection(path: Path, *, read_only: bool, patience: float) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = _open(path, read_only=read_only, patience=patience)
    try:
        if not read_only:
            path.chmod(0o600)
            for table in (ITEMS, PARTICIPANTS, SCANS):
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


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
