"""What is drawn owes nothing to what was there, nor to a state that could be set: two runs agree by chance only."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest
import sqlalchemy as sa
from fixtures_mariadb import MariaDatabase
from fixtures_postgres import PostgresDatabase
from sqlalchemy.sql import visitors

from connectors.base import FieldShape
from connectors.sql.engines import open_engine, prepare_sqlite
from pipelines.anonymise.pools import SIZE
from pipelines.anonymise.replacement import Coarse, Constant, Replacement
from pipelines.anonymise.techniques import TECHNIQUES
from pipelines.apply.assignments import assignments

ROWS = 1500
SHAPES = {
    "text": FieldShape("text", "varchar(80)", True, False, 80),
    "unique": FieldShape("unique", "varchar(80)", False, True, 80),
}
TABLE = sa.Table(
    "chance", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("text", sa.String(80)), sa.Column("unique", sa.String(80)),
)  # fmt: skip
DRAWN = sorted(name for name in TECHNIQUES if name.startswith(("replace", "unique")))


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def engine(request: pytest.FixtureRequest) -> sa.Engine:
    if request.param == "sqlite":
        engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
        sa.event.listen(engine, "connect", lambda connection, _: prepare_sqlite(connection))
        return engine
    if request.param == "mariadb":
        maria: MariaDatabase = request.getfixturevalue("mariadb_database")
        return open_engine("chance", maria.admin, write=True)
    database: PostgresDatabase = request.getfixturevalue("postgres_database")
    return sa.create_engine(database.admin, poolclass=sa.NullPool)


def drawn(engine: sa.Engine, replacements: Mapping[str, Replacement], originals: list[str]) -> dict[str, list[str]]:
    """What a run makes of these originals, with the interpreter's own randomness set to a fixed state before."""
    random.seed(1)
    with engine.begin() as connection:
        TABLE.drop(connection, checkfirst=True)
        TABLE.create(connection)
        rows = [{"id": n, "text": text, "unique": f"{n} {text}"} for n, text in enumerate(originals, 1)]
        connection.execute(TABLE.insert(), rows)
        connection.execute(TABLE.update().values(assignments(connection, TABLE, replacements)))
        found = connection.execute(sa.select(TABLE).order_by(TABLE.c.id)).all()
        TABLE.drop(connection)
    return {name: [getattr(row, name) for row in found] for name in SHAPES}


@pytest.mark.parametrize("technique", DRAWN)
def test_two_runs_agree_by_chance_only(engine: sa.Engine, technique: str) -> None:
    replacements = {name: TECHNIQUES[technique](shape) for name, shape in SHAPES.items()}
    same = [drawn(engine, replacements, ["Jeanne Martin"] * ROWS) for _ in range(2)]
    others = drawn(engine, replacements, [f"Somebody {n}" for n in range(ROWS)])
    for first, second in ((same[0], same[1]), (same[0], others)):
        equal = sum(a == b for a, b in zip(first["text"], second["text"], strict=True))
        assert equal <= 30  # of a pool of a thousand, 1.5 are expected; in languages with fewer values a few more
        assert not set(first["unique"]) & set(second["unique"])
    for found in (*same, others):  # whatever was there, equal or not, as many different values come of it
        assert len(set(found["text"])) > SIZE / 4
        assert len(set(found["unique"])) == ROWS


@pytest.mark.parametrize("technique", sorted(TECHNIQUES))
def test_no_expression_looks_at_what_was_there_but_those_that_say_so(technique: str) -> None:
    known = TECHNIQUES[technique]
    if known.of_items or known.needed:
        return
    for shape in (SHAPES["unique"], FieldShape("text", "varchar(80)", False, False, 80)):
        try:
            replacement = known(shape)
        except ValueError:
            continue
        if isinstance(replacement.assignment, (Coarse, Constant)):
            continue
        engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
        with engine.begin() as connection:
            made = assignments(connection, TABLE, {shape.name: replacement})[shape.name]
        assert {each.name for each in visitors.iterate(made) if isinstance(each, sa.Column)} <= {"id"}
