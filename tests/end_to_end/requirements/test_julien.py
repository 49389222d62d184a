"""JULIEN's retention table (R1 to R11), each row of it on a store: planned, approved, applied, looked at.

The archive as a place apart is not looked at here: an archived field is one that stays while only law and claims keep
it.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from policy_estate import Make, PolicyEstate
from running import noon

from pipelines.apply import apply
from pipelines.engine.holds import HoldScope
from pipelines.errors import EstateInvalid, PlanChanged
from pipelines.requests import ended_purposes
from pipelines.subjects import subject_digest
from pipelines.verify.statistics import measured
from retention_rules.purposes import Right

pytestmark = pytest.mark.slow

DAY = dt.timedelta(days=1)
NOW = dt.date(2026, 6, 30)
CANARY = "zephyrine"


def person(**more: Any) -> dict[str, Any]:
    return {"email": f"{CANARY}@example.org", "name": CANARY, "birth": "1970-03-09", **more}


def people(*more: dict[str, Any]) -> list[dict[str, Any]]:
    """As many persons as there are particulars, each with an address of her own."""
    return [person(email=f"{CANARY}{number}@example.org", **each) for number, each in enumerate(more, start=1)]


def test_r1_a_client_goes_three_years_after_the_last_of_all_contracts_and_never_while_one_runs(
    shop: PolicyEstate,
) -> None:
    shop.fill("people", *people({}, {}))
    ends = [(1, "2021-05-31"), (1, "2024-02-29"), (1, "2023-01-31"), (2, "2015-01-31"), (2, None)]
    shop.fill("contracts", *({"person_id": who, "ended": end, "number": f"K{who}"} for who, end in ends))

    assert shop.stand(dt.date(2027, 2, 28), "people", "user.name") == {"kept": 2}
    shop.run(dt.date(2027, 3, 1))
    assert shop.untouched("people", "name", [CANARY, CANARY]) == [False, True]


def test_r1_a_contract_without_the_end_that_it_must_have_leaves_its_client_alone(shop: PolicyEstate) -> None:
    shop.fill("people", *people({}))
    shop.fill("contracts", {"person_id": 1, "ended": "unknown", "number": "K1"})

    assert shop.stand(dt.date(2099, 1, 1), "people", "user.name") == {"undetermined": 1}
    assert shop.plan(dt.date(2099, 1, 1)).steps == ()


def former_clients(shop: PolicyEstate, *objected: str | None) -> None:
    """Persons whose contracts ended half a year ago, by the day on which they objected, with a note each."""
    shop.fill("people", *people(*({"objected": day} for day in objected)))
    numbers = range(1, len(objected) + 1)
    contracts = ({"person_id": n, "ended": "2025-12-31", "number": "K", "note": CANARY} for n in numbers)
    shop.fill("contracts", *contracts)
    shop.fill("exchanges", *({"person_id": n, "at": "2025-06-01", "kind": "inbound", "body": CANARY} for n in numbers))


def objects(shop: PolicyEstate, number: int, on: dt.date, now: dt.date = NOW) -> None:
    """A person's objection, recorded with the engine."""
    digest = subject_digest(shop.estate.key, "JULIEN", "email", f"{CANARY.upper()}{number}@example.org")
    ended = ended_purposes(shop.estate.policy("JULIEN"), Right.OBJECTION)
    with shop.engine() as engine:
        events = {each.ended_by for each in ended}
        engine.requests.record("JULIEN", digest, Right.OBJECTION, events, on=on, by="support", at=noon(now))


def test_r1_an_objection_ends_the_follow_up_at_once_and_the_evidence_of_the_contract_stays(shop: PolicyEstate) -> None:
    former_clients(shop, "2026-03-31", None)

    (step,) = (each for each in shop.plan(NOW).steps if each.dataset == "people")
    assert (step.first_due, step.purposes) == (dt.date(2026, 3, 31), (("client_followup", 1),))
    shop.run(NOW)

    assert shop.untouched("people", "name", [CANARY, CANARY]) == [False, True]
    assert shop.untouched("exchanges", "body", [CANARY, CANARY]) == [False, True]
    assert shop.untouched("contracts", "number", ["K", "K"]) == [True, True]
    assert shop.stand(NOW, "contracts", "contract.evidence")["archived"] >= 1


def test_r1_an_objection_does_not_end_a_contract_that_runs_and_leaves_no_follow_up(shop: PolicyEstate) -> None:
    shop.fill("people", *people({"objected": "2024-01-01"}))
    shop.fill("contracts", {"person_id": 1, "ended": "2026-03-31", "number": "K1"})

    assert shop.stand(dt.date(2026, 3, 30), "people", "user.name") == {"kept": 1}
    shop.run(dt.date(2026, 3, 31))
    assert shop.untouched("people", "name", [CANARY]) == [False]


