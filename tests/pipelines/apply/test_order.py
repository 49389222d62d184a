"""In which order the steps of a plan are acted on, and which must wait for which."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from estates import small_estate

from pipelines.apply.stores import descends, wanted
from pipelines.plan.artefact import Action, Plan, Step

DAY = dt.date(2026, 6, 30)


def step(store: str, dataset: str, action: Action, fields: tuple[str, ...], order: int, group: int = 0) -> Step:
    name = f"{store}.{dataset}.{action}.g{group}"
    return Step(name, store, dataset, action, ("user",), fields, (), 1, DAY, DAY, order)


NOTES = step("crm", "notes", Action.ANONYMISE, ("body",), 1001)
LINKED = step("crm", "contacts", Action.ANONYMISE, ("email",), 1002)
OTHER = step("crm", "contacts", Action.ANONYMISE, ("phone",), 1002, group=1)
GONE = step("crm", "contacts", Action.DELETE, ("email", "phone"), 1002)
CUSTOMERS = step("billing", "customers", Action.ANONYMISE, ("email",), 5)
PLAN = Plan(DAY, "JULIEN", "p", "1" * 64, "2" * 64, "3" * 64, "4" * 64, (), (LINKED, OTHER, GONE, CUSTOMERS, NOTES), ())


def test_children_come_first_links_to_persons_last_and_the_anchor_store_at_the_end(tmp_path: Path) -> None:
    estate = small_estate(tmp_path / "estate").estate
    assert wanted(estate, PLAN, None) == (CUSTOMERS, NOTES, GONE, OTHER, LINKED)
    assert wanted(estate, PLAN, ["billing"]) == (CUSTOMERS,)


def test_a_dataset_descends_from_those_that_it_inherits_from(tmp_path: Path) -> None:
    estate = small_estate(tmp_path / "estate").estate
    assert descends(estate, NOTES, LINKED)
    assert not descends(estate, LINKED, NOTES)
    assert not descends(estate, LINKED, OTHER)
    assert not descends(estate, NOTES, CUSTOMERS)
