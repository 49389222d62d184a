"""Expressions that every SQL engine here computes alike: digests, record keys, versions, fingerprints, randomness.

SQLite gets what it lacks from functions that `connectors.sql.engines` registers on each connection.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import CITEXT
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from connectors.digests import LENGTH, DigestKey
from connectors.sql.drawing import Drawing

_UUID, _FIRST, _DIGITS = 32, 8, 15
"""The hexadecimal digits of a UUID, of its first group, and of a random number."""


_BUNDLE = 50
"""Columns that one expression holds beside each other."""

_PLAIN_KEYS = ([sa.INTEGER], [sa.BIGINT], [sa.SMALLINT])
"""The types of columns of which each makes a key by itself that JSON writes as PostgreSQL does."""


class _Digest(FunctionElement[str]):
    name = "ardoise_digest"
    type = sa.String(LENGTH)
    inherit_cache = True


class _Json(FunctionElement[str]):
    name = "ardoise_json"
    type = sa.String()
    inherit_cache = True


class _PlainText(FunctionElement[str]):
    name = "ardoise_plain_text"
    type = sa.Text()
    inherit_cache = True


class _Cell(_Json):
    name = "ardoise_cell"
    inherit_cache = True


class _RowDigest(FunctionElement[str]):
    name = "ardoise_row_digest"
    type = sa.String()
    inherit_cache = True


class _Fingerprint(_RowDigest):
    name = "ardoise_fingerprint"
    inherit_cache = True


class _RandomHex(FunctionElement[str]):
    name = "ardoise_random_hex"
    type = sa.String()
    inherit_cache = True

    def __init__(self, digits: int) -> None:
        self.digits = digits
        # A literal, since the statement that PostgreSQL gets depends on it: a parameter would share cached statements.
        super().__init__(sa.literal_column(str(digits), sa.Integer))


class _RandomDigits(FunctionElement[str]):
    name = "ardoise_random_digits"
    type = sa.String()
    inherit_cache = True


def keyed_digest(key: DigestKey, text: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    """`DigestKey.digest` of a text, computed by the engine; NULL of NULL. The key travels as bound parameters only."""
    return _Digest(sa.literal(key.outer, sa.LargeBinary), sa.literal(key.inner, sa.LargeBinary), sa.cast(text, sa.Text))


def record_key(columns: Iterable[sa.ColumnElement[Any]]) -> sa.ColumnElement[str]:
    """A record's key as the engine writes it: the JSON array of its key columns."""
    return _Json(*columns)


def cell_key(columns: Iterable[sa.ColumnElement[Any]]) -> sa.ColumnElement[str]:
    """The same of grouping values, told apart to the byte, whatever the columns' collations take for equal."""
    return _Cell(*columns)


def plain_text(value: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    """A value as a text that is equal to no other, whatever the column's collation takes for equal; NULL of NULL."""
    return _PlainText(value)


def row_digest(columns: Iterable[sa.ColumnElement[Any]]) -> sa.ColumnElement[str]:
    """A digest of these columns, NULLs told apart from empty texts; never NULL."""
    return _RowDigest(*columns)


def fingerprint(columns: Iterable[sa.ColumnElement[Any]]) -> sa.ColumnElement[Any]:
    """What tells whether these columns still hold what they held, in the same store; never NULL.

    A number of 64 bits in PostgreSQL, where millions are made at once, and where what a column's type or collation
    takes for equal is equal (1.0 and 1.00); elsewhere a `row_digest`.
    """
    return _Fingerprint(*columns)


def version(table: sa.FromClause, dialect: sa.Dialect) -> sa.ColumnElement[str]:
    """What changes whenever a row does: `xmin` in PostgreSQL, elsewhere a digest of the whole row."""
    if dialect.name == "postgresql":
        system: sa.ColumnClause[Any] = sa.column("xmin")
        system.table = table
        return sa.cast(system, sa.Text)
    return row_digest(table.c)


def random_hex(digits: int, drawing: Drawing | None = None) -> sa.ColumnElement[str]:
    """Random hexadecimal digits of the engine's secure generator, drawn anew for every row, or of a ``drawing``."""
    return _RandomHex(digits) if drawing is None else drawing.hexadecimal(digits)


def random_digits(below: int, factor: int, width: int, drawing: Drawing | None = None) -> sa.ColumnElement[str]:
    """A random whole number below ``below``, times ``factor``, with zeros before it; drawn as `random_hex` does.

    ``below`` times ``factor`` is less than 2**63, and ``below`` so far below 2**60 that no number is likelier.
    """
    number = random_hex(_DIGITS) if drawing is None else drawing.whole(_DIGITS * 4)
    return _RandomDigits(number, *(sa.literal_column(str(each), sa.BigInteger) for each in (below, factor, width)))


def lower_trim(text: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    """The SQL form of a canonical address."""
    return sa.func.lower(sa.func.trim(text))


@compiles(_PlainText)
def _plain_text(element: _PlainText, compiler: SQLCompiler, **kw: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **kw)} AS TEXT)"


