"""What a person and a shell see at the edge: errors, interruption, widths, colours, progress."""

from __future__ import annotations

import datetime as dt
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from command_line import ENTRY, ROOT, ardoise, environment, inside
from rich.console import Console

from connectors.errors import ScanIncomplete, StoreDown, StoreMismatch, StoreReadOnly, StoreRefuses
from expectations.findings import Finding
from pipelines.cli.codes import Exit
from pipelines.cli.failure import exit_code, explain
from pipelines.cli.layout import compact
from pipelines.cli.plans import print_plan
from pipelines.cli.tables import findings_table
from pipelines.errors import (
    ArdoiseError,
    DataMapInvalid,
    EngineDown,
    EstateInvalid,
    LedgerBroken,
    LimitExceeded,
    NotApproved,
    PlanChanged,
    SecretMissing,
    UsageError,
    VerificationFailed,
)
from pipelines.plan.artefact import Action, Plan, Refusal, Step, Tally
from retention_rules.problems import PolicyInvalid, Problem

CANARY = "Zéphyrine Quatremère"

PROBLEM = Problem("policies/p.yaml", 3, "it is wrong", "Mend it")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("a"), 2), (EstateInvalid([PROBLEM]), 3), (DataMapInvalid([PROBLEM]), 3),
        (PolicyInvalid([PROBLEM]), 3),
        (StoreMismatch("s", "a", "b"), 3), (NotApproved("a"), 4), (PlanChanged("a"), 4), (LimitExceeded("a"), 4),
        (StoreReadOnly("s", "a", "b"), 4), (StoreRefuses("s", "a", "b"), 4), (StoreDown("s", "a", "b"), 5),
        (ScanIncomplete("s", "a", "b"), 5), (SecretMissing("a"), 5), (EngineDown("a"), 5), (VerificationFailed("a"), 6),
        (LedgerBroken("a"), 7), (ArdoiseError("a"), 1), (ValueError("a"), 1),
    ],
)  # fmt: skip
def test_every_error_has_its_exit_code(error: Exception, code: int) -> None:
    assert exit_code(error) == code


def test_an_error_says_where_what_and_what_to_do_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    explain(EstateInvalid([PROBLEM, Problem("data_map/crm.yaml", 9, "[so] is this", "Mend it too")]))

    said = capsys.readouterr()
    assert not said.out
    assert said.err == (
        "Error: 2 problems were found.\n"
        "policies/p.yaml:3: it is wrong. Mend it.\n"
        "data_map/crm.yaml:9: [so] is this. Mend it too.\n"
    )


