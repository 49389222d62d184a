"""Redacting an event: the persons that are due vanish from it, the meeting stays for the others."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from connectors.caldav.attendance import people
from connectors.caldav.occurrences import span
from pipelines.anonymise.calendar import redact_calendar

DUE = "jean.dupont@example.org"
UTC = ZoneInfo("UTC")

SERIES = f"""BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VEVENT
UID:series-1
DTSTART;TZID=Europe/Paris:20240301T100000
DURATION:PT1H
RRULE:FREQ=WEEKLY;COUNT=5
SUMMARY:Rendez-vous\\, Jean Dupont
DESCRIPTION:Appeler jean.dupont@EXAMPLE.org\\;
  puis Ève
LOCATION:chez Jean  Dupont
URL:https://meet.example/?u=jean.dupont%40example.org
ORGANIZER;CN=Sales;SENT-BY="mailto:{DUE}":mailto:sales@slate.example
ATTENDEE;CN=Jean Dupont;ROLE=CHAIR;PARTSTAT=ACCEPTED:mailto:{DUE}
ATTENDEE;CN=Ève Martin;PARTSTAT=DECLINED:mailto:eve@other.example
ATTACH;FMTTYPE=application/pdf;ENCODING=BASE64;VALUE=BINARY:AAAA
END:VEVENT
BEGIN:VEVENT
UID:series-1
RECURRENCE-ID;TZID=Europe/Paris:20240308T100000
DTSTART;TZID=Europe/Paris:20240308T140000
SUMMARY:déplacé pour M. Jean Dupont
ATTENDEE;CN="Dupont, Jean":MAILTO:Jean.Dupont@example.org
END:VEVENT
END:VCALENDAR
""".replace("\n", "\r\n").encode()


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


def redacted(ics: bytes) -> bytes:
    found = redact_calendar(ics, is_due, same)
    assert found is not None
    return found


def unfolded(ics: bytes) -> str:
    return ics.decode().replace("\r\n ", "")


def test_the_person_is_found_in_no_component_and_the_others_stay() -> None:
    found = redacted(SERIES)
    assert not re.search("dupont", unfolded(found), re.IGNORECASE)
    assert {each["address"] for each in people(found)} == {"eve@other.example", "sales@slate.example"}
    assert "ATTENDEE;ROLE=CHAIR;PARTSTAT=ACCEPTED;CN=anonyme:mailto:anonyme@anonyme.invalid" in unfolded(found)
    assert "CN=Ève Martin;PARTSTAT=DECLINED" in unfolded(found)
    assert "ATTACH" not in unfolded(found)


def test_what_statistics_and_servers_need_stays() -> None:
    found = redacted(SERIES)
    assert span(found, UTC) == span(SERIES, UTC)
    for line in ("UID:series-1", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=5"):
        assert line in unfolded(found)


def test_lines_are_folded_at_75_octets() -> None:
    assert all(len(line) <= 75 for line in redacted(SERIES).split(b"\r\n"))


def test_a_second_application_finds_nobody() -> None:
    assert redact_calendar(redacted(SERIES), is_due, same) is None


def test_an_event_without_due_persons_is_left_alone() -> None:
    assert redact_calendar(SERIES.replace(b"ean.", b"eanne.").replace(b"Jean", b"J"), is_due, loud) is None


def test_texts_pass_through_the_given_function() -> None:
    found = redact_calendar(SERIES, is_due, lambda text, _: text.replace("Ève", "X, Y; Z"))
    assert found is not None
    assert r"puis X\, Y\; Z" in unfolded(found)


@given(st.binary(max_size=200))
def test_whatever_an_event_holds_the_person_is_not_in_the_result(junk: bytes) -> None:
    ics = b"BEGIN:VEVENT\r\nATTENDEE;CN=J D:mailto:jean.dupont@example.org\r\nCOMMENT:" + junk + b"\r\nEND:VEVENT\r\n"
    found = redacted(ics)
    assert DUE not in unfolded(found).lower()
    assert redact_calendar(found, is_due, same) is None


def test_foreign_calendars_are_redacted_completely(foreign_data: Path) -> None:
    redactions = 0
    for path in sorted((foreign_data / "icalendar").glob("*.ics")):
        ics = path.read_bytes()
        for target in {each["address"].lower() for each in people(ics) if each["address"]}:

            def concerns(address: str, name: str, target: str = target) -> bool:
                return address.lower() == target

            found = redact_calendar(ics, concerns, same)
            assert found is not None, path.name
            text = "\n".join(line for line in unfolded(found).splitlines() if not line.startswith("UID"))
            assert target not in text.lower(), path.name
            assert redact_calendar(found, concerns, same) is None, path.name
            redactions += 1
    assert redactions > 5


def test_the_names_of_all_people_of_the_meeting_are_a_deny_list_for_its_texts() -> None:
    spoken = SERIES.replace(b"SUMMARY:Rendez-vous", "SUMMARY:martin ève voit Dupont lundi".encode())
    found = redact_calendar(spoken, is_due, without_known)
    assert found is not None
    assert "SUMMARY:[KNOWN] voit anonyme lundi\\, anonyme" in found.decode()
    assert "ATTENDEE;CN=Ève Martin" in found.decode(), "who stays keeps her entry"
