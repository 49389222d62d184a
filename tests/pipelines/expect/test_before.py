"""Before a run: every expectation passes over a store in order, and fails once something is wrong, on each engine."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from approving import confirm_maps
from expected_estate import CANARY, ENGINES, PEOPLE, TODAY, VISITS, ExpectedEstate, on_engine
from running import applied, planned

from expectations.findings import Finding
from pipelines.errors import ExpectationsUnmet
from pipelines.expect.before import findings_before
from pipelines.expect.tables import DRIFT, KEPT, KEYED, MAPPED, PLAUSIBLE, REFERENCED
from pipelines.plan.artefact import Plan
from pipelines.verify import stored_findings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=ENGINES)
def expected(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExpectedEstate]:
    with on_engine(request, tmp_path_factory.mktemp("expected")) as made:
        yield made


@pytest.fixture(params=ENGINES)
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ExpectedEstate]:
    with on_engine(request, tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def plan(expected: ExpectedEstate) -> Plan:
    return planned(expected.estate, "EXPECTED", TODAY)


def looked(expected: ExpectedEstate, plan: Plan) -> list[Finding]:
    """What is found when the store is looked at as before a run."""
    with closing(expected.estate.engine()) as engine:
        return findings_before(expected.estate.acting(engine), engine, plan, today=TODAY)


def test_a_store_in_order_is_as_expected_and_every_expectation_has_been_looked_at(
    expected: ExpectedEstate, plan: Plan
) -> None:
    found = looked(expected, plan)
    assert [each for each in found if not each.passed] == []
    assert {each.expectation for each in found} == {MAPPED, KEYED, REFERENCED, PLAUSIBLE, KEPT, DRIFT}


CASES = {
    "a column is gone": (
        ["ALTER TABLE people DROP COLUMN note"],
        ["ALTER TABLE people ADD COLUMN note VARCHAR(200)"],
        (MAPPED, "columns missing: `note`", 1),
    ),
    "a number has become a text": (
        ["ALTER TABLE visits DROP COLUMN cents", "ALTER TABLE visits ADD COLUMN cents VARCHAR(20)"],
        ["ALTER TABLE visits DROP COLUMN cents", "ALTER TABLE visits ADD COLUMN cents INTEGER"],
        (MAPPED, "columns whose type cannot hold the days or numbers that it must: `cents`", 1),
    ),
    "a row without a key": (
        ["INSERT INTO people (id, tenant, joined) VALUES (NULL, 'ours', '2020-01-01')"],
        ["DELETE FROM people WHERE id IS NULL"],
        (KEYED, "rows without a key (id)", 1),
    ),
    "a key twice": (
        ["INSERT INTO people (id, tenant, joined) VALUES (7, 'theirs', '2020-01-01')"],
        ["DELETE FROM people WHERE tenant = 'theirs'"],
        (KEYED, "rows whose key (id) another has", 1),
    ),
    "a reference to nothing": (
        ["UPDATE visits SET person_id = 900 + id WHERE id <= 3"],
        ["UPDATE visits SET person_id = id WHERE id <= 3"],
        (REFERENCED, "rows whose person_id is nowhere in people", 3),
    ),
    "dates of another age": (
        ["UPDATE people SET joined = '1203-04-05' WHERE id <= 3"],
        ["UPDATE people SET joined = '2016-04-05' WHERE id <= 3"],
        (PLAUSIBLE, "rows with an implausible date for `joined` (joined)", 3),
    ),
    "dates to come": (
        ["UPDATE visits SET at = '2031-04-05 12:00:00' WHERE id <= 7"],
        ["UPDATE visits SET at = '2025-04-05 12:00:00' WHERE id <= 7"],
        (PLAUSIBLE, "rows with an implausible date for `visited` (at)", 7),
    ),
    "texts that are no dates": (
        ["UPDATE people SET left_on = 'some time' WHERE id <= 3"],
        ["UPDATE people SET left_on = NULL WHERE id <= 3"],
        (PLAUSIBLE, "rows with an implausible date for `left` (left_on)", 3),
    ),
    "a group that is too long for the ledger": (
        [
            f"UPDATE visits SET tariff = '{'é' * 242}' WHERE id <= 3",
            f"UPDATE visits SET tariff = '{'é' * 240}' WHERE id = 4",
        ],
        ["UPDATE visits SET tariff = NULL WHERE id <= 4"],
        (KEPT, "rows whose group in the statistic tariffs is binary or has over 255 characters", 3),
    ),
    "dates that are not written as they should": (
        ["UPDATE visits SET billed = '05/01/2024' WHERE id <= 7", "UPDATE visits SET billed = '*' WHERE id IN (8, 9)"],
        ["UPDATE visits SET billed = '2025-02-12' WHERE id <= 9"],
        (KEPT, "rows whose billed is no date by which the statistic tariffs can group", 7),
    ),
    "most rows have gone": (
        ["UPDATE people SET tenant = 'theirs' WHERE id > 18", "UPDATE visits SET person_id = 1 WHERE person_id > 18"],
        [
            "UPDATE people SET tenant = 'ours'",
            *(f"UPDATE visits SET person_id = {n} WHERE id IN ({n - 1}, {n + 39}, {n + 79})" for n in range(19, 41)),
        ],
        (DRIFT, "rows", 18),
    ),
    "rows have doubled": (
        ["INSERT INTO visits (id, person_id, at) SELECT id + 1000, person_id, at FROM visits WHERE id <= 70"],
        ["DELETE FROM visits WHERE id > 1000"],
        (DRIFT, "rows", 190),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_fails_its_own_expectation_and_no_other(expected: ExpectedEstate, plan: Plan, case: str) -> None:
    wrong, right, (expectation, measure, seen) = CASES[case]
    measure = measure.replace("in people", f"in {'public.' if expected.admin.startswith('postgres') else ''}people")
    expected.run(*wrong)
    try:
        failed = [each for each in looked(expected, plan) if not each.passed]
    finally:
        expected.run(*right)
    assert [(each.expectation, each.measure, each.seen) for each in failed] == [(expectation, measure, seen)]
    assert failed[0].remedy


@pytest.mark.parametrize(
    ("fresh", "wrong"),
    [
        ("sqlite", ["UPDATE visits SET cents = 0.5 WHERE id <= 2"]),
        ("postgres", ["ALTER TABLE visits ALTER cents TYPE NUMERIC", "UPDATE visits SET cents = 'NaN' WHERE id <= 2"]),
    ],
    indirect=["fresh"],
)
def test_amounts_that_cannot_be_summed_exactly_stop_the_run(fresh: ExpectedEstate, wrong: list[str]) -> None:
    fresh.run(*wrong)
    plan = planned(fresh.estate, "EXPECTED", TODAY)
    with pytest.raises(ExpectationsUnmet, match="2 rows whose cents the statistic takings cannot sum exactly"):
        applied(fresh.estate, plan, TODAY)


@pytest.mark.parametrize(
    "wrong",
    [
        "UPDATE people SET joined = '1203-04-05' WHERE id = 1",
        "UPDATE people SET left_on = 'some time' WHERE id = 1",
        "UPDATE visits SET at = '2031-04-05 12:00:00' WHERE id = 1",
        "DELETE FROM visits WHERE id = 120",
    ],
)
def test_a_single_bad_row_stops_nothing(expected: ExpectedEstate, plan: Plan, wrong: str) -> None:
    expected.run(wrong)
    try:
        assert [each for each in looked(expected, plan) if not each.passed] == []
    finally:
        expected.run(
            "UPDATE people SET joined = '2016-04-05', left_on = NULL WHERE id = 1",
            "UPDATE visits SET at = '2025-04-05 12:00:00' WHERE id = 1",
        )


def test_a_run_is_refused_and_nothing_changes_until_the_store_is_as_expected(fresh: ExpectedEstate) -> None:
    expected, plan = fresh, planned(fresh.estate, "EXPECTED", TODAY)
    expected.run("UPDATE people SET joined = '1203-04-05' WHERE id <= 9")
    before = expected.rows("people"), expected.rows("visits")

    with pytest.raises(ExpectationsUnmet, match="9 rows with an implausible date for `joined`") as refused:
        applied(expected.estate, plan, TODAY)

    assert "raise `implausible` under [expectations]" in str(refused.value)
    assert (expected.rows("people"), expected.rows("visits")) == before
    with closing(expected.estate.engine()) as engine:
        kept = [each for each in stored_findings(engine, plan.digest) if not each.passed]
        assert [(each.stage, each.expectation, each.seen) for each in kept] == [("before", PLAUSIBLE, 9)]
        assert not list(engine.ledger.entries("intent"))

    expected.run(f"UPDATE people SET joined = '2016-04-05' WHERE id <= {PEOPLE}")
    assert applied(expected.estate, plan, TODAY).complete
    # The next day most people have no date any more: what was measured before this run is what that is held against.
    tomorrow = TODAY + dt.timedelta(days=1)
    again = planned(expected.estate, "EXPECTED", tomorrow)
    expected.run("UPDATE people SET joined = NULL WHERE id > 5")
    with closing(expected.estate.engine()) as engine:
        found = findings_before(expected.estate.acting(engine), engine, again, today=tomorrow)
    failed = [(each.measure, each.seen, each.allowed) for each in found if not each.passed]
    assert failed == [("rows without a date for `joined`", PEOPLE - 5, "0 to 18")]


def test_rows_that_lead_to_another_tenant_are_none_of_those_that_the_plan_counted(fresh: ExpectedEstate) -> None:
    fresh.run("INSERT INTO people (id, tenant, joined) VALUES (900, 'theirs', '2016-04-05')")
    fresh.run(f"INSERT INTO visits (id, person_id, cents) SELECT id + 1000, 900, 1 FROM visits WHERE id <= {VISITS}")
    plan = planned(fresh.estate, "EXPECTED", TODAY)
    found = looked(fresh, plan)
    assert [each for each in found if not each.passed] == []
    assert [each.seen for each in found if (each.dataset, each.measure) == ("visits", "rows")] == [VISITS]
    assert applied(fresh.estate, plan, TODAY).complete
    assert sum(row["id"] > VISITS for row in fresh.rows("visits")) == VISITS


@pytest.mark.parametrize(
    ("is_mapped", "instead", "counted"),
    [
        ("key: [id]\n    where", "key: [tenant, id]\n    where", 3 * VISITS),
        ("inherits:", f"where: {{place: [{CANARY} 0, {CANARY} 1, {CANARY} 2]}}\n    inherits:", VISITS),
    ],
    ids=["not by a key", "by their own columns too"],
)
def test_rows_are_counted_as_the_plan_counts_them_however_they_lead_to_others(
    fresh: ExpectedEstate, is_mapped: str, instead: str, counted: int
) -> None:
    path = fresh.folder / "data_map" / "shop.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(is_mapped, instead), encoding="utf-8")
    confirm_maps(fresh.folder)
    fresh.run("INSERT INTO people (id, tenant, joined) VALUES (900, 'theirs', '2016-04-05')")
    for times in (1, 2):
        fresh.run(
            "INSERT INTO visits (id, person_id, place, cents, at) "
            f"SELECT id + {1000 * times}, 900, place, 1, at FROM visits WHERE id <= {VISITS}"
        )
    found = looked(fresh, planned(fresh.estate, "EXPECTED", TODAY))
    assert [each for each in found if not each.passed] == []
    assert [each.seen for each in found if (each.dataset, each.measure) == ("visits", "rows")] == [counted]
