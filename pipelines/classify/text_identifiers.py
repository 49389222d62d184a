"""Addresses, accounts, cards and phones as people write them in mails: broken over lines, spaced, disguised.

Presidio recognizers, used for free text in place of those for single values. Each finds wide candidates and lets a
check decide: the list of public suffixes, the checksum of an IBAN, Luhn, the numbering plans of `phonenumbers`.
Imported only by `pipelines.classify.engine`: it loads Presidio.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import tldextract
from presidio_analyzer import LocalRecognizer
from stdnum import iban, luhn

from pipelines.classify.recognizers import PHONE_CONTEXT
from pipelines.classify.text_found import DOUBTFUL, LIKELY, SPACES, SURE, Found
from pipelines.classify.text_phones import WEAK_CONTEXT, TextPhone
from pipelines.classify.text_words import Word

# ── e-mail ──

_ATOM = r"[^\W_](?:[\w+%-]*\w)?"
_LABEL = r"[^\W_](?:[\w-]*[^\W_])?"
_OPEN, _CLOSE = r"\s?[\[({<]\s?", r"\s?[\])}>]\s?"
_DOT_WORD = rf"(?:{_OPEN}(?:\.|dot|point|punkt|punto){_CLOSE}|\s(?:dot|point)\s)"
_AT_WORD = (
    rf"(?:{_OPEN}(?:@|at|a|à|chez|arr?obase?){_CLOSE}|\s?(?:&\#0*64;|%40)\s?|\s(?:arr?obase?|at)\s|\s(?-i:AT)\s|"
    r"\s?(?:\*at\*|-at-|_at_)\s?)"
)
_DOMAIN_DOT = rf"(?:\s{{0,2}}\.\s{{0,2}}|{_DOT_WORD})"
_PLAIN_EMAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w.-]+\.[^\W\d_]{2,}")
_NOISY_EMAIL = re.compile(
    rf"(?P<local>{_ATOM}(?:(?:\.|\s\.\s|{_DOT_WORD}){_ATOM})*)"
    rf"(?:(?P<sign>[ \t\u00a0]{{0,3}}\n?[ \t]?@[ \t\u00a0]{{0,3}}\n?[ \t]?)|(?P<word>{_AT_WORD}))"
    rf"(?P<domain>{_LABEL}(?:-?\n{_LABEL})?(?:{_DOMAIN_DOT}{_LABEL})+)",
    re.IGNORECASE,
)
_EMAIL_GATE = re.compile(
    r"@|\bat\b|[\[({<]\s?(?:at|a|à|chez|arr?obase?)\s?[\])}>]|arr?obase?|&#0*64;|%40|[-_*]at[-_*]", re.IGNORECASE
)
_RESERVED = frozenset({"example", "exemple", "test", "invalid", "local", "localhost", "internal", "lan", "corp"})


class TextEmail(Found):
    """E-mail addresses, also `jean (at) exemple point fr` and those that a line break cuts. Nothing is fetched."""

    entity = "EMAIL_ADDRESS"
    _suffixes = tldextract.TLDExtract(cache_dir=None, suffix_list_urls=())

    def found(self, text: str, _words: Sequence[Word]) -> Iterator[tuple[int, int, float]]:
        """The plain ones, then what only looks like one when its noise is taken away."""
        if not _EMAIL_GATE.search(text):
            return
        taken: list[tuple[int, int]] = []
        for match in _PLAIN_EMAIL.finditer(text):
            start = match.start() + len(match[0]) - len(match[0].lstrip(".'`*=|/{}&?!#$%^~"))
            domain = match[0].rpartition("@")[2]
            if ".." not in domain:
                taken.append((start, match.end()))
                yield start, match.end(), SURE if self._known(domain) else LIKELY
        for match in _NOISY_EMAIL.finditer(text):
            end = self._end(match)
            if end and not any(start < end and match.start() < stop for start, stop in taken):
                yield match.start(), end, LIKELY

    def _end(self, match: re.Match[str]) -> int:
        """Where the domain ends: behind its first public suffix that nothing tight follows; 0 when there is none."""
        said = match["domain"]
        pieces = re.split(rf"({_DOMAIN_DOT})", said, flags=re.IGNORECASE)
        loose = any(len(dot) > 1 for dot in pieces[1::2])
        word = (match["word"] or "").strip()
        if word == "at" and not all(dot.strip() != "." for dot in pieces[1::2]):
            return 0  # `meet me at exemple.fr`: the noise has to be meant
        length = len(pieces[0])
        domain = re.sub(r"-?\n", "", pieces[0])
        end = 0
        for dot, label in zip(pieces[1::2], pieces[2::2], strict=True):
            if end and dot.startswith(".") and len(dot) > 1:
                break  # a full stop, and the next sentence
            length += len(dot) + len(label)
            domain = f"{domain}.{label}"
            if self._known(domain) or label.lower() in _RESERVED or (not loose and label.isalpha() and len(label) > 1):
                end = match.start("domain") + length
        return end

    def _known(self, domain: str) -> bool:
        return bool(self._suffixes(domain.lower()).fqdn)


# ── accounts and cards ──

_GAP = rf"[{SPACES}\n.\-_/]{{0,3}}"
_IBAN = re.compile(rf"(?<![^\W_])[A-Z]{{2}}{_GAP}\d{_GAP}\d(?:{_GAP}[A-Z0-9]){{11,30}}", re.IGNORECASE)
_SHORTEST_IBAN, _LONGEST_IBAN = 15, 34
_CARD = re.compile(rf"(?<![\d+])\d(?:{_GAP}\d){{11,18}}(?!\d)")
_CARD_START = re.compile(r"3[0-9]{12,}|4\d{12,}|5\d{12,}|2[1-7]\d{12,}|6\d{12,}|1800\d{11}|(?:50|5[678]|6[37])\d{10,}")
_CARD_GROUPS = re.compile(
    r"\d{12,19}|\d{4}(?: \d{4}){2}(?: \d{1,7})?|\d{4}(?: \d{4}){3} \d{1,3}|"
    r"\d{4} \d{6} \d{4,5}|\d(?: \d)+|\d\d(?: \d\d)+|\d{8} \d{8}"
)
_CARD_SAID = re.compile(r"\b(?:carte|card|cb|visa|mastercard|maestro|amex)\b[^\d\n]{0,20}$", re.IGNORECASE)
"""What says right before a number that it is a card's, whoever issued it."""


