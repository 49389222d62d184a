"""What all stores together know of the events of each subject, as keyed digests, in a DuckDB file of one run.

Occurrences are reduced where they are: rows in their store (GROUP BY the digest), items in the index. What arrives here
is one row for each subject, event and kind of key; reducing it again is exact, so that evidence of an earlier time can
be *merged*: a run that is resumed still knows the contract ends that it has itself deleted. A store then gets it as
temporary tables to join, in batches.

Evidence is strong (an exact or canonical key) or weak (an alias, a loose address, a name). An event of which a supplier
could not be asked completely is *incomplete*: missing for everybody, with a note that says why.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import sqlalchemy as sa

from connectors.sql.temporary import analyse
from pipelines.data_map.model import DatasetMap
from pipelines.plan.artefact import EvidenceNote
from pipelines.plan.awaited import AWAITED
from pipelines.plan.carried import Carried, Datasets
from pipelines.plan.compile import EventColumns
from pipelines.plan.context import Context
from pipelines.plan.gone import FOREIGN, Gone
from pipelines.plan.item_occurrences import item_occurrences
from pipelines.plan.links import Key
from pipelines.plan.occurrences import Horizon
from pipelines.plan.supply import ASKED_BY, Supplier, Supply, keys_of, subject_events
from pipelines.plan.transfer import BATCH, evidence_table, load, receive, reduction
from pipelines.plan.unread import MANY, read_cells, why_incomplete
from retention_rules.policy import Policy

if TYPE_CHECKING:
    import duckdb

MEMORY = "512MB"
"""The most that DuckDB keeps in memory of the evidence; the rest is in its file."""

ITEMS = 2_000_000
"""About how many items are joined with their participants at once."""

KNOWN = "known"
"""The evidence, and what persons' requests make happen."""

_TABLE = "(horizon said, event said, key said, digest UUID, open BOOLEAN, missing BOOLEAN, first DATE, last DATE)"
"""``said`` are the few names that occur; a digest is 128 bits. Millions of rows are to fit."""
_SPELLED = (
    "* REPLACE (CAST(horizon AS VARCHAR) AS horizon, CAST(event AS VARCHAR) AS event, CAST(key AS VARCHAR) AS key)"
)
"""Another file's rows, whose names are of a type of its own."""

_RENAMED = _SPELLED.replace("CAST(horizon AS VARCHAR)", "?")
_REDUCED = (
    "SELECT horizon, event, key, digest, bool_or(open) AS open, bool_or(missing) AS missing, "
    "min(first) AS first, max(last) AS last FROM {} GROUP BY ALL"
)


@dataclass(frozen=True, slots=True)
class HandedOver:
    """A temporary table of evidence in a store: one row per digest; the columns of each event of each horizon."""

    table: sa.Table
    events: Mapping[tuple[str, str], EventColumns]


