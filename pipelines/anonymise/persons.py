"""The persons that are to vanish from one message or event, and every literal form in which they occur in it."""

from __future__ import annotations

import html.entities
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote

ADDRESS = "anonyme@anonyme.invalid"
"""What stands for every removed address: nobody's (RFC 2606), and the same for all."""

NAME = "anonyme"
"""What stands for every removed name."""

Concerns = Callable[[str, str], bool]
"""Whether an address with a display name (either may be empty) is of a person whose data are due."""

_ADDRESS = re.compile(r"""[^\s<>,;:"'()\[\]\\/?&=|*]+@[^\s<>,;:"'()\[\]\\/?&=|*]+""")
_SHORTEST_NAME = 3
_ENTITIES: dict[str, str] = {chr(code): name for code, name in html.entities.codepoint2name.items()}


@dataclass(slots=True)
class Persons:
    """Collects who is due. ``concerns`` is asked once for each distinct pair."""

    concerns: Concerns
    addresses: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    _asked: dict[tuple[str, str], bool] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.addresses or self.names)

    def meet(self, address: str, name: str = "") -> bool:
        """Whether this person is due; remembers the address and the name if so."""
        if address.lower() == ADDRESS or not (address or name):
            return False
        pair = (address, name)
        if pair not in self._asked:
            self._asked[pair] = self.concerns(address, name)
        if self._asked[pair]:
            self.addresses |= {address.lower()} if address else set()
            if len(name) >= _SHORTEST_NAME and name.lower() != NAME and "@" not in name:
                self.names.add(name.lower())
        return self._asked[pair]

    def search(self, text: str) -> None:
        """Meet every address in a text."""
        for spelled in {text, unquote(text)} if "%40" in text else {text}:
            for found in _ADDRESS.findall(spelled):
                self.meet(found.strip(".-_~!#$^{}`"))

    def replacer(self) -> Callable[[str], str]:
        """A function that replaces every literal form of the persons met: addresses first, then full names."""
        addresses = _alternatives(_address_forms(each) for each in self.addresses)
        names = _alternatives(_name_forms(each) for each in self.names)

        def replace(text: str) -> str:
            if addresses:
                text = addresses.sub(ADDRESS, text)
            return names.sub(NAME, text) if names else text

        return replace


def _address_forms(address: str) -> list[str]:
    local, _, domain = address.rpartition("@")
    if not (local and domain):
        return []
    end = r"(?![\w-]|\.\w)"
    plain = rf"(?<![\w.+-]){_letters(local)}(?:@|%40|&#64;|&#x40;){_letters(domain)}{end}"  # as such, in a URL, in HTML
    bounce = rf"(?<![\w.]){_letters(local)}={_letters(domain)}{end}"  # in a bounce address (VERP), after + or -
    return [plain, bounce]


def _name_forms(name: str) -> list[str]:
    words = [each for each in re.split(r"[\s,]+", name) if each]
    orders = [words, words[1:] + words[:1], words[-1:] + words[:-1]]
    gap = r"(?:\s|,|&nbsp;|&#160;|\xa0)+"
    forms = {gap.join(_letters(each) for each in order) for order in orders}
    return [rf"(?<!\w){form}(?!\w)" for form in sorted(forms, key=len, reverse=True)]


def _letters(text: str) -> str:
    """A pattern for a text that may be spelled with HTML entities."""
    return "".join(_letter(each) for each in text)


def _letter(letter: str) -> str:
    if letter.isascii() and (letter.isalnum() or letter in ".-_"):
        return re.escape(letter)
    forms = {letter, letter.upper(), letter.lower()}
    spelled = [re.escape(each) for each in sorted(forms)]
    for each in sorted(forms):
        if len(each) == 1:
            spelled += [f"&#0*{ord(each)};", f"&#x0*{ord(each):x};"]
        if each in _ENTITIES:
            spelled.append(f"&{_ENTITIES[each]};")
    return f"(?:{'|'.join(spelled)})"


def _alternatives(forms: Iterable[list[str]]) -> re.Pattern[str] | None:
    patterns = sorted({form for each in forms for form in each}, key=len, reverse=True)
    return re.compile("|".join(patterns), re.IGNORECASE) if patterns else None
