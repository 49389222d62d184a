"""PostgreSQL, MariaDB and SQLite keep the contract of every connector."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from connector_contract import ConnectorContract
from fixtures_mariadb import MariaDatabase
from fixtures_postgres import PostgresDatabase

from connectors.base import Ref, Source
from connectors.sql.connector import SqlConnector

TABLE = """
CREATE TABLE people (
  id integer, tenant varchar(20) NOT NULL, email varchar(200), born date, score numeric(8, 2), note text,
  PRIMARY KEY (tenant, id)
)
"""
ROWS = [
    (number, tenant, f"p{number}@example.org", "1980-02-29", 10.5, None if number % 2 else 'Émile, "dit" l\'Aîné')
    for number in range(1, 9)
    for tenant in ("julien", "other")
]


class SqlWorld:
    """One table of two tenants, seen by the connector and by an administrator."""

    def __init__(self, connector: SqlConnector, admin: sa.Engine) -> None:
        self.connector = connector
        self.source = Source("people", "people", where={"tenant": ("julien",)})
        self.admin = admin
        with admin.begin() as connection:
            connection.exec_driver_sql(TABLE)
            connection.execute(
                sa.text("INSERT INTO people VALUES (:a, :b, :c, :d, :e, :f)"),
                [dict(zip("abcdef", row, strict=True)) for row in ROWS],
            )

    def snapshot(self) -> dict[tuple[str, str], bytes]:
        with self.admin.connect() as connection:
            rows = connection.exec_driver_sql("SELECT * FROM people").mappings().all()
        space = "" if self.admin.dialect.name == "sqlite" else " "
        return {
            ("", f'["{row["tenant"]}",{space}{row["id"]}]'): json.dumps(dict(row), default=str).encode() for row in rows
        }

    def touch(self, ref: Ref) -> None:
        self._change("UPDATE people SET score = score + 1 WHERE tenant = :tenant AND id = :id", ref)

    def remove(self, ref: Ref) -> None:
        self._change("DELETE FROM people WHERE tenant = :tenant AND id = :id", ref)

    def redact(self, _ref: Ref, content: bytes) -> bytes | None:
        row = json.loads(content)
        return json.dumps(row | {"email": None, "note": "effacé", "born": "1980-01-01", "score": 1.25}).encode()

    def redacted(self, content: bytes) -> bool:
        row = json.loads(content)
        return (row["email"], row["note"], row["born"], float(row["score"])) == (None, "effacé", "1980-01-01", 1.25)

    def _change(self, statement: str, ref: Ref) -> None:
        tenant, number = json.loads(ref.key)
        with self.admin.begin() as connection:
            connection.execute(sa.text(statement), {"tenant": tenant, "id": number})


class TestPostgresql(ConnectorContract):
    @pytest.fixture
    def world(self, postgres_database: PostgresDatabase) -> Iterator[SqlWorld]:
        connector = SqlConnector("crm", postgres_database.read, postgres_database.write)
        yield SqlWorld(connector, sa.create_engine(postgres_database.admin, poolclass=sa.NullPool))
        connector.close()


class TestMariadb(ConnectorContract):
    @pytest.fixture
    def world(self, mariadb_database: MariaDatabase) -> Iterator[SqlWorld]:
        connector = SqlConnector("crm", mariadb_database.read, mariadb_database.write)
        yield SqlWorld(connector, sa.create_engine(mariadb_database.admin, poolclass=sa.NullPool))
        connector.close()


class TestSqlite(ConnectorContract):
    @pytest.fixture
    def world(self, tmp_path: Path) -> Iterator[SqlWorld]:
        path = tmp_path / "a folder" / "billing #1.sqlite"
        path.parent.mkdir()
        sqlite3.connect(path).close()
        path.touch()
        url = sa.URL.create("sqlite", database=str(path)).render_as_string()
        connector = SqlConnector("billing", url, url)
        yield SqlWorld(connector, sa.create_engine(url, poolclass=sa.NullPool))
        connector.close()
