"""Each thing that stands in the way of a strategy is found, and said to be that; nothing else is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
import sqlalchemy as sa
from fixtures_postgres import PostgresDatabase

from connectors.sql import partitions, rewrite
from connectors.sql.strategy import Obstacle

pytestmark = pytest.mark.slow

WRITER, READER, MOST = "ardoise_write", "ardoise_read", 1 << 40
OTHER = "CREATE TABLE other (id integer PRIMARY KEY, plain integer REFERENCES plain (id))"
FUNCTION = "CREATE FUNCTION nothing() RETURNS {} LANGUAGE plpgsql AS $$ BEGIN {} END $$"
TRIGGER = (
    FUNCTION.format("trigger", "RETURN NULL;"),
    "CREATE TRIGGER watch AFTER {} ON plain EXECUTE FUNCTION nothing()",
)
REWRITE = {
    "kind": ["DROP TABLE plain", "CREATE TYPE typed AS (id integer)", "CREATE TABLE plain OF typed"],
    "inheritance": ["CREATE TABLE heir () INHERITS (plain)"],
    "foreign_keys": [OTHER],
    "triggers": [TRIGGER[0], TRIGGER[1].format("INSERT")],
    "rules": ["CREATE RULE also AS ON INSERT TO plain DO ALSO NOTHING"],
    "row_security": ["ALTER TABLE plain ENABLE ROW LEVEL SECURITY"],
    "dependents": ["CREATE VIEW seen AS SELECT name FROM plain"],
    "publications": ["CREATE PUBLICATION shown FOR TABLE plain"],
    "replication": [
        "CREATE SUBSCRIPTION fed CONNECTION 'host=nowhere' PUBLICATION shown WITH (connect = false, slot_name = NONE)",
        "SET allow_system_table_mods = on",
        "INSERT INTO pg_subscription_rel SELECT oid, 'plain'::regclass, 'r', NULL FROM pg_subscription",
    ],
    "owner": ["ALTER TABLE plain OWNER TO CURRENT_USER"],
    "schema": [f"REVOKE CREATE ON SCHEMA public FROM {WRITER}, PUBLIC"],
    "references": [
        "CREATE TABLE parents (id integer PRIMARY KEY)",
        "ALTER TABLE plain ADD FOREIGN KEY (id) REFERENCES parents (id)",
    ],
    "grantors": [
        f"GRANT SELECT ON plain TO {READER} WITH GRANT OPTION", f"SET ROLE {READER}", "GRANT SELECT ON plain TO PUBLIC",
    ],
    "unfinished": ["ALTER TABLE plain ADD CHECK (id > 0) NOT VALID"],
    "tablespace": [
        "SET allow_in_place_tablespaces = on", "CREATE TABLESPACE apart LOCATION ''",
        "CREATE INDEX named ON plain (name) TABLESPACE apart",
    ],
    "extension": ["ALTER EXTENSION plpgsql ADD TABLE plain"],
    "event_triggers": [
        FUNCTION.format("event_trigger", ""),
        "CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION nothing()",
    ],
    "size": ["INSERT INTO plain SELECT generate_series(1, 10000)"],
}  # fmt: skip
PARTITIONS = {
    "kind": ["DROP TABLE plain", "CREATE TABLE plain (id integer PRIMARY KEY)"],
    "foreign_keys": [OTHER],
    "triggers": [TRIGGER[0], TRIGGER[1].format("TRUNCATE")],
    "rules": ["CREATE RULE also AS ON DELETE TO plain_1 DO ALSO NOTHING"],
    "row_security": ["ALTER TABLE plain_1 ENABLE ROW LEVEL SECURITY"],
    "publications": ["CREATE PUBLICATION shown FOR TABLE plain"],
    "rights": [f"REVOKE TRUNCATE ON plain_1 FROM {WRITER}"],
}


@pytest.fixture
def admin(postgres_database: PostgresDatabase) -> Iterator[sa.Connection]:
    """A superuser, who leaves nothing that other databases see."""
    engine = sa.create_engine(postgres_database.admin, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"GRANT USAGE, CREATE ON SCHEMA public TO {WRITER}")
        yield connection
        connection.exec_driver_sql("RESET ROLE")
        connection.exec_driver_sql("DROP EVENT TRIGGER IF EXISTS watch")
        connection.exec_driver_sql("DELETE FROM pg_subscription_rel")
        connection.exec_driver_sql("DROP SUBSCRIPTION IF EXISTS fed")
        connection.exec_driver_sql("DROP INDEX IF EXISTS named")
        connection.exec_driver_sql("DROP TABLESPACE IF EXISTS apart")


def run(admin: sa.Connection, statements: Sequence[str]) -> sa.Table:
    """Run them as the superuser; the table."""
    for each in statements:
        admin.exec_driver_sql(each)
    admin.exec_driver_sql("RESET ROLE")
    return sa.Table("plain", sa.MetaData(), sa.Column("id", sa.Integer))


def names(found: Sequence[Obstacle]) -> list[str]:
    assert all(each.what for each in found)
    return [each.name for each in found]


def owned(admin: sa.Connection, definition: str) -> None:
    run(admin, [f"CREATE TABLE plain {definition}", f"ALTER TABLE plain OWNER TO {WRITER}"])


@pytest.mark.parametrize("name", ["", *REWRITE])
def test_what_stands_in_the_way_of_writing_a_table_anew_is_said(admin: sa.Connection, name: str) -> None:
    owned(admin, "(id integer PRIMARY KEY, name text)")
    table = run(admin, REWRITE.get(name, ()))
    if name == "kind":
        run(admin, [f"ALTER TABLE plain OWNER TO {WRITER}"])
    most = 1 if name == "size" else MOST
    expected = {"": [], "inheritance": [name, "dependents"]}.get(name, [name])
    assert names(rewrite.obstacles(admin, table, WRITER, most)) == expected


@pytest.mark.parametrize("name", ["", *PARTITIONS])
def test_what_stands_in_the_way_of_emptying_partitions_is_said(admin: sa.Connection, name: str) -> None:
    owned(admin, "(id integer PRIMARY KEY) PARTITION BY RANGE (id)")
    run(admin, ["CREATE TABLE plain_1 PARTITION OF plain DEFAULT", f"ALTER TABLE plain_1 OWNER TO {WRITER}"])
    table = run(admin, PARTITIONS.get(name, ()))
    assert names(partitions.obstacles(admin, table, WRITER)) == [name][: bool(name)]