def test_r1_an_objection_that_a_person_made_elsewhere_is_recorded_and_supersedes_the_plan(shop: PolicyEstate) -> None:
    former_clients(shop, None, None, None)
    plan = shop.plan(NOW, approved=True)
    assert not [step for step in plan.steps if step.dataset == "people"]

    objects(shop, 2, NOW - DAY)

    with pytest.raises(PlanChanged, match="a person's request was recorded"):
        apply(shop.estate, plan.digest, now=noon(NOW), today=NOW, actor="worker", retries=())
    assert shop.stand(NOW - 2 * DAY, "people", "user.name") == {"kept": 3}
    shop.run(NOW)
    assert shop.untouched("people", "name", [CANARY] * 3) == [True, False, True]
    assert shop.untouched("exchanges", "body", [CANARY] * 3) == [True, False, True]
    assert shop.stand(NOW, "people", "user.name") == {"kept": 2, "done": 1}


def test_r1_a_hold_masks_what_an_objection_makes_due(shop: PolicyEstate) -> None:
    former_clients(shop, None, None)
    objects(shop, 1, NOW)
    objects(shop, 2, NOW)
    digest = subject_digest(shop.estate.key, "JULIEN", "email", f"{CANARY}1@example.org")
    with shop.engine() as engine:
        engine.holds.open("C-1", HoldScope(subject=digest), since=NOW - DAY, by="legal", at=noon(NOW))

    assert shop.stand(NOW, "people", "user.name") == {"due": 1, "held": 1}
    shop.run(NOW)
    assert shop.untouched("people", "name", [CANARY, CANARY]) == [True, False]


def test_r1_an_objection_that_was_retracted_ends_nothing(shop: PolicyEstate) -> None:
    former_clients(shop, None)
    objects(shop, 1, NOW)
    assert shop.stand(NOW, "people", "user.name") == {"due": 1}

    with shop.engine() as engine:
        engine.requests.retract(1, by="support", at=noon(NOW))

    assert shop.stand(NOW, "people", "user.name") == {"kept": 1}


def test_r1_an_objection_without_a_day_leaves_a_person_undetermined_until_the_period_is_over(
    shop: PolicyEstate,
) -> None:
    former_clients(shop, "some day")

    assert shop.stand(NOW, "people", "user.name") == {"undetermined": 1}
    assert shop.stand(dt.date(2029, 1, 1), "people", "user.name") == {"due": 1}


@pytest.mark.parametrize(("day", "number"), [(dt.date(2027, 6, 30), "K1"), (dt.date(2027, 7, 1), None)])
def test_r2_law_prolongs_only_the_evidence_and_only_in_the_archive(
    shop: PolicyEstate, day: dt.date, number: str | None
) -> None:
    shop.fill("people", *people({}))
    shop.fill("contracts", {"person_id": 1, "ended": "2022-06-30", "number": "K1", "note": "likes tea"})
    assert shop.stand(NOW, "contracts", "contract.evidence") == {"archived": 1}

    shop.run(day)

    assert shop.untouched("people", "name", [CANARY]) == [False]
    assert [(row["number"], row["note"]) for row in shop.rows("contracts")] == [(number, None)]


def test_r2_an_invoice_is_active_until_it_is_settled_and_its_year_closed_then_archived_for_ten_years(
    julien: Make,
) -> None:
    shop = julien("people", "contracts", "services", "exchanges", "invoices")
    shop.fill("people", *people({"collected": "2026-01-01"}))
    shop.fill(
        "invoices",
        {"person_id": 1, "number": "F1", "issued": "2025-05-05", "settled": "2026-02-01"},
        {"person_id": 1, "number": "F2", "issued": "2025-05-05", "settled": None},
    )

    assert shop.stand(dt.date(2026, 1, 31), "invoices", "invoice.number") == {"kept": 2}
    assert shop.stand(dt.date(2026, 2, 1), "invoices", "invoice.number") == {"kept": 1, "archived": 1}
    assert shop.stand(dt.date(2035, 12, 31), "invoices", "invoice.number") == {"kept": 1, "archived": 1}
    shop.run(dt.date(2036, 1, 1))
    assert shop.left("invoices") == [2]


def test_r2_an_online_contract_of_120_euros_is_archived_for_ten_years_and_one_of_unknown_amount_left_alone(
    shop: PolicyEstate,
) -> None:
    shop.fill("people", *people({}, {}, {}))
    life = {"ended": "2018-01-01", "number": "K", "delivered": "2017-01-01"}
    shop.fill("contracts", *({"person_id": n, "amount": a, **life} for n, a in enumerate((119.99, 120, None), start=1)))

    shop.run(NOW)

    assert [row["number"] for row in shop.rows("contracts")] == [None, "K", "K"]


