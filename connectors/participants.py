"""Participants of messages and meetings, as `ITEM_SCHEMA` holds them."""

from __future__ import annotations

import enum
import re
from typing import TypedDict

_RELAYED = re.compile(r"([^@=]+)=(?:40)?([^@=]+\.[^@=]+)@")
_GUEST = re.compile(r"([^@]+)_([^@_]+\.[^@_]+)#EXT#@", re.IGNORECASE)


class Contact(enum.StrEnum):
    """Whether an item is a contact of a person in a role: an act of their own, at about the item's date.

    `STRONG` moves a clock. `WEAK` is a doubt: what it would prolong is undetermined. `NONE` is a machine's doing.
    """

    STRONG = "strong"
    WEAK = "weak"
    NONE = "none"


class Participant(TypedDict):
    """One person that an item concerns; see `connectors.base.PARTICIPANT`."""

    role: str
    address: str
    name: str
    contact: str


def participant(role: str, address: str, name: str, contact: Contact = Contact.STRONG) -> Participant | None:
    """A participant with clean texts, or None for nobody.

    Addresses under `.invalid` (RFC 2606) belong to nobody: that is what redaction leaves behind.
    """
    address, name = clean(address), clean(name)
    if address.lower().rstrip(".>").endswith(".invalid") or not (address or name):
        return None
    return Participant(role=role, address=address, name=name, contact=contact.value)


def behind(address: str) -> str:
    """The address that a relay, or Microsoft's directory of guests, has written into another's local part, or nothing.

    "anne=40acme.example@lists.example" is how some lists name Anne, "anne_acme.example#EXT#@…" how hosts name guests.
    """
    found = _RELAYED.match(address) or _GUEST.match(address)
    return f"{found[1]}@{found[2]}" if found else ""


def clean(text: str) -> str:
    """Text that every store and file can hold: no lone surrogates, no control characters, single spaces."""
    whole = text.encode("utf-8", "replace").decode()
    return " ".join("".join(each if each.isprintable() else " " for each in whole).split())
