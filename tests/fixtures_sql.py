"""Fixtures: one small shop in each SQL store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
from fixtures_mariadb import MariaDatabase
from fixtures_postgres import PostgresDatabase

from connectors.base import Source
from connectors.sql.connector import SqlConnector

SCHEMA = """
CREATE TABLE companies (id integer PRIMARY KEY, name varchar(80) NOT NULL);
CREATE TABLE contacts (
  id integer PRIMARY KEY, company_id integer REFERENCES companies (id), email varchar(200) UNIQUE,
  first_name varchar(40), city varchar(40), seen date
);
CREATE TABLE visits (
  id integer PRIMARY KEY, contact_id integer REFERENCES contacts (id) ON DELETE CASCADE, month varchar(7) NOT NULL,
  cents integer NOT NULL
);
CREATE TABLE notes (
  id integer PRIMARY KEY, visit_id integer REFERENCES visits (id) ON DELETE SET NULL, body text
);
CREATE INDEX visits_contact ON visits (contact_id);
"""


@dataclass
class Shop:
    """A SQL store with companies, contacts (id 1 to 100), visits (three each), and another client's engine."""

    connector: SqlConnector
    admin: sa.Engine

    contacts = Source("contacts", "contacts")
    visits = Source("visits", "visits")

    def run(self, statement: str) -> None:
        with self.admin.begin() as connection:
            connection.exec_driver_sql(statement)

    def value(self, statement: str) -> object:
        with self.admin.connect() as connection:
            return connection.exec_driver_sql(statement).scalar_one()

    def rows(self, statement: str) -> list[tuple[object, ...]]:
        with self.admin.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(statement)]


def fill_shop(admin: sa.Engine) -> None:
    """Make the shop in an empty database."""
    with admin.begin() as connection:
        for statement in SCHEMA.split(";"):
            if statement.strip():
                connection.exec_driver_sql(statement)
        connection.exec_driver_sql("INSERT INTO companies VALUES (1, 'Ardoisière')")
        connection.execute(
            sa.text("INSERT INTO contacts VALUES (:id, 1, :email, :name, 'Angers', '2020-01-31')"),
            [{"id": n, "email": f"p{n}@example.org", "name": f"Name{n}"} for n in range(1, 101)],
        )
        connection.execute(
            sa.text("INSERT INTO visits VALUES (:id, :contact, :month, :cents)"),
            [{"id": n, "contact": n % 100 + 1, "month": f"2020-0{n % 3 + 1}", "cents": n} for n in range(300)],
        )


@pytest.fixture(params=["postgresql", "mariadb", "sqlite"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    """The shop in each SQL store, with the engine's own tables prepared."""
    if request.param == "postgresql":
        database: PostgresDatabase = request.getfixturevalue("postgres_database")
        admin, connector = database.admin, SqlConnector("shop", database.read, database.write)
    elif request.param == "mariadb":
        maria: MariaDatabase = request.getfixturevalue("mariadb_database")
        admin, connector = maria.admin, SqlConnector("shop", maria.read, maria.write)
    else:
        (tmp_path / "shop.sqlite").touch()
        admin = sa.URL.create("sqlite", database=str(tmp_path / "shop.sqlite")).render_as_string()
        connector = SqlConnector("shop", admin, admin)
    engine = sa.create_engine(admin, poolclass=sa.NullPool)
    fill_shop(engine)
    connector.prepare()
    yield Shop(connector, engine)
    connector.close()
