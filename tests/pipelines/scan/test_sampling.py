"""A scan reads what has changed, and no more of it than its bounds allow; on real stores."""

from __future__ import annotations

import datetime as dt
import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from fixtures_items import MailAccount
from fixtures_postgres import PostgresDatabase
from fixtures_sql import Shop, fill_shop
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import Source
from connectors.imap import ImapConnector
from connectors.sql.connector import SqlConnector
from pipelines.classify.verdict import ColumnVerdict, Evidence, Verdict
from pipelines.classify.verdict import Source as From
from pipelines.engine.verdicts import LastLook
from pipelines.estate import Estate
from pipelines.progress import silent
from pipelines.scan import review, scan
from pipelines.scan.looking import Look, look
from pipelines.scan.sampling import Remembered, Sampled, kept, remembered, signs

NOW = dt.datetime(2026, 6, 30, 12, tzinfo=dt.UTC)
LONG_AGO = 1_600_000_000
TOML = """
[estate]
name = "Shop"
[controllers.STARTER]
policy = "starter"
[stores.shop]
kind = "sql"
read = "{url}"
"""


def tokens(shop: Shop) -> dict[str, str]:
    return {each.location.removeprefix("public."): each.token for each in shop.connector.inspect().datasets}


def remember(seen: Look) -> Mapping[str, Remembered]:
    shapes = {each.location: each for each in seen.inventory.datasets}
    return {
        place: remembered(LastLook(NOW, signs(shapes[place]), kept(verdicts, seen.samples[place])))
        for place, verdicts in seen.verdicts.items()
    }


def test_a_token_of_change_never_stays_the_same_when_a_row_was_written(shop: Shop) -> None:
    seen = [tokens(shop)["contacts"]]
    for statement in (
        "UPDATE contacts SET city = 'Brest' WHERE id = 7",
        "DELETE FROM contacts WHERE id = 8",
        "INSERT INTO contacts VALUES (500, 1, 'p500@example.org', 'Name', 'Angers', NULL)",
    ):
        shop.run(statement)
        seen.append(tokens(shop)["contacts"])

    known = [each for each in seen if each]
    assert len(set(known)) == len(known)


def test_postgresql_tells_which_tables_have_changed_and_which_have_not(postgres_database: PostgresDatabase) -> None:
    connector, admin = (
        SqlConnector("shop", postgres_database.read),
        sa.create_engine(postgres_database.admin, poolclass=sa.NullPool),
    )
    fill_shop(admin)
    shop = Shop(connector, admin)
    with closing(connector):
        first = look(connector, silent)
        same = look(connector, silent, remember(first))
        shop.run("UPDATE contacts SET city = 'Brest' WHERE id = 7")
        again = look(connector, silent, remember(same))
        shop.run("TRUNCATE notes")
        emptied = look(connector, silent, remember(again))

    everything = {each.location for each in first.inventory.datasets}
    assert same.unchanged == everything
    assert same.verdicts == first.verdicts
    # A visit points at a contact: what a visit holds also depends on what a contact is.
    assert everything - again.unchanged == {"public.contacts", "public.visits"}
    assert again.verdicts.keys() == first.verdicts.keys()
    assert everything - emptied.unchanged == {"public.notes"}


def test_a_scan_does_not_read_again_what_has_not_changed_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "shop.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE clients (id INTEGER PRIMARY KEY, email TEXT, ville TEXT)")
        connection.executemany("INSERT INTO clients VALUES (?, ?, 'Nantes')", [(n, f"c{n}@a.org") for n in range(30)])
        connection.commit()
    (tmp_path / "ardoise.toml").write_text(TOML.format(url="sqlite:///shop.sqlite"))
    os.utime(path, (LONG_AGO, LONG_AGO))

    first = scan(Estate.load(tmp_path), now=NOW).stores[0]
    shown = review(Estate.load(tmp_path)).rows
    second = scan(Estate.load(tmp_path), now=NOW).stores[0]
    shown_again = review(Estate.load(tmp_path)).rows
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE clients SET ville = email")
        connection.commit()
    third = scan(Estate.load(tmp_path), now=NOW).stores[0]

    assert (first.unchanged, second.unchanged, third.unchanged) == (0, 1, 0)
    assert (second.personal, second.records) == (first.personal, first.records)
    assert shown_again == shown
    assert third.changed == 1


