"""Known keys are renewed with everything that points at them, and nothing tells which was which."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import pytest
import sqlalchemy as sa
from fixtures_sql import Shop

from connectors.base import Source
from connectors.errors import StoreRefuses
from connectors.sql.connector import SqlConnector
from connectors.sql.functions import random_digits
from connectors.sql.journal import Chunk, Counts
from connectors.sql.lines import line_up
from connectors.sql.overwrite import update_chunk
from connectors.sql.renewal import Pointer, refused_order, renewing

CHUNK = Chunk("plan", "step", "contacts", 1)
DUE = range(1, 51)


def prepared(shop: Shop) -> None:
    """Let MariaDB's foreign key follow; remember something of a row that is due."""
    if shop.admin.dialect.name in {"mariadb", "mysql"}:
        (name,) = (each[0] for each in shop.rows(
            "SELECT constraint_name FROM information_schema.key_column_usage WHERE table_schema = DATABASE() "
            "AND table_name = 'visits' AND referenced_table_name = 'contacts'"
        ))  # fmt: skip
        shop.run(f"ALTER TABLE visits DROP FOREIGN KEY {name}")
        shop.run(
            "ALTER TABLE visits ADD FOREIGN KEY (contact_id) REFERENCES contacts (id) "
            "ON DELETE CASCADE ON UPDATE CASCADE"
        )
    shop.run("CREATE TABLE letters (id integer PRIMARY KEY, contact integer)")
    shop.run("INSERT INTO letters VALUES (1, 7), (2, 77), (3, NULL), (4, 7)")


def renewed(shop: Shop, below: int = 10**9, changes: Mapping[str, str] | None = None) -> Counts:
    """Renew the keys of the contacts that are due, beside other changes: by default of their names."""
    connector = shop.connector
    contacts, visits = connector.table(shop.contacts), connector.table(shop.visits)
    letters = sa.Table("letters", sa.MetaData(), autoload_with=shop.admin)
    due = sa.select(contacts.c.id).where(contacts.c.id.in_(list(DUE)))

    def drawn(_: sa.Connection) -> sa.ColumnElement[Any]:
        return -1 - sa.cast(random_digits(below, 1, 19), sa.BigInteger)

    pointers = [Pointer(visits, "contact_id"), Pointer(letters, "contact")]
    after = renewing(connector.journal, "id", drawn, pointers)
    with connector.writing() as connection:
        with connection.begin():
            seven = contacts.c.id == 7
            older = Chunk("older", "step", "contacts", 1)
            connector.journal.marks.mark(connection, older, contacts, ("id",), [("user.name", ["city"], seven)])
            candidates = line_up(connection, contacts, ("id",), due, lambda mine: due.where(mine(contacts)))
        changes = {"first_name": "anybody"} if changes is None else changes
        marks = {"user.contact": (*changes, "id")}
        return update_chunk(
            connection,
            connector.journal,
            CHUNK,
            candidates,
            1,
            candidates.count,
            changes,
            marks,
            renewing=after,
        )


def test_rows_references_and_marks_get_the_same_new_keys(shop: Shop) -> None:
    prepared(shop)
    before = shop.rows("SELECT v.id, c.email FROM visits v JOIN contacts c ON c.id = v.contact_id ORDER BY v.id")
    assert renewed(shop) == Counts(done=50)
    assert (
        shop.rows("SELECT v.id, c.email FROM visits v JOIN contacts c ON c.id = v.contact_id ORDER BY v.id") == before
    )
    keys = dict(shop.rows("SELECT email, id FROM contacts"))
    due = {f"p{n}@example.org" for n in DUE}
    assert all((int(str(key)) < 0) == (email in due) for email, key in keys.items())
    seven = keys["p7@example.org"]
    assert shop.rows("SELECT id, contact FROM letters ORDER BY id") == [(1, seven), (2, 77), (3, None), (4, seven)]
    own = "ardoise." if shop.admin.dialect.name == "postgresql" else "ardoise_"
    assert shop.rows(
        f"SELECT category FROM {own}marks JOIN {own}scopes USING (scope) WHERE record = '[{seven}]' ORDER BY 1"
    ) == [("user.contact",), ("user.name",)]
    assert shop.value(f"SELECT count(*) FROM {own}marks") == 51
    with shop.connector.reading() as connection:
        contacts = shop.connector.table(shop.contacts)
        marks = shop.connector.journal.marks
        marked = marks.standing(contacts, ("id",), "contacts", "user.contact", ["first_name", "id"])
        assert connection.execute(sa.select(sa.func.count()).select_from(contacts).where(marked)).scalar_one() == 50


