"""Headers of strangers: people, dates, machines; whatever they hold, reading them never fails."""

from __future__ import annotations

import datetime as dt
from contextlib import closing
from pathlib import Path

import pytest
from fixtures_items import MailAccount
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import Source
from connectors.imap import ImapConnector
from connectors.imap.content import texts
from connectors.imap.envelope import envelope
from connectors.imap.headers import addresses

ARRIVED = dt.datetime(2024, 3, 1, 12, tzinfo=dt.UTC)


def people(headers: str) -> set[tuple[str, str, str]]:
    found = envelope(headers.encode("utf-8", "surrogateescape"), ARRIVED).participants
    return {(each["role"], each["address"], each["name"]) for each in found}


def automatic(headers: str) -> bool:
    return envelope(headers.encode(), ARRIVED).automatic


def sent(date: str, arrived: dt.datetime | None = ARRIVED) -> dt.datetime | None:
    return envelope(f"Date: {date}\r\n\r\n".encode(), arrived).last


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ("From: Ann <Ann@Example.org>\r\n", {("from", "Ann@Example.org", "Ann")}),
        ("From: =?utf-8?q?Andr=C3=A9=2C_B?= <a@x.org>\r\n", {("from", "a@x.org", "André, B")}),
        ('To: "Doe, J." <j@x.org>,\r\n\tb@x.org\r\n', {("to", "j@x.org", "Doe, J."), ("to", "b@x.org", "")}),
        ("Cc: team: a@x.org, B <b@x.org>;\r\n", {("cc", "a@x.org", ""), ("cc", "b@x.org", "B")}),
        ("To: a@x.org b@y.org\r\n", {("to", "a@x.org", ""), ("to", "b@y.org", "")}),
        ("To: a@x.org; b@y.org\r\n", {("to", "a@x.org", ""), ("to", "b@y.org", "")}),
        ('From: "c@z.org" <a@x.org>\r\n', {("from", "a@x.org", "c@z.org"), ("from", "c@z.org", "")}),
        ("To: undisclosed-recipients:;\r\n", set()),
        ("From: =?ISO-8859-1*it?Q?Maril=F9?= Gioffré ♥ <m.é@à.it>\r\n", {("from", "m.é@à.it", "Marilù Gioffré ♥")}),
        ("From: =?x-unknown?Q?A=E9?= <a@x.org>\r\n", {("from", "a@x.org", "Aé")}),
        ("From: anonyme <anonyme@anonyme.invalid>\r\n", set()),
        ("Reply-To: r@x.org\r\nSender: s@x.org\r\n",
         {("reply_to", "r@x.org", ""), ("sender", "s@x.org", ""), ("from", "r@x.org", ""), ("from", "s@x.org", "")}),
    ],
)  # fmt: skip
def test_people_are_found(headers: str, expected: set[tuple[str, str, str]]) -> None:
    assert people(headers + "\r\n") == expected


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Fri, 01 Mar 2024 10:00:00 +0100", dt.datetime(2024, 3, 1, 9, tzinfo=dt.UTC)),
        ("Fri, 01 Mar 2024 10:00:00", dt.datetime(2024, 3, 1, 10, tzinfo=dt.UTC)),
        ("Sat, 02 Mar 2024 11:59:00 +0000", dt.datetime(2024, 3, 2, 11, 59, tzinfo=dt.UTC)),
        ("Thu, 01 Jan 1970 00:00:00 +0000", ARRIVED),
        ("Thu, 01 Mar 1900 10:00:00 +2359", ARRIVED),
        ("yesterday", ARRIVED),
        ("", ARRIVED),
    ],
)
def test_a_date_counts_if_it_is_plausible_else_the_arrival(date: str, expected: dt.datetime) -> None:
    assert sent(date) == expected


def test_without_any_plausible_date_there_is_none() -> None:
    assert sent("yesterday", None) is None
    assert sent("yesterday", dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) is None
    assert sent("Fri, 01 Mar 2024 10:00:00 +0000", dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) is not None


