"""Redacting a message: the persons that are due vanish from it, the others keep theirs."""

from __future__ import annotations

import base64
import re
from collections.abc import Collection
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.imap.content import texts
from connectors.imap.headers import addresses, values
from pipelines.anonymise.message import redact_message

DUE = "jean.dupont@example.org"
STAYS = "eve@other.example"


def is_due(address: str, name: str) -> bool:
    return address.lower() == DUE


def same(text: str, known: Collection[str]) -> str:
    return text


def loud(text: str, known: Collection[str]) -> str:
    return text.upper()


def without_known(text: str, known: Collection[str]) -> str:
    """What finds nobody by itself."""
    for name in sorted(known, key=len, reverse=True):
        text = re.sub(re.escape(name), "[KNOWN]", text, flags=re.IGNORECASE)
    return text


def redacted(message: bytes) -> bytes:
    found = redact_message(message, is_due, same)
    assert found is not None
    return found


def holds_nobody(message: bytes) -> bool:
    parsed = message_from_bytes(message)
    seen = message.decode("utf-8", "replace") + "".join(texts(message).values())
    for part in parsed.walk():
        payload = part.get_payload(decode=True)
        seen += payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
    return not re.search(r"dupont", seen, re.IGNORECASE)


def full() -> EmailMessage:
    message = EmailMessage()
    message["Return-Path"] = f"<{DUE}>"
    message["Received"] = f"from [192.0.2.7] by mx.example for <{DUE}>; Fri, 01 Mar 2024 10:00:00 +0100"
    message["From"] = f"Jean Dupont <{DUE}>"
    message["To"] = f"Ève Martin <{STAYS}>, Sales <sales@slate.example>"
    message["Subject"] = "Dossier de Jean DUPONT"
    message["Date"] = "Fri, 01 Mar 2024 10:00:00 +0100"
    message["Message-ID"] = "<jean.dupont.1@mailer.example>"
    message["References"] = "<a1@slate.example> <jean.dupont.0@mailer.example>"
    message["DKIM-Signature"] = "v=1; bh=abcdef"
    message.set_content("Bonjour Ève,\nJean Dupont, jean.dupont@EXAMPLE.org, attend.\n")
    message.add_alternative(
        '<p>Dupont Jean <a href="mailto:jean.dupont%40example.org">jean.dupont&#64;example.org</a></p>', subtype="html"
    )
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="CV Jean Dupont.pdf")
    message.add_attachment("notes on Jean Dupont", filename="Jean Dupont.txt")
    return message


def test_the_person_is_found_nowhere_and_the_others_stay() -> None:
    found = redacted(full().as_bytes())
    assert holds_nobody(found)
    parsed = message_from_bytes(found)
    assert parsed["Date"] == "Fri, 01 Mar 2024 10:00:00 +0100"
    assert {address for _, address in addresses(parsed["To"])} == {STAYS, "sales@slate.example"}
    assert texts(found)["to"].startswith("Ève Martin")
    assert parsed["From"] == "anonyme <anonyme@anonyme.invalid>"
    assert "attend." in texts(found)["body"]
    assert [part.get_content_type() for part in parsed.walk() if not part.is_multipart()] == [
        "text/plain", "text/html", "text/plain",
    ]  # fmt: skip
    assert b"192.0.2.7" not in found
    assert b"bh=" not in found


def test_ids_that_hold_the_person_are_replaced_at_random_and_the_others_kept() -> None:
    once, twice = (message_from_bytes(redacted(full().as_bytes())) for _ in range(2))
    assert "<a1@slate.example>" in once["References"]
    assert "anonyme.invalid" in once["Message-ID"]
    assert once["Message-ID"] != twice["Message-ID"], "not a function of the original"


def test_an_id_is_replaced_alike_within_a_message() -> None:
    message = f"From: <{DUE}>\r\nIn-Reply-To: <jean.dupont.0@x>\r\nReferences: <jean.dupont.0@x>\r\n\r\nhello\r\n"
    parsed = message_from_bytes(redacted(message.encode()))
    assert parsed["In-Reply-To"] == parsed["References"]


def test_a_second_application_finds_nobody() -> None:
    assert redact_message(redacted(full().as_bytes()), is_due, same) is None


def test_a_message_without_due_persons_is_left_alone() -> None:
    assert redact_message(f"From: {STAYS}\r\nTo: x@y.example\r\n\r\nhello\r\n".encode(), is_due, loud) is None


