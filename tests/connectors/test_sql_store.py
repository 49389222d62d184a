"""What a SQL store says of itself, and what it says when it cannot do what is asked."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from fixtures_postgres import PostgresDatabase
from fixtures_sql import Shop

from connectors.base import Connector, Reference, Source
from connectors.errors import ConnectorError, StoreDown, StoreMismatch, StoreReadOnly, StoreRefuses
from connectors.registry import kinds, open_connector
from connectors.sql import SqlConnector
from connectors.sql.catalog import deletion_order
from connectors.sql.temporary import index, looked_up


def _indexes(shop: Shop) -> bool:
    """Whether the store makes an index for every reference by itself."""
    return shop.admin.dialect.name == "mariadb"


def test_it_is_a_connector(shop: Shop) -> None:
    assert isinstance(shop.connector, Connector)


def test_inspection_names_tables_keys_references_and_nothing_of_its_own(shop: Shop) -> None:
    inventory = shop.connector.inspect()
    prefix = "public." if shop.admin.dialect.name == "postgresql" else ""
    assert [each.location for each in inventory.datasets] == [
        f"{prefix}{name}" for name in ("companies", "contacts", "notes", "visits")
    ]
    contacts, visits, notes = (inventory.find(f"{prefix}{name}") for name in ("contacts", "visits", "notes"))
    assert contacts is not None
    assert visits is not None
    assert notes is not None
    assert contacts.key == ("id",)
    assert {each.name for each in contacts.fields if each.unique} == {"id", "email"}
    assert next(each for each in contacts.fields if each.name == "email").length == 200
    assert visits.references == (Reference(("contact_id",), f"{prefix}contacts", ("id",), "cascade", indexed=True),)
    assert notes.references == (
        Reference(("visit_id",), f"{prefix}visits", ("id",), "set null", indexed=_indexes(shop)),
    )


APART = {
    "postgresql": """
CREATE TABLE apart (id integer PRIMARY KEY, phone text, name text, city text, born date, cents integer,
  plain text GENERATED ALWAYS AS (replace(phone, ' ', 'city')) STORED UNIQUE, EXCLUDE USING btree (born WITH =));
CREATE UNIQUE INDEX apart_name ON apart (lower(name), (1)) INCLUDE (city) WHERE cents > 0
""",
    "mariadb": """
CREATE TABLE apart (id integer PRIMARY KEY, phone varchar(40), name varchar(40), city varchar(40), born date,
  cents integer, short varchar(40) AS (replace(phone, 'city', '')) VIRTUAL,
  plain varchar(40) AS (concat(short, name, born)) PERSISTENT UNIQUE)
""",
    "sqlite": """
CREATE TABLE apart (id integer PRIMARY KEY, phone decimal(10, 2), name text, city text DEFAULT 'as (', born date,
  cents integer, twice integer AS (cents * 2), -- as is the next one: AS (city)
  short text AS (replace(phone, 'city', '(')) STORED, plain text AS (short || born) UNIQUE);
