"""A group is spelled alike by live rows and ledger, whatever type it is of and whoever's session reads it."""

from __future__ import annotations

import datetime as dt
import json
from typing import Literal, NamedTuple

import pytest
from counted_visits import CountedVisits
from databases import Database

from connectors.sql.answers import Asked, Rules
from connectors.sql.connector import SqlConnector
from pipelines.data_map.model import Bucket, Statistic
from pipelines.statistics.settling import LARGEST_SHARE, PROTECTION

DAY = dt.date(2026, 6, 30)


class Group(NamedTuple):
    """The type and a value of a column, how it is grouped by, and the cell that the ledger has for that."""

    type: str
    value: str
    by: Literal["value", "month", "year"]
    cell: str


POSTGRESQL = {
    "padded": Group("CHAR(5)", "'ab'", "value", '["ab   "]'),
    "day": Group("DATE", "'2024-01-31'", "value", '["2024-01-31"]'),
    "naive": Group("TIMESTAMP", "'2024-01-31 23:30:00'", "value", '["2024-01-31T23:30:00"]'),
    "zoned": Group("TIMESTAMPTZ", "'2024-01-31 23:30:00.25+00'", "value", '["2024-01-31T23:30:00.25+00:00"]'),
    "ancient": Group("TIMESTAMPTZ", "'0044-03-15 00:00:00+00 BC'", "value", '["0044-03-15T00:00:00+00:00 BC"]'),
    "never": Group("TIMESTAMPTZ", "'infinity'", "value", '["infinity"]'),
    "month": Group("TIMESTAMPTZ", "'2024-01-31 23:30:00+00'", "month", '["2024-01"]'),
    "list": Group("TEXT[]", "'{a,b}'", "value", '[["a","b"]]'),
    "object": Group("JSONB", """'{"a": 1}'""", "value", '[{"a": 1}]'),
    "amount": Group("NUMERIC", "1.50", "value", "[1.50]"),
    "flag": Group("BOOLEAN", "true", "value", "[true]"),
}
MARIADB = {
    "padded": Group("CHAR(5)", "'ab'", "value", '["ab"]'),
    "naive": Group("DATETIME", "'2024-01-31 23:30:00'", "value", '["2024-01-31 23:30:00"]'),
    "zoned": Group("TIMESTAMP(3) NULL", "'2024-01-31 23:30:00.25'", "value", '["2024-01-31 23:30:00.250"]'),
    "never": Group("TIMESTAMP NULL", "'0000-00-00 00:00:00'", "value", '["0000-00-00 00:00:00"]'),
    "month": Group("TIMESTAMP NULL", "'2024-01-31 23:30:00'", "month", '["2024-01"]'),
    "list": Group("JSON", """'["a", "b"]'""", "value", '[["a", "b"]]'),
    "flag": Group("BIT(1)", "b'1'", "value", "[1]"),
    "bits": Group("BIT(8)", "b'10000001'", "value", "[129]"),
}


def asked(visits: CountedVisits, name: str) -> Asked:
    of = next(each for each in visits.registered if each.statistic.name == name)
    rules = Rules(of.statistic.minimum, str(LARGEST_SHARE), str(PROTECTION))
    return Asked(of.question, "visits", ("of",), rules, visits.connector.journal.tally.released)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "columns", "elsewhere"),
    [
        ("postgres", POSTGRESQL, ("SET timezone = 'Europe/Paris'", "SET datestyle = 'SQL, DMY'")),
        ("mariadb", MARIADB, ("SET time_zone = '+09:00'",)),
    ],
)
def test_a_group_is_one_in_every_session_once_some_of_it_is_released(
    request: pytest.FixtureRequest, kind: str, columns: dict[str, Group], elsewhere: tuple[str, ...]
) -> None:
    database: Database = request.getfixturevalue(f"{kind}_database")
    statistics = tuple(
        Statistic(name=name, by=(Bucket(column=name, by=of.by),), subject=("person",)) for name, of in columns.items()
    )
    more = "".join(f", {name} {of.type}" for name, of in columns.items())
    visits = CountedVisits(SqlConnector("shop", database.read, database.write), database.admin, statistics, more)
    if kind == "mariadb":
        visits.run(f"GRANT CREATE VIEW, DROP ON {visits.admin.url.database}.* TO ardoise_write@localhost")
    values = ", ".join(of.value for of in columns.values()).replace(":", r"\:")
    for n in range(24):
        visits.run(f"INSERT INTO visits (id, person, {', '.join(columns)}) VALUES ({n}, 'p{n}', {values})")
    visits.delete(visits.table.c.id < 12, DAY)
    visits.settle(DAY)
    answers = {name: asked(visits, name) for name in columns}
    with visits.connector.writing() as connection, connection.begin():
        views = {name: visits.connector.make_view(connection, name, each.shown()) for name, each in answers.items()}
    with visits.connector.reading() as ours, visits.admin.connect() as theirs:
        for statement in elsewhere:
            theirs.exec_driver_sql(statement)
        for name, of in columns.items():
            assert [(each.cell, each.totals.n) for each in visits.released(name)] == [(of.cell, 12)]
            group = json.loads(of.cell)[0]
            known = group if isinstance(group, str) else of.cell[1:-1]
            for rows in (ours.execute(answers[name].shown()), theirs.exec_driver_sql(f"SELECT * FROM {views[name]}")):
                assert [(row.of, int(row.n)) for row in rows] == [(known, 24)]
    visits.close()
