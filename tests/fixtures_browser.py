"""Fixtures: Debian's Chromium, driven by Playwright, and axe-core, which npm has put into `tests/browser`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

AXE = Path(__file__).parent / "browser" / "node_modules" / "axe-core" / "axe.min.js"
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
A4 = {"width": 703, "height": 1031}
"""What is left of a sheet inside margins of 12 mm, in CSS pixels."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A page in the browser; ``requests`` are those that it made beside its own file, ``errors`` what it complained."""

    page: Page
    requests: list[str]
    errors: list[str]

    @property
    def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))

    def bottom(self, selector: str) -> float:
        """Where an element ends, in pixels from the top of the page."""
        return float(self.page.evaluate("s => document.querySelector(s).getBoundingClientRect().bottom", selector))

    def unfold(self) -> None:
        """Open everything that is folded up."""
        self.page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")

    def objections(self, axe: str) -> list[str]:
        """What axe-core finds: the rule and the element, for each violation."""
        self.page.evaluate(axe)  # through the debugger: the page's own policy lets no script in
        found: Any = self.page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        return [f"{each['id']}: {node['html'][:160]}" for each in found["violations"] for node in each["nodes"]]


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    if not AXE.is_file():
        _missing("axe-core is not there: npm ci --prefix tests/browser")
    return AXE.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """A headless Chromium."""
    program = shutil.which("chromium")
    if program is None:
        _missing("there is no chromium; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*QUIET])
        yield browser
        browser.close()


def show(browser: Browser, path: Path, *, width: int = 1280, height: int = 800, dark: bool = False) -> Shown:
    """Open a file in a window of its own; close its page."""
    page = browser.new_page(
        viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", reduced_motion="reduce"
    )
    shown = Shown(page, [], [])
    page.on("request", lambda request: shown.requests.append(request.url))
    page.on("console", lambda message: shown.errors.append(message.text))
    page.on("pageerror", lambda error: shown.errors.append(str(error)))
    page.goto(path.as_uri(), wait_until="networkidle")
    shown.requests.remove(path.as_uri())
    return shown


def _missing(what: str) -> NoReturn:
    if os.environ.get("ARDOISE_CI"):
        pytest.fail(what)
    pytest.skip(what)
