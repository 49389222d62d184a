"""Terms: contract, tenant, policy; bounds; figures lowered into branches that decide as the look-up would."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention_rules.decide import Facts, decide
from retention_rules.decisions import Keep, Undetermined
from retention_rules.events import Known
from retention_rules.loading import PolicyInvalid, load_policy
from retention_rules.periods import Period
from retention_rules.policy import Policy
from retention_rules.problems import Problem
from retention_rules.term_files import read_terms
from retention_rules.terms import Figure, Figures, TenantTerms, no_longer

POLICY = """\
policy: service
controller: SERVICE
time_zone: Europe/Paris
events: {created: point}
supplied: {trial: boolean, plan: text}
terms:
  long: TERM
purposes:
  service:
    basis: contract
    source: Terms §1
    keeps: [user]
    after: created
    for:
      - 1 month when trial
      - long
    then: delete
"""
START = dt.date(2020, 1, 31)


def service(folder: Path, *given: TenantTerms, term: str = "", tenants: tuple[str, ...] = ()) -> Policy:
    path = folder / "service.yaml"
    path.write_text(POLICY.replace("TERM", term), encoding="utf-8")
    return load_policy(path, figures=Figures(given, frozenset(tenants)))


def figures(**given: str) -> dict[str, Figure]:
    return {name: Figure(Period.parse(text), "terms/a.yaml", 3) for name, text in given.items()}


ACME = TenantTerms("acme", figures(long="2 years"), {"A-1": figures(long="3 years"), "A-2": figures(long="P5Y")})
GLOBEX = TenantTerms("globex", {}, {"A-1": figures(long="4 years")})


def last_day(policy: Policy, **values: bool | str | None) -> object:
    """Until when the record is kept; what else was decided, if it is not."""
    facts = Facts({"created": Known(START)}, {"trial": False, **values})
    (decision,) = decide(["user"], facts, policy, as_of=START).values()
    return decision.until if isinstance(decision, Keep) else decision


@pytest.mark.parametrize(
    ("tenant", "contract", "year"),
    [
        ("acme", "A-1", 2023),
        ("acme", "A-2", 2025),
        ("acme", "A-3", 2022),
        ("globex", "A-1", 2024),
        ("globex", "A-2", 2021),
        ("other", "A-1", 2021),
        ("other", None, 2021),
    ],
)
def test_the_contract_comes_first_then_the_tenant_then_the_policy(
    tmp_path: Path, tenant: str, contract: str | None, year: int
) -> None:
    policy = service(tmp_path, ACME, GLOBEX, term="1 year")
    assert last_day(policy, tenant=tenant, contract=contract) == START.replace(year=year)


def test_an_unknown_contract_is_undetermined_where_contracts_have_figures(tmp_path: Path) -> None:
    policy = service(tmp_path, ACME, GLOBEX, term="1 year")
    assert last_day(policy, tenant="acme", contract=None) == Undetermined(("contract",))
    assert last_day(policy, tenant=None, contract="A-1") == Undetermined(("tenant",))


def test_a_branch_before_the_term_keeps_its_condition(tmp_path: Path) -> None:
    policy = service(tmp_path, ACME, term="1 year")
    assert last_day(policy, trial=True, tenant="acme", contract="A-1") == dt.date(2020, 2, 29)
    assert last_day(policy, trial=None, tenant="acme", contract="A-1") == Undetermined(("trial",))


def test_a_policy_read_by_itself_waits_for_its_figures_and_nothing_is_due(tmp_path: Path) -> None:
    path = tmp_path / "service.yaml"
    path.write_text(POLICY.replace("TERM", ""), encoding="utf-8")
    policy = load_policy(path, figures=None)

    facts = Facts({"created": Known(dt.date(1990, 1, 1))}, {"trial": False, "tenant": "acme", "contract": "A-1"})
    assert decide(["user"], facts, policy, as_of=START)["user"] == Undetermined(("figure of long",))


def test_the_digest_changes_with_a_figure_and_with_nothing_else(tmp_path: Path) -> None:
    one = service(tmp_path, ACME, GLOBEX, term="1 year").digest
    moved = TenantTerms("globex", {}, {"A-1": {"long": Figure(Period(years=4), "terms/elsewhere.yaml", 99)}})
    changed = TenantTerms("globex", {}, {"A-1": figures(long="4 years and 1 day")})
    assert service(tmp_path, moved, ACME, term="1 year").digest == one
    assert service(tmp_path, ACME, changed, term="1 year").digest != one


class TestRefused:
    def problems(self, folder: Path, *given: TenantTerms, term: str = "", tenants: tuple[str, ...] = ()) -> list[str]:
        with pytest.raises(PolicyInvalid) as caught:
            service(folder, *given, term=term, tenants=tenants)
        return [f"{Path(each.file).name}:{each.line}: {each.what}" for each in caught.value.problems]

    def test_no_figure_anywhere(self, tmp_path: Path) -> None:
        (found,) = self.problems(tmp_path)
        assert found.startswith("service.yaml:7: the term `long` has no figure: no tenant and no contract gives one")
        assert service(tmp_path, ACME, term="")

    def test_a_tenant_without_one_though_another_has(self, tmp_path: Path) -> None:
        (found,) = self.problems(tmp_path, ACME, tenants=("acme", "globex"))
        assert "neither `globex` nor a contract of it gives one" in found

    def test_figures_of_contracts_alone_are_enough_and_other_contracts_undetermined(self, tmp_path: Path) -> None:
        policy = service(tmp_path, GLOBEX, tenants=("globex",))
        assert last_day(policy, tenant="globex", contract="A-2") == Undetermined(("figure of long",))

    def test_every_figure_beyond_the_bounds_at_its_own_line(self, tmp_path: Path) -> None:
        found = self.problems(tmp_path, ACME, term="{within: [30 months, 4 years], default: 1 year}")
        assert found == [
            "service.yaml:7: the term `long` is 1 year, which is not within 30 months and 4 years",
            "a.yaml:3: the term `long` is 2 years, which is not within 30 months and 4 years",
            "a.yaml:3: the term `long` is 5 years, which is not within 30 months and 4 years",
        ]

    def test_a_term_that_the_policy_does_not_know(self, tmp_path: Path) -> None:
        (found,) = self.problems(tmp_path, TenantTerms("acme", figures(logn="1 year")), term="1 year")
        assert found == "a.yaml:3: the policy has no term `logn`"

    @pytest.mark.parametrize(
        ("term", "what"),
        [
            ("{within: [4 years, 3 years]}", "`terms.long.within`: 4 years may be longer than 3 years"),
            ("{within: [31 days, 1 month]}", "`terms.long.within`: 31 days may be longer than 1 month"),
            ("{within: 3 years}", "`terms.long.within`: bounds are the shortest and the longest period"),
            ("{withing: [3 years, 4 years]}", "`withing` is no key here"),
            ("[3 years]", "`terms.long` must be a mapping"),
        ],
    )
    def test_a_term_that_is_none(self, tmp_path: Path, term: str, what: str) -> None:
        assert any(what in each for each in self.problems(tmp_path, term=term))

    @pytest.mark.parametrize(
        ("before", "after", "name"),
        [
            ("events: {created: point}", "events: {created: point, tenant: end}", "tenant"),
            ("events:", "facts: {contract: trial}\nevents:", "contract"),
            ("plan: text", "contract: text", "contract"),
        ],
    )
    def test_another_sense_of_the_facts_that_terms_are_looked_up_by(
        self, tmp_path: Path, before: str, after: str, name: str
    ) -> None:
        path = tmp_path / "service.yaml"
        path.write_text(POLICY.replace("TERM", "1 year").replace(before, after), encoding="utf-8")
        with pytest.raises(PolicyInvalid, match=f"`{name}` is the fact by which terms are looked up"):
            load_policy(path)


def test_an_including_policy_may_give_the_figure_and_keeps_the_bounds(tmp_path: Path) -> None:
    base = POLICY.replace("TERM", "{within: [3 years, 4 years], means: How long}")
    (tmp_path / "service.yaml").write_text(base, encoding="utf-8")
    for figure, fits in (("42 months", True), ("5 years", False)):
        path = tmp_path / "mine.yaml"
        path.write_text(f"policy: mine\ncontroller: ME\ninclude: [service]\nterms: {{long: {figure}}}\n")
        if fits:
            assert load_policy(path).terms["long"].means == "How long"
        else:
            with pytest.raises(PolicyInvalid, match=r"mine\.yaml:4: the term `long` is 5 years, which is not within"):
                load_policy(path)


PERIODS = st.builds(Period, st.integers(0, 12), st.integers(0, 30), st.integers(1, 800))


@settings(max_examples=20)
@given(PERIODS, PERIODS, st.dates(dt.date(1990, 1, 1), dt.date(2150, 12, 31)))
def test_a_period_that_is_no_longer_never_ends_later(one: Period, other: Period, start: dt.date) -> None:
    assert not no_longer(one, other) or one.after(start) <= other.after(start)


class TestFiles:
    def read(self, folder: Path, text: str) -> list[str]:
        path = folder / "acme.yaml"
        path.write_text(text, encoding="utf-8")
        problems: list[Problem] = []
        assert read_terms(path, problems, "terms/acme.yaml") is None
        return [f"{each.file}:{each.line}: {each.what}" for each in problems]

    def test_a_file_says_what_a_tenant_and_its_contracts_give(self, tmp_path: Path) -> None:
        path = tmp_path / "acme.yaml"
        path.write_text("controller: C\nsource: Annex 2\nterms: {a: P3Y}\ncontracts:\n  17: {a: 1 year}\n")
        problems: list[Problem] = []

        found = read_terms(path, problems)

        assert problems == []
        assert found is not None
        assert (found.controller, found.terms.tenant, found.terms.source) == ("C", "C", "Annex 2")
        assert found.terms.figures == {"a": Figure(Period(years=3), "acme.yaml", 3)}
        assert found.terms.contracts == {"17": {"a": Figure(Period(years=1), "acme.yaml", 5)}}

    def test_every_problem_has_its_line(self, tmp_path: Path) -> None:
        text = "controller: C\nterms:\n  a: never\n  B: 1 year\ncontract:\n  x: {a: 1 year}\n"
        first, second, *others = self.read(tmp_path, text)
        assert first == "terms/acme.yaml:1: `source` is missing"
        assert second.startswith("terms/acme.yaml:3: `terms.a`: 'never' is no period, such as")
        assert others == [
            "terms/acme.yaml:4: `terms.B`: `B` is no name",
            "terms/acme.yaml:5: `contract` is no key here",
        ]

    @pytest.mark.parametrize(("text", "what"), [("- a", "the file is no mapping"), ("a: [", "this is no YAML")])
    def test_a_file_that_is_none(self, tmp_path: Path, text: str, what: str) -> None:
        (found,) = self.read(tmp_path, text)
        assert what in found
