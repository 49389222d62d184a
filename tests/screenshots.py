"""Remake the README's pictures of Airflow's UI: `python tests/screenshots.py` (Debian's chromium; some minutes).

A small copy of the demonstration under a real Airflow: one run started and approved by hand, then a backfill
under a standing approval.
"""

from __future__ import annotations

import datetime as dt
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from airflow_server import AirflowServer
from playwright.sync_api import Page, sync_playwright

from pipelines.demo.stores import DemoStores
from pipelines.estate import Estate

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
CHROMIUM = "/usr/bin/chromium"
WINDOW = {"width": 1280, "height": 760}
FIRST = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
SCALE = 0.02


def main() -> int:
    """Run the retention DAG both ways and take a picture of each."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="ardoise-screens-") as folder:
        stores = DemoStores(Path(folder) / "demo", scale=SCALE)
        with stores, AirflowServer(Path(folder) / "airflow", stores.estate) as server:
            for dag_id in ("scan", "retention"):
                server.ended(server.scheduled(dag_id), dag_id)
            grant(stores.estate)
            server.backfilled(server.backfill(FIRST, FIRST + dt.timedelta(days=2, hours=12)))
            for each in server.runs(run_type="backfill"):
                server.succeeds(each["dag_run_id"])
            run = server.trigger(conf={"as_of": "2026-06-30"})
            server.succeeds(run)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
                page = browser.new_page(viewport=WINDOW, locale="en-GB", color_scheme="light")
                page.context.add_cookies([{"name": "_token", "value": server.token(), "url": server.url}])
                take(page, f"{server.url}/dags/retention/runs/{run}", "report", "airflow-retention.png")
                take(page, f"{server.url}/dags/retention/backfills", "2026", "airflow-backfill.png")
                browser.close()
    return 0


def grant(folder: Path) -> None:
    """The standing approval under which runs that nobody attends apply."""
    estate = Estate.load(folder)
    (controller,) = estate.controllers
    at = dt.datetime.now(dt.UTC)
    with closing(estate.engine()) as engine:
        engine.approvals.grant_standing(
            controller, estate.policy(controller).digest, by="dpo", at=at, expires=at + dt.timedelta(hours=2),
            max_count=1_000_000, max_share=1.0,
        )  # fmt: skip


def take(page: Page, url: str, shows: str, name: str) -> None:
    """Take a picture of a page once it shows a text and is quiet."""
    page.goto(url)
    page.get_by_text(shows).first.wait_for(timeout=60_000)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=IMAGES / name)


if __name__ == "__main__":
    sys.exit(main())
