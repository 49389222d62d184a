"""What a column's name says, read as words in French and English, never as substrings.

A rule is a set of words that must all be in the name; the rule with the most words wins, then the strong before the
weak, then the earlier one. Vetoes are words that make a name speak of something else than the person: an id, a flag,
a count, a company.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipelines.classify import categories as c
from pipelines.classify.lexicon import PERSON, Rule, lexicon

MOST_PARTS = 4
"""Words that are looked for in one that was written together."""

LONGEST = 64
"""Letters above which a word is left whole: no name of a column, but a key of a JSON object may be of any length."""


@dataclass(frozen=True, slots=True)
class NameEvidence:
    """What a name speaks for. A ``weak`` name needs support from the values or from the table.

    ``veto``: it speaks of something else than a person; ``theirs``: of a company's.
    """

    category: str | None
    tokens: tuple[str, ...]
    weak: bool = False
    veto: bool = False
    theirs: bool = False


FEW = 4
"""Columns below which a table's columns have nothing in common."""

COMMON = 0.6
"""The share of a table's columns that a word must begin or end for it to say what the table is about."""

_FORMS = frozenset({"label", "code"})
"""What a thing is written as: `lib_grade` and `cd_grade` are grades."""

NOTHING = NameEvidence(None, ())


@functools.lru_cache(maxsize=10_000)
def tokens(name: str) -> tuple[str, ...]:
    """A name's words: lower case, without accents, split at case changes and punctuation; glued words apart."""
    plain = "".join(ch for ch in unicodedata.normalize("NFKD", name) if not unicodedata.combining(ch))
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=\d)", " ", plain)
    return tuple(part for word in re.findall(r"[a-z]+|\d+", spaced.lower()) for part in _apart(word))


def _apart(word: str) -> tuple[str, ...]:
    """A word that was written together, as its parts: `dtnais` is `dt nais`; whole where not all parts are known."""
    said = lexicon()
    if word in said.glued:
        return said.glued[word]
    if said.singular(word) in said.known or not 5 <= len(word) <= LONGEST:  # noqa: PLR2004 - `id` and a word
        return (word,)
    best: list[tuple[str, ...] | None] = [()] + [None] * len(word)
    for end in range(1, len(word) + 1):
        for start in range(end):
            before = best[start]
            known = word[start:end] in said.parts or (end == len(word) and said.singular(word[start:end]) in said.parts)
            if before is not None and known and len(before) < MOST_PARTS:
                longer = (*before, word[start:end])
                present = best[end]
                if present is None or len(longer) < len(present):
                    best[end] = longer
    return best[-1] or (word,)


@functools.lru_cache(maxsize=10_000)
def meanings(token: str) -> frozenset[str]:
    """A word, and the concepts that it stands for."""
    said = lexicon()
    word = said.singular(token)
    return frozenset({token, word}) | said.meanings.get(word, frozenset())


@functools.lru_cache(maxsize=10_000)
def read(name: str, common: frozenset[str] = frozenset()) -> NameEvidence:
    """The evidence in a column's name, without the words that the table's columns have in ``common``."""
    whole = _read(tokens(name))
    rest = tuple(word for word in tokens(name) if word not in common)
    if len(rest) in {0, len(tokens(name))}:
        return whole
    apart = _read(rest)
    return whole if whole.category and not whole.weak and not apart.category else apart


def _read(words: tuple[str, ...]) -> NameEvidence:
    said = lexicon()
    meant = frozenset[str]().union(*map(meanings, words)) if words else frozenset[str]()
    rule = max((each for each in said.rules if each.needed <= meant), key=_precedence, default=None)
    used = {word for word in words if rule and meanings(word) & rule.needed}
    rest = {said.singular(word) for word in words if word not in used}
    vetoing = rest & said.vetoes
    if rule is None or vetoing:
        why = vetoing or meant & (said.neutral | said.companies)
        return NameEvidence(None, tuple(sorted(why)), veto=bool(why), theirs=bool(meant & said.companies))
    theirs = _theirs(rule, meant, rest) or _of_things(rule, meant, rest)
    if theirs:
        return NameEvidence(None, tuple(sorted(theirs)), veto=True, theirs=bool(theirs & said.companies))
    return NameEvidence(rule.category, tuple(sorted(used)), weak=rule.weak)


