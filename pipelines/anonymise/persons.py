"""The persons that are to vanish from one message or event, and every literal form in which they occur in it.

The names of everybody in it are a deny list for what looks for names in its texts: a name that no model knows goes too.
"""

from __future__ import annotations

import html.entities
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

ADDRESS = "anonyme@anonyme.invalid"
"""What stands for every removed address: nobody's (RFC 2606), and the same for all."""

NAME = "anonyme"
"""What stands for every removed name."""

Concerns = Callable[[str, str], bool]
"""Whether an address with a display name (either may be empty) is of a person whose data are due."""

Redact = Callable[[str, Collection[str]], str]
"""A text without the personal parts that are found in it, and without these names."""

_ADDRESS = re.compile(r"""[^\s<>,;:"'()\[\]\\/?&=|*]+@[^\s<>,;:"'()\[\]\\/?&=|*]+""")
_QUOTED_BEFORE = re.compile(r"[\"']([^\"'<>\n]+)[\"']\s*<$")
_WORDS_BEFORE = re.compile(r"((?:[^\W\d_][\w'\u2019.-]*[ \t]+)+)<$")
_LONGEST_BEFORE = 80
_MOST_WORDS = 4
_SHORTEST_NAME = 3
_NO_PART = frozenset(
    {
        *("van", "von", "der", "den", "del", "des", "dos", "das", "bin", "ben", "via", "les", "the", "and", "pour"),
        *("mme", "mlle", "mrs", "miss", "monsieur", "madame", "maitre", "maître", "prof"),
    }
)
"""Words of a display name that stand for nobody when they stand alone."""
_ENTITIES: dict[str, str] = {chr(code): name for code, name in html.entities.codepoint2name.items()}


@dataclass(slots=True)
class Persons:
    """Collects who is due. ``concerns`` is asked once for each distinct pair.

    ``addresses`` and ``names`` are of those who are; ``known`` are the full names of everybody met.
    """

    concerns: Concerns
    addresses: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
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
            self.known |= set(_full_names(name))
        if self._asked[pair]:
            self.addresses |= {address.lower()} if address else set()
            if len(name) >= _SHORTEST_NAME and name.lower() != NAME and "@" not in name:
                self.names.add(name.lower())
        return self._asked[pair]

    def search(self, text: str) -> None:
        """Meet every address in a text, with the name that stands before it: `Anne Dupont <anne@example.org> wrote`."""
        for spelled in {text, unquote(text)} if "%40" in text else {text}:
            for found in _ADDRESS.finditer(spelled):
                address = found[0].strip(".-_~!#$^{}`")
                self.meet(address)
                if name := _name_before(spelled[max(0, found.start() - _LONGEST_BEFORE) : found.start()]):
                    self.meet(address, name)

    def replacer(self) -> Callable[[str], str]:
        """A function that replaces every literal form of the persons met: addresses first, then full names."""
        addresses = _alternatives(_address_forms(each) for each in self.addresses)
        names = _alternatives(_name_forms(each) for each in self.names)

        def replace(text: str) -> str:
            if addresses:
                text = addresses.sub(ADDRESS, text)
            return names.sub(NAME, text) if names else text

        return replace

    def redacting(self, redact: Redact) -> Callable[[str], str]:
        """What becomes of a text: every form of the persons met goes, then what ``redact`` finds in it.

        First names and surnames go alone too, where they are written with a capital; ``redact`` is told the full names
        of everybody in the message or event.
        """
        replace, parts, known = self.replacer(), _parts(self.names), frozenset(self.known)

        def redacted(text: str) -> str:
            text = replace(text)
            return redact(parts.sub(NAME, text) if parts else text, known)

        return redacted


def _full_names(name: str) -> Iterator[str]:
    """A display name of two words or more, in the orders in which it may be spoken; nothing else names one person."""
    words = [each for each in re.split(r"[\s,]+", re.sub(r"\s*\([^()]*\)", "", name).strip("\"' ")) if each]
    if len(words) > 1 and "@" not in name and name.lower() != NAME:
        yield from (" ".join(each) for each in (words, words[1:] + words[:1], words[-1:] + words[:-1]))


def _name_before(text: str) -> str:
    """The name that ends where an address in angle brackets begins; empty if there is none."""
    if quoted := _QUOTED_BEFORE.search(text):
        return quoted[1].strip()
    found = _WORDS_BEFORE.search(text)
    words = found[1].split()[-_MOST_WORDS:] if found else []
    first = next(
        (n for n, word in enumerate(words) if all(w[0].isupper() or w in _NO_PART for w in words[n:])), len(words)
    )
    return " ".join(words[first:])


def _parts(names: Iterable[str]) -> re.Pattern[str] | None:
    """The single words of names, as they are written in names: `petit` is a word, `Petit` and `PETIT` a person."""
    words = {word for name in names for word in re.split(r"[\s,]+", name) if len(word) >= _SHORTEST_NAME}
    plain = {each for each in words if each not in _NO_PART and re.fullmatch(r"[^\W\d_]+([-'\u2019][^\W\d_]+)*", each)}
    forms = sorted(
        {form for each in plain for form in (each.title(), each.capitalize(), each.upper())}, key=len, reverse=True
    )
    return re.compile(rf"(?<![\w@.-])(?:{'|'.join(map(re.escape, forms))})(?![\w@]|[.-]\w)") if forms else None


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
