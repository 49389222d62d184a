"""A person's own suites: read with every problem at once, and evaluated before a run and after it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from expected_estate import CANARY, ENGINES, TODAY, ExpectedEstate, expected_estate, on_engine
from running import applied, noon, planned

from expectations.canaries import Canaries
from expectations.findings import Finding, Severity, Stage
from pipelines.errors import EstateInvalid, ExpectationsUnmet
from pipelines.expect.own import own_suites
from pipelines.plan.artefact import Plan
from pipelines.verify import stored_findings, verify

SUITE = """
suite: visitors
store: shop
dataset: people
expectations:
  - type: expect_column_values_to_match_regex
    column: email
    regex: "@example[.]org$"
    meaning: addresses are of our own domain
    remedy: Ask who imports people.
  - type: expect_column_values_to_be_unique
    column: email
    stage: both
  - type: expect_column_value_lengths_to_be_between
    column: name
    max_value: 3
    severity: warning
  - type: expect_column_values_to_not_be_null
    column: note
    mostly: 0.99
    stage: after
"""

FILLED = "expect_column_values_to_not_be_null"

_NO_BOUND = (
    "value is not a valid float", "value is not a valid dict", "invalid date format", "invalid datetime format",
)  # fmt: skip
"""What Great Expectations says of a bound that is none."""


@pytest.fixture
def written(tmp_path: Path) -> ExpectedEstate:
    """An estate on SQLite."""
    (tmp_path / "shop.sqlite").touch()
    url = f"sqlite:///{tmp_path / 'shop.sqlite'}"
    return expected_estate(tmp_path / "estate", url, url, url)


@pytest.fixture(params=ENGINES)
def expected(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ExpectedEstate]:
    with on_engine(request, tmp_path) as made:
        yield made


def problems(expected: ExpectedEstate) -> list[str]:
    with pytest.raises(EstateInvalid) as raised:
        own_suites(expected.estate)
    return [str(each) for each in raised.value.problems]


def test_a_suite_is_read(written: ExpectedEstate) -> None:
    written.own(SUITE)
    (suite,) = own_suites(written.estate)
    first, both, warning, after = suite.expectations
    assert (first.arguments, first.columns) == ({"column": "email", "regex": "@example[.]org$"}, ("email",))
    assert [each.at(Stage.BEFORE) for each in suite.expectations] == [True, True, True, False]
    assert [each.at(Stage.AFTER) for each in suite.expectations] == [False, True, False, True]
    assert (both.severity, warning.severity) == (Severity.CRITICAL, Severity.WARNING)
    assert after.arguments == {"column": "note", "mostly": 0.99}


def test_every_problem_is_named_at_once_with_file_and_line_and_without_the_value(written: ExpectedEstate) -> None:
    written.own(
        f"""suite: wrong
store: shop
dataset: people
expectations:
  - type: expect_column_to_exit
    column: email
  - type: expect_column_max_to_be_between
    column: name
    max_value: M
  - type: expect_column_values_to_match_regex
    column: phone
    regex: "^x"
  - type: expect_column_values_to_not_match_regex
    column: name
    regex: "^{CANARY}[.]1@example[.]org$"
  - type: expect_no_rows_where
    condition: email = '{CANARY}.1@example.org'
  - type: expect_column_values_to_be_unique
    colum: email
"""
    )
    written.own("suite: wrong\nstore: shpo\ndataset: people\nexpectations: [{type: expect_column_to_exist}]", "b.yaml")
    written.own("suite: lost\nstore: shop\ndataset: persons\nexpectations: []\nwhy: no", "c.yaml")
    found = problems(written)
    assert [each for each in found if CANARY in each] == []
    assert [each.partition(". ")[0] for each in found] == [
        "expectations/b.yaml:2: there is no store `shpo`",
        "expectations/b.yaml:4: `column` of `expect_column_to_exist`: field required",
        "expectations/c.yaml:4: `expectations`: tuple should have at least 1 item after validation, not 0",
        "expectations/c.yaml:5: `why` is not known here",
        "expectations/own.yaml:1: there are two suites `wrong`",
        "expectations/own.yaml:5: `expect_column_to_exit` is no kind of expectation that may be used here",
        "expectations/own.yaml:7: `expect_column_max_to_be_between` tells values, and `name` is personal",
        "expectations/own.yaml:9: `max_value` of `expect_column_max_to_be_between`: " + ", ".join(_NO_BOUND),
        "expectations/own.yaml:11: the data map knows no column `phone`",
        "expectations/own.yaml:15: `regex` looks as if it held a personal value, which every result would repeat",
        "expectations/own.yaml:17: `condition` looks as if it held a personal value, which every result would repeat",
        "expectations/own.yaml:18: `column` of `expect_column_values_to_be_unique`: field required",
        "expectations/own.yaml:19: `colum` of `expect_column_values_to_be_unique`: extra fields not permitted",
    ]


@pytest.mark.filterwarnings("ignore:.*row_condition:DeprecationWarning", "ignore:.*condition_parser:DeprecationWarning")
def test_what_is_no_name_is_not_repeated_and_what_cannot_be_read_is_named(written: ExpectedEstate) -> None:
    written.own(
        f"""suite: wrong