class TextIban(Found):
    """IBANs with a right checksum, whatever stands between their characters."""

    entity = "IBAN_CODE"

    def found(self, text: str, _words: Sequence[Word]) -> Iterator[tuple[int, int, float]]:
        """Each candidate, cut where its country's accounts end."""
        at = 0
        while match := _IBAN.search(text, at):
            places = [place for place in range(match.start(), match.end()) if text[place].isalnum()]
            plain = "".join(text[place] for place in places).upper()
            at = match.start() + 1
            for length in range(min(len(plain), _LONGEST_IBAN), _SHORTEST_IBAN - 1, -1):
                end = places[length - 1] + 1
                if not text[end : end + 1].isalnum() and iban.is_valid(plain[:length], check_country=False):
                    yield match.start(), end, SURE
                    at = end
                    break


class TextCard(Found):
    """Payment cards: an issuer's range or a word that says so, Luhn's digit, and groups as a card shows them."""

    entity = "CREDIT_CARD"

    def found(self, text: str, _words: Sequence[Word]) -> Iterator[tuple[int, int, float]]:
        """Candidates that pass; one in odd groups needs a word of context."""
        for match in _CARD.finditer(text):
            plain = re.sub(r"\D", "", match[0])
            said = _CARD_SAID.search(text, max(match.start() - 32, 0), match.start())
            if not (said or _CARD_START.match(plain)) or not luhn.is_valid(plain):
                continue
            groups = re.sub(r"\D+", " ", match[0])
            yield match.start(), match.end(), SURE if _CARD_GROUPS.fullmatch(groups) else DOUBTFUL


def text_identifiers(language: str) -> list[LocalRecognizer]:
    """The recognizers of this module for one language."""
    return [
        TextEmail(language),
        TextIban(language),
        TextCard(language, ["carte", "card", "cb", "visa", "mastercard", "amex", "bancaire", "credit", "crédit"]),
        TextPhone(language, [word for word in PHONE_CONTEXT if word not in WEAK_CONTEXT]),
    ]
