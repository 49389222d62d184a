"""After a run: whatever is spoiled fails the expectations that are about it and no other, and the verification."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import by_hand
import pytest
from fixtures_items import CalendarAccount, MailAccount
from hidden_shop import NOW, TODAY, Club, club
from running import applied, planned, unexpecting
from served_shop import US, served_shop

from expectations.findings import Finding
from pipelines.cli.codes import Exit
from pipelines.engine.ledger import Entry
from pipelines.expect.outcome import FORM, ORPHANS
from pipelines.plan.artefact import Plan
from pipelines.scan.refresh import refresh
from pipelines.verify import CANARIES, stored_findings
from pipelines.verify.anonymity import HIDDEN
from pipelines.verify.canaries import NOWHERE
from pipelines.verify.classified import INVENTED, SILENT
from pipelines.verify.ledger import RECEIVED, SETTLED, WHOLE
from pipelines.verify.run import LEFT
from pipelines.verify.statistics import EQUAL
from pipelines.verify.stores import UNTOUCHED

pytestmark = pytest.mark.slow

CANARY = "zephyrine.quillfeather"


@dataclass(frozen=True)
class Verified:
    """A club after a whole run, of which everything has been looked at; members from 200 on are not due."""

    club: Club
    plan: Plan
    kept: Path

    def entries(self, kind: str) -> list[Entry]:
        """The ledger's entries of a kind."""
        with closing(self.club.estate.engine()) as engine:
            return list(engine.ledger.entries(kind))

    def failed(self) -> dict[tuple[str, str], int | None]:
        """What has not passed now, by expectation and dataset."""
        return {(each.expectation, each.dataset or each.store): each.seen for each in self.findings()}

    def findings(self) -> list[Finding]:
        """The same as it was found; the ledger must say so too."""
        found = self.club.verify(self.plan)
        failed = [each for each in found if each.blocking]
        said = self.entries("verification")[-1].body
        assert (said["passed"], said["failed"]) == (not failed, len(failed))
        return failed


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Verified:
    folder = tmp_path_factory.mktemp("spoiled") / "now"
    folder.mkdir()
    (folder / "club.sqlite").touch()
    made = club(folder / "estate", *(f"sqlite:///{folder / 'club.sqlite'}",) * 3)
    made.join(range(1, 25), region="Nord")
    made.join(range(200, 206), left=1)
    made.run("UPDATE members SET seen_on = '2026-06-01' WHERE id >= 200")
    made.join(range(300, 306), left=1)  # who are nobody's as little, and of whom another step empties the address
    made.visit(range(1, 25))
    made.visit(range(200, 206))
    made.run("CREATE TABLE notices (id INTEGER PRIMARY KEY, said TEXT)")
    made.run("INSERT INTO notices VALUES (1, 'closed on Mondays')")
    plan = made.plan()
    summary = made.apply(plan)
    assert summary.complete
    assert "held_back" not in summary.counts
    kept = folder.with_name("kept")
    shutil.copytree(folder, kept)
    return Verified(made, plan, kept)


@pytest.fixture
def verified(whole: Verified) -> Iterator[Verified]:
    yield whole
    now = whole.kept.with_name("now")
    shutil.rmtree(now)
    shutil.copytree(whole.kept, now)


