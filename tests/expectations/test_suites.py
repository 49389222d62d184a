"""Suites: counts with their bounds, evaluated in the store; what cannot be evaluated has not passed; nothing leaks."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from expectations import suites
from expectations.findings import Finding, Severity, Stage
from expectations.suites import Check, Suite, check_suites, misused, written
from pipelines.expect.kinds import REACH

CANARY = "zephyrine"
NAMES = ["Zephyrine Aldous", "Zephyrine Aldous", "Zephyrine Brix", None]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A table of four, of whom three have a name; in a path with a space, because users have such paths."""
    address = f"sqlite:///{tmp_path_factory.mktemp('with space') / 'shop.sqlite'}"
    engine = sa.create_engine(address)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE person (id INTEGER, name TEXT, email TEXT, cents INTEGER, at DATE)"))
        rows = [
            {"id": n, "name": name, "email": f"{CANARY}.{n}@example.org", "cents": 10 * n, "at": f"202{n}-02-03"}
            for n, name in enumerate(NAMES, start=1)
        ]
        connection.execute(sa.text("INSERT INTO person VALUES (:id, :name, :email, :cents, :at)"), rows)
    engine.dispose()
    return address


def check(kind: str, expected: int = 0, **arguments: Any) -> Check:
    return Check("people are as they should be", "person", kind, "look", kind, arguments, expected=expected)


def suite(*checks: Check, table: str = "person", query: str = "") -> Suite:
    return Suite("people", "crm", Stage.BEFORE, "", "" if query else table, checks, query)


def seen(url: str, *checks: Check, **options: str) -> list[tuple[int | None, str, bool]]:
    return [(each.seen, each.allowed, each.passed) for each in check_suites(url, [suite(*checks, **options)])]


def test_conditions_are_counted_and_a_share_allows_a_single_one_at_least(url: str) -> None:
    without = {"condition": "name IS NULL"}
    found = seen(
        url,
        check("expect_no_rows_where", **without),
        check("expect_no_rows_where", share=0.01, **without),
        check("expect_no_rows_where", share=0.01, condition="id > 2"),
        check("expect_no_rows_where", condition="id > 9"),
        check("expect_no_rows_where", share=0.5, condition="id > 2", among="id > 1"),
    )
    assert found == [(1, "0", False), (1, "0 to 1", True), (2, "0 to 1", False), (0, "0", True), (2, "0 to 1", False)]


def test_rows_lie_between_numbers_or_shares(url: str) -> None:
    kind, half = "expect_rows_where_to_be_between", {"condition": "id > 2"}
    found = seen(
        url,
        check(kind, least=2, most=4, expected=4),
        check(kind, least=5, most=9, expected=7),
        check(kind, least_share=0.4, most_share=0.6, **half),
        check(kind, least_share=0.9, most_share=1.0, **half),
        check(kind, least_share=0.9, most_share=1.0, slack=1, **half),
        check(kind, **half),
    )
    assert found == [
        (4, "2 to 4", True), (4, "5 to 9", False), (2, "1 to 3", True), (2, "3 to 4", False), (2, "2 to 4", True),
        (2, "0 to 4", True),
    ]  # fmt: skip


def test_a_query_counts_and_its_signs_are_no_parameters(url: str) -> None:
    query = "SELECT count(*) AS offenders FROM person WHERE name LIKE '%e A%' AND at <> '10:00:00' AND ':id' <> name"
    assert seen(url, check("expect_no_offenders", query=query)) == [(2, "0", False)]
    condition = "name LIKE '%e A%' AND at <> '10:00:00' AND ':id' <> name"
    assert seen(url, check("expect_no_rows_where", condition=condition)) == [(2, "0", False)]


def test_of_anybodys_query_it_is_told_whether_it_finds_any_and_not_what_it_gives(url: str) -> None:
    kind, amount = "expect_query_to_count_none", "SELECT {} FROM person WHERE id = 3"
    found = seen(
        url,
        check(kind, query=amount.format("cents")),
        check(kind, query=amount.format("-cents")),
        check(kind, query=amount.format("id"), share=0.75),
        check(kind, query=amount.format("name")),
        check(kind, query=amount.format("0")),
    )
    assert found == [(1, "0", False), (1, "0", False), (0, "0", True), (None, "0", False), (0, "0", True)]


