"""Marks: which categories of which records are anonymised, and with which result.

When a record is used anew for somebody else, its fingerprint differs, and the mark counts no more. There is one for
every record and category that was ever anonymised, as many as rows, so that a mark is as small as it can be: numbers
stand for the dataset with its category (the scope), and for the plan. PostgreSQL keeps those of each scope in a
partition of their own, which is filled first and gets its index when the step that fills it ends, or before anybody
looks for single marks (`Marks.index`): half the time where most of a table is marked. There rows can be marked by the
statement that writes them (`Marks.marking`), and are not read again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from connectors.sql.fences import fenced
from connectors.sql.functions import fingerprint, record_key
from connectors.sql.naming import LONGEST_NAME
from connectors.sql.removal import delete_records
from connectors.sql.temporary import create_filled
from connectors.sql.upserts import upsert

if TYPE_CHECKING:
    from connectors.sql.journal import Chunk


def number(*names: str) -> int:
    """The number that stands for names: 64 bits of a digest, so that nobody has to ask for it, and no two meet."""
    return int.from_bytes(hashlib.blake2b("\0".join(names).encode(), digest_size=8).digest(), signed=True)


_OF_SCOPE = "ardoise_of_scope"

ORDER = "ardoise_order"
"""What a table's `info` calls the index in whose order its rows can be laid, where that is none of a primary key."""


