"""Presidio recognizers: its generic ones, set right for French, and those that it lacks for France.

Imported only by `pipelines.classify.engine`: it loads Presidio.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import tldextract
from presidio_analyzer import EntityRecognizer, Pattern, PatternRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts
from presidio_analyzer.predefined_recognizers import (
    CreditCardRecognizer,
    EmailRecognizer,
    IbanRecognizer,
    IpRecognizer,
    MacAddressRecognizer,
    PhoneRecognizer,
)
from stdnum import iban
from stdnum.fr import nif, nir, siren, siret, tva

REGIONS = ("FR", "BE", "CH", "LU", "GB", "US")
PHONE_CONTEXT = [
    *("phone", "telephone", "tel", "téléphone", "tél", "mobile", "portable", "cell", "call", "appeler", "appelez"),
    *("joindre", "fixe", "gsm", "fax", "whatsapp", "numéro", "number", "contact", "ligne", "poste", "standard"),
]
MOST = 0.8
"""The share of a line that a number must cover for no other region to be asked."""

_PHONE_GATE = re.compile(r"(?:\+|\(|\b)\d(?:[\s.\-/()]{0,3}\d){6,14}")
_PHONE_SHAPE = re.compile(r"^\+|^\(|^0|[\s.\-/()]")

_CALENDAR = re.compile(r"(?:19|20)\d{2}[-/.](?:0[1-9]|1[0-2])[-/.]\d{2}|\d{2}[/.]\d{2}[/.](?:19|20)\d{2}")

_STREET_FR = (
    r"rue|avenue|av\.?|boulevard|bd\.?|blvd\.?|place|pl\.?|all[ée]es?|chemin|ch\.|impasse|imp\.?|route|rte\.?|quai|cours|"
    r"square|passage|villa|sentier|ruelle|faubourg|fg|esplanade|promenade|mont[ée]e|lotissement|r[ée]sidence|hameau|"
    r"lieu-dit|cit[ée]|rond-point|venelle|traverse"
)
_STREET_EN = (
    r"Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Court|Ct|Boulevard|Blvd|Way|Close|Crescent|Square|Terrace|Place|Pl|"
    r"Highway|Hwy|Parkway|Pkwy|Circle|Row|Mews|Hill|Gardens"
)
_PARTICLES = r"(?:de|du|des|la|le|les|l|d|et|en|sur|sous|aux?|à)"


class Email(EmailRecognizer):
    """Presidio's e-mail recognizer, with the public-suffix list that tldextract ships: nothing is fetched.

    An address under an unknown suffix (`.example`, a company's own) keeps the pattern's score.
    """

    _SUFFIXES = tldextract.TLDExtract(cache_dir=None, suffix_list_urls=())

    def validate_result(self, pattern_text: str) -> bool | None:
        """True under a public suffix, False without a plausible domain, else undecided."""
        domain = pattern_text.rpartition("@")[2]
        if self._SUFFIXES(domain).fqdn:
            return True
        return None if re.search(r"\.[^\W\d_]{2,}$", domain) else False


class Phone(PhoneRecognizer):
    """Presidio's phone recognizer for single values: only on lines with enough digits, in the first region that fits.

    A bare run of digits (an order number) scores lower, and needs a word of context beside it.
    """

    BARE = 0.25

    def __init__(self, **options: Any) -> None:
        super().__init__(supported_regions=REGIONS, **options)
        self._regional: list[Any] = [PhoneRecognizer(supported_regions=(region,), **options) for region in REGIONS]

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """The numbers of the text."""
        found: list[RecognizerResult] = []
        start = 0
        for line in text.splitlines(keepends=True):
            if _PHONE_GATE.search(line):
                for result in self._in_first_region(line, entities, nlp_artifacts):
                    if _CALENDAR.match(line[result.start : result.end]):
                        continue
                    if not _PHONE_SHAPE.search(line[result.start : result.end]):
                        result.score = self.BARE
                    # Presidio drops the results of recognizers that its registry does not know.
                    result.recognition_metadata[RecognizerResult.RECOGNIZER_IDENTIFIER_KEY] = self.id
                    result.start += start
                    result.end += start
                    found.append(result)
            start += len(line)
        return found

    def _in_first_region(
        self, line: str, entities: list[str], nlp_artifacts: NlpArtifacts | None
    ) -> list[RecognizerResult]:
        """What Presidio finds for one region after another, until it has most of the line: each costs as much."""
        best: list[RecognizerResult] = []
        for each in self._regional:
            found = each.analyze(line, entities, nlp_artifacts)
            if _covered(found) > _covered(best):
                best = found
            if _covered(best) >= MOST * len(line.strip()):
                break
        return best


def _covered(found: Sequence[RecognizerResult]) -> int:
    return sum(result.end - result.start for result in found)


class Checked(PatternRecognizer):
    """A pattern whose matches a check confirms or drops; one that is ``doubtful`` still needs context when valid."""

    def __init__(self, entity: str, pattern: str, check: Any, *, doubtful: bool = False, **options: Any) -> None:
        self._check = check
        self._doubtful = doubtful
        score = 0.3 if doubtful else 0.6
        super().__init__(
            supported_entity=entity,
            patterns=[Pattern(entity.lower(), pattern, score)],
            name=f"{entity.title().replace('_', '')}Recognizer",
            **options,
        )

    def validate_result(self, pattern_text: str) -> bool | None:
        """What the check says; a doubtful pattern's valid match stays at its own score."""
        if not self._check(pattern_text):
            return False
        return None if self._doubtful else True


def _checked_without_gaps(check: Any) -> Any:
    """The check of a number whose groups may stand apart by any of the usual signs."""
    return lambda text: check(re.sub(r"[\s.\-]", "", text))


class Shape(PatternRecognizer):
    """Patterns without a checksum, where case matters."""

    def __init__(self, entity: str, patterns: Sequence[tuple[str, float]], **options: Any) -> None:
        super().__init__(
            supported_entity=entity,
            patterns=[Pattern(f"{entity.lower()}_{place}", *each) for place, each in enumerate(patterns)],
            name=f"{entity.title().replace('_', '')}Recognizer",
            global_regex_flags=re.MULTILINE,
            **options,
        )

    def analyze(
        self,
        text: str,
        entities: list[str],
        nlp_artifacts: NlpArtifacts | None = None,
        regex_flags: int | None = None,
    ) -> list[RecognizerResult]:
        """The matches, by this recognizer's own flags: upper case is evidence here."""
        return super().analyze(text, entities, nlp_artifacts, self.global_regex_flags or regex_flags)


def recognizers(language: str) -> list[EntityRecognizer]:
    """The pattern recognizers for one language. French identifiers appear in English texts too."""
    speaks: dict[str, Any] = {"supported_language": language}
    return [
        Email(**speaks),
        IbanRecognizer(**speaks),
        CreditCardRecognizer(**speaks, context=["carte", "card", "cb", "visa", "mastercard", "pan", "bancaire"]),
        IpRecognizer(**speaks),
        MacAddressRecognizer(**speaks),
        Phone(**speaks, context=PHONE_CONTEXT),
        *french(language),
        *addresses(language),
    ]


_GAP = r"[ .\-\u00a0\u202f]?"
"""What stands between the groups of a number."""


def _groups(*groups: str) -> str:
    """A number in groups that may stand apart."""
    return rf"\b{_GAP.join(groups)}\b"


def french(language: str) -> list[EntityRecognizer]:
    """The French identifiers."""
    speaks: dict[str, Any] = {"supported_language": language}
    return [
        Checked(
            "FR_NIR",
            _groups(
                "[1-478]", r"\d{2}", r"(?:0[1-9]|1[0-2]|[2-9]\d)", r"(?:\d{2}|2[AB])", r"\d{3}", r"\d{3}", r"\d{2}"
            ),
            _checked_without_gaps(nir.is_valid),
            **speaks,
            context=["sécurité", "sociale", "nir", "secu", "sécu", "ssn"],
        ),
        Checked(
            "FR_SPI",
            _groups(r"[0-3]\d", r"\d{2}", r"\d{3}", r"\d{3}", r"\d{3}"),
            _checked_without_gaps(nif.is_valid),
            doubtful=True,
            **speaks,
            context=["fiscal", "fiscale", "spi", "impôt", "impôts", "tax"],
        ),
        Checked(
            "FR_SIRET",
            _groups(r"\d{3}", r"\d{3}", r"\d{3}", r"\d{5}"),
            _checked_without_gaps(siret.is_valid),
            **speaks,
            context=["siret"],
        ),
        Checked(
            "FR_SIREN",
            _groups(r"\d{3}", r"\d{3}", r"\d{3}"),
            _checked_without_gaps(siren.is_valid),
            doubtful=True,
            **speaks,
            context=["siren", "rcs"],
        ),
        Checked(
            "FR_VAT",
            _groups("FR", "[0-9A-Z]{2}", r"\d{3}", r"\d{3}", r"\d{3}"),
            _checked_without_gaps(tva.is_valid),
            **speaks,
        ),
        Checked("IBAN_CODE", r"\bFR\d{2}(?:\s?[0-9A-Z]{4}){5}\s?[0-9A-Z]{3}\b", iban.is_valid, **speaks),
        Shape(
            "FR_PLATE",
            [(r"\b[A-HJ-NP-TV-Z]{2}[-\s][0-9]{3}[-\s][A-HJ-NP-TV-Z]{2}\b", 0.3)],
            **speaks,
            context=["immatriculation", "immatriculé", "immatriculée", "plaque", "véhicule", "voiture", "plate", "car"],
        ),
        # Without a checksum: worth nothing without a word beside them, or the name of their column.
        Shape(
            "FR_ID_CARD",
            [(r"\b\d{12}\b", 0.2), (r"\b(?=[A-Z0-9]*\d)(?=\d*[A-Z])[A-HJ-NP-Z0-9]{9}\b", 0.2)],
            **speaks,
            context=["identité", "identite", "cni", "cnie", "identity"],
        ),
        Shape("FR_PASSPORT", [(r"\b\d{2}[A-Z]{2}\d{5}\b", 0.25)], **speaks, context=["passeport", "passport"]),
        Shape(
            "FR_LICENCE",
            [(r"\b\d{12}\b", 0.2), (r"\b\d{2}[A-Z]{2}\d{5}\b", 0.2)],
            **speaks,
            context=["permis", "conduire", "licence", "license"],
        ),
    ]


_APOSTROPHE = "['\u2019]"
_WORD = rf"[^\W\d_](?:[\w.\-]|{_APOSTROPHE})*"
_CAPITALISED = rf"[A-ZÀ-Ý](?:[\w\-]|{_APOSTROPHE})*"
_LINK = rf"(?:{_PARTICLES}\s+|[ld]{_APOSTROPHE})"
_NUMBER = r"\b\d{1,4}(?:\s?(?:bis|ter|quater|[A-D]))?,?\s+"
_STREETS: tuple[tuple[str, float], ...] = (
    (rf"{_NUMBER}(?i:{_STREET_FR})\s+(?:{_LINK}*{_WORD}\s?){{1,5}}?(?=[,;\n.)]|\s\d{{5}}|$)", 0.6),
    (rf"{_NUMBER}(?i:{_STREET_FR})\s+{_LINK}{{0,2}}{_CAPITALISED}(?:\s{_CAPITALISED}){{0,3}}", 0.55),
    (rf"\b\d{{1,5}}[A-D]?\s+(?:[A-Z0-9](?:[\w.\-]|{_APOSTROPHE})*\s){{1,4}}(?:{_STREET_EN})\b\.?", 0.6),
)
_FRENCH_POSTCODE = (
    rf"\b(?:F-)?(?:0[1-9]|[1-8]\d|9[0-8])\d{{3}}\s+{_CAPITALISED}"
    rf"(?:[ \-](?:{_CAPITALISED}|[a-z]{{1,3}}(?=[ \-][A-ZÀ-Ý]))){{0,4}}"
)
_POSTCODES: tuple[tuple[str, float], ...] = (
    (_FRENCH_POSTCODE, 0.5),
    (r"\b[A-Z]{1,2}\d[A-Z\d]?\s\d[A-Z]{2}\b", 0.5),
    (r"\b[A-Z]{2}\s\d{5}(?:-\d{4})?\b", 0.5),
)
_BORN = "|".join(
    f"(?<={words})"
    for words in (
        *("née le ", "né le ", "naissance : ", "naissance: ", "naissance "),
        *("born on ", "born ", "birth: ", "birth ", "dob: ", "dob "),
    )
)
_DATE = (
    r"(?:\d{1,4}[/.\-]\d{1,2}[/.\-]\d{1,4}|\d{1,2}(?:er|st|nd|rd|th)?\s+[^\W\d_]{3,9}\s+\d{4}|"
    r"[A-Z][a-z]{2,8}\s\d{1,2},?\s\d{4})"
)


def addresses(language: str) -> list[EntityRecognizer]:
    """Street addresses, a postcode with its city, and dates that are said to be of birth."""
    speaks: dict[str, Any] = {"supported_language": language}
    return [
        Shape("STREET_ADDRESS", _STREETS, **speaks),
        Shape("POSTCODE_CITY", _POSTCODES, **speaks),
        Shape("DATE_OF_BIRTH", [(f"(?i:{_BORN}){_DATE}", 0.8)], **speaks),
    ]
