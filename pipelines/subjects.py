"""Canonical forms of what identifies a person, and their keyed digests.

A subject key from a mail header and one from a table meet on the digest of the same canonical form. In a store's
own engine the canonical form is `lower(trim(x))`; what Python does beyond that concerns the spellings that mail
headers have and tables do not (folded white space, internationalised domains). The *loose* and *name* forms make
weak matches: they may prolong a period as a doubt, and never move a clock or destroy.
"""

from __future__ import annotations

import unicodedata

import idna

from connectors.digests import DigestKey

SEPARATOR = "\x1f"
"""Between scope, kind and canonical form: the ASCII unit separator, which occurs in none of them."""

_SAME_PROVIDER = {"googlemail.com": "gmail.com"}


def canonical_email(text: str) -> str:
    """An address stripped, in lower case, its domain in the ASCII form of IDNA 2008.

    A domain that IDNA does not allow stays as it is: the address then matches its exact spelling only.
    """
    local, at, domain = unicodedata.normalize("NFC", text).strip().lower().rpartition("@")
    if not at:
        return domain
    return f"{local}@{_ascii_domain(domain)}"


def email_forms(text: str) -> frozenset[str]:
    """Every form under which a store's `lower(trim(x))` may spell the address: ASCII and Unicode domain."""
    canonical = canonical_email(text)
    local, at, domain = canonical.rpartition("@")
    try:
        return frozenset({canonical, f"{local}{at}{idna.decode(domain)}"})
    except idna.IDNAError:
        return frozenset({canonical})


def loose_email(text: str) -> str:
    """The canonical address without plus-part and dots in its local part: a weak match, since providers differ."""
    local, at, domain = canonical_email(text).rpartition("@")
    if not at:
        return domain
    bare = local.partition("+")[0].replace(".", "")
    return f"{bare or local}@{_SAME_PROVIDER.get(domain, domain)}"


def canonical_name(text: str) -> str:
    """A display name in lower case with single spaces; quotes go, and "Dupont, Anne" is read as "Anne Dupont"."""
    bare = unicodedata.normalize("NFC", text).strip().strip("\"'").strip()
    last, comma, first = bare.partition(",")
    ordered = f"{first} {last}" if comma and "," not in first else bare
    return " ".join(ordered.lower().split())


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


def _ascii_domain(domain: str) -> str:
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        return domain