def test_a_suite_over_a_query_is_about_its_rows(url: str) -> None:
    rows = "SELECT name, at FROM person WHERE id > 1 AND at <> ':id'"
    assert seen(url, check("expect_no_rows_where", condition="at > '2022'"), query=rows) == [(3, "0", False)]


def test_checks_that_ask_the_same_each_have_their_answer(url: str) -> None:
    """As of tenants that share a table, and of events that share a column."""
    same = check("expect_no_rows_where", condition="name IS NULL")
    found = check_suites(
        url, [suite(same, check("expect_columns_to_exist", columns=["id"]), replace(same, dataset="b"))]
    )
    assert [(each.dataset, each.seen) for each in found] == [("person", 1), ("person", 0), ("b", 1)]


def test_expectations_of_great_expectations_keep_their_verdict_with_a_count(url: str) -> None:
    found = seen(
        url,
        check("expect_column_values_to_not_be_null", column="name"),
        check("expect_column_values_to_not_be_null", column="name", mostly=0.7),
        check("expect_column_values_to_be_unique", column="name"),
        check("expect_column_to_exist", column="email"),
        check("expect_column_to_exist", column="phone"),
        check("expect_table_row_count_to_equal", value=4),
        check("expect_column_mean_to_be_between", column="cents", min_value=30, max_value=90),
    )
    assert found == [
        (1, "0", False), (1, "0 to 1", True), (2, "0", False), (0, "0", True), (1, "0", False), (0, "0", True),
        (1, "0", False),
    ]  # fmt: skip


def test_what_cannot_be_evaluated_has_not_passed_and_spoils_nothing_beside_it(url: str) -> None:
    checks = (
        check("expect_no_rows_where", condition="phone IS NULL"),
        check("expect_query_to_count_none", query="SELECT count(*) FROM nobody"),
        check("expect_no_rows_where", condition="id IS NULL"),
    )
    assert seen(url, *checks) == [(None, "0", False), (None, "0", False), (0, "0", True)]
    assert seen(url, *checks, table="nobody") == [(None, "0", False)] * 3
    refused = (replace(each, refused="mend the suite") for each in checks)
    assert [each.remedy for each in check_suites(url, [suite(*refused)])] == [
        "mend the suite",
        "mend the suite",
        "look",
    ]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Did not recognize type 'point'")
def test_a_column_of_a_type_that_nobody_knows_spoils_nothing_beside_it(postgres_database: Any) -> None:
    engine = sa.create_engine(postgres_database.admin)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE person (id integer, name text, home point)")
        connection.exec_driver_sql("INSERT INTO person VALUES (1, NULL, '(1,2)')")
    engine.dispose()
    days = "expect_column_types_to_match"
    asked = (
        check("expect_columns_to_exist", columns=["home", "phone"]),
        check(days, patterns={"id": "INTEGER", "home": "DATE|TEXT|NULL"}),
        check("expect_column_values_to_not_be_null", column="name"),
    )
    found = check_suites(postgres_database.read, [replace(suite(*asked), schema="public")])
    assert [(each.seen, each.measure.partition(": ")[2]) for each in found] == [(1, "`phone`"), (1, "`home`"), (1, "")]


def test_a_warning_that_fails_blocks_nothing() -> None:
    warning = Finding("named", "crm", "person", "unnamed", 0, 3, "look", Stage.BEFORE, Severity.WARNING)
    assert (warning.passed, warning.blocking) == (False, False)


def test_a_connection_cannot_write(url: str) -> None:
    finding = check_suites(url, [suite(check("expect_query_to_count_none", query="DELETE FROM person RETURNING 1"))])[0]
    assert finding.seen is None
    assert seen(url, check("expect_rows_where_to_be_between", least=4, expected=4)) == [(4, "4", True)]


def test_a_suite_is_written_as_great_expectations_reads_it(url: str) -> None:
    import great_expectations as gx

    document = written(suite(check("expect_no_rows_where", condition="id IS NULL")))
    again = gx.ExpectationSuite(name=document["name"], expectations=document["expectations"])
    assert [each.configuration.kwargs for each in again.expectations] == [{"condition": "id IS NULL"}]
    assert document["expectations"][0]["meta"]["remedy"] == "look"
    assert json.dumps(document)


def test_wrong_arguments_are_named() -> None:
    assert misused("expect_column_to_exist", {"colum": "id"}) == [
        ("column", "field required"),
        ("colum", "extra fields not permitted"),
    ]
    assert misused("expect_column_to_exist", {"column": "id"}) == []


