"""Header fields as they stand: unfolded, decoded as far as they can be, their addresses.

Headers come from strangers: nothing here raises, whatever they hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser
from email.policy import compat32
from email.utils import getaddresses
from itertools import pairwise

from connectors.participants import clean

_ADDRESS = re.compile(r"""(?<![^\s<>,;:"'()\[\]\\])[^\s<>,;:"'()\[\]\\]+@[^\s<>,;:"'()\[\]\\]+""")
"""Looked for where a word begins only: in a long word without an @, every other start would cost its whole length."""
_BLANK_BEFORE_COLON = re.compile(rb"^([!-9;-~]+)[ \t]+:", re.MULTILINE)
_NEEDLESS_QUOTES = re.compile(r'^"([\w.!#$%&*+/=?^{|}~-]+)"@')
_WORD = re.compile(r"=\?[^?\s]+\?[bq]\?[^?]*\?=", re.IGNORECASE)
_BASE64 = re.compile(r"(=\?[^?\s]+\?b\?)([^?\s]*)(?=\?=)", re.IGNORECASE)
_WITHOUT_END = re.compile(r"^\s*(=\?[^?\s]+\?[bq]\?[^?\s]+)(?=\s*$)", re.IGNORECASE)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')


class Fields:
    """A header block's fields by name, in any case; values are cleaned when they are asked for."""

    def __init__(self, message: Message) -> None:
        self._raw: dict[str, list[object]] = {}
        for name, value in message.raw_items():
            self._raw.setdefault(name.lower(), []).append(value)

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._raw

    def all(self, name: str) -> list[str]:
        """Every value of a field."""
        return [plain(value) for value in self._raw.get(name.lower(), ())]

    def tokens(self, name: str) -> set[str]:
        """The values of a field up to their parameters and comments, in lower case."""
        return {re.split(r"[;(]", value, maxsplit=1)[0].strip().lower() for value in self.all(name)}

    def people(self, name: str) -> list[tuple[str, str]]:
        """The (display name, address) pairs of an address field."""
        return [pair for value in self.all(name) for pair in addresses(value)]


def parse(content: bytes) -> Message:
    """The headers of a message, leniently; a blank before the colon is obsolete (RFC 5322, 4.5) and still read."""
    return BytesHeaderParser(policy=compat32).parsebytes(_BLANK_BEFORE_COLON.sub(rb"\1:", content))


def values(message: Message, name: str) -> list[str]:
    """A header's values, unfolded, with encoded words (RFC 2047) left as they are."""
    return [plain(value) for found, value in message.raw_items() if found.lower() == name.lower()]


def plain(raw: object) -> str:
    """A raw header value as clean text: unfolded, bytes read as UTF-8 (RFC 6532), what is not UTF-8 replaced."""
    text = str(raw)
    with suppress(UnicodeEncodeError):  # then it is text already
        text = text.encode("ascii", "surrogateescape").decode("utf-8", "replace")
    return clean(text)


def decoded(text: str) -> str:
    """A header's text with its encoded words decoded, those with a language tag (RFC 2231) too."""
    try:
        pieces = decode_header(_BASE64.sub(_whole, _WITHOUT_END.sub(r"\1?=", text)))
    except (ValueError, HeaderParseError):
        return text
    return clean("".join(_piece(piece, charset) for piece, charset in pieces))


def _whole(word: re.Match[str]) -> str:
    """An encoded word in Base64 without the letter that is too much where a part of it was cut off."""
    letters = word[2].rstrip("=")
    return word[1] + (letters[:-1] if len(letters) % 4 == 1 else word[2])


def _piece(piece: str | bytes, charset: str | None) -> str:
    if isinstance(piece, str):
        return piece
    if charset is None:  # what stands between encoded words; the library hands it over in this encoding
        return piece.decode("raw-unicode-escape", "replace")
    try:
        return piece.decode(charset.partition("*")[0], "replace")
    except (LookupError, ValueError):
        return piece.decode("latin-1")


def _opened(value: str) -> str:
    """A value with the encoded words decoded that are addresses, which no standard allows; others stay as they are."""

    def word(found: re.Match[str]) -> str:
        text = decoded(found[0])
        return text if _ADDRESS.fullmatch(text.strip(" <>")) else found[0]

    return _WORD.sub(word, value)


def _phrases(text: str) -> Iterator[tuple[str, str]]:
    """What stands before an address in angle brackets, without quotes: a name may hold a comma, or the sign of one."""
    for before, behind in pairwise(text.split("<")):
        phrase, address = re.split(r'[>;"]', before)[-1].strip(" ,"), behind.partition(">")[0].strip()
        named = phrase and not any("." in each for each in _ADDRESS.findall(phrase))
        if named and _ADDRESS.fullmatch(address):
            yield decoded(phrase), address


def addresses(value: str) -> Iterator[tuple[str, str]]:
    """The (display name, address) pairs of an address header's value.

    What the grammar does not yield but looks like an address outside quotes is an address too: none may be missed.
    """
    text = _opened(value) if "@" in value else decoded(value)
    if "@" not in text:  # names alone, which the library would take for addresses and cut
        names = re.split(r"[,;]", text.partition(":")[2] if text.rstrip().endswith(";") else text)
        yield from ((name.strip(" <>"), "") for name in dict.fromkeys((", ".join(names), *names)) if name.strip(" <>,"))
        return
    try:
        pairs = getaddresses([text])
    except (ValueError, IndexError, TypeError):
        pairs = []
    known, shown = set[str](), set[tuple[str, str]]()
    for name, spelled in pairs:
        address = _NEEDLESS_QUOTES.sub(r"\1@", spelled.strip())
        if _ADDRESS.fullmatch(address):
            known.add(address.lower())
            yield decoded(name), address
            shown.add((decoded(name), address))
        elif name and not address:
            yield decoded(name), ""
    for name, address in _phrases(text):
        if (name, address) not in shown:
            yield name, address
    for address in _ADDRESS.findall(_QUOTED.sub(" ", text)):
        if address.lower() not in known and not address.startswith("=?"):
            known.add(address.lower())
            yield "", address
