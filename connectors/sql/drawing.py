"""Random bytes for the new values of rows, in PostgreSQL: as few draws as there can be, since a draw is what costs.

Each process of a statement draws once from the engine's secure generator; a row's block of bytes is a one-way function
of that draw and of the row's place in the table. Each value of the row gets bytes of the block that no other one has.
Without the draw, which nobody keeps, they tell nothing, and differ by row and by statement. The other engines draw for
each value.

Where rows are written in the order of keys that are whole numbers and stay, long random texts begin with two digits
that 65,536 neighbouring keys have in common: an index of them then grows in one place after the other, where every
chunk would go through all of it. They tell of a row what its key tells, and neither when it was written nor with whom.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import visitors
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.util import ClauseAdapter

from connectors.sql.fences import fenced

_BLOCK = 32
"""The bytes of a SHA-256."""

_NAME, _BESIDE = "ardoise_drawn", "ardoise_block"
"""What the rows with their blocks are called, and a block beside the columns of a row, as no column of its own is."""
_BYTE, _PLAIN = 8, 31
"""The bits of a byte, and of what is computed without wider numbers, in half the time."""
_LONG, _NEIGHBOURS, _PLACES = 24, 16, 255
"""The digits of a text that is as good as unique without two of them; the bits in which keys differ that have these in
common; and the largest byte."""


class Drawing:
    """The random bytes of the rows of a table, for one kind of statement, and which of them are taken.

    Values are made by `hexadecimal` and `whole`; a statement that uses them gets the blocks through `drawn` or
    `assigned`. ``key``: by which rows are written one after the other, a whole number that stays.
    """

    def __init__(self, table: sa.FromClause, key: sa.ColumnElement[Any] | None = None) -> None:
        self.table = table
        self._key = key
        self._taken = 0
        self._long: set[tuple[int, int]] = set()

    def hexadecimal(self, digits: int) -> sa.ColumnElement[str]:
        """Random hexadecimal digits. They have nothing in common with those of other rows that are written with it."""
        most = _BLOCK * 2
        if digits >= _LONG:
            self._long.add(self._free(-(-min(most, digits) // 2)))
        pieces = [self._hex(min(most, digits - at)) for at in range(0, digits, most)]
        text = pieces[0]
        for piece in pieces[1:]:
            text = text.concat(piece)
        return text

    def whole(self, bits: int) -> sa.ColumnElement[int]:
        """A random whole number from 0 to below 2 to the ``bits``-th power, 63 at most."""
        count = -(-bits // _BYTE)
        return _Whole(self, *self._take(count), bits)

    def _hex(self, digits: int) -> sa.ColumnElement[str]:
        text = _Hex(self, *self._take(-(-digits // 2)))
        return sa.func.left(text, digits, type_=sa.String()) if digits % 2 else text

    def _take(self, count: int) -> tuple[int, int, int]:
        """The number of a block, and the first and the number of bytes of it that nobody else gets."""
        block, first = self._free(count)
        self._taken = block * _BLOCK + first + count
        return block, first, count

    def _free(self, count: int) -> tuple[int, int]:
        """The number of a block that has so many bytes left, and the first of them."""
        whole = self._taken if self._taken % _BLOCK + count <= _BLOCK else self._taken + -self._taken % _BLOCK
        return divmod(whole, _BLOCK)

    def _blocks(self, *columns: sa.ColumnElement[Any], placed: bool) -> sa.Select[Any]:
        """Columns and blocks; ``placed``: texts begin as those of neighbours."""
        own: list[sa.ColumnClause[Any]] = [sa.column("tableoid"), sa.column("ctid")]
        for each in own:
            each.table = self.table
        blocks: list[Any] = [_Block(*own) for _ in range(-(-self._taken // _BLOCK))]
        if placed and self._key is not None:
            shared = sa.cast(self._key, sa.BigInteger).bitwise_rshift(sa.literal(_NEIGHBOURS, sa.Integer))
            place = sa.cast(shared.bitwise_and(_PLACES), sa.Integer)
            for block, first in sorted(self._long):
                blocks[block] = sa.func.set_byte(blocks[block], first, place)
        named = (each.label(f"{_BESIDE}{number}") for number, each in enumerate(blocks))
        # Fenced, or each value would digest anew.
        return fenced(sa.select(*columns, *named))


def drawn(rows: sa.Select[Any], values: Mapping[str, Any]) -> sa.Select[Any]:
    """A query that makes new values of a table's rows, reading the table with the blocks that they need.

    Blocks are computed where the table is read, by several processes: PostgreSQL has none for what depends on a join.
    """
    drawing = _drawing(values.values())
    if drawing is None:
        return rows
    return ClauseAdapter(drawing._blocks(*drawing.table.c, placed=False).subquery(_NAME)).traverse(rows)  # noqa: SLF001


def assigned(table: sa.Table, values: Mapping[str, Any]) -> dict[Any, Any]:
    """New values by column as an UPDATE takes them."""
    random = {name: value for name, value in values.items() if _drawing([value]) is not None}
    drawing = _drawing(random.values())
    if drawing is None:
        return dict(values)
    blocks = drawing._blocks(placed=True).correlate(table).subquery(_NAME)  # noqa: SLF001 - of this module
    columns = sa.tuple_(*(table.c[name] for name in random))
    made = sa.select(*random.values()).select_from(blocks).correlate(table).scalar_subquery()
    return {**{name: value for name, value in values.items() if name not in random}, columns: made}


def _drawing(values: Any) -> Drawing | None:
    """Where the random bytes in some values come from; None where there are none."""
    for value in values:
        if isinstance(value, sa.ClauseElement):
            for each in visitors.iterate(value):
                if isinstance(each, (_Hex, _Whole)):
                    return each.drawing
    return None


class _Taken(FunctionElement[Any]):
    """Bytes of a row's block."""

    inherit_cache = True

    def __init__(self, drawing: Drawing, *numbers: int) -> None:
        self.drawing = drawing
        # Literals, since the statement depends on them: parameters would share cached statements.
        super().__init__(*(sa.literal_column(str(each), sa.Integer) for each in numbers))


