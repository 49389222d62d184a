"""Chunks of due rows: acted on once, in one transaction, with marks, statistics and journal; whatever interrupts."""

from __future__ import annotations

import datetime as dt
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fixtures_sql import Shop

from connectors.base import Source
from connectors.errors import StoreRefuses
from connectors.sql.act import dataset_lock, delete_chunk
from connectors.sql.freezing import Frozen
from connectors.sql.functions import random_hex
from connectors.sql.journal import Chunk, Counts
from connectors.sql.lines import Candidates, line_up
from connectors.sql.overwrite import update_chunk
from connectors.sql.questions import Question

PERSONAL = ("first_name", "city")


def _due_contacts(shop: Shop, first: int = 1, last: int = 40) -> sa.Select[Any]:
    """Contacts by number, but for those whose category `name` is anonymised."""
    table = shop.connector.table(shop.contacts)
    marked = shop.connector.journal.marks.standing(table, ("id",), "contacts", "name", PERSONAL)
    return sa.select(table.c.id).where(table.c.id.between(first, last), sa.not_(marked))


def _lined_up(
    connection: sa.Connection, table: sa.Table, due: sa.Select[Any], key: tuple[str, ...] = ("id",)
) -> Candidates:
    with connection.begin():
        return line_up(connection, table, key, due, lambda restriction: due.where(restriction(table)))


def _anonymise(shop: Shop, number: int, limit: int = 15, last: int = 40, plan: str = "plan") -> Counts:
    """The first ``limit`` of what is due now."""
    connector = shop.connector
    with connector.writing() as connection:
        candidates = _lined_up(connection, connector.table(shop.contacts), _due_contacts(shop, last=last))
        return update_chunk(
            connection, connector.journal, Chunk(plan, "s1", "contacts", number), candidates,
            1, min(limit, candidates.count), {"first_name": random_hex(6), "city": None}, {"name": PERSONAL},
        )  # fmt: skip


def _per_month(table: sa.Table) -> Question:
    c = table.c
    return Question(
        "per month", table, sa.true(), (c.month,), ((0,), ()), c.cents, False, sa.cast(c.id, sa.Text), True,
        frozenset({"month", "cents"}),
    )  # fmt: skip


def _delete_visits(shop: Shop, number: int, limit: int, last: int = 100, **kw: Any) -> Counts:
    connector = shop.connector
    table = connector.table(shop.visits)
    due = sa.select(table.c.id).where(table.c.id < last)

    question = _per_month(table)

    def contribute(connection: sa.Connection, chunk: Chunk, frozen: Frozen) -> None:
        connector.journal.tally.contribute(connection, chunk, question, frozen, "delete", dt.date(2026, 6, 30))

    with connector.writing() as connection:
        candidates = _lined_up(connection, table, due)
        return delete_chunk(
            connection, connector.journal, Chunk("plan", "s2", "visits", number), candidates,
            1, min(limit, candidates.count), [contribute], **kw,
        )  # fmt: skip


def _totals(shop: Shop) -> dict[str, tuple[int, int]]:
    """Living and deleted visits together, per month."""
    total = {str(m): (int(str(n)), int(str(c))) for m, n, c in
             shop.rows("SELECT month, count(*), sum(cents) FROM visits GROUP BY month")}  # fmt: skip
    with shop.connector.writing() as connection, connection.begin():
        gone = shop.connector.journal.tally.totals(connection, "visits", "per month")
    for cell, each in gone.items():
        month = cell.strip('["]')
        total[month] = (total.get(month, (0, 0))[0] + each.n, total.get(month, (0, 0))[1] + int(each.total or 0))
    return total


