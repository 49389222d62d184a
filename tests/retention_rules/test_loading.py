"""Loading: what is accepted, and what comes of includes."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from policy_texts import HEAD, PURPOSE, load

from retention_rules.conditions import Comparator, Compare, Named, Not, parse
from retention_rules.events import EventKind
from retention_rules.loading import PolicyInvalid, load_policy
from retention_rules.periods import Period
from retention_rules.purposes import Basis, Branch, Choice, EndAction, StartingPoint


class TestWhatIsAccepted:
    def test_a_whole_policy(self, tmp_path: Path) -> None:
        policy = load(
            tmp_path,
            HEAD
            + """\
categories: {card: What a card holds}
never_held: [card.cvv]
terms: {service: 6 months}
facts:
  busy: not flag
purposes:
  running:
    basis: contract
    source: Terms §1
    keeps: [identity, card.pan]
    when: busy and amount >= 120 €
    after: {earliest: [contract_end, collected]}
    for:
      - 15 months when flag
      - service when busy
      - 1 year
    then: delete
""",
        )
        assert (policy.name, policy.controller, policy.time_zone.key) == ("shop", "SHOP", "Europe/Paris")
        assert policy.events == {"contract_end": EventKind.END, "collected": EventKind.POINT}
        assert policy.facts == {"busy": Not(Named("flag"))}
        assert policy.supplied_facts == {"flag": "boolean", "amount": "number", "tenant": "text", "contract": "text"}
        assert policy.groups == {"identity": frozenset({"user.name", "user.contact"})}
        assert policy.categories == {"card": "What a card holds"}
        assert policy.never_held == {"card.cvv"}
        (running,) = policy.purposes
        assert (running.name, running.basis, running.source) == ("running", Basis.CONTRACT, "Terms §1")
        assert running.keeps == {"identity", "card.pan"}
        assert running.starting_point == StartingPoint(("contract_end", "collected"), Choice.EARLIEST)
        assert running.when == parse("busy and amount >= 120")
        assert Compare("amount", Comparator.GE, Decimal(120)) in running.when.conditions  # type: ignore[union-attr]
        assert running.periods == (
            Branch(Period(months=15), Named("flag")),
            Branch(Period(months=6), Named("busy"), "service"),
            Branch(Period(years=1)),
        )
        assert running.end_action is EndAction.DELETE
        assert running.line == 18

    def test_by_name_the_estate_comes_before_the_shipped_packs(self, tmp_path: Path) -> None:
        (tmp_path / "julien.yaml").write_text(HEAD.replace("shop", "julien") + PURPOSE, encoding="utf-8")
        assert load_policy("julien", [tmp_path]).controller == "SHOP"
        assert load_policy("julien").controller == "JULIEN"

    def test_what_ends_all_that_rests_on_a_basis_ends_what_says_nothing_of_its_own(self, tmp_path: Path) -> None:
        text = """
            policy: p
            controller: C
            time_zone: UTC
            include: [law_fr]
            events: {left: end, objected: point, off: point}
            ended_by: {legitimate_interest: objected}
            purposes:
              one: {basis: legitimate_interest, source: §, keeps: [user], after: left, for: P1Y, then: delete}
              two: {basis: legitimate_interest, source: §, keeps: [user], after: left, ended_by: off, then: delete}
              three: {basis: consent, source: §, keeps: [user], after: left, then: delete}
              four: {basis: contract, source: §, keeps: [user], after: left, then: delete}
            """
        text = text.replace("after: left, ended_by", "after: {latest: [left, off]}, ended_by")
        ended_by = {each.name: each.ended_by for each in load(tmp_path, text).purposes}
        own = {"one": "objected", "two": "off", "three": "", "four": ""}
        assert ended_by == dict.fromkeys(ended_by, "") | own

    def test_a_basis_that_no_request_ends_cannot_be_ended(self, tmp_path: Path) -> None:
        text = "policy: p\ncontroller: C\ntime_zone: UTC\nevents: {left: end}\nended_by: {law: left, consent: gone}\n"
        purpose = "purposes: {p: {basis: law, source: §, keeps: [user], after: left, then: delete}}\n"
        with pytest.raises(PolicyInvalid) as caught:
            load(tmp_path, text + purpose)
        said = [(problem.line, problem.what) for problem in caught.value.problems]
        assert (5, "no request of a person's ends what rests on law") in said
        assert (5, "there is no event `gone`") in said
        assert len(said) == 2

    def test_a_path_may_be_text(self, tmp_path: Path) -> None:
        load(tmp_path, HEAD + PURPOSE)
        assert load_policy(str(tmp_path / "shop.yaml")).name == "shop"

    def test_an_included_purpose_is_replaced_by_name_and_others_stay(self, tmp_path: Path) -> None:
        base = (
            HEAD.replace("shop", "base")
            + PURPOSE
            + PURPOSE.removeprefix("purposes:\n").replace("running:", "other:").replace("contract_end", "collected")
        )
        policy = load(
            tmp_path,
            "policy: shop\ncontroller: SHOP\ninclude: [base]\n" + PURPOSE.replace("Terms §1", "Ours"),
            base=base,
        )
        assert [(each.name, each.source) for each in policy.purposes] == [("running", "Ours"), ("other", "Terms §1")]
        assert policy.time_zone.key == "Europe/Paris"

    def test_a_file_that_is_included_twice_counts_once(self, tmp_path: Path) -> None:
        policy = load(
            tmp_path,
            "policy: shop\ncontroller: SHOP\ninclude: [one, two]\n",
            one="include: [base]",
            two="include: [base]",
            base=HEAD.replace("shop", "base") + PURPOSE,
        )
        assert [each.name for each in policy.purposes] == ["running"]