def test_texts_pass_through_the_given_function() -> None:
    message = full()
    changed = redact_message(message.as_bytes(), is_due, lambda text, _: text.replace("attend", "[…]"))
    assert changed is not None
    assert "[…]." in texts(changed)["body"]


def test_the_person_is_removed_from_an_attached_message_and_an_invitation() -> None:
    inner = full()
    outer = EmailMessage()
    outer["From"] = STAYS
    outer["To"] = "sales@slate.example"
    outer["Subject"] = "Tr: dossier"
    outer.set_content("see attached")
    outer.add_attachment(inner)
    lines = ["BEGIN:VCALENDAR", "BEGIN:VEVENT", "ATTENDEE;CN=Jean Dupont:mailto:jean.du", " pont@example.org"]
    lines += [f"ORGANIZER:mailto:{STAYS}", "END:VEVENT", "END:VCALENDAR", ""]
    invitation = "\r\n".join(lines)
    outer.add_attachment(invitation, subtype="calendar")
    found = redacted(outer.as_bytes())
    assert holds_nobody(found)
    assert f"mailto:{STAYS}".encode() in found


@pytest.mark.parametrize(
    "message",
    [
        f"From: {DUE}\n\nbare line feeds from jean.dupont@example.org\n",
        f"From: Jean Dupont <{DUE}>\r\nContent-Type: multipart/mixed\r\n\r\nno boundary, Jean Dupont\r\n",
        f"From: {DUE}\r\nContent-Type: text/plain; charset=nonsense\r\n\r\nJean\xe9 jean.dupont@example.org\r\n",
        f"From: {DUE}\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nnot base64 !!!\r\n",
        f"From: {DUE}\r\nContent-Type: image/png\r\n\r\njean.dupont@example.org\r\n",
        f"From: {DUE}\r\nTo: =?utf-8?q?Jean_Dupont?= <{DUE}>, =?utf-8?q?=C3=88ve?= <{STAYS}>\r\n\r\n\r\n",
        f"Bounce: bounce+jean.dupont=example.org@list.example\r\nTo: {DUE}\r\n\r\n\r\n",
    ],
)
def test_odd_messages_are_redacted_too(message: str) -> None:
    found = redacted(message.encode("latin-1"))
    assert holds_nobody(found)
    assert redact_message(found, is_due, same) is None


@given(st.binary(max_size=300), st.binary(max_size=100))
def test_whatever_a_message_holds_the_person_is_not_in_the_result(body: bytes, header: bytes) -> None:
    message = b"From: <jean.dupont@example.org>\r\nX-Odd: " + header + b"\r\nTo: " + header + b"\r\n\r\n" + body
    found = redact_message(message, is_due, same)
    assert found is not None
    assert DUE.encode() not in found.lower()
    assert redact_message(found, is_due, same) is None


@given(
    st.lists(st.sampled_from([DUE, STAYS, "a@x.example", "b@y.example"]), min_size=1, max_size=4),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=60),
)
def test_people_who_are_not_due_keep_their_places(people: list[str], body: str) -> None:
    message = f"To: {', '.join(people)}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body} {DUE} end\r\n".encode()
    found = redacted(message)
    left = [address for _, address in addresses(message_from_bytes(found)["To"])]
    assert sorted(left) == sorted("anonyme@anonyme.invalid" if each == DUE else each for each in people)
    assert "end" in texts(found)["body"]


def test_foreign_mail_is_redacted_completely(foreign_data: Path) -> None:
    for path in sorted((foreign_data / "spamassassin").iterdir()):
        message = path.read_bytes()
        senders = values(message_from_bytes(message), "From")
        people = [address for value in senders for _, address in addresses(value) if address]
        if not people:
            continue
        target = people[0].lower()

        def concerns(address: str, name: str, target: str = target) -> bool:
            return address.lower() == target

        found = redact_message(message, concerns, same)
        assert found is not None, path.name
        assert target not in found.decode(errors="replace").lower(), path.name
        assert target not in " ".join(texts(found).values()).lower(), path.name
        assert redact_message(found, concerns, same) is None, path.name


def body_of(message: EmailMessage) -> str:
    found = redact_message(message.as_bytes(), is_due, without_known)
    assert found is not None
    return texts(found)["body"]


def written(*lines: str, **headers: str) -> EmailMessage:
    message = EmailMessage()
    for name, value in {"From": f"Jean Dupont <{DUE}>", "To": f"Ève Martin <{STAYS}>", **headers}.items():
        message[name] = value
    message.set_content("\n".join(lines))
    return message


