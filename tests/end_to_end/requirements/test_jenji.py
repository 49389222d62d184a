"""Jenji (R16 to R18): a period by the nature of the data, within 3 to 10 years, from whichever end comes first."""

from __future__ import annotations

import datetime as dt

import pytest
from policy_estate import PolicyEstate

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
