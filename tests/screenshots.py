"""Remake the README's pictures of Airflow's UI: `python tests/screenshots.py` (Debian's chromium; some minutes).

A small estate under a real Airflow: a scheduled run that nobody had approved, a backfill over past dates under a
standing approval, and a run by hand. With the path of a report, its first page instead:
`make picture` gives the demonstration's.
"""

from __future__ import annotations

import datetime as dt
import sys
import tempfile
from pathlib import Path

from airflow_server import AirflowServer
from playwright.sync_api import Page, sync_playwright
from small_estate import ZONE, SmallEstate

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
CHROMIUM = "/usr/bin/chromium"
WINDOW = {"width": 1600, "height": 720}
PAST = dt.timedelta(days=18)
DAYS = dt.timedelta(days=4, hours=12)
PATIENCE = 60_000
"""Milliseconds until a page shows what it should."""


def main() -> int:
    """Take the pictures."""
    if sys.argv[1:]:
        first_page(Path(sys.argv[1]))
    else:
        airflow()
    return 0


def first_page(report: Path) -> None:
    """Take a picture of what a report shows without scrolling."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme="light")
        page.goto(report.resolve().as_uri())
        page.screenshot(path=IMAGES / "report.png")
        browser.close()


def airflow() -> None:
    """Run the retention DAG each way and take a picture of two pages."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="ardoise-screens-") as folder:
        today = dt.datetime.now(ZONE).date()
        estate = SmallEstate.write(Path(folder) / "small", today)
        with AirflowServer(Path(folder) / "airflow", estate.path) as server:
            for dag_id in ("scan", "retention"):
                server.ended(server.scheduled(dag_id), dag_id)
            estate.grant()
            first = dt.datetime.combine(today - PAST, dt.time(), tzinfo=dt.UTC)
            server.backfilled(server.backfill(first, first + DAYS))
            run = server.trigger(user="dpo")
            server.succeeds(run)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
                page = browser.new_page(viewport=WINDOW, locale="en-GB", color_scheme="light")
                page.context.add_cookies([{"name": "_token", "value": server.token(), "url": server.url}])
                take(page, f"{server.url}/dags/retention/runs/{run}", "anchor_stores", "airflow-retention.png")
                take(page, f"{server.url}/dags/retention/runs?run_type=backfill", "Backfill", "airflow-backfill.png")
                browser.close()


def take(page: Page, url: str, shows: str, name: str) -> None:
    """Take a picture of a page once it shows a text and is quiet."""
    page.goto(url)
    page.get_by_text(shows).first.wait_for(timeout=PATIENCE)
    page.wait_for_load_state("networkidle", timeout=PATIENCE)
    page.screenshot(path=IMAGES / name)


if __name__ == "__main__":
    sys.exit(main())
