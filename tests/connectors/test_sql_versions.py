"""Rows that are decided on by themselves, in PostgreSQL: their versions tell whether anybody has written to them."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import sqlalchemy as sa
from fixtures_sql import Shop

from connectors.sql.engines import LOCK_TIMEOUT
from connectors.sql.freezing import Frozen
from connectors.sql.functions import random_hex
from connectors.sql.journal import Chunk, Counts
from connectors.sql.lines import Restriction, alone, line_up, still
from connectors.sql.overwrite import update_chunk

pytestmark = pytest.mark.parametrize("shop", ["postgresql"], indirect=True)


def test_what_depends_on_the_row_alone_is_looked_at_again_when_somebody_wrote_to_it(shop: Shop) -> None:
    connector, table = shop.connector, shop.connector.table(shop.contacts)
    due, looks = sa.select(table.c.id).where(table.c.city.is_not(None), table.c.id <= 40), []

    def look(restriction: Restriction) -> sa.Select[Any]:
        looks.append(len(done))
        return due.where(restriction(table))

    with connector.writing() as connection:
        with connection.begin():
            still(connection)
            assert alone(connection, table, due)
            candidates = line_up(connection, table, ("id",), due, look, decided=True)
        done: list[Counts] = []
        for number, first in enumerate(range(1, 41, 10)):
            if number == 1:
                shop.run("UPDATE contacts SET city = NULL WHERE id IN (12, 13)")
                shop.run("DELETE FROM visits")
                shop.run("DELETE FROM contacts WHERE id = 14")
            if number == 3:
                shop.run("UPDATE contacts SET first_name = 'again' WHERE id = 32")
            chunk = Chunk("plan", "s9", "contacts", number)
            new = {"city": None}
            done.append(update_chunk(connection, connector.journal, chunk, candidates, first, first + 9, new, {}))
    assert done == [Counts(10), Counts(7, stale=3), Counts(10), Counts(10)]
    assert looks == [1, 3], "of the chunks in which somebody has written"
    assert shop.value("SELECT count(*) FROM contacts WHERE city IS NOT NULL") == 60


def test_a_row_that_somebody_has_locked_is_left_to_them_and_the_others_are_written(shop: Shop) -> None:
    connector, table = shop.connector, shop.connector.table(shop.contacts)
    due = sa.select(table.c.id).where(table.c.id <= 40, table.c.city.is_not(None))
    told: list[int] = []

    def before(connection: sa.Connection, _: Chunk, frozen: Frozen) -> None:
        told.append(frozen.count)
        connection.execute(sa.text("INSERT INTO told VALUES (1)"))

    shop.run("CREATE TABLE told (n integer)")
    shop.run("GRANT ALL ON told TO PUBLIC")
    with connector.writing() as connection, shop.admin.connect() as other:
        with connection.begin():
            still(connection)
            candidates = line_up(connection, table, ("id",), due, lambda mine: due.where(mine(table)), decided=True)

        def written(number: int, first: int) -> Counts:
            chunk, last = Chunk("plan", "s9", "contacts", number), first + 19
            city = {"city": random_hex(6)}
            marks = {"name": ["city"]}
            done = update_chunk(connection, connector.journal, chunk, candidates, first, last, city, marks, [before])
            with connection.begin():
                limit = connection.exec_driver_sql("SHOW lock_timeout").scalar_one()
            assert limit == f"{LOCK_TIMEOUT // 1000}s"
            return done

        other.exec_driver_sql("SELECT * FROM contacts WHERE id IN (3, 4) FOR UPDATE")
        assert written(1, 1) == Counts(18, locked=2)
        other.rollback()
        assert written(2, 21) == Counts(20)
    assert told == [20, 18, 20], "what was tried first, and what was then done"
    assert shop.value("SELECT count(*) FROM told") == 2, "what did not come to be has left nothing"
    assert shop.value("SELECT count(*) FROM ardoise.marks") == 38
    assert shop.value("SELECT count(*) FROM contacts WHERE length(city) = 6 AND id <= 40 AND id NOT IN (3, 4)") == 38


@pytest.mark.parametrize("moved", [True, False])
def test_a_row_that_is_written_to_while_it_is_waited_for_is_looked_at_again(
    shop: Shop, moved: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.sql.act._BRIEFLY", 60_000)  # the other session may be slow
    shop.run("CREATE TABLE parted (id integer, part integer, text varchar(9)) PARTITION BY LIST (part)")
    for part in (1, 2):
        shop.run(f"CREATE TABLE parted_{part} PARTITION OF parted FOR VALUES IN ({part})")
    shop.run("INSERT INTO parted SELECT n, 1, 'old' FROM generate_series(1, 10) AS n")
    shop.run("GRANT SELECT, UPDATE ON parted TO PUBLIC")
    connector = shop.connector
    table = connector.table_at("parted")
    due = sa.select(table.c.id).where(table.c.text == "old")

    def told(_: sa.Connection, __: Chunk, frozen: Frozen) -> None:
        tried.append(frozen.unlocked)

    with connector.writing() as connection, shop.admin.connect() as other:
        with connection.begin():
            still(connection)
            candidates = line_up(connection, table, ("id",), due, lambda each: due.where(each(table)), decided=True)
        writing, written = other.begin(), "part = 2" if moved else "text = NULL"
        other.exec_driver_sql(f"UPDATE parted SET {written} WHERE id = 5")

        def commit() -> None:
            while shop.value("SELECT count(*) FROM pg_locks WHERE NOT granted") == 0:
                pass  # until it is waited for
            writing.commit()

        committing = threading.Thread(target=commit)
        committing.start()
        tried: list[bool] = []
        chunk = Chunk("plan", "s9", "parted", 0)
        done = update_chunk(connection, connector.journal, chunk, candidates, 1, 10, {"text": "new"}, {}, [told])
        committing.join()
        assert connection.exec_driver_sql("SHOW lock_timeout").scalar_one() == "5s"
    assert done == (Counts(10) if moved else Counts(9, stale=1))
    assert tried == [True, False]
    assert shop.value("SELECT count(*) FROM parted WHERE text = 'new'") == done.done


TRIGGER = (
    "CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {} RETURN NEW; END $$",
    "CREATE TRIGGER shouting {} ON {} FOR EACH ROW EXECUTE FUNCTION shout()",
)
AFTER = "IF pg_trigger_depth() = 1 THEN UPDATE people SET name = upper(name) WHERE id = NEW.id; END IF;"
POINTING = "ALTER TABLE people ADD FOREIGN KEY (boss) REFERENCES people (code) {}"
PARTED = (
    "DROP TABLE people",
    "CREATE TABLE people (id integer PRIMARY KEY, code text, boss text, name text) PARTITION BY RANGE (id)",
    "CREATE TABLE people_1 PARTITION OF people FOR VALUES FROM (1) TO (100)",
)
MOVED = (
    "DROP TABLE people",
    "CREATE TABLE people (id integer, code text, boss text, name text) PARTITION BY LIST (name)",
    "CREATE TABLE people_1 PARTITION OF people FOR VALUES IN ('nobody')",
    "CREATE TABLE people_2 PARTITION OF people DEFAULT",
)
ARRIVED = "IF pg_trigger_depth() = 1 THEN UPDATE people SET boss = upper(boss) WHERE id = NEW.id; END IF;"


@pytest.mark.parametrize(
    ("beside", "at_once"),
    [
        ((), True),
        ((POINTING.format("DEFERRABLE INITIALLY DEFERRED"),), True),
        ((TRIGGER[0].format(""), TRIGGER[1].format("AFTER DELETE", "people")), True),
        (PARTED, True),
        (MOVED, True),
        (("ALTER TABLE people ADD UNIQUE (boss) DEFERRABLE INITIALLY DEFERRED",), True),
        ((POINTING.format("ON UPDATE CASCADE"),), False),
        ((TRIGGER[0].format(AFTER), TRIGGER[1].format("AFTER UPDATE", "people")), False),
        ((TRIGGER[0].format("NEW.name = 'b';"), TRIGGER[1].format("BEFORE UPDATE", "people")), False),
        ((*PARTED, TRIGGER[0].format(AFTER), TRIGGER[1].format("AFTER UPDATE", "people_1")), False),
        ((*MOVED, TRIGGER[0].format(ARRIVED), TRIGGER[1].format("AFTER INSERT", "people_1")), False),
        (("CREATE RULE also AS ON UPDATE TO people DO ALSO NOTHING",), False),
    ],
    ids=[
        "nothing",
        "check",
        "deleting",
        "parted",
        "moved",
        "unique",
        "cascade",
        "after",
        "before",
        "partition",
        "arrived",
        "rule",
    ],
)
def test_rows_have_marks_of_what_they_are_in_the_end(shop: Shop, beside: tuple[str, ...], at_once: bool) -> None:
    """In the statement that writes them, unless something can write to them after that."""
    shop.run("CREATE TABLE people (id integer PRIMARY KEY, code text UNIQUE, boss text, name text)")
    for statement in beside:
        shop.run(statement)
    shop.run("INSERT INTO people SELECT n, 'c' || n, 'c' || mod(n, 20) + 1, 'n' || n FROM generate_series(1, 20) AS n")
    shop.run("GRANT SELECT, UPDATE ON people TO PUBLIC")
    connector = shop.connector
    table, marks = connector.table_at("people"), connector.journal.marks
    due = sa.select(table.c.id).where(table.c.name.like("n%"))
    fields = {"record": ["name", "boss"], 'a "scope"': ["name"], "fingerprint": ["code"]}
    texts = {"name": "nobody"} | ({} if "DEFERRABLE" in str(beside) else {"code": random_hex(30)})
    done, statements = [], list[str]()
    with connector.writing() as connection:
        sa.event.listen(connection, "before_cursor_execute", lambda *given: statements.append(given[2]))
        with connection.begin():
            still(connection)
            candidates = line_up(connection, table, ("id",), due, lambda mine: due.where(mine(table)), decided=True)
        for number, first in enumerate((1, 11)):
            chunk = Chunk("plan", "s9", "people", number, frozenset())
            done.append(update_chunk(connection, connector.journal, chunk, candidates, first, first + 9, texts, fields))
        with connection.begin():
            stand = (marks.standing(table, ("id",), "people", each, columns) for each, columns in fields.items())
            found = [set(connection.execute(sa.select(table.c.id).where(each)).scalars()) for each in stand]
            marked = connection.execute(sa.select(sa.func.count()).select_from(marks.table)).scalar_one()
    assert done == [Counts(10), Counts(10)]
    # What a cascade writes to the rows of the chunk before is a new use of them, which the next run meets.
    assert all(each >= set(range(11, 21)) for each in found)
    assert marked == 20 * len(fields)
    assert any("ardoise_written" in each for each in statements) is at_once


def test_what_depends_on_anything_else_does_not_depend_on_the_row_alone(shop: Shop) -> None:
    connector, table = shop.connector, shop.connector.table(shop.contacts)
    visits, other = shop.connector._table_at("visits"), table.alias()
    mine = sa.select(table.c.id).where(table.c.city.is_not(None)).cte()
    kept = sa.Table("ardoise_kept", sa.MetaData(), sa.Column("id", sa.Integer), prefixes=["TEMPORARY"])
    of_run = sa.Table("marks", sa.MetaData(schema="ardoise"), sa.Column("id", sa.Integer))
    keys = sa.select(table.c.id)
    with connector.reading() as connection:

        def seen(query: sa.Select[Any]) -> bool:
            return alone(connection, table, query, {"ardoise.marks"})

        assert seen(sa.select(mine.c.id))
        assert seen(keys.where(table.c.id.in_(sa.select(kept.c.id)), table.c.id.not_in(sa.select(of_run.c.id))))
        assert not seen(keys.where(table.c.id.in_(sa.select(visits.c.contact_id))))
        assert not seen(keys.where(table.c.id.in_(sa.select(sa.table("visits", sa.column("contact_id")).c.contact_id))))
        assert not seen(keys.where(sa.exists().where(visits.c.contact_id == table.c.id)))
        assert not seen(keys.join_from(table, visits, visits.c.contact_id == table.c.id))
        assert not seen(keys.where(sa.exists().where(other.c.id > table.c.id)))
        assert not seen(keys.where(table.c.id > sa.select(sa.func.avg(table.c.id)).scalar_subquery()))
        first = sa.select(table.c.id, sa.func.row_number().over(order_by=table.c.id).label("n")).subquery()
        assert not seen(sa.select(first.c.id).where(first.c.n > 1))
        cities = sa.select(sa.func.min(table.c.id).label("id")).group_by(table.c.city).subquery()
        assert not seen(sa.select(cities.c.id))
        assert not seen(keys.where(sa.text("id IN (SELECT contact_id FROM visits)")))
