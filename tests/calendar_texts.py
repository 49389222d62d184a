"""Calendar objects as a client writes them."""

from __future__ import annotations


def meeting(number: int, summary: str, *lines: str) -> bytes:
    """An hour of 1 March 2024 that Sales has asked for; ``lines`` are further properties."""
    text = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//ardoise//test//EN",
        "BEGIN:VEVENT",
        f"UID:{number}@example.org",
        "DTSTAMP:20240101T000000Z",
        "DTSTART:20240301T100000Z",
        "DTEND:20240301T110000Z",
        f"SUMMARY:{summary}",
        "ORGANIZER;CN=Sales:mailto:sales@slate.example",
        *lines,
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "".join(f"{line}\r\n" for line in text).encode()
