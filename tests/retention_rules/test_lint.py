"""Lint: what is wrong, or suspicious, with a policy by itself and on an estate."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from retention_rules.conditions import Named, parse
from retention_rules.events import EventKind
from retention_rules.lint import Remark, Severity, events_used, lint, located
from retention_rules.periods import Period
from retention_rules.policy import Policy
from retention_rules.purposes import Basis, Branch, Choice, EndAction, Purpose, StartingPoint

TERMS = Purpose(
    name="terms",
    basis=Basis.CONTRACT,
    source="§",
    keeps=frozenset({"identity"}),
    starting_point=StartingPoint(("end",)),
    end_action=EndAction.DELETE,
)
CONSENT = replace(TERMS, name="mailing", basis=Basis.CONSENT, periods=(Branch(Period(years=3)),))
PROOF = replace(
    TERMS,
    name="proof",
    basis=Basis.LEGAL_CLAIM,
    keeps=frozenset({"consent.proof"}),
    starting_point=StartingPoint(("end", "withdrawn")),
    periods=(Branch(Period(years=5)),),
)


def policy(*purposes: Purpose) -> Policy:
    return Policy(
        name="t",
        controller="T",
        time_zone=ZoneInfo("Europe/Paris"),
        purposes=purposes,
        events=dict.fromkeys(("end", "withdrawn", "lent"), EventKind.END),
        facts={"busy": parse("lent is open or idle"), "idle": parse("not flag")},
        supplied_facts={"flag": "boolean"},
        groups={"identity": frozenset({"user.name", "user.contact"})},
        never_held=frozenset(),
        digest="",
    )


def told(remarks: tuple[Remark, ...]) -> list[tuple[Severity, str]]:
    return [(remark.severity, remark.what) for remark in remarks]


def test_a_policy_that_is_in_order_has_no_remarks() -> None:
    held = {"crm.contacts": ["user.name.first", "user.contact.email"]}
    assert lint(policy(TERMS), held=held, supplied=["end"]) == ()


def test_the_same_purpose_twice_is_an_error_even_with_the_group_written_out() -> None:
    again = replace(TERMS, name="again", keeps=frozenset({"user.contact", "user.name"}), end_action=EndAction.ANONYMISE)
    (remark,) = lint(policy(TERMS, again))
    assert (remark.severity, remark.purpose) == (Severity.ERROR, "again")


@pytest.mark.parametrize(
    "other",
    [
        replace(TERMS, basis=Basis.LAW),
        replace(TERMS, keeps=frozenset({"user.name"})),
        replace(TERMS, when=Named("flag")),
        replace(TERMS, starting_point=StartingPoint(("withdrawn",))),
        replace(TERMS, starting_point=StartingPoint(("end",), Choice.EARLIEST)),
    ],
)
def test_purposes_that_differ_are_two(other: Purpose) -> None:
    assert lint(policy(TERMS, replace(other, name="other"))) == ()


def test_a_category_that_no_purpose_keeps_is_an_error() -> None:
    held = {"crm.contacts": ["user.name", "user.contact", "card.pan"], "crm.cards": ["card.pan"]}
    assert told(lint(policy(TERMS), held=held)) == [
        (Severity.ERROR, "no purpose keeps `card.pan`, which is held in crm.cards, crm.contacts")
    ]


def test_an_event_that_no_dataset_supplies_is_an_error_where_something_depends_on_it() -> None:
    busy = replace(TERMS, name="rent", when=Named("busy"))
    idle = replace(TERMS, name="elsewhere", keeps=frozenset({"card"}), starting_point=StartingPoint(("withdrawn",)))
    held = {"crm": ["user.name", "user.contact"]}
    found = told(lint(policy(TERMS, busy, idle), held=held, supplied=[]))
    assert found == [
        (Severity.ERROR, "no dataset supplies the event `end`, which terms, rent need"),
        (Severity.ERROR, "no dataset supplies the event `lent`, which rent needs"),
        (Severity.WARNING, "`elsewhere` keeps card, which no dataset holds"),
    ]


def test_the_events_of_a_purpose_include_those_behind_its_facts_and_branches() -> None:
    branches = (Branch(Period(years=1), parse("withdrawn is known")), Branch(Period(years=2)))
    assert events_used(policy(), replace(TERMS, when=Named("busy"), periods=branches)) == {"end", "lent", "withdrawn"}


def test_keeping_more_than_is_held_is_a_warning() -> None:
    assert told(lint(policy(TERMS), held={"crm": ["user.name"]})) == [
        (Severity.WARNING, "`terms` keeps user.contact, which no dataset holds")
    ]


class TestConsentMustBeShownAsLongAsItIsReliedOn:
    WARNING = (Severity.WARNING, "the proof of consent may lapse before `mailing`, which relies on it")

    def test_a_proof_that_lasts_is_in_order(self) -> None:
        assert lint(policy(CONSENT, PROOF)) == ()

    def test_a_consent_that_keeps_its_own_proof_is_in_order(self) -> None:
        assert lint(policy(replace(CONSENT, keeps=frozenset({"consent"})))) == ()

    def test_a_proof_under_the_same_condition_is_in_order(self) -> None:
        when = Named("flag")
        assert lint(policy(replace(CONSENT, when=when), replace(PROOF, when=when))) == ()

    @pytest.mark.parametrize(
        "proof",
        [
            TERMS,
            replace(PROOF, periods=()),
            replace(PROOF, periods=(Branch(Period(years=9), Named("flag")), Branch(Period(years=2)))),
            replace(PROOF, when=Named("flag")),
            replace(PROOF, starting_point=StartingPoint(("withdrawn",))),
            replace(PROOF, starting_point=StartingPoint(("end", "withdrawn"), Choice.EARLIEST)),
        ],
    )
    def test_one_that_may_lapse_earlier_is_warned_about(self, proof: Purpose) -> None:
        assert told(lint(policy(CONSENT, proof))) == [self.WARNING]


def test_a_remark_is_located_at_its_purpose_or_at_the_policy() -> None:
    placed = replace(TERMS, file="policies/t.yaml", line=12)
    remarks = lint(policy(placed), held={"crm.cards": ["card.pan"]})
    found = [located(policy(placed), remark) for remark in remarks]
    assert [(problem.file, problem.line) for problem in found] == [("policy t", 0), ("policies/t.yaml", 12)]
