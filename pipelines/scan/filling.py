"""Filling the index of items: only what has come, changed or gone since the last scan is read.

A dataset is read into a file of its own, which one short transaction applies to the index: several stores can be
scanned at once, and a scan that breaks leaves what was known before in place and marked as incomplete; what it did not
see is unknown, never gone. What was made for another map, by another key or by other code (`made_of.READING`) is no
base to go on from: then everything is read.
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from connectors.base import Connector, Source
from connectors.changes import NOTHING, Known, changes
from connectors.errors import ConnectorError, ScanIncomplete, StoreDown
from pipelines.scan.index import PATIENCE, DatasetScan, opened, read, transaction
from pipelines.scan.made_of import READING, READING_WITH, made_of
from pipelines.scan.participants import Participants, SubjectKeys
from pipelines.scan.sources import binding

if TYPE_CHECKING:
    import duckdb

UNFINISHED = "the scan has not ended"
SAID_BY_ERROR = {ScanIncomplete: "the scan ended early", StoreDown: "the store went down"}

_STAGED = (
    "listed(container VARCHAR, state VARCHAR, whole BOOLEAN)",
    "replaced(container VARCHAR, key VARCHAR)",
)
"""What a staging file has besides the tables of the index: the containers, and the items that do not count any more."""


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
    """Scan one dataset and bring what the index knows of it up to date, wholly or not at all.

    A scan that the store cuts short is no exception here: it is recorded as incomplete and returned as such, and what
    the index knew before stays. ``progress`` is told the number of items read after each batch.

    Raises:
        IndexBusy: another process kept the index locked.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    bound = binding(source, subjects)
    begun = DatasetScan(connector.store, dataset, complete=False, at=now, items=0, reason=UNFINISHED, binding=bound)
    work = _Filling(path, connector, source, subjects, begun, _made(bound, subjects), progress, patience)
    outcome = work.go(work.begin())
    return outcome or work.go({}) or begun  # what is read whole rests on nothing that could have changed meanwhile