@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-generated; owner-email=x",
        "Precedence: Bulk",
        "List-Unsubscribe: <mailto:u@example.org>\r\nFeedback-ID: 1:2:3:x",
        "X-Autoreply: yes",
        "Content-Type: multipart/report; report-type=delivery-status",
        "From: MAILER-DAEMON@example.org",
        "From: No Reply <no-reply@example.org>",
    ],
)
def test_machines_are_told_from_people(header: str) -> None:
    assert automatic(header + "\r\n\r\n")


@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: no",
        "Precedence: first-class",
        "Return-Path: <a@x.org>",
        "From: noreplyson@example.org",
        "Content-Type: multipart/alternative; boundary=x",
    ],
)
def test_people_are_not_taken_for_machines(header: str) -> None:
    assert not automatic(header + "\r\n\r\n")


@given(st.binary(max_size=400))
def test_whatever_a_header_block_holds_what_is_read_of_it_can_be_kept(block: bytes) -> None:
    for name in (b"From: ", b"Date: ", b"To: =?utf-8?b?", b"Content-Type: "):
        found = envelope(name + block, ARRIVED)
        assert found.last is not None
        assert found.first is not None
        assert found.first <= ARRIVED + dt.timedelta(days=1)
        for person in found.participants:
            assert person["address"] or person["name"]
            assert (person["address"] + person["name"]).isprintable()
        assert all(texts(name + block).values())


@given(st.lists(st.emails(), min_size=1, max_size=5))
def test_no_address_is_missed(emails: list[str]) -> None:
    plain = [each for each in emails if not set(each) & set("\"'`(){}|/[]")]
    assert {found for _, found in addresses(", ".join(plain))} == set(plain)


@pytest.mark.parametrize(
    "hostile", ["a" * 200_000, "=?" * 50_000 + "@", '"' * 50_000 + "<a@x.fr>", "a_b." * 20_000 + "#EXT#@x"]
)
def test_a_hostile_header_costs_what_its_length_does(hostile: str) -> None:
    """Were a word read anew from each of its letters, the first of these would take minutes."""
    told = envelope(f"From: {hostile}\r\n\r\n".encode(), None)
    assert all(len(person["address"]) <= len(hostile) for person in told.participants)


def test_texts_are_decoded_and_attachments_named() -> None:
    raw = (
        b"From: =?utf-8?q?Andr=C3=A9?= <a@x.org>\r\nSubject: =?iso-8859-1?q?D=E9j=E0?=\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/html; charset=iso-8859-1\r\n\r\n'
        b'<style>p{}</style><p>caf\xe9 <a href="mailto:z@x.org">z</a></p>\r\n--b\r\nContent-Type: application/pdf\r\n'
        b'Content-Disposition: attachment; filename="CV Dupont.pdf"\r\n\r\nxx\r\n--b--\r\n'
    )
    found = texts(raw)
    assert found["from"] == "André <a@x.org>"
    assert found["subject"] == "Déjà"
    assert "café" in found["body"]
    assert "mailto:z@x.org" in found["body"]
    assert "p{}" not in found["body"]
    assert found["attachments"] == "CV Dupont.pdf"


def test_foreign_mail_is_scanned_and_sampled_whole(mail_account: MailAccount, foreign_data: Path) -> None:
    files = sorted((foreign_data / "spamassassin").iterdir())
    mail_account.server.seed(mail_account.user, "INBOX", [(each.read_bytes(), ARRIVED, []) for each in files])
    source = Source("mail", "*")
    with closing(ImapConnector("mail", mail_account.url, mail_account.url)) as connector:
        rows = [row for batch in connector.scan(source, batch=50) for row in batch.to_pylist()]
        assert len(rows) == len(files) == connector.count(source)
        assert len(list(connector.sample(source, 40))) == 40
    assert all(row["first"] and row["first"] <= ARRIVED + dt.timedelta(days=1) for row in rows)
    assert sum(bool(row["participants"]) for row in rows) > len(rows) * 0.9