class _Hex(_Taken):
    name = "ardoise_hex"
    type = sa.String()
    inherit_cache = True


class _Whole(_Taken):
    name = "ardoise_whole"
    type = sa.BigInteger()
    inherit_cache = True


class _Block(FunctionElement[Any]):
    name = "ardoise_block"
    type = sa.LargeBinary()
    inherit_cache = True


@compiles(_Block, "postgresql")
def _block(element: _Block, compiler: SQLCompiler, **kw: Any) -> str:
    partition, place = (compiler.process(each, **kw) for each in element.clauses)
    return f"sha256((SELECT uuid_send(gen_random_uuid())) || oidsend({partition}) || tidsend({place}))"


@compiles(_Hex, "postgresql")
def _hex(element: _Hex, compiler: SQLCompiler, **kw: Any) -> str:
    block, first, count = (int(compiler.process(each, **kw)) for each in element.clauses)
    return f"encode(substr({_NAME}.{_BESIDE}{block}, {first + 1}, {count}), 'hex')"


@compiles(_Whole, "postgresql")
def _whole(element: _Whole, compiler: SQLCompiler, **kw: Any) -> str:
    block, first, count, bits = (int(compiler.process(each, **kw)) for each in element.clauses)
    mask = (1 << (bits - _BYTE * (count - 1))) - 1
    parts = []
    for at in range(count):
        byte = f"get_byte({_NAME}.{_BESIDE}{block}, {first + at})"
        byte = f"({byte} & {mask})" if at == 0 else byte
        byte = byte if bits <= _PLAIN else f"CAST({byte} AS BIGINT)"
        parts.append(f"({byte} << {_BYTE * (count - 1 - at)})")
    return f"({' | '.join(parts)})"
