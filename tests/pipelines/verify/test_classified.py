"""What a reader would still find: overwritten fields tell nothing, and what is replaced is what a pool can give."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from expected_estate import CANARY, ENGINES, TODAY, ExpectedEstate, on_engine
from running import applied, noon, planned, unexpecting

from connectors.base import FieldShape
from expectations.findings import Finding
from pipelines.anonymise.pools import pool
from pipelines.anonymise.replacement import Draw
from pipelines.anonymise.techniques import technique_for
from pipelines.verify import verify
from pipelines.verify.classified import INVENTED, SILENT, _tells
from pipelines.verify.inventable import inventable

LISTED = ("first_name", "last_name", "name", "job")


@pytest.mark.parametrize("kind", LISTED)
@pytest.mark.parametrize("language", ["", "fr", "en"])
@pytest.mark.parametrize("longest", [None, 6, 12, 40])
def test_whatever_a_pool_gives_is_inventable(kind: str, language: str, longest: int | None) -> None:
    drawn = pool(kind, language, longest).values
    assert [each for each in drawn if not inventable(Draw(kind, longest), each)] == []


@pytest.mark.parametrize("kind", LISTED)
@pytest.mark.parametrize("text", ["Zephyrine Aldous", f"{CANARY}.1@example.org", "06 12 34 56 78", "J"])
def test_what_no_pool_gives_is_not(kind: str, text: str) -> None:
    assert inventable(Draw(kind), text) is False


def test_of_what_is_composed_nothing_is_said() -> None:
    assert inventable(Draw("street"), "12 rue des Lilas") is None


def test_the_first_day_of_a_period_is_no_telephone_number() -> None:
    month = technique_for("user.demographic.date_of_birth", FieldShape("born", "DATE"), "month")
    assert [each for each in ("9999-12-01", "9990-01-01", "1987-03-01") if _tells(month, each)] == []
    assert _tells(month, "06 12 34 56 78")


@pytest.fixture(params=ENGINES)
def expected(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ExpectedEstate]:
    with on_engine(request, tmp_path) as made:
        yield made


def _told(found: list[Finding]) -> dict[str, int | None]:
    return {each.measure: each.seen for each in found if each.expectation in {INVENTED, SILENT} and each.seen}


@pytest.mark.slow
def test_overwritten_fields_that_somebody_fills_again_are_found_by_count_alone(expected: ExpectedEstate) -> None:
    plan = planned(expected.estate, "EXPECTED", TODAY)
    assert applied(expected.estate, plan, TODAY, expect=unexpecting).complete
    clean = verify(expected.estate, plan.digest, now=noon(TODAY), today=TODAY)
    looked = [each for each in clean if each.expectation in {INVENTED, SILENT}]
    assert {each.expectation for each in looked} == {INVENTED, SILENT}
    assert [each for each in looked if not each.passed] == []

    anonymous = "email LIKE '%.invalid'"
    expected.run(
        f"UPDATE people SET name = 'Zephyrine Aldous' WHERE {anonymous} AND id < 9".replace("%", "%%"),
        "UPDATE people SET note = 'She asked Zephyrine Aldous, zephyrine.2@example.org' WHERE note IS NULL AND id < 9",
    )
    found = verify(expected.estate, plan.digest, now=noon(TODAY), today=TODAY)
    assert set(_told(found)) == {
        "sampled values of name that no pool can give", "sampled values of note that tell something",
    }  # fmt: skip
    assert CANARY not in repr([each for each in found if each.expectation in {INVENTED, SILENT}]).lower()