# -- PostgreSQL


@compiles(_Digest, "postgresql")
def _digest_postgresql(element: _Digest, compiler: SQLCompiler, **kw: Any) -> str:
    outer, inner, text = (compiler.process(each, **kw) for each in element.clauses)
    inside = f"sha256({inner} || convert_to({text}, 'UTF8'))"
    return f"substr(encode(sha256({outer} || {inside}), 'hex'), 1, {LENGTH})"


@compiles(_Json, "postgresql")
def _json_postgresql(element: _Json, compiler: SQLCompiler, **kw: Any) -> str:
    text = compiler.process(element.clauses, **kw)
    if [type(each.type) for each in element.clauses] in _PLAIN_KEYS:  # the same text, in a third of the time
        return f"('[' || coalesce(CAST({text} AS TEXT), 'null') || ']')"
    return _array(text)


@compiles(_RowDigest, "postgresql")
def _row_digest_postgresql(element: _RowDigest, compiler: SQLCompiler, **kw: Any) -> str:
    # One array of arrays, since a function takes at most 100 arguments.
    columns = [compiler.process(each, **kw) for each in element.clauses]
    arrays = ", ".join(
        f"json_build_array({', '.join(columns[at : at + _BUNDLE])})" for at in range(0, len(columns), _BUNDLE)
    )
    return f"substr(encode(sha256(convert_to({_array(arrays)}, 'UTF8')), 'hex'), 1, {LENGTH})"


@compiles(_Fingerprint, "postgresql")
def _fingerprint_postgresql(element: _Fingerprint, compiler: SQLCompiler, **kw: Any) -> str:
    columns = ((each, compiler.process(each, **kw)) for each in element.clauses)
    row = ", ".join(text if _hashed(each.type) else _array(text) for each, text in columns)
    return f"hash_record_extended(ROW({row}), 0)"


def _hashed(kind: sa.types.TypeEngine[Any]) -> bool:
    """Whether PostgreSQL hashes every value of a type, and the same after a dump and a restore: no enumeration's."""
    plain = (sa.String, sa.Integer, sa.Numeric, sa.Boolean, sa.Date, sa.DateTime, sa.Uuid, sa.LargeBinary)
    return isinstance(kind, plain) and not isinstance(kind, sa.Enum | CITEXT)


def _array(values: str) -> str:
    return f"CAST(json_build_array({values}) AS TEXT)"


@compiles(_RandomHex, "postgresql")
def _random_hex_postgresql(element: _RandomHex, *_: Any, **__: Any) -> str:
    # Of the 32 digits of a version 4 UUID, 122 bits are random: the first eight digits, the last fifteen (and all but
    # six bits of a whole one). A UUID is what costs, so as few of them are drawn as will do.
    uuid = "CAST(gen_random_uuid() AS TEXT)"
    plain = f"replace({uuid}, '-', '')"
    whole, rest = divmod(element.digits, _UUID)
    pieces = [plain] * whole
    if rest:
        pieces.append(f"substr({uuid}, 1, {rest})" if rest <= _FIRST else f"right({plain}, {rest})")
    return "(" + " || ".join(pieces) + ")"


@compiles(_RandomDigits, "postgresql")
def _random_digits_postgresql(element: _RandomDigits, compiler: SQLCompiler, **kw: Any) -> str:
    drawn, below, factor, width = (compiler.process(each, **kw) for each in element.clauses)
    if isinstance(next(iter(element.clauses)), _RandomHex):
        drawn = f"CAST(CAST('x' || {drawn} AS BIT({_DIGITS * 4})) AS BIGINT)"
    number = f"mod({drawn}, {below}) * {factor}"
    return f"lpad(CAST({number} AS TEXT), {width}, '0')"


# -- SQLite


