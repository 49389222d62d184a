"""The spellings of addresses and names: forms on which those of a mail header and those of a table meet.

Pure functions without a key: `pipelines.subjects` makes digests of what they return, and `connectors.sql.spelling` has
stores compute the same. Whoever has the same canonical form has the same loose form.
"""

from __future__ import annotations

import re
import unicodedata

import idna

BLANKS = " \t\n\v\f\r\u00a0\u202f\u200b\ufeff"
"""What is stripped around an address: what spreadsheets and mail programs leave there."""

DOTLESS = {"gmail.com": "gmail.com", "googlemail.com": "gmail.com"}
"""Providers where dots and a plus-part name the same mailbox, and their one domain: Google says so of consumer
accounts (not of its customers' own domains, where only a weak match may assume it)."""

PLUS = frozenset({
    "outlook.com", "outlook.fr", "outlook.be", "hotmail.com", "hotmail.fr", "hotmail.be", "hotmail.co.uk", "live.com",
    "live.fr", "live.be", "live.co.uk", "msn.com", "fastmail.com", "fastmail.fm", "proton.me", "protonmail.com",
    "protonmail.ch", "pm.me", "icloud.com", "me.com", "mac.com",
})  # fmt: skip
"""Providers where a plus-part names the same mailbox, and no account may have a plus in its name."""

SAME_HOUSE = DOTLESS | {
    "protonmail.com": "proton.me", "protonmail.ch": "proton.me", "pm.me": "proton.me", "me.com": "icloud.com",
    "mac.com": "icloud.com",
}  # fmt: skip
"""Domains of one provider under which a name is given only once, as far as is known: a weak match."""

ANY = "*"
"""In a loose form, for every local part or domain that is not plain ASCII: engines spell those in several ways."""

ACCENTS = str.maketrans(
    "ÀÁÂÃÄÅÇÈÉÊËÌÍÎÏÑÒÓÔÕÖÙÚÛÜÝŸàáâãäåçèéêëìíîïñòóôõöùúûüýÿ\u2019'-",
    "aaaaaaceeeeiiiinooooouuuuyyaaaaaaceeeeiiiinooooouuuuyy   ",
)
LIGATURES = {"Œ": "oe", "œ": "oe", "Æ": "ae", "æ": "ae", "ß": "ss"}

_ATOM = re.compile(r"[a-z0-9!#$%&'*/=?^_`{|}~+-]+(\.[a-z0-9!#$%&'*/=?^_`{|}~+-]+)*")


def canonical_email(text: str) -> str:
    """An address stripped, in lower case, its domain in the ASCII form of IDNA 2008, as its provider delivers it.

    Quotes that change nothing go (RFC 5322, 3.4.1), and so does a domain's last dot. A domain that IDNA does not allow
    stays as it is: the address then matches its exact spelling only.
    """
    local, at, domain = unicodedata.normalize("NFC", text).strip(BLANKS).lower().rpartition("@")
    if not at:
        return domain
    if local.startswith('"') and _ATOM.fullmatch(local[1:-1]):
        local = local[1:-1]
    domain = _ascii_domain(domain.rstrip("."))
    if "@" not in local:
        local, domain = _delivered(local, domain)
    return f"{local}@{domain}"


def loose_email(text: str) -> str:
    """The address without plus-part and dots in its local part: a weak match, since providers differ."""
    form = canonical_email(text)
    if form.count("@") != 1:
        return form
    local, _, domain = form.partition("@")
    bare = local.partition("+")[0].replace(".", "") or local
    spelled = text.strip(BLANKS).rpartition("@")[0]
    if not (local.isascii() and spelled.isascii()):
        bare = ANY
    international = not domain.isascii() or any(label.startswith("xn--") for label in domain.split("."))
    return f"{bare}@{ANY if international else SAME_HOUSE.get(domain, domain)}"


def folded(text: str) -> str:
    """A text in lower case without the accents of Latin letters; hyphens and apostrophes are spaces."""
    for ligature, letters in LIGATURES.items():
        text = text.replace(ligature, letters)
    return text.translate(ACCENTS).lower()


def _delivered(local: str, domain: str) -> tuple[str, str]:
    """The mailbox to which the provider delivers, where its rules are known."""
    if domain in DOTLESS:
        return local.partition("+")[0].replace(".", "") or local, DOTLESS[domain]
    if domain in PLUS:
        return local.partition("+")[0] or local, domain
    return local, domain


def _ascii_domain(domain: str) -> str:
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        return domain