def _made(bound: str, subjects: SubjectKeys) -> str:
    """A digest of all that the items of a dataset depend on, besides the store: its map, the key, the code."""
    parts = [bound, subjects.key.digest("index"), made_of(READING, READING_WITH)]
    return hashlib.sha256(repr(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Filling:
    """One scan of one dataset, from what ``begun`` says."""

    path: Path
    connector: Connector
    source: Source
    subjects: SubjectKeys
    begun: DatasetScan
    made: str
    progress: Callable[[int], None] | None
    patience: float

    def begin(self) -> dict[str, str]:
        """Write down that the scan has begun; the containers of the last one with their states, if it is a base."""
        with opened(self.path, read_only=False, patience=self.patience) as connection, transaction(connection):
            self._record(connection, self.begun)
            return self._states(connection)

    def go(self, states: Mapping[str, str]) -> DatasetScan | None:
        """Read what differs from the states and apply it; None when another scan has changed the index meanwhile."""
        with tempfile.TemporaryDirectory(prefix="scan-", dir=self.path.parent) as folder:
            staging = Path(folder) / "staging.duckdb"
            seen, reason = self._stage(staging, Known(states, self._versions) if states else NOTHING)
            outcome = replace(self.begun, complete=not reason, items=seen, reason=reason)
            with opened(self.path, read_only=False, patience=self.patience) as connection:
                if reason:
                    with transaction(connection):
                        self._record(connection, outcome)
                    return outcome
                connection.execute(f"ATTACH '{_quoted(staging)}' AS staging (READ_ONLY)")
                with transaction(connection):
                    if states and self._states(connection) != states:
                        return None
                    self._apply(connection)
                    outcome = replace(outcome, items=self._count(connection))
                    self._record(connection, outcome)
                    return outcome

    # -- reading

    def _versions(self, container: str) -> dict[str, str]:
        with read(self.path, self.patience) as connection:
            found = connection.execute(
                "SELECT key, version FROM items WHERE store = ? AND dataset = ? AND container = ?",
                [*self._which, container],
            ).fetchall()
        return dict(found)

    def _stage(self, staging: Path, known: Known) -> tuple[int, str]:
        """Stream the changes into a file of its own; how many items were read, and why not all (empty if all)."""
        participants = Participants(self.subjects)
        seen = 0
        with opened(staging, read_only=False, patience=0) as connection:
            for table in _STAGED:
                connection.execute(f"CREATE TABLE {table}")
            try:
                for each in changes(self.connector, self.source, known):
                    connection.execute("INSERT INTO listed VALUES (?, ?, ?)", [each.container, each.state, each.whole])
                    gone = pa.table({"key": pa.array(each.gone, pa.string())})
                    _insert(connection, "replaced", _with(gone, container=each.container))
                    for batch in each.items:
                        items = _items(batch)
                        _insert(connection, "replaced", items.select(["container", "key"]))
                        _insert(connection, "items", self._labelled(items))
                        _insert(connection, "participants", self._labelled(participants.digested(batch)))
                        seen += batch.num_rows
                        if self.progress:
                            self.progress(seen)
            except ConnectorError as error:
                return seen, SAID_BY_ERROR.get(type(error), f"the store refused the scan ({type(error).__name__})")
        return seen, ""

    def _labelled(self, table: pa.Table) -> pa.Table:
        return _with(table, store=self.begun.store, dataset=self.begun.dataset)

    # -- the index

    @property
    def _which(self) -> list[str]:
        return [self.begun.store, self.begun.dataset]

    def _states(self, connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
        found = connection.execute(
            "SELECT container, state FROM containers WHERE store = ? AND dataset = ? AND made = ?",
            [*self._which, self.made],
        ).fetchall()
        return dict(found)

    def _apply(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Drop containers that are not listed any more, or read whole, and items that were replaced; add what was read.

        The names in the statements are our own.
        """
        for table in ("items", "participants"):
            connection.execute(
                f"""DELETE FROM {table} AS known WHERE store = ? AND dataset = ? AND (
                  container NOT IN (SELECT container FROM staging.listed WHERE NOT whole)
                  OR EXISTS (FROM staging.replaced AS new WHERE new.container = known.container AND new.key = known.key)
                )""",  # noqa: S608
                self._which,
            )
            connection.execute(f"INSERT INTO {table} SELECT * FROM staging.{table}")  # noqa: S608
        connection.execute("DELETE FROM containers WHERE store = ? AND dataset = ?", self._which)
        connection.execute(
            "INSERT INTO containers SELECT ?, ?, container, state, ? FROM staging.listed", [*self._which, self.made]
        )

    def _count(self, connection: duckdb.DuckDBPyConnection) -> int:
        found = connection.execute("SELECT count(*) FROM items WHERE store = ? AND dataset = ?", self._which).fetchone()
        return int(found[0]) if found else 0

    def _record(self, connection: duckdb.DuckDBPyConnection, scan: DatasetScan) -> None:
        connection.execute("DELETE FROM scans WHERE store = ? AND dataset = ?", self._which)
        at = scan.at.astimezone(dt.UTC).replace(tzinfo=None)
        connection.execute(
            "INSERT INTO scans VALUES (?, ?, ?, ?, ?, ?, ?)",
            [*self._which, scan.complete, at, scan.items, scan.reason, scan.binding],
        )


def _items(batch: pa.RecordBatch) -> pa.Table:
    columns = ["container", "key", "version", "first", "last", "endless", "automatic", "bytes"]
    table = pa.Table.from_batches([batch]).select(columns)
    for name in ("first", "last"):  # naive UTC: comparisons then need no time zone functions
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, pc.cast(table[name], pa.timestamp("us")))
    return table


def _with(table: pa.Table, **labels: str) -> pa.Table:
    """The table with columns that hold one text each."""
    columns = {name: pa.repeat(pa.scalar(text, pa.string()), table.num_rows) for name, text in labels.items()}
    return functools.reduce(lambda so_far, label: so_far.append_column(*label), columns.items(), table)


def _insert(connection: duckdb.DuckDBPyConnection, target: str, table: pa.Table) -> None:
    connection.register("batch", table)
    connection.execute(f"INSERT INTO {target} BY NAME SELECT * FROM batch")  # noqa: S608 - our own names
    connection.unregister("batch")


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
