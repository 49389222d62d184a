"""What a copy of a table still holds of rows that were acted on: counted in the store's engine, by key.

Nothing of what was there is needed for it. A copy that has the key of an anonymised row and another value than the row
has by now holds what was there before; a copy with a key that no row has any more holds what was there of a row that is
gone. A copy has values in columns of the same names, or of names such as `old_email`, or as a JSON document.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from connectors.base import DatasetShape, Inventory
from connectors.sql.copies import Copy, CopyKind, called, plain_name, stem_of
from connectors.sql.functions import plain_text

_TABLE = ("table_name", "tablename", "relname", "relation", "source_table", "target_table", "entity")
"""How a history of several tables calls the one of which a row is."""

Marked = Callable[[sa.FromClause, str], sa.ColumnElement[bool]]
"""Whether a column of a row (of a table in this form) was anonymised."""


def never(_: sa.FromClause, __: str) -> sa.ColumnElement[bool]:
    """Of a table of which no row was ever anonymised."""
    return sa.false()


_SNAPSHOT = re.compile(r"(?:^|_)(?:old|backup|bak|copy|archives?|shadow|deleted)(?:_|$)")
"""Names of tables that hold a row once, so that their own key may be that of the original."""


_ALIKE = (sa.Integer, sa.String, sa.Uuid)
"""Types that an engine compares without making texts of them, so that an index can be used."""


@dataclass(frozen=True, slots=True)
class _Value:
    """Where a copy has what was in a column; ``document``: in a JSON document of PostgreSQL, written as that does.

    ``own``: whether a run has anonymised it there, in a copy that the data map names.
    """

    held: sa.ColumnElement[Any]
    document: bool = False
    own: sa.ColumnElement[bool] = field(default_factory=sa.false)

    @property
    def filled(self) -> sa.ColumnElement[bool]:
        """Whether there is something that is no replacement."""
        return sa.and_(self.held.is_not(None), plain_text(self.held) != "", sa.not_(self.own))

    @property
    def number(self) -> sa.ColumnElement[int]:
        """The whole number that a text writes, if it does: a text of each of the original's numbers has no index."""
        text = plain_text(self.held)
        return sa.case((text.regexp_match("^-?[0-9]{1,18}$"), sa.cast(text, sa.BigInteger)))

    def beside(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """A column as the copy would hold it, as a text."""
        if self.document:
            return sa.func.to_jsonb(column).op("#>>", return_type=sa.Text())(sa.literal_column("'{}'"))
        return plain_text(column)

    def equals(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
        if any(isinstance(self.held.type, kind) and isinstance(column.type, kind) for kind in _ALIKE):
            return self.held == column
        if isinstance(column.type, sa.Integer):
            return self.number == column
        return plain_text(self.held) == self.beside(column)

    def differs(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
        return sa.and_(self.filled, plain_text(self.held).is_distinct_from(self.beside(column)))


@dataclass(frozen=True, slots=True)
class Held:
    """A copy's rows beside those that they are copies of; each number is None where it cannot be told.

    ``former``: how many hold another value than the anonymised row of their key. ``gone``: how many hold a value and
    have a key that no row has any more. ``unmatched``: how many hold values, and nothing that tells of which row.
    """

    former: int | None = None
    gone: int | None = None
    unmatched: int | None = None


@dataclass(frozen=True, slots=True)
class Original:
    """The table that copies are of: its shape, key and personal columns, and which of its rows are anonymised.

    ``pointers``: by column of the key, how columns are called that point at it elsewhere.
    """

    table: sa.Table
    shape: DatasetShape
    key: tuple[str, ...]
    columns: tuple[str, ...]
    marked: Marked
    pointers: Mapping[str, Iterable[str]]


def held(
    connection: sa.Connection, inventory: Inventory, copy: Copy, original: Original, replaced: Marked = never
) -> Held:
    """Count what a copy holds; nothing of it leaves the store.

    ``replaced``: which columns of the copy's own rows were anonymised, where the data map names it.

    Raises:
        sqlalchemy.exc.DBAPIError: the role may not read the copy.
    """
    copied = _rows_of(connection, copy)
    documents, dialect = _documents(connection, copied), connection.dialect.name
    told = {
        name: _values(copied, name, replaced) or list(_documented(dialect, documents, name))
        for name in original.columns
    }
    values = {name: found for name, found in told.items() if found}
    if not values:
        return Held(unmatched=_count(connection, copied))
    anything = sa.or_(*(value.filled for found in values.values() for value in found))
    pairs = _pairs(inventory, copied, copy, original, lambda name: next(_documented(dialect, documents, name), None))
    if pairs is None:
        return Held(unmatched=_count(connection, copied, anything))
    now = original.table.alias("original")
    mine = _of_table(copied, original.shape)
    same = sa.and_(mine, *(value.equals(now.c[name]) for name, value in pairs.items()))
    differing = [
        sa.and_(original.marked(now, name), sa.or_(*(value.differs(now.c[name]) for value in found)))
        for name, found in values.items()
    ]
    former = sa.select(sa.func.count()).select_from(copied.join(now, same)).where(sa.or_(*differing))
    keyed = (value.held.is_not(None) for value in pairs.values())
    nowhere = sa.not_(sa.exists(sa.select(sa.literal(1)).select_from(now).where(same).correlate(copied)))
    gone = _count(connection, copied, mine, *keyed, anything, nowhere)
    return Held(int(connection.execute(former).scalar_one()), gone)


def outdated(connection: sa.Connection, view: str, columns: Sequence[str]) -> int:
    """How many rows of a materialised view of PostgreSQL are not what its definition gives by now.

    Of its columns, those of these names are compared, or all of them where it has none.

    Raises:
        sqlalchemy.exc.DBAPIError: the role may not read what the view is made of.
    """
    schema, _, name = view.rpartition(".")
    quote = connection.dialect.identifier_preparer.quote_identifier
    where = f"{quote(schema)}.{quote(name)}"
    asked = sa.text(
        "SELECT c.relispopulated, pg_get_viewdef(c.oid), ARRAY(SELECT a.attname::text FROM pg_attribute a "
        "WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum) "
        "FROM pg_class c WHERE c.oid = CAST(:name AS regclass)"
    )
    populated, definition, names = connection.execute(asked, {"name": where}).one()
    if not populated:
        return 0
    among = ", ".join(f"CAST({quote(each)} AS text)" for each in [n for n in names if n in columns] or names)
    made = definition.rstrip().removesuffix(";")
    counted = (
        f"SELECT count(*) FROM (SELECT {among} FROM {where} "  # noqa: S608 - quoted, and what the catalogue says
        f"EXCEPT SELECT {among} FROM ({made}) AS made) AS outdated"
    )
    return int(connection.execute(sa.text(counted.replace(":", r"\:"))).scalar_one())


def _rows_of(connection: sa.Connection, copy: Copy) -> sa.FromClause:
    """The rows of a copy: of a table that keeps its versions, those too that are not current any more."""
    schema, _, name = copy.place.rpartition(".") if connection.dialect.name == "postgresql" else ("", "", copy.place)
    table = sa.Table(name, sa.MetaData(), schema=schema or None, autoload_with=connection, resolve_fks=False)
    if copy.kind is CopyKind.VERSIONS:
        quote = connection.dialect.identifier_preparer.quote_identifier
        every = sa.text(f"{quote(name)} FOR SYSTEM_TIME ALL")
        columns = (sa.literal_column(quote(each.name), each.type).label(each.name) for each in table.c)
        return sa.select(*columns).select_from(every).subquery("copied")
    if copy.kind is CopyKind.TEXT and "rowid" not in table.c:
        table.append_column(sa.Column("rowid", sa.Integer))
    return table.alias("copied")


def _values(copied: sa.FromClause, name: str, replaced: Marked) -> list[_Value]:
    """Where a copy has values of a column in columns of its own."""
    found = (each for way in called(name) for each in copied.c if each.name.lower() == way)
    return [_Value(each, own=replaced(copied, each.name)) for each in found]


def _column(copied: sa.FromClause, name: str) -> sa.ColumnElement[Any] | None:
    return next((each for each in copied.c if each.name.lower() == name.lower()), None)


def _documents(connection: sa.Connection, copied: sa.FromClause) -> list[sa.ColumnElement[Any]]:
    """The columns of a copy that hold JSON documents: by their type, or because a text of them is one."""
    if connection.dialect.name == "postgresql":
        return [each for each in copied.c if isinstance(each.type, (postgresql.JSON, postgresql.HSTORE))]
    texts = [each for each in copied.c if isinstance(each.type, (sa.String, sa.JSON))]
    return [each for each in texts if connection.execute(sa.select(sa.exists().where(_is_document(each)))).scalar_one()]


def _is_document(text: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    return sa.and_(sa.func.substr(text, 1, 1) == "{", sa.func.json_valid(text) == 1)


def _documented(dialect: str, documents: Sequence[sa.ColumnElement[Any]], name: str) -> Iterator[_Value]:
    """What documents hold under a name, as texts; NULL in what is no document."""
    for each in documents:
        match dialect:
            case "postgresql":
                at = "->" if isinstance(each.type, postgresql.HSTORE) else "->>"
                yield _Value(each.op(at, return_type=sa.Text())(name), document=at == "->>")
            case _:
                read = sa.func.json_extract if dialect == "sqlite" else sa.func.json_value
                yield _Value(sa.case((_is_document(each), read(each, f'$."{name}"', type_=sa.Text()))))


def _pairs(
    inventory: Inventory,
    copied: sa.FromClause,
    copy: Copy,
    original: Original,
    documented: Callable[[str], _Value | None],
) -> dict[str, _Value] | None:
    """What a copy has of each column of the original's key: by foreign key, by name, in its documents; or None."""
    shape = inventory.find(copy.place)
    for reference in shape.references if shape else ():
        if reference.location == copy.of and set(original.key) <= set(reference.target):
            pointing = dict(zip(reference.target, reference.columns, strict=True))
            return {name: _Value(copied.c[pointing[name]]) for name in original.key}
    found: dict[str, _Value] = {}
    for name in original.key:
        value = _keyed(copied, copy, shape, original, name) or documented(name)
        if value is None:
            return None
        found[name] = value
    return found


def _keyed(
    copied: sa.FromClause, copy: Copy, shape: DatasetShape | None, original: Original, name: str
) -> _Value | None:
    """The column of a copy that has the original's key by its name; none where it may number the copy's own rows."""
    own = _column(copied, name)
    stem, whole = stem_of(original.shape), plain_name(original.shape)
    theirs = {each.name.lower() for each in original.shape.fields}  # a copy has these for what they are there
    for pointing in (f"{stem}_{name}", f"{whole}_{name}", f"{stem}{name}", *original.pointers.get(name, ())):
        if pointing.lower() not in theirs and (found := _column(copied, pointing)) is not None:
            return _Value(found)
    if copy.kind is CopyKind.TEXT and len(original.key) == 1:
        return _Value(copied.c["rowid"])
    if own is not None and not (shape and copy.kind is not CopyKind.VERSIONS and _numbers(shape, name)):
        return _Value(own)
    return next((_Value(each) for way in called(name)[1:] if (each := _column(copied, way)) is not None), None)


def _numbers(shape: DatasetShape, name: str) -> bool:
    """Whether a column numbers the rows of a history, since it tells them apart by itself."""
    return shape.key == (name,) and not _SNAPSHOT.search(plain_name(shape))


def _of_table(copied: sa.FromClause, shape: DatasetShape) -> sa.ColumnElement[bool]:
    """Whether a row of a copy is of this table, where it says of which it is."""
    names = {shape.location.lower(), shape.location.rpartition(".")[2].lower()}
    said = next((each for name in _TABLE if (each := _column(copied, name)) is not None), None)
    return sa.true() if said is None else sa.func.lower(sa.cast(said, sa.Text)).in_(sorted(names))


def _count(connection: sa.Connection, copied: sa.FromClause, *where: sa.ColumnElement[bool]) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(copied).where(*where)).scalar_one())