@pytest.mark.parametrize("debug", [False, True])
def test_an_unexpected_error_shows_neither_its_message_nor_a_value(
    debug: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ARDOISE_DEBUG", raising=False)
    if debug:
        monkeypatch.setenv("ARDOISE_DEBUG", "1")
    engine = sa.create_engine("sqlite://")
    try:
        with engine.connect() as connection:
            connection.execute(sa.text("SELECT * FROM nowhere WHERE name = :name"), {"name": CANARY})
    except sa.exc.OperationalError as error:
        code = explain(error)

    said = capsys.readouterr().err
    assert code == Exit.UNEXPECTED
    assert "OperationalError" in said
    assert ("test_edge.py:" in said) is debug
    assert CANARY not in said
    assert "Traceback" not in said


def test_what_libraries_say_on_the_way_stays_off_the_terminal(tmp_path: Path) -> None:
    """Warnings, log records and exceptions that nobody catches may quote a value."""
    code = (
        "import logging, sys, threading, warnings; from pipelines.cli import main\n"
        "import pipelines.estate.finding as finding\n"
        "class Lost:\n"
        "    def __del__(self): raise ValueError(VALUE)\n"
        "def find(start, environment=None):\n"
        "    warnings.warn(VALUE); logging.getLogger('driver').error(VALUE); Lost()\n"
        "    thread = threading.Thread(target=lambda: 1 / 0 if VALUE else 0); thread.start(); thread.join()\n"
        "    raise RuntimeError(VALUE)\n"
        f"VALUE = {CANARY!r}\n"
        "import pipelines.estate; pipelines.estate.find_estate = find\n"
        "sys.argv = ['ardoise', 'plan']; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )

    assert done.returncode == Exit.UNEXPECTED
    assert done.stderr.splitlines()[0] == "Unexpected: RuntimeError. This is a defect of Ardoise."
    assert CANARY not in done.stdout + done.stderr
    assert "ZeroDivisionError" not in done.stderr


def test_ctrl_c_ends_with_130_and_a_sentence(tmp_path: Path) -> None:
    """The command waits for the person's address; then comes the signal."""
    made = ardoise("init", "e", "--store", "shop", "--url", "sqlite:///shop.sqlite", cwd=tmp_path)
    assert made.code == 0
    leader, follower = pty.openpty()
    running = subprocess.Popen(
        [*ENTRY, "-e", "e", "hold", "open", "CASE-1", "--subject"], cwd=tmp_path, env=environment(), text=True,
        stdin=follower, stdout=follower, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    os.close(follower)
    shown = ""
    while "address" not in shown:
        shown += os.read(leader, 1000).decode()
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    os.close(leader)

    assert running.returncode == Exit.INTERRUPTED
    assert "Interrupted" in err
    assert "Traceback" not in err


def test_usage_errors_are_short_and_say_where_help_is(tmp_path: Path) -> None:
    for words in (["plann"], ["plan", "--as-off", "2026-01-01"], ["hold", "open"], ["review", "--accept", "x"]):
        ran = inside(*words, cwd=tmp_path, expect=2)
        assert "Traceback" not in ran.err
        assert not ran.out


def plan() -> Plan:
    names = ("user.contact.address.street", "user.contact.address.postal_code", "user.contact.email", "user.name.first")
    tallies = [
        Tally("customer_relations", "newsletter_subscribers", each, 1234567, kept=1000000, due=234567) for each in names
    ]
    tallies += [
        Tally("mail", "messages", "correspondence", 2000, kept=100, archived=9, due=1800, held=1, undetermined=90)
    ]
    fields = tuple(f"billing_address_line_{n}" for n in range(12))
    step = Step(
        "customer_relations.newsletter_subscribers.anonymise.g0", "customer_relations", "newsletter_subscribers",
        Action.ANONYMISE, names, fields, (("prospecting", 234567),), 234567, dt.date(2020, 1, 1),
        dt.date(2026, 6, 30), 1, blocked=(("orders", 12),),
    )  # fmt: skip
    refusal = Refusal(
        "mail", "messages", "1,800 of 2,000 records are due, the limit is 50%", "Look, then raise the share."
    )
    digests = ("a" * 64, "b" * 64, "c" * 64, "d" * 64)
    return Plan(dt.date(2026, 6, 30), "JULIEN", "julien", *digests, tuple(tallies), (step,), (), (refusal,), ("Look.",))


@pytest.mark.parametrize("width", [80, 120])
def test_a_plan_is_whole_and_within_the_width(width: int, capsys: pytest.CaptureFixture[str]) -> None:
    print_plan(Console(width=width, highlight=False), plan())

    said = capsys.readouterr().out
    words = " ".join(said.split())
    assert max(map(len, said.splitlines())) <= width
    assert "…" not in said
    assert "customer_relations.newsletter_subscribers:1,234,567records" in "".join(said.split())
    assert "user.contact.address:" in words
    for whole in ("1,000,000", "234,567", "billing_address_line_11", "2020-01-01", "2026-06-30", "undetermined"):
        assert whole in said
    assert "not deleted, because orders still needs them" in words
    assert "Refused: mail.messages: 1,800 of 2,000 records are due" in words


@pytest.mark.parametrize("width", [80, 120])
def test_findings_show_what_failed_with_its_remedy_and_sum_up_the_rest(
    width: int, capsys: pytest.CaptureFixture[str]
) -> None:
    findings = [
        Finding("what was due is gone", "crm", f"table_{n}", "records still due", 0, 0, "Run it.") for n in range(40)
    ]
    findings += [Finding("every sum is what it was", "crm", "web_logs", "visits", 7, None, "Look at the store's log.")]

    Console(width=width, highlight=False).print(findings_table(findings))

    said = capsys.readouterr().out
    words = " ".join(said.split())
    assert max(map(len, said.splitlines())) <= width
    assert "not measured" in words
    assert "Look at the store's" in words
    assert "(40 checks)" in words
    assert len(said.splitlines()) < 20


def test_categories_are_told_by_what_they_share() -> None:
    assert compact(["user.name.last", "user.workplace", "invoice", "user.name.first"]) == [
        "invoice", "user.name: first, last", "user.workplace",
    ]  # fmt: skip


@pytest.mark.parametrize("variables", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colours_and_progress_are_for_terminals_that_want_them(tmp_path: Path, variables: dict[str, str]) -> None:
    """In a pseudo-terminal: a progress bar and colours; with NO_COLOR no colour; a dumb terminal gets plain text."""
    (tmp_path / "shop.sqlite").touch()
    ardoise("init", "e", "--store", "shop", "--url", "sqlite:///shop.sqlite", cwd=tmp_path)
    leader, follower = pty.openpty()
    surroundings = {**environment(), "TERM": "xterm-256color", **variables}
    running = subprocess.Popen(
        [*ENTRY, "-e", "e", "scan"], cwd=tmp_path, env=surroundings, stdout=follower, stderr=follower
    )
    os.close(follower)
    shown = b""
    while chunk := _read(leader):
        shown += chunk
    assert running.wait() == 0
    os.close(leader)

    coloured = re.search(rb"\x1b\[[0-9;]*3[0-9]", shown) is not None
    assert coloured is (not variables)
    assert (b"scan shop" in shown) is ("TERM" not in variables)


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # the other end was closed
        return b""


def test_without_a_terminal_standard_error_is_silent(tmp_path: Path) -> None:
    (tmp_path / "shop.sqlite").touch()
    ardoise("init", "e", "--store", "shop", "--url", "sqlite:///shop.sqlite", cwd=tmp_path)

    ran = ardoise("-e", "e", "scan", cwd=tmp_path)

    assert not ran.err
    assert "\x1b" not in ran.out
    assert ROOT not in tmp_path.parents