def test_the_order_of_new_keys_says_nothing_of_the_old(shop: Shop) -> None:
    prepared(shop)
    renewed(shop)
    found = [int(str(row[0])) for row in shop.rows("SELECT id FROM contacts WHERE id < 0 ORDER BY email")]
    numbers = [int(str(row[0])[1:].split("@")[0]) for row in shop.rows(
        "SELECT email FROM contacts WHERE id < 0 ORDER BY email"
    )]  # fmt: skip
    by_key = [number for _, number in sorted(zip(found, numbers, strict=True))]
    ascents = sum(first < second for first, second in itertools.pairwise(by_key))
    assert 10 <= ascents <= 39  # 24.5 on average, of a deviation of 2


def test_the_key_may_be_all_that_is_personal_in_a_row(shop: Shop) -> None:
    prepared(shop)
    assert renewed(shop, changes={}) == Counts(done=50)
    assert shop.value("SELECT count(*) FROM contacts WHERE id < 0") == 50


def test_keys_that_meet_are_drawn_again(shop: Shop) -> None:
    prepared(shop)
    renewed(shop, below=200)
    assert shop.value("SELECT count(DISTINCT id) FROM contacts") == 100


def test_too_few_keys_are_refused_and_nothing_is_changed(shop: Shop) -> None:
    prepared(shop)
    before = shop.rows("SELECT * FROM contacts ORDER BY id")
    with pytest.raises(StoreRefuses, match="keep meeting"):
        renewed(shop, below=20)
    assert shop.rows("SELECT * FROM contacts ORDER BY id") == before


LAID = {"postgresql": "ctid", "sqlite": "_rowid_"}
"""By engine, where a row lies. MariaDB lays rows by their keys itself."""


def definitions(shop: Shop) -> list[tuple[object, ...]]:
    """What the catalogue says of the table, its indexes and triggers."""
    if shop.admin.dialect.name == "sqlite":
        return shop.rows("SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2")
    return shop.rows(
        "SELECT indexrelid::regclass::text, indisclustered FROM pg_index WHERE indrelid = 'codes'::regclass"
    )


@pytest.mark.parametrize("shop", ["postgresql", "sqlite"], indirect=True)
def test_rows_lie_in_no_order_of_their_arrival_and_nothing_else_changes(shop: Shop) -> None:
    kind = shop.admin.dialect.name
    shop.run("CREATE TABLE codes (n integer, code bigint PRIMARY KEY)")
    shop.run("CREATE INDEX codes_n ON codes (n)")
    shop.run("CREATE TABLE past (n integer)")
    with shop.admin.begin() as connection:
        rows = [{"n": n, "code": n * 7919 % 100_003} for n in range(1, 401)]
        connection.execute(sa.text("INSERT INTO codes (n, code) VALUES (:n, :code)"), rows)
    if kind == "sqlite":
        shop.run("CREATE TRIGGER keeping AFTER UPDATE ON codes BEGIN INSERT INTO past VALUES (OLD.n); END")
    else:
        shop.run("ALTER TABLE codes CLUSTER ON codes_n")
    before = shop.rows("SELECT * FROM codes ORDER BY n"), definitions(shop)
    assert shop.rows(f"SELECT n FROM codes ORDER BY {LAID[kind]}") == shop.rows("SELECT n FROM codes ORDER BY n")
    url = shop.admin.url.render_as_string(hide_password=False)
    owner = SqlConnector("shop", url, url)
    owner.scatter(Source("codes", "codes", key=("code",)))
    owner.close()
    laid = [int(str(row[0])) for row in shop.rows(f"SELECT n FROM codes ORDER BY {LAID[kind]}")]
    if kind == "sqlite":
        assert 150 < sum(first < second for first, second in itertools.pairwise(laid)) < 250  # 200, of a deviation of 6
    else:
        assert laid == [row[0] for row in shop.rows("SELECT n FROM codes ORDER BY code")]
    assert (shop.rows("SELECT * FROM codes ORDER BY n"), definitions(shop)) == before
    assert shop.value("SELECT count(*) FROM past") == 0


@pytest.mark.parametrize("shop", ["sqlite"], indirect=True)
@pytest.mark.parametrize("definition", ["code integer PRIMARY KEY)", "code text PRIMARY KEY) WITHOUT ROWID"])
def test_rows_that_lie_by_their_keys_stay_where_they_are(shop: Shop, definition: str) -> None:
    shop.run(f"CREATE TABLE codes (n integer, {definition}")
    shop.run("INSERT INTO codes VALUES (1, 5), (2, 4)")
    shop.connector.scatter(Source("codes", "codes", key=("code",)))
    assert shop.rows("SELECT n FROM codes ORDER BY code") == [(2,), (1,)]


@pytest.mark.parametrize("shop", ["postgresql"], indirect=True)
def test_a_role_that_may_not_lay_rows_anew_is_known_beforehand(shop: Shop) -> None:
    contacts = shop.connector.table(shop.contacts)
    assert refused_order(shop.connector, contacts) == ""
    shop.run("REVOKE MAINTAIN ON contacts FROM ardoise_write")
    assert "may not" in refused_order(shop.connector, contacts)
