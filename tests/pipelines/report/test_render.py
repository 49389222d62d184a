"""The report: one file without requests, whose first page answers what went, why, what stayed, and who approved."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser

import pytest
from report_samples import COPIED, HOSTILE, bare, hostile, large, not_applied, ordinary, single

from expectations.findings import Finding, Stage
from pipelines.report.model import Cell, Registration, ReportData, Series
from pipelines.report.render import render_html
from retention_rules.policy_table import Language

LANGUAGES = pytest.mark.parametrize("language", list(Language))
OURS = {
    "html", "head", "meta", "title", "style", "body", "header", "main", "footer", "nav", "section", "div", "h1",
    "h2", "h3", "p", "span", "strong", "b", "br", "a", "ul", "li", "code", "table", "caption", "thead", "tbody",
    "tfoot", "tr", "th", "td", "figure", "figcaption", "details", "summary", "svg", "g", "path", "defs", "use", "text",
    "rect", "clippath",
}  # fmt: skip
"""What the templates and plots are made of."""


class Parsed(HTMLParser):
    """The elements of a page, what a browser would fetch or run, and the text that is shown."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.fetched: list[str] = []
        self.identifiers: list[str] = []
        self.shown: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        for name, value in attrs:
            outside = name in {"src", "href", "xlink:href"} and not (value or "").startswith("#")
            if outside or name.startswith("on"):
                self.fetched.append(f"{name}={value}")
            if name == "id":
                self.identifiers.append(value or "")

    def handle_data(self, data: str) -> None:
        self.shown.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.shown))


@functools.cache
def rendered(make: Callable[[], ReportData], language: Language = Language.ENGLISH) -> str:
    return render_html(make(), language)


def text(data: ReportData, language: Language = Language.ENGLISH) -> str:
    return Parsed(render_html(data, language)).text


@LANGUAGES
@pytest.mark.parametrize("make", [ordinary, hostile, not_applied])
def test_a_report_makes_no_request_and_runs_nothing_whatever_columns_are_called(
    make: Callable[[], ReportData], language: Language
) -> None:
    page = rendered(make, language)
    parsed = Parsed(page)
    assert parsed.fetched == []
    assert parsed.elements <= OURS
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)
    assert "default-src 'none'" in page


def test_a_hostile_name_is_shown_as_it_is() -> None:
    shown = Parsed(rendered(hostile)).text
    assert all(re.sub(r"\s+", " ", name) in shown for name in HOSTILE)


@LANGUAGES
@pytest.mark.parametrize("make", [ordinary, hostile, not_applied])
def test_every_name_of_an_element_is_used_once(make: Callable[[], ReportData], language: Language) -> None:
    names = Parsed(rendered(make, language)).identifiers
    assert len(names) == len(set(names))


def test_the_first_page_answers_the_six_questions() -> None:
    shown = Parsed(rendered(ordinary)).text.partition("On this page")[0]
    for answer in (
        "1,400 deleted", "12 anonymised", "30 redacted", "technical_year ended: 1,400 acts",
        "JULIEN policy §9, technical data", "2,130 kept", "1 held", "4 undetermined", "Yes, exactly", "demo-dpo",
        "standing approval of 30 June 2026, 12:00 UTC", "Requested by airflow", "3 expectations passed",
    ):  # fmt: skip
        assert answer in shown, answer


def test_the_first_page_answers_them_in_french() -> None:
    shown = Parsed(rendered(ordinary, Language.FRENCH)).text.replace("\N{NARROW NO-BREAK SPACE}", " ")
    for answer in (
        "1 400 supprimés", "12 anonymisés", "30 caviardés", "éteinte : 1 400 actes",
        "2 130 conservés", "1 gelé pour une affaire", "4 indéterminés", "Oui, exactement", "demo-dpo",
        "approbation permanente du 30 juin 2026, 12:00 UTC", "3 attentes satisfaites", "intérêt légitime",
        "16 mars 2025",
    ):  # fmt: skip
        assert answer in shown, answer


def test_nothing_of_the_french_report_is_english_but_what_the_estate_says_itself() -> None:
    page = rendered(ordinary, Language.FRENCH)
    marked = re.findall(r'<span lang="en">(.*?)</span>', page)
    # expectations that no catalogue knows are marked as English
    assert set(marked) == {"no drift", "columns", "rows are few", "look"}


def test_while_exact_amounts_stay_the_report_says_so_and_claims_no_anonymity() -> None:
    shown = Parsed(rendered(ordinary)).text
    assert "no anonymity in the sense of WP29" in shown
    assert "crm.notes.created_at" in shown
    assert "crm.contacts.created_at" not in shown  # its groups are large enough over every column that stays


def test_k_is_claimed_where_it_was_measured_and_nowhere_else() -> None:
    measured, unmeasured = Parsed(rendered(ordinary)).text, text(bare())
    assert "was measured in the datasets named above, and in no other" in measured
    assert "was not measured" in unmeasured
    assert "2 due records are held back" in measured