def test_r3_a_member_goes_one_year_after_the_last_intervention_and_is_no_prospect(shop: PolicyEstate) -> None:
    shop.fill("people", *people({"collected": "2023-12-01"}, {"collected": "2023-12-01"}))
    shop.fill(
        "services",
        {"person_id": 1, "ended": "2024-01-10", "last_act": "2024-02-29"},
        {"person_id": 2, "ended": "2024-01-10", "last_act": None},
    )

    shop.run(dt.date(2025, 1, 11))
    assert shop.untouched("people", "name", [CANARY, CANARY]) == [True, False]
    assert shop.stand(dt.date(2025, 2, 28), "people", "user.name") == {"kept": 1, "done": 1}
    shop.run(dt.date(2025, 3, 1))
    assert shop.untouched("people", "name", [CANARY, CANARY]) == [False, False]


def test_r4_only_what_comes_from_a_prospect_prolongs(shop: PolicyEstate) -> None:
    kinds = ("inbound", "bought", "outbound", "opened", "bounced")
    shop.fill("people", *people(*[{"collected": "2022-03-15"}] * len(kinds)))
    exchanges = ({"person_id": n, "at": "2024-02-29", "kind": kind} for n, kind in enumerate(kinds, start=1))
    shop.fill("exchanges", *exchanges)

    assert shop.stand(dt.date(2025, 3, 15), "people", "user.name") == {"kept": 5}
    shop.run(dt.date(2025, 3, 16))
    assert shop.untouched("people", "name", [CANARY] * 5) == [True, True, False, False, False]
    assert shop.stand(dt.date(2027, 2, 28), "people", "user.name") == {"kept": 2, "done": 3}
    assert shop.stand(dt.date(2027, 3, 1), "people", "user.name") == {"due": 2, "done": 3}


def test_r5_technical_data_go_after_a_year_even_in_the_row_of_a_living_client(julien: Make) -> None:
    shop = julien("people", "contracts", "services", "exchanges", "visits")
    shop.fill("people", *people({}))
    shop.fill("contracts", {"person_id": 1, "ended": None, "number": "K1"})
    moments = ["2024-02-29T22:30:00Z", "2024-02-29T23:30:00Z"]  # the second is already 1 March in Paris
    shop.fill("visits", *({"person_id": 1, "ip": "203.0.113.1", "url": "/", "at": at, "cents": 1} for at in moments))

    shop.run(dt.date(2025, 3, 1))
    assert shop.left("visits") == [2]
    shop.run(dt.date(2025, 3, 2))
    assert shop.left("visits") == []
    assert shop.untouched("people", "name", [CANARY]) == [True]


CARD = {"pan": "4970101234567890", "cvv": "123", "holder": CANARY}


def test_r6_bank_data_go_on_the_day_of_settlement_unless_expressly_agreed(julien: Make) -> None:
    shop = julien("cards")
    shop.fill(
        "cards",
        {**CARD, "settled": "2024-01-31"},
        {**CARD, "settled": None},
        {**CARD, "settled": "2024-01-31", "agreed_from": "2024-01-20"},
        {**CARD, "settled": "2024-01-31", "agreed_from": "2024-01-20", "agreed_to": "2024-03-01"},
    )

    shop.run(dt.date(2024, 1, 30))
    assert shop.left("cards") == [1, 2, 3, 4]
    shop.run(dt.date(2024, 1, 31))
    assert shop.left("cards") == [2, 3, 4]
    shop.run(dt.date(2024, 3, 1))
    assert shop.left("cards") == [2, 3]


def test_r7_a_disputed_card_stays_in_the_archive_for_13_months_and_its_cvv_does_not(julien: Make) -> None:
    shop = julien("cards")
    settled = {**CARD, "settled": "2024-02-12", "debited": "2024-01-31"}
    shop.fill("cards", {**settled, "disputed": "2024-02-10", "deferred": 0}, settled)

    shop.run(dt.date(2024, 2, 12))

    (card,) = shop.rows("cards")
    assert (card["id"], card["pan"], card["cvv"]) == (1, CARD["pan"], None)
    assert shop.stand(dt.date(2025, 2, 28), "cards", "card.pan") == {"archived": 1}
    shop.run(dt.date(2025, 3, 1))
    assert shop.left("cards") == []


def test_r7_a_dispute_after_the_deletion_finds_nothing_held(julien: Make) -> None:
    shop = julien("cards")
    shop.fill("cards", {**CARD, "settled": "2024-01-20", "debited": "2024-01-31"})
    shop.run(dt.date(2024, 2, 1))

    shop.change("UPDATE cards SET disputed = '2024-02-10' WHERE id = 1")

    assert shop.left("cards") == []
    assert shop.stand(dt.date(2024, 2, 11), "cards", "card.pan") == {}


