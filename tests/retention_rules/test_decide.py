"""The decision: precedence, rights, holds, and what must hold for every policy and record."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from retention_rules.conditions import And, Condition, Is, Named, Not, Or, State, parse
from retention_rules.decide import Facts, decide, term_of, truth
from retention_rules.decisions import Archive, Decision, Due, Held, Keep, Undetermined
from retention_rules.events import Absent, Event, EventKind, Known, Missing, Open
from retention_rules.explain import Stand, explain
from retention_rules.holds import Hold
from retention_rules.periods import Period
from retention_rules.policy import Policy
from retention_rules.purposes import Basis, Branch, Choice, EndAction, Purpose, StartingPoint

DAY = dt.timedelta(days=1)
NOW = dt.date(2026, 6, 30)
YEAR = (Branch(Period(years=1)),)


def purpose(
    name: str = "p",
    after: str | StartingPoint = "end",
    periods: tuple[Branch, ...] = (),
    *,
    basis: Basis = Basis.CONTRACT,
    when: str = "",
    then: EndAction = EndAction.ANONYMISE,
    keeps: str = "x",
    ended_by: str = "",
) -> Purpose:
    point = StartingPoint((after,)) if isinstance(after, str) else after
    condition = parse(when) if when else None
    return Purpose(name, basis, "§", frozenset({keeps}), point, then, periods, condition, ended_by)


def policy(*purposes: Purpose, facts: Mapping[str, Condition] | None = None, never_held: str = "") -> Policy:
    return Policy(
        name="t",
        controller="T",
        time_zone=ZoneInfo("Europe/Paris"),
        purposes=purposes,
        events=dict.fromkeys(("end", "other", "third"), EventKind.END),
        facts=facts or {},
        supplied_facts={"flag": "boolean", "amount": "number"},
        groups={"group": frozenset({"x", "y"})},
        never_held=frozenset({never_held}) if never_held else frozenset(),
        digest="",
    )


def one(rules: Policy, facts: Facts | None = None, as_of: dt.date = NOW, **more: object) -> Decision:
    return decide(["x"], facts or Facts(), rules, as_of=as_of, **more)["x"]  # type: ignore[arg-type]


def ended(day: str, **values: bool | Decimal | None) -> Facts:
    return Facts({"end": Known(dt.date.fromisoformat(day))}, values)


def date(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


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
    LAW = purpose("law", "other", (Branch(Period(years=10)),), basis=Basis.LAW, then=EndAction.DELETE)
    CLAIM = purpose("claim", "third", (Branch(Period(years=5)),), basis=Basis.LEGAL_CLAIM)

    def test_a_living_purpose_keeps_whatever_else_is_missing(self) -> None:
        rules = policy(purpose(periods=YEAR), purpose("q", "other"), self.CLAIM)
        facts = Facts({"end": Known(NOW), "other": Missing(), "third": Missing()})
        assert one(rules, facts) == Keep(date("2027-06-30"), ("p",))

    def test_a_missing_purpose_comes_before_a_living_law(self) -> None:
        rules = policy(purpose(), self.LAW)
        assert one(rules, Facts({"end": Missing(), "other": Known(NOW)})) == Undetermined(("end",))

    def test_law_alone_archives_from_the_day_on_which_the_others_ended(self) -> None:
        rules = policy(purpose(periods=YEAR), self.LAW)
        facts = Facts({"end": Known(date("2020-01-01")), "other": Known(date("2020-01-01"))})
        assert one(rules, facts) == Archive(date("2021-01-02"), date("2030-01-01"), ("law",))

    def test_an_archive_that_nothing_preceded_has_no_first_day(self) -> None:
        assert one(policy(self.LAW), Facts({"other": Open()})) == Archive(None, None, ("law",))

    def test_the_end_of_an_archive_is_unknown_while_a_claim_is_missing(self) -> None:
        rules = policy(self.LAW, self.CLAIM)
        facts = Facts({"other": Known(NOW), "third": Missing()})
        assert one(rules, facts) == Archive(None, None, ("law",))

    def test_a_missing_claim_alone_is_undetermined(self) -> None:
        rules = policy(purpose(), self.CLAIM)
        assert one(rules, Facts({"end": Known(NOW), "third": Missing()})) == Undetermined(("third",))

    def test_open_ends_have_no_until(self) -> None:
        rules = policy(purpose(), purpose("q", "other", YEAR))
        assert one(rules, Facts({"end": Open(), "other": Known(NOW)})) == Keep(None, ("p", "q"))


class TestRights:
    RULES = policy(purpose("run"), purpose("follow", periods=(Branch(Period(years=3)),), then=EndAction.DELETE))

    def test_an_ended_purpose_keeps_nothing_but_its_action_counts(self) -> None:
        facts = ended("2026-01-01")
        assert one(self.RULES, facts) == Keep(date("2029-01-01"), ("follow",))
        assert one(self.RULES, facts, rights=["follow"]) == Due(date("2026-01-01"), ("run",), EndAction.DELETE)

    def test_a_contract_that_runs_is_not_ended_by_an_objection_to_its_follow_up(self) -> None:
        assert one(self.RULES, Facts({"end": Open()}), rights=["follow"]) == Keep(None, ("run",))

    def test_where_nothing_else_matched_it_is_due_at_once(self) -> None:
        decision = one(self.RULES, ended("2026-01-01"), rights=["run", "follow"])
        assert decision == Due(NOW, ("run", "follow"), EndAction.DELETE)

    def test_what_an_ended_purpose_lacked_is_not_waited_for(self) -> None:
        rules = policy(purpose(), purpose("q", "other", when="flag"))
        facts = Facts({"end": Known(date("2026-01-01")), "other": Missing()})
        assert one(rules, facts, rights=["q"]) == Due(date("2026-01-01"), ("p",), EndAction.ANONYMISE)

    def test_law_is_untouched(self) -> None:
        rules = policy(purpose(periods=YEAR), TestPrecedence.LAW)
        facts = Facts({"end": Known(NOW), "other": Known(NOW)})
        assert one(rules, facts, rights=["p"]) == Archive(None, date("2036-06-30"), ("law",))


class TestWhatEndsAPurpose:
    """A request that a store supplies, or that was recorded, is an event: the purpose ends on its day."""

    INTEREST = Basis.LEGITIMATE_INTEREST
    FOLLOW = purpose("follow", periods=(Branch(Period(years=3)),), basis=INTEREST, then=EndAction.DELETE, ended_by="no")
    RULES = policy(purpose("run"), FOLLOW)

    def decided(self, *objected: Event, end: Event = Known(dt.date(2026, 1, 1)), as_of: dt.date = NOW) -> Decision:  # noqa: B008 - immutable
        return one(self.RULES, Facts({"end": end, "no": objected}), as_of)

    def test_it_ends_on_the_day_and_its_action_counts(self) -> None:
        assert self.decided() == Keep(date("2029-01-01"), ("follow",))
        assert self.decided(Known(NOW + DAY)) == Keep(NOW, ("follow",))
        assert self.decided(Known(NOW)) == Due(NOW, ("follow",), EndAction.DELETE)
        assert self.decided(Known(date("2026-02-03"))) == Due(date("2026-02-03"), ("follow",), EndAction.DELETE)

    def test_before_the_contract_has_ended_it_ends_the_follow_up_from_the_first_day_on(self) -> None:
        objected = Known(date("2020-05-05"))
        assert self.decided(objected, end=Open()) == Keep(None, ("run",))
        assert self.decided(objected) == Due(date("2026-01-01"), ("run",), EndAction.DELETE)

    def test_after_its_own_last_day_it_changes_nothing(self) -> None:
        over = self.decided(Known(date("2026-02-03")), end=Known(date("2020-01-01")))
        assert (
            over
            == self.decided(end=Known(date("2020-01-01")))
            == Due(date("2023-01-02"), ("follow",), EndAction.DELETE)
        )

    def test_the_first_of_several_counts_and_one_without_a_date_does_not_hide_it(self) -> None:
        days = [Known(date("2026-03-03")), Missing(), Known(date("2026-02-02"))]
        assert self.decided(*days) == Due(date("2026-02-02"), ("follow",), EndAction.DELETE)

    def test_what_was_taken_up_again_is_not_ended(self) -> None:
        assert self.decided(Known(date("2026-02-02")), Open(), Missing()) == Keep(date("2029-01-01"), ("follow",))

    def test_not_to_know_of_it_matters_only_while_the_purpose_would_keep(self) -> None:
        assert self.decided(Missing()) == Undetermined(("no",))
        over = self.decided(Missing(), end=Known(date("2020-01-01")))
        assert over == Due(date("2023-01-02"), ("follow",), EndAction.DELETE)
        other = policy(self.FOLLOW, purpose("run", "other"))
        assert one(other, Facts({"end": Known(NOW), "no": Missing(), "other": Open()})) == Keep(None, ("run",))

    def test_what_the_purpose_itself_lacked_is_not_waited_for(self) -> None:
        rules = policy(purpose(), purpose("q", "other", basis=self.INTEREST, when="flag", ended_by="no"))
        facts = Facts({"end": Known(date("2026-01-01")), "other": Missing(), "no": Known(date("2026-02-02"))})
        assert one(rules, facts) == Due(date("2026-02-02"), ("q",), EndAction.ANONYMISE)
        assert one(rules, facts, date("2026-02-01")) == Undetermined(("flag",))

    def test_one_that_does_not_apply_is_not_ended_either(self) -> None:
        rules = policy(purpose("q", when="flag", basis=self.INTEREST, ended_by="no"))
        facts = Facts({"end": Open(), "no": Known(NOW)}, {"flag": False})
        assert one(rules, facts) == Undetermined(())

    def test_a_right_has_ended_it_whatever_an_event_says(self) -> None:
        facts = Facts({"end": Known(date("2026-01-01")), "no": Known(date("2026-02-03"))})
        assert one(policy(self.FOLLOW), facts, rights=["follow"]) == Due(NOW, ("follow",), EndAction.DELETE)

    def test_a_request_from_its_last_day_on_cuts_nothing_off(self) -> None:
        def cut(day: str) -> bool | None:
            facts = Facts({"end": Known(date("2020-01-01")), "no": Known(date(day))})
            term = term_of(self.FOLLOW, facts, self.RULES, ended=False)
            return term and term.cut

        assert (cut("2023-01-01"), cut("2023-01-02"), cut("2023-01-03")) == (True, False, False)

    def test_law_keeps_and_a_hold_masks(self) -> None:
        facts = Facts({"end": Open(), "other": Known(NOW), "no": Known(date("2026-02-02"))})
        rules = policy(self.FOLLOW, TestPrecedence.LAW)
        assert one(rules, facts) == Archive(date("2026-02-02"), date("2036-06-30"), ("law",))
        held = one(policy(self.FOLLOW), facts, holds=[Hold("case", date("2026-01-01"))])
        assert held == Held(date("2026-02-02"), ("case",))

    def test_the_first_day_of_all_is_no_error(self) -> None:
        assert isinstance(self.decided(Known(dt.date.min)), Due)

    def test_the_explanation_says_that_a_request_has_ended_it(self) -> None:
        def stands(*objected: Event, end: dt.date = dt.date(2026, 1, 1)) -> list[Stand]:
            facts = Facts({"end": Known(end), "no": objected})
            return [each.stand for each in explain(["x"], facts, self.RULES, as_of=NOW)["x"].reasons]

        assert stands() == [Stand.ENDED, Stand.KEEPS]
        assert stands(Known(NOW)) == [Stand.ENDED, Stand.ENDED_BY_RIGHT]
        assert stands(Known(NOW + DAY)) == [Stand.ENDED, Stand.KEEPS]
        assert stands(Missing()) == [Stand.ENDED, Stand.MISSING]
        assert stands(Known(NOW), end=date("2020-01-01")) == [Stand.ENDED, Stand.ENDED]
        reason = explain(["x"], Facts({"end": Known(NOW), "no": Missing()}), self.RULES, as_of=NOW)["x"].reasons[1]
        assert reason.missing == ("no",)


class TestHolds:
    def test_a_hold_counts_from_its_first_day(self) -> None:
        rules = policy(purpose())
        assert one(rules, ended("2020-01-01"), holds=[Hold("case", NOW)]) == Held(NOW, ("case",))
        assert isinstance(one(rules, ended("2020-01-01"), holds=[Hold("case", NOW + DAY)]), Due)

    RULES = policy(purpose(periods=YEAR), never_held="z")

    def test_a_hold_masks_what_is_due(self) -> None:
        holds = [Hold("b", date("2020-06-01")), Hold("a", date("2025-01-01")), Hold("a", date("2025-02-01"))]
        assert one(self.RULES, ended("2020-01-01"), holds=holds) == Held(date("2021-01-02"), ("a", "b"))

    def test_a_hold_on_what_was_overdue_begins_with_itself(self) -> None:
        holds = [Hold("a", date("2025-01-01"))]
        assert one(self.RULES, ended("2020-01-01"), holds=holds) == Held(date("2025-01-01"), ("a",))

    def test_a_hold_changes_nothing_while_a_purpose_lives(self) -> None:
        assert one(self.RULES, ended("2026-01-01"), holds=[Hold("a", date("2020-01-01"))]) == Keep(
            date("2027-01-01"), ("p",)
        )

    def test_a_hold_lasts_through_the_day_before_its_release(self) -> None:
        holds = [Hold("a", date("2020-06-01"), date("2026-07-01"))]
        assert isinstance(one(self.RULES, ended("2020-01-01"), holds=holds), Held)
        assert one(self.RULES, ended("2020-01-01"), NOW + DAY, holds=holds) == Due(
            NOW + DAY, ("p",), EndAction.ANONYMISE
        )

    def test_released_before_its_own_date_it_is_due_on_its_own_date(self) -> None:
        holds = [Hold("a", date("2020-06-01"), date("2020-07-01"))]
        assert one(self.RULES, ended("2020-01-01"), holds=holds) == Due(date("2021-01-02"), ("p",), EndAction.ANONYMISE)

    @pytest.mark.parametrize(
        "hold",
        [
            Hold("later", NOW + DAY),
            Hold("empty", date("2025-01-01"), date("2025-01-01")),
            Hold("elsewhere", date("2020-01-01"), None, frozenset({"z"})),
        ],
    )
    def test_a_hold_that_is_invisible_empty_or_elsewhere_counts_for_nothing(self, hold: Hold) -> None:
        assert one(self.RULES, ended("2020-01-01"), holds=[hold]) == one(self.RULES, ended("2020-01-01"))

    def test_a_hold_may_name_groups_and_ancestors(self) -> None:
        hold = Hold("a", date("2020-01-01"), None, frozenset({"group"}))
        decisions = decide(["x.deep"], ended("2020-01-01"), self.RULES, holds=[hold], as_of=NOW)
        assert isinstance(decisions["x.deep"], Held)

    def test_what_may_never_be_held_is_not(self) -> None:
        rules = policy(purpose(), never_held="x")
        holds = [Hold("a", date("2019-01-01")), Hold("b", date("2019-01-01"), date("2025-01-01"))]
        assert one(rules, ended("2020-01-01"), holds=holds) == Due(date("2020-01-01"), ("p",), EndAction.ANONYMISE)


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
