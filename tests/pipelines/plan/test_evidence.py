"""What one store knows of a person decides in another, joined without moving a row."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from planned_shop import TODAY, Shop, identity

from pipelines.plan.artefact import Action, Tally
from pipelines.plan.build import EVIDENCE
from pipelines.plan.selections import StoreSelections


def test_r1_the_last_contract_counts_over_stores_and_an_open_one_keeps(shop: Shop) -> None:
    for email, ends in {
        "due@a.example": ["2021-05-31", "2023-06-29"],
        "kept@a.example": ["2021-05-31", "2023-06-30"],
        "Open@A.example ": ["2010-01-01"],  # as the CRM spells it
        "unknown@a.example": [None],
    }.items():
        shop.contact(email)
        for end in ends:
            shop.contract(email.strip().lower(), end)
    shop.contract("open@a.example", "2010-01-01", "running")
    plan = shop.plan()
    (step,) = (step for step in plan.steps if step.dataset == "contacts")
    assert (step.action, step.count, step.first_due) == (Action.ANONYMISE, 1, dt.date(2026, 6, 30))
    assert step.purposes == (("followup", 1),)
    assert shop.keys(plan, step.id) == [1]
    assert identity(plan) == Tally("crm", "contacts", "user.name", found=4, kept=2, due=1, undetermined=1)


def test_a_contract_of_somebody_whose_address_cannot_be_read_lets_nobodys_clock_run_out(shop: Shop) -> None:
    shop.contact("living@a.example")
    shop.contract("living@a.example", "2010-01-01")
    shop.contract("living@a.example, or @other", None, "running")
    plan = shop.plan()
    assert identity(plan) == Tally("crm", "contacts", "user.name", found=1, undetermined=1)
    (note,) = (note for note in plan.evidence if (note.store, note.dataset) == ("billing", "contracts"))
    assert (note.complete, note.reason) == (
        False,
        "1 of its records names somebody by what is no address: correct or empty those cells, then plan again",
    )


def test_r4_a_message_from_a_prospect_moves_the_clock_and_nothing_else_does(shop: Shop) -> None:
    for name in ("wrote", "was_written_to", "answered_by_machine", "silent"):
        shop.contact(f"{name}@a.example")
    shop.mail("1", "2024-01-01", from_="Wrote@A.example", to="us@shop.example")
    shop.mail("2", "2024-01-01", from_="us@shop.example", to="was_written_to@a.example")
    shop.mail("3", "2024-01-01", from_="answered_by_machine@a.example", to="us@shop.example", automatic=True)
    plan = shop.plan()
    assert shop.keys(plan, "crm.contacts.anonymise.g1") == [2, 3, 4]


def test_a_weak_match_that_would_prolong_makes_undetermined_and_an_old_one_does_nothing(shop: Shop) -> None:
    shop.contact("anne.dupont@a.example")
    shop.contact("paul@a.example", name="Paul Martin")
    shop.contact("eve@a.example")
    shop.mail("1", "2024-01-01", from_="annedupont+shop@a.example", to="us@shop.example")
    shop.mail("2", "2024-01-01", from_=("pm@b.example", "Martin, Paul"), to="us@shop.example")
    shop.mail("3", "2019-01-01", from_="eve+news@a.example", to="us@shop.example")
    plan = shop.plan()
    assert shop.keys(plan, "crm.contacts.anonymise.g1") == [3]
    assert identity(plan).undetermined == 2


def test_incomplete_evidence_is_missing_for_everybody_and_refuses(sqlite_shop: Shop) -> None:
    sqlite_shop.contact("a@a.example")
    sqlite_shop.scan()
    sqlite_shop.scan(up=False)
    plan = sqlite_shop.plan()
    assert identity(plan) == Tally("crm", "contacts", "user.name", found=1, undetermined=1)
    assert [(r.store, r.dataset) for r in plan.refusals] == [("mail", "messages")]
    (note,) = (note for note in plan.evidence if note.event == "contact")
    assert (note.complete, note.reason) == (False, "the store went down")


def test_a_store_that_is_down_makes_what_it_would_tell_missing_and_refuses(sqlite_shop: Shop) -> None:
    sqlite_shop.contact("a@a.example")
    (sqlite_shop.folder / "billing.sqlite").rename(sqlite_shop.folder / "elsewhere")
    plan = sqlite_shop.plan()
    assert {(r.store, r.dataset) for r in plan.refusals} == {("billing", "")}
    assert not [step for step in plan.steps if step.dataset == "contacts"]


def test_an_unapproved_supplier_makes_its_events_missing(sqlite_shop: Shop) -> None:
    sqlite_shop.contact("a@a.example")
    sqlite_shop.edit("data_map/billing.yaml", "{status: {category: none}}\n    approved: {by: dpo, on: 2026-01-01}",
                     "{status: {category: none}}")  # fmt: skip
    sqlite_shop.edit("data_map/crm.yaml", "events: {collected", "events: {contract_end: {column: collected}, collected")
    plan = sqlite_shop.plan()
    assert [(n.dataset, n.reason) for n in plan.evidence if not n.complete] == [
        ("contracts", "the mapping is not approved")
    ]
    assert identity(plan).undetermined == 1


def test_evidence_of_a_plan_survives_what_its_run_deletes(shop: Shop) -> None:
    shop.contact("a@a.example", collected="2010-01-01")
    shop.contract("a@a.example", "2025-01-01")
    plan = shop.plan()
    shop.bill("DELETE FROM contracts")
    with shop.asked(TODAY) as (context, found):
        found.evidence.merge(shop.estate.plan_folder(plan.digest) / EVIDENCE)
        selections = StoreSelections.prepare(
            context, "crm", found.connections["crm"], found.inventories["crm"], found.evidence
        )
        relation = selections.selection("contacts").relation()
        codes = found.connections["crm"].execute(sa.select(relation.c.g1_code)).scalars().all()
    assert codes == [1]  # kept by the contract that is no longer there
    assert identity(shop.plan()).due == 1  # what a plan without that memory would say
