"""The decision: rights, what ends a purpose, and holds."""

from __future__ import annotations

import datetime as dt

import pytest
from deciding import DAY, LAW, NOW, YEAR, date, ended, one, policy, purpose

from retention_rules.decide import Facts, decide, term_of
from retention_rules.decisions import Archive, Decision, Due, Held, Keep, Undetermined
from retention_rules.events import Event, Known, Missing, Open
from retention_rules.explain import Stand, explain
from retention_rules.holds import Hold
from retention_rules.periods import Period
from retention_rules.purposes import Basis, Branch, EndAction


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
        rules = policy(purpose(periods=YEAR), LAW)
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
        rules = policy(self.FOLLOW, LAW)
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