@pytest.mark.filterwarnings("ignore:.*row_condition:DeprecationWarning", "ignore:.*condition_parser:DeprecationWarning")
def test_what_great_expectations_says_of_an_argument_is_told_only_where_it_repeats_none() -> None:
    kind = "expect_column_values_to_not_be_null"
    parser = {"condition_parser": "great_expectations"}
    assert misused(kind, {"column": "id", "row_condition": f'email="{CANARY}"', **parser}) == [
        ("row_condition", "Great Expectations cannot read it")
    ]
    assert misused(kind, {"column": "id", "row_condition": 'col("name").notNull()', **parser}) == []
    wrong = [{"column": "id", "mostly": CANARY}, {"column": "id", "result_format": CANARY}, {"column": {CANARY: 1}}]
    told = [each for arguments in wrong for each in misused(kind, arguments)]
    assert {name for name, _ in told} == {"mostly", "result_format", "column"}
    assert CANARY not in str(told)


ARGUMENTS: dict[str, dict[str, Any]] = {
    "expect_column_to_exist": {"column": "phone"},
    "expect_column_types_to_match": {"patterns": {"name": "INT.*"}},
    "expect_columns_to_exist": {"columns": ["name", "phone"]},
    "expect_column_proportion_of_non_null_values_to_be_between": {"column": "name", "min_value": 0.9},
    "expect_column_proportion_of_unique_values_to_be_between": {"column": "name", "min_value": 0.9},
    "expect_column_unique_value_count_to_be_between": {"column": "name", "min_value": 4},
    "expect_column_value_lengths_to_be_between": {"column": "name", "max_value": 3},
    "expect_column_value_lengths_to_equal": {"column": "name", "value": 3},
    "expect_column_values_to_be_null": {"column": "name"},
    "expect_column_values_to_be_unique": {"column": "name"},
    "expect_column_values_to_match_like_pattern": {"column": "name", "like_pattern": "Q%"},
    "expect_column_values_to_match_regex": {"column": "name", "regex": "^Q"},
    "expect_column_values_to_not_be_null": {"column": "name"},
    "expect_column_values_to_not_match_like_pattern": {"column": "name", "like_pattern": "Z%"},
    "expect_column_values_to_not_match_regex": {"column": "name", "regex": "^Z"},
    "expect_column_pair_values_a_to_be_greater_than_b": {"column_A": "name", "column_B": "email"},
    "expect_column_pair_values_to_be_equal": {"column_A": "name", "column_B": "email"},
    "expect_compound_columns_to_be_unique": {"column_list": ["name", "name"]},
    "expect_table_column_count_to_be_between": {"max_value": 3},
    "expect_table_column_count_to_equal": {"value": 3},
    "expect_table_row_count_to_be_between": {"max_value": 3},
    "expect_table_row_count_to_equal": {"value": 3},
    "expect_no_rows_where": {"condition": "name IS NOT NULL"},
    "expect_query_to_count_none": {"query": "SELECT count(*) FROM person WHERE name IS NOT NULL"},
    "expect_rows_where_to_be_between": {"condition": "name IS NOT NULL", "most": 1},
}
"""For each kind that may be used on personal columns, arguments with which it fails."""


def test_nothing_that_great_expectations_returns_or_logs_holds_a_value(
    url: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert set(ARGUMENTS) == {kind for kind, reach in REACH.items() if reach != "values"}
    returned: list[str] = []
    evaluate = suites._results

    def overheard(*given: Any) -> Any:
        found = evaluate(*given)
        returned.extend(json.dumps(each.to_json_dict()) for each in found.values())
        return found

    monkeypatch.setattr(suites, "_results", overheard)
    checks = [check(kind, **arguments) for kind, arguments in ARGUMENTS.items()]
    broken = check("expect_no_rows_where", condition="json(name) IS NULL")  # the engine refuses, and may say what
    with caplog.at_level(logging.DEBUG):
        findings = check_suites(url, [suite(*checks), suite(broken)])

    assert [each.measure for each in findings if ": `" in each.measure] == [
        "expect_column_types_to_match: `name`", "expect_columns_to_exist: `phone`",
    ]  # fmt: skip
    assert [each.measure for each in findings if each.passed or each.seen is None] == ["expect_no_rows_where"]
    said = [*returned, *map(repr, findings), caplog.text, *capfd.readouterr()]
    assert len(returned) == len(ARGUMENTS) + 1
    assert [text for text in said if CANARY in text.lower()] == []
