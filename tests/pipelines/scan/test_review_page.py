"""The review of a scan, as a table and as a page: three verdicts with their evidence, JSON inside, and no values."""

from __future__ import annotations

import datetime as dt
import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.classify import categories as c
from pipelines.cli.main import app
from pipelines.estate import Estate
from pipelines.scan import review, scan
from pipelines.scan.page import render
from pipelines.scan.review import ReviewDataset, ReviewRow, ReviewTable, State

NOW = dt.datetime(2026, 6, 30, 12, tzinfo=dt.UTC)
TOML = """
[estate]
name = "Boutique"
[controllers.STARTER]
policy = "starter"
[stores.shop]
kind = "sql"
read = "sqlite:///shop.sqlite"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An estate whose one store has been scanned."""
    place = tmp_path_factory.mktemp("boutique")
    (place / "ardoise.toml").write_text(TOML)
    with closing(sqlite3.connect(place / "shop.sqlite")) as connection:
        connection.execute("CREATE TABLE clients (id INTEGER PRIMARY KEY, courriel TEXT, sx TEXT, extra TEXT, zz TEXT)")
        for number in range(30):
            extra = {"tel": f"+33 6 12 34 56 {number:02}", "theme": "dark", f"zephyrine{number}@example.org": {"n": 1}}
            row = (number, f"zephyrine{number}@example.org", "FM"[number % 2], json.dumps(extra), None)
            connection.execute("INSERT INTO clients VALUES (?, ?, ?, ?, ?)", row)
        connection.commit()
    scan(Estate.load(place), now=NOW)
    return place


def row(folder: Path, field: str) -> ReviewRow:
    return next(each for each in review(Estate.load(folder)).rows if each.field == field)


def test_a_json_column_is_shown_with_the_verdicts_on_its_paths(folder: Path) -> None:
    extra = row(folder, "extra")
    said = {path.path: (path.verdict, path.category) for path in extra.paths}
    assert extra.proposed == c.CONTACT  # a phone, and the addresses that are keys
    assert said["(keys)"] == ("personal", c.EMAIL)
    assert said["tel"] == ("personal", c.PHONE)
    assert said["theme"] == ("not personal", "")


def test_keys_that_are_data_are_not_shown(folder: Path) -> None:
    assert "*.n" in {path.path for path in row(folder, "extra").paths}


def test_the_page_shows_each_field_with_its_verdict_and_evidence(folder: Path) -> None:
    page = render(review(Estate.load(folder)), "Boutique")
    line = next(each for each in page.splitlines() if "<code>courriel</code>" in each)
    assert 'badge personal">personal<' in line
    assert "pattern EMAIL_ADDRESS 100 %" in line
    assert "name <code>courriel</code>" in line
    unknown = next(each for each in page.splitlines() if "<code>zz</code>" in each)
    assert 'badge review">for review<' in unknown


def test_page_and_evidence_hold_no_value(folder: Path) -> None:
    page = render(review(Estate.load(folder)), "Boutique")
    evidence = (folder / "proposals" / "shop.evidence.json").read_text()
    assert "zephyrine" not in page + evidence
    assert "12 34 56" not in page + evidence


def test_the_page_makes_no_request_and_runs_nothing(folder: Path) -> None:
    page = render(review(Estate.load(folder)), "Boutique")
    assert not re.search(r"https?://|//\w|@import|url\(|<script|<link|<img|<iframe", page)


def test_names_from_a_store_are_escaped() -> None:
    hostile = "<script>alert(1)</script>"
    made = ReviewRow("shop", hostile, hostile, c.NAME, "personal", (hostile,), "", State.NEW)
    page = render(ReviewTable((ReviewDataset("shop", hostile, hostile, False, (made,), (hostile,), ()),)), hostile)
    assert hostile not in page
    assert "&lt;script&gt;" in page


def test_the_command_writes_the_page_and_marks_what_is_doubtful(folder: Path) -> None:
    target = folder / "review.html"
    done = CliRunner().invoke(app, ["--estate", str(folder), "review", "--html", str(target)])
    assert done.exit_code == 0, done.output
    assert "→ tel" in done.output
    assert target.read_text().startswith("<!doctype html>")
