"""Names of persons in a text, from what the models say of its words.

A word is part of a name by the token classifier's probability, moved by what spaCy says of it. Names are then put
together: particles inside, degrees behind; titles stay outside, since `Mme` tells of nobody in particular.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Sequence

from pipelines.classify.text_words import HEADS, Word
from pipelines.classify.vocabularies import first_names, last_names, plain
from pipelines.classify.wording import words

NAMES = ("GIVEN_NAME", "SURNAME")

THRESHOLD = 0.5
"""The evidence from which a word is part of a name."""

FEWEST = 0.02
"""The probability below which nothing makes a name of a word."""

BESIDE = 0.08
"""The probability that is enough right beside a name, for a word written like it."""

AGREES, ORGANISATION, ELSE = 1.5, -0.7, -0.6
"""How spaCy moves the evidence, in log-odds: it sees a person too; an organisation; a place or some other thing."""

LOWER_CASE = -3.0
"""How lower case moves it in a text that has capitals."""

FIRST_NAME, LAST_NAME = 1.5, 0.7
"""How it moves the evidence that persons bear the name, where capitals tell names from words."""

HEARD_OF = 0.02
"""The probability that a name which persons bear has at least."""

PLACES = ("STREET_NAME", "CITY", "STATE")

ELSEWHERE = 0.5
"""The probability of being a place from which what follows a particle is none of the name: `Marie de Paris`."""

ALSO_NAMES = words(
    "jordan jordanie chad georgia israel israël france india kenya china chile guinea paris maurice dominique"
)
"""Countries and persons: with these, a name is believed from `SURE` on; with other countries, never alone."""

SURE = 0.95

TITLES = words(
    "mr mrs ms miss mx dr prof sir madam lord lady rev m mm mme mmes mlle mlles me madame monsieur mademoiselle "
    "messieurs mesdames maître docteur professeur doctor professor"
)
_FORMULAS = words(
    "bonjour bonsoir salut coucou bonne bonnes bon belle cher chère chers chères merci cordialement amicalement "
    "respectueusement sincèrement salutations dear hello hi hey thanks thank regards sincerely cheers best kind good"
)
"""How letters begin and end, whatever the models take it for."""

_DEGREES = words("jr sr md phd dds dvm esq mba ii iii iv")
_SHORTENED = words("jr sr esq")
_PARTICLES = words(
    "van der den de la du des von zu zum di da do dos das del della dello el al bin ben ibn ould le y e ter ten av af "
    "d l st"
)
_COMPANY = words(
    "ltd limited inc corp corporation company co group groupe llc llp plc gmbh ag kg bv nv sa sas sarl sasu eurl srl "
    "spa associates partners bank banque fund institute institut university université foundation fondation services "
    "consulting holding technologies solutions industries media"
)
_PERSON = frozenset({"PERSON", "PER"})
_ELSE = frozenset({"GPE", "LOC", "FAC", "NORP", "PRODUCT", "WORK_OF_ART", "EVENT", "LAW", "DATE", "MISC"})
_BETWEEN = re.compile(r"[ \t\u00a0\ufeff\u200b]{1,3}|[ \t]?\.[ \t]?")
_TO_DEGREE = re.compile(r",? ")
_COMPANY_BEFORE = words("société société sté entreprise cabinet groupe compagnie maison company firm")
_AND_SONS = re.compile(
    r",? (?:&|et|and) (?:fils|associés|cie|co|sons|partners|associates|company|brothers|frères)\b", re.IGNORECASE
)
_SAINT = words("st saint sainte san santa")
_FIRM = re.compile(
    r"\b(?:[Tt]he|[Aa]t|[Ff]rom|[Ww]ith|[Bb]y|[Oo]f|[Cc]hez) "
    r"([A-Z][\w'-]+, [A-Z][\w'-]+,? (?:and|et|&) [A-Z][\w'-]+)(?! [A-Z])"
)
"""Three surnames behind a word that leads to a firm: `the offices of Hoover, Morris and Johnson`."""

_FIRM_LONGEST = 60
_TO_COMPANY = re.compile(r",? (?:& )?")
_ADDRESSED = frozenset({",", ":"})
_WRAPPED = re.compile(r"[ \t]*\n[ \t]*")
_LINE_FULL = 50


Name = tuple[int, int, float]
"""Where a name is, and how sure that is (0 to 1)."""


def names_in(
    text: str, said: Sequence[Word], countries: Sequence[tuple[int, int]] = ()
) -> tuple[list[Name], list[Name]]:
    """The names of persons, and those that are a company's. ``countries``: the first and last word of each country."""
    mixed = any(word.text[0].islower() for word in said) and any(word.text[0].isupper() for word in said)
    evidence = [_evidence(word, mixed=mixed, first=_first(text, word)) for word in said]
    for first, last in countries:
        if first != last or not _also_name(said, first):
            evidence[first : last + 1] = [0.0] * (last + 1 - first)
    persons: list[Name] = []
    companies: list[Name] = []
    at = 0
    while at < len(said):
        if evidence[at] < THRESHOLD or _half(said, evidence, at):
            at += 1
            continue
        last = _end_of_name(text, said, evidence, at)
        end = said[last].end
        shortened = last > at and said[last].plain in _SHORTENED and text[end : end + 1] == "."
        score = sum(evidence[at : last + 1]) / (last + 1 - at)
        name = said[at].start, end + 1 if shortened else end, min(max(score, THRESHOLD), 1.0)
        (companies if _company(text, said, at, last) else persons).append(name)
        at = last + 1
    return persons, companies


