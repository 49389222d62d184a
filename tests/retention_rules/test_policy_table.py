"""The explanation of a policy: complete, in words, with what its names stand for."""

from __future__ import annotations

from pathlib import Path

import pytest

from retention_rules.loading import PACKS, load_policy
from retention_rules.periods import Period
from retention_rules.policy_table import Explanation, Language, explain, headings
from retention_rules.terms import Figure, Figures, TenantTerms


def read(name: str, language: Language = Language.ENGLISH) -> Explanation:
    return explain(load_policy(name, figures=None), language)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("pack", sorted(path.stem for path in PACKS.glob("*.yaml")))
def test_every_purpose_of_every_pack_is_there_with_its_source(pack: str, language: Language) -> None:
    policy = load_policy(pack, figures=None)
    found = explain(policy, language)
    assert {line.purpose for line in found.lines} == {purpose.name for purpose in policy.purposes}
    assert all(line.source and line.basis and line.period and line.end_action for line in found.lines)
    assert len(headings(language)) == 8


def test_a_category_shows_each_purpose_that_keeps_it_also_through_a_broader_one() -> None:
    lines = [line for line in read("julien").lines if "card.pan" in line.category]
    assert [line.purpose for line in lines] == ["chargeback", "card_transaction", "card_agreement"]
    assert lines[0].period == "15 months if deferred_debit; 13 months"
    assert lines[0].condition == "in_dispute"
    assert lines[1].period == "no longer than that"
    assert dict(read("julien").facts)["in_dispute"] == "disputed is known or disputed is missing"
    assert read("julien").never_held == ("card.cvv",)


def test_french_words() -> None:
    (line,) = [line for line in read("julien", Language.FRENCH).lines if line.purpose == "technical_year"][:1]
    assert (line.basis, line.starting_point, line.period, line.end_action) == (
        "intérêt légitime", "created",
        "1 an, ou jusqu\N{RIGHT SINGLE QUOTATION MARK}à\N{NO-BREAK SPACE}: objection", "supprimé",
    )  # fmt: skip
    (line,) = [line for line in read("jenji", Language.FRENCH).lines if line.purpose == "receipts"]
    assert line.starting_point == "le plus précoce de closure requested, relation end"
    assert line.period == "selon `receipt`\N{NO-BREAK SPACE}: le contrat, sinon le client (entre 3 ans et 10 ans)"


def test_the_figures_of_contracts_and_tenants_are_named() -> None:
    def figure(text: str) -> dict[str, Figure]:
        return {"service": Figure(Period.parse(text))}

    others = {name: Figure(Period(years=1)) for name in ("contact", "personalisation", "location", "tracking")}
    acme = TenantTerms("acme", others | figure("1 year"), {"A-1": figure("6 months"), "A-2": figure("6 months")})
    globex = TenantTerms("globex", others, {"G-1": figure("6 months")})
    policy = load_policy("julie_desk", figures=Figures((acme, globex), frozenset({"acme", "globex"})))

    (line,) = [line for line in explain(policy).lines if line.purpose == "scheduling"]

    assert line.period == (
        "6 months if contract A-1, A-2 of acme or contract G-1 of globex; 1 year if acme; "
        "as `service` says: the contract, else the tenant"
    )


def test_a_figure_of_the_policys_own_names_its_term_and_a_condition_before_it_stays(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(
        "policy: p\ncontroller: P\ntime_zone: UTC\nevents: {a: end}\nsupplied: {flag: boolean}\n"
        "terms: {long: 1 year and 1 month, open: }\n"
        "purposes:\n  x: {basis: law, source: §1, keeps: [user], after: a, for: [open when flag, long], then: delete}\n"
    )
    tenant = TenantTerms("acme", {"open": Figure(Period(days=1))})

    found = explain(load_policy(tmp_path / "p.yaml", figures=Figures((tenant,))))

    (line,) = found.lines
    assert line.period.startswith("1 day if flag, acme; ")
    assert line.period.endswith("; 1 year and 1 month (long)")
    assert found.terms == (("long", "1 year and 1 month unless said otherwise"), ("open", ""))
