"""Canonical forms of what identifies a person, and their keyed digests.

A subject key from a mail header and one from a table meet on the digest of the same canonical form; what a store's own
engine computes (`connectors.sql.spelling`) is the same for every address in ASCII. Where an engine cannot follow (IDNA,
Unicode's cases and compositions), the *loose* forms meet. Loose and *name* forms make weak matches: they may prolong
a period as a doubt, and never move a clock or destroy.
"""

from __future__ import annotations

import re
import unicodedata

from connectors.digests import DigestKey
from connectors.spelling import canonical_email, folded, loose_email

MATCHING = 3
"""Raised whenever these forms, or what counts as a contact, change: an index of other rules does not answer then."""

FORMS = 2
"""Raised whenever a canonical form of an address changes: a digest that was kept of an older one may match nobody."""

SEPARATOR = "\x1f"
"""Between scope, kind and canonical form: the ASCII unit separator, which occurs in none of them."""

_VIA = re.compile(r"\s+\(?(via|par l.interm[ée]diaire de)\s.*$|\s*\([^()]*\)\s*$", re.IGNORECASE)
_TITLE = re.compile(r"^(m|mr|mrs|ms|mme|mlle|dr|pr|prof|me|maitre)\.?\s+(?=\S+\s+\S)", re.IGNORECASE)


def canonical_name(text: str) -> str:
    """A display name in lower case without accents, hyphens, quotes, titles and "via …", in the order of speech.

    "Dupont, Anne" and "DUPONT Anne" are read as "Anne Dupont".
    """
    bare = unicodedata.normalize("NFC", text).strip().strip("\"'").strip()
    bare = _VIA.sub("", bare).strip().strip("\"'").strip()
    last, comma, first = bare.partition(",")
    ordered = f"{first} {last}" if comma and "," not in first else _spoken(bare)
    return " ".join(_TITLE.sub("", folded(ordered).strip()).split())


def canonical(kind: str, text: str) -> str:
    """The canonical form for a kind of subject key: `email`, `name`; any other key is stripped and in lower case."""
    if kind == "email":
        return canonical_email(text)
    if kind == "name":
        return canonical_name(text)
    return text.strip().lower()


def subject_digest(key: DigestKey, scope: str, kind: str, text: str) -> str:
    """The keyed digest by which stores meet on a person within a scope (a tenant); ``text`` need not be canonical."""
    return digest_canonical(key, scope, kind, canonical(kind, text))


def digest_canonical(key: DigestKey, scope: str, kind: str, form: str) -> str:
    """The keyed digest of a form that is canonical already."""
    return key.digest(f"{scope}{SEPARATOR}{kind}{SEPARATOR}{form}")


def _spoken(name: str) -> str:
    """A name whose first words are in capitals and others are not has its family name in front."""
    words = name.split()
    capitals = next((n for n, word in enumerate(words) if not (word.isupper() and len(word) > 1)), len(words))
    if 0 < capitals < len(words) and not words[0].endswith("."):
        words = words[capitals:] + words[:capitals]
    return " ".join(words)


__all__ = ["FORMS", "MATCHING", "SEPARATOR", "canonical", "canonical_email", "canonical_name", "digest_canonical",
           "loose_email", "subject_digest"]  # fmt: skip