def _precedence(rule: Rule) -> tuple[int, bool, bool]:
    """Among the rules that match: `max` keeps the earliest of equals."""
    return len(rule.needed), not rule.weak, PERSON not in rule.needed


def _theirs(rule: Rule, meant: frozenset[str], rest: set[str]) -> frozenset[str]:
    """The words of a company that the name is about, unless it is about somebody there or where somebody works."""
    if rule.category == c.WORKPLACE or PERSON in meant:
        return frozenset()
    return frozenset(rest & lexicon().companies)


def _of_things(rule: Rule, meant: frozenset[str], rest: set[str]) -> frozenset[str]:
    """The words that make a doubtful name one of goods (`product_name`), or of a number (`client_code`)."""
    said = lexicon()
    if not rule.weak:
        return frozenset()
    if rule.needed == {PERSON}:
        return frozenset(rest & (said.neutral | said.texts) - said.things)
    forms = {word for word in rest if meanings(word) & _FORMS} if rule.category != c.NAME else set()
    return frozenset() if PERSON in meant else frozenset((rest - forms) & (said.things | said.neutral))


def common_words(columns: Sequence[str]) -> frozenset[str]:
    """The words with which most of a table's columns begin or end, unless they speak for a category: `cli`, `usr`."""
    if len(columns) < FEW:
        return frozenset()
    ends: Counter[str] = Counter()
    for column in columns:
        words = [word for word in tokens(column) if not word.isdigit()]
        ends.update({words[0], words[-1]} if len(words) > 1 else ())
    often = (word for word, count in ends.items() if count >= COMMON * len(columns))
    return frozenset(word for word in often if read(word).weak or not read(word).category)


def is_bare(name: str) -> bool:
    """Whether a name says no more than that it is somebody's name: `nom`, `NomCli`, `customer_name`."""
    bare = {"name", PERSON, "label"}
    words = [word for word in tokens(name) if not word.isdigit()]
    return any("name" in meanings(word) for word in words) and all(bare & meanings(word) for word in words)


def meant(name: str) -> frozenset[str]:
    """All that a name's words stand for."""
    return frozenset[str]().union(*map(meanings, tokens(name)))


def roles(name: str) -> frozenset[str]:
    """The words of a name that are persons' roles."""
    return frozenset(word for word in tokens(name) if PERSON in meanings(word))


def says_text(name: str, common: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """The words of a name that announce free text, without those that the table's columns have in ``common``."""
    words = set(tokens(name)) - common or set(tokens(name))
    return tuple(sorted(word for word in words if lexicon().singular(word) in lexicon().texts))


@dataclass(frozen=True, slots=True)
class TableName:
    """What a table is about, by its name: persons, bodies (companies, places), other things; or several of these.

    ``transactions``: orders, visits and the like, which are about whoever takes part.
    """

    persons: bool
    bodies: bool
    things: bool
    transactions: bool

    @property
    def elsewhere(self) -> bool:
        """It is about goods or bodies, and no persons."""
        return (self.bodies or self.things) and not self.persons


def read_table(table: str, common: Iterable[str] = ()) -> TableName:
    """What a table's name says; ``common`` are words that most of its columns share."""
    said = lexicon()
    words = {said.singular(word) for word in (*tokens(table.rpartition(".")[2]), *common)}
    things = words & said.things - said.transactions
    bodies = bool(words & (said.companies | said.bodies))
    return TableName(bool(words & said.persons), bodies, bool(things), bool(words & said.transactions))


def points_at_person(name: str) -> bool:
    """Whether a column is the number or id of a person: `customer_id`, `cd_cli`, `matricule_agent`."""
    words = {lexicon().singular(word) for word in tokens(name)}
    identifying = {
        "id",
        "uuid",
        "fk",
        "code",
        "cod",
        "cd",
        "num",
        "numero",
        "no",
        "nr",
        "number",
        "ref",
        "matricule",
        "key",
    }
    return bool(words & lexicon().persons) and bool(words & identifying)