def test_chunks_anonymise_what_is_due_until_nothing_is(shop: Shop) -> None:
    others = shop.rows("SELECT * FROM contacts WHERE id > 40 ORDER BY id")
    counts = [_anonymise(shop, number) for number in range(4)]
    assert [each.done for each in counts] == [15, 15, 10, 0]
    assert shop.rows("SELECT * FROM contacts WHERE id > 40 ORDER BY id") == others, "bystanders are untouched"
    assert shop.value("SELECT count(*) FROM contacts WHERE id <= 40 AND city IS NULL AND length(first_name) = 6") == 40
    assert shop.value("SELECT count(DISTINCT first_name) FROM contacts WHERE id <= 40") == 40
    assert shop.value("SELECT count(*) FROM contacts WHERE substr(email, 1, 1) = 'p'") == 100, (
        "other columns are untouched"
    )


def test_a_row_that_is_used_for_somebody_new_is_live_again(shop: Shop) -> None:
    _anonymise(shop, 0, limit=100)
    shop.run("UPDATE contacts SET first_name = 'Zoé', city = 'Brest' WHERE id = 7")
    with shop.connector.reading() as connection:
        assert connection.execute(_due_contacts(shop)).scalars().all() == [7]
    assert _anonymise(shop, 1, plan="next") == Counts(1)
    with shop.connector.reading() as connection:
        assert connection.execute(_due_contacts(shop)).scalars().all() == []


def test_a_chunk_that_is_journalled_is_not_repeated(shop: Shop) -> None:
    first = _anonymise(shop, 0)
    before = shop.rows("SELECT * FROM contacts ORDER BY id")
    assert _anonymise(shop, 0) == first
    assert shop.rows("SELECT * FROM contacts ORDER BY id") == before
    with shop.connector.reading() as connection:
        assert shop.connector.journal.progress(connection, "plan", "s1") == (1, Counts(15))
        assert shop.connector.journal.journalled(connection, "plan", "s1", 1) is None


def test_statistics_stay_equal_through_deletion(shop: Shop) -> None:
    before = _totals(shop)
    counts = [_delete_visits(shop, number, 30).done for number in range(5)]
    assert counts == [30, 30, 30, 10, 0]
    assert shop.value("SELECT count(*) FROM visits") == 200
    assert _totals(shop) == before
    _delete_visits(shop, 0, 30)
    assert _totals(shop) == before, "a repeated chunk contributes nothing"


def test_the_marks_of_deleted_rows_go_with_them(shop: Shop) -> None:
    _anonymise(shop, 0, limit=100, last=10)
    shop.run("DELETE FROM visits")
    table, connector = shop.connector.table(shop.contacts), shop.connector
    with connector.writing() as connection:
        chunk = Chunk("plan", "s3", "contacts", 0)
        candidates = _lined_up(connection, table, sa.select(table.c.id).where(table.c.id <= 4))
        assert delete_chunk(connection, connector.journal, chunk, candidates, 1, 4) == Counts(4)
    with connector.reading() as connection:
        marks = sa.select(sa.func.count()).select_from(connector.journal.marks.table)
        assert connection.execute(marks).scalar_one() == 6


def test_a_row_that_others_reference_refuses_the_whole_chunk(shop: Shop) -> None:
    shop.run("INSERT INTO companies VALUES (2, 'Seule')")
    connector, table = shop.connector, shop.connector._table_at("companies")
    chunk = Chunk("plan", "s4", "companies", 0)
    with connector.writing() as connection, pytest.raises(StoreRefuses):
        delete_chunk(connection, connector.journal, chunk, _lined_up(connection, table, sa.select(table.c.id)), 1, 2)
    assert shop.value("SELECT count(*) FROM companies") == 2


def test_a_key_is_never_overwritten(shop: Shop) -> None:
    connector, table = shop.connector, shop.connector.table(shop.contacts)
    chunk = Chunk("plan", "s5", "contacts", 0)
    with connector.writing() as connection:
        candidates = _lined_up(connection, table, _due_contacts(shop))
        with pytest.raises(StoreRefuses, match="id"):
            update_chunk(connection, connector.journal, chunk, candidates, 1, 9, {"id": 1}, {})


