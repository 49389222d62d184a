"""The company's calendars: single and recurring meetings with attendees, as iCalendar objects."""

from __future__ import annotations

import datetime as dt
import random
import uuid
from dataclasses import dataclass, replace

from pipelines.demo import texts
from pipelines.demo.crm import last_contact
from pipelines.demo.mail import STAFF, Who
from pipelines.demo.moments import AS_OF, PARIS, at_paris, random_day, years_before
from pipelines.demo.people import Person, Story

CALENDARS = ("rendez-vous", "equipe")
_FIRST = dt.date(2018, 1, 8)
_YESTERDAY = AS_OF - dt.timedelta(days=1)
_WEEK = dt.timedelta(weeks=1)


@dataclass(frozen=True, slots=True)
class Meeting:
    """One calendar object. A weekly series has ``count`` occurrences, ends ``until`` an instant, or is ``endless``.

    ``moved`` replaces the occurrence of that number (from 0) by another start; ``zone`` writes local times.
    """

    uid: str
    calendar: str
    start: dt.datetime
    minutes: int
    summary: str
    description: str
    organizer: Who
    attendees: tuple[Who, ...]
    location: str = ""
    count: int = 0
    until: dt.datetime | None = None
    endless: bool = False
    moved: tuple[int, dt.datetime] | None = None
    local: bool = False

    @property
    def recurring(self) -> bool:
        """Whether it is a series."""
        return bool(self.count or self.until or self.endless)


