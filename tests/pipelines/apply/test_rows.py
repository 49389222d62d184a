"""Chunks of due rows: each with intent and receipt, resolved by looking into the store's journal."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from faker.providers.person.en_GB import Provider as English
from faker.providers.person.fr_FR import Provider as French
from fixtures_postgres import PostgresDatabase

from connectors.base import Source
from connectors.digests import DigestKey
from connectors.sql.connector import SqlConnector
from connectors.sql.tally import Totals
from pipelines.anonymise.techniques import technique_for
from pipelines.apply.receipts import Receipts, StepRecord, running_clock
from pipelines.apply.rows import RowWork
from pipelines.apply.statistics import digested, measure, read_measures, write_measures
from pipelines.data_map.model import Bucket, DatasetMap, Statistic, StoreMap
from pipelines.engine import EngineDatabase, EngineKeys
from pipelines.errors import LimitExceeded
from pipelines.plan.artefact import Action, Plan, Step
from pipelines.statistics.questions import Registered, registered

NOW = dt.datetime(2026, 6, 30, 12, tzinfo=dt.UTC)
DAY = dt.date(2020, 1, 1)
SOURCE = Source("people", "people")
PER_MONTH = Statistic(name="per_month", sum="cents", by=(Bucket(column="at", by="month"), Bucket(column="region")))
PER_YEAR = Statistic(name="per_year", by=(Bucket(column="at", by="year"),))
IN_ALL = Statistic(name="in_all")
PEOPLE = DatasetMap(source="people", controller="ACME", key=("id",), statistics=(PER_MONTH, PER_YEAR, IN_ALL))
MAP = StoreMap(store="crm", datasets={"people": PEOPLE})


class Killed(Exception):
    """Stands for the end of a worker in one process."""


def step(action: Action, count: int) -> Step:
    return Step("crm.people.1", "crm", "people", action, ("user.name",), ("name",), (("p", count),), count, DAY, DAY, 0)


@dataclass
class Rows:
    """A table of people of whom the first half is due, and what is needed to act on them."""

    connector: SqlConnector
    engine: EngineDatabase

    def receipts(self, of: Step) -> Receipts:
        plan = Plan(DAY, "JULIEN", "julien", "1" * 64, "2" * 64, "3" * 64, "4" * 64, (), (of,), ())
        return Receipts(self.engine.ledger, plan, plan.digest, "tests", running_clock(NOW))

    def due(self) -> sa.Select[Any]:
        table = self.connector.table(SOURCE)
        journal = self.connector.journal
        done = journal.marks.standing(table, ("id",), "people", "user.name", ["name", "email", "phone"])
        return sa.select(table.c.id).where(table.c.due == 1, sa.not_(done))

    def work(self, action: Action, count: int, **changes: Any) -> RowWork:
        shapes = self.connector.inspect().find(self.connector.location(SOURCE))
        assert shapes is not None
        fields = {each.name: each for each in shapes.fields}
        replacements = {
            "name": technique_for("user.name", fields["name"], options={"locale": "locale"}),
            "email": technique_for("user.contact.email", fields["email"]),
            "phone": technique_for("user.contact.phone_number", fields["phone"]),
            "born": technique_for("user.demographic.date_of_birth", fields["born"]),
            "notes": technique_for("user.content", fields["notes"]),
            "joined": technique_for("x", fields["joined"], "suppress"),
        }
        work = RowWork(
            step=step(action, count),
            connector=self.connector,
            source=SOURCE,
            receipts=self.receipts(step(action, count)),
            checkpoint=lambda _: None,
            told=lambda _: None,
            replacements=replacements if action is Action.ANONYMISE else {},
            marks={"user.name": ("email", "name", "phone")} if action is Action.ANONYMISE else {},
            statistics=tuple(each.question for each in self.registered()),
            chunk=4,
        )
        return dataclasses.replace(work, **changes)

    def run(self, work: RowWork) -> tuple[StepRecord, int]:
        record = work.receipts.read()[work.step.id]
        with self.connector.writing() as connection:
            work.resolve(connection, record)
            table = self.connector.table(SOURCE)
            due = self.due()
            return record, work.act(connection, record, lambda: due, lambda restriction: due.where(restriction(table)))

    def all(self) -> list[dict[str, Any]]:
        table = self.connector.table(SOURCE)
        with self.connector.reading() as connection:
            return [dict(row) for row in connection.execute(sa.select(table).order_by(table.c.id)).mappings()]

    def registered(self) -> tuple[Registered, ...]:
        return registered(self.connector, MAP, "people")

    def measures(self) -> dict[str, Any]:
        return measure(self.connector, self.registered())


@pytest.fixture(params=["sqlite", "postgresql"])
def rows(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rows]:
    if request.param == "sqlite":
        read = write = admin = f"sqlite:///{tmp_path}/crm.sqlite"
    else:
        database: PostgresDatabase = request.getfixturevalue("postgres_database")
        read, write, admin = database.read, database.write, database.admin
    engine = sa.create_engine(admin, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE people (id INTEGER PRIMARY KEY, due INTEGER NOT NULL, name VARCHAR(80), locale VARCHAR(5), "
            "email VARCHAR(80) NOT NULL UNIQUE, phone VARCHAR(30), born DATE, notes TEXT NOT NULL, "
            "joined DATE NOT NULL, at TIMESTAMP NOT NULL, region VARCHAR(20), cents INTEGER)"
        )
        for number in range(20):
            connection.execute(
                sa.text(
                    "INSERT INTO people VALUES (:id, :due, :name, :locale, :email, '06 12 34 56 78', '1987-03-09', "
                    "'Called Anne.', '2019-02-03', :at, :region, :cents)"
                ),
                {
                    "id": number, "due": int(number < 10), "name": f"Anne Original {number}",
                    "locale": ["fr_FR", "en_GB", "de_DE", None][number % 4], "email": f"anne{number}@acme.example",
                    "at": f"2020-0{1 + number % 3}-15 10:00:00", "region": None if number % 5 == 0 else "Bretagne",
                    "cents": 100 + number,
                },
            )  # fmt: skip
    connector = SqlConnector("crm", read, write)
    connector.prepare()
    database_of_engine = EngineDatabase.open(f"sqlite:///{tmp_path}/engine.sqlite", EngineKeys.generate())
    yield Rows(connector, database_of_engine)
    database_of_engine.close()
    connector.close()


@pytest.mark.parametrize("rows", ["postgresql"], indirect=True)
@pytest.mark.parametrize("known", [False, True])
def test_texts_tell_nothing_of_keys_that_become_others(rows: Rows, known: bool) -> None:
    rows.run(rows.work(Action.ANONYMISE, 10, known_keys=known))
    begun = [row["email"][:2] for row in rows.all()[:10]]
    assert (begun == ["00"] * 10) is not known


def test_due_rows_go_in_chunks_and_bystanders_stay_as_they_were(rows: Rows) -> None:
    before = rows.all()
    record, left = rows.run(rows.work(Action.DELETE, 10))
    assert rows.all() == before[10:]
    assert (record.outcomes, left, record.chunks) == ({"deleted": 10}, 0, 3)
    kinds = [entry.kind for entry in rows.engine.ledger.entries("intent", "receipt")]
    assert kinds == ["intent", "receipt"] * 3


def test_statistics_over_deleted_rows_stay_constant(rows: Rows) -> None:
    before = rows.measures()
    assert before["in_all"] == {"[]": Totals(20, 20)}
    assert sum(each.n for each in before["per_month"].values()) == 20
    rows.run(rows.work(Action.DELETE, 10))
    assert rows.measures() == before


def test_measures_are_kept_for_the_verification(rows: Rows, tmp_path: Path) -> None:
    path = tmp_path / "measures.json"
    assert read_measures(path) == {}
    key = DigestKey(b"inner", b"outer")
    kept = {
        each.statistic.name: digested(rows.measures()[each.statistic.name], each.statistic, key, ("plan", "people"))
        for each in rows.registered()
    }
    write_measures(path, {"people": kept})
    assert read_measures(path) == {"people": kept}
    assert path.stat().st_mode & 0o777 == 0o600


def test_digests_tell_whether_a_group_is_what_it_was_wherever_it_has_merged() -> None:
    key, place = DigestKey(b"inner", b"outer"), ("plan", "people")
    then = {'["2023"]': Totals(3, 2, Decimal(70)), '["2024"]': Totals(1, 1, Decimal("9.50"))}
    merged = {'["2023"]': Totals(3, 2, Decimal(70)), "[]": Totals(1, 1, Decimal("9.5")), '["2025"]': Totals()}
    before, after = (digested(each, PER_YEAR, key, place) for each in (then, merged))
    assert {cell for cell in {*before, *after} if before.get(cell) != after.get(cell)} == {'["2024"]'}
    others = digested(then, PER_YEAR, key, ("other", "people")), digested(then, PER_YEAR, DigestKey(b"", b""), place)
    assert [set(each.values()) & set(before.values()) for each in others] == [set(), set()]


def test_due_rows_are_anonymised_validly_and_differently(rows: Rows) -> None:
    before = rows.all()
    work = rows.work(Action.ANONYMISE, 10)
    record, left = rows.run(work)
    after = rows.all()
    assert (record.outcomes, left) == ({"anonymised": 10}, 0)
    assert after[10:] == before[10:]
    for row in after[:10]:
        assert all(work.replacements[name].valid(row[name]) for name in work.replacements), row
        assert "Original" not in row["name"]
    assert len({row["email"] for row in after[:10]}) == 10
    assert len({row["name"] for row in after[:10]}) > 1
    kept = ("id", "due", "locale", "at", "region", "cents")
    assert [[row[name] for name in kept] for row in after] == [[row[name] for name in kept] for row in before]


def test_a_row_gets_a_name_in_its_own_language(rows: Rows) -> None:
    """With names of both languages for all of them it would be one in a thousand times that all ten have their own."""
    languages = {"fr_FR": French, "en_GB": English}
    with rows.connector.writing() as connection, connection.begin():
        connection.exec_driver_sql("UPDATE people SET locale = CASE WHEN id < 5 THEN 'fr_FR' ELSE 'en_GB' END")
    rows.run(rows.work(Action.ANONYMISE, 10))
    for row in rows.all()[:10]:
        lists = languages[row["locale"]]
        assert {*row["name"].split()} <= {
            word
            for part in ("first_names_male", "first_names_female", "last_names")
            for name in getattr(lists, part)
            for word in name.split()
        }


def test_a_second_run_of_a_step_finds_nothing(rows: Rows) -> None:
    rows.run(rows.work(Action.ANONYMISE, 10))
    after = rows.all()
    record, left = rows.run(rows.work(Action.ANONYMISE, 10))
    assert (rows.all(), record.chunks, left) == (after, 3, 0)


@pytest.mark.parametrize(("point", "acted"), [("intent", 0), ("mid_batch", 0), ("before_commit", 0), ("committed", 4)])
def test_an_interrupted_chunk_is_resolved_by_looking(rows: Rows, point: str, acted: int) -> None:
    def stop(reached: str) -> None:
        if reached == point:
            raise Killed

    with pytest.raises(Killed):
        rows.run(rows.work(Action.DELETE, 10, checkpoint=stop))
    assert len(rows.all()) == 20 - acted
    measured = rows.measures()
    record = rows.work(Action.DELETE, 10).receipts.read()["crm.people.1"]
    assert list(record.open) == [1]
    record, left = rows.run(rows.work(Action.DELETE, 10))
    assert (record.outcomes, left) == ({"deleted": 10}, 0)
    assert len(rows.all()) == 10
    assert rows.measures() == measured
    assert rows.engine.ledger.verify() == []
    assert rows.work(Action.DELETE, 10).receipts.read()["crm.people.1"].open == {}


def test_more_than_the_plan_counted_is_refused_before_anything_is_changed(rows: Rows) -> None:
    before = rows.all()
    with pytest.raises(LimitExceeded, match=r"crm\.people"):
        rows.run(rows.work(Action.DELETE, 9))
    assert rows.all() == before


def test_a_row_that_another_session_holds_is_left(rows: Rows) -> None:
    if rows.connector.dialect.name == "sqlite":
        pytest.skip("SQLite locks the whole file")
    table = rows.connector.table(SOURCE)
    with rows.connector.writing() as other, other.begin():
        other.execute(table.update().where(table.c.id == 3).values(cents=1))
        record, left = rows.run(rows.work(Action.DELETE, 10))
        assert (record.outcomes, left) == ({"deleted": 9}, 1)
    record, left = rows.run(rows.work(Action.DELETE, 10))
    assert (record.outcomes, left) == ({"deleted": 10}, 0)
