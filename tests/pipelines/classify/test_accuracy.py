"""The labelled schemas of the benchmark, as a test: F1 of 0.95, and nothing is said of Chinook's codes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.classification_columns import REVIEW, Answers, personal, scored, sets
from benchmarks.schemas.labelled import NOT, Labelled
from pipelines.classify import Verdict, classify

FLOORS = {"sectors": 0.9}
"""The sets of which no word was added to the lexicon, which tells better what a stranger's schema will be like."""

DATA = os.environ.get("ARDOISE_DATA")


def answers(tables: list[Labelled]) -> Answers:
    said = classify([each.table for each in tables])
    return {
        (table, each.column): {Verdict.NOT_PERSONAL: NOT, Verdict.REVIEW: REVIEW}.get(each.verdict, each.category or "")
        for table, verdicts in said.items()
        for each in verdicts
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(sets(None)))
def test_columns_of_a_labelled_schema_are_told_right(name: str) -> None:
    tables = sets(None)[name]
    said = answers(tables)
    exact, _ = scored(tables, said, exact=True)
    assert exact.f1 >= FLOORS.get(name, 0.95), exact
    assert personal(tables, said).precision >= 0.97


@pytest.mark.skipif(not DATA, reason="ARDOISE_DATA does not name the folder of Chinook")
def test_no_id_amount_date_or_code_of_chinook_is_taken_for_personal_data() -> None:
    tables = sets(Path(DATA or "."))["chinook"]
    said = answers(tables)
    wrong = [key for each in tables for key in _labelled_not(each) if said[key] != NOT]
    assert wrong == []
    assert scored(tables, said, exact=True)[0].f1 >= 0.95


def _labelled_not(each: Labelled) -> list[tuple[str, str]]:
    return [(each.table.name, column) for column, label in each.labels.items() if label == NOT]