def _also_name(said: Sequence[Word], place: int) -> bool:
    """Whether a country's name is a person's here: the token classifier is sure, or a surname follows."""
    word, after = said[place], said[place + 1] if place + 1 < len(said) else None
    if word.plain not in ALSO_NAMES:
        return False
    surname = after is not None and after.capital == word.capital and after.share("SURNAME") >= THRESHOLD
    return word.share(*NAMES) >= SURE or (surname and after is not None and word.end + 1 == after.start)


def _first(text: str, word: Word) -> bool:
    """Whether a word begins a sentence or a line, where a capital says nothing, and is not addressed (`Paul, come`)."""
    before = text[max(word.start - 3, 0) : word.start].rstrip(" \t\"'(\u00ab")
    return (not before or before[-1] in ".!?:\n") and text[word.end : word.end + 1] not in _ADDRESSED


def _half(said: Sequence[Word], evidence: Sequence[float], place: int) -> bool:
    """Whether a word in lower case stands right behind a name with a capital, which it would go on with otherwise."""
    before = said[place - 1] if place else None
    return before is not None and before.capital and not said[place].capital and evidence[place - 1] >= THRESHOLD


def _evidence(word: Word, *, mixed: bool, first: bool) -> float:
    """How likely a word is part of a name, by the token classifier, by spaCy, and by what persons are called."""
    probability = word.share(*NAMES)
    borne = _borne(word) if mixed and word.capital and not first else 0.0
    if borne:
        probability = max(probability, HEARD_OF)
    if (
        word.plain in TITLES
        or word.plain in HEADS
        or (first and word.plain in _FORMULAS)
        or _lone(word)
        or not any(ch.isalpha() for ch in word.text)
        or any(ch.isdigit() for ch in word.text)
    ):
        return 0.0
    if probability < FEWEST:
        return probability
    odds = math.log(probability / max(1 - probability, 0.01))
    odds += borne
    if word.entity in _PERSON:
        odds += AGREES
    elif word.entity == "ORG":
        odds += ORGANISATION
    elif word.entity in _ELSE:
        odds += ELSE
    if mixed and not word.capital:
        odds += LOWER_CASE
    return 1 / (1 + math.exp(-odds))


@functools.lru_cache(maxsize=20_000)
def _plain(text: str) -> str:
    return plain(text)


def _borne(word: Word) -> float:
    """What it says that persons bear the name: first names are rarely anything else, surnames often are."""
    bare = _plain(word.text)
    if bare in first_names():
        return FIRST_NAME
    return LAST_NAME if bare in last_names() else 0.0