store: {CANARY}.1@example.org
dataset: people
expectations: [{{type: expect_column_to_exist, column: email}}]
"""
    )
    written.own(
        f"""suite: values
store: shop
dataset: people
expectations:
  - type: {CANARY}.1@example.org
  - type: expect_column_to_exist
    column: {CANARY}.1@example.org
  - type: expect_column_to_exist
    column: email
    {CANARY}.1@example.org: no
  - type: {FILLED}
    column: name
    row_condition: 'name="{CANARY}"'
    condition_parser: great_expectations
""",
        "values.yaml",
    )
    written.own(f"suite: keys\nstore: shop\n{CANARY}.1@example.org: no\nwhy: no\nwhy: yes\n", "keys.yaml")
    written.own(f"'{CANARY} x': 1\n'{CANARY} x': 2\n", "twice.yaml")
    written.own(f"suite: *{CANARY}.1\n", "alias.yaml")
    found = problems(written)
    assert [each for each in found if CANARY in each] == []
    told = {each.partition(". ")[0] for each in found if not each.startswith(("expectations/own", "expectations/val"))}
    assert {
        "expectations/keys.yaml:3: a key of the file is not known here",
        "expectations/keys.yaml:4: `why` is not known here",
        "expectations/keys.yaml:5: `why` is there twice",
        "expectations/twice.yaml:2: a key is there twice",
        "expectations/alias.yaml:1: this is no YAML: found undefined alias",
    } <= told
    found = [each for each in found if each.startswith(("expectations/own", "expectations/val"))]
    assert [each.partition(". ")[0] for each in found] == [
        "expectations/own.yaml:2: there is no store of that name",
        "expectations/values.yaml:5: this is no kind of expectation that may be used here",
        "expectations/values.yaml:7: `column` looks as if it held a personal value, which every result would repeat",
        "expectations/values.yaml:7: the data map knows no column of that name",
        "expectations/values.yaml:10: an argument of `expect_column_to_exist`: extra fields not permitted",
        f"expectations/values.yaml:13: `row_condition` of `{FILLED}`: Great Expectations cannot read it",
    ]


def test_what_the_engine_refuses_is_the_suites_to_mend_and_no_number_out_of_a_record_is_told(
    written: ExpectedEstate,
) -> None:
    written.own(
        """suite: asked
store: shop
dataset: people
expectations:
  - type: expect_no_rows_where
    condition: email = = 'x'
  - type: expect_query_to_count_none
    query: SELECT max(cents) + 770000 FROM visits
"""
    )
    plan = planned(written.estate, "EXPECTED", TODAY)
    with pytest.raises(ExpectationsUnmet) as refused:
        applied(written.estate, plan, TODAY)
    with closing(written.estate.engine()) as engine:
        kept = [each for each in stored_findings(engine, plan.digest) if each.expectation.startswith("asked")]
    assert [each.seen for each in kept] == [None, 1]
    assert "The store's engine refused what the suite asks of it" in kept[0].remedy
    said = f"{refused.value} {kept}"
    assert "offenders (expect_no_rows_where) could not be counted" in said
    assert "770" not in said.replace(",", "")


def test_a_column_that_nobody_has_mapped_can_tell_nothing(written: ExpectedEstate) -> None:
    written.own(SUITE.replace("column: note", "column: remark"))
    (problem,) = problems(written)
    assert "the data map knows no column `remark`" in problem


@pytest.mark.slow
def test_own_suites_are_evaluated_before_and_after_a_run_and_leave_no_value_behind(expected: ExpectedEstate) -> None:
    expected.own(SUITE)
    plan = planned(expected.estate, "EXPECTED", TODAY)
    expected.run("UPDATE people SET email = 'zephyrine@elsewhere.example' WHERE id = 1")

    with pytest.raises(ExpectationsUnmet, match="1 offenders of email") as refused:
        applied(expected.estate, plan, TODAY)
    assert "Ask who imports people." in str(refused.value)

    expected.run("UPDATE people SET email = 'zephyrine.1@example.org' WHERE id = 1")
    assert applied(expected.estate, plan, TODAY).complete
    found = verify(expected.estate, plan.digest, now=noon(TODAY), today=TODAY)

    kept = _own(expected, plan)
    assert [(each.stage, each.expectation, each.passed) for each in kept] == [
        ("before", "visitors: addresses are of our own domain", True),
        ("before", "visitors: expect_column_values_to_be_unique", True),
        ("before", "visitors: expect_column_value_lengths_to_be_between", False),
        ("after", "visitors: expect_column_values_to_be_unique", True),
        ("after", "visitors: expect_column_values_to_not_be_null", False),
    ]
    assert [each.blocking for each in kept] == [False, False, False, False, True]
    assert kept[-1] in found
    canaries = Canaries((CANARY,))
    assert canaries.search_files(expected.folder / ".ardoise") == []
    assert canaries.search_sql(f"sqlite:///{expected.folder / '.ardoise' / 'engine.sqlite'}") == []


def _own(expected: ExpectedEstate, plan: Plan) -> list[Finding]:
    with closing(expected.estate.engine()) as engine:
        return [each for each in stored_findings(engine, plan.digest) if each.expectation.startswith("visitors")]
