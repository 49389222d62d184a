"""The pages as a reader has them: accessible, without requests, inside their window, the answers on the first page."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from fixtures_browser import A4, show
from playwright.sync_api import Browser
from report_samples import forecast, hostile, large, not_applied, ordinary, reviewed

import pipelines.scan.page
import pipelines.simulate.page
from pipelines.report.model import ReportData
from pipelines.report.render import render_html
from retention_rules.policy_table import Language

pytestmark = pytest.mark.slow

REPORTS: dict[str, Callable[[], ReportData]] = {
    "ordinary": ordinary, "hostile": hostile, "large": large, "not applied": not_applied,
}  # fmt: skip
OTHERS: dict[str, Callable[[Language], str]] = {
    "review": lambda language: pipelines.scan.page.render(reviewed(), "Slate & Sons", language),
    "simulation": lambda language: pipelines.simulate.page.render(forecast(), language),
}
LANGUAGES = pytest.mark.parametrize("language", list(Language))
SCHEMES = pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])


@dataclass(frozen=True, slots=True)
class Files:
    """Reports as files, by what they are of and their language."""

    folder: Path

    def of(self, name: str, language: Language) -> Path:
        path = self.folder / f"{name}.{language}.html"
        if not path.exists():
            page = OTHERS[name](language) if name in OTHERS else render_html(REPORTS[name](), language)
            path.write_text(page, encoding="utf-8")
        return path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("reports"))


@SCHEMES
@LANGUAGES
@pytest.mark.parametrize("name", ["ordinary", "hostile", "not applied", *OTHERS])
def test_axe_finds_nothing(
    chromium: Browser, axe: str, files: Files, name: str, language: Language, dark: bool
) -> None:
    shown = show(chromium, files.of(name, language), dark=dark)
    with shown.page as page:
        assert shown.objections(axe) == []
        shown.unfold()
        assert shown.objections(axe) == []
        assert page.title()


@pytest.mark.parametrize("name", ["ordinary", "simulation"])
def test_axe_finds_nothing_where_plots_and_tables_scroll(chromium: Browser, axe: str, files: Files, name: str) -> None:
    shown = show(chromium, files.of(name, Language.FRENCH), width=375)
    with shown.page:
        shown.unfold()
        assert shown.objections(axe) == []


def test_axe_would_find_something(chromium: Browser, axe: str, files: Files) -> None:
    shown = show(chromium, files.of("not applied", Language.ENGLISH))
    with shown.page as page:
        page.evaluate(
            "document.documentElement.removeAttribute('lang'); document.querySelector('p').style.color='#eee'"
        )
        assert {each.partition(":")[0] for each in shown.objections(axe)} == {"html-has-lang", "color-contrast"}


@LANGUAGES
@pytest.mark.parametrize("name", [*REPORTS, *OTHERS])
def test_it_makes_no_request_runs_no_script_and_complains_of_nothing(
    chromium: Browser, files: Files, name: str, language: Language
) -> None:
    shown = show(chromium, files.of(name, language))
    with shown.page as page:
        shown.unfold()
        page.wait_for_load_state("networkidle")
        assert shown.requests == []
        assert shown.errors == []


@pytest.mark.parametrize("width", [375, 1280])
@LANGUAGES
@pytest.mark.parametrize("name", [*REPORTS, *OTHERS])
def test_the_page_itself_never_scrolls_sideways(
    chromium: Browser, files: Files, name: str, language: Language, width: int
) -> None:
    shown = show(chromium, files.of(name, language), width=width)
    with shown.page:
        assert shown.overflow <= 0
        shown.unfold()
        assert shown.overflow <= 0


@LANGUAGES
@pytest.mark.parametrize("name", list(REPORTS))
def test_the_answers_need_no_scrolling(chromium: Browser, files: Files, name: str, language: Language) -> None:
    shown = show(chromium, files.of(name, language), width=1280, height=800)
    with shown.page:
        assert shown.bottom(".answers") <= 800


@LANGUAGES
@pytest.mark.parametrize("name", list(REPORTS))
def test_the_answers_are_the_first_sheet_of_a_print(
    chromium: Browser, files: Files, name: str, language: Language
) -> None:
    shown = show(chromium, files.of(name, language), **A4)
    with shown.page as page:
        page.emulate_media(media="print")
        assert shown.bottom(".answers") <= A4["height"]
        assert page.evaluate("getComputedStyle(document.querySelector('.front')).breakAfter") == "page"


@pytest.mark.parametrize("name", ["ordinary", "hostile"])
def test_a_print_has_everything_that_the_page_folds_up_and_cuts_nothing_off(
    chromium: Browser, files: Files, name: str
) -> None:
    shown = show(chromium, files.of(name, Language.FRENCH), **A4)
    with shown.page as page:
        page.emulate_media(media="print")
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = false })")
        heights = page.evaluate("[...document.querySelectorAll('details table')].map(each => each.offsetHeight)")
        assert heights
        assert min(heights) > 0
        assert shown.overflow <= 0


def test_light_dark_and_print_differ(chromium: Browser, files: Files) -> None:
    path = files.of("ordinary", Language.ENGLISH)
    colours = []
    for dark, media in itertools.product([False, True], ["screen", "print"]):
        shown = show(chromium, path, dark=dark)
        with shown.page as page:
            page.emulate_media(media=media)
            colours.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    light, light_print, dark_screen, dark_print = colours
    assert light != dark_screen
    assert light_print == dark_print == "rgb(255, 255, 255)"
