"""Events of strangers: who, when first, when last; whatever they hold, reading them never fails."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.caldav.attendance import people
from connectors.caldav.occurrences import Span, read, span

UTC = ZoneInfo("UTC")
PARIS = "DTSTART;TZID=Europe/Paris:20240301T100000"


def ics(*lines: str) -> bytes:
    body = ["BEGIN:VCALENDAR", "VERSION:2.0", "BEGIN:VEVENT", "UID:u", *lines, "END:VEVENT", "END:VCALENDAR"]
    return "".join(f"{line}\r\n" for line in body).encode()


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


OVERRIDE = ("END:VEVENT", "BEGIN:VEVENT", "UID:u")


@pytest.mark.parametrize(
    ("lines", "first", "last"),
    [
        (["DTSTART:20240301T100000Z", "DTEND:20240301T113000Z"], "2024-03-01T10:00", "2024-03-01T11:30"),
        (["DTSTART:20240301T100000Z", "DURATION:PT1H"], "2024-03-01T10:00", "2024-03-01T11:00"),
        (["DTSTART;VALUE=DATE:20240301", "DURATION:P3D"], "2024-03-01T12:00", "2024-03-03T12:00"),
        (["DTSTART;TZID=Europe/Paris:20240330T233000", "DURATION:PT24H"], "2024-03-30T22:30", "2024-03-31T22:30"),
        (["DTSTART;TZID=Europe/Paris:20241026T233000", "DURATION:P1D"], "2024-10-26T21:30", "2024-10-27T22:30"),
        ([PARIS], "2024-03-01T09:00", "2024-03-01T09:00"),
        (["DTSTART;VALUE=DATE:20240301"], "2024-03-01T12:00", "2024-03-01T12:00"),
        (["DTSTART;VALUE=DATE:20240301", "DTEND;VALUE=DATE:20240304"], "2024-03-01T12:00", "2024-03-03T12:00"),
        ([PARIS, "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=6"], "2024-03-01T09:00", "2024-04-05T09:00"),
        ([PARIS, "RRULE:FREQ=DAILY;UNTIL=20240310T090000Z"], "2024-03-01T09:00", "2024-03-10T09:00"),
        ([PARIS, "RRULE:FREQ=DAILY;COUNT=3", "EXDATE;TZID=Europe/Paris:20240303T100000"],
         "2024-03-01T09:00", "2024-03-02T09:00"),
        ([PARIS, "RDATE;TZID=Europe/Paris:20250301T100000"], "2024-03-01T09:00", "2025-03-01T09:00"),
        ([PARIS, "RRULE:FREQ=DAILY;COUNT=3", *OVERRIDE, "RECURRENCE-ID;TZID=Europe/Paris:20240302T100000",
          "DTSTART:20240601T100000Z", "DTEND:20240601T120000Z"], "2024-03-01T09:00", "2024-06-01T12:00"),
        (["RECURRENCE-ID:20240302T100000Z", "DTSTART:20240601T100000Z"], "2024-06-01T10:00", "2024-06-01T10:00"),
    ],
)  # fmt: skip
def test_an_event_begins_with_its_first_and_ends_with_its_last_occurrence(
    lines: list[str], first: str, last: str
) -> None:
    assert span(ics(*lines), UTC) == Span(at(first), at(last))


def test_a_series_without_end_is_endless() -> None:
    assert span(ics(PARIS, "RRULE:FREQ=YEARLY"), UTC) == Span(at("2024-03-01T09:00"), None, endless=True)


def test_floating_times_are_in_the_given_zone() -> None:
    assert span(ics("DTSTART:20240301T000000"), ZoneInfo("Europe/Paris")).first == at("2024-02-29T23:00")


@pytest.mark.parametrize(
    "lines",
    [
        ["SUMMARY:no date"],
        ["DTSTART:tomorrow"],
        ["DTSTART:00010101T000000Z"],
        ["DTSTART:99990101T000000Z"],
        [PARIS, "RRULE:FREQ=SECONDLY;COUNT=1000000000"],
        [PARIS, "RRULE:FREQ=SOMETIMES;COUNT=2"],
        [PARIS, "RRULE:FREQ=DAILY;UNTIL=99991231T000000Z"],
        [PARIS, "RRULE:FREQ=DAILY;BYHOUR=1,2,3,4;BYMINUTE=1,2,3,4;COUNT=30000"],
    ],
)
def test_what_is_absurd_has_no_end(lines: list[str]) -> None:
    found = span(ics(*lines), UTC)
    assert found.last is None
    assert not found.endless


def test_people_are_found_and_rooms_are_not() -> None:
    found = people(
        ics(
            'ORGANIZER;CN="Doe, J.";SENT-BY="mailto:s@x.org":MAILTO:J@x.org',
            "ATTENDEE;CN=André:mailto:a@x.org",
            "ATTENDEE;CUTYPE=ROOM;CN=Room 1:mailto:room@x.org",
            "ATTENDEE;EMAIL=e@x.org;CN=E:urn:uuid:1",
            "ATTENDEE;CN=anonyme:mailto:anonyme@anonyme.invalid",
        )
    )
    assert {(each["role"], each["address"], each["name"]) for each in found} == {
        ("organizer", "J@x.org", "Doe, J."),
        ("organizer", "s@x.org", ""),
        ("attendee", "a@x.org", "André"),
        ("attendee", "e@x.org", "E"),
    }


def test_the_people_of_an_unreadable_object_are_still_found() -> None:
    broken = b"BEGIN:VEVENT\r\nATTENDEE;CN=A:mailto:a@x.\r\n org\r\nEND:VCALENDAR\r\n"
    assert [each["address"] for each in people(broken)] == ["a@x.org"]
    assert span(broken, UTC) == Span()


@given(st.binary(max_size=200), st.sampled_from(["DTSTART:", "RRULE:", "ATTENDEE", "BEGIN:", "DTEND;VALUE=DATE:"]))
def test_whatever_an_object_holds_what_is_read_of_it_can_be_kept(junk: bytes, name: str) -> None:
    content = ics("DTSTART:20240301T100000Z", name).replace(name.encode(), name.encode() + junk)
    for each in (content, junk):
        when = span(each, UTC)
        assert when.first is None or when.last is None or when.first <= when.last
        assert not (when.endless and when.last)
        for person in people(each):
            assert person["address"] or person["name"]
            assert (person["address"] + person["name"]).isprintable()
        assert {component.name for component in read(each)} <= {"VEVENT", "VTODO", "VJOURNAL"}


def test_foreign_calendars_are_read(foreign_data: Path) -> None:
    files = sorted((foreign_data / "icalendar").glob("*.ics"))
    spans = {each.name: span(each.read_bytes(), UTC) for each in files}
    assert sum(found.first is not None for found in spans.values()) > len(files) / 3
    assert any(people(each.read_bytes()) for each in files)
