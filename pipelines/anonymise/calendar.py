"""Redacts an iCalendar object: the persons that are due vanish from it, the meeting stays for the others.

Works on content lines, not on a parsed object, so that an odd or broken one is redacted too and nothing else in it
changes. Dates, durations, recurrence and UID stay as they are: a server refuses an event whose UID changes, and
statistics over meetings need the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from connectors.caldav.attendance import address_of
from pipelines.anonymise.persons import ADDRESS, NAME, Concerns, Persons, Redact

_PEOPLE = {"ATTENDEE", "ORGANIZER"}
_TEXTS = {"SUMMARY", "DESCRIPTION", "LOCATION", "COMMENT", "CONTACT", "X-ALT-DESC", "CATEGORIES", "RESOURCES"}
_FILES = {"ATTACH", "IMAGE", "STRUCTURED-DATA", "STYLED-DESCRIPTION"}
"""What holds files, or what no text redaction looks into (RFC 5545, 7986, 9073)."""
_KEPT = {
    "BEGIN", "END", "VERSION", "PRODID", "CALSCALE", "METHOD", "UID", "DTSTART", "DTEND", "DTSTAMP", "DUE", "DURATION",
    "RRULE", "RDATE", "EXDATE", "EXRULE", "RECURRENCE-ID", "CREATED", "LAST-MODIFIED", "COMPLETED", "SEQUENCE",
    "STATUS", "TZID", "TZOFFSETFROM", "TZOFFSETTO", "TRIGGER", "X-ARDOISE-OPERATION",
}  # fmt: skip
_KEPT_PARAMETERS = ("CUTYPE", "ROLE", "PARTSTAT", "RSVP")
_SPLIT = re.compile(r'^(?P<name>[\w.-]+)(?P<params>(?:;(?:[^":;]|"[^"]*")*)*):(?P<value>.*)$', re.DOTALL)
_PARAMETER = re.compile(r';([\w-]+)=((?:"[^"]*"|[^";])*)')
_WIDEST = 75  # octets in a content line (RFC 5545, 3.1)


@dataclass(frozen=True, slots=True)
class _Line:
    """A content line: ``raw`` unfolded, with its parts where it has any."""

    raw: str
    name: str = ""
    params: str = ""
    value: str = ""

    def parameter(self, name: str) -> str:
        for found, value in _PARAMETER.findall(self.params):
            if found.upper() == name:
                return str(value).strip('"')
        return ""


def redact_calendar(ics: bytes, concerns: Concerns, redact_text: Redact) -> bytes | None:
    """Remove the persons that are due from every component; None when there are none.

    Their addresses and full names are replaced wherever they occur, texts pass through ``redact_text`` with the names
    of everybody in the object, attachments go. A second application finds nobody.
    """
    lines = list(_lines(ics))
    persons = Persons(concerns)
    for line in lines:
        _meet(persons, line)
    if not persons:
        return None
    replace, redact = persons.replacer(), persons.redacting(redact_text)
    changed = [each for line in lines if (each := _redacted(line, persons, replace, redact)) is not None]
    return "".join(_folded(line) for line in changed).encode()


def _meet(persons: Persons, line: _Line) -> None:
    if line.name in _PEOPLE:
        persons.meet(address_of(line.value) or line.parameter("EMAIL"), line.parameter("CN"))
    if line.name not in _KEPT:
        persons.search(_unescaped(line.raw))


def _redacted(line: _Line, persons: Persons, replace: Callable[[str], str], redact: Callable[[str], str]) -> str | None:
    if line.name in _FILES or line.parameter("ENCODING").upper() == "BASE64":
        return None
    if line.name in _KEPT:
        return line.raw
    if line.name in _PEOPLE:
        if persons.meet(address_of(line.value) or line.parameter("EMAIL"), line.parameter("CN")):
            kept = [(name, line.parameter(name)) for name in _KEPT_PARAMETERS]
            params = "".join(f";{name}={value}" for name, value in kept if value)
            return f"{line.name}{params};CN={NAME}:mailto:{ADDRESS}"
        return replace(line.raw)
    if line.name in _TEXTS:
        text = redact(_unescaped(line.value))
        return f"{line.name}{replace(line.params)}:{_escaped(text) if text != _unescaped(line.value) else line.value}"
    return replace(line.raw)


def _lines(ics: bytes) -> Iterator[_Line]:
    unfolded = re.sub(r"\r?\n[ \t]", "", ics.decode("utf-8", "replace"))
    for raw in re.split(r"\r\n|\r|\n", unfolded):
        match = _SPLIT.match(raw)
        if match:
            yield _Line(raw, match["name"].upper(), match["params"], match["value"])
        elif raw.strip():
            yield _Line(raw)


def _unescaped(text: str) -> str:
    return re.sub(r"\\([nN;,\\])", lambda match: "\n" if match[1] in "nN" else match[1], text)


def _escaped(text: str) -> str:
    return re.sub(r"([\\;,])", r"\\\1", text).replace("\r", "").replace("\n", "\\n")


def _folded(line: str) -> str:
    pieces, width = [""], 0
    for letter in line:
        size = len(letter.encode())
        if width + size > _WIDEST - 1:
            pieces.append("")
            width = 0
        pieces[-1] += letter
        width += size
    return "\r\n ".join(pieces) + "\r\n"
