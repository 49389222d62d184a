"""The addresses in a cell that is no single address: several, with names, as links, in a sentence.

Nothing may be missed: every sign of an address must belong to one that was read, or the cell is not read at all. Where
a text can be read in two ways ("compta/anne@x.fr", "d'anne@x.fr"), the further readings are doubts: they may prolong a
period as a doubt, and move no clock. Pure functions; what they are given and return is plaintext, and is kept nowhere.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from connectors.spelling import BLANKS

SIGNS = ("@", "\uff20", "\ufe6b", "(at)", "[at]", "%40")
"""What shows that a text, in lower case, names an address, whether it can be read or not."""

LONGEST = 2_000
"""Characters of a cell that is read; a longer text is none of addresses."""

_SPELLINGS = str.maketrans({"\uff20": "@", "\ufe6b": "@"} | dict.fromkeys(BLANKS, " "))
_VEILED = re.compile(r"\s*[(\[]at[)\]]\s*", re.IGNORECASE)
_LINK = re.compile(r"mailto:([^\s<>\"]+)", re.IGNORECASE)
_ADDRESS = re.compile(
    r'(?P<local>"(?:[^"\\@]|\\.)+"|[^\s,;:<>()\[\]{}"\\|@]+)@(?P<domain>[^\W_](?:[^\W_]|[.-])*+)'  # never less of it
)
_PLAIN = re.compile(r"\w(?:[\w.+&'-]*[\w.+-])?")
_NEVER_FIRST = "/&*'`\u00b4\u2018\u2019\u00ab\u00bb\u2013\u2014\u2022\u00b7\u2026"
_INNER = re.compile(r"(?<=[^\w.+-])\w|(?<=^[+-])\w|(?<=^\d[.])\w|(?<=^\d\d[.])\w")
_WORD = re.compile(r"([\w.'-]*\w) +$")
_JOINTS = ("", "-", "_")
"""What may have stood where a blank stands before an address; a dot is as good as nothing in a loose form."""


@dataclass(frozen=True, slots=True)
class Named:
    """Whom a cell names: addresses that it holds for sure, and further ones that it may mean."""

    sure: frozenset[str]
    doubtful: frozenset[str]


def addresses_in(text: str) -> Named | None:
    """The addresses in a cell, as they are spelled; None unless every sign of an address belongs to one of them."""
    if len(text) > LONGEST:
        return None
    plain = unicodedata.normalize("NFC", text).translate(_SPELLINGS)
    plain = _VEILED.sub("@", _LINK.sub(_opened, plain)).replace("%40", "@")
    sure, doubtful, end = set[str](), set[str](), 0
    for found in _ADDRESS.finditer(plain):
        between, domain = plain[end : found.start()], found["domain"].rstrip(".-")
        if "@" in between or plain.startswith("@", found.end()) or not _is_domain(domain):
            return None
        for local, certain in _readings(found["local"], between, follows=end > 0):
            (sure if certain else doubtful).add(f"{local}@{domain}")
        end = found.end()
    return Named(frozenset(sure), frozenset(doubtful)) if end and "@" not in plain[end:] else None


def _opened(link: re.Match[str]) -> str:
    """What a `mailto:` names (RFC 6068), in its address or in its fields."""
    to, _, fields = link[1].partition("?")
    values = (field.partition("=")[2] for field in re.split("&(?:amp;)?", fields))
    return " , ".join(map(unquote, ("", to, *values, "")))


def _readings(local: str, between: str, *, follows: bool) -> Iterator[tuple[str, bool]]:
    """What may stand before the @, and whether it does for sure.

    ``between`` is the text since the address before, if it ``follows`` one: what clings to that one is a separator.
    """
    bare = local.lstrip(_NEVER_FIRST)
    if local.startswith('"'):
        yield local, True
        return
    if follows and not between:
        bare = re.sub(r"^[\W_]+", "", local)
    yield bare, _PLAIN.fullmatch(bare) is not None
    if bare != local:
        yield local, False
    for inner in _INNER.finditer(bare):
        yield bare[inner.start() :], False
    for word in _WORD.findall(between):
        yield from ((f"{word}{joint}{bare}", False) for joint in _JOINTS)


def _is_domain(text: str) -> bool:
    """Whether a text may be a domain with a dot in it: one that a blank or a comma has cut is none."""
    *labels, last = text.split(".")
    sound = all(label and not label.startswith("-") and not label.endswith("-") for label in (*labels, last))
    return bool(labels) and sound and len(last) > 1 and last[0].isalpha()
