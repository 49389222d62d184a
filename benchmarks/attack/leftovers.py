"""A list of candidates held against everything that is left: does any trace of one of them tell that she was there?

The attacker has the store, the engine's database, its state folder and its secrets. Of each candidate's address, name
and telephone number she computes whatever a careless engine might have kept: the text, plain hashes, keyed ones with
every secret that she has found, the engine's own digests. Then she looks for any of them in anything.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import numpy as np
import sqlalchemy as sa

from benchmarks.attack.spelled import Texts
from pipelines.estate import Estate
from pipelines.subjects import canonical, loose_email, subject_digest

PREFIX = 8
"""Bytes of a digest that are looked for: none is found by chance, and none escapes that was cut short to this."""

HASHES = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "blake2b", "blake2s", "sha3_256")
_HEX = re.compile(rb"[0-9a-fA-F]{16,}")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{11,}")
_ORDINARY = bytes.maketrans(b"-_", b"+/")


@dataclass(frozen=True)
class Candidates:
    """The first bytes of every digest of every candidate, as numbers, and the texts themselves."""

    digests: np.ndarray = field(repr=False)
    texts: Texts = field(repr=False)

    @classmethod
    def of(cls, people: Iterable[Sequence[str]], secrets: Sequence[bytes], estate: Estate) -> Candidates:
        """Compute them of each person's (name, address, telephone number)."""
        people, digests = list(people), set[bytes]()
        scopes = {each.scope for store in estate.data_maps.values() for each in store.datasets.values()}
        for name, email, phone in people:
            for kind, text in (("name", name), ("email", email), ("phone", phone)):
                digests.update(_digests(kind, text, secrets))
                for scope in scopes:
                    own = [subject_digest(estate.key, scope, kind, text)]
                    own += [subject_digest(estate.key, scope, kind, loose_email(text))] if kind == "email" else []
                    digests.update(bytes.fromhex(each)[:PREFIX] for each in own)
        numbers = np.frombuffer(b"".join(digests), dtype=">u8").astype(np.uint64)
        return cls(np.sort(numbers), Texts.of(people))

    def in_bytes(self, content: bytes) -> int:
        """How many of them stand in bytes: raw at any place, in hexadecimal digits, in base64."""
        pieces = [content[start:] for start in range(PREFIX)]
        for match in _HEX.finditer(content):
            for start in (0, 1):
                text = match[0][start:].decode()
                pieces.append(bytes.fromhex(text[: len(text) // 2 * 2]))
        for match in _BASE64.finditer(content):
            text64 = match[0].translate(_ORDINARY)
            pieces.append(base64.b64decode(text64[: len(text64) // 4 * 4]))
        whole = b"".join(piece[: len(piece) // PREFIX * PREFIX] for piece in pieces)
        numbers = np.frombuffer(whole, dtype=">u8").astype(np.uint64)
        nearest = np.searchsorted(self.digests, numbers).clip(max=len(self.digests) - 1)
        return int((self.digests[nearest] == numbers).sum())


def _digests(kind: str, text: str, secrets: Sequence[bytes]) -> Iterator[bytes]:
    for form in {text, text.lower(), canonical(kind, text), re.sub(r"\W", "", text)}:
        plain = form.encode()
        for name in HASHES:
            yield hashlib.new(name, plain).digest()[:PREFIX]
        for secret in secrets:
            for name in ("md5", "sha1", "sha256", "sha512"):
                yield hmac.digest(secret, plain, name)[:PREFIX]
            yield hashlib.sha256(secret + plain).digest()[:PREFIX]
            yield hashlib.sha256(plain + secret).digest()[:PREFIX]


def secrets_of(estate: Estate) -> list[bytes]:
    """The keys of the engine, as they are written and as the bytes that they stand for."""
    texts = re.findall(rb"[0-9a-f]{32,}", (estate.state / "key").read_bytes())
    return sorted({*texts, *(bytes.fromhex(text.decode()) for text in texts)})


def left(estate: Estate, urls: Iterable[str], folders: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    """Everything: every table of these databases row by row, every table of the index, every file of the folders."""
    for url in urls:
        yield from _tables(url)
    if estate.index_file.exists():
        with duckdb.connect(str(estate.index_file), read_only=True) as index:
            for (name,) in index.execute("SELECT table_name FROM duckdb_tables()").fetchall():
                rows = index.execute(f'SELECT * FROM "{name}"').fetchall()
                yield f"index.{name}", _joined(rows)
    for folder in (estate.state, *folders):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                yield str(path.relative_to(folder)), path.read_bytes()


def _tables(url: str) -> Iterator[tuple[str, bytes]]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        inspector = sa.inspect(connection)
        for schema in inspector.get_schema_names():
            if schema in {"information_schema", "pg_catalog"}:
                continue
            views = inspector.get_materialized_view_names(schema) if engine.dialect.name == "postgresql" else []
            for name in (*inspector.get_table_names(schema), *views):
                rows = connection.execute(sa.select(sa.text("*")).select_from(sa.table(name, schema=schema)))
                yield f"{schema}.{name}", _joined(rows)


def _joined(rows: Iterable[Sequence[object]]) -> bytes:
    return "\n".join("\x1f".join(map(_text, row)) for row in rows).encode("utf-8", "replace")


def _text(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def revealed(candidates: Candidates, everything: Iterable[tuple[str, bytes]]) -> Counter[str]:
    """By place, how many digests or texts of candidates stand there."""
    found: Counter[str] = Counter()
    for place, content in everything:
        found[place] += candidates.in_bytes(content) + len(candidates.texts.found(content))
    return +found


def planted(database: Path, text: str) -> None:
    """Leave what a careless engine would: a hash of somebody's address, in a table of the store."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE careless (trace TEXT)")
        connection.execute("INSERT INTO careless VALUES (?)", (hashlib.sha256(text.encode()).hexdigest(),))