CREATE UNIQUE INDEX apart_name ON apart (lower("name")) WHERE cents > 0
""",
}


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
def test_what_a_unique_expression_is_made_of_is_unique(shop: Shop) -> None:
    for statement in APART[shop.admin.dialect.name].split(";"):
        shop.run(statement)
    apart = next(each for each in shop.connector.inspect().datasets if each.location.endswith("apart"))
    found = {each.name for each in apart.fields if each.unique}
    assert found - {"short"} == {"id", "phone", "name", "born", "plain"}


def test_children_are_deleted_before_their_parents(shop: Shop) -> None:
    order, cycles = deletion_order(shop.connector.inspect())
    names = [each.removeprefix("public.") for each in order]
    assert names.index("notes") < names.index("visits") < names.index("contacts") < names.index("companies")
    assert cycles == ()


def test_a_cycle_of_references_is_reported(shop: Shop) -> None:
    if shop.admin.dialect.name == "sqlite":
        shop.run("CREATE TABLE a (id integer PRIMARY KEY, b integer REFERENCES b (id))")
        shop.run("CREATE TABLE b (id integer PRIMARY KEY, a integer REFERENCES a (id))")
    else:
        shop.run("CREATE TABLE a (id integer PRIMARY KEY, b integer)")
        shop.run("CREATE TABLE b (id integer PRIMARY KEY, a integer REFERENCES a (id))")
        shop.run("ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b (id)")
    order, cycles = deletion_order(shop.connector.inspect())
    assert [[name.removeprefix("public.") for name in cycle] for cycle in cycles] == [["a", "b"]]
    assert len(order) == 6


def test_impact_counts_cascades_and_warns_of_missing_indexes(shop: Shop) -> None:
    shop.run("INSERT INTO notes VALUES (1, 5, 'x'), (2, 6, 'y')")
    prefix = "public." if shop.admin.dialect.name == "postgresql" else ""
    impact = shop.connector.impact(shop.contacts)
    assert impact.cascades == {f"{prefix}visits: cascade": 300, f"{prefix}notes: set null": 2}
    assert any("notes(visit_id) has no index" in each for each in impact.warnings) is not _indexes(shop)
    table = shop.connector.table(shop.contacts)
    one = shop.connector.impact_of(shop.contacts, table.c.id == 6)
    assert one.cascades == {f"{prefix}visits: cascade": 3, f"{prefix}notes: set null": 1}
    refused = shop.connector.impact(Source("companies", "companies"))
    assert refused.refusals == (f"100 rows of {prefix}contacts(company_id) reference rows of {prefix}companies",)


def test_triggers_are_named(shop: Shop) -> None:
    if shop.admin.dialect.name == "sqlite":
        shop.run("CREATE TRIGGER audit AFTER DELETE ON visits BEGIN INSERT INTO companies VALUES (99, 'x'); END")
    elif shop.admin.dialect.name == "mariadb":
        shop.run("CREATE TRIGGER audit AFTER DELETE ON visits FOR EACH ROW INSERT INTO companies VALUES (99, 'x')")
    else:
        shop.run("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'")
        shop.run("CREATE TRIGGER audit AFTER DELETE ON visits FOR EACH ROW EXECUTE FUNCTION f()")
    assert [each.rpartition(".")[2] for each in shop.connector.impact(shop.visits).triggers] == ["audit"]


@pytest.mark.parametrize(
    "change", ["ALTER TABLE visits ADD COLUMN ip varchar(40)", "CREATE TABLE x (id integer REFERENCES visits (id))"]
)
def test_a_changed_schema_has_another_digest(shop: Shop, change: str) -> None:
    sources = [shop.contacts, shop.visits]
    before = shop.connector.schema_digest(sources)
    shop.run("CREATE TABLE unrelated (id integer)")
    assert shop.connector.schema_digest(reversed(sources)) == before
    shop.run(change)
    assert shop.connector.schema_digest(sources) != before


def test_a_missing_table_or_column_is_named_with_what_to_do(shop: Shop) -> None:
    with pytest.raises(StoreMismatch, match=r"no table nowhere.*data map"):
        shop.connector.table(Source("x", "nowhere"))
    with pytest.raises(StoreMismatch, match=r"no column tenant.*it has id, company_id"):
        shop.connector.count(Source("x", "contacts", where={"tenant": ("a",)}))
    with pytest.raises(StoreMismatch, match="no column nope"):
        list(shop.connector.scan(shop.contacts, ["nope"]))


def test_a_scan_gives_the_named_columns_as_text(shop: Shop) -> None:
    shop.run("UPDATE contacts SET seen = NULL WHERE id > 1")
    row = next(shop.connector.scan(shop.contacts, ["id", "seen"])).to_pylist()[0]
    assert (row["key"], row["id"], row["seen"]) == ("[1]", "1", "2020-01-31")


def test_reading_connections_make_temporary_tables_and_change_nothing(shop: Shop) -> None:
    with shop.connector.reading() as connection:
        connection.exec_driver_sql("CREATE TEMPORARY TABLE mine (n integer)")
        connection.exec_driver_sql("INSERT INTO mine SELECT id FROM contacts")
        assert connection.exec_driver_sql("SELECT count(*) FROM mine").scalar_one() == 100
    with pytest.raises(StoreReadOnly), shop.connector.reading() as connection:
        connection.exec_driver_sql("DELETE FROM visits")
    assert shop.value("SELECT count(*) FROM visits") == 300


@pytest.mark.parametrize("shop", ["postgresql", "mariadb"], indirect=True)
def test_one_reading_sees_one_state_whatever_temporary_tables_it_makes(shop: Shop) -> None:
    columns = sa.Column("name", sa.String(20)), sa.Column("text", sa.Text)
    mine = looked_up(sa.Table("mine", sa.MetaData(), *columns, prefixes=["TEMPORARY"]), ("name", "text"))
    with shop.connector.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM visits").scalar_one() == 300
        shop.run("DELETE FROM visits")
        mine.create(connection)
        connection.execute(mine.insert().values(name="Łukasz"))
        index(connection, mine)
        assert connection.execute(sa.select(mine.c.name).where(mine.c.name == "Łukasz")).scalars().all() == ["Łukasz"]
        assert connection.execute(sa.select(mine).where(mine.c.name == "łukasz")).all() == []
        mine.drop(connection)
        assert connection.exec_driver_sql("SELECT count(*) FROM visits").scalar_one() == 300


@pytest.mark.parametrize("shop", ["mariadb"], indirect=True)
def test_every_error_of_mariadb_is_named_for_what_it_means(shop: Shop) -> None:
    for statement, kind in (
        ("INSERT INTO companies VALUES (1, 'again')", StoreRefuses),
        ("DELETE FROM companies", StoreRefuses),
        ("UPDATE contacts SET city = repeat('x', 50)", StoreRefuses),
        ("SELECT * FROM nowhere", StoreMismatch),
        ("SELECT nothing FROM contacts", StoreMismatch),
        ("DROP TABLE visits", StoreReadOnly),
        ("SET STATEMENT max_statement_time = 0.01 FOR SELECT sleep(2) FROM contacts", StoreDown),
    ):
        with pytest.raises(kind), shop.connector.writing() as connection, connection.begin():
            connection.exec_driver_sql(statement)
    with pytest.raises(StoreDown, match="credentials"):
        SqlConnector("crm", str(shop.connector._read.url.set(password="wrong").render_as_string(False))).check()


def test_a_driver_error_does_not_quote_values(shop: Shop) -> None:
    with pytest.raises(ConnectorError) as caught, shop.connector.writing() as connection, connection.begin():
        connection.execute(sa.text("UPDATE contacts SET email = :canary"), {"canary": "canary@example.org"})
    assert "canary" not in str(caught.value)


def test_a_store_without_a_write_address_only_reads(postgres_database: PostgresDatabase) -> None:
    with pytest.raises(StoreReadOnly), SqlConnector("crm", postgres_database.read).writing():
        pass


@pytest.mark.parametrize("shop", ["postgresql"], indirect=True)
def test_a_table_that_the_role_may_not_change_is_named_beforehand(shop: Shop) -> None:
    shop.connector.check_writable([shop.contacts, shop.visits])
    shop.run("REVOKE DELETE ON visits FROM ardoise_write")
    with pytest.raises(StoreReadOnly, match="visits"):
        shop.connector.check_writable([shop.contacts, shop.visits])
    shop.run("ALTER ROLE ardoise_write SET default_transaction_read_only = on")
    try:
        with pytest.raises(StoreReadOnly):
            shop.connector.check_writable()
    finally:
        shop.run("ALTER ROLE ardoise_write RESET default_transaction_read_only")


def test_a_sqlite_file_is_never_created_and_a_read_only_one_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'absent.sqlite'}"
    with pytest.raises(StoreDown):
        SqlConnector("billing", url, url).check()
    assert not (tmp_path / "absent.sqlite").exists()
    path = tmp_path / "frozen.sqlite"
    sqlite3.connect(path).execute("CREATE TABLE t (id integer PRIMARY KEY)")
    path.chmod(0o444)
    connector = SqlConnector("billing", f"sqlite:///{path}", f"sqlite:///{path}")
    connector.check()
    with pytest.raises(StoreReadOnly, match="read-only"):
        connector.check_writable()


def test_a_sqlite_file_is_writable_without_leaving_a_trace(shop: Shop) -> None:
    before = shop.connector.inspect()
    shop.connector.check_writable([shop.contacts])
    assert shop.connector.inspect() == before


@pytest.mark.parametrize("url", ["postgresql://nobody:secret@127.0.0.1:9/x", "sqlite:////nonexistent/x.sqlite"])
def test_a_store_that_is_not_there_is_down_and_its_password_unspoken(url: str) -> None:
    with pytest.raises(StoreDown) as caught:
        SqlConnector("crm", url).check()
    assert "secret" not in str(caught.value)


def test_wrong_credentials_are_not_taken_for_an_empty_store(postgres_database: PostgresDatabase) -> None:
    with pytest.raises(StoreDown):
        SqlConnector("crm", postgres_database.read.replace("read-only", "wrong")).inspect()


def test_an_address_that_is_none_is_refused() -> None:
    for url in ("not a url", "oracle://x/y", "sqlite://"):
        with pytest.raises(StoreMismatch):
            SqlConnector("crm", url)


@pytest.mark.parametrize("shop", ["postgresql"], indirect=True)
def test_deleted_values_are_gone_from_the_heap_and_the_statistics(shop: Shop) -> None:
    shop.run("INSERT INTO visits VALUES (999, 1, 'canary!', 1)")
    shop.run("ANALYZE visits")
    folder = shop.value("SELECT current_setting('data_directory')")
    path = Path(str(folder))

    def heap() -> bytes:
        return (path / str(shop.value("SELECT pg_relation_filepath('visits')"))).read_bytes()

    shop.run("DELETE FROM visits")
    remains = shop.connector.purge_residue(shop.visits)
    assert b"canary!" not in heap()
    assert shop.value("SELECT count(*) FROM pg_stats WHERE tablename = 'visits'") == 0
    assert any("write-ahead log" in each for each in remains)
    shop.run("REVOKE MAINTAIN ON visits FROM ardoise_write")
    assert any("may not vacuum" in each for each in shop.connector.purge_residue(shop.visits))


@pytest.mark.parametrize("shop", ["sqlite"], indirect=True)
def test_deleted_values_are_gone_from_the_file(shop: Shop) -> None:
    shop.run("INSERT INTO visits VALUES (999, 1, 'canary!', 1)")
    shop.run("DELETE FROM visits WHERE id = 999")
    shop.connector.purge_residue(shop.visits)
    assert b"canary!" not in Path(str(shop.admin.url.database)).read_bytes()


def test_every_kind_is_opened_by_name_and_an_unknown_one_refused() -> None:
    assert open_connector("sql", "crm", "sqlite:///x.sqlite").store == "crm"
    assert open_connector("memory", "mail", "").store == "mail"
    for kind, url in (("imap", "imap://user:password@127.0.0.1:9"), ("caldav", "http://user:password@127.0.0.1:9/")):
        unwritable = open_connector(kind, "mail", url)
        with pytest.raises(StoreReadOnly):
            unwritable.delete(Source("x", "x"), [], "op")
    assert {"sql", "imap", "caldav", "memory"} <= set(kinds())
    with pytest.raises(StoreMismatch, match="caldav, imap, memory, sql"):
        open_connector("fax", "crm", "")
    with pytest.raises(StoreMismatch, match="nonsense"):
        open_connector("sql", "crm", "sqlite:///x.sqlite", nonsense=1)
