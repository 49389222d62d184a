"""Expressions mean the same on every engine, and as in Python."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from fixtures_mariadb import MariaServer
from fixtures_postgres import PostgresServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.digests import DigestKey
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
    found = [postgresql.execute(sa.select(random_hex(70, table))).scalars().all() for _ in range(2)]
    assert len({each for drawn in found for each in drawn}) == 120
    assert {len(each) for each in found[0]} == {70}
