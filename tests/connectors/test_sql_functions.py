"""Expressions mean the same on every engine, and as in Python."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from fixtures_mariadb import MariaServer
from fixtures_postgres import PostgresServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.digests import DigestKey
from connectors.sql.drawing import Drawing, assigned, begin, drawn
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


def test_long_texts_of_many_rows_begin_with_the_place_in_which_theirs_is_written(
    connections: list[sa.Connection],
) -> None:
    postgresql, count = connections[0], 70_000
    columns = [sa.Column(name, sa.Text) for name in ("long", "longer", "short")]
    table = sa.Table("many", sa.MetaData(), sa.Column("n", sa.Integer), *columns, prefixes=["TEMPORARY"])
    table.create(postgresql)
    postgresql.exec_driver_sql(f"INSERT INTO many SELECT n FROM generate_series(1, {count}) AS n")
    drawing = Drawing(table)
    values = {"long": drawing.hexadecimal(24), "longer": drawing.hexadecimal(70), "short": drawing.hexadecimal(20)}

    def drawn_for(rows: int) -> dict[str, list[str]]:
        begin(postgresql)
        for first in (1, count // 2 + 1):
            chunk = table.c.n.between(first, first + count // 2 - 1)
            postgresql.execute(sa.update(table).where(chunk).values(assigned(table, values, rows)))
        found = postgresql.execute(sa.select(table).order_by(table.c.n)).all()
        return {name: [getattr(row, name) for row in found] for name in values}

    for few in (drawn_for(0), drawn_for(count - 5000)):  # of fewer rows it would tell more
        assert all(each != sorted(each, key=lambda text: text[:2]) for each in few.values())
    many = drawn_for(count)
    assert all(len(set(each)) == count for each in many.values())
    assert [len(many[name][0]) for name in values] == [24, 70, 20]
    for name in ("long", "longer"):
        places = [int(text[:2], 16) for text in many[name]]
        assert places == sorted(places)
        assert min(Counter(places).values()) >= 256 and len(set(places)) == 256  # noqa: PT018
        assert len({text[2:4] for text in many[name][:256]}) > 100
    assert [text[:2] for text in many["short"]] != sorted(text[:2] for text in many["short"])
    assert sum(one[2:4] == other[2:4] for one, other in zip(many["long"], many["longer"], strict=True)) < count // 128