def test_r7_no_hold_keeps_a_cvv(julien: Make) -> None:
    shop = julien("cards")
    shop.fill("cards", {**CARD, "settled": "2024-01-31"})
    with shop.engine() as engine:
        engine.holds.open("C-1", HoldScope("shop", "cards"), since=NOW - DAY, by="legal", at=noon(NOW - DAY))

    shop.run(NOW)

    (card,) = shop.rows("cards")
    assert (card["pan"], card["cvv"]) == (CARD["pan"], None)


def test_r8_a_hold_keeps_what_it_covers_and_its_release_makes_the_overdue_go_with_the_next_run(
    shop: PolicyEstate,
) -> None:
    shop.fill("people", *people({}))
    shop.fill("contracts", {"person_id": 1, "ended": "2015-01-31", "number": "K1"})
    shop.fill("exchanges", {"person_id": 1, "at": "2014-01-01", "kind": "inbound", "body": CANARY})
    with shop.engine() as engine:
        engine.holds.open("C-1", HoldScope("shop"), since=NOW - 30 * DAY, by="legal", at=noon(NOW - DAY))

    shop.run(NOW)
    assert shop.stand(NOW, "exchanges", "correspondence") == {"held": 1}
    assert shop.rows("exchanges")[0]["body"] == CANARY

    with shop.engine() as engine:
        for who in ("legal", "dpo"):
            engine.holds.release("C-1", until=NOW + DAY, by=who, at=noon(NOW + DAY))
    shop.run(NOW + DAY)
    assert shop.untouched("exchanges", "body", [CANARY]) == [False]
    assert shop.untouched("people", "name", [CANARY]) == [False]


def test_r9_some_purposes_end_in_deletion_and_others_in_anonymisation_and_no_statistic_changes(
    julien: Make,
) -> None:
    shop = julien("people", "contracts", "services", "exchanges", "visits")
    shop.fill("people", *people({"collected": "2015-01-01", "region": "Alsace"}, {"collected": "2026-01-01"}))
    visits = [("2024-01-05", 120), ("2024-01-09", 30), ("2026-06-01", 7)]
    shop.fill("visits", *({"person_id": 1, "ip": "203.0.113.1", "at": at, "cents": n} for at, n in visits))

    plan = shop.plan(NOW, approved=True)
    shop.run(NOW)

    assert shop.left("visits") == [3]
    assert shop.untouched("people", "name", [CANARY, CANARY]) == [False, True]
    series = list(measured(shop.estate, plan))
    assert {each.name for each in series} == {"people", "turnover"}
    assert [each.holds for each in series] == [True, True]


def test_r10_nothing_of_what_went_is_left_in_the_store_or_with_the_engine(julien: Make) -> None:
    shop = julien("people", "contracts", "services", "exchanges", "visits")
    shop.fill("people", *people({"collected": "2015-01-01"}))
    shop.fill("visits", {"person_id": 1, "ip": "203.0.113.77", "url": f"/{CANARY}", "at": "2015-01-01", "cents": 1})
    assert CANARY.encode() in shop.file.read_bytes()

    shop.run(NOW)

    files = [shop.file, *(path for path in shop.path.rglob("*") if path.is_file())]
    for path in files:
        content = path.read_bytes()
        assert CANARY.encode() not in content, path.name
        assert b"203.0.113.77" not in content, path.name
    assert shop.stand(NOW, "people", "user.name") == {"done": 1}


def test_r11_a_purpose_without_a_source_does_not_load_and_each_step_cites_one(
    shop: PolicyEstate, tmp_path: Path
) -> None:
    shop.fill("people", *people({"collected": "2015-01-01"}))
    sources = {purpose.name: purpose.source for purpose in shop.estate.policy("JULIEN").purposes}
    (step,) = shop.plan(NOW).steps
    assert all("§" in sources[name] or "art." in sources[name] for name, _ in step.purposes)

    folder = shop.path / "policies"
    folder.mkdir()
    (folder / "julien.yaml").write_text(
        "policy: julien\ncontroller: JULIEN\ntime_zone: Europe/Paris\nevents: {collected: point}\n"
        "purposes:\n  prospecting: {basis: consent, keeps: [user], after: collected, then: delete}\n"
    )
    with pytest.raises(EstateInvalid, match=r"policies/julien\.yaml:6: purpose `prospecting`: `source` is missing"):
        shop.run(NOW)
    assert shop.untouched("people", "name", [CANARY]) == [True]
