"""Participants of messages and meetings, as `ITEM_SCHEMA` holds them."""

from __future__ import annotations

from typing import TypedDict


class Participant(TypedDict):
    """One person that an item concerns; see `connectors.base.PARTICIPANT`."""

    role: str
    address: str
    name: str


def participant(role: str, address: str, name: str) -> Participant | None:
    """A participant with clean texts, or None for nobody.

    Addresses under `.invalid` (RFC 2606) belong to nobody: that is what redaction leaves behind.
    """
    address, name = clean(address), clean(name)
    if address.lower().rstrip(".>").endswith(".invalid") or not (address or name):
        return None
    return Participant(role=role, address=address, name=name)


def clean(text: str) -> str:
    """Text that every store and file can hold: no lone surrogates, no control characters, single spaces."""
    whole = text.encode("utf-8", "replace").decode()
    return " ".join("".join(each if each.isprintable() else " " for each in whole).split())