def test_a_group_that_is_too_small_is_a_decision_on_the_first_page() -> None:
    first = Parsed(rendered(hostile)).text.partition("On this page")[0]
    assert "Not every group of anonymised records is large enough" in first


@pytest.mark.parametrize("seen", [3, None])
def test_a_failed_expectation_is_loud_and_names_its_remedy(seen: int | None) -> None:
    broken = Finding("what was due is gone", "mail", "messages", "due", 0, seen, "run `ardoise apply` again")
    shown = text(replace(bare(), findings=(*ordinary().findings, broken)))
    assert "1 of 5 expectations failed" in shown
    assert re.search(r"run +ardoise apply +again", shown)


def test_a_warning_is_told_and_spoils_nothing() -> None:
    shown = Parsed(rendered(ordinary)).text
    assert "Verified: 3 expectations passed" in shown
    assert "1 warning of an expectation" in shown
    assert re.search(r"rows are few .{0,60}a warning: it stops nothing", shown)
    assert "80 to 100" in shown


def test_what_was_looked_at_before_a_run_alone_verifies_nothing() -> None:
    before = tuple(each for each in ordinary().findings if each.stage is Stage.BEFORE and each.passed)
    assert "Not verified" in text(replace(bare(), findings=before))


def test_a_run_without_expectations_has_proved_nothing() -> None:
    assert "Not verified" in text(replace(bare(), findings=()))


def test_a_plan_that_nobody_carried_out_says_so() -> None:
    shown = Parsed(rendered(not_applied)).text
    assert "Not applied" in shown
    assert "nothing has been changed in any store" in shown
    assert "Verified" not in shown
    assert "What the plan would do" in shown
    assert "What was done" not in shown


def test_a_run_whose_approval_the_ledger_does_not_show_is_not_called_unapplied() -> None:
    shown = text(replace(bare(), approver=None))
    assert "The ledger shows no approval" in shown
    assert "has not been applied" not in shown


def test_what_is_still_there_makes_the_run_unfinished() -> None:
    first, *rest = ordinary().done
    shown = text(replace(bare(), done=(replace(first, anonymised=5, left=7), *rest)))
    assert "Not finished" in shown
    assert "7 acts that were due are still to do" in shown


def test_a_statistic_that_moved_is_said() -> None:
    moved = Series("crm", "web_logs", "visits", "count", (Cell("2025-01", Decimal(1), Decimal(3), holds=False),))
    shown = text(replace(bare(), statistics=(moved,)))
    assert "does not hold" in shown
    assert "together differ" in shown


def test_what_is_pending_is_verified_and_told_to_nobody() -> None:
    shown = Parsed(rendered(ordinary)).text
    assert "1 group holds or fails like the others, and is not shown" in shown
    assert "1 of them is held back" in shown
    assert "1 group is verified like the others, and is not shown: it is of too few persons" in shown
    assert "2024-11 4,321 4,321 (together) 0" in shown
    assert "not named not shown: pending holds not named not shown: too few persons holds" in shown
    (series,) = ordinary().statistics
    moved = replace(series, cells=(Cell.hidden(holds=False, few=True),))
    told = text(replace(bare(), statistics=(moved,)))
    assert "does not hold" in told
    assert "not shown: too few persons differs" in told


def test_of_a_group_that_moved_only_what_is_there_now_is_known() -> None:
    moved = Series("crm", "web_logs", "visits", "count", (Cell("2025-01", Decimal(1), Decimal(3), holds=False),))
    assert "2025-01 not kept 1 3 differs" in text(replace(bare(), statistics=(moved,)))


def test_one_is_no_plural_in_either_language() -> None:
    said = {
        Language.ENGLISH: "records|persons|acts|groups|rows|steps|fields|columns|days|expectations|are|were",
        Language.FRENCH: "enregistrements|personnes|actes|groupes|lignes|étapes|champs|colonnes|jours|conservés|sont",
    }
    for language, several in said.items():
        shown = Parsed(re.sub(r"<svg.*?</svg>", "", rendered(single, language), flags=re.DOTALL)).text
        assert not re.findall(rf".{{20}}\b1 (?:{several})\b", shown)
    waiting = replace(not_applied(), plan=single().plan)
    assert "Nothing has been done yet: 1 is due" in text(waiting)
    assert "1 est échu, compté" in Parsed(render_html(waiting, Language.FRENCH)).text


