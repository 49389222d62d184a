"""Canaries: values that occur once in the world, planted on persons of whom every trace is due; and how to find them.

After a run none may be found anywhere: not in a store, not in what the engine keeps, not in a log or a report. They are
known to whoever planted them and to this search; the expectation that judges it gets counts alone.
"""

from __future__ import annotations

import base64
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

_CHUNK = 1 << 22
_BLOCK = 4
"""Bytes that are compared as one number."""
_SHORTEST = 8
"""Shorter values would be found by chance in compressed or encoded bytes."""


@dataclass(frozen=True, slots=True)
class Hit:
    """Where a canary was found: a table or a file, and in how many rows or forms. The value itself is not told."""

    place: str
    count: int


@dataclass(frozen=True)
class Canaries:
    """The planted values, and the search for them."""

    values: tuple[str, ...] = field(repr=False)

    @cached_property
    def _texts(self) -> tuple[str, ...]:
        return tuple(each.lower() for each in self.values)

    @cached_property
    def _forms(self) -> tuple[bytes, ...]:
        return tuple(sorted({form.lower() for value in self.values for form in encodings(value)}))

    def in_text(self, text: str) -> int:
        """How many canaries stand in a text, whatever their case."""
        low = text.lower()
        return sum(each in low for each in self._texts)

    def in_bytes(self, content: bytes) -> int:
        """How many forms of canaries stand in bytes: as they are, encoded, or across folds of mail and calendars."""
        low = content.lower()
        found = self._forms_in(low)
        if found or b"\n" not in low:
            return found
        return self._forms_in(re.sub(rb"=\r?\n|\r?\n[ \t]?", b"", low))

    def _forms_in(self, low: bytes) -> int:
        """How many forms stand in bytes of lower case: those of which a block does are looked for one by one."""
        blocks = set(memoryview(low)[: len(low) // _BLOCK * _BLOCK].cast("I"))
        possible = {form for block in blocks.intersection(self._by_block) for form in self._by_block[block]}
        return sum(form in low for form in (*self._short, *possible))

    @cached_property
    def _short(self) -> tuple[bytes, ...]:
        return tuple(form for form in self._forms if len(form) < 2 * _BLOCK - 1)

    @cached_property
    def _by_block(self) -> dict[int, list[bytes]]:
        """The longer forms by every block in them. Wherever a form stands, it covers a block of the bytes around it."""
        found: dict[int, list[bytes]] = {}
        for form in self._forms:
            if len(form) >= 2 * _BLOCK - 1:
                for at in range(len(form) - _BLOCK + 1):
                    found.setdefault(int.from_bytes(form[at : at + _BLOCK], sys.byteorder), []).append(form)
        return found

    def search_sql(self, url: str) -> list[Hit]:
        """Look through every column of every table that the URL's role can see, the engine's own included.

        Materialised views are among them, and of tables that keep their own versions the rows that are not current.
        """
        hits = []
        engine = sa.create_engine(url, hide_parameters=True, poolclass=sa.NullPool)
        with engine.connect() as connection:
            inspector = sa.inspect(connection)
            for schema in inspector.get_schema_names():
                if schema in {"information_schema", "pg_catalog"}:
                    continue
                for name, rows_of in _places(connection, inspector, schema):
                    everything = sa.select(sa.text("*")).select_from(rows_of)
                    rows = connection.execution_options(yield_per=5000).execute(everything)
                    count = sum(self._rows_with_canaries(part) for part in rows.partitions(1000))
                    if count:
                        hits.append(Hit(f"{schema}.{name}", count))
        engine.dispose()
        return hits

    def _rows_with_canaries(self, rows: Sequence[sa.Row[Any]]) -> int:
        texts = ["\x1f".join(map(str, row)) for row in rows]
        return sum(1 for text in texts if self.in_text(text)) if self.in_text("\x1e".join(texts)) else 0

    def search_files(self, folder: Path, exclude: Iterable[Path] = ()) -> list[Hit]:
        """Look through the bytes of every file under a folder, and through the names of files."""
        left_out = [each.resolve() for each in exclude]
        hits = []
        for path in sorted(folder.resolve().rglob("*")):
            if any(path.is_relative_to(each) for each in left_out):
                continue
            count = self.in_text(path.name)
            if path.is_file() and not path.is_symlink():
                count += sum(self.in_bytes(chunk) for chunk in _chunks(path))
            if count:
                place = str(path.relative_to(folder.resolve()))
                hits.append(Hit("a file with a canary in its name" if self.in_text(place) else place, count))
        return hits


def _places(
    connection: sa.Connection, inspector: sa.Inspector, schema: str
) -> Iterator[tuple[str, sa.FromClause | sa.TextClause]]:
    """Whatever holds rows in a schema, by name."""
    for name in inspector.get_table_names(schema):
        yield name, sa.table(name, schema=schema)
    match connection.dialect.name:
        case "postgresql":
            for name in inspector.get_materialized_view_names(schema):
                yield name, sa.table(name, schema=schema)
        case "mysql" | "mariadb":
            versioned = sa.text(
                "SELECT table_name FROM information_schema.tables "
                "WHERE table_schema = :schema AND table_type = 'SYSTEM VERSIONED'"
            )
            quote = connection.dialect.identifier_preparer.quote_identifier
            for name in connection.execute(versioned, {"schema": schema}).scalars().all():
                yield name, sa.text(f"{quote(schema)}.{quote(name)} FOR SYSTEM_TIME ALL")
        case _:
            pass


def encodings(value: str) -> Iterator[bytes]:
    """The forms in which a value may stand in bytes: UTF-8, UTF-16, Latin-1, quoted-printable, percent, hex, base64."""
    plain = value.encode()
    yield plain
    yield value.encode("utf-16-le")
    yield value.encode("utf-16-be")
    yield value.encode("latin-1", "replace")
    yield "".join(chr(byte) if 32 < byte < 127 and byte != 61 else f"={byte:02X}" for byte in plain).encode()  # noqa: PLR2004
    yield quote(value).encode()
    yield value.replace(" ", "_").encode()  # RFC 2047 encoded words
    yield plain.hex().encode()
    for shift in range(3):
        # whichever byte of a group of three the value starts at: the part that does not depend on its neighbours
        text = base64.b64encode(b"\0" * shift + plain).decode()
        whole = text[4 if shift else 0 : len(text) - (4 if (shift + len(plain)) % 3 else 0)]
        if len(whole) >= _SHORTEST:
            yield whole.encode()


def _chunks(path: Path) -> Iterator[bytes]:
    """A file in overlapping pieces."""
    try:
        with path.open("rb") as file:
            tail = b""
            while piece := file.read(_CHUNK):
                yield tail + piece
                tail = piece[-400:]
    except FileNotFoundError:
        return  # a temporary file that has gone since