def test_first_names_and_surnames_alone_go_and_ordinary_words_stay() -> None:
    lines = ["Bonjour Jean,", "M. DUPONT et Dupont-Aubry ; le dupont du coin, Jeanne.", "jean@other.example"]
    assert body_of(written(*lines)).splitlines() == [
        "Bonjour anonyme,", "M. anonyme et Dupont-Aubry ; le dupont du coin, Jeanne.", "jean@other.example"
    ]  # fmt: skip


def test_the_names_of_all_people_of_the_message_are_a_deny_list_for_its_texts() -> None:
    assert body_of(written("vu avec martin ève et ève  martin")).strip() == "vu avec [KNOWN] et ève  martin"
    found = redacted(written("merci").as_bytes())
    assert texts(found)["to"].startswith("Ève Martin"), "who stays keeps her entry"


def test_a_namesake_who_stays_keeps_her_name_in_the_address_header() -> None:
    found = redacted(written("x", To=f"Ève Dupont <{STAYS}>").as_bytes())
    assert texts(found)["to"].startswith("Ève Dupont")


@pytest.mark.parametrize(
    "line",
    [
        f"Le lun. 4 mars 2024, Jean Quatremer <{DUE}> a écrit :",
        f"Le 4 mars 2024 Jean Quatremer <{DUE}> a écrit :",
        f'From: "Quatremer, Jean" <{DUE}>',
        f"De : Jean Quatremer <{DUE}>",
    ],
)
def test_a_name_beside_an_address_that_is_quoted_is_the_persons_name_too(line: str) -> None:
    message = written(line, "> Bonjour, ici jean quatremer. Quatremer", From=DUE)
    assert "quatremer" not in body_of(message).lower()
    assert "4 mars" not in line or "4 mars" in body_of(message)


@pytest.mark.parametrize("name", ["CV_Dupont-2024.txt", "Jean Dupont.txt", "notes.txt"])
def test_an_attachment_named_after_the_person_keeps_its_kind_alone(name: str) -> None:
    message = written("ci-joint")
    message.add_attachment("notes", filename=name)
    found = message_from_bytes(redacted(message.as_bytes()))
    (kept,) = (part.get_filename() for part in found.walk() if part.get_filename())
    assert kept == ("anonyme.txt" if "Dupont" in name else name)


FILE = b"Jean Dupont; 1 rue de la Paix; 12 345,67"


def with_attachments() -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = f"Jean Dupont <{DUE}>", STAYS, "Files"
    message.set_content("See the files.")
    message.add_alternative(
        '<p>See <img src="data:image/png;base64,' + "iVBORw0KGgo" * 20 + '"> the files.</p>', "html"
    )
    message.add_attachment(FILE, maintype="text", subtype="csv", filename="list.csv")
    message.add_attachment(FILE, maintype="application", subtype="pdf", filename="list.pdf")
    inner = EmailMessage()
    inner["From"], inner["Subject"] = STAYS, "Inside"
    inner.set_content("What is inside.")
    message.add_attachment(inner)
    return message


def test_attachments_that_can_be_read_stay_and_all_others_go() -> None:
    found = message_from_bytes(redacted(with_attachments().as_bytes()))
    assert [part.get_content_type() for part in found.walk() if not part.is_multipart()] == [
        "text/plain", "text/html", "text/csv", "text/plain",
    ]  # fmt: skip
    assert "iVBORw0KGgo" not in str(found)


def test_attachments_go_altogether_where_the_data_map_says_so() -> None:
    changed = redact_message(with_attachments().as_bytes(), is_due, without_known, attachments=False)
    assert changed is not None
    found = message_from_bytes(changed)
    assert [part.get_content_type() for part in found.walk() if not part.is_multipart()] == ["text/plain", "text/html"]
    for trace in (b"list.csv", b"list.pdf", b"Inside", b"12 345,67", base64.b64encode(FILE)[:20]):
        assert trace not in changed


def test_a_message_that_is_one_attachment_is_empty_without_it() -> None:
    message = EmailMessage()
    message["From"] = DUE
    message.add_attachment(FILE, maintype="text", subtype="csv", filename="list.csv")
    changed = redact_message(message.as_bytes(), is_due, without_known, attachments=False)
    assert changed is not None
    assert b"rue de la Paix" not in changed
    assert base64.b64encode(FILE)[:20] not in changed
