"""What a column's name says, read as tokens in French and English, never as substrings.

A rule is a set of tokens that must all be in the name; the rule with the most tokens wins, then the earlier one.
Vetoes are tokens that make a name speak of something else than the person: an id, a flag, a count, a company.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import dataclass

from pipelines.classify import categories as c
from pipelines.classify.lexicon import COMPANY_TOKENS, GLUED, NOT_PERSONAL, ORGANISATIONS, RULES, TEXTS, VETOES


@dataclass(frozen=True, slots=True)
class NameEvidence:
    """What a name speaks for. A ``weak`` name needs support from the values or from the table."""

    category: str | None
    tokens: tuple[str, ...]
    weak: bool = False
    veto: bool = False


NOTHING = NameEvidence(None, ())


@functools.lru_cache(maxsize=10_000)
def tokens(name: str) -> tuple[str, ...]:
    """A name's tokens: lower case, without accents, split at case changes and punctuation; glued words apart."""
    plain = "".join(ch for ch in unicodedata.normalize("NFKD", name) if not unicodedata.combining(ch))
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=\d)", " ", plain)
    found: list[str] = []
    for word in re.findall(r"[a-z]+|\d+", spaced.lower()):
        found.extend(GLUED.get(word, (word,)))
    return tuple(found)


def read(name: str) -> NameEvidence:
    """The evidence in a column's name."""
    words = set(tokens(name))
    best: tuple[frozenset[str], str, bool] | None = None
    for needed, category, weak in RULES:
        if needed <= words and (best is None or len(needed) > len(best[0])):
            best = (needed, category, weak)
    vetoing = tuple(sorted(words & VETOES - (best[0] if best else frozenset())))
    if best is None or vetoing:
        said = vetoing or tuple(sorted(words & NOT_PERSONAL))
        return NameEvidence(None, said, veto=bool(said))
    needed, category, weak = best
    if words & COMPANY_TOKENS and category != c.WORKPLACE and not needed & COMPANY_TOKENS:
        return NameEvidence(None, tuple(sorted(words & COMPANY_TOKENS)), veto=True)
    return NameEvidence(category, tuple(sorted(needed)), weak=weak)


def says_text(name: str) -> tuple[str, ...]:
    """The tokens of a name that announce free text."""
    return tuple(sorted(set(tokens(name)) & TEXTS))


def is_organisation(table: str) -> bool:
    """Whether a table's name says that its rows are organisations, places or goods, not persons."""
    words = tokens(table.rpartition(".")[2])
    return bool(words) and bool(_singular(set(words)) & ORGANISATIONS)


def _singular(words: set[str]) -> set[str]:
    return (
        words
        | {word[:-1] for word in words if word.endswith("s")}
        | {word[:-3] + "y" for word in words if word.endswith("ies")}
    )