def test_why_a_registered_statistic_is_not_compared_is_said() -> None:
    registered, elsewhere = Registration("crm", "web_logs", "visits"), Registration("billing", "invoices", "sums")
    run = replace(bare(), registered=(registered,))
    waiting = tuple(replace(each, deleted=0, anonymised=0, redacted=0) for each in run.done)
    for data, why in (
        (not_applied(), "Nothing has been applied yet, so there is nothing to compare"),
        (run, "nothing says what it was before the run"),
        (replace(run, unreached=("crm",)), "could not be measured, since the store did not answer"),
        (replace(run, done=waiting), "The run has not acted in the store yet"),
        (replace(run, registered=(elsewhere,)), "The plan does nothing in the store"),
        (replace(not_applied(), plan=replace(run.plan, steps=())), "The plan does nothing in the store"),
    ):
        shown, (named,) = text(data), data.registered
        assert why in shown
        assert f"Registered: {named.store}.{named.dataset}: {named.name}." in shown
        assert "No statistic is registered" not in shown
    for make in (bare, not_applied):
        assert "No statistic is registered in the data map." in text(replace(make(), registered=()))
    assert "nothing to compare" not in Parsed(rendered(ordinary)).text


def test_what_could_not_be_measured_is_not_said_to_hold_exactly() -> None:
    shown = text(replace(bare(), statistics=ordinary().statistics, unreached=("billing",)))
    assert "Yes, as far as measured" in shown
    assert "did not answer: billing" in shown
    assert "Yes, exactly" not in shown


def test_words_of_a_policy_that_has_changed_since_are_left_out() -> None:
    shown = text(replace(bare(), policy=None))
    assert "The policy has changed since" in shown
    assert "JULIEN policy §9" not in shown


def test_what_nobody_has_classified_is_listed_without_the_names_of_mailboxes() -> None:
    shown = Parsed(rendered(ordinary)).text
    assert "2 columns of mapped tables wait to be classified" in shown
    assert "3 datasets that may hold personal data are not in the data map" in shown
    assert "2 mailboxes or calendars that nobody has declared" in shown


def test_residue_has_its_day_or_says_that_nobody_declared_it() -> None:
    shown = Parsed(rendered(ordinary)).text
    assert re.search(r"write ahead log .{0,80} 7 Jul 2026", shown)
    assert re.search(r"backups .{0,90} not known", shown)


def test_trends_begin_with_the_second_run() -> None:
    assert "trends begin with the second" in text(replace(bare(), runs=ordinary().runs[-1:]))
    assert "Trends over 5 runs" in rendered(ordinary)


@pytest.mark.slow
def test_thousands_of_rows_are_folded_up_store_by_store() -> None:
    assert "<details open>" not in rendered(large).partition('id="expectations"')[0]
    assert "<details open>" in rendered(ordinary).partition('id="expectations"')[0]


def test_how_rows_were_acted_on_and_why_not_otherwise_is_told_in_both_languages() -> None:
    english = Parsed(rendered(ordinary)).text
    for told in (
        "How, and why not otherwise", "in ranges of rows (12)",
        "not by writing the table anew: foreign keys point at it (notes, calls); it has triggers (tell)",
        "by writing the table anew (900) , in ranges of rows (500)",
        "by writing the table anew, as planned, failed during the run: a lock on it was not granted in time",
        "failed during the run: the store refused a statement (error_XX000)",
        "not whole partitions at once: no partition is due as a whole", "2 steps over rows",
    ):  # fmt: skip
        assert told in english, told
    french = Parsed(rendered(ordinary, Language.FRENCH)).text
    for told in (
        "pas en réécrivant la table : des clés étrangères y renvoient (notes, calls) ; elle a des",
        "exécution : un verrou sur elle",
        "en réécrivant la table, comme prévu, a échoué pendant",
        "pas par partitions entières : aucune partition",
    ):
        assert told in french, told
    waiting = Parsed(rendered(not_applied)).text
    assert "To be carried out" in waiting
    assert "as planned" not in waiting


def test_sizes_of_groups_are_drawn_with_the_line_below_which_none_may_be() -> None:
    page = rendered(hostile)
    assert "The smallest holds 2; at least 11 are required; 3 are smaller than that" in page
    shown = Parsed(page).text.replace("\N{EN DASH}", "-")
    assert "at least 11" in shown
    assert "1-10 (fewer than required) 3 11-21 6" in shown
    french = Parsed(rendered(ordinary, Language.FRENCH)).text.replace("\N{EN DASH}", "-")
    assert "1-10 (moins que requis) 0 11-21 3 22-43 9 44-87 0 88 et plus 1" in french
    assert "au moins 11" in french


def test_copies_that_still_hold_what_was_acted_on_are_told_with_what_to_do() -> None:
    shown = text(replace(bare(), findings=(*bare().findings, COPIED)))
    assert "rows of public.contacts_history with former values of anonymised records 7 Map public" in shown
    front = shown.partition("On this page")[0]
    assert "crm.contacts: 7 rows of copies in the same store may still hold what was acted on" in front
    assert "1 warning of an expectation" in front
    shown = text(replace(bare(), findings=(replace(COPIED, seen=None),)))
    assert "a copy in the same store could not be searched" in shown
    assert "No store is known to keep any." in text(bare())
    assert "nothing has been verified yet" in Parsed(rendered(not_applied)).text
