"""Two runs whose rows are turned to bucket parents of one dataset elect the same ones, also when they do so at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hidden_shop import TODAY, VISITS, Club, club_in

from connectors.sql.connector import SqlConnector
from connectors.sql.journal import Chunk
from connectors.sql.marks import number
from pipelines.apply.buckets import BUCKET, EVERYBODY, turn_to_buckets
from pipelines.data_map.model import DatasetMap
from pipelines.scan.sources import source_of

WITHIN = 60.0
"""Seconds until a run that has said nothing counts as lost."""
CHILDREN = ("visits", "calls")


@pytest.fixture(params=["postgresql", "mariadb", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Club:
    """Former members with visits, and with calls that are as visits are; all anonymised by hand."""
    made = club_in(request.param, request, tmp_path)
    made.join(range(1, 30), region="Nord")
    made.visit(range(1, 30), each=1)
    made.run(VISITS.replace("TABLE visits", "TABLE calls"))
    made.run("INSERT INTO calls SELECT * FROM visits")
    return made


def opened(store: Club) -> tuple[SqlConnector, dict[str, DatasetMap]]:
    """A connector of a run's own, and the datasets with that of the calls."""
    estate = store.estate
    connector = estate.connector("club")
    assert isinstance(connector, SqlConnector)
    datasets = dict(estate.data_maps["club"].datasets)
    visits = datasets["visits"]
    calls = visits.model_copy(update={"source": visits.source.replace("visits", "calls")})
    return connector, {**datasets, "calls": calls}


def anonymise(store: Club) -> None:
    """Mark every category of every row."""
    connector, datasets = opened(store)
    connector.prepare()
    with connector.writing() as connection, connection.begin():
        for name, dataset in datasets.items():
            table = connector.table(source_of(name, dataset))
            categories: dict[str, list[str]] = {}
            for column, field in dataset.personal.items():
                categories.setdefault(field.category, []).append(column)
            wanted = [(category, columns, sa.true()) for category, columns in categories.items()]
            connector.journal.marks.mark(connection, Chunk("plan", "", name, 0), table, ("id",), wanted)


def turn(store: Club, child: str, heard: Callable[[str, str, Any], None]) -> int:
    """Turn the rows of one child, as a run does; ``heard`` gets every statement before and after it is executed."""
    connector, datasets = opened(store)
    chosen = {name: each for name, each in datasets.items() if name in ("members", child)}
    with connector.writing() as connection:
        for when in ("before", "after"):
            sa.event.listen(
                connection,
                f"{when}_cursor_execute",
                lambda _c, _cursor, statement, parameters, _context, _many, when=when: heard(
                    when, statement, parameters
                ),
            )
        turned = turn_to_buckets(
            connection, connector, connector.inspect(), chosen, f"plan of {child}", 100, lambda _: False,
            lambda _: None, lambda _: (), TODAY,
        )  # fmt: skip
    return turned[child]


def test_two_that_elect_at_once_elect_the_same_parents(store: Club) -> None:
    """One is held where it has named what it elects, until the other is about to name it, or waits for its turn."""
    anonymise(store)
    named, asked = threading.Event(), threading.Event()

    def first(when: str, statement: str, _: Any) -> None:
        if when == "after" and "INSERT INTO" in statement and "scopes" in statement and not named.is_set():
            named.set()
            assert asked.wait(WITHIN)

    def second(when: str, statement: str, parameters: Any) -> None:
        if when == "before" and (BUCKET in str(parameters) or statement == "BEGIN IMMEDIATE"):
            asked.set()

    with ThreadPoolExecutor() as pool:
        one = pool.submit(turn, store, "visits", first)
        assert named.wait(WITHIN)
        other = pool.submit(turn, store, "calls", second)
        assert (one.result(), other.result()) == (29, 29)
    marks = opened(store)[0].journal.marks.table
    counted = sa.select(sa.func.count()).select_from(marks)
    with store.admin.connect() as connection:
        for category, elected in ((BUCKET, len(cells(store))), (EVERYBODY, 1)):
            scope = number("members", category)
            assert connection.execute(counted.where(marks.c.scope == scope)).scalar_one() == elected, category


def cells(store: Club) -> set[tuple[Any, ...]]:
    """What members keep who are not to be told apart."""
    return {(row["region"], row["left_on"], row["born"], row["cents"]) for row in store.rows()}