class Marks:
    """The marks of one store: ``table`` with a row for each, and ``scopes`` with the names behind their numbers.

    Args:
        metadata: of the engine's own tables.
        prefix: of their names.
        exact: as every one of them is made.
        dialect: of the store.
    """

    def __init__(self, metadata: sa.MetaData, prefix: str, exact: Mapping[str, Any], dialect: sa.Dialect) -> None:
        self._dialect = dialect
        self.scopes = sa.Table(
            f"{prefix}scopes", metadata,
            sa.Column("scope", sa.BigInteger, primary_key=True, autoincrement=False),
            sa.Column("dataset", sa.String(128), nullable=False),
            sa.Column("category", sa.String(128), nullable=False),
            **exact,
        )  # fmt: skip
        parted = dialect.name == "postgresql"  # where each partition has its own key
        self.table = sa.Table(
            f"{prefix}marks", metadata,
            sa.Column("scope", sa.BigInteger, nullable=False, autoincrement=False),
            sa.Column("plan", sa.BigInteger, nullable=False),
            # PostgreSQL hashes a row to a number, five times as fast as it could digest it
            sa.Column("fingerprint", sa.String(64).with_variant(sa.BigInteger, "postgresql"), nullable=False),
            sa.Column("record", sa.String(LONGEST_NAME), nullable=False),
            *(() if parted else (sa.PrimaryKeyConstraint("scope", "record"),)),
            postgresql_partition_by="LIST (scope)", **exact,
        )  # fmt: skip

    def parts(self, connection: sa.Connection, dataset: str) -> list[sa.Table]:
        """The tables in which the marks of a dataset lie, where there are any."""
        if self._dialect.name != "postgresql":
            return [self.table]
        return [self._part(scope) for scope in self._scopes(connection, dataset)]

    # -- conditions

    def standing(
        self,
        table: sa.FromClause,
        key: Sequence[str],
        dataset: str,
        category: str,
        columns: Iterable[str],
        *,
        few: bool = False,
    ) -> sa.ColumnElement[bool]:
        """Whether a row's category is anonymised already: marked, and still with the values that were put there.

        ``columns`` are the category's columns, in any order. ``few``: it is asked of few rows of many; PostgreSQL then
        looks for each one's mark, where it would read all marks of the store. Use only where the store has the tables;
        elsewhere nothing is marked.
        """
        marks = self.table.alias()
        found: sa.Select[Any] = sa.select(sa.literal_column("1")).where(
            marks.c.scope == _literal(dataset, category),
            marks.c.record == record_key(table.c[name] for name in key),
            marks.c.fingerprint == _fingerprint(table, columns),
        )
        if few and self._dialect.name == "postgresql":
            found = fenced(found)
        return found.exists()

    def by_plan(
        self, table: sa.FromClause, key: Sequence[str], dataset: str, plan: str, category: str | None = None
    ) -> sa.ColumnElement[bool]:
        """Whether a plan has anonymised a category of a row, or any that the store knows of."""
        if category is not None:
            return sa.exists().where(self._of_scope(dataset, category), *self._of_plan(table, key, plan))
        scopes = sa.select(self.scopes.c.scope).where(self.scopes.c.dataset == dataset)
        return sa.exists().where(self.table.c.scope.in_(scopes), *self._of_plan(table, key, plan))

    def sample(self, dataset: str, category: str, plan: str, rows: int) -> sa.Select[tuple[str]]:
        """The records of so many marks that a plan has given a category, the same ones as long as they stay."""
        marks = self.table.c
        mine = sa.select(marks.record).where(self._of_scope(dataset, category), marks.plan == _literal(plan))
        return mine.order_by(marks.fingerprint, marks.record).limit(rows)

    def _of_scope(self, dataset: str, category: str) -> sa.ColumnElement[bool]:
        return self.table.c.scope == _literal(dataset, category)

    def _of_plan(self, table: sa.FromClause, key: Sequence[str], plan: str) -> tuple[sa.ColumnElement[bool], ...]:
        marks = self.table.c
        return marks.plan == _literal(plan), marks.record == record_key(table.c[name] for name in key)

    def written(self, record: sa.ColumnElement[str], dataset: str, category: str) -> sa.ColumnElement[bool]:
        """Whether a category of a record was ever anonymised, whatever stands there now.

        ``record`` is a `record_key`, which may be of columns that are named without their table.
        """
        marks = self.table.c
        known = sa.select(marks.record.label("written_record")).where(marks.scope == _literal(dataset, category))
        found = known.subquery("written")
        return sa.exists().where(found.c.written_record == record)

    def broken(
        self, table: sa.FromClause, key: Sequence[str], dataset: str, fields: Mapping[str, Iterable[str]]
    ) -> sa.ColumnElement[bool]:
        """Whether any mark of a row has ceased to stand: the row was written to since. ``fields``: by category."""
        marks = self.table.alias()
        scopes = [number(dataset, category) for category in fields]
        changed = (
            sa.and_(marks.c.scope == _literal(dataset, category), marks.c.fingerprint != _fingerprint(table, columns))
            for category, columns in sorted(fields.items())
        )
        mine = (marks.c.scope.in_(scopes), marks.c.record == record_key(table.c[name] for name in key))
        return sa.exists().where(*mine, sa.or_(sa.false(), *changed))

    def of(self, connection: sa.Connection, dataset: str) -> sa.ColumnElement[bool]:
        """Whether a mark is of a dataset."""
        return self.table.c.scope.in_(self._scopes(connection, dataset))

    # -- what is marked

    def categories(self, connection: sa.Connection) -> frozenset[tuple[str, str]]:
        """The datasets and categories of which anything is marked."""
        return self._marked_among(connection, sa.true())

    def categories_of(self, connection: sa.Connection, dataset: str) -> frozenset[str]:
        """The categories of a dataset of which anything is marked."""
        return frozenset(category for _, category in self._marked_among(connection, self.scopes.c.dataset == dataset))

    def _marked_among(self, connection: sa.Connection, chosen: sa.ColumnElement[bool]) -> frozenset[tuple[str, str]]:
        scopes = connection.execute(sa.select(self.scopes).where(chosen)).all()
        if not scopes:
            return frozenset()
        there = (sa.exists().where(self.table.c.scope == each.scope) for each in scopes)
        found = connection.execute(sa.select(*there)).one()
        return frozenset((each.dataset, each.category) for each, marked in zip(scopes, found, strict=True) if marked)

    def _scopes(self, connection: sa.Connection, dataset: str) -> list[int]:
        scopes = sa.select(self.scopes.c.scope).where(self.scopes.c.dataset == dataset)
        return list(connection.execute(scopes).scalars())

    # -- marking

    def mark(
        self,
        connection: sa.Connection,
        chunk: Chunk,
        table: sa.FromClause,
        key: Sequence[str],
        wanted: Iterable[tuple[str, Iterable[str], sa.ColumnElement[bool]]],
    ) -> None:
        """Mark categories, each with its columns and the condition of its rows, with the fingerprints they have now.

        New partitions are put in their place when all of them are filled: until the transaction ends, nobody else can
        put one there.
        """
        made = [scope for each in wanted if (scope := self._mark(connection, chunk, table, key, *each)) is not None]
        for scope in made:
            part, whole = self._quoted(self._part(scope)), self._quoted(self.table)
            connection.exec_driver_sql(f"ALTER TABLE {whole} ATTACH PARTITION {part} FOR VALUES IN ({scope})")
            connection.exec_driver_sql(f"ALTER TABLE {part} DROP CONSTRAINT {_OF_SCOPE}")

    def _mark(
        self,
        connection: sa.Connection,
        chunk: Chunk,
        table: sa.FromClause,
        key: Sequence[str],
        category: str,
        columns: Iterable[str],
        within: sa.ColumnElement[bool],
    ) -> int | None:
        """Mark a category; the scope whose partition was made for that and has to be put in its place.

        Where none of the rows can be marked, nothing can conflict, and a plain INSERT takes two thirds of the time of
        one that looks.
        """
        scope = number(chunk.dataset, category)
        first = self._named(connection, scope, chunk.dataset, category)
        names, rows = self._rows(chunk, category, _fingerprint(table, columns), self._record(table, key))
        rows = rows.where(within)
        if first and self._dialect.name == "postgresql":
            self._begin(connection, scope, names, rows)
            return scope
        parted = self._dialect.name == "postgresql"
        place = self._part(scope) if parted else self.table
        if category in self._marked(connection, chunk):
            if parted and self._unindexed(connection, place):
                self._index(connection, place)
            upsert(connection, place, names, rows, ("fingerprint", "plan"))
        else:
            connection.execute(place.insert().from_select(names, rows, include_defaults=False))
        return None

    def marking(
        self,
        connection: sa.Connection,
        chunk: Chunk,
        update: sa.Update,
        table: sa.Table,
        key: Sequence[str],
        marks: Mapping[str, Iterable[str]],
    ) -> sa.Insert | None:
        """An UPDATE of a table that marks each row it writes, by category, with the fingerprint that it then has.

        As many rows are marked as were written. None where marks have to be made apart (`mark`): outside PostgreSQL,
        the first of a category, and those of rows that can be marked already.
        """
        scopes = {category: number(chunk.dataset, category) for category in marks}
        if self._dialect.name != "postgresql" or not scopes or set(marks) & self._marked(connection, chunk):
            return None
        known = sa.select(sa.func.count()).where(self.scopes.c.scope.in_(list(scopes.values())))
        if connection.execute(known).scalar_one() < len(scopes):
            return None
        record = self._record(table, key).label("record")
        own = (_fingerprint(table, columns).label(f"of_{nth}") for nth, columns in enumerate(marks.values()))
        written = update.returning(record, *own).cte("ardoise_written")
        inserts = []
        for nth, (category, scope) in enumerate(scopes.items()):
            names, rows = self._rows(chunk, category, written.c[f"of_{nth}"], written.c.record)
            inserts.append(self._part(scope).insert().from_select(names, rows, include_defaults=False))
        first, *others = inserts
        return first.add_cte(*(each.cte(f"ardoise_marked_{nth}") for nth, each in enumerate(others)))

    def _record(self, table: sa.FromClause, key: Sequence[str]) -> sa.ColumnElement[Any]:
        """What a mark calls a row."""
        return sa.cast(record_key(table.c[name] for name in key), self.table.c.record.type)

    def _rows(
        self, chunk: Chunk, category: str, fingerprint: sa.ColumnElement[Any], record: sa.ColumnElement[Any]
    ) -> tuple[list[str], sa.Select[Any]]:
        """Marks of a category, and what their columns are called."""
        values = {
            "scope": _literal(chunk.dataset, category),
            "plan": _literal(chunk.plan),
            "fingerprint": fingerprint,
            "record": record,
        }
        return list(values), sa.select(*(value.label(name) for name, value in values.items()))

    def unmark_broken(
        self,
        connection: sa.Connection,
        chunk: Chunk,
        table: sa.FromClause,
        key: Sequence[str],
        fields: Mapping[str, Iterable[str]],
        within: sa.ColumnElement[bool],
    ) -> None:
        """Forget the marks of rows that have ceased to stand: one that does so later tells of a new use."""
        record = record_key(table.c[name] for name in key)
        marked = self._marked(connection, chunk)
        for category, columns in sorted(fields.items()):
            if category in marked:
                mine = self._of_scope(chunk.dataset, category)
                delete_records(connection, self.table, mine, record, within, _fingerprint(table, columns))

    def _marked(self, connection: sa.Connection, chunk: Chunk) -> frozenset[str]:
        """The categories of which rows of a chunk can be marked already."""
        return self.categories_of(connection, chunk.dataset) if chunk.marked is None else chunk.marked

    def _named(self, connection: sa.Connection, scope: int, dataset: str, category: str) -> bool:
        """Keep the names behind a scope's number; whether nobody has done so before."""
        known = sa.select(self.scopes.c.scope).where(self.scopes.c.scope == scope)
        if connection.execute(known).first() is not None:
            return False
        connection.execute(self.scopes.insert(), {"scope": scope, "dataset": dataset, "category": category})
        return True

    def _part(self, scope: int) -> sa.Table:
        """The partition of a scope. Its only index, on its key, may not be there yet: see `index`."""
        columns = [sa.Column(each.name, each.type, primary_key=each.name == "record") for each in self.table.c]
        name = f"{self.table.name}_{scope % 2**64:016x}"
        return sa.Table(name, sa.MetaData(), *columns, schema=self.table.schema, info={ORDER: f"{name}_key"})

    def _begin(self, connection: sa.Connection, scope: int, names: list[str], rows: sa.Select[Any]) -> None:
        """Make a table for the partition of a scope, with its first marks and the owner that the others have."""
        part = self._part(scope)
        mine = self._quoted(part)
        create_filled(connection, part, rows)
        needed = [f"ALTER {each} SET NOT NULL" for each in names]
        # Checked here, it is not looked for again when the partition is put in its place.
        needed.append(f"ADD CONSTRAINT {_OF_SCOPE} CHECK (scope = {scope})")
        connection.exec_driver_sql(f"ALTER TABLE {mine} {', '.join(needed)}")
        owner = self._dialect.identifier_preparer.quote(self._owner(connection))
        connection.exec_driver_sql(f"ALTER TABLE {mine} OWNER TO {owner}")

    def index(self, connection: sa.Connection, dataset: str) -> None:
        """Make the indexes of a dataset's marks that are not there yet. Those who read the marks are not kept waiting.

        To be called inside a transaction when a step ends, and before it begins: an interrupted one has left marks
        without. A role that may not make them goes on without them.
        """
        if self._dialect.name == "postgresql":
            missing = [each for each in self.parts(connection, dataset) if self._unindexed(connection, each)]
            if missing and not self.refused(connection):
                for part in missing:
                    self._index(connection, part)

    def _unindexed(self, connection: sa.Connection, part: sa.Table) -> bool:
        place = f"{self.table.schema}.{self._dialect.identifier_preparer.quote(part.info[ORDER])}"
        return connection.execute(sa.select(sa.func.to_regclass(place))).scalar_one() is None

    def _index(self, connection: sa.Connection, part: sa.Table) -> None:
        """Make the index of a partition, inside a transaction, however long it takes."""
        name = self._dialect.identifier_preparer.quote(part.info[ORDER])
        limit = str(connection.exec_driver_sql("SHOW statement_timeout").scalar_one())
        set_limit = sa.text("SELECT set_config('statement_timeout', :limit, true)")
        connection.execute(set_limit, {"limit": "0"})
        connection.exec_driver_sql(f"CREATE UNIQUE INDEX IF NOT EXISTS {name} ON {self._quoted(part)} (record)")
        connection.execute(set_limit, {"limit": limit})

    def refused(self, connection: sa.Connection) -> str:
        """Why a role could not add a partition in PostgreSQL; empty where it can. The tables are there."""
        if self._dialect.name != "postgresql":
            return ""
        if not connection.execute(sa.select(sa.func.pg_has_role(self._owner(connection), "USAGE"))).scalar_one():
            return f"it does not own {self._quoted(self.table)}"
        create = sa.func.has_schema_privilege(self.table.schema, "CREATE")
        return "" if connection.execute(sa.select(create)).scalar_one() else f"it may not CREATE in {self.table.schema}"

    def _owner(self, connection: sa.Connection) -> str:
        """Whose the tables of marks are in PostgreSQL."""
        owner = sa.text("SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = CAST(:name AS regclass)")
        return str(connection.execute(owner, {"name": self._quoted(self.table)}).scalar_one())

    def _quoted(self, table: sa.Table) -> str:
        return self._dialect.identifier_preparer.format_table(table)


def _literal(*names: str) -> sa.BindParameter[int]:
    return sa.literal(number(*names), sa.BigInteger)


def _fingerprint(table: sa.FromClause, columns: Iterable[str]) -> sa.ColumnElement[Any]:
    """What these columns hold, the same for writing a mark and for checking it."""
    return fingerprint(table.c[name] for name in sorted(columns))