def test_composite_keys_are_acted_on_exactly(shop: Shop) -> None:
    shop.run("CREATE TABLE pairs (a integer, b varchar(5), c varchar(5), PRIMARY KEY (a, b))")
    shop.run("INSERT INTO pairs VALUES (1, 'x', 'p'), (1, 'y', 'p'), (2, 'x', 'p'), (2, 'y', 'p')")
    connector, table = shop.connector, shop.connector._table_at("pairs")
    due = sa.select(table.c.b, table.c.a).where(sa.or_(sa.and_(table.c.a == 1, table.c.b == "x"), table.c.a > 9))
    with connector.writing() as connection:
        chunk = Chunk("plan", "s6", "pairs", 0)
        candidates = _lined_up(connection, table, due, ("a", "b"))
        assert candidates.count == 1
        done = update_chunk(connection, connector.journal, chunk, candidates, 1, 1, {"c": "q"}, {"k": ["c"]})
    assert done == Counts(1)
    assert shop.rows("SELECT a, b FROM pairs WHERE c = 'q'") == [(1, "x")]


@pytest.mark.parametrize("shop", ["postgresql", "mariadb"], indirect=True)
def test_rows_that_somebody_holds_are_left_for_later(shop: Shop) -> None:
    connector = shop.connector
    table = connector.table(shop.contacts)
    with shop.admin.begin() as other, connector.writing() as connection:
        other.exec_driver_sql("SELECT * FROM contacts WHERE id IN (3, 5) FOR UPDATE")
        candidates = _lined_up(connection, table, _due_contacts(shop))
        chunk = Chunk("plan", "s1", "contacts", 0)
        new = {"first_name": random_hex(6), "city": None}
        counts = update_chunk(connection, connector.journal, chunk, candidates, 1, 40, new, {"name": PERSONAL})
        assert counts == Counts(done=38, locked=2)
        assert sorted(connection.execute(candidates.left()).scalars()) == [3, 5]
    assert _anonymise(shop, 1, limit=100) == Counts(done=2)


@pytest.mark.parametrize("shop", ["postgresql", "mariadb"], indirect=True)
def test_a_row_that_somebody_holds_and_keeps_is_neither_due_nor_waited_for(shop: Shop) -> None:
    """It is locked when its turn comes, and what the store says of it by then is that it is kept."""
    connector = shop.connector
    table = connector.table(shop.contacts)
    with connector.writing() as connection, shop.admin.begin() as other:
        candidates = _lined_up(connection, table, _due_contacts(shop).where(table.c.city.is_not(None)))
        shop.run("UPDATE contacts SET city = NULL WHERE id = 3")
        other.exec_driver_sql("SELECT * FROM contacts WHERE id IN (3, 5) FOR UPDATE")
        chunk = Chunk("plan", "s1", "contacts", 0)
        counts = update_chunk(connection, connector.journal, chunk, candidates, 1, 40, {"city": None}, {})
    assert counts == Counts(done=38, stale=1, locked=1)


@pytest.mark.parametrize("point", ["ardoise_candidates", "ardoise_locked"])
@pytest.mark.parametrize("shop", ["postgresql", "mariadb"], indirect=True)
def test_a_fact_that_arrives_between_evaluation_and_second_look_counts(shop: Shop, point: str) -> None:
    shop.run("CREATE TABLE kept (contact integer)")
    connector, table = shop.connector, shop.connector.table(shop.contacts)
    kept = connector._table_at("kept")
    due = _due_contacts(shop).where(table.c.id.not_in(sa.select(kept.c.contact)))

    def arrive(_: Any, __: Any, statement: str, *rest: Any) -> None:
        if statement.startswith((f"INSERT INTO {point}", f"CREATE TEMPORARY TABLE {point} AS")):
            shop.run("INSERT INTO kept VALUES (1), (2)")

    with connector.writing() as connection:
        sa.event.listen(connection, "after_cursor_execute", arrive)
        chunk = Chunk("plan", "s7", "contacts", 0)
        candidates = _lined_up(connection, table, due)
        counts = update_chunk(
            connection, connector.journal, chunk, candidates, 1, 40, {"first_name": None, "city": None},
            {"name": PERSONAL},
        )  # fmt: skip
    assert counts == Counts(done=38, stale=2)
    assert shop.rows("SELECT first_name FROM contacts WHERE id <= 2 ORDER BY id") == [("Name1",), ("Name2",)]


