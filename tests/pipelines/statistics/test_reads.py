"""What MariaDB reads for statistics grows with the rows that are there."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict

import pytest
import sqlalchemy as sa
from counted_visits import CountedVisits, visits_of
from rows_read import rows_read

from connectors.sql.answers import Asked
from pipelines.statistics.answering import rules

DAY, JANUARY = dt.date(2026, 6, 30), dt.date(2026, 1, 5)
FEW, TIMES = 1_000, 4


def answered(visits: CountedVisits) -> None:
    of = visits.registered[0]
    asked = Asked(
        of.question, "visits", ("at_month", "region"), rules(of.statistic), visits.connector.journal.tally.released
    )
    with visits.connector.reading() as connection:
        assert connection.execute(asked.shown()).all()
        assert connection.execute(asked.hidden()).first() is None


@pytest.mark.parametrize("visits", ["mariadb"], indirect=True)
def test_what_is_read_for_statistics_grows_with_the_rows(visits: CountedVisits) -> None:
    counted: dict[str, list[int]] = defaultdict(list)
    number = visits.table.c.id
    for rows in (FEW, FEW * TIMES):
        visits.run("DELETE FROM visits")
        visits.add(visits_of((f"p{n // 2}" for n in range(rows)), JANUARY, "Alsace"))
        going, changing = number < rows // 4, sa.and_(number >= rows // 4, number < rows // 2)
        acts = {
            "answer": lambda: answered(visits),
            "deletion": lambda due=going: visits.delete(due, DAY),
            "overwriting": lambda due=changing: visits.write(due, {"person": "nobody"}, DAY),
            "deletion of what is marked": lambda due=changing: visits.delete(due, DAY),
        }
        for name, act in acts.items():
            counted[name].append(rows_read(visits.admin, act))
    growth = {name: many / few for name, (few, many) in counted.items()}
    assert max(growth.values()) < TIMES * 1.5, growth