def test_after_a_whole_run_everything_passes(
    verified: Verified, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    named(tmp_path, monkeypatch)
    assert verified.failed() == {}


def named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Tell the verification of the canary, and of a folder where it looks for it."""
    file, logs = folder / "canaries.json", folder / "logs"
    logs.mkdir()
    file.write_text(json.dumps({"values": [CANARY], "folders": [str(logs)]}), encoding="utf-8")
    file.chmod(0o600)
    monkeypatch.setenv(CANARIES, str(file))
    return logs


CASES = {
    "a row that is due": (
        "INSERT INTO members (id, email, region, left_on) VALUES (900, 'back@example.org', 'Nord', '2020-01-01')",
        {(LEFT, "members"): 1, (EQUAL, "members"): 1, (UNTOUCHED, "members"): 1},
    ),
    "a name": (
        "UPDATE members SET name = 'Zephyrine Quillfeather' WHERE id = 1",
        {(LEFT, "members"): 1, (INVENTED, "members"): 1},
    ),
    "a date of birth": (
        "UPDATE members SET born = '1961-05-05' WHERE id = 1",
        {(LEFT, "members"): 1, (FORM, "members"): 1},
    ),
    "an address of the net": (
        "UPDATE members SET ip = '192.0.2.1' WHERE id = 1",
        {(LEFT, "members"): 1, (FORM, "members"): 1, (SILENT, "members"): 1},
    ),
    "one of a group, who is alone then": (
        "UPDATE members SET left_on = '2022-01-09' WHERE id = 1",
        {(HIDDEN, "members"): 1},
    ),
    "a member to whom nobody leads any more": (
        "UPDATE visits SET member_id = 99999 WHERE member_id = 200",
        {(ORPHANS, "visits"): 3, (UNTOUCHED, "visits"): 1},
    ),
    "a name of somebody who is not due": (
        "UPDATE members SET name = 'Other' WHERE id = 200",
        {(UNTOUCHED, "members"): 1},
    ),
    "a column that no step touches": (
        "UPDATE members SET seen_on = '2020-01-02' WHERE id = 1",
        {(UNTOUCHED, "members"): 1},
    ),
    "a note on somebody who is not due": (
        "UPDATE visits SET note = 'Other' WHERE id = 20000",
        {(UNTOUCHED, "visits"): 1},
    ),
    "a row of somebody who is not due": (
        "DELETE FROM visits WHERE id = 20000",
        {(EQUAL, "visits"): 1, (UNTOUCHED, "visits"): 1},
    ),
    "an amount of somebody who is not due": (
        "UPDATE visits SET cents = cents + 1 WHERE id = 20000",
        {(EQUAL, "visits"): 1, (UNTOUCHED, "visits"): 1},
    ),
    "a day of somebody who is not due": (
        "UPDATE visits SET on_day = date(on_day, 'start of year') WHERE id = 20000",
        {(EQUAL, "visits"): 2, (UNTOUCHED, "visits"): 1},
    ),
    "a row that leads from one who is not due to another": (
        "UPDATE visits SET member_id = 201 WHERE id = 20000",
        {(UNTOUCHED, "visits"): 1},
    ),
    "a name of somebody of whom only an address was due": (
        "UPDATE members SET name = 'Other' WHERE id = 300",
        {(UNTOUCHED, "members"): 1},
    ),
    "a date of birth of somebody of whom only an address was due": (
        "UPDATE members SET born = '1970-01-01' WHERE id = 300",
        {(UNTOUCHED, "members"): 1},
    ),
    "a day on which somebody left of whom only an address was due": (
        "UPDATE members SET left_on = '2025-01-01' WHERE id = 300",
        {(UNTOUCHED, "members"): 1},
    ),
    "an amount of a nobody": ("UPDATE visits SET cents = cents + 1 WHERE id = 100", {(EQUAL, "visits"): 1}),
    "a table that is in no plan": ("UPDATE notices SET said = 'open'", {(UNTOUCHED, "notices"): 1}),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_spoiled_fails_what_is_about_it_and_nothing_else(verified: Verified, case: str) -> None:
    statement, failed = CASES[case]
    verified.club.run(statement)
    assert verified.failed() == failed


def test_receipts_that_are_gone_are_missed(verified: Verified) -> None:
    step = next(each.id for each in verified.plan.steps if "email" in each.fields)
    gone = [str(each.sequence) for each in verified.entries("receipt") if each.body["step"] == step]
    engine = f"sqlite:///{verified.club.estate.state / 'engine.sqlite'}"
    by_hand.execute(engine, f"DELETE FROM ledger WHERE sequence IN ({', '.join(gone)})")
    found = verified.failed()
    assert found.pop((WHOLE, "ledger"))
    assert found == {(RECEIVED, "ledger"): 1, (SETTLED, "ledger"): 1}


@pytest.mark.parametrize("place", ["club", "engine", "state", "files"])
def test_a_canary_is_found_wherever_it_is(
    verified: Verified, place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    logs, state = named(tmp_path, monkeypatch), verified.club.estate.state
    match place:
        case "club":
            verified.club.run(f"UPDATE notices SET said = 'ask {CANARY}'")
            assert verified.failed() == {(NOWHERE, "club"): 1, (UNTOUCHED, "notices"): 1}
        case "engine":
            verdict = f"VALUES (1, '{NOW.isoformat()}', 'x', 'x', 'x', 'named', 'x', NULL, '[\"{CANARY}\"]')"
            by_hand.execute(f"sqlite:///{state / 'engine.sqlite'}", f"INSERT INTO verdicts {verdict}")
            found = {(each.expectation, each.store, each.measure) for each in verified.findings()}
            assert found == {(NOWHERE, "engine", f"{what} with a canary") for what in ("rows", "files")}
        case "state":
            (state / "left.txt").write_text(f"{CANARY}\n", encoding="utf-8")
            assert verified.failed() == {(NOWHERE, "engine"): 1}
        case _:
            (logs / "run.log").write_text(f"sent to <{CANARY}@example.org>\n", encoding="utf-8")
            assert verified.failed() == {(NOWHERE, "files"): 1}


def test_a_message_or_a_meeting_that_goes_changes_or_comes_without_being_due_fails(
    tmp_path: Path, mail_account: MailAccount, calendar_account: CalendarAccount
) -> None:
    shop = served_shop(tmp_path, mail_account, calendar_account)
    old, client = shop.person("Old Hand"), shop.person("Good Client", client=True)
    for person in (old, client, client):
        shop.mail(person, US)
    shop.meeting("old", old)
    shop.meeting("kept", client)
    assert all(each.complete for each in refresh(shop.estate, now=NOW))
    plan = planned(shop.estate, "SHOP", TODAY)
    assert applied(shop.estate, plan, TODAY, expect=unexpecting).complete
    assert set(shop.messages()) == {"2", "3"}
    assert set(shop.meetings()) == {"kept", "our-own"}

    def failed(expect: Exit) -> dict[tuple[str, str], int | None]:
        shop.types("verify", plan.digest, expect=expect)
        with closing(shop.estate.engine()) as engine:
            found = [each for each in stored_findings(engine, plan.digest) if not each.passed]
        assert {each.expectation for each in found} <= {UNTOUCHED}
        return {(each.dataset, each.measure): each.seen for each in found}

    gone, surplus = "items that went or changed without being due", "items more than there may be"
    assert failed(Exit.DONE) == {}
    inbox = mail_account.server.mailbox(mail_account.user, "INBOX")
    (message,) = (each for each in inbox.rglob("*") if each.is_file() and b"Message 3 of" in each.read_bytes())
    message.unlink()
    assert failed(Exit.UNVERIFIED) == {("messages", gone): 1}
    work = calendar_account.server.calendar(calendar_account.user, "work")
    (meeting,) = (each for each in work.glob("*.ics") if b"UID:kept" in each.read_bytes())
    meeting.write_bytes(meeting.read_bytes().replace(b"T090000Z", b"T093000Z"))
    shop.mail(client, US)
    shop.meeting("new", client)
    assert failed(Exit.UNVERIFIED) == {
        ("messages", gone): 1, ("messages", surplus): 1, ("meetings", gone): 1, ("meetings", surplus): 2,
    }  # fmt: skip


def test_that_some_are_held_back_hides_nothing_of_what_becomes_of_others(tmp_path: Path) -> None:
    (tmp_path / "club.sqlite").touch()
    made = club(tmp_path / "estate", *(f"sqlite:///{tmp_path / 'club.sqlite'}",) * 3)
    made.join(range(1, 60))
    made.join(range(200, 206), left=1)
    made.run("UPDATE members SET seen_on = '2026-06-01' WHERE id >= 200")
    made.join(range(300, 306), left=1)
    made.visit(range(1, 60))
    made.visit(range(200, 206))
    plan = made.plan()
    assert made.apply(plan).counts["held_back"] == 2
    verified = Verified(made, plan, tmp_path)
    assert verified.failed() == {}
    for table, row, column in [("members", 200, "name"), ("members", 300, "name"), ("visits", 20000, "cents")]:
        was = next(each[column] for each in made.rows(table) if each["id"] == row)
        made.run(f"UPDATE {table} SET {column} = 17 WHERE id = {row}")
        assert (UNTOUCHED, table) in verified.failed()
        made.run(f"UPDATE {table} SET {column} = '{was}' WHERE id = {row}")
    assert verified.failed() == {}
