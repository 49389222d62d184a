"""The decision: the last day, what matches, facts, precedence, and what must hold for every policy and record."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from deciding import DAY, LAW, NOW, YEAR, date, ended, one, policy, purpose
from hypothesis import assume, given
from hypothesis import strategies as st

from retention_rules.conditions import And, Condition, Is, Named, Not, Or, State, parse
from retention_rules.decide import Facts, decide, truth
from retention_rules.decisions import Archive, Due, Held, Keep, Undetermined
from retention_rules.events import Absent, Event, Known, Missing, Open
from retention_rules.holds import Hold
from retention_rules.periods import Period
from retention_rules.policy import Policy
from retention_rules.purposes import Basis, Branch, Choice, EndAction, Purpose, StartingPoint


class TestTheLastDay:
    def test_a_period_keeps_through_its_last_day(self) -> None:
        rules = policy(purpose(periods=YEAR))
        assert one(rules, ended("2025-06-30")) == Keep(NOW, ("p",))
        assert one(rules, ended("2025-06-29")) == Due(NOW, ("p",), EndAction.ANONYMISE)

    def test_without_a_period_it_goes_on_the_day_of_the_event(self) -> None:
        rules = policy(purpose())
        assert one(rules, ended("2026-07-01")) == Keep(NOW, ("p",))
        assert one(rules, ended("2026-06-30")) == Due(NOW, ("p",), EndAction.ANONYMISE)

    def test_the_longest_purpose_wins_whatever_the_order(self) -> None:
        long = purpose("long", periods=(Branch(Period(years=5)),))
        short = purpose("short", periods=YEAR)
        for rules in (policy(long, short), policy(short, long)):
            assert one(rules, ended("2022-01-01")) == Keep(date("2027-01-01"), ("long",))
            assert one(rules, ended("2020-01-01")) == Due(date("2025-01-02"), ("long",), EndAction.ANONYMISE)

    def test_the_first_and_last_days_of_the_calendar_are_no_stumbling_block(self) -> None:
        assert one(policy(purpose()), Facts({"end": Known(dt.date.min)})) == Due(
            date("0001-01-02"), ("p",), EndAction.ANONYMISE
        )
        forever = one(policy(purpose(periods=YEAR)), Facts({"end": Known(dt.date.max)}), dt.date.max)
        assert forever == Keep(dt.date.max, ("p",))


class TestMatching:
    def test_no_purpose_at_all_is_undetermined(self) -> None:
        assert one(policy(purpose(keeps="z"))) == Undetermined(())

    def test_a_purpose_whose_event_never_happened_does_not_match(self) -> None:
        assert one(policy(purpose(), purpose("q", "other")), ended("2020-01-01")) == Due(
            date("2020-01-01"), ("p",), EndAction.ANONYMISE
        )
        assert one(policy(purpose())) == Undetermined(())

    def test_a_purpose_whose_condition_is_false_does_not_match(self) -> None:
        rules = policy(purpose(), purpose("q", periods=YEAR, when="flag", then=EndAction.DELETE))
        assert one(rules, ended("2026-01-01", flag=False)) == Due(date("2026-01-01"), ("p",), EndAction.ANONYMISE)
        assert one(rules, ended("2026-01-01", flag=True)) == Keep(date("2027-01-01"), ("q",))

    def test_the_strictest_action_of_those_that_matched_wins_even_if_it_ended_first(self) -> None:
        rules = policy(purpose("gone", then=EndAction.DELETE), purpose("last", periods=YEAR))
        assert one(rules, ended("2020-01-01")) == Due(date("2021-01-02"), ("last",), EndAction.DELETE)

    def test_a_key_covers_its_descendants_and_a_group_its_members(self) -> None:
        rules = policy(purpose(keeps="group"))
        decisions = decide(["x.deep", "y", "group", "xy"], ended("2020-01-01"), rules, as_of=NOW)
        assert [type(each) for each in decisions.values()] == [Due, Due, Due, Undetermined]

    def test_the_first_branch_that_holds_gives_the_period(self) -> None:
        branches = (Branch(Period(months=15), Named("flag")), Branch(Period(months=13)))
        rules = policy(purpose(periods=branches))
        assert one(rules, ended("2025-04-15", flag=True)) == Keep(date("2026-07-15"), ("p",))
        assert one(rules, ended("2025-04-15", flag=False)) == Due(date("2026-05-16"), ("p",), EndAction.ANONYMISE)
        assert one(rules, ended("2025-04-15")) == Undetermined(("flag",))

    def test_a_policy_in_which_no_branch_holds_abstains(self) -> None:
        rules = policy(purpose(periods=(Branch(Period(years=1), Named("flag")),)))
        assert one(rules, ended("2020-01-01", flag=False)) == Undetermined(("p",))

    @pytest.mark.parametrize(("choice", "last"), [(Choice.LATEST, "2023-01-01"), (Choice.EARLIEST, "2020-01-01")])
    def test_the_starting_point_combines_events_and_their_occurrences(self, choice: Choice, last: str) -> None:
        rules = policy(purpose(after=StartingPoint(("end", "other"), choice)))
        days = [Known(date(day)) for day in ("2021-01-01", "2020-01-01", "2023-01-01")]
        assert one(rules, Facts({"end": days[:2], "other": (days[2],)})) == Due(date(last), ("p",), EndAction.ANONYMISE)


class TestFacts:
    @pytest.mark.parametrize(
        ("condition", "value", "expected"),
        [
            ("amount >= 120", Decimal(120), True),
            ("amount >= 120", Decimal("119.99"), False),
            ("amount >= 120", None, None),
            ("amount >= 1", True, None),
            ("amount >= 1", "120", None),
            ('amount = "invoice"', "invoice", True),
            ('amount = "invoice"', "Invoice", False),
            ('amount = "True"', True, None),
            ('amount = "120"', Decimal(120), None),
            ('amount = "invoice"', None, None),
            ("amount", True, True),
            ("amount", False, False),
            ("amount", Decimal(1), None),
            ("amount", "true", None),
        ],
    )
    def test_a_fact_of_another_type_than_is_asked_for_is_unknown(
        self, condition: str, value: bool | Decimal | str | None, expected: bool | None
    ) -> None:
        assert truth(parse(condition), Facts(values={"amount": value, "flag": True}), policy()) is expected


class TestNullTraps:
    """What `MAX`, `NOT` and `GREATEST` over NULL get wrong."""

    def test_an_open_contract_among_closed_ones_keeps(self) -> None:
        facts = Facts({"end": [Known(date("2015-01-01")), Open(), Known(date("2016-01-01"))]})
        assert one(policy(purpose(periods=YEAR)), facts) == Keep(None, ("p",))

    def test_a_contract_with_a_missing_end_among_closed_ones_abstains(self) -> None:
        facts = Facts({"end": [Known(date("2015-01-01")), Missing()]})
        assert one(policy(purpose(periods=YEAR)), facts) == Undetermined(("end",))

    def test_not_over_an_unknown_fact_does_not_drop_the_purpose(self) -> None:
        rules = policy(purpose(), purpose("q", periods=(Branch(Period(years=9)),), when="not flag"))
        assert one(rules, ended("2020-01-01")) == Undetermined(("flag",))
        assert one(rules, ended("2020-01-01", flag=None)) == Undetermined(("flag",))

    def test_the_latest_of_a_missing_and_a_known_event_is_missing(self) -> None:
        rules = policy(purpose(after=StartingPoint(("end", "other"))))
        facts = Facts({"end": Known(date("2020-01-01")), "other": Missing()})
        assert one(rules, facts) == Undetermined(("other",))

    def test_the_latest_of_an_absent_and_a_known_event_is_known(self) -> None:
        rules = policy(purpose(after=StartingPoint(("end", "other"))))
        assert isinstance(one(rules, ended("2020-01-01")), Due)

    def test_a_fact_of_the_wrong_kind_is_unknown(self) -> None:
        rules = policy()
        assert truth(parse("flag"), Facts(values={"flag": Decimal(1)}), rules) is None
        assert truth(parse("amount > 0"), Facts(values={"amount": True}), rules) is None

    def test_names_every_fact_that_is_waited_for_once(self) -> None:
        rules = policy(
            purpose(when="busy or amount > 5 or end is open or flag"),
            facts={"busy": Or((Named("flag"), Named("quiet"))), "quiet": Not(Named("flag"))},
        )
        assert one(rules, ended("2020-01-01")) == Undetermined(("flag", "amount"))

    def test_only_what_is_unknown_is_named(self) -> None:
        rules = policy(purpose(when="flag and amount > 5"))
        assert one(rules, ended("2020-01-01", flag=True)) == Undetermined(("amount",))


class TestPrecedence:
    CLAIM = purpose("claim", "third", (Branch(Period(years=5)),), basis=Basis.LEGAL_CLAIM)

    def test_a_living_purpose_keeps_whatever_else_is_missing(self) -> None:
        rules = policy(purpose(periods=YEAR), purpose("q", "other"), self.CLAIM)
        facts = Facts({"end": Known(NOW), "other": Missing(), "third": Missing()})
        assert one(rules, facts) == Keep(date("2027-06-30"), ("p",))

    def test_a_missing_purpose_comes_before_a_living_law(self) -> None:
        rules = policy(purpose(), LAW)
        assert one(rules, Facts({"end": Missing(), "other": Known(NOW)})) == Undetermined(("end",))

    def test_law_alone_archives_from_the_day_on_which_the_others_ended(self) -> None:
        rules = policy(purpose(periods=YEAR), LAW)
        facts = Facts({"end": Known(date("2020-01-01")), "other": Known(date("2020-01-01"))})
        assert one(rules, facts) == Archive(date("2021-01-02"), date("2030-01-01"), ("law",))

    def test_an_archive_that_nothing_preceded_has_no_first_day(self) -> None:
        assert one(policy(LAW), Facts({"other": Open()})) == Archive(None, None, ("law",))

    def test_the_end_of_an_archive_is_unknown_while_a_claim_is_missing(self) -> None:
        rules = policy(LAW, self.CLAIM)
        facts = Facts({"other": Known(NOW), "third": Missing()})
        assert one(rules, facts) == Archive(None, None, ("law",))

    def test_a_missing_claim_alone_is_undetermined(self) -> None:
        rules = policy(purpose(), self.CLAIM)
        assert one(rules, Facts({"end": Known(NOW), "third": Missing()})) == Undetermined(("third",))

    def test_open_ends_have_no_until(self) -> None:
        rules = policy(purpose(), purpose("q", "other", YEAR))
        assert one(rules, Facts({"end": Open(), "other": Known(NOW)})) == Keep(None, ("p", "q"))


DATES = st.dates(dt.date(1990, 1, 1), dt.date(2060, 1, 1))
EVENTS: st.SearchStrategy[Event] = st.one_of(DATES.map(Known), st.just(Open()), st.just(Missing()), st.just(Absent()))
NAMES = st.sampled_from(["end", "other", "third"])
LEAVES: st.SearchStrategy[Condition] = st.just(Named("flag")) | st.builds(Is, NAMES, st.sampled_from(State))
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: inner.map(Not) | st.tuples(inner, inner).map(And) | st.tuples(inner, inner).map(Or),
    max_leaves=3,
)
BRANCHES = st.builds(Period, st.integers(1, 10), st.integers(0, 11)).map(Branch)
PURPOSES = st.builds(
    Purpose,
    name=st.text("abcdefgh", min_size=3, max_size=6),
    basis=st.sampled_from(Basis),
    source=st.just("§"),
    keeps=st.just(frozenset({"x"})),
    starting_point=st.builds(
        StartingPoint, st.lists(NAMES, min_size=1, max_size=3, unique=True).map(tuple), st.sampled_from(Choice)
    ),
    end_action=st.sampled_from(EndAction),
    periods=st.lists(BRANCHES, max_size=1).map(tuple),
    when=st.none() | CONDITIONS,
)
POLICIES = st.lists(PURPOSES, max_size=4, unique_by=lambda each: each.name).map(lambda each: policy(*each))
FACTS = st.builds(
    Facts,
    st.dictionaries(NAMES, EVENTS | st.lists(EVENTS, max_size=3).map(tuple)),
    st.fixed_dictionaries({"flag": st.sampled_from([True, False, None])}),
)
HOLDS = st.lists(
    st.builds(Hold, st.sampled_from("ab"), DATES, st.none() | DATES, st.sampled_from([frozenset(), frozenset("x")])),
    max_size=3,
)


class TestForEveryPolicyAndRecord:
    @given(POLICIES, FACTS, HOLDS, DATES)
    def test_a_decision_gives_its_reason_and_agrees_with_its_date(
        self, rules: Policy, facts: Facts, holds: list[Hold], as_of: dt.date
    ) -> None:
        match one(rules, facts, as_of, holds=holds):
            case Keep(until, purposes) | Archive(_, until, purposes):
                assert purposes
                assert until is None or until >= as_of
            case Due(since, purposes):
                assert purposes
                assert since <= as_of
            case Held(since, cases):
                assert cases
                assert since <= as_of
            case Undetermined(missing):
                assert not missing or set(missing) <= {"end", "other", "third", "flag"}

    @given(POLICIES, FACTS, DATES, DATES)
    def test_once_due_it_stays_due_without_new_facts(
        self, rules: Policy, facts: Facts, one_day: dt.date, other_day: dt.date
    ) -> None:
        first, then = sorted([one_day, other_day])
        decision = one(rules, facts, first)
        if isinstance(decision, Due):
            assert one(rules, facts, then) == decision

    @given(POLICIES, FACTS, DATES)
    def test_it_was_not_due_the_day_before(self, rules: Policy, facts: Facts, as_of: dt.date) -> None:
        decision = one(rules, facts, as_of)
        if isinstance(decision, Due):
            assert isinstance(one(rules, facts, decision.since), Due)
            assert not isinstance(one(rules, facts, decision.since - DAY), Due)

    @given(POLICIES, PURPOSES, FACTS, DATES)
    def test_one_more_purpose_never_makes_it_due_earlier(
        self, rules: Policy, more: Purpose, facts: Facts, as_of: dt.date
    ) -> None:
        assume(more.name not in {each.name for each in rules.purposes})  # else it would replace one
        before = one(rules, facts, as_of)
        after = one(policy(*rules.purposes, more), facts, as_of)
        if isinstance(after, Due) and before != Undetermined(()):
            assert isinstance(before, Due)
            assert after.since >= before.since
            assert after.action == before.action or after.action is EndAction.DELETE

    @given(POLICIES, FACTS, HOLDS, DATES)
    def test_holds_only_mask_what_is_due(self, rules: Policy, facts: Facts, holds: list[Hold], as_of: dt.date) -> None:
        free, held = one(rules, facts, as_of), one(rules, facts, as_of, holds=holds)
        if not isinstance(free, Due):
            assert held == free
        elif isinstance(held, Due):
            assert (held.action, held.purposes) == (free.action, free.purposes)
            assert held.since >= free.since
        else:
            assert isinstance(held, Held)

    @given(POLICIES, FACTS, HOLDS, DATES, st.data())
    def test_rights_only_remove(
        self, rules: Policy, facts: Facts, holds: list[Hold], as_of: dt.date, data: st.DataObject
    ) -> None:
        rights = data.draw(st.sets(st.sampled_from([each.name for each in rules.purposes] or ["none"])))
        before = one(rules, facts, as_of, holds=holds)
        after = one(rules, facts, as_of, holds=holds, rights=rights)
        match before, after:
            case ((Due() | Held()), _):
                assert type(after) is type(before)
            case _, (Keep(_, purposes) | Archive(_, _, purposes)):
                assert not rights & set(purposes)
            case _:
                pass

    @given(POLICIES, FACTS, DATES)
    def test_a_law_that_still_lives_archives_and_never_keeps_active(
        self, rules: Policy, facts: Facts, as_of: dt.date
    ) -> None:
        bases = {each.name: each.basis for each in rules.purposes}
        match one(rules, facts, as_of):
            case Keep(_, purposes):
                assert not any(bases[name].archives for name in purposes)
            case Archive(_, _, purposes):
                assert all(bases[name].archives for name in purposes)
            case _:
                pass
