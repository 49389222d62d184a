"""The engine's own tables inside a store, written in the transaction that destroys: journal, marks, statistics.

The journal says which chunks of which plan are committed, so that a crash between commit and receipt is resolved by
looking. The marks say what is anonymised (`connectors.sql.marks`); with the mark of a link to a subject go the days
that only the link could tell (`connectors.sql.remembered`). What rows said to registered statistics is kept by
`connectors.sql.tally`. None of it holds a value that was there before, or a digest of one; but what rows told of
persons is kept with their keyed digests while records elsewhere depend on it (`connectors.sql.told`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from connectors.sql.catalog import OWN_PREFIX, OWN_SCHEMA
from connectors.sql.functions import record_key
from connectors.sql.marks import Marks
from connectors.sql.naming import LONGEST_NAME
from connectors.sql.remembered import remembered_table
from connectors.sql.removal import delete_records
from connectors.sql.tally import Tally
from connectors.sql.temporary import analysing
from connectors.sql.told import told_table


@dataclass(frozen=True, slots=True)
class Counts:
    """What one chunk did: acted on, no longer due when looked at again, due but locked by somebody else."""

    done: int = 0
    stale: int = 0
    locked: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.done + other.done, self.stale + other.stale, self.locked + other.locked)


@dataclass(frozen=True, slots=True)
class Chunk:
    """One transaction's place: which plan, step and dataset it belongs to, and its number from 0.

    ``marked``: the categories of which the dataset had marks when the step began. Nobody else acts on it meanwhile, so
    rows that are acted on have no others. None: it is not known.
    """

    plan: str
    step: str
    dataset: str
    number: int
    marked: frozenset[str] | None = None


class Journal:
    """The tables in one store; ``dialect`` decides between a schema and a prefix."""

    def __init__(self, dialect: sa.Dialect) -> None:
        self.schema = OWN_SCHEMA if dialect.name == "postgresql" else None
        self.prefix = prefix = "" if self.schema else OWN_PREFIX
        self._dialect = dialect
        self._metadata = sa.MetaData(schema=self.schema)
        self.exact: dict[str, Any] = {
            "mariadb_engine": "InnoDB",
            "mariadb_charset": "utf8mb4",
            "mariadb_collate": "utf8mb4_nopad_bin",
        }
        exact = self.exact
        self.journal = sa.Table(
            f"{prefix}journal", self._metadata,
            sa.Column("plan", sa.String(128), primary_key=True),
            sa.Column("step", sa.String(128), primary_key=True),
            sa.Column("chunk", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("done", sa.BigInteger, nullable=False),
            sa.Column("stale", sa.BigInteger, nullable=False),
            sa.Column("locked", sa.BigInteger, nullable=False),
            _moment(), **exact,
        )  # fmt: skip
        self.versions = sa.Table(
            f"{prefix}versions", self._metadata,
            sa.Column("dataset", sa.String(128), primary_key=True),
            sa.Column("record", sa.String(LONGEST_NAME), primary_key=True),
            sa.Column("version", sa.String(64), nullable=False),
            sa.Column("operation", sa.String(128), nullable=False),
            _moment(), **exact,
        )  # fmt: skip
        self.marks = Marks(self._metadata, prefix, exact, dialect)
        self.tally = Tally(self._metadata, prefix, exact)
        self.remembered = remembered_table(self._metadata, prefix, exact)
        self.told = told_table(self._metadata, prefix, exact)

    def exists(self, connection: sa.Connection) -> bool:
        """Whether the store has the tables. Without them nothing was ever marked."""
        return sa.inspect(connection).has_table(self.marks.table.name, schema=self.schema)

    def remembers(self, connection: sa.Connection) -> bool:
        """Whether the store has a place for the days of subjects whose links were anonymised."""
        return sa.inspect(connection).has_table(self.remembered.name, schema=self.schema)

    def listens(self, connection: sa.Connection) -> bool:
        """Whether the store has a place for what rows that are gone have told."""
        return sa.inspect(connection).has_table(self.told.name, schema=self.schema)

    def prepare(self, connection: sa.Connection, reader: str | None = None) -> None:
        """Create the tables where they are missing, and let the reading role read them, but for what is pending.

        MariaDB and SQLite grant nothing here: what their roles may read is for an administrator to say.
        """
        if self.schema and not sa.inspect(connection).has_schema(self.schema):
            connection.execute(sa.schema.CreateSchema(self.schema, if_not_exists=True))
        self._metadata.create_all(connection)
        if self.schema and reader:
            role = self._dialect.identifier_preparer.quote(reader)
            connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA {self.schema} TO {role}")
            closed = self._named(self.tally.closed)
            opened = self._named(each for each in self._metadata.sorted_tables if each not in self.tally.closed)
            connection.exec_driver_sql(f"GRANT SELECT ON {opened} TO {role}")
            connection.exec_driver_sql(f"REVOKE ALL ON {closed} FROM PUBLIC, {role}")

    def _named(self, tables: Iterable[sa.Table]) -> str:
        return ", ".join(self._dialect.identifier_preparer.format_table(table) for table in tables)

    # -- the journal

    def journalled(self, connection: sa.Connection, plan: str, step: str, chunk: int) -> Counts | None:
        """What this chunk did when it was committed, or None when it never was."""
        j = self.journal.c
        row = connection.execute(
            sa.select(j.done, j.stale, j.locked).where(j.plan == plan, j.step == step, j.chunk == chunk)
        ).one_or_none()
        return None if row is None else Counts(*row)

    def progress(self, connection: sa.Connection, plan: str, step: str) -> tuple[int, Counts]:
        """The number of the next chunk of a step, and what its committed chunks did together."""
        j = self.journal.c
        rows = connection.execute(
            sa.select(j.chunk, j.done, j.stale, j.locked).where(j.plan == plan, j.step == step)
        ).all()
        total = sum((Counts(*row[1:]) for row in rows), Counts())
        return max((row.chunk for row in rows), default=-1) + 1, total

    def record(self, connection: sa.Connection, chunk: Chunk, counts: Counts) -> None:
        """Write a chunk's journal row; a second one for the same chunk violates the primary key."""
        connection.execute(
            self.journal.insert(),
            {
                "plan": chunk.plan, "step": chunk.step, "chunk": chunk.number,
                "done": counts.done, "stale": counts.stale, "locked": counts.locked,
            },
        )  # fmt: skip

    # -- what is kept of records

    def unmark(self, connection: sa.Connection, dataset: str, keys: sa.FromClause, key: Sequence[str]) -> None:
        """Forget the marks of records that go, and what is remembered with them."""
        record = record_key(keys.c[name] for name in key)
        for table, mine in self.kept_of(connection, dataset):
            delete_records(connection, table, mine, record)

    def kept_of(self, connection: sa.Connection, dataset: str) -> tuple[tuple[sa.Table, sa.ColumnElement[bool]], ...]:
        """The tables that keep something of single records, in a column ``record``; which rows are of a dataset."""
        remembered = self.remembered
        return (
            (self.marks.table, self.marks.of(connection, dataset)), (remembered, remembered.c.dataset == dataset),
        )  # fmt: skip

    def refresh_estimates(self, connection: sa.Connection, dataset: str) -> None:
        """Tell the planner how many marks a dataset has, in a transaction of its own.

        Without it PostgreSQL believes that no row is marked, and the next selection of what is due compares every row
        with every mark (measured: 86 s in place of 0.6 s for 20,000 marks). Skipped while another run does the same.
        """
        if self._dialect.name == "postgresql":
            with connection.begin():
                names = self._named((*self.marks.parts(connection, dataset), self.remembered))
                connection.exec_driver_sql(analysing(f"ANALYZE (SKIP_LOCKED) {names}"))

    # -- versions, which single records got

    def mark_versions(
        self, connection: sa.Connection, dataset: str, operation: str, versions: Mapping[str, str]
    ) -> None:
        """Keep the versions that an operation on single records gave them, for as long as it may be asked about."""
        v = self.versions.c
        for record, version in versions.items():
            connection.execute(self.versions.delete().where(v.dataset == dataset, v.record == record))
            row = {"dataset": dataset, "record": record, "version": version, "operation": operation}
            connection.execute(self.versions.insert(), row)

    def marked_versions(self, connection: sa.Connection, dataset: str, operation: str) -> dict[str, str]:
        """The versions that an operation gave the records it rewrote."""
        v = self.versions.c
        mine = sa.select(v.record, v.version).where(v.dataset == dataset, v.operation == operation)
        return {record: version for record, version in connection.execute(mine)}  # noqa: C416 - rows are no pairs to the type checker


def _moment() -> sa.Column[Any]:
    return sa.Column("at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False)