def test_a_fact_that_arrives_between_two_chunks_counts(shop: Shop) -> None:
    connector, table = shop.connector, shop.connector.table(shop.contacts)
    with connector.writing() as connection:
        candidates = _lined_up(connection, table, _due_contacts(shop).where(table.c.city.is_not(None)))
        done = []
        for number, first in enumerate(range(1, 41, 15)):
            chunk, last = Chunk("plan", "s8", "contacts", number), min(first + 14, 40)
            done.append(update_chunk(connection, connector.journal, chunk, candidates, first, last, {"city": None}, {}))
            if number == 0:
                shop.run("UPDATE contacts SET city = NULL WHERE id IN (2, 20, 21, 40, 50)")
                shop.run("DELETE FROM visits")
                shop.run("DELETE FROM contacts WHERE id = 39")
    assert done == [Counts(15), Counts(13, stale=2), Counts(8, stale=2)], "what is gone is stale as well"
    assert shop.value("SELECT count(*) FROM contacts WHERE id > 40 AND city IS NOT NULL") == 59


@pytest.mark.parametrize("shop", ["postgresql", "mariadb"], indirect=True)
def test_two_runs_do_not_act_on_one_dataset(shop: Shop) -> None:
    with shop.connector.writing() as one, shop.connector.writing() as two:
        with dataset_lock(one, "shop", "contacts"):
            with dataset_lock(two, "shop", "visits"):
                pass
            with pytest.raises(StoreRefuses, match="another run"), dataset_lock(two, "shop", "contacts"):
                pass
        with dataset_lock(two, "shop", "contacts"):
            pass


PROGRAM = textwrap.dedent("""
    import datetime as dt, os, signal, sys
    import sqlalchemy as sa
    from connectors.base import Source
    from connectors.sql.act import delete_chunk
    from connectors.sql.journal import Chunk
    from connectors.sql.lines import line_up
    from connectors.sql.connector import SqlConnector
    from connectors.sql.questions import Question
    url, point = sys.argv[1:]
    connector = SqlConnector("shop", url, url)
    table = connector.table(Source("visits", "visits"))

    question = Question("per month", table, sa.true(), (table.c.month,), ((0,), ()), table.c.cents, False,
                        sa.cast(table.c.id, sa.Text), True, frozenset())

    def contribute(connection, chunk, frozen):
        connector.journal.tally.contribute(connection, chunk, question, frozen, "delete", dt.date(2026, 6, 30))

    def checkpoint(name):
        if name == point:
            print(name, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)

    due = sa.select(table.c.id).where(table.c.id < 100)
    with connector.writing() as connection:
        with connection.begin():
            candidates = line_up(connection, table, ("id",), due, lambda restriction: due.where(restriction(table)))
        delete_chunk(connection, connector.journal, Chunk("plan", "s2", "visits", 0), candidates, 1, 60,
                     [contribute], checkpoint)
""")