def test_mailboxes_that_have_not_changed_are_not_sampled_again(mail_account: MailAccount) -> None:
    letter = b"From: a@example.org\r\nSubject: Bonjour\r\n\r\nBonjour\r\n"
    mail_account.server.seed(mail_account.user, "INBOX", [(letter, NOW, ())])
    with closing(ImapConnector("mail", mail_account.url, mail_account.url)) as connector:
        first = look(connector, silent)
        same = look(connector, silent, remember(first))
        mail_account.server.seed(mail_account.user, "INBOX", [(letter, NOW, ())])
        again = look(connector, silent, remember(same))

    assert "INBOX" in same.unchanged
    assert same.verdicts == first.verdicts
    assert "INBOX" not in again.unchanged


def test_a_choice_by_hash_that_takes_too_long_gives_way_to_the_first_rows_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "large.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE visits (id INTEGER PRIMARY KEY, url TEXT)")
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) "
            "INSERT INTO visits SELECT i, '/page/' || i FROM n"
        )
        connection.commit()
    with closing(SqlConnector("shop", f"sqlite:///{path}")) as connector:
        source = Source("visits", "visits")
        hurried = list(connector.sample(source, 50, 0.05))
        patient = list(connector.sample(source, 50))

    assert [each.by_hash for each in hurried] == [False] * 50
    assert [each.by_hash for each in patient] == [True] * 50
    assert hurried[0].fields.keys() == patient[0].fields.keys() == {"id", "url"}


def test_a_large_table_is_sampled_by_pages_the_same_ones_each_time_and_its_size_is_the_engines_estimate(
    postgres_database: PostgresDatabase, tmp_path: Path
) -> None:
    url = postgres_database.admin.replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE visits (id integer PRIMARY KEY, email text)")
        connection.execute("INSERT INTO visits SELECT n, 'c' || n || '@example.org' FROM generate_series(1, 150000) n")
        connection.execute("ANALYZE visits")
    with closing(SqlConnector("shop", postgres_database.read)) as connector:
        source = Source("visits", "public.visits")
        samples = [[each.ref.key for each in connector.sample(source, 300, 10)] for _ in range(2)]
    (tmp_path / "ardoise.toml").write_text(TOML.format(url=postgres_database.read))

    found = scan(Estate.load(tmp_path), now=NOW).stores[0]

    assert samples[0] == samples[1]
    assert len(set(samples[0])) == 300
    assert found.about
    assert found.records == pytest.approx(150_000, rel=0.05)
    assert found.personal == 1


verdicts = st.builds(
    ColumnVerdict,
    column=st.text(max_size=8),
    verdict=st.sampled_from(Verdict),
    category=st.none() | st.text(max_size=8),
    evidence=st.lists(
        st.builds(Evidence, st.sampled_from(From), st.text(max_size=8), st.none() | st.floats(0, 1)), max_size=2
    ).map(tuple),
)


@given(st.lists(verdicts, max_size=3), verdicts, st.integers(0, 300), st.sampled_from(["", "time", "size"]))
def test_what_a_look_remembers_reads_back_as_it_was(
    found: list[ColumnVerdict], inner: ColumnVerdict, records: int, cut: str
) -> None:
    nested = [*found, ColumnVerdict("doc", Verdict.PERSONAL, None, (), (inner,))]

    look = LastLook(NOW, "signs", kept(nested, Sampled(records, cut)))

    assert remembered(look) == Remembered("signs", tuple(nested), Sampled(records, cut))
