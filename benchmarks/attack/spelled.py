"""Texts of candidates, looked for at any place of anything: as they are written, spelled otherwise, encoded.

An address is found within `mailto:…`, before a full stop, in a link or in base64; a telephone number whatever blanks,
points and brackets part it, with its country's code or without; a name whatever its accents, in either order.

All forms are looked for at once: where eight bytes stand that one of them begins with, the rest is compared.
"""

from __future__ import annotations

import base64
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

BEGINNING = 8
"""Bytes by which a form is looked for; a shorter one would be found by chance."""
_BITS = 22
"""Of a beginning, by which it is told from nearly all that is none."""
_FOLDS = re.compile(rb"=*\r?\n[ \t]?")
"""Where lines of mail and of calendars go on, and those of base64."""
_QUOTED = re.compile(rb"[=%]([0-9A-Fa-f]{2})")
"""A byte of quoted-printable texts or of links."""
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{4,}")
_ORDINARY = bytes.maketrans(b"-_", b"+/")
_PARTING = b" \t\r\n.,'\"()/_-"
_SIGNS = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789")
_COUNTRIES = ("33", "44")
"""Of the numbers that are written without one: the policies are of France and England."""


@dataclass(frozen=True)
class Forms:
    """Byte strings in lower case, to be found in others."""

    likely: np.ndarray = field(repr=False)
    by_beginning: dict[bytes, list[bytes]] = field(repr=False)

    @classmethod
    def of(cls, forms: Iterable[bytes]) -> Forms:
        """Those that are long enough."""
        found: dict[bytes, list[bytes]] = {}
        for form in sorted(set(forms)):
            if len(form) >= BEGINNING:
                found.setdefault(form[:BEGINNING], []).append(form)
        likely = np.zeros(1 << _BITS, dtype=bool)
        likely[_mixed(np.frombuffer(b"".join(found), dtype=np.uint64))] = True
        return cls(likely, found)

    def places(self, content: bytes) -> Iterator[tuple[bytes, int]]:
        """Each form that stands in the bytes, with where it begins."""
        for start in range(min(BEGINNING, len(content))):
            count = (len(content) - start) // BEGINNING
            numbers = np.frombuffer(content, dtype=np.uint64, count=count, offset=start)
            for block in np.flatnonzero(self.likely[_mixed(numbers)]):
                at = start + int(block) * BEGINNING
                for form in self.by_beginning.get(content[at : at + BEGINNING], ()):
                    if content.startswith(form, at):
                        yield form, at


def _mixed(numbers: np.ndarray) -> np.ndarray:
    """A few bits of each number, on which all of it has a bearing."""
    mixed: np.ndarray = (numbers * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(64 - _BITS)
    return mixed


@dataclass(frozen=True)
class Texts:
    """Of candidates: what is looked for in anything as it is, and what in texts without that which parts their words.

    The latter, names and telephone numbers, are whole words; a name may be part of an address.
    """

    exact: Forms
    bare: Forms

    @classmethod
    def of(cls, people: Iterable[Sequence[str]]) -> Texts:
        """Compute them of each person's (name, address, telephone number)."""
        exact, bare = set[bytes](), set[bytes]()
        for name, email, phone in people:
            exact.add(email.lower().encode())
            for text in (name, email, phone):
                exact.update(_encoded(text))
            bare.update(_names(name))
            bare.update(_numbers(phone))
        return cls(Forms.of(exact), Forms.of(bare))

    def found(self, content: bytes) -> set[bytes]:
        """The forms that stand in bytes, or in what these stand for."""
        return {form for text in {content, _unquoted(content), _decoded(content)} for form in self._in(text)}

    def _in(self, text: bytes) -> Iterator[bytes]:
        yield from (form for form, _ in self.exact.places(text.lower()))
        plain = _folded(text.decode("utf-8", "replace").replace("\ufffd", "\0"))
        places = list(self.bare.places(plain.translate(None, _PARTING)))
        if places:
            signs = np.frombuffer(plain, dtype=np.uint8)
            at = np.flatnonzero(~np.isin(signs, np.frombuffer(_PARTING, dtype=np.uint8)))
            yield from (form for form, start in places if _whole(plain, at[start], at[start + len(form) - 1]))


def _unquoted(content: bytes) -> bytes:
    return _QUOTED.sub(lambda found: bytes.fromhex(found[1].decode()), _FOLDS.sub(b"", content))


def _decoded(content: bytes) -> bytes:
    """With what every word stands for if it is base64; lines of that are whole groups of four."""

    def decoded(found: re.Match[bytes]) -> bytes:
        text = found[0].translate(_ORDINARY)
        # What is left over of four is one or two bytes; of a single sign nothing is.
        return base64.b64decode(text[: len(text) - (len(text) % 4 == 1)] + b"==")

    return _FOLDS.sub(b"", _BASE64.sub(decoded, content))


def _whole(text: bytes, first: int, last: int) -> bool:
    """Whether no letter or digit stands before or after a part of a text."""
    return not {*text[max(0, first - 1) : first], *text[last + 1 : last + 2]} & _SIGNS


def _folded(text: str) -> bytes:
    """A text in ASCII and lower case, without accents."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").lower()


def _encoded(text: str) -> Iterator[bytes]:
    """A text in two bytes a letter, in one, in hexadecimal digits, in JSON, where it is then another."""
    low = text.lower()
    yield from (low.encode(encoding) for encoding in ("utf-16-le", "utf-16-be"))
    yield from (each.encode().hex().encode() for each in (text, low))
    if not text.isascii():
        yield text.encode("latin-1", "replace").lower()
        yield json.dumps(text)[1:-1].lower().encode()


def _names(name: str) -> Iterator[bytes]:
    """A name in the order of speech, and with its last word first."""
    first, _, last = name.rpartition(" ")
    for text in (name, f"{last} {first}"):
        yield _folded(text).translate(None, _PARTING)


def _numbers(phone: str) -> Iterator[bytes]:
    """The digits of a telephone number, with a country's code and without."""
    digits = re.sub(r"\D", "", phone)
    if phone.lstrip().startswith("+"):
        forms = [digits, f"00{digits}", *(f"0{digits[code:]}" for code in (1, 2, 3))]
    else:
        forms = [digits, *(f"{code}{digits[1:]}" for code in _COUNTRIES if digits.startswith("0"))]
    yield from (each.encode() for each in forms)
