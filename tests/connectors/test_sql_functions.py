"""Expressions mean the same on every engine, and as in Python."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from fixtures_mariadb import MariaServer
from fixtures_postgres import PostgresServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.digests import LENGTH, DigestKey
from connectors.sql.drawing import Drawing, assigned, drawn
from connectors.sql.engines import open_engine, prepare_sqlite
from connectors.sql.functions import keyed_digest, random_hex, row_digest

KEY = DigestKey(b"\x00'i" * 10 + b"nn", bytes(range(224, 256)))

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=60)


@pytest.fixture(scope="module")
def connections(postgres_server: PostgresServer, mariadb_server: MariaServer) -> Iterator[list[sa.Connection]]:
    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(":memory:")
        prepare_sqlite(connection)
        return connection

    engines = [
        sa.create_engine(postgres_server.url()),
        open_engine("crm", mariadb_server.url("mysql"), write=False),
        sa.create_engine("sqlite://", creator=connect),
    ]
    opened = [engine.connect() for engine in engines]
    yield opened
    for connection in opened:
        connection.close()
    for engine in engines:
        engine.dispose()


@given(texts)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_engine_computes_the_digest_of_python(connections: list[sa.Connection], text: str) -> None:
    for connection in connections:
        assert connection.execute(sa.select(keyed_digest(KEY, sa.literal(text)))).scalar_one() == KEY.digest(text)


def test_the_digest_of_null_is_null(connections: list[sa.Connection]) -> None:
    for connection in connections:
        assert connection.execute(sa.select(keyed_digest(KEY, sa.null()))).scalar_one() is None


def test_the_key_is_never_in_the_statement(connections: list[sa.Connection]) -> None:
    for connection in connections:
        statement = str(sa.select(keyed_digest(KEY, sa.literal("x"))).compile(connection))
        assert KEY.inner.hex() not in statement
        assert repr(KEY.inner)[2:12] not in statement


@given(st.lists(st.one_of(st.none(), texts, st.integers(-(2**31), 2**31 - 1)), min_size=2, max_size=5))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_row_digests_tell_null_empty_and_shifted_values_apart(
    connections: list[sa.Connection], values: list[str | int | None]
) -> None:
    def digest(connection: sa.Connection, row: list[str | int | None]) -> str:
        expressions = [sa.cast(sa.literal(None if v is None else str(v), sa.Text), sa.Text) for v in row]
        found: str = connection.execute(sa.select(row_digest(expressions))).scalar_one()
        return found

    shifted = [*values[1:], values[0]]
    blanked = ["" if value is None else value for value in values]
    for connection in connections:
        same = digest(connection, values)
        assert same is not None
        assert (digest(connection, shifted) == same) == (
            [str(v) for v in shifted] == [str(v) for v in values]
            and [v is None for v in shifted] == [v is None for v in values]
        )
        assert (digest(connection, blanked) == same) == (blanked == values)


def test_a_row_may_have_as_many_columns_as_a_table_and_its_digest_is_what_it_was(
    connections: list[sa.Connection],
) -> None:
    numbers = [sa.literal_column(str(number), sa.Integer) for number in range(1_500)]
    for connection in connections:
        found = connection.execute(sa.select(row_digest(numbers))).scalar_one()
        assert len(found) == LENGTH
        if connection.dialect.name == "sqlite":
            assert found == hashlib.sha256(",".join(map(str, range(1_500))).encode()).hexdigest()[:LENGTH]


def test_a_row_digest_is_the_same_in_every_character_set_of_mariadb(connections: list[sa.Connection]) -> None:
    """A column may have one, and what is compared with it another."""
    sets = ("latin1", "utf8mb3", "utf8mb4")
    texts = (sa.literal_column(f"CONVERT('Île' USING {each})", sa.Text) for each in sets)
    found = connections[1].execute(sa.select(*(row_digest([each]) for each in texts))).one()
    assert len(set(found)) == 1


def test_random_digits_differ_by_row_and_have_their_length(connections: list[sa.Connection]) -> None:
    rows = sa.select(sa.literal(1).label("n")).union_all(*(sa.select(sa.literal(n)) for n in range(2, 60))).subquery()
    for connection in connections:
        found = connection.execute(sa.select(random_hex(31)).select_from(rows)).scalars().all()
        assert len(set(found)) == 59
        assert {len(each) for each in found} == {31}
        assert set("".join(found)) <= set("0123456789abcdef")


def test_rows_at_the_same_place_of_two_partitions_draw_for_themselves(connections: list[sa.Connection]) -> None:
    postgresql = connections[0]
    table = sa.Table("parted", sa.MetaData(), sa.Column("n", sa.Integer), prefixes=["TEMPORARY"])
    for each in (
        "CREATE TEMPORARY TABLE parted (n integer) PARTITION BY LIST (n)",
        *(f"CREATE TEMPORARY TABLE parted_{n} PARTITION OF parted FOR VALUES IN ({n})" for n in (1, 2)),
        "INSERT INTO parted SELECT 1 + mod(n, 2) FROM generate_series(1, 60) AS n",
    ):
        postgresql.exec_driver_sql(each)
    drawing = Drawing(table)
    values = {"text": drawing.hexadecimal(70), "again": drawing.hexadecimal(70)}
    query = drawn(sa.select(*values.values()).select_from(table), values)
    found = [text for _ in range(2) for row in postgresql.execute(query) for text in row]
    assert len(set(found)) == len({each[:64] for each in found}) == 240
    assert {len(each) for each in found} == {70}


def test_a_column_that_is_called_like_a_block_is_not_taken_for_one(connections: list[sa.Connection]) -> None:
    postgresql = connections[0]
    columns = [sa.Column(name, sa.LargeBinary) for name in ("block0", "block1")]
    table = sa.Table("blocks", sa.MetaData(), *columns, prefixes=["TEMPORARY"])
    table.create(postgresql)
    postgresql.execute(table.insert(), {each.name: bytes(32) for each in columns})
    drawing = Drawing(table)
    values = {"text": drawing.hexadecimal(64), "more": drawing.hexadecimal(64)}
    (row,) = postgresql.execute(drawn(sa.select(*values.values(), *columns).select_from(table), values)).all()
    assert "00" * 32 not in row[:2]
    assert row[2:] == (bytes(32), bytes(32))


def test_what_a_row_draws_shares_no_byte_and_is_written_at_once(connections: list[sa.Connection]) -> None:
    postgresql = connections[0]
    columns = [sa.Column(name, sa.Text) for name in ("odd", "even")]
    table = sa.Table(
        "drawn", sa.MetaData(), sa.Column("n", sa.Integer), *columns, sa.Column("whole", sa.BigInteger),
        sa.Column("small", sa.BigInteger), prefixes=["TEMPORARY"],
    )  # fmt: skip
    table.create(postgresql)
    postgresql.exec_driver_sql("INSERT INTO drawn SELECT n FROM generate_series(1, 2000) AS n")
    drawing = Drawing(table)
    values = {
        "odd": drawing.hexadecimal(17), "even": drawing.hexadecimal(16).concat("@"), "whole": drawing.whole(63),
        "small": drawing.whole(3), "n": 7,
    }  # fmt: skip
    done = postgresql.execute(sa.update(table).where(table.c.n > 1000).values(assigned(table, values)))
    assert done.rowcount == 1000
    rows = postgresql.execute(sa.select(table).where(table.c.whole.is_not(None))).all()
    assert len(rows) == 1000
    assert {row.n for row in rows} == {7}
    assert {(len(row.odd), len(row.even), row.even[-1]) for row in rows} == {(17, 17, "@")}
    assert {row.small for row in rows} == set(range(8))
    assert 0 <= min(row.whole for row in rows) < 2**56 and max(row.whole for row in rows) > 2**62  # noqa: PT018
    # A byte in common would show in every row: as two equal texts, or as a number that a text begins with.
    hexadecimal = [(row.odd[:16], row.even[:16], f"{row.whole:016x}") for row in rows]
    assert len({each for row in hexadecimal for each in row}) == 3000
    for at in range(0, 16, 2):
        for one, other in ((0, 1), (0, 2), (1, 2)):
            assert sum(row[one][at : at + 2] == row[other][at : at + 2] for row in hexadecimal) < 50


def test_long_texts_begin_with_what_neighbouring_keys_have_in_common(connections: list[sa.Connection]) -> None:
    postgresql, count = connections[0], 6_000
    columns = [sa.Column(name, sa.Text) for name in ("long", "longer", "short")]
    table = sa.Table("many", sa.MetaData(), sa.Column("n", sa.BigInteger), *columns, prefixes=["TEMPORARY"])
    table.create(postgresql)
    spread = (1 << 24) // count
    postgresql.exec_driver_sql(f"INSERT INTO many SELECT (n - 3) * {spread} FROM generate_series(1, {count}) AS n")

    def made(key: sa.ColumnElement[int] | None) -> tuple[list[int], dict[str, list[str]]]:
        drawing = Drawing(table, key)
        values = {"long": drawing.hexadecimal(24), "longer": drawing.hexadecimal(70), "short": drawing.hexadecimal(20)}
        postgresql.execute(sa.update(table).values(assigned(table, values)))
        found = postgresql.execute(sa.select(table).order_by(table.c.n)).all()
        return [row.n for row in found], {name: [getattr(row, name) for row in found] for name in values}

    keys, texts = made(table.c.n)
    assert all(len(set(each)) == count for each in texts.values())
    assert [len(texts[name][0]) for name in ("long", "longer", "short")] == [24, 70, 20]
    for name in ("long", "longer"):
        assert [int(text[:2], 16) for text in texts[name]] == [(key >> 16) & 255 for key in keys]
        assert len({text[2:4] for text in texts[name]}) == 256
    _, without = made(None)
    for name, found in {**without, "short": texts["short"]}.items():
        assert sum(int(text[:2], 16) == (key >> 16) & 255 for text, key in zip(found, keys, strict=True)) < 60, name
    assert sum(a[2:4] == b[2:4] for a, b in zip(texts["long"], texts["longer"], strict=True)) < 60