def _end_of_name(text: str, said: Sequence[Word], evidence: Sequence[float], first: int) -> int:
    """The last word of the name that begins at ``first``."""
    last = first
    while last + 1 < len(said):
        after = last + 1
        while after < len(said) and said[after].plain in _PARTICLES and _joined(text, said, after):
            after += 1
        if after < len(said) and _joined(text, said, after) and _goes_on(said, evidence, last, after):
            last = after
        elif said[last + 1].plain in _DEGREES and _TO_DEGREE.fullmatch(_gap(text, said, last + 1)):
            last += 1
        else:
            break
    return last


def _goes_on(said: Sequence[Word], evidence: Sequence[float], last: int, after: int) -> bool:
    return _continues(said[last], said[after], evidence[after], particle=after > last + 1)


def _continues(name: Word, word: Word, evidence: float, *, particle: bool) -> bool:
    """Whether a word goes on with a name: written like it, and with some evidence; less of it behind a particle."""
    if word.capital != name.capital or word.plain in TITLES or not word.text[0].isalpha() or _lone(word):
        return False
    if particle and word.capital and word.text[0].isupper():
        return evidence >= THRESHOLD or word.share(*PLACES) < ELSEWHERE
    together = word.capital and bool(word.entity) and word.entity == name.entity and _plain(name.text) in first_names()
    return evidence >= THRESHOLD or word.share(*NAMES) >= BESIDE or (together and word.text[0].isupper())


def _lone(word: Word) -> bool:
    """A letter of a script without capitals, alone among Latin ones: what broken encodings leave."""
    return len(word.text) == 1 and word.text.lower() == word.text.upper()


def _joined(text: str, said: Sequence[Word], place: int) -> bool:
    """Whether a word follows the one before in the same name: beside it, or on the next line of a wrapped text."""
    gap = _gap(text, said, place)
    if _BETWEEN.fullmatch(gap):
        return True
    start = said[place - 1].end
    full = start - (text.rfind("\n", 0, start) + 1) >= _LINE_FULL
    # A surname behind a first name at the end of a full line; two lines of an address block are two things.
    return full and bool(_WRAPPED.fullmatch(gap)) and said[place].share("SURNAME") >= THRESHOLD


def _company(text: str, said: Sequence[Word], first: int, last: int) -> bool:
    """Whether what stands around makes a company of the name (`Hubbard Ltd.`, `la société Arnaud`), or a saint's."""
    if any(_form(word) in _COMPANY for word in said[first : last + 1]):
        return True
    if first and said[first - 1].plain in _COMPANY_BEFORE and _gap(text, said, first) == " ":
        return True
    if first == last and ((first and said[first - 1].plain in _SAINT) or _two_surnames(text, said, first)):
        return True
    after = last + 1
    if after < len(said) and _form(said[after]) in _COMPANY and _TO_COMPANY.fullmatch(_gap(text, said, after)):
        return True
    while after < len(said) and said[after].text[0].isupper() and _gap(text, said, after) == " ":
        if _form(said[after]) in _COMPANY:
            return True
        after += 1
    return bool(_AND_SONS.match(text, said[last].end)) or any(
        match.start(1) <= said[first].start and said[last].end <= match.end(1) and not _first_names(match[1])
        for match in _FIRM.finditer(text, max(said[first].start - _FIRM_LONGEST, 0), said[last].end + _FIRM_LONGEST)
    )


def _two_surnames(text: str, said: Sequence[Word], place: int) -> bool:
    """Two surnames joined, alone and without a title, and spaCy sees no person: `Becker-Shaffer`."""
    word = said[place]
    titled = place > 0 and said[place - 1].plain in TITLES and len(_gap(text, said, place)) <= len(". ")
    joined = re.fullmatch(r"([^\W\d_]{3,})-([^\W\d_]{3,})", word.text)
    return bool(joined) and word.entity not in _PERSON and not titled and not _first_names(word.text.replace("-", " "))


def _first_names(said: str) -> bool:
    """Whether most of some words are first names."""
    listed = [each for each in re.findall(r"[^\W\d_]+", said) if each[0].isupper()]
    return 2 * sum(_plain(each) in first_names() for each in listed) > len(listed)


def _form(word: Word) -> str:
    return word.plain.replace(".", "")


def _gap(text: str, said: Sequence[Word], place: int) -> str:
    return text[said[place - 1].end : said[place].start]
