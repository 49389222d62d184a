"""Rows that have no name in the engine's own tables are refused, and no others."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from fixtures_sql import Shop

from connectors.errors import StoreRefuses
from connectors.sql.naming import LONGEST_NAME, refuse_unnamed

BYTES = {"postgresql": "bytea", "mariadb": "varbinary(200)", "sqlite": "blob"}


def looked_at(shop: Shop, kind: str, values: list[object]) -> None:
    shop.run(f"CREATE TABLE coded (code {kind} NOT NULL)")
    with shop.admin.begin() as connection:
        table = sa.Table("coded", sa.MetaData(), autoload_with=connection)
        connection.execute(table.insert(), [{"code": value} for value in values])
    with shop.connector.writing() as connection, connection.begin():
        refuse_unnamed(connection, "coded", table, ("code",))


@pytest.mark.parametrize("kind", ["varchar(300)", "text"])
def test_a_key_that_is_too_long_for_a_mark_is_refused(shop: Shop, kind: str) -> None:
    longest = "é" * (LONGEST_NAME - len('[""]'))
    looked_at(shop, kind, ["a", longest])
    shop.run("DROP TABLE coded")
    with pytest.raises(StoreRefuses, match=r"coded: its key \(code\) has more than the 255 characters") as caught:
        looked_at(shop, kind, ["a", longest + "é"])
    assert "éé" not in str(caught.value)


def test_bytes_that_are_no_text_are_refused_where_json_cannot_hold_them(shop: Shop) -> None:
    kind = BYTES[shop.admin.dialect.name.replace("mysql", "mariadb")]
    if shop.admin.dialect.name == "postgresql":
        looked_at(shop, kind, [b"\xff\x00"])
        return
    if shop.admin.dialect.name != "sqlite":
        looked_at(shop, kind, [b"abc"])
        shop.run("DROP TABLE coded")
    with pytest.raises(StoreRefuses, match=r"coded: its key \(code\) holds bytes that are no text"):
        looked_at(shop, kind, [b"\xff\x00"])


@pytest.mark.parametrize("shop", ["postgresql", "mariadb"], indirect=True)
def test_numbers_are_not_looked_at(shop: Shop) -> None:
    table = sa.Table("nowhere", sa.MetaData(), sa.Column("code", sa.Integer))
    asked: list[str] = []
    with shop.connector.writing() as connection, connection.begin():
        sa.event.listen(connection, "before_cursor_execute", lambda *given: asked.append(given[2]))
        refuse_unnamed(connection, "nowhere", table, ("code",))
    assert asked == []
