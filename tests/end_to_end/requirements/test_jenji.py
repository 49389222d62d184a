"""Jenji (R16 to R18): a period by the nature of the data, within 3 to 10 years, from whichever end comes first."""

from __future__ import annotations

import datetime as dt

import pytest
from approving import confirm_maps
from policy_estate import PolicyEstate, noon

from pipelines.errors import EstateInvalid

pytestmark = pytest.mark.slow


def fill(jenji: PolicyEstate, *ends: tuple[str | None, str | None]) -> None:
    """Employees by request of closure and end of the relation, with a trip and a receipt each."""
    for number, (closure, ended) in enumerate(ends, start=1):
        employee = {"email": f"e{number}@acme.example", "name": "Zéphyrine", "closure": closure, "ended": ended}
        jenji.fill("employees", {"id": number, **employee})
        jenji.fill("trips", {"id": number, "employee_id": number, "route": "Lyon-Paris"})
        jenji.fill("receipts", {"id": number, "employee_id": number, "picture": "…"})


def named(jenji: PolicyEstate) -> list[bool]:
    """Per employee whether the name still stands."""
    return [row["name"] == "Zéphyrine" for row in jenji.rows("employees")]


def test_r16_the_period_depends_on_the_nature_of_the_data_and_an_active_account_keeps(jenji: PolicyEstate) -> None:
    fill(jenji, (None, "2020-12-31"), (None, None))

    assert jenji.stand(dt.date(2023, 12, 31), "employees", "user.name") == {"kept": 2}
    jenji.run(dt.date(2024, 1, 1))
    assert (named(jenji), jenji.left("trips"), jenji.left("receipts")) == ([False, True], [1, 2], [1, 2])
    jenji.run(dt.date(2026, 1, 1))
    assert (named(jenji), jenji.left("trips"), jenji.left("receipts")) == ([False, True], [2], [1, 2])
    jenji.run(dt.date(2031, 1, 1))
    assert (named(jenji), jenji.left("trips"), jenji.left("receipts")) == ([False, True], [2], [2])


BY_COLLECTION = """
policy: acme_expenses
controller: ACME
time_zone: Europe/Paris
include: [jenji]
supplied: {collection: text}
terms:
  scanned_receipt: {means: Receipts that were scanned, within: [3 years, 10 years]}
purposes:
  receipts:
    basis: contract
    source: Contract J-7, annex 1, §2
    keeps: [receipt]
    after: {earliest: [closure_requested, relation_end]}
    for:
      - scanned_receipt when collection = "scan"
      - receipt
    then: delete
"""


@pytest.fixture
def by_collection(jenji: PolicyEstate) -> PolicyEstate:
    """The same company, whose contract gives receipts a period by how they were collected."""
    edited = {
        "ardoise.toml": ('policy = "jenji"', 'policy = "acme_expenses"'),
        "data_map/shop.yaml": (
            "fields: {picture",
            "facts: {collection: {column: collection}}\n    fields: {picture",
        ),
        "terms/acme.yaml": ("  receipt: 10 years", "  receipt: 10 years\n  scanned_receipt: 3 years"),
    }
    for name, (old, new) in edited.items():
        path = jenji.path / name
        path.write_text(path.read_text().replace(old, new))
    (jenji.path / "policies").mkdir()
    (jenji.path / "policies" / "acme_expenses.yaml").write_text(BY_COLLECTION)
    confirm_maps(jenji.path, at=noon(dt.date(2010, 1, 1)))
    return jenji


def test_r16_the_period_depends_on_the_conditions_of_collection_where_the_contract_says_so(
    by_collection: PolicyEstate,
) -> None:
    fill(by_collection, *[(None, "2020-12-31")] * 3)
    by_collection.change("UPDATE receipts SET collection = 'scan' WHERE id = 1")
    by_collection.change("UPDATE receipts SET collection = 'paper' WHERE id = 2")

    stand = by_collection.stand(dt.date(2023, 12, 31), "receipts", "receipt")
    assert stand == {"kept": 2, "undetermined": 1}, "how the third was collected, nobody knows"
    by_collection.run(dt.date(2024, 1, 1))
    assert by_collection.left("receipts") == [2, 3]
    by_collection.run(dt.date(2031, 1, 1))
    assert by_collection.left("receipts") == [3]


def test_r17_a_figure_for_a_condition_of_collection_has_the_same_bounds(by_collection: PolicyEstate) -> None:
    path = by_collection.path / "terms" / "acme.yaml"
    path.write_text(path.read_text().replace("scanned_receipt: 3 years", "scanned_receipt: 2 years"))

    with pytest.raises(EstateInvalid, match="the term `scanned_receipt` is 2 years, which is not within 3 years"):
        by_collection.estate.check()


@pytest.mark.parametrize(
    ("figure", "complaint"),
    [
        ("12 years", "the term `receipt` is 12 years, which is not within 3 years and 10 years"),
        ("2 years and 11 months", "the term `receipt` is 2 years and 11 months, which is not within"),
        ("3653 days", "the term `receipt` is 3653 days, which is not within"),  # 10 years are 3652 or even 3651 days
        ("ten years", "`terms.receipt`: 'ten years' is no period"),
    ],
)
def test_r17_a_figure_beyond_the_bounds_does_not_load_and_nothing_is_touched(
    jenji: PolicyEstate, figure: str, complaint: str
) -> None:
    fill(jenji, (None, "2000-12-31"))
    path = jenji.path / "terms" / "acme.yaml"
    path.write_text(path.read_text().replace("receipt: 10 years", f"receipt: {figure}"))

    with pytest.raises(EstateInvalid) as caught:
        jenji.run(dt.date(2031, 1, 1))

    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == ("terms/acme.yaml", 8)
    assert problem.what.startswith(complaint)
    assert jenji.left("receipts") == [1]


@pytest.mark.parametrize("figure", ["3 years", "P10Y", "120 months", "2000 days"])
def test_r17_any_figure_within_the_bounds_loads(jenji: PolicyEstate, figure: str) -> None:
    path = jenji.path / "terms" / "acme.yaml"
    path.write_text(path.read_text().replace("receipt: 10 years", f"receipt: {figure}"))

    assert jenji.estate.check()["ACME"].name == "jenji"


def test_r18_the_earlier_of_request_and_end_starts_the_period(jenji: PolicyEstate) -> None:
    early, late = "2020-02-29", "2020-12-31"
    fill(jenji, (early, late), (late, early), (early, None), (None, late), (None, None))

    assert jenji.stand(dt.date(2030, 2, 28), "receipts", "receipt") == {"kept": 5}
    jenji.run(dt.date(2030, 3, 1))
    assert jenji.left("receipts") == [4, 5]


def test_r18_a_request_for_a_later_day_has_not_come_and_one_without_a_day_is_undetermined(jenji: PolicyEstate) -> None:
    fill(jenji, ("2026-12-31", None), ("soon", "2010-12-31"))

    assert jenji.stand(dt.date(2026, 6, 30), "receipts", "receipt") == {"kept": 1, "undetermined": 1}