def render(meeting: Meeting) -> bytes:
    """The iCalendar object as it stands in the store."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Ardoise//demo//FR"]
    if meeting.local:
        lines += _PARIS_ZONE
    lines += _component(meeting, meeting.start, _rule(meeting))
    if meeting.moved:
        number, start = meeting.moved
        original = _moment("RECURRENCE-ID", _occurrence(meeting, number), local=meeting.local)
        lines += _component(meeting, start, [original])
    lines.append("END:VCALENDAR")
    return "".join(f"{_fold(line)}\r\n" for line in lines).encode()


def _occurrence(meeting: Meeting, number: int) -> dt.datetime:
    """The start of one occurrence: the same clock, weeks later; in Paris where times are local."""
    if not meeting.local:
        return meeting.start + number * _WEEK
    return (meeting.start.astimezone(PARIS) + number * _WEEK).astimezone(dt.UTC)


def _component(meeting: Meeting, start: dt.datetime, extra: list[str]) -> list[str]:
    end = start + dt.timedelta(minutes=meeting.minutes)
    name, address = meeting.organizer
    lines = [
        "BEGIN:VEVENT",
        f"UID:{meeting.uid}",
        "DTSTAMP:20260101T000000Z",
        _moment("DTSTART", start, local=meeting.local),
        _moment("DTEND", end, local=meeting.local),
        *extra,
        f"SUMMARY:{_escape(meeting.summary)}",
        f"DESCRIPTION:{_escape(meeting.description)}",
    ]
    if meeting.location:
        lines.append(f"LOCATION:{_escape(meeting.location)}")
    if meeting.attendees:
        lines.append(f'ORGANIZER;CN="{name}":mailto:{address}')
        lines += [f'ATTENDEE;CN="{who}";PARTSTAT=ACCEPTED:mailto:{at}' for who, at in meeting.attendees]
    lines.append("END:VEVENT")
    return lines


def _rule(meeting: Meeting) -> list[str]:
    if meeting.endless:
        return ["RRULE:FREQ=WEEKLY"]
    if meeting.until:
        return [f"RRULE:FREQ=WEEKLY;UNTIL={meeting.until:%Y%m%dT%H%M%SZ}"]
    return [f"RRULE:FREQ=WEEKLY;COUNT={meeting.count}"] if meeting.count else []


def _moment(name: str, at: dt.datetime, *, local: bool) -> str:
    if local:
        return f"{name};TZID=Europe/Paris:{at.astimezone(PARIS):%Y%m%dT%H%M%S}"
    return f"{name}:{at:%Y%m%dT%H%M%SZ}"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def _fold(line: str) -> str:
    """RFC 5545 3.1: no line beyond 75 octets, continued by a space; never inside a character."""
    parts, current, size = [], "", 0
    for letter in line:
        width = len(letter.encode())
        if size + width > 74:  # noqa: PLR2004 - one octet less, for the space that continues
            parts.append(current)
            current, size = "", 0
        current, size = current + letter, size + width
    return "\r\n ".join([*parts, current])


_PARIS_ZONE = """\
BEGIN:VTIMEZONE
TZID:Europe/Paris
BEGIN:DAYLIGHT
DTSTART:19810329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
TZNAME:CEST
END:DAYLIGHT
BEGIN:STANDARD
DTSTART:19961027T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
TZNAME:CET
END:STANDARD
END:VTIMEZONE""".splitlines()


class CalendarBuilder:
    """Writes the meetings that stories need, then fills up with ordinary ones."""

    def __init__(self, rng: random.Random) -> None:
        self.meetings: list[Meeting] = []
        self._rng = rng

    def add(self, meeting: Meeting) -> Meeting:
        """One more meeting, with a random identifier of its own."""
        uid = str(uuid.UUID(int=self._rng.getrandbits(128), version=4))
        named = replace(meeting, uid=uid)
        self.meetings.append(named)
        return named

    def add_story(self, person: Person) -> None:
        """The meetings without which the story would not be true."""
        match person.story:
            case Story.PROSPECT_MET:
                self.add(self._meeting(random_day(self._rng, years_before(2), _YESTERDAY), person))
            case Story.PROSPECT_INVITED:
                self.add(replace(self._meeting(years_before(5), person), endless=True))
            case Story.CLIENT_DUE | Story.CLIENT_HELD:
                self.add(self._meeting(random_day(self._rng, _FIRST, years_before(4)), person))
            case _:
                pass

    def add_shared(self, first: Person, second: Person) -> None:
        """A meeting with two persons, of whom one may be due and the other alive."""
        last = min(last_contact(first), last_contact(second))
        self.add(self._meeting(random_day(self._rng, _FIRST, last), first, second))

    def fill(self, people: list[Person], count: int) -> None:
        """Ordinary meetings until there are ``count``."""
        rng = self._rng
        self._internal()
        while len(self.meetings) < count:
            draw = rng.random()
            if draw < 0.05:  # noqa: PLR2004 - shares of ordinary meetings, here and below
                self._internal()
                continue
            person, *others = rng.sample(people, 1 if draw < 0.7 else rng.randrange(2, 4))  # noqa: PLR2004
            last = min(last_contact(each) for each in (person, *others))
            meeting = self._meeting(random_day(rng, _FIRST, last), person, *others)
            if draw < 0.25:  # noqa: PLR2004
                meeting = self._repeat(meeting, last)
            self.add(meeting)

    def _meeting(self, day: dt.date, *people: Person) -> Meeting:
        rng = self._rng
        summary, description = texts.meeting(rng, people[0])
        return Meeting(
            uid="",
            calendar=CALENDARS[0],
            start=at_paris(day, rng.randrange(8, 18), rng.choice((0, 15, 30, 45))),
            minutes=rng.choice((30, 45, 60, 90)),
            summary=summary,
            description=description,
            organizer=rng.choice(STAFF[:4]),
            attendees=tuple((each.name, each.email) for each in people),
            location=f"{people[0].street}, {people[0].city}" if rng.random() < 0.4 else "",  # noqa: PLR2004
            local=rng.random() < 0.5,  # noqa: PLR2004 - every other one
        )

    def _repeat(self, meeting: Meeting, last: dt.date) -> Meeting:
        """A series within the days that the story allows, sometimes with its last meeting put off."""
        rng = self._rng
        weeks = max(1, min((last - meeting.start.date()).days // 7, 30))
        if last == _YESTERDAY and rng.random() < 0.15:  # noqa: PLR2004 - some never end
            return replace(meeting, endless=True)
        if rng.random() < 0.5:  # noqa: PLR2004
            return replace(meeting, until=_occurrence(meeting, weeks - 1))
        series = replace(meeting, count=weeks)
        if rng.random() < 0.4:  # noqa: PLR2004
            return replace(series, moved=(weeks - 1, _occurrence(series, weeks - 1) + dt.timedelta(hours=2)))
        return series

    def _internal(self) -> None:
        rng = self._rng
        start = at_paris(random_day(rng, _FIRST, _YESTERDAY), 9)
        everybody = STAFF[1:3]
        self.add(Meeting("", CALENDARS[1], start, 30, "Réunion", "Point de la semaine", STAFF[0], everybody))