@dataclass
class Evidence:
    """The evidence of one run; close it. ``horizons`` are the dates for which it was read."""

    connection: duckdb.DuckDBPyConnection
    supply: Supply
    horizons: tuple[Horizon, ...]
    folder: tempfile.TemporaryDirectory[str]
    notes: list[EvidenceNote] = field(default_factory=list)

    @classmethod
    def empty(cls, supply: Supply, horizons: Sequence[Horizon]) -> Evidence:
        """No evidence yet, in a temporary file that its owner alone can read: little of it has to be in memory."""
        import duckdb

        folder = tempfile.TemporaryDirectory(prefix="ardoise-evidence-")
        config: dict[str, Any] = {"memory_limit": MEMORY, "threads": 2, "temp_directory": folder.name}
        connection = duckdb.connect(str(Path(folder.name) / "evidence.duckdb"), config=config)
        names = {*(each.name for each in horizons), *supply.events, *(key.name for key in (*supply.by_key(), ASKED_BY))}
        said = ", ".join("'{}'".format(each.replace("'", "''")) for each in sorted(names))
        connection.execute(f"CREATE TYPE said AS ENUM ({said})")
        connection.execute(f"CREATE TABLE evidence {_TABLE}")
        connection.execute(f"CREATE TABLE {AWAITED} (digest VARCHAR)")
        made = cls(connection, supply, tuple(horizons), folder)
        made._take_requests()
        return made

    def _take_requests(self) -> None:
        """What persons have asked for, beside the evidence: it is known anew for each run, and never kept with it."""
        self.connection.execute(f"CREATE TABLE requested {_TABLE}")
        rows = [
            (horizon.name, each.event, ASKED_BY.name, each.digest, False, False, each.on, each.on)
            for horizon in self.horizons
            for each in self.supply.requested
            if each.on <= horizon.as_of
        ]
        if rows:
            self.connection.executemany("INSERT INTO requested VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        self.connection.execute(
            f"CREATE VIEW {KNOWN} AS SELECT * FROM evidence UNION ALL SELECT * FROM requested"  # noqa: S608
        )

    # -- what is known of it

    @property
    def incomplete(self) -> frozenset[str]:
        """The events that some supplier could not tell completely: missing for everybody."""
        return frozenset(note.event for note in self.notes if not note.complete)

    def keys_of(self, context: Context, store: str, dataset: str) -> frozenset[Key]:
        """The kinds of key by which a dataset's rows are linked to subjects."""
        return keys_of(context.maps[store], dataset)

    def note(self, supplier: Supplier, reason: str) -> None:
        """Say that a supplier could not be asked, or not completely."""
        for event in supplier.events:
            self.notes.append(EvidenceNote(event, supplier.store, supplier.dataset, 0, False, reason))

    # -- gathering

    def gather_rows(self, datasets: Datasets, supplier: Supplier) -> None:
        """Reduce a table's events per subject in its store, and stream the result in.

        Raises:
            sqlalchemy.exc.DBAPIError: the store fails; the caller knows its name.
        """
        carried = datasets.carried(supplier.dataset, events=frozenset(supplier.events))
        unread = self.gather(datasets.connection, carried)
        if 0 < unread <= MANY:
            unread -= read_cells(self.connection, datasets, supplier)
        if unread:  # whoever is meant may be anybody: nobody's clock may run out on that
            self.note(supplier, why_incomplete(unread))
        else:
            self._counted(supplier)

    def gather_gone(self, store: str, connection: sa.Connection, gone: Gone) -> None:
        """Take in what a store keeps of what rows told that are gone.

        Raises:
            sqlalchemy.exc.DBAPIError: the store fails; the caller knows its name.
        """
        self.gather(connection, gone.carried)
        for dataset, event in gone.foreign:
            self.notes.append(EvidenceNote(event, store, dataset, 0, False, FOREIGN))

    def gather(self, connection: sa.Connection, carried: Carried) -> int:
        """Take in what a relation of records tells of its subjects; returns how many name somebody unreadable."""
        unread = 0
        if carried.links:
            with connection.execute(reduction(carried), execution_options={"yield_per": BATCH}) as result:
                for part in result.partitions():
                    unread += receive(self.connection, part, carried)
        return unread

    def gather_items(self, supplier: Supplier, dataset: DatasetMap, policy: Policy) -> None:
        """Reduce the events of a mailbox or calendar per subject, in DuckDB, from the index."""
        for event in subject_events(dataset, policy):
            for horizon in self.horizons:
                for query in item_occurrences(supplier, dataset, policy, event, horizon, self._parts(supplier)):
                    self.connection.execute(f"INSERT INTO evidence {_literal(query)}")
        self._counted(supplier)

    def _parts(self, supplier: Supplier) -> int:
        """In how many parts a dataset's items are looked at: what is joined at once has to fit in memory."""
        asked = "SELECT count(*) FROM items.items WHERE store = ? AND dataset = ?"
        found = self.connection.execute(asked, [supplier.store, supplier.dataset]).fetchall()
        return 1 + int(found[0][0]) // ITEMS

    def attach(self, index: Path) -> None:
        """Make the item index readable as `items.…`, once."""
        attached = {
            row[0] for row in self.connection.execute("SELECT database_name FROM duckdb_databases()").fetchall()
        }
        if "items" not in attached:
            quoted = str(index).replace("'", "''")
            self.connection.execute(f"ATTACH '{quoted}' AS items (READ_ONLY)")

    def detach(self) -> None:
        """Let go of the item index, so that a scan can write it."""
        self.connection.execute("DETACH DATABASE IF EXISTS items")

    def reduce(self) -> None:
        """Bring together what several suppliers told of the same subject."""
        self.connection.execute(
            "CREATE TABLE reduced AS " + _REDUCED.format("evidence") + "; DROP TABLE evidence; "
            "ALTER TABLE reduced RENAME TO evidence"
        )

    def _counted(self, supplier: Supplier) -> None:
        rows = self.connection.execute(
            "SELECT event, count(DISTINCT digest) FROM evidence "
            "WHERE horizon = ? AND key LIKE 'strong%' GROUP BY event",
            [self.horizons[0].name],
        ).fetchall()
        counts = dict(rows)
        for event in supplier.events:
            before = sum(note.subjects for note in self.notes if note.event == event)
            seen = max(0, counts.get(event, 0) - before)
            self.notes.append(EvidenceNote(event, supplier.store, supplier.dataset, seen, True))

    # -- keeping

    def save(self, path: Path) -> None:
        """Keep the evidence (digests only) for a run that may be resumed; readable by its owner alone."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        quoted = str(draft).replace("'", "''")
        self.connection.execute(f"ATTACH '{quoted}' AS snapshot")
        self.connection.execute("CREATE TABLE snapshot.evidence AS SELECT * FROM evidence")
        self.connection.execute(f"CREATE TABLE snapshot.{AWAITED} AS SELECT DISTINCT digest FROM {AWAITED}")  # noqa: S608
        self.connection.execute("DETACH snapshot")
        draft.chmod(0o600)
        draft.replace(path)

    def merge(self, path: Path) -> None:
        """Add what was known when `save` wrote this file: the union of all occurrences."""
        quoted = str(path).replace("'", "''")
        self.connection.execute(f"ATTACH '{quoted}' AS snapshot (READ_ONLY)")
        names = [horizon.name for horizon in self.horizons]
        self.connection.execute(
            f"INSERT INTO evidence SELECT {_SPELLED} FROM snapshot.evidence "  # noqa: S608 - our own names
            "WHERE horizon IN (SELECT unnest(?))",
            [names],
        )
        for name in self._unknown_to_snapshot(names):
            self.connection.execute(
                f"INSERT INTO evidence SELECT {_RENAMED} FROM snapshot.evidence WHERE horizon = ?",  # noqa: S608
                [name, names[0]],
            )
        self.connection.execute(f"INSERT INTO {AWAITED} SELECT digest FROM snapshot.{AWAITED}")  # noqa: S608
        self.connection.execute("DETACH snapshot")
        self.reduce()

    def _unknown_to_snapshot(self, names: Sequence[str]) -> list[str]:
        """The horizons that came up since: what was known as of the plan's date is known today as well."""
        rows = self.connection.execute("SELECT DISTINCT horizon FROM snapshot.evidence").fetchall()
        return [name for name in names if name not in {row[0] for row in rows}]

    # -- handing over

    def hand_over(self, connection: sa.Connection, keys: Iterable[Key], *, looked_up: bool) -> dict[Key, HandedOver]:
        """Fill a temporary table in a store for each of the kinds of key by which something is known.

        The tables live as long as the connection; ones of an earlier call are replaced. Nothing is committed.

        Args:
            connection: to the store.
            keys: the kinds of key that are of use there.
            looked_up: some rows at a time will ask for their own; else all rows are joined at once.
        """
        keys_known = f"SELECT DISTINCT key FROM {KNOWN}"  # noqa: S608 - our own name
        known = {row[0] for row in self.connection.execute(keys_known).fetchall()}
        wanted = {key for key in keys if key.name in known}
        return {
            key: self._handed_over(connection, key, events, looked_up)
            for key, events in self.supply.by_key().items()
            if key in wanted and events
        }

    def _handed_over(self, connection: sa.Connection, key: Key, events: Sequence[str], looked_up: bool) -> HandedOver:
        columns = event_columns(events, self.horizons)
        hashes = connection.dialect.name == "postgresql"  # it builds a table to join by; the others need an index
        table = evidence_table(key.name, columns, keyed=not hashes)
        connection.execute(sa.schema.DropTable(table, if_exists=True))
        table.create(connection, checkfirst=False)
        load(self.connection, wide(key, columns, KNOWN), connection, table)
        if hashes and looked_up:
            sa.Index(f"{table.name}_key", table.c.digest).create(connection)
        analyse(connection, table)
        return HandedOver(table, columns)

    def close(self) -> None:
        """Remove the file."""
        self.connection.close()
        self.folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def wide(key: Key, columns: Mapping[tuple[str, str], EventColumns], source: str) -> str:
    """The evidence of a kind of key with one row per digest, as DuckDB SQL."""
    parts = []
    for (horizon, event), names in columns.items():
        which = f"FILTER (WHERE horizon = '{horizon}' AND event = '{event}')"
        parts += [
            f"coalesce(bool_or(open) {which}, false) AS {names.open}",
            f"coalesce(bool_or(missing) {which}, false) AS {names.missing}",
            f"min(first) {which} AS {names.first}",
            f"max(last) {which} AS {names.last}",
        ]
    text = "replace(CAST(e.digest AS VARCHAR), '-', '')"
    return f"SELECT {text} AS digest, {', '.join(parts)} FROM {source} AS e WHERE key = '{key.name}' GROUP BY e.digest"  # noqa: S608


def event_columns(events: Sequence[str], horizons: Sequence[Horizon]) -> dict[tuple[str, str], EventColumns]:
    """How the columns of a wide relation are named."""
    return {
        (horizon.name, event): EventColumns.named(f"{horizon.name}v{number}")
        for horizon in horizons
        for number, event in enumerate(events)
    }


def _literal(query: sa.CompoundSelect[Any]) -> str:
    """The statement with its constants written in: names, dates and numbers of ours, never a subject's."""
    from pipelines.plan.dialects import DuckDBDialect

    return str(query.compile(dialect=DuckDBDialect(), compile_kwargs={"literal_binds": True}))
