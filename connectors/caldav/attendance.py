"""Who takes part in a meeting, and whether it is a contact of theirs: an act of that person at about its time.

Who invites has acted; who has accepted is taken to come (RFC 5545, 3.2.12). A refusal, a delegation, an answer to
what was then cancelled are acts as well, but on a day that the calendar does not keep: doubts until the meeting's.
An invitation that nobody answered is the inviter's act, and many come all the same: a doubt too. Where the organiser's
program keeps no answers at all, the entry says that the meeting was agreed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import unquote

from icalendar import Component

from connectors.caldav.occurrences import cancelled, every, read
from connectors.participants import Contact, Participant, behind, clean, participant

_ROLES = {"ORGANIZER": "organizer", "ATTENDEE": "attendee"}
_THINGS = {"ROOM", "RESOURCE"}
_COMING = {"", "ACCEPTED", "CONFIRMED", "TENTATIVE", "COMPLETED", "IN-PROCESS"}
_ASKED = {"TRUE", "YES"}
_BESIDE = ("SENT-BY", "DELEGATED-TO", "DELEGATED-FROM")
_MAILTO = re.compile(r"mailto:([^\s;,:\"'<>]+@[^\s;,:\"'<>]+)", re.IGNORECASE)


def people(content: bytes) -> tuple[Participant, ...]:
    """Organisers and attendees, with delegates and those who act for them; rooms and things left out.

    A person of several components of a series (a changed occurrence is one) takes part for certain only if all
    that take place say so, the series itself among them.
    """
    components = read(content)
    if not components:
        return tuple(_united(_guessed(content)))
    whole = [each for each in components if "RECURRENCE-ID" not in each]
    taking_place = [each for each in components if not cancelled(each)]
    series = {_mark(person) for each in whole for person in _people(each)}
    found = []
    for component in taking_place:
        for person in _people(component):
            occasional = whole and _mark(person) not in series
            found.append(_doubted(person) if occasional else person)
    off = (_doubted(person) for each in components if cancelled(each) for person in _people(each))
    beside = (person for each in components for person in _beside(each))
    unread = _guessed(content) if any(each.errors for each in components) else ()
    for others in (off, beside, unread):
        listed = {_mark(person) for person in found}
        found += [person for person in others if _mark(person) not in listed]
    return tuple(_united(found))


def address_of(value: object) -> str:
    """The e-mail address of a calendar user address (RFC 5545, 3.3.3; RFC 6068), or nothing."""
    text = unquote(str(value)).strip().strip('"<>')
    if text.lower().startswith("mailto:"):
        return text[7:].partition("?")[0].strip().strip("<>")
    return text if "@" in text and ":" not in text and "/" not in text else ""


def _people(component: Component) -> Iterator[Participant]:
    for name, role in _ROLES.items():
        for value in every(component, name):
            params = getattr(value, "params", {})
            if _param(params, "CUTYPE") in _THINGS:
                continue
            contact = _contact(name, params)
            shown = str(params.get("CN", ""))
            spelled = dict.fromkeys((address_of(value), address_of(params.get("EMAIL", ""))))  # RFC 7986, 6.2
            for address in [each for each in spelled if each] or [""]:
                yield from _known(participant(role, address, shown, contact))
                if other := behind(address):
                    yield from _known(participant(role, other, "", Contact.WEAK))


def _beside(component: Component) -> Iterator[Participant]:
    """Those who act for somebody else, or to whom or by whom a part was delegated (RFC 5545, 3.2.4, 3.2.5, 3.2.18).

    And participants by RFC 9073, 7.1, who give no answers.
    """
    for name, role in _ROLES.items():
        for value in every(component, name):
            params = getattr(value, "params", {})
            for other in _BESIDE if _param(params, "CUTYPE") not in _THINGS else ():
                given = params.get(other, [])
                for each in [given] if isinstance(given, str) else given:
                    yield from _known(participant(role, address_of(each), "", Contact.WEAK))
    for inner in component.subcomponents:
        if inner.name == "PARTICIPANT":
            for value in every(inner, "CALENDAR-ADDRESS"):
                yield from _known(participant("attendee", address_of(value), "", Contact.WEAK))


def _mark(person: Participant) -> tuple[str, str]:
    return person["role"], person["address"].lower()


def _contact(name: str, params: Any) -> Contact:
    """RFC 5545, 3.2.12 (PARTSTAT; STATUS in vCalendar 1.0), 3.2.3 (CUTYPE: a group is no person), 3.2.16, 3.2.17."""
    if name == "ORGANIZER":
        return Contact.STRONG
    answer = _param(params, "PARTSTAT") or _param(params, "STATUS")
    silent = answer == "" and (_param(params, "ROLE") == "NON-PARTICIPANT" or _param(params, "RSVP") in _ASKED)
    sure = answer in _COMING and not silent and _param(params, "CUTYPE") != "GROUP"
    return Contact.STRONG if sure else Contact.WEAK


def _param(params: Any, name: str) -> str:
    return clean(str(params.get(name, ""))).upper()


def _doubted(person: Participant) -> Participant:
    return Participant(role=person["role"], address=person["address"], name=person["name"], contact=Contact.WEAK.value)


def _united(found: Iterable[Participant]) -> Iterator[Participant]:
    """Each person once for each role and name; a doubt of an address is a doubt of the person."""
    everybody = list(found)
    doubted = {_mark(each) for each in everybody if each["contact"] == Contact.WEAK.value and each["address"]}
    seen = set()
    for person in everybody:
        if (*_mark(person), person["name"]) not in seen:
            seen.add((*_mark(person), person["name"]))
            yield _doubted(person) if _mark(person) in doubted else person


def _known(person: Participant | None) -> Iterator[Participant]:
    if person:
        yield person


def _guessed(content: bytes) -> Iterator[Participant]:
    """The addresses of an object that cannot be parsed."""
    unfolded = re.sub(r"\r?\n[ \t]", "", content.decode("utf-8", "replace"))
    for address in _MAILTO.findall(unfolded):
        yield from _known(participant("attendee", address, "", Contact.WEAK))