@pytest.mark.slow
@pytest.mark.parametrize(("point", "left"), [("mid_batch", 300), ("before_commit", 300), ("after_commit", 240)])
def test_a_kill_at_any_point_leaves_what_an_undisturbed_run_leaves(shop: Shop, point: str, left: int) -> None:
    before = _totals(shop)
    assert shop.connector._write is not None
    url = shop.admin.url.render_as_string(hide_password=False)
    died = subprocess.run(
        [sys.executable, "-c", PROGRAM, url, point], cwd=Path(__file__).parents[2], capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert (died.returncode, died.stdout) == (-signal.SIGKILL, f"{point}\n"), "the point was reached"
    assert shop.value("SELECT count(*) FROM visits") == left
    assert _totals(shop) == before
    done = [_delete_visits(shop, number, 60).done for number in range(3)]
    assert done == [60, 40, 0]
    assert shop.value("SELECT count(*) FROM visits") == 200
    assert _totals(shop) == before


@pytest.mark.parametrize("shop", ["sqlite"], indirect=True)
def test_keys_of_another_type_than_declared_are_acted_on_too(shop: Shop) -> None:
    shop.run("CREATE TABLE odd (k INT PRIMARY KEY, b varchar(5))")
    shop.run("INSERT INTO odd VALUES (1, 'x'), (2, 'x'), ('B22', 'x'), (3.5, 'x')")
    connector, table = shop.connector, shop.connector._table_at("odd")
    due = sa.select(table.c.k).where(table.c.b == "x")
    with connector.writing() as connection:
        candidates = _lined_up(connection, table, due, ("k",))
        chunk = Chunk("plan", "s7", "odd", 0)
        assert update_chunk(connection, connector.journal, chunk, candidates, 1, 4, {"b": "y"}, {}) == Counts(4)


@pytest.mark.parametrize("shop", ["mariadb"], indirect=True)
@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("VARCHAR(300)", f"'{'é' * 280}'"), ("BINARY(16)", "x'ff000000000000000000000000000041'"),
        ("VARBINARY(36)", "'abc'"), ("TINYBLOB", "x'ff41'"), ("BIGINT UNSIGNED", "18446744073709551615"),
    ],
)  # fmt: skip
def test_rows_whose_keys_no_mark_could_name_are_deleted_all_the_same(shop: Shop, kind: str, key: str) -> None:
    shop.run(f"CREATE TABLE kept (id {kind} NOT NULL, PRIMARY KEY (id{'(50)' if kind == 'TINYBLOB' else ''}))")
    shop.run(f"INSERT INTO kept VALUES ({key}), ('12')")
    table = shop.connector.table(Source("kept", "kept"))
    due = sa.select(table.c.id).where(table.c.id == sa.literal_column(key))
    with shop.connector.writing() as connection:
        candidates = _lined_up(connection, table, due)
        journal, chunk = shop.connector.journal, Chunk("plan", "s", "kept", 0)
        assert delete_chunk(connection, journal, chunk, candidates, 1, 1, []) == Counts(1)
    assert shop.value("SELECT count(*) FROM kept") == shop.value("SELECT count(*) FROM kept WHERE left(id, 2) = '12'")


@pytest.mark.parametrize("shop", ["postgresql"], indirect=True)
def test_the_server_prepares_no_statement(shop: Shop) -> None:
    """Temporary tables have the same names whatever is acted on, and keys of any type."""
    table = shop.connector.table(shop.contacts)
    with shop.connector.writing() as connection, connection.begin():
        for _ in range(10):
            connection.execute(sa.select(sa.func.max(table.c.id)).where(table.c.id < 50))
        assert connection.exec_driver_sql("SELECT count(*) FROM pg_prepared_statements").scalar_one() == 0


@pytest.mark.parametrize("shop", ["postgresql"], indirect=True)
def test_a_role_that_cannot_add_to_the_marks_is_refused_beforehand(shop: Shop) -> None:
    shop.run("ALTER SCHEMA ardoise OWNER TO postgres")
    shop.run("GRANT USAGE ON SCHEMA ardoise TO ardoise_write WITH GRANT OPTION")
    with pytest.raises(StoreRefuses, match="may not CREATE in ardoise"):
        shop.connector.prepare()
    shop.run("GRANT CREATE ON SCHEMA ardoise TO ardoise_write")
    shop.connector.prepare()
    shop.run("ALTER TABLE ardoise.marks OWNER TO postgres")
    shop.run("GRANT ALL ON ALL TABLES IN SCHEMA ardoise TO ardoise_write WITH GRANT OPTION")
    with pytest.raises(StoreRefuses, match=r"does not own ardoise\.marks"):
        shop.connector.prepare()