@compiles(_RandomDigits, "sqlite")
def _random_digits_sqlite(element: _RandomDigits, compiler: SQLCompiler, **kw: Any) -> str:
    _, below, factor, width = (compiler.process(each, **kw) for each in element.clauses)
    return f"printf('%0{width}d', ardoise_random_below({below}) * {factor})"


@compiles(_Digest, "sqlite")
def _digest_sqlite(element: _Digest, compiler: SQLCompiler, **kw: Any) -> str:
    return f"ardoise_digest({compiler.process(element.clauses, **kw)})"


@compiles(_RandomHex, "sqlite")
def _random_hex_sqlite(element: _RandomHex, *_: Any, **__: Any) -> str:
    return f"ardoise_random_hex({element.digits})"


@compiles(_Json, "sqlite")
def _json_sqlite(element: _Json, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_array({compiler.process(element.clauses, **kw)})"


@compiles(_RowDigest, "sqlite")
def _row_digest_sqlite(element: _RowDigest, compiler: SQLCompiler, **kw: Any) -> str:
    # In bundles: an expression may be a thousand deep, and each column of a long chain is two deeper than the last.
    quoted = [f"quote({compiler.process(each, **kw)})" for each in element.clauses]
    bundles = (" || ',' || ".join(quoted[at : at + _BUNDLE]) for at in range(0, len(quoted), _BUNDLE))
    row = " || ',' || ".join(f"({each})" for each in bundles)
    return f"ardoise_sha256({row})"


# -- DuckDB, over the index of items


@compiles(_Digest, "duckdb")
def _digest_duckdb(element: _Digest, compiler: SQLCompiler, **kw: Any) -> str:
    outer, inner, text = (compiler.process(each, **kw) for each in element.clauses)
    inside = f"unhex(sha256(CAST({inner} AS BLOB) || encode({text})))"
    return f"substr(sha256(CAST({outer} AS BLOB) || {inside}), 1, {LENGTH})"


# -- MariaDB and MySQL


@compiles(_Digest, "mysql", "mariadb")
def _digest_mariadb(element: _Digest, compiler: SQLCompiler, **kw: Any) -> str:
    outer, inner, text = (compiler.process(each, **kw) for each in element.clauses)
    inside = f"UNHEX(SHA2(CONCAT({inner}, CAST(CONVERT({text} USING utf8mb4) AS BINARY)), 256))"
    return f"LEFT(SHA2(CONCAT({outer}, {inside}), 256), {LENGTH})"


@compiles(_Json, "mysql", "mariadb")
def _json_mariadb(element: _Json, compiler: SQLCompiler, **kw: Any) -> str:
    return f"JSON_ARRAY({compiler.process(element.clauses, **kw)})"


@compiles(_Cell, "mysql", "mariadb")
def _cell_mariadb(element: _Cell, compiler: SQLCompiler, **kw: Any) -> str:
    return f"CONVERT({_json_mariadb(element, compiler, **kw)} USING utf8mb4) COLLATE utf8mb4_nopad_bin"


@compiles(_PlainText, "mysql", "mariadb")
def _plain_text_mariadb(element: _PlainText, compiler: SQLCompiler, **kw: Any) -> str:
    return f"CONVERT({compiler.process(element.clauses, **kw)} USING utf8mb4) COLLATE utf8mb4_nopad_bin"


@compiles(_RowDigest, "mysql", "mariadb")
def _row_digest_mariadb(element: _RowDigest, compiler: SQLCompiler, **kw: Any) -> str:
    # The text has the character set of its columns where all have the same, and a digest is one of bytes.
    row = f"JSON_ARRAY({compiler.process(element.clauses, **kw)})"
    return f"LEFT(SHA2(CONVERT({row} USING utf8mb4), 256), {LENGTH})"


@compiles(_RandomHex, "mysql", "mariadb")
def _random_hex_mariadb(element: _RandomHex, _: SQLCompiler, **__: Any) -> str:
    return f"LOWER(LEFT(HEX(RANDOM_BYTES({(element.digits + 1) // 2})), {element.digits}))"


@compiles(_RandomDigits, "mysql", "mariadb")
def _random_digits_mariadb(element: _RandomDigits, compiler: SQLCompiler, **kw: Any) -> str:
    digits, below, factor, width = (compiler.process(each, **kw) for each in element.clauses)
    number = f"(CAST(CONV({digits}, 16, 10) AS UNSIGNED) MOD {below}) * {factor}"
    return f"LPAD({number}, {width}, '0')"
