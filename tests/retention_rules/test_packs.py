"""The shipped policies, requirement by requirement (R1 to R11), where the worked examples do not say it already."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from retention_rules.decide import Facts, decide
from retention_rules.decisions import Archive, Decision, Due, Held, Keep, Undetermined
from retention_rules.events import Event, Known, Missing, Open
from retention_rules.holds import Hold
from retention_rules.lint import lint
from retention_rules.loading import PACKS, load_policy
from retention_rules.policy import Policy

NOW = dt.date(2026, 6, 30)


@pytest.fixture(scope="module")
def julien() -> Policy:
    return load_policy("julien")


def known(day: str) -> Known:
    return Known(dt.date.fromisoformat(day))


def one(julien: Policy, category: str, holds: list[Hold] | None = None, as_of: dt.date = NOW, **given: Any) -> Decision:
    values = {name: given.pop(name) for name in julien.supplied_facts if name in given}
    events: dict[str, Event] = {name: known(day) if isinstance(day, str) else day for name, day in given.items()}
    facts = Facts(events, values)
    return decide([category], facts, julien, holds=holds or (), as_of=as_of)[category]


@pytest.mark.parametrize("pack", sorted(path.stem for path in PACKS.glob("*.yaml")))
def test_lint_has_no_remark_on_any_pack_and_each_purpose_cites_a_source(pack: str) -> None:
    policy = load_policy(pack, figures=None)
    assert lint(policy) == ()
    assert all(len(purpose.source) > 10 for purpose in policy.purposes)


@pytest.mark.parametrize("pack", ["julien", "julie_desk", "jenji"])
def test_every_pack_includes_the_french_purposes(pack: str) -> None:
    french = {purpose.name for purpose in load_policy("law_fr", figures=None).purposes}
    assert french == {
        "billing", "accounting", "tax", "online_contract", "civil_limitation", "chargeback", "connection_logs",
    }  # fmt: skip
    assert french <= {purpose.name for purpose in load_policy(pack, figures=None).purposes}


def test_r1_a_client_is_kept_for_the_contract_and_its_follow_up(julien: Policy) -> None:
    assert one(julien, "user.contact.email", contract_end=Open()) == Keep(None, ("contract_running", "client_followup"))
    assert one(julien, "user.name.first", contract_end="2025-06-30") == Keep(dt.date(2028, 6, 30), ("client_followup",))


def test_r2_legal_purposes_prolong_only_their_own_fields_in_the_archive(julien: Policy) -> None:
    assert one(julien, "contract.evidence", contract_end="2022-06-30") == Archive(
        dt.date(2022, 6, 30), dt.date(2027, 6, 30), ("civil_limitation",)
    )
    assert isinstance(one(julien, "user.name", contract_end="2022-06-30"), Due)
    assert isinstance(one(julien, "contract.note", contract_end="2022-06-30"), Due)


@pytest.mark.parametrize(
    ("amount", "decision"), [(Decimal("119.99"), Due), (Decimal(120), Archive), (None, Undetermined)]
)
def test_r2_an_online_contract_of_120_euros_or_more_is_archived_for_ten_years(
    julien: Policy, amount: Decimal | None, decision: type[Decision]
) -> None:
    given: dict[str, Any] = {"contract_end": "2018-01-01", "delivered": "2017-01-01", "contract_amount": amount}
    assert isinstance(one(julien, "contract.evidence", **given), decision)


def test_r2_an_invoice_is_active_until_settled_and_its_year_closed_then_archived(julien: Policy) -> None:
    given: dict[str, Any] = {"fiscal_year_end": "2025-12-31", "invoice_issued": "2025-05-05"}
    assert one(julien, "invoice.number", payment_settled=Open(), **given) == Keep(None, ("billing",))
    assert one(julien, "invoice.number", payment_settled="2026-02-01", **given) == Archive(
        dt.date(2026, 2, 1), dt.date(2035, 12, 31), ("accounting", "tax")
    )


@pytest.mark.parametrize("category", ["identity", "life", "correspondence"])
def test_r3_a_member_goes_one_year_after_the_last_intervention_even_if_a_prospect_once(
    julien: Policy, category: str
) -> None:
    given: dict[str, Any] = {"service_end": "2024-01-10", "last_intervention": "2025-06-29"}
    assert isinstance(one(julien, category, collected="2026-01-01", **given), Due)
    assert isinstance(one(julien, category, service_end=Open()), Keep)


@pytest.mark.parametrize("category", ["identity", "life", "correspondence"])
def test_r4_a_prospect_goes_three_years_after_the_last_contact_from_them(julien: Policy, category: str) -> None:
    given: dict[str, Any] = {"collected": "2020-01-01", "outbound_contact": "2026-06-01", "mail_opened": "2026-06-01"}
    assert isinstance(one(julien, category, **given), Due)
    assert one(julien, category, last_inbound_contact="2024-01-01", **given) == Keep(
        dt.date(2027, 1, 1), ("prospecting",)
    )


@pytest.mark.parametrize("category", ["technical.log", "technical.ip", "user.device.ip_address", "user.location"])
def test_r5_technical_data_go_after_a_year_even_in_the_row_of_a_living_client(julien: Policy, category: str) -> None:
    assert isinstance(one(julien, category, contract_end=Open(), created="2025-06-29"), Due)
    assert isinstance(one(julien, category, contract_end=Open(), created="2025-06-30"), Keep)


def test_r6_an_agreement_that_has_not_begun_keeps_no_card(julien: Policy) -> None:
    assert isinstance(
        one(julien, "card.pan", payment_settled="2026-06-01", agreement_start=Open(), agreement_end=Open()), Due
    )
    assert isinstance(
        one(julien, "card.pan", payment_settled="2026-06-01", agreement_start=Missing(), agreement_end=Open()), Keep
    )


def test_r7_a_dispute_without_a_date_still_archives_and_deferred_debit_prolongs(julien: Policy) -> None:
    given: dict[str, Any] = {"payment_settled": "2026-01-01", "debited": "2026-01-01"}
    assert one(julien, "card.pan", disputed=Missing(), deferred_debit=True, **given) == Archive(
        dt.date(2026, 1, 1), dt.date(2027, 4, 1), ("chargeback",)
    )
    assert one(julien, "card.pan", disputed="2026-02-01", **given) == Undetermined(("deferred_debit",))


def test_r7_nothing_keeps_the_cvv_after_settlement(julien: Policy) -> None:
    given: dict[str, Any] = {"payment_settled": "2026-01-01", "debited": "2026-01-01", "disputed": "2026-01-02"}
    agreed: dict[str, Any] = {"agreement_start": "2025-01-01", "agreement_end": Open(), "deferred_debit": False}
    hold = Hold("case", dt.date(2020, 1, 1))
    assert isinstance(one(julien, "card.cvv", [hold], **given, **agreed), Due)
    assert isinstance(one(julien, "card.pan", [hold], **given), Undetermined)
    assert isinstance(one(julien, "card.holder", [hold], payment_settled="2026-01-01"), Held)


def test_r8_a_hold_is_scoped_and_its_release_recomputes(julien: Policy) -> None:
    hold = Hold("case", dt.date(2020, 1, 1), dt.date(2026, 7, 1), frozenset({"correspondence"}))
    assert isinstance(one(julien, "correspondence", [hold], contract_end="2020-01-01"), Held)
    assert isinstance(one(julien, "identity", [hold], contract_end="2020-01-01"), Due)
    released = one(julien, "correspondence", [hold], NOW + dt.timedelta(days=1), contract_end="2020-01-01")
    assert isinstance(released, Due)
    assert released.since == dt.date(2026, 7, 1)


def test_r15_the_proof_of_a_consent_outlives_it(julien: Policy) -> None:
    given: dict[str, Any] = {"consent_given": "2023-06-29"}
    assert one(julien, "consent.proof", **given) == Archive(
        dt.date(2026, 6, 30), dt.date(2028, 6, 29), ("consent_proof",)
    )
    assert isinstance(one(julien, "consent.proof", consent_given="2023-06-30"), Keep)
    assert isinstance(one(julien, "consent.proof", consent_given="2026-01-01", consent_withdrawn="2026-02-01"), Archive)
    assert isinstance(one(julien, "consent.proof", consent_given="2020-01-01"), Due)


def test_the_french_purposes_are_the_ones_that_archive(julien: Policy) -> None:
    legal = {purpose.name for purpose in julien.purposes if purpose.basis.archives}
    assert legal == {
        "accounting",
        "tax",
        "online_contract",
        "civil_limitation",
        "chargeback",
        "connection_logs",
        "consent_proof",
    }
    evidence = next(purpose for purpose in julien.purposes if purpose.name == "civil_limitation")
    assert evidence.keeps == {"contract.evidence"}
