"""R42, R45: what has come into a store since somebody approved its map is listed, and never purged unseen."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from command_line import Ran, inside
from estates import LOGS, SmallEstate, small_estate
from fixtures_items import MailAccount
from fixtures_postgres import PostgresDatabase

from expectations.findings import Finding
from pipelines.estate import Estate

pytestmark = pytest.mark.slow

AN_AGE_AGO = dt.datetime(2012, 3, 1, tzinfo=dt.UTC)
COVERED = "every column with personal data is in the data map"


@pytest.fixture
def small(tmp_path: Path) -> SmallEstate:
    return small_estate(tmp_path / "estate")


def types(small: SmallEstate, *words: str, expect: int | None = 0) -> Ran:
    return inside(*words, cwd=small.folder, expect=expect)


def change(small: SmallEstate, script: str) -> None:
    with contextlib.closing(sqlite3.connect(small.folder / "crm.sqlite")) as connection:
        connection.executescript(script)


def plan(small: SmallEstate) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(types(small, "plan", "--json").out)
    return found


def steps(found: dict[str, Any], dataset: str) -> dict[str, int]:
    return {each["action"]: each["count"] for each in found["steps"] if each["dataset"] == dataset}


def apply(small: SmallEstate, found: dict[str, Any]) -> None:
    types(small, "approve", found["digest"], "--by", "dpo")
    types(small, "apply", found["digest"])


ADDRESSES = "UPDATE web_logs SET visitor = 'visitor' || id || '@example.org';"


def test_r45_a_new_column_with_personal_data_keeps_rows_from_deletion_until_somebody_has_decided(
    small: SmallEstate,
) -> None:
    types(small, "scan", "crm")
    before = plan(small)
    change(small, f"ALTER TABLE web_logs ADD COLUMN visitor VARCHAR(80); {ADDRESSES}")

    scanned = types(small, "scan", "crm", expect=6)
    drifted = plan(small)
    apply(small, drifted)
    kept = small.rows("crm", "web_logs")

    assert (
        "crm.web_logs: `visitor` (user.contact.email) holds personal data and is not in the data map" in scanned.words
    )
    assert steps(before, "web_logs").keys() == {"delete"}
    assert steps(drifted, "web_logs") == {"anonymise": steps(before, "web_logs")["delete"]}
    assert steps(drifted, "contacts") == steps(before, "contacts")
    (said,) = [each for each in drifted["warnings"] if "visitor" in each]
    assert "no row of it goes as a whole under `logs`" in said
    assert len([row for row in kept if row["ip"] is None]) == steps(before, "web_logs")["delete"]
    assert all(row["visitor"] for row in kept)

    path = small.folder / "data_map" / "crm.yaml"
    harmless = "cents: {category: none}"
    path.write_text(path.read_text().replace(harmless, f"{harmless}\n      visitor: {{category: technical.visitor}}"))
    types(small, "review", "crm", "--confirm", "web_logs", "--by", "dpo")
    decided = plan(small)
    assert steps(decided, "web_logs")["delete"] == steps(before, "web_logs")["delete"]


def test_r45_a_column_added_since_the_last_scan_keeps_rows_from_deletion(small: SmallEstate) -> None:
    types(small, "scan", "crm")
    change(small, f"ALTER TABLE web_logs ADD COLUMN visitor VARCHAR(80); {ADDRESSES}")

    found = plan(small)

    assert "delete" not in steps(found, "web_logs")
    assert any("`visitor` is new, and no scan has looked at it" in each for each in found["warnings"])


def test_r45_a_new_column_that_holds_nothing_personal_blocks_nothing(small: SmallEstate) -> None:
    types(small, "scan", "crm")
    before = steps(plan(small), "web_logs")
    change(small, "ALTER TABLE web_logs ADD COLUMN bytes INTEGER; UPDATE web_logs SET bytes = id * 7;")

    types(small, "scan", "crm")

    assert steps(plan(small), "web_logs") == before


def test_r45_a_column_declared_harmless_that_comes_to_hold_addresses_is_decided_about_anew(small: SmallEstate) -> None:
    change(small, "ALTER TABLE web_logs ADD COLUMN visitor VARCHAR(80); UPDATE web_logs SET visitor = 'yes';")
    types(small, "scan", "crm")
    types(small, "review", "crm", "--accept", "web_logs", "--by", "dpo")
    before = plan(small)
    types(small, "approve", before["digest"], "--by", "dpo")
    change(small, ADDRESSES)

    scanned = types(small, "scan", "crm", expect=6)
    refused = types(small, "apply", before["digest"], expect=4)
    now = plan(small)
    shown = types(small, "review", "crm").words
    types(small, "review", "crm", "--confirm", "web_logs", "--by", "dpo")

    assert "`visitor` (user.contact.email) has come to hold other personal data since it was approved" in scanned.words
    assert "a scan since the plan was made says of crm.web_logs" in refused.words
    assert "delete" in steps(before, "web_logs")
    assert "delete" not in steps(now, "web_logs")
    assert "not personal until" in shown
    # A person has seen it and says that it is harmless all the same: that is a decision.
    assert "delete" in steps(plan(small), "web_logs")


@pytest.mark.slow
def test_r45_verification_fails_on_a_table_that_holds_something_nobody_has_decided_about(small: SmallEstate) -> None:
    types(small, "scan", "crm")
    change(small, f"ALTER TABLE web_logs ADD COLUMN visitor VARCHAR(80); {ADDRESSES}")
    types(small, "scan", "crm", expect=6)
    found = plan(small)
    apply(small, found)

    types(small, "verify", found["digest"], expect=6)

    with contextlib.closing(Estate.load(small.folder).engine()) as engine:
        findings = engine.findings.of(found["digest"])
    failed = [each for each in map(Finding.from_document, findings) if not each.passed]
    # Before the run it is told; the plan takes no row of that table, so that it stops nothing else.
    assert [(each.stage, each.severity, each.expectation, each.dataset, each.seen) for each in failed] == [
        ("before", "warning", COVERED, "web_logs", 1),
        ("after", "critical", COVERED, "web_logs", 1),
    ]
    assert "`visitor` (user.contact.email)" in failed[0].remedy


def test_r42_an_undeclared_table_is_listed_with_what_it_holds_and_never_purged(small: SmallEstate) -> None:
    change(
        small,
        "CREATE TABLE mailing_2019 (id INTEGER PRIMARY KEY, email TEXT, at TIMESTAMP);"
        "INSERT INTO mailing_2019 SELECT id, email, '2015-01-01 00:00:00' FROM contacts;",
    )

    said = types(small, "scan", "crm").words
    found = plan(small)
    apply(small, found)

    assert "crm, undeclared: mailing_2019" in said
    assert "mailing_2019" not in {each["dataset"] for each in [*found["steps"], *found["tallies"]]}
    assert len(small.rows("crm", "mailing_2019")) == 12


def test_r42_an_undeclared_folder_is_listed_and_its_messages_stay(tmp_path: Path, mail_account: MailAccount) -> None:
    small = small_estate(tmp_path / "estate", mailbox=mail_account)
    path = small.folder / "data_map" / "mail.yaml"
    path.write_text(path.read_text().replace('source: "*"', "source: INBOX"))
    types(small, "review", "mail", "--confirm", "messages", "--by", "dpo")
    letters = [(each, AN_AGE_AGO, ()) for each in small.messages()]
    mail_account.server.seed(mail_account.user, "Private", letters)

    said = types(small, "scan").words
    found = plan(small)
    apply(small, found)
    folder = mail_account.server.mailbox(mail_account.user, "Private")
    left = [path.read_bytes() for part in ("cur", "new") for path in (folder / part).iterdir()]

    assert "mail, undeclared: Private" in said
    assert any(each["store"] == "mail" for each in found["steps"])
    assert sorted(left) == sorted(each for each, _, _ in letters)


@pytest.mark.slow
def test_r45_in_postgresql_too(tmp_path: Path, postgres_database: PostgresDatabase) -> None:
    database = postgres_database
    small = small_estate(tmp_path / "estate", crm=(database.admin, database.read, database.write))
    types(small, "scan", "crm")
    before = steps(plan(small), "web_logs")
    small.execute("crm", "ALTER TABLE web_logs ADD COLUMN visitor VARCHAR(80)")
    small.execute("crm", "UPDATE web_logs SET visitor = 'visitor' || id || '@example.org'")

    types(small, "scan", "crm", expect=6)
    found = plan(small)
    apply(small, found)

    assert before.keys() == {"delete"}
    assert steps(found, "web_logs") == {"anonymise": before["delete"]}
    assert len(small.rows("crm", "web_logs")) == LOGS


RULE = """
[review]
accept = ["user.contact"]
confidence = 0.9
"""


def test_r45_a_new_column_of_a_kind_that_the_officer_allows_is_approved_by_threshold_and_no_new_table_is(
    small: SmallEstate,
) -> None:
    types(small, "scan", "crm")
    change(
        small,
        f"ALTER TABLE web_logs ADD COLUMN visitor VARCHAR(80); {ADDRESSES}"
        "ALTER TABLE web_logs ADD COLUMN doubtful VARCHAR(80);"
        "UPDATE web_logs SET doubtful = CASE WHEN id % 2 THEN 'a' || id || '@example.org' ELSE 'order ' || id END;"
        "CREATE TABLE mailing (id INTEGER PRIMARY KEY, email TEXT);"
        "INSERT INTO mailing SELECT id, email FROM contacts;",
    )
    types(small, "scan", "crm", expect=6)

    refused = types(small, "review", "crm", "--accept-sure", expect=2)
    path = small.folder / "ardoise.toml"
    path.write_text(path.read_text() + RULE)
    taken = types(small, "review", "--accept-sure")

    estate = Estate.load(small.folder)
    with contextlib.closing(estate.engine()) as engine:
        entry = list(engine.ledger.entries("map_approved"))[-1].body
        acting = estate.acting(engine)
    assert "lets no kind of column be approved without a person" in refused.words
    assert "data_map/crm.yaml: web_logs now has visitor." in taken.words
    assert (entry["by"], entry["datasets"], entry["confidence"]) == ("threshold", ["web_logs"], 0.9)
    assert acting.data_maps["crm"].active["web_logs"].fields["visitor"].category == "user.contact.email"
    assert "doubtful" not in acting.data_maps["crm"].datasets["web_logs"].fields
    assert "mailing" not in acting.data_maps["crm"].datasets
